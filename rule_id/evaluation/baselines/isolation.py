"""What a fit must leave as it was: the threads of torch, and the generators that all share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

__all__ = ["one_torch_thread", "shared_generators_kept"]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch in one thread, then in as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def shared_generators_kept() -> Iterator[None]:
    """Give NumPy's and torch's shared generators back the state that they had."""
    import torch

    before = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(before)
