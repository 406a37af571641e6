"""What an experimenter sees of an ensemble at one checkpoint: which units, how much noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rule_id.observables.statistics import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)

__all__ = ["LayerLike", "Measurement", "Observer", "n_kept"]


class LayerLike(Protocol):
    """What measuring asks of a layer (`rule_id.networks.DenseLayer` is one)."""

    @property
    def n_in(self) -> int:
        """Input units."""

    @property
    def n_out(self) -> int:
        """Output units."""

    def preactivation(self, parameters: dict[str, Tensor], h: Tensor) -> Tensor:
        """Return z (E, stimuli, n_out) for h (E, stimuli, n_in), with plain W."""

    def activate(self, z: Tensor) -> Tensor:
        """Return f(z)."""


class ActivityLike(Protocol):
    """What measuring asks of activity, for each layer (E, stimuli, units)."""

    @property
    def inputs(self) -> list[Tensor]:
        """What each layer was fed."""

    @property
    def preactivations(self) -> list[Tensor]:
        """Z of each layer: W h + b, and what else drove its units."""


@dataclass(frozen=True)
class Measurement:
    """What an experimenter could see.

    Attributes:
        units: A fraction of each layer's units (float, above 0, at most 1) or a number (int).
        noise_std: Gaussian noise in multiples of the layer's own standard deviation at the first
            checkpoint, added to every entry before units are dropped; 0 or more.
        tracked: The same units at every checkpoint, or redrawn each time.
    """

    units: float | int = 1.0
    noise_std: float = 0.0
    tracked: bool = True

    @property
    def observation(self) -> str:
        """The observation model's name."""
        return "gaussian" if self.noise_std else "exact"


def n_kept(units: float | int, n: int) -> int:
    """Return how many of a layer's n units are seen.

    >>> n_kept(0.5, 3), n_kept(100, 64), n_kept(1, 64)
    (2, 64, 1)
    """
    # Rounded first: 0.07 x 100 is 7.000000000000001 in floating point, and means 7.
    return math.ceil(round(units * n, 9)) if isinstance(units, float) else min(units, n)


class Observer:
    """Measures an ensemble at its checkpoints under one measurement.

    Observing is passive: it draws from generators of its own and changes no parameter.
    """

    def __init__(
        self,
        measurement: Measurement,
        layers: Sequence[LayerLike],
        seeds: Sequence[int],
    ) -> None:
        """Keep what stays the same over training.

        Args:
            measurement: Units and noise.
            layers: The layers, first to last.
            seeds: A seed for each network (E,), for its units and noise.
        """
        self.measurement = measurement
        self.layers = layers
        self.seeds = list(seeds)
        self._scales: dict[tuple[str, int], Tensor] = {}

    def measure(
        self, parameters: list[dict[str, Tensor]], activity: ActivityLike, checkpoint: int
    ) -> dict[str, Tensor]:
        """Return the 45 statistics of every layer, each (E, layers).

        Args:
            parameters: Parameters of each layer.
            activity: What the network does on held-out stimuli: a forward pass, or what its units
                settle to. Where more than W h + b drives a unit, that is held while the slopes of
                its response are taken.
            checkpoint: Which checkpoint it is; noise is scaled by what is seen at the first call.
        """
        tables = [
            self._measure_layer(
                index, {name: tensor.detach() for name, tensor in own.items()}, activity, checkpoint
            )
            for index, own in enumerate(parameters)
        ]
        return {name: torch.stack([table[name] for table in tables], 1) for name in tables[0]}

    def _measure_layer(
        self, index: int, own: dict[str, Tensor], activity: ActivityLike, checkpoint: int
    ) -> dict[str, Tensor]:
        layer = self.layers[index]
        inputs, outputs = (
            self._kept(side, index, n, checkpoint, own["weight"].device)
            for side, n in (("in", layer.n_in), ("out", layer.n_out))
        )
        response, slopes = _respond(
            layer, own, activity.inputs[index], activity.preactivations[index], outputs
        )
        weight = self._noisy("weight", index, own["weight"], checkpoint)
        activation = self._noisy("activation", index, response, checkpoint)
        slopes = self._noisy("activity_change", index, slopes, checkpoint)
        weight = _take(_take(weight, inputs).mT, outputs).mT
        return {
            **tensor_statistics(weight.flatten(1), "weight"),
            **activation_statistics(_take(activation, outputs)),
            **activity_change_statistics(_take(slopes, inputs).sum(-1)),
        }

    def _kept(
        self, side: str, index: int, n: int, checkpoint: int, device: torch.device
    ) -> Tensor | None:
        """Return the indices of the units seen, (E, kept), or None for all."""
        kept = n_kept(self.measurement.units, n)
        if kept == n:
            return None
        moment = 0 if self.measurement.tracked else checkpoint
        # The two sides of a layer are drawn apart, as in the published code.
        drawn = [
            _generator(seed, f"units-{side}", index, moment).permutation(n)[:kept]
            for seed in self.seeds
        ]
        return torch.as_tensor(np.stack(drawn), device=device)

    def _noisy(self, observable: str, index: int, x: Tensor, checkpoint: int) -> Tensor:
        if not self.measurement.noise_std:
            return x
        flat = x.flatten(1)
        if (observable, index) not in self._scales:
            self._scales[observable, index] = flat.std(1, correction=0)
        noise = np.stack(
            [
                _generator(seed, f"noise-{observable}", index, checkpoint).standard_normal(
                    flat.shape[1], dtype=np.float32
                )
                for seed in self.seeds
            ]
        )
        amount = self.measurement.noise_std * self._scales[observable, index][:, None]
        return (flat + amount * torch.as_tensor(noise, device=x.device)).view(x.shape)


def _respond(
    layer: LayerLike, own: dict[str, Tensor], h: Tensor, z: Tensor, outputs: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the response and d(mean response of `outputs`)/dh, one entry an input unit."""
    h = h.detach().requires_grad_()
    with torch.enable_grad():
        alone = layer.preactivation(own, h)
        # Exactly zero in a forward pass; elsewhere what comes from above and is held.
        response = layer.activate(alone + (z - alone).detach())
        total = _take(response, outputs).mean(-1).sum()
    (slopes,) = torch.autograd.grad(total, h)
    return response.detach(), slopes


def _take(x: Tensor, kept: Tensor | None) -> Tensor:
    """Keep these units of the last axis of x (E, n, units), by network."""
    return x if kept is None else torch.take_along_dim(x, kept[:, None, :], -1)


def _generator(seed: int, purpose: str, index: int, moment: int) -> np.random.Generator:
    entropy = [seed, int.from_bytes(purpose.encode(), "little"), index, moment]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
