"""How weights and biases begin, for one network at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rule_id.errors import one_of

__all__ = ["BIAS_INITS", "INITS", "draw_bias", "draw_weight"]

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def _he_normal(generator: np.random.Generator, n_out: int, n_in: int) -> np.ndarray:
    return generator.normal(0.0, np.sqrt(2.0 / n_in), (n_out, n_in))


def _pytorch_uniform(generator: np.random.Generator, n_out: int, n_in: int) -> np.ndarray:
    bound = 1.0 / np.sqrt(n_in)
    return generator.uniform(-bound, bound, (n_out, n_in))


def _xavier_uniform(generator: np.random.Generator, n_out: int, n_in: int) -> np.ndarray:
    bound = np.sqrt(6.0 / (n_in + n_out))
    return generator.uniform(-bound, bound, (n_out, n_in))


INITS: dict[str, Draw] = {
    "he_normal": _he_normal,
    "pytorch_uniform": _pytorch_uniform,
    "xavier_uniform": _xavier_uniform,
}
"""He et al. 2015 (variance 2 / n_in); the default of `torch.nn.Linear` (within 1 / sqrt(n_in));
Glorot & Bengio 2010 (within sqrt(6 / (n_in + n_out)))."""

BIAS_INITS = ("zero", "uniform")


def draw_weight(
    generator: np.random.Generator, init: str, scale: float, n_out: int, n_in: int
) -> np.ndarray:
    """Draw the weights of one layer of one network.

    Args:
        generator: Where the randomness comes from.
        init: One of `INITS`.
        scale: Factor on the weights, dimensionless, positive.
        n_out: Output units.
        n_in: Input units.

    Returns:
        (n_out, n_in), float64.

    Raises:
        InputError: `init` is unknown.
    """
    return scale * INITS[one_of("init", init, INITS)](generator, n_out, n_in)


def draw_bias(generator: np.random.Generator, bias_init: str, n_out: int, n_in: int) -> np.ndarray:
    """Draw the biases of one layer of one network: zero, or uniform within 1 / sqrt(n_in).

    Raises:
        InputError: `bias_init` is unknown.
    """
    one_of("bias_init", bias_init, BIAS_INITS)
    bound = 1.0 / np.sqrt(n_in) if bias_init == "uniform" else 0.0
    return generator.uniform(-bound, bound, n_out)
