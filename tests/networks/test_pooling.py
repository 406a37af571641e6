"""Pooling against torch's, values and gradients, for every order in memory."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from rule_id.networks.pooling import largest, mean_of_at_most

E, N, CHANNELS = 3, 4, 2


def maps(side: int, batch_first: bool) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    shape = (N, E) if batch_first else (E, N)
    x = torch.randn(*shape, CHANNELS, side, side + 1, generator=source, dtype=torch.float64)
    return (x.transpose(0, 1) if batch_first else x).requires_grad_()


def pooled_by_torch(h: torch.Tensor, size: int, stride: int, padding: int) -> torch.Tensor:
    return functional.max_pool2d(h.flatten(0, 1), size, stride, padding).unflatten(0, h.shape[:2])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 1)])
@pytest.mark.parametrize("side", [4, 5])
def test_largest_is_max_pooling(side: int, window: tuple[int, int, int], batch_first: bool) -> None:
    h = maps(side, batch_first)
    ours, theirs = largest(h, *window), pooled_by_torch(h, *window)
    assert torch.equal(ours, theirs)
    signal = torch.randn_like(ours)
    gradients = [torch.autograd.grad(one, h, signal)[0] for one in (ours, theirs)]
    assert torch.equal(*gradients)


def test_of_equal_entries_the_first_gets_the_signal() -> None:
    h = torch.zeros(1, 1, 1, 2, 2, requires_grad=True)
    largest(h, 2, 2).sum().backward()
    assert h.grad.flatten().tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("side", "expected"), [(3, (3, 4)), (4, (4, 4)), (6, (4, 4))])
def test_maps_are_averaged_down_to_4_x_4_at_most(side: int, expected: tuple[int, int]) -> None:
    h = maps(side, True)
    means = mean_of_at_most(h, 4)
    assert means.shape == (E, N, CHANNELS, *expected)
    by_torch = functional.adaptive_avg_pool2d(h.flatten(0, 1), expected).unflatten(0, (E, N))
    torch.testing.assert_close(means, by_torch)
