"""Recurrent networks, unrolled in time.

Each recurrent stage is two layers: `input` sends U x_t, and `recurrent` adds W h_{t-1} to it. Each
then has one W, and every rule reaches it as it reaches any other. The readout takes the last time
step.
"""

from __future__ import annotations

from rule_id.networks.dense import readout
from rule_id.networks.layer import Hidden, Layer
from rule_id.networks.maps import DenseMap
from rule_id.networks.network import Network

__all__ = ["LEAK", "recurrent"]

LEAK = 0.4
"""dt / tau of the continuous-time network: the share of its state that is new in a time step."""


def recurrent(
    n_stages: int,
    leak: float,
    input_shape: tuple[int, ...],
    n_out: int,
    width: int,
    hidden: Hidden,
) -> Network:
    r"""Return a recurrent network of one or more stages.

    With a leak of 1 it is the vanilla one, h_t = f(W h_{t-1} + U x_t + b). Below 1 it is the rate
    network tau dv/dt = -v + W f(v) + U x + b in steps of dt = leak tau:

        v_t = (1 - leak) v_{t-1} + leak (W h_{t-1} + U x_t + b),   h_t = f(v_t).

    Args:
        n_stages: Recurrent stages.
        leak: In (0, 1].
        input_shape: Shape of an input; its columns are the time steps of an image.
        n_out: Output units.
        width: Units of each stage.
        hidden: What hidden layers have in common.
    """
    n_in = input_shape[0] if len(input_shape) == 1 else input_shape[0] * input_shape[1]
    layers: list[Layer] = []
    for stage in range(1, n_stages + 1):
        place = len(layers)
        layers.append(Layer(f"input{stage}", DenseMap(n_in, width), place - 1, bias=False))
        layers.append(
            Layer(
                f"recurrent{stage}",
                DenseMap(width, width),
                place,
                nonlinearity=hidden.activation,
                bias=hidden.bias,
                dropout=hidden.dropout,
                recurrent=True,
                leak=leak,
            )
        )
        n_in = width
    last = readout(width, n_out, len(layers) - 1, hidden, "last_step")
    return Network((*layers, last), "sequence")
