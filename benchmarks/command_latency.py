"""How long a user waits: `rule-id --help` and `rule-id identify`, whole processes, cold.

Prints the median and the range of wall-clock seconds over several runs, and the machine's facts.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rule_id.example_recording import write_example_recording

RUNS = 7


def main() -> None:
    """Time both commands and print a table and the same as JSON."""
    command = str(Path(sys.executable).parent / "rule-id")
    with tempfile.TemporaryDirectory() as folder:
        recording = str(write_example_recording(Path(folder) / "recording.npz"))
        results = {
            "rule-id --help": wall_clock([command, "--help"]),
            "rule-id identify recording.npz": wall_clock([command, "identify", recording]),
        }
    print(f"{'command':32}{'median s':>10}{'min':>8}{'max':>8}")
    for name, seconds in results.items():
        median = statistics.median(seconds)
        print(f"{name:32}{median:10.2f}{min(seconds):8.2f}{max(seconds):8.2f}")
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "runs": RUNS}
    print(json.dumps({"machine": machine, "python": platform.python_version(), "s": results}))


def wall_clock(command: list[str]) -> list[float]:
    """Return the seconds of `RUNS` runs, each a new process."""
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(round(time.perf_counter() - begin, 3))
    return seconds


if __name__ == "__main__":
    main()
