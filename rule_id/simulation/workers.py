"""What the processes that simulate have in common."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from threadpoolctl import threadpool_limits

__all__ = ["Progress", "keep_memory", "memory_kept", "one_thread"]

Progress = Callable[[str, int, int], None]
"""Called as progress(what, done, total)."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""

KEPT, LARGEST = 2**28, 2**25
"""Bytes: free memory kept while simulating, and the largest piece of it; glibc takes no more."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run with one thread: sums are then the same whatever else this process does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):  # NumPy's products
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep memory as `keep_memory` does, and hand it back at the end.

    glibc's thresholds, once set, no longer follow what a program does. They are left where they end
    up by themselves in one that works with large arrays.
    """
    keep_memory()
    try:
        yield
    finally:
        _set_thresholds(2 * LARGEST, LARGEST)


def keep_memory() -> None:
    """Let freed memory stay with this process, where the C library is glibc.

    Every step frees as many megabytes as the next one takes. glibc hands large pieces back to the
    system, which clears each page before it gives it again: a fifth of the time of a step.
    """
    _set_thresholds(KEPT, LARGEST)


def _set_thresholds(trim: int, mmap: int) -> None:
    if not hasattr(LIBC, "mallopt") or not hasattr(LIBC, "malloc_trim"):
        return
    LIBC.mallopt(TRIM_THRESHOLD, trim)
    LIBC.mallopt(MMAP_THRESHOLD, mmap)
    LIBC.malloc_trim(0)


def _c_library() -> Any:
    try:
        return ctypes.CDLL(None) if os.name == "posix" else None
    except OSError:  # linked into the interpreter
        return None


LIBC = _c_library()
