"""What the processes that simulate have in common."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["Progress", "keep_memory", "memory_kept", "one_thread"]

Progress = Callable[[str, int, int], None]
"""Called as progress(what, done, total)."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""

KEPT, LARGEST, USUAL = 2**30, 2**25, 2**17
"""Bytes: free memory kept while simulating, the largest piece of it (glibc takes no more), and what
both thresholds are otherwise."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run with one torch thread: sums are then the same whatever else this process does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep memory as `keep_memory` does, and hand it back at the end."""
    keep_memory()
    try:
        yield
    finally:
        _set_thresholds(USUAL, USUAL)


def keep_memory() -> None:
    """Let freed memory stay with this process, where the C library is glibc.

    Every step frees as many megabytes as the next one takes. glibc hands large pieces back to the
    system, which clears each page before it gives it again: a fifth of the time of a step.
    """
    _set_thresholds(KEPT, LARGEST)


def _set_thresholds(trim: int, mmap: int) -> None:
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if hasattr(libc, "mallopt"):
        libc.mallopt(TRIM_THRESHOLD, trim)
        libc.mallopt(MMAP_THRESHOLD, mmap)
        libc.malloc_trim(0)
