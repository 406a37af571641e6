"""How weights and biases begin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.networks import BIAS_INITS, INITS, draw_bias, draw_weight

DENSE, CONVOLUTION = (400, 50), (64, 10, 3, 3)


def source() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [DENSE, CONVOLUTION])
@pytest.mark.parametrize("init", [name for name in INITS if name != "orthogonal"])
def test_weights_have_the_published_variance(init: str, shape: tuple[int, ...]) -> None:
    taps = int(np.prod(shape[2:]))
    fan_in, fan_out = shape[1] * taps, shape[0] * taps
    variance = {
        "he_normal": 2 / fan_in,
        "lecun_normal": 1 / fan_in,
        "pytorch_uniform": 1 / (3 * fan_in),
        "xavier_uniform": 2 / (fan_in + fan_out),
    }[init]
    weight = draw_weight(source(), init, 1.5, shape)
    assert weight.shape == shape
    assert weight.var() == pytest.approx(1.5**2 * variance, rel=0.06)
    assert abs(weight.mean()) < 0.05 * np.sqrt(variance)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (12, 12), (8, 3, 3, 3), (40, 2, 3, 3)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = draw_weight(source(), "orthogonal", 2.0, shape).reshape(shape[0], -1)
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_weights_point_anywhere() -> None:
    """Uniform over rotations: the mean of each entry is 0, of its square 1 / n."""
    generator = source()
    drawn = np.stack([draw_weight(generator, "orthogonal", 1.0, (4, 4)) for _ in range(4000)])
    np.testing.assert_allclose(drawn.mean(0), 0, atol=0.04)
    np.testing.assert_allclose(drawn.var(0), 1 / 4, atol=0.02)


@pytest.mark.parametrize(
    ("theirs", "shape"),
    [(torch.nn.Linear(50, 400), DENSE), (torch.nn.Conv2d(10, 64, 3), CONVOLUTION)],
)
def test_the_default_of_torch_is_ours(theirs: torch.nn.Module, shape: tuple[int, ...]) -> None:
    ours = np.abs(draw_weight(source(), "pytorch_uniform", 1.0, shape)).max()
    assert ours == pytest.approx(float(theirs.weight.detach().abs().max()), rel=1e-2)
    bias = np.abs(draw_bias(source(), "uniform", shape)).max()
    assert bias == pytest.approx(float(theirs.bias.detach().abs().max()), rel=0.1)


def test_biases_are_zero_or_within_their_bound() -> None:
    assert not draw_bias(source(), "zero", (40, 25)).any()
    assert 0.19 < np.abs(draw_bias(source(), "uniform", (400, 25))).max() <= 0.2
    assert 0.19 < np.abs(draw_bias(source(), "uniform", (400, 1, 5, 5))).max() <= 0.2
    assert draw_bias(source(), "uniform", (7, 3, 3, 3)).shape == (7,)


def test_unknown_names_are_refused_with_the_list() -> None:
    names = ", ".join(INITS)
    with pytest.raises(InputError, match=f"init must be one of {names}; got 'ones'"):
        draw_weight(source(), "ones", 1.0, (2, 2))
    names = ", ".join(BIAS_INITS)
    with pytest.raises(InputError, match=f"bias_init must be one of {names}; got 'one'"):
        draw_bias(source(), "one", (2, 2))
