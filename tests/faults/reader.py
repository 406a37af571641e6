"""Reads what it is told to, a file a line on standard input, and says how that went.

It stands alone in a process, so that a crash, a hang or a want of memory is seen from outside.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

GIB = 2**30


def readers() -> dict[str, Callable[[Path], Any]]:
    """Return what reads each kind."""
    from rule_id.batches import read_batches
    from rule_id.evaluation import read_evaluation
    from rule_id.features import open_features, read_features
    from rule_id.models import read_bundle
    from rule_id.recordings import read_reading, read_recordings
    from rule_id.recordings.dataset2020 import convert_dataset
    from rule_id.simulation import read_plan
    from rule_id.trajectories import read_corpus

    def corpus(path: Path) -> None:
        read_corpus(path)
        for _ in read_batches(path):
            pass

    def features(path: Path) -> None:
        read_features(path)
        for _ in open_features(path).batches(100):
            pass

    def dataset(path: Path) -> None:
        convert_dataset(path, path.parent / "converted")

    return {
        "bundle": read_bundle,
        "corpus": corpus,
        "dataset": dataset,
        "evaluation": read_evaluation,
        "features": features,
        "plan": read_plan,
        "reading": read_reading,
        "recording": lambda path: read_recordings([path]),
    }


def main() -> None:
    """Answer each line with one."""
    # Arrow's own allocator reserves a gibibyte when it is first used, which would be counted.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    # Before memory is limited: all that is imported once.
    import h5py  # noqa: F401
    import pynwb  # noqa: F401
    import torch  # noqa: F401

    from rule_id.errors import InputError

    known = readers()
    warnings.simplefilter("ignore")
    print("ready", flush=True)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + GIB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        kind, path = json.loads(line)
        gc.collect()
        begin = time.process_time()
        try:
            known[kind](Path(path))
            outcome = "read"
        except InputError as error:
            outcome = "refused" if "\n" not in str(error) else f"several lines: {error}"
        except OSError as error:
            outcome = "refused" if "\n" not in str(error) else f"several lines: {error}"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        print(json.dumps([outcome, time.process_time() - begin]), flush=True)


if __name__ == "__main__":
    main()
