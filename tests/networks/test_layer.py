"""What follows a linear map in a layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small import noise
from torch import Tensor
from torch.nn import functional

from rule_id.networks import ConvolutionMap, DenseMap, Layer
from rule_id.networks.layer import NONLINEARITIES, RECEIVERS

E, N = 3, 20
DENSE = Layer("dense", DenseMap(6, 4), -1)
CONVOLUTION = Layer("convolution", ConvolutionMap((2, 5, 4), 7, 3, 1, 1), -1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=source, dtype=torch.float64)


def drawn(layer: Layer, *between: int) -> tuple[dict[str, Tensor], Tensor]:
    own = {name: normal(E, *shape, seed=1) for name, shape in layer.shapes.items()}
    return own, normal(E, N, *between, *layer.map.shape_in)


both = pytest.mark.parametrize("layer", [DENSE, CONVOLUTION], ids=lambda one: one.name)


def test_what_a_layer_says_of_itself() -> None:
    recurrent = replace(DENSE, recurrent=True, bias=False)
    assert [one.kind for one in (DENSE, CONVOLUTION, recurrent)] == [
        "dense", "convolution", "recurrent",
    ]  # fmt: skip
    assert (DENSE.n_in, DENSE.n_out, DENSE.channels_in, DENSE.channels_out) == (6, 4, 6, 4)
    assert (CONVOLUTION.n_in, CONVOLUTION.n_out) == (40, 140)
    assert (CONVOLUTION.channels_in, CONVOLUTION.channels_out) == (2, 7)
    assert (DENSE.unit_dims, CONVOLUTION.unit_dims) == (1, 3)
    assert CONVOLUTION.shapes == {"weight": (7, 2, 3, 3), "bias": (7,)}
    assert recurrent.shapes == {"weight": (4, 6)}


@both
def test_normalised_over_the_units_of_an_example(layer: Layer) -> None:
    own, h = drawn(layer)
    own["bias"].zero_()
    z = replace(layer, normalisation="layer").preactivation(own, h).flatten(2)
    torch.testing.assert_close(z.mean(-1), z.new_zeros(E, N))
    torch.testing.assert_close(z.var(-1, correction=0), z.new_ones(E, N), rtol=1e-3, atol=0)


@both
def test_normalised_over_the_examples_and_positions_of_a_batch(layer: Layer) -> None:
    own, h = drawn(layer)
    own["bias"].zero_()
    z = replace(layer, normalisation="batch").preactivation(own, h)
    z = z.transpose(1, 2).flatten(2)  # (E, channels, batch x positions)
    torch.testing.assert_close(z.mean(-1), torch.zeros_like(z[..., 0]))
    one = torch.ones_like(z[..., 0])
    torch.testing.assert_close(z.var(-1, correction=0), one, rtol=1e-3, atol=0)


@both
@pytest.mark.parametrize("normalisation", ["layer", "batch"])
def test_a_bias_stands_behind_normalisation_and_weights_have_no_size(
    layer: Layer, normalisation: str
) -> None:
    own, h = drawn(layer)
    layer = replace(layer, normalisation=normalisation)
    z = layer.preactivation(own, h)
    larger = layer.preactivation({"weight": 10 * own["weight"], "bias": own["bias"]}, h)
    torch.testing.assert_close(larger, z, rtol=1e-3, atol=1e-3)
    moved = layer.preactivation({"weight": own["weight"], "bias": own["bias"] + 1}, h)
    torch.testing.assert_close(moved, z + 1)


@both
def test_with_the_statistics_of_a_population_examples_stand_alone(layer: Layer) -> None:
    own, h = drawn(layer)
    layer = replace(layer, normalisation="batch")
    total, z = layer.sums(own, h)
    measured = replace(layer, population=layer.statistics(total))
    assert torch.equal(measured.preactivation(own, h), z)
    torch.testing.assert_close(measured.preactivation(own, h[:, 3:4]), z[:, 3:4])
    assert not torch.allclose(layer.preactivation(own, h[:, 3:4]), z[:, 3:4])


@both
def test_a_stream_joins_before_normalisation_and_a_skip_behind_it(layer: Layer) -> None:
    own, h = drawn(layer)
    layer = replace(layer, normalisation="layer")
    alone, z = layer.sums(own, h)
    stream, skip = normal(*z.shape, seed=3), normal(*z.shape, seed=4)
    total, both_ = layer.sums(own, h, stream=stream, skip=skip)
    torch.testing.assert_close(total, alone + stream)
    torch.testing.assert_close(both_ - skip, layer.sums(own, h, stream=stream)[1])
    torch.testing.assert_close(layer.sums(own, h, skip=skip)[1], z + skip)


def test_a_leak_is_the_share_of_z_that_is_new() -> None:
    own, h = drawn(DENSE, 5)
    slow = replace(DENSE, recurrent=True, leak=0.3)
    torch.testing.assert_close(slow.preactivation(own, h), 0.3 * DENSE.preactivation(own, h))


def test_local_response_normalisation_divides_by_neighbouring_channels() -> None:
    layer = replace(CONVOLUTION, local_response=True, nonlinearity="relu")
    z = normal(E, N, 7, 5, 4)
    y = torch.relu(z)
    for channel in range(7):
        near = y[:, :, max(channel - 2, 0) : channel + 3].square().sum(2) / 5
        expected = y[:, :, channel] / (1 + near) ** 0.75
        torch.testing.assert_close(layer.activate(z)[:, :, channel], expected)


class TestDropout:
    """Units left out while a network trains."""

    layer = replace(DENSE, dropout=0.25)

    def test_without_draws_no_unit_is_left_out(self) -> None:
        z = normal(E, N, 4)
        assert torch.equal(self.layer.activate(z), z)

    def test_the_mask_is_a_function_of_the_draws(self) -> None:
        ones = torch.ones(E, N, 4, dtype=torch.float64)
        first, again, later = (
            replace(self.layer, draws=noise(E).at(step)).activate(ones) for step in (0, 0, 1)
        )
        assert torch.equal(first, again) and not torch.equal(first, later)
        other = replace(self.layer, name="other", draws=noise(E).at(0)).activate(ones)
        assert not torch.equal(first, other)
        alone = replace(self.layer, draws=noise(1, first=1).at(0)).activate(ones[:1])
        assert torch.equal(alone[0], first[1])

    @pytest.mark.parametrize("dropout", [0.1, 0.5])
    def test_the_mean_is_kept(self, dropout: float) -> None:
        ones = torch.ones(E, 50, 400, dtype=torch.float64)
        y = replace(self.layer, dropout=dropout, draws=noise(E).at(0)).activate(ones)
        kept = 1 / (1 - dropout)
        assert set(y.unique().tolist()) == {0.0, kept}
        assert float((y == 0).double().mean()) == pytest.approx(dropout, abs=0.01)
        assert float(y.mean()) == pytest.approx(1, abs=0.02)


class TestReceivers:
    """What a layer makes of another's output first."""

    h = normal(E, N, 2, 6, 5)

    @pytest.mark.parametrize(
        ("receive_as", "shape"),
        [
            ("as_it_is", (2, 6, 5)),
            ("flat", (60,)),
            ("largest_of_2x2", (2, 3, 2)),
            ("largest_of_3x3", (2, 3, 3)),
            ("flat_mean_4x4", (32,)),
            ("mean_of_map", (2,)),
        ],
    )
    def test_shapes(self, receive_as: str, shape: tuple[int, ...]) -> None:
        from rule_id.networks.convolutional import received_shape

        assert RECEIVERS[receive_as](self.h).shape == (E, N, *shape)
        assert received_shape(receive_as, (2, 6, 5)) == shape

    def test_values(self) -> None:
        h, one = self.h, self.h[1]
        assert torch.equal(RECEIVERS["as_it_is"](h), h)
        assert torch.equal(RECEIVERS["flat"](h)[1], one.flatten(1))
        assert torch.equal(RECEIVERS["largest_of_2x2"](h)[1], functional.max_pool2d(one, 2))
        largest = functional.max_pool2d(one, 3, 2, 1)
        assert torch.equal(RECEIVERS["largest_of_3x3"](h)[1], largest)
        torch.testing.assert_close(RECEIVERS["mean_of_map"](h)[1], one.mean((2, 3)))
        time = normal(E, N, 7, 4)
        assert torch.equal(RECEIVERS["last_step"](time), time[:, :, 6])

    def test_small_maps_are_not_made_larger(self) -> None:
        h = normal(E, N, 2, 3, 2)
        assert torch.equal(RECEIVERS["flat_mean_4x4"](h), h.flatten(2))

    def test_every_one_is_tested_here(self) -> None:
        assert len(RECEIVERS) == 7


def test_leaky_relu_has_torch_s_slope_and_gelu_is_the_exact_one() -> None:
    z = normal(100)
    expected = torch.where(z > 0, z, 0.01 * z)
    torch.testing.assert_close(NONLINEARITIES["leaky_relu"](z), expected)
    exact = z * (1 + torch.erf(z / 2**0.5)) / 2
    torch.testing.assert_close(NONLINEARITIES["gelu"](z), exact)


@both
@pytest.mark.parametrize("normalisation", ["none", "layer", "batch"])
@pytest.mark.parametrize("same", [True, False])
def test_along_is_the_directional_derivative(layer: Layer, normalisation: str, same: bool) -> None:
    layer = replace(layer, normalisation=normalisation, leak=0.7)
    own, h = drawn(layer)
    if normalisation == "batch":
        layer = replace(layer, population=layer.statistics(layer.project(own["weight"], h)))
    direction = normal(E, 1 if same else N, *layer.map.shape_in, seed=5)
    small = 1e-6 * direction
    ends = [layer.preactivation(own, h + sign * small) for sign in (1, -1)]
    expected = (ends[0] - ends[1]) / 2e-6
    found = layer.along(own, h, direction).expand_as(expected)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
