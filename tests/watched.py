"""Commands in processes of their own, and what memory they hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil


@dataclass
class Watched:
    """What a command and the processes it began held while it ran.

    Attributes:
        memory: Bytes that are theirs and of no file, at each look.
        files: Open files, at each look.
        seconds: How long it took.
        returncode: How it ended; -9 if it was killed.
        log: The end of what it printed.
    """

    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    seconds: float = 0.0
    returncode: int | None = None
    log: str = ""

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


def run_watched(folder: Path, limit: int, *command: str) -> Watched:
    """Run a command of rule-id in a folder and watch it; one that holds too much is killed."""
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
            if memory > limit:
                process.kill()
            time.sleep(0.1)
    watched.seconds = time.monotonic() - begin
    print(command[0], watched)
    watched.returncode = process.returncode
    watched.log = (folder / "log.txt").read_text()[-2000:]
    return watched


def held(pid: int) -> tuple[int, int]:
    """Return the bytes and the open files of a process and of those that it began."""
    memory = files = 0
    for process in family(pid):
        try:
            memory += anonymous(process.pid)
            files += process.num_fds()
        except (psutil.Error, OSError):  # it ended meanwhile
            continue
    return memory, files


def anonymous(pid: int) -> int:
    """Return the bytes of a process that no file stands behind, which cannot be taken from it."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = re.findall(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE) or ["0"]
    return int(line) * 1024


def family(pid: int) -> Iterator[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
    except psutil.Error:
        return
