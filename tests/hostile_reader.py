"""A process that reads files which nobody meant well, watched from outside."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
from pathlib import Path

__all__ = ["SECONDS", "Reader"]

SCRIPT = Path(__file__).parent / "faults" / "reader.py"

SECONDS = 5.0
PATIENCE = 60.0
"""Seconds by the clock, on a machine that does other things, before a reader counts as hanging."""

READS = 400
"""Reads after which a process is replaced: memory that it keeps between them is not held
against the next file."""


class Reader:
    """A process that reads files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen | None = None
        self.reads = 0

    def read(self, kind: str, path: Path) -> tuple[str, float]:
        """Return what became of a file, and the seconds that it took.

        One that is neither read nor refused is read again by a new process: what the files before
        it left behind is not held against it.
        """
        old = self.process is not None
        outcome, seconds = self._read(kind, path)
        if outcome not in ("read", "refused") and old:
            self.end()
            outcome, seconds = self._read(kind, path)
        if outcome not in ("read", "refused"):
            self.end()
        return outcome, seconds

    def _read(self, kind: str, path: Path) -> tuple[str, float]:
        if self.process is None or self.reads >= READS:
            self._begin()
        assert self.process is not None and self.process.stdin is not None
        self.reads += 1
        self.process.stdin.write(json.dumps([kind, str(path)]) + "\n")
        self.process.stdin.flush()
        line = self._line(PATIENCE)
        if line:
            outcome, seconds = json.loads(line)
            return outcome, seconds
        status = self.process.poll()
        self.end()
        return f"the process ended with {status}" if status is not None else "hangs", 0.0

    def _begin(self) -> None:
        self.end()
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd=self.folder,
        )  # fmt: skip
        self.reads = 0
        assert self._line(600) == "ready\n"

    def _line(self, seconds: float) -> str:
        assert self.process is not None and self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            ready = selector.select(seconds)
        return self.process.stdout.readline() if ready else ""

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process = None
