"""Threads and memory of the processes that simulate."""

from __future__ import annotations

import resource

import numpy as np
import pytest
import threadpoolctl
import torch

from rule_id.simulation.workers import LIBC, keep_memory, memory_kept, one_thread

glibc = pytest.mark.skipif(not hasattr(LIBC, "mallopt"), reason="the C library is not glibc")

SIZE, ROUNDS = 2**21, 20
"""Numbers of an array, 16 MB: less than the largest piece that is kept."""


def faults() -> int:
    """Pages that the system had to give while large arrays came and went."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        np.ones(SIZE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc
def test_freed_memory_stays_and_is_not_cleared_again() -> None:
    pages = 8 * SIZE / resource.getpagesize()
    with memory_kept():
        faults()
        assert faults() < pages
    # What was set does not make whoever goes on slower than they were.
    assert faults() < 3 * pages


@glibc
def test_keeping_memory_twice_is_keeping_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_kept():
        keep_memory()
        faults()
        assert faults() < 8 * SIZE / resource.getpagesize()


def test_without_glibc_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rule_id.simulation.workers.LIBC", None)
    with memory_kept():
        keep_memory()


def test_one_thread_for_torch_and_numpy_and_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            pools = threadpoolctl.threadpool_info()
            assert {one["num_threads"] for one in pools if one["user_api"] == "blas"} <= {1}
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
