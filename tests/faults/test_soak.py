"""Many networks through simulate, features and evaluate: memory and open files stay flat.

`make soak` does it with 10,000 networks under a limit of two gibibytes, here there are fewer. Who
exceeds the limit is killed, as a machine would do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

NETWORKS = int(os.environ.get("RULE_ID_SOAK", "120"))
LIMIT = 2 * 2**30
RULES = ("backprop+adam", "backprop+momentum", "feedback_alignment+momentum", "oja+sgd")
SIMULATED_FLAT = 96 * 2**20
"""What a simulation may grow by between its second quarter and its last: the tables of networks."""

PLAN = f"""
schema = 1
seed = 5
checkpoints = 5

[[ensembles]]
rules = {list(RULES)}
blocks = {max(2, NETWORKS // (5 * len(RULES)))}
networks_per_rule = 5
architecture = "dense2"
width = {{ choice = [8, 16] }}
steps = 20
stimuli = 16

[[measurements]]
units = 1.0
"""


@dataclass
class Watched:
    """What a command and the processes it began held while it ran.

    Attributes:
        memory: Bytes that are theirs, at each look.
        files: Open files, at each look.
        seconds: How long it took.
    """

    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say in a line what it held."""
        return (
            f"{self.seconds:.0f} s, at most {max(self.memory) / 2**20:.0f} MiB and "
            f"{max(self.files)} open files, in the second quarter "
            f"{self.quarter(self.memory, 1) / 2**20:.0f} MiB, in the last "
            f"{self.quarter(self.memory, 3) / 2**20:.0f} MiB"
        )

    def quarter(self, values: list[int], which: int) -> float:
        """Return the median over a quarter of the looks, from 0 to 3."""
        return float(np.median(np.array_split(values, 4)[which]))


def run(folder: Path, *command: str) -> Watched:
    """Run a command of rule-id to its end and watch it."""
    watched, begin = Watched(), time.monotonic()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rule_id.cli", *command], cwd=folder, stdout=log,
            stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        while process.poll() is None:
            memory, files = held(process.pid)
            watched.memory.append(memory)
            watched.files.append(files)
            if memory > LIMIT:
                process.kill()
            time.sleep(0.1)
    watched.seconds = time.monotonic() - begin
    print(command[0], watched)
    assert process.returncode == 0, (folder / "log.txt").read_text()[-2000:]
    return watched


def held(pid: int) -> tuple[int, int]:
    """Return the bytes and the open files of a process and of those that it began."""
    memory = files = 0
    for process in family(pid):
        try:
            memory += process.memory_full_info().uss
            files += process.num_fds()
        except psutil.Error:  # it ended meanwhile
            continue
    return memory, files


def family(pid: int) -> Iterator[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
    except psutil.Error:
        return


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("soak")
    (made / "plan.toml").write_text(PLAN)
    return made


def test_many_networks_take_no_more_memory_and_files_than_few(folder: Path) -> None:
    simulated = run(folder, "simulate", "plan.toml", "--out", "corpus", "--workers", "2")
    grown = simulated.quarter(simulated.memory, 3) - simulated.quarter(simulated.memory, 1)
    assert grown < SIMULATED_FLAT or NETWORKS < 1000
    assert max(simulated.files) < 400
    extracted = run(folder, "features", "corpus", "--out", "x.parquet")
    assert max(extracted.files) < 100
    evaluated = run(folder, "evaluate", "corpus", "--out", "evaluation", "--protocol", "grouped",
                    "--splits", "2")  # fmt: skip
    assert max(evaluated.files) < 200
