"""How long a user waits for `rule-id --help` and `rule-id identify`, and which imports it is for.

Seconds are of whole processes, the files already in the memory of the system. Imports are the times
that `python -X importtime` gives each module without those that it imports, added up by package;
counting them makes them longer, so they say where the time goes rather than how much it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from reporting import arguments, median, paired, report

from rule_id.example_recording import write_example_recording

PACKAGES = 10
"""How many packages are named, the longest first."""

# What the console script runs; it need not be installed.
SCRIPT = "import sys; from rule_id.cli import main; sys.argv[0] = 'rule-id'; main()"


def main() -> None:
    """Time both commands in turn, then their imports."""
    options = arguments(__doc__)
    runs, counts = (1, 1) if options.quick else (9, 5)
    with tempfile.TemporaryDirectory() as folder:
        recording = str(write_example_recording(Path(folder) / "recording.npz"))
        commands = {
            "rule-id --help": ["--help"],
            "rule-id identify recording.npz": ["identify", recording],
        }
        seconds = paired({name: partial(run, c) for name, c in commands.items()}, runs)
        imports = {name: import_times(c, counts) for name, c in commands.items()}
    rows: list[dict[str, Any]] = [
        {
            "command": name,
            "median_s": round(median(times), 3),
            "min_s": round(min(times), 3),
            "max_s": round(max(times), 3),
            "imports_s": round(sum(imports[name].values()) / 1e3, 3),
        }
        for name, times in seconds.items()
    ]
    longest = {name: dict(found.most_common(PACKAGES)) for name, found in imports.items()}
    report("start_up", rows, options.out, import_ms=longest, runs=runs)


def run(command: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process.

    Args:
        command: The command and its options, as after `rule-id`.
        options: Options of the interpreter.
    """
    line = [sys.executable, *options, "-c", SCRIPT, *command]
    return subprocess.run(line, check=True, capture_output=True, text=True)


def import_times(command: list[str], counts: int) -> Counter[str]:
    """Return the milliseconds of importing each package, of the fastest of several runs."""
    runs = [by_package(run(command, "-X", "importtime").stderr) for _ in range(counts)]
    return min(runs, key=lambda found: sum(found.values()))


def by_package(output: str) -> Counter[str]:
    """Add up the lines of `python -X importtime`, in milliseconds.

    Args:
        output: Lines such as `import time:       201 |       4758 |   json.decoder`.
    """
    found: Counter[str] = Counter()
    for line in output.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if line.startswith("import time:") and own.strip().isdigit():
            found[rest.partition("|")[2].strip().partition(".")[0]] += int(own)
    return Counter({name: round(microseconds / 1e3, 1) for name, microseconds in found.items()})


if __name__ == "__main__":
    main()
