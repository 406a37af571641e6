"""The table of architectures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rule_id.errors import one_of
from rule_id.networks.dense import Network, dense

__all__ = ["ARCHITECTURES", "build_network"]

ARCHITECTURES: dict[str, Callable[..., Network]] = {
    f"dense{n_hidden}": partial(dense, n_hidden) for n_hidden in (1, 2, 3, 4)
}
"""Name to constructor; `dense2` has two hidden layers."""


def build_network(
    architecture: str, *, n_in: int, n_out: int, width: int, activation: str
) -> Network:
    """Build the network of an architecture.

    Args:
        architecture: One of `ARCHITECTURES`.
        n_in: Input units.
        n_out: Output units.
        width: Units of a hidden layer.
        activation: Nonlinearity of the hidden layers.

    Raises:
        InputError: `architecture` or `activation` is unknown.

    >>> [layer.n_out for layer in build_network(
    ...     "dense2", n_in=64, n_out=10, width=32, activation="relu").layers]
    [32, 32, 10]
    """
    constructor = ARCHITECTURES[one_of("architecture", architecture, ARCHITECTURES)]
    return constructor(n_in=n_in, n_out=n_out, width=width, activation=activation)
