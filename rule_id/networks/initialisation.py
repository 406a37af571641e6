"""How weights and biases begin, for one network at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rule_id.errors import one_of

__all__ = ["BIAS_INITS", "INITS", "draw_bias", "draw_weight"]

Draw = Callable[[np.random.Generator, tuple[int, ...], int, int], np.ndarray]


def _he_normal(
    generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> np.ndarray:
    return generator.normal(0.0, np.sqrt(2.0 / fan_in), shape)


def _lecun_normal(
    generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> np.ndarray:
    return generator.normal(0.0, np.sqrt(1.0 / fan_in), shape)


def _pytorch_uniform(
    generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> np.ndarray:
    bound = 1.0 / np.sqrt(fan_in)
    return generator.uniform(-bound, bound, shape)


def _xavier_uniform(
    generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> np.ndarray:
    bound = np.sqrt(6.0 / (fan_in + fan_out))
    return generator.uniform(-bound, bound, shape)


def _orthogonal(
    generator: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> np.ndarray:
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))  # else the draw is not uniform
    return (q if rows >= columns else q.T).reshape(shape)


INITS: dict[str, Draw] = {
    "he_normal": _he_normal,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
    "pytorch_uniform": _pytorch_uniform,
    "xavier_uniform": _xavier_uniform,
}
"""He et al. 2015 (variance 2 / fan in); LeCun et al. 1998 (1 / fan in); Saxe et al. 2014 (rows or
columns orthonormal); the default of torch's layers (within 1 / sqrt(fan in)); Glorot & Bengio 2010
(within sqrt(6 / (fan in + fan out)))."""

BIAS_INITS = ("zero", "uniform")


def draw_weight(
    generator: np.random.Generator, init: str, scale: float, shape: tuple[int, ...]
) -> np.ndarray:
    """Draw the weights of one layer of one network.

    Args:
        generator: Where the randomness comes from.
        init: One of `INITS`.
        scale: Factor on the weights, dimensionless, positive.
        shape: (n_out, n_in), or (C_out, C_in, k, k), whose fan in is C_in k² and fan out C_out k².

    Returns:
        Weights of that shape, float64.

    Raises:
        InputError: `init` is unknown.
    """
    taps = math.prod(shape[2:])
    draw = INITS[one_of("init", init, INITS)]
    return scale * draw(generator, shape, shape[1] * taps, shape[0] * taps)


def draw_bias(generator: np.random.Generator, bias_init: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draw the biases of one layer of one network: zero, or uniform within 1 / sqrt(fan in).

    Args:
        generator: Where the randomness comes from.
        bias_init: One of `BIAS_INITS`.
        shape: That of the layer's weights.

    Raises:
        InputError: `bias_init` is unknown.
    """
    one_of("bias_init", bias_init, BIAS_INITS)
    bound = 1.0 / np.sqrt(math.prod(shape[1:])) if bias_init == "uniform" else 0.0
    return generator.uniform(-bound, bound, shape[0])
