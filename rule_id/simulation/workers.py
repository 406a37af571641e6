"""What the processes that simulate have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

__all__ = ["Progress", "one_thread"]

Progress = Callable[[str, int, int], None]
"""Called as progress(what, done, total)."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run with one torch thread: sums are then the same whatever else this process does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
