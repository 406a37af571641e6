"""Dense networks."""

from __future__ import annotations

import math

from rule_id.networks.layer import Hidden, Layer
from rule_id.networks.maps import DenseMap
from rule_id.networks.network import Network

__all__ = ["dense", "dense_layer", "readout"]


def dense(
    n_hidden: int, input_shape: tuple[int, ...], n_out: int, width: int, hidden: Hidden
) -> Network:
    """Return a dense network; its last layer gives its output as it is.

    Args:
        n_hidden: Hidden layers, 1 or more.
        input_shape: Shape of an input, flattened.
        n_out: Output units.
        width: Units of each hidden layer.
        hidden: What hidden layers have in common.
    """
    sizes = [math.prod(input_shape), *[width] * n_hidden]
    layers = [
        dense_layer(f"hidden{index + 1}", before, width, index - 1, hidden)
        for index, before in enumerate(sizes[:-1])
    ]
    return Network((*layers, readout(width, n_out, n_hidden - 1, hidden)))


def dense_layer(
    name: str, n_in: int, n_out: int, source: int, hidden: Hidden, receive_as: str = "as_it_is"
) -> Layer:
    """Return a hidden layer whose W is a matrix."""
    return Layer(
        name,
        DenseMap(n_in, n_out),
        source,
        receive_as,
        hidden.activation,
        hidden.normalisation,
        hidden.bias,
        hidden.dropout,
    )


def readout(
    n_in: int, n_out: int, source: int, hidden: Hidden, receive_as: str = "as_it_is"
) -> Layer:
    """Return the last layer: linear, without normalisation."""
    return Layer("output", DenseMap(n_in, n_out), source, receive_as, bias=hidden.bias)
