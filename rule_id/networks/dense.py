"""Dense layers and the networks made of them, the network axis first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rule_id.errors import one_of
from rule_id.networks.linear_map import linear_map

__all__ = ["NONLINEARITIES", "Activity", "DenseLayer", "Network", "Parameters", "dense"]

Parameters = list[dict[str, Tensor]]
"""For each layer its tensors by name, the network axis first."""

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "identity": lambda z: z,
}


class Activity(NamedTuple):
    """What a forward pass went through, for each layer, each (E, batch, units)."""

    inputs: list[Tensor]
    preactivations: list[Tensor]
    output: Tensor


@dataclass(frozen=True)
class DenseLayer:
    """One stage of a network: h -> f(W h + b).

    Attributes:
        name: Unique within its network.
        n_in: Input units.
        n_out: Output units.
        nonlinearity: One of `NONLINEARITIES`.
    """

    name: str
    n_in: int
    n_out: int
    nonlinearity: str
    kind: str = "dense"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one network."""
        return {"weight": (self.n_out, self.n_in), "bias": (self.n_out,)}

    def preactivation(
        self, parameters: dict[str, Tensor], h: Tensor, feedback: Tensor | None = None
    ) -> Tensor:
        """Return z (E, batch, n_out) for h (E, batch, n_in)."""
        return linear_map(h, parameters["weight"], parameters["bias"], feedback)

    def respond(
        self, parameters: dict[str, Tensor], h: Tensor, feedback: Tensor | None = None
    ) -> Tensor:
        """Return f(z) (E, batch, n_out) for h (E, batch, n_in)."""
        return NONLINEARITIES[self.nonlinearity](self.preactivation(parameters, h, feedback))


@dataclass(frozen=True)
class Network:
    """A list of layers, each fed by the one before it."""

    layers: tuple[DenseLayer, ...]

    @property
    def n_parameters(self) -> int:
        """Parameters of one network."""
        return sum(
            int(torch.Size(shape).numel())
            for layer in self.layers
            for shape in layer.shapes.values()
        )

    def forward(
        self, parameters: Parameters, x: Tensor, feedback: Sequence[Tensor | None] | None = None
    ) -> Activity:
        """Run all layers on a batch of each network.

        Args:
            parameters: Parameters of each layer.
            x: Inputs (E, batch, n_in).
            feedback: For each layer the B that carries its teaching signal back to its input,
                (E, n_in, n_out), or None for W^T; None alone means W^T everywhere.
        """
        inputs, preactivations = [], []
        backward_weights = feedback if feedback is not None else [None] * len(self.layers)
        for layer, own, backward_weight in zip(
            self.layers, parameters, backward_weights, strict=True
        ):
            z = layer.preactivation(own, x, backward_weight)
            inputs.append(x)
            preactivations.append(z)
            x = NONLINEARITIES[layer.nonlinearity](z)
        return Activity(inputs, preactivations, x)

    def flatten(self, parameters: Parameters) -> Tensor:
        """Return the parameters (or their gradients) side by side, (E, n_parameters)."""
        return torch.cat(
            [tensor.flatten(1) for layer in parameters for tensor in layer.values()], 1
        )

    def unflatten(self, vector: Tensor) -> Parameters:
        """Return views of a vector (E, n_parameters) as the parameters of each layer."""
        parameters, start = [], 0
        for layer in self.layers:
            own = {}
            for name, shape in layer.shapes.items():
                size = int(torch.Size(shape).numel())
                own[name] = vector[:, start : start + size].view(len(vector), *shape)
                start += size
            parameters.append(own)
        return parameters


def dense(n_hidden: int, n_in: int, n_out: int, width: int, activation: str) -> Network:
    """Return a dense network; its last layer gives logits as they are.

    Args:
        n_hidden: Hidden layers, 1 or more.
        n_in: Input units.
        n_out: Output units.
        width: Units of each hidden layer.
        activation: Nonlinearity of the hidden layers, `relu` or `tanh`.

    Raises:
        InputError: `activation` is not one of them.
    """
    one_of("activation", activation, ("relu", "tanh"))
    sizes = [n_in, *[width] * n_hidden, n_out]
    nonlinearities = [*[activation] * n_hidden, "identity"]
    names = [*[f"hidden{i + 1}" for i in range(n_hidden)], "output"]
    return Network(
        tuple(
            DenseLayer(name, before, after, nonlinearity)
            for name, before, after, nonlinearity in zip(
                names, sizes[:-1], sizes[1:], nonlinearities, strict=True
            )
        )
    )
