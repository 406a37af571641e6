"""Dense layers and the networks made of them, the network axis first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

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
    """What a pass went through, for each layer, each (E, batch, units).

    Attributes:
        inputs: What each layer was fed.
        preactivations: z of each layer, with what was added to it.
        outputs: f(z) of each layer.
    """

    inputs: list[Tensor]
    preactivations: list[Tensor]
    outputs: list[Tensor]

    @property
    def output(self) -> Tensor:
        """Output of the last layer."""
        return self.outputs[-1]


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
    unit_dims: ClassVar[int] = 1
    """How many last axes of its activity count units."""

    @property
    def channels_in(self) -> int:
        """Input units, each of which has weights of its own."""
        return self.n_in

    @property
    def channels_out(self) -> int:
        """Output units, each of which has weights of its own."""
        return self.n_out

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one network."""
        return {"weight": (self.n_out, self.n_in), "bias": (self.n_out,)}

    def preactivation(
        self, parameters: dict[str, Tensor], h: Tensor, feedback: Tensor | None = None
    ) -> Tensor:
        """Return z = W h + b (E, batch, n_out) for h (E, batch, n_in)."""
        return linear_map(h, parameters["weight"], parameters["bias"], feedback)

    def activate(self, z: Tensor) -> Tensor:
        """Return f(z)."""
        return NONLINEARITIES[self.nonlinearity](z)

    def project(self, weight: Tensor, h: Tensor) -> Tensor:
        """Return W h, without the bias, for `weight` of the shape of W: (E, batch, n_out)."""
        return h @ weight.mT

    def back_project(self, weight: Tensor, d: Tensor) -> Tensor:
        """Return W^T d (E, batch, n_in) for d (E, batch, n_out)."""
        return d @ weight

    def outer(self, d: Tensor, h: Tensor) -> Tensor:
        """Return the mean over the batch of d h^T, in the shape of W."""
        return d.mT @ h / h.shape[1]


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
        self,
        parameters: Parameters,
        x: Tensor,
        *,
        feedback: Sequence[Tensor | None] | None = None,
        added: Sequence[Tensor | None] | None = None,
        local: bool = False,
    ) -> Activity:
        """Run all layers on a batch of each network.

        Args:
            parameters: Parameters of each layer.
            x: Inputs (E, batch, n_in).
            feedback: For each layer the B^T that carries its teaching signal back to its input,
                in the shape of W, or None for W; None alone means W everywhere.
            added: For each layer what is added to z, or None for nothing.
            local: Cut each layer's input off from the layer before, so that a gradient reaches
                the parameters of one layer alone.
        """
        activity = Activity([], [], [])
        nothing = [None] * len(self.layers)
        for layer, own, backward_weight, extra in zip(
            self.layers, parameters, feedback or nothing, added or nothing, strict=True
        ):
            x = x.detach() if local else x
            z = layer.preactivation(own, x, backward_weight)
            z = z if extra is None else z + extra
            activity.inputs.append(x)
            activity.preactivations.append(z)
            x = layer.activate(z)
            activity.outputs.append(x)
        return activity

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
