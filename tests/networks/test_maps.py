"""The linear part of layers: three maps that belong to one W, and two views of it as a matrix."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rule_id.networks import ConvolutionMap, DenseMap

E, N = 2, 3

CONVOLUTIONS = [
    ConvolutionMap((2, height, width), 3, kernel, stride, padding)
    for height, width in ((6, 5), (8, 8), (1, 2))
    for kernel in (1, 3, 5)
    for padding in range(kernel // 2 + 1)
    for stride in (1, 2, 4)
    if min(height, width) + 2 * padding >= kernel
]
DENSE = DenseMap(6, 4)
MAPS = [DENSE, *CONVOLUTIONS]

Map = DenseMap | ConvolutionMap


def name(map_: Map) -> str:
    if isinstance(map_, DenseMap):
        return "dense"
    _, height, width = map_.shape_in
    return f"{height}x{width}-kernel{map_.kernel}-stride{map_.stride}-padding{map_.padding}"


every = pytest.mark.parametrize("map_", MAPS, ids=name)


def normal(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=source, dtype=torch.float64)


def drawn(map_: Map, *between: int) -> tuple[Tensor, Tensor, Tensor]:
    """W, an input h and a signal d of the shape of the output."""
    weight = normal(E, *map_.weight_shape, seed=1)
    h, d = (
        normal(E, N, *between, *shape, seed=seed)
        for seed, shape in ((2, map_.shape_in), (3, map_.shape_out))
    )
    return weight, h, d


def inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).flatten(1).sum(1)


@every
def test_three_maps_belong_to_one_weight(map_: Map) -> None:
    """<W h, d> = <h, W^T d> = <W, n E[d h^T]>."""
    weight, h, d = drawn(map_)
    forward = inner(map_.project(weight, h), d)
    torch.testing.assert_close(forward, inner(h, map_.back_project(weight, d)))
    torch.testing.assert_close(forward, N * inner(weight, map_.outer(d, h)))


def test_three_maps_belong_to_one_weight_through_time() -> None:
    weight, h, d = drawn(DENSE, 7)
    forward = inner(DENSE.project(weight, h), d)
    torch.testing.assert_close(forward, inner(h, DENSE.back_project(weight, d)))
    torch.testing.assert_close(forward, N * inner(weight, DENSE.outer(d, h)))


@every
def test_shapes_are_those_that_come_out(map_: Map) -> None:
    weight, h, d = drawn(map_)
    assert map_.project(weight, h).shape == d.shape == (E, N, *map_.shape_out)
    assert map_.back_project(weight, d).shape == h.shape == (E, N, *map_.shape_in)
    assert map_.outer(d, h).shape == weight.shape


@every
def test_projecting_is_applying_without_a_bias(map_: Map) -> None:
    weight, h, _ = drawn(map_)
    torch.testing.assert_close(map_.project(weight, h), map_.apply(h, weight, None, None))
    bias = normal(E, map_.channels_out, seed=5)
    spread = bias.view(E, 1, -1, *[1] * (map_.unit_dims - 1))
    torch.testing.assert_close(map_.apply(h, weight, bias, None), map_.project(weight, h) + spread)


@every
def test_the_view_by_outputs(map_: Map) -> None:
    """W h = by_outputs(W) seen(h) at every output position."""
    weight, h, _ = drawn(map_)
    found = map_.seen(h) @ map_.by_outputs(weight).mT
    expected = by_position(map_, map_.project(weight, h))
    torch.testing.assert_close(found, expected)


@every
def test_the_view_by_inputs(map_: Map) -> None:
    """W^T p = by_inputs(W) fed(p) at every input position."""
    weight, _, d = drawn(map_)
    found = map_.fed(d) @ map_.by_inputs(weight).mT
    torch.testing.assert_close(found, map_.inputs_by_position(map_.back_project(weight, d)))


@every
def test_what_a_view_by_inputs_is_made_of(map_: Map) -> None:
    weight, _, _ = drawn(map_)
    assert torch.equal(map_.from_inputs(map_.by_inputs(weight)), weight)


@every
def test_moments_of_both_views_say_the_same_of_the_weight(map_: Map) -> None:
    """<D, d h^T> through the one, and through the other, is <D, n E[d h^T]>."""
    direction, h, d = drawn(map_)
    expected = N * inner(direction, map_.outer(d, h))
    by_outputs = by_position(map_, d).mT @ map_.seen(h)
    by_inputs = map_.inputs_by_position(h).mT @ map_.fed(d)
    torch.testing.assert_close(inner(map_.by_outputs(direction), by_outputs), expected)
    torch.testing.assert_close(inner(map_.by_inputs(direction), by_inputs), expected)


def by_position(map_: Map, z: Tensor) -> Tensor:
    """(E, N x positions, channels) of an output."""
    return z.flatten(3).mT.flatten(1, 2) if map_.unit_dims == 3 else z


@every
def test_no_position_sees_more_than_its_taps(map_: Map) -> None:
    """Hence |fed(p)|² summed over positions is at most taps times |p|²."""
    _, h, d = drawn(map_)
    for matrix, of in ((map_.seen(h), h), (map_.fed(d), d)):
        assert bool((inner(matrix, matrix) <= map_.taps * inner(of, of) * (1 + 1e-12)).all())


@pytest.mark.parametrize(
    "map_",
    [
        DENSE,
        ConvolutionMap((2, 5, 4), 3, 3, 1, 1),
        ConvolutionMap((2, 6, 5), 3, 5, 2, 2),
        ConvolutionMap((2, 3, 3), 3, 3, 1, 0),
    ],
    ids=name,
)
def test_the_power_of_white_noise(map_: Map) -> None:
    noise = normal(1, 20_000, *map_.shape_in)
    squares = map_.seen(noise).square().sum(1)[0] / 20_000
    expected = map_.white_power(noise)
    torch.testing.assert_close(squares.view_as(expected), expected, rtol=0.05, atol=0)


def test_the_power_of_white_noise_counts_time_steps() -> None:
    assert DENSE.white_power(normal(1, 2, 7, 6)).tolist() == [7.0] * 6


def test_white_noise_times_its_projection_is_the_weight_times_the_power() -> None:
    """E[W x x^T] = W * power for white x, which is what weight mirrors rest on."""
    for map_, between in ((DENSE, (4,)), (ConvolutionMap((2, 4, 4), 3, 3, 1, 1), ())):
        weight = normal(1, *map_.weight_shape, seed=1)
        x = normal(1, 100_000, *between, *map_.shape_in)
        found = map_.outer(map_.project(weight, x), x)
        expected = weight * map_.white_power(x)
        assert float((found - expected).norm() / expected.norm()) < 0.02
