"""What the processes that simulate have in common."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["Progress", "one_thread"]

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
        with _memory_kept():
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Let freed memory stay with the process, where the C library is glibc.

    Every step frees as many megabytes as the next one takes. glibc hands large pieces back to the
    system, which clears each page before it gives it again: a fifth of the time of a step.
    """
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(TRIM_THRESHOLD, KEPT)
    libc.mallopt(MMAP_THRESHOLD, LARGEST)
    try:
        yield
    finally:
        libc.mallopt(TRIM_THRESHOLD, USUAL)
        libc.mallopt(MMAP_THRESHOLD, USUAL)
        libc.malloc_trim(0)
