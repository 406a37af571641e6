"""Maps whose teaching signal goes back through other weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rule_id.networks import convolve, linear_map

STRIDES = [(1, 0), (1, 1), (2, 1), (3, 2)]
"""Strides and paddings of a kernel of 3."""


def normal(*shape: int, seed: int) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=source, dtype=torch.float64)


def leaves(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [normal(*one, seed=seed).requires_grad_() for seed, one in enumerate(shapes)]


DENSE = ((2, 7, 6), (2, 4, 6), (2, 4))
IMAGES = ((2, 3, 2, 6, 5), (2, 4, 2, 3, 3), (2, 4))


def test_a_dense_map_is_a_product_of_matrices() -> None:
    x, weight, bias = leaves(*DENSE)
    expected = torch.einsum("eoi,ebi->ebo", weight, x) + bias[:, None]
    torch.testing.assert_close(linear_map(x, weight, bias), expected)
    torch.testing.assert_close(linear_map(x, weight), expected - bias[:, None])


def test_time_steps_count_as_examples() -> None:
    x, (_, weight, bias) = normal(2, 3, 5, 6, seed=4), leaves(*DENSE)
    for t in range(5):
        found = linear_map(x, weight, bias)[:, :, t]
        torch.testing.assert_close(found, linear_map(x[:, :, t], weight, bias))


@pytest.mark.parametrize(("stride", "padding"), STRIDES)
def test_a_convolution_is_torch_s_in_every_network(stride: int, padding: int) -> None:
    x, weight, bias = leaves(*IMAGES)
    found = convolve(x, weight, bias, stride=stride, padding=padding)
    for index in range(2):
        own = (x[index], weight[index], bias[index])
        torch.testing.assert_close(found[index], torch.conv2d(*own, stride, padding))
    without = convolve(x, weight, stride=stride, padding=padding)
    torch.testing.assert_close(without, found - bias[:, None, :, None, None])


def test_without_feedback_the_gradient_is_the_true_one() -> None:
    assert torch.autograd.gradcheck(lambda *t: linear_map(*t), leaves(*DENSE))


@pytest.mark.parametrize(("stride", "padding"), STRIDES)
def test_without_feedback_the_gradient_of_a_convolution_is_the_true_one(
    stride: int, padding: int
) -> None:
    def map_(*tensors: Tensor) -> Tensor:
        return convolve(*tensors, stride=stride, padding=padding)

    assert torch.autograd.gradcheck(map_, leaves(*IMAGES))


def signals(map_, shapes, feedback: Tensor | None) -> tuple[Tensor, ...]:
    """What a teaching signal becomes at x, W and b."""
    tensors = leaves(*shapes)
    z = map_(*tensors, feedback)
    return torch.autograd.grad(z, tensors, normal(*z.shape, seed=8))


@pytest.mark.parametrize(
    ("map_", "shapes"),
    [
        (linear_map, DENSE),
        (lambda *t: convolve(*t, stride=2, padding=1), IMAGES),
        (linear_map, ((2, 3, 5, 6), *DENSE[1:])),
    ],
    ids=["dense", "convolution", "time"],
)
def test_feedback_takes_the_place_of_the_weights_on_the_way_to_the_input_alone(
    map_, shapes
) -> None:
    other = normal(*shapes[1], seed=9)
    true, fed = signals(map_, shapes, None), signals(map_, shapes, other)
    for found, expected in zip(fed[1:], true[1:], strict=True):
        assert torch.equal(found, expected)
    # Through B it is what the true gradient of a map by B would be.
    x, _, bias = leaves(*shapes)
    z = map_(x, other, bias, None)
    (expected,) = torch.autograd.grad(z, x, normal(*z.shape, seed=8))
    torch.testing.assert_close(fed[0], expected)
    assert not torch.allclose(fed[0], true[0])


def test_nothing_is_computed_that_is_not_wanted() -> None:
    x, weight, bias = leaves(*IMAGES)
    z = convolve(x.detach(), weight, bias, padding=1)
    z.sum().backward()
    assert x.grad is None and weight.grad is not None and bias.grad is not None
