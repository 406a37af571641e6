"""A layer: a linear map, then normalisation, nonlinearity and what else becomes of its units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from rule_id.networks.maps import ConvolutionMap, DenseMap
from rule_id.networks.pooling import largest, mean_of_at_most

__all__ = [
    "ACTIVATIONS",
    "NONLINEARITIES",
    "NORMALISATIONS",
    "RECEIVERS",
    "Hidden",
    "Layer",
    "Population",
]

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "leaky_relu": functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "gelu": functional.gelu,
    "identity": lambda z: z,
}
"""Leaky relu has torch's slope, 0.01."""

ACTIVATIONS = tuple(name for name in NONLINEARITIES if name != "identity")
"""Nonlinearities of hidden layers."""

NORMALISATIONS = ("none", "layer", "batch")

EPSILON = 1e-5

RECEIVERS: dict[str, Callable[[Tensor], Tensor]] = {
    "as_it_is": lambda h: h,
    "flat": lambda h: h.flatten(2),
    "last_step": lambda h: h[:, :, -1],
    "largest_of_2x2": lambda h: largest(h, 2, 2),
    "largest_of_3x3": lambda h: largest(h, 3, 2, 1),
    "flat_mean_4x4": lambda h: mean_of_at_most(h, 4).flatten(2),
    "mean_of_map": lambda h: h.mean((-2, -1)),
}
"""What a layer makes of another's output before its own map; `flat_mean_4x4` averages a map down to
4 x 4 positions where it has more."""


class NoiseLike(Protocol):
    """Draws of one step (`rule_id.rules.Noise` is one)."""

    def uniform(self, purpose: str, shape: tuple[int, ...]) -> Tensor:
        """Return numbers uniform between 0 and 1, (E, *shape)."""


class Population(NamedTuple):
    """Mean and variance that batch normalisation uses outside training, each as z with 1s."""

    mean: Tensor
    variance: Tensor


class Hidden(NamedTuple):
    """What the hidden layers of a network have in common.

    Attributes:
        activation: One of `ACTIVATIONS`.
        normalisation: One of `NORMALISATIONS`.
        dropout: Share of hidden units that each example of training goes without.
        bias: Whether layers have biases.
    """

    activation: str
    normalisation: str = "none"
    dropout: float = 0.0
    bias: bool = True


@dataclass(frozen=True)
class Layer:
    """One stage of a network: z = norm(W h + stream) + b + skip, output f(z).

    Normalisation has no gain of its own, and the bias stands behind it. Local response
    normalisation and dropout belong to f.

    Attributes:
        name: Unique within its network.
        map: W.
        source: Which layer feeds it, by its place in the network; -1 for the network's input.
            A recurrent layer is fed by its own output a time step before, and `source` drives it.
        receive_as: What it makes of that first, one of `RECEIVERS`.
        nonlinearity: One of `NONLINEARITIES`.
        normalisation: One of `NORMALISATIONS`.
        bias: Whether it has one.
        dropout: Share of its units left out in training.
        local_response: Whether local response normalisation follows the nonlinearity.
        skip: Which layer's output is added to z, or None.
        stream: Which layer's sum before normalisation is added to this one's, or None.
        recurrent: Whether h is its own output a time step before.
        leak: Share of z that is new in each time step of a recurrent layer.
        draws: Where dropout comes from while it trains; None leaves no unit out.
        population: What batch normalisation uses; None for the statistics of the batch.
    """

    name: str
    map: DenseMap | ConvolutionMap
    source: int
    receive_as: str = "as_it_is"
    nonlinearity: str = "identity"
    normalisation: str = "none"
    bias: bool = True
    dropout: float = 0.0
    local_response: bool = False
    skip: int | None = None
    stream: int | None = None
    recurrent: bool = False
    leak: float = 1.0
    draws: NoiseLike | None = None
    population: Population | None = None

    @property
    def kind(self) -> str:
        """What is written into the trajectories: dense, convolution or recurrent."""
        return "recurrent" if self.recurrent else self.map.kind

    @property
    def n_in(self) -> int:
        """Input units."""
        return int(torch.Size(self.map.shape_in).numel())

    @property
    def n_out(self) -> int:
        """Output units."""
        return int(torch.Size(self.map.shape_out).numel())

    @property
    def unit_dims(self) -> int:
        """Trailing axes of its activity that count units."""
        return self.map.unit_dims

    @property
    def channels_in(self) -> int:
        """Input channels; units where units share no weights."""
        return self.map.channels_in

    @property
    def channels_out(self) -> int:
        """Output channels; units where units share no weights."""
        return self.map.channels_out

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one network."""
        shapes = {"weight": self.map.weight_shape}
        return {**shapes, "bias": (self.channels_out,)} if self.bias else shapes

    def receive(self, h: Tensor) -> Tensor:
        """Return its input for the output of the layer that feeds it."""
        return RECEIVERS[self.receive_as](h)

    def preactivation(
        self, parameters: dict[str, Tensor], h: Tensor, feedback: Tensor | None = None
    ) -> Tensor:
        """Return z for h, without what other layers or the time step before add to it."""
        _, z = self.sums(parameters, h, feedback)
        return self.leak * z if self.leak != 1 else z

    def along(self, parameters: dict[str, Tensor], h: Tensor, direction: Tensor) -> Tensor:
        """Return the derivative of `preactivation` at h along a direction, the shape of z or 1s.

        Mean and variance of a batch, where they normalise, are held.

        Args:
            parameters: Its own.
            h: Inputs (E, batch, ..., units).
            direction: In the shape of h, with 1s where it is the same for all examples.
        """
        weight = parameters["weight"]
        rate = self.leak * self.project(weight, direction)
        if self.normalisation == "none":
            return rate
        total = self.project(weight, h)
        mean, variance = self._moments(total)
        size = (variance + EPSILON).rsqrt()
        if self.normalisation == "batch":
            return rate * size
        axes = tuple(range(-self.unit_dims, 0))
        z = (total - mean) * size
        rate = rate - rate.mean(axes, keepdim=True)
        return size * (rate - z * (z * rate).mean(axes, keepdim=True))

    def sums(
        self,
        parameters: dict[str, Tensor],
        h: Tensor,
        feedback: Tensor | None = None,
        *,
        stream: Tensor | None = None,
        skip: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return W h + stream, and z.

        Args:
            parameters: Its own.
            h: Inputs (E, batch, ..., units).
            feedback: B^T that carries the teaching signal back to h, or None for W.
            stream: What is added before normalisation.
            skip: What is added after it.
        """
        weight, bias = parameters["weight"], parameters.get("bias")
        plain = self.normalisation == "none"
        z = total = self.map.apply(h, weight, bias if plain else None, feedback)
        if stream is not None:
            z = total = total + stream
        if not plain:
            z = self._normalised(total)
            z = z if bias is None else z + self._spread(bias, z)
        return total, z if skip is None else z + skip

    def activate(self, z: Tensor) -> Tensor:
        """Return f(z)."""
        y = NONLINEARITIES[self.nonlinearity](z)
        y = _local_response(y) if self.local_response else y
        if self.draws is None or not self.dropout:
            return y
        kept = self.draws.uniform(f"dropout {self.name}", y.shape[1:]) >= self.dropout
        return y * kept / (1 - self.dropout)

    def project(self, weight: Tensor, h: Tensor) -> Tensor:
        """Return W h, without the bias, for `weight` of the shape of W."""
        return self.map.project(weight, h)

    def back_project(self, weight: Tensor, d: Tensor) -> Tensor:
        """Return W^T d for d of the shape of z."""
        return self.map.back_project(weight, d)

    def outer(self, d: Tensor, h: Tensor) -> Tensor:
        """Return the mean over the batch of d h^T, in the shape of W."""
        return self.map.outer(d, h)

    def statistics(self, total: Tensor) -> Population:
        """Return mean and variance of W h over examples (and positions), for `population`."""
        axes = (1, *range(3, total.dim())) if self.unit_dims == 3 else (*range(1, total.dim() - 1),)
        variance, mean = torch.var_mean(total, axes, correction=0, keepdim=True)
        return Population(mean, variance)

    def before_normalising(self, extra: Tensor, total: Tensor) -> Tensor:
        """Return what in W h + stream is as much as `extra` is in z.

        Args:
            extra: In units of z.
            total: W h + stream, whose mean and variance are held.
        """
        if self.normalisation == "none":
            return extra
        return extra * (self._moments(total).variance.detach() + EPSILON).sqrt()

    def _normalised(self, total: Tensor) -> Tensor:
        mean, variance = self._moments(total)
        return (total - mean) * (variance + EPSILON).rsqrt()

    def _moments(self, total: Tensor) -> Population:
        if self.normalisation == "batch":
            return self.population or self.statistics(total)
        axes = tuple(range(-self.unit_dims, 0))
        variance, mean = torch.var_mean(total, axes, correction=0, keepdim=True)
        return Population(mean, variance)

    def _spread(self, bias: Tensor, like: Tensor) -> Tensor:
        ones = (1,) * (like.dim() - self.unit_dims - 1)
        return bias.view(len(bias), *ones, -1, *(1,) * (self.unit_dims - 1))


def _local_response(y: Tensor, size: int = 5, beta: float = 0.75) -> Tensor:
    """Return y / (1 + mean of y² over neighbouring channels)^beta.

    Source: Krizhevsky, Sutskever & Hinton 2012. Their weight on the squares, 1e-4, belongs to
    activity of pixels from 0 to 255; with inputs of unit variance it would do nothing.
    """
    return functional.local_response_norm(y.flatten(0, 1), size, 1.0, beta, 1.0).view_as(y)
