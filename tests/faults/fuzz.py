"""Fuzzes the readers, guided by what they run: `make fuzz KIND=plan SECONDS=600`, an optional job.

A file of the kind is written and changed by libFuzzer, which keeps what reaches new code of ours. A
reader must read it or raise an `InputError` or an `OSError`; anything else, five seconds, or two
gibibytes end the run with the file that did it. Needs `pip install atheris`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["rule_id", "tomllib"]):
    from hostile_kinds import NAMES, Kind, make_kinds
    from reader import readers

    from rule_id.errors import InputError

    READERS = readers()


def main() -> None:
    """Fuzz one kind of file for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        kind = make_kinds(Path(folder))[asked.kind]
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        (seeds / "plain").write_bytes(kind.plain)
        limits = [f"-max_total_time={asked.seconds}", "-timeout=5", "-rss_limit_mb=2048"]
        # Twice the length of the file: longer ones reach nothing else.
        limits.append(f"-max_len={2 * len(kind.plain)}")
        atheris.Setup([sys.argv[0], *limits, str(seeds)], lambda data: _read(kind, data))
        atheris.Fuzz()


def _read(kind: Kind, data: bytes) -> None:
    kind.file.write_bytes(kind.written(data))
    shutil.rmtree(kind.path.parent / "converted", ignore_errors=True)
    try:
        READERS[kind.reader](kind.path)
    except (InputError, OSError) as error:
        if "\n" in str(error):
            raise ValueError("refused in several lines") from error


if __name__ == "__main__":
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    main()
