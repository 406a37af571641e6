"""What every benchmark reports with: the machine's facts, a table, and the same as JSON.

Run a benchmark as `python benchmarks/<name>.py`, all of them by `make bench`. Ratios are of sides
that were timed in turn in one run, with the same threads: two runs on a shared machine cannot be
compared.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.machine import processor

__all__ = ["arguments", "machine", "median", "paired", "peak_megabytes", "report"]

RESULTS = Path(__file__).parent / "results"

PACKAGES = ("rule-id", "numpy", "pandas", "scikit-learn", "torch")


def arguments(question: str, **further: str | dict[str, Any]) -> argparse.Namespace:
    """Return what every benchmark is called with: `--quick` and `--out`.

    Args:
        question: What it answers.
        further: Options of one benchmark alone, by name: what a switch does, or what
            `add_argument` takes.
    """
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smallest sizes, to see that it runs; times mean little",
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    for name, own in further.items():
        settings = {"action": "store_true", "help": own} if isinstance(own, str) else own
        parser.add_argument(f"--{name}", **settings)
    return parser.parse_args()


def paired(
    sides: dict[str, Callable[[], Any]], rounds: int = 3, *, warm_up: bool = True
) -> dict[str, list[float]]:
    """Return the seconds of each side, timed in turn, so that a slow moment meets them all.

    Args:
        sides: What to time, by name; each was called once before, by the caller or here.
        rounds: How often.
        warm_up: Call each once before; False where the caller has done so, or something shorter.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    if warm_up:
        for call in sides.values():
            call()
    for _ in range(rounds):
        for name, call in sides.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def median(seconds: Sequence[float]) -> float:
    """Return the median of a few times."""
    return statistics.median(seconds)


def peak_megabytes() -> float:
    """Return the most memory that this process has held, megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if platform.system() == "Darwin" else 1e3)


def machine() -> dict[str, Any]:
    """Return the facts of the machine that a number depends on."""
    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def report(name: str, rows: Sequence[dict[str, Any]], out: Path, **further: Any) -> None:
    """Print rows as a table and write them, with the machine's facts, as JSON.

    Args:
        name: Name of the file.
        rows: One dictionary a line of the table.
        out: Folder to write to.
        further: What else to keep, by name; printed below the table.
    """
    print(pd.DataFrame(rows).to_string(index=False))
    facts = machine()
    for key, value in {**further, "machine": facts}.items():
        print(f"{key}: {value}")
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"rows": list(rows), **further, "machine": facts}, indent=1)
    (out / f"{name}.json").write_text(text + "\n")
