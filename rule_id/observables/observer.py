"""Measuring an ensemble at its checkpoints, whatever its layers are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rule_id.observables.draws import generator
from rule_id.observables.measurement import Measurement, n_kept
from rule_id.observables.observation import fluorescence, gains, positive_scale, spike_counts
from rule_id.observables.statistics import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)

__all__ = ["ActivityLike", "LayerLike", "Observer"]


class LayerLike(Protocol):
    """What measuring asks of a layer (`rule_id.networks.DenseLayer` is one)."""

    @property
    def n_in(self) -> int:
        """All units on its input side; of a convolution channels x height x width."""

    @property
    def n_out(self) -> int:
        """All units on its output side."""

    @property
    def unit_dims(self) -> int:
        """How many last axes of its activity count units: 1, or 3 for (C, H, W)."""

    @property
    def channels_in(self) -> int:
        """Length of the third axis of its weights; `n_in` where each unit has its own."""

    @property
    def channels_out(self) -> int:
        """Length of the second axis of its weights; `n_out` where each unit has its own."""

    def preactivation(self, parameters: dict[str, Tensor], h: Tensor) -> Tensor:
        """Return W h + b for what it is fed, with plain W; of a recurrent layer W h_{t-1}."""

    def activate(self, z: Tensor) -> Tensor:
        """Return f(z)."""


class ActivityLike(Protocol):
    """What measuring asks of activity, for each layer (E, stimuli, ...units)."""

    @property
    def inputs(self) -> list[Tensor]:
        """What each layer was fed; of a recurrent layer h_{t-1} at every time step."""

    @property
    def preactivations(self) -> list[Tensor]:
        """Z of each layer: W h + b, and what else drove its units."""

    @property
    def outputs(self) -> list[Tensor]:
        """What each layer's units did."""


class Observer:
    """Measures an ensemble at its checkpoints under one measurement.

    Observing is passive: it draws from generators of its own and changes no parameter. Whatever
    lies between the network axis and the units counts as stimuli: those of a dense or convolutional
    layer, and each time step of each for a layer that runs in time.
    """

    def __init__(self, measurement: Measurement, seeds: Sequence[int]) -> None:
        """Keep what stays the same over training.

        Args:
            measurement: Units, noise and observation model.
            seeds: A seed for each network (E,), for all that is drawn.
        """
        self.measurement = measurement
        self.seeds = list(seeds)
        self._scales: dict[tuple[str, int], Tensor] = {}

    def measure(
        self,
        layers: Sequence[LayerLike],
        parameters: list[dict[str, Tensor]],
        activity: ActivityLike,
        checkpoint: int,
    ) -> dict[str, Tensor]:
        """Return the 45 statistics of every layer, each (E, layers).

        Args:
            layers: The layers, first to last, as they are at this checkpoint: one that normalises
                holds the population statistics of these parameters.
            parameters: Parameters of each layer; the weights (E, channels_out, channels_in, taps).
            activity: What the network does on held-out stimuli: a forward pass, or what its units
                settle to. Where more than W h + b drives a unit, that is held while the slopes of
                its response are taken.
            checkpoint: Which checkpoint it is; what is measured in multiples of the layer's own
                activity is so of that at the first call.

        Returns:
            The statistics; NaN for weights and activity changes where the observation model does
            not see them, and for spikes and fluorescence of a layer that was silent or constant at
            the first call.
        """
        tables = [
            self._measure_layer(
                layer,
                index,
                {name: tensor.detach() for name, tensor in own.items()},
                activity,
                checkpoint,
            )
            for index, (layer, own) in enumerate(zip(layers, parameters, strict=True))
        ]
        return {name: torch.stack([table[name] for table in tables], 1) for name in tables[0]}

    def _measure_layer(
        self,
        layer: LayerLike,
        index: int,
        own: dict[str, Tensor],
        activity: ActivityLike,
        checkpoint: int,
    ) -> dict[str, Tensor]:
        output = _by_unit(layer, activity.outputs[index].detach())
        outputs = self._kept("units-out", index, layer.n_out, checkpoint, output.device)
        activation = self._activation(index, output, outputs, checkpoint)
        if self.measurement.complete:
            weight = self._weight(layer, index, own["weight"], checkpoint)
            slopes = _slopes(layer, own, activity, index, outputs)
            slopes = self._noisy("activity_change", index, slopes, checkpoint)
            inputs = self._kept("units-in", index, layer.n_in, checkpoint, output.device)
            change = _take(slopes, inputs).sum(-1)
        else:
            weight = change = output.new_full((len(output), 1), torch.nan)
        return {
            **tensor_statistics(weight.flatten(1), "weight"),
            **activation_statistics(activation),
            **activity_change_statistics(change),
        }

    def _weight(self, layer: LayerLike, index: int, weight: Tensor, checkpoint: int) -> Tensor:
        """Return the weights between the channels seen, with all their taps."""
        weight = self._noisy("weight", index, weight, checkpoint)
        # Where channels are units, those are seen that are seen of the activity.
        for axis, side, n, n_units in (
            (1, "out", layer.channels_out, layer.n_out),
            (2, "in", layer.channels_in, layer.n_in),
        ):
            purpose = f"units-{side}" if n == n_units else f"channels-{side}"
            kept = self._kept(purpose, index, n, checkpoint, weight.device)
            weight = _take(weight, kept, axis)
        return weight

    def _activation(self, index: int, x: Tensor, kept: Tensor | None, checkpoint: int) -> Tensor:
        """Return what the observation model makes of activations, for the units seen."""
        if self.measurement.observation == "poisson":
            scale = self._scale("rate", index, x, positive_scale)
            sources = [generator(s, "counts", index, checkpoint) for s in self.seeds]
            return spike_counts(_take(x, kept), scale, self.measurement.counts, sources)
        if self.measurement.observation == "calcium":
            gain = torch.as_tensor(gains(self.seeds, index, x.shape[-1], checkpoint))
            scale = self._scale("concentration", index, x, _standard_deviation)
            x = fluorescence(x, scale, gain.to(x.device, x.dtype))
        return _take(self._noisy("activation", index, x, checkpoint), kept)

    def _kept(
        self, purpose: str, index: int, n: int, checkpoint: int, device: torch.device
    ) -> Tensor | None:
        """Return the indices of the units or channels seen, (E, kept), or None for all."""
        kept = n_kept(self.measurement.units, n)
        if kept == n:
            return None
        moment = 0 if self.measurement.tracked else checkpoint
        # The two sides of a layer are drawn apart, as in the published code.
        drawn = [
            generator(seed, purpose, index, moment).permutation(n)[:kept] for seed in self.seeds
        ]
        return torch.as_tensor(np.stack(drawn), device=device)

    def _scale(self, what: str, index: int, x: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `of` gave for a layer at the first call, (E,)."""
        if (what, index) not in self._scales:
            self._scales[what, index] = of(x)
        return self._scales[what, index]

    def _noisy(self, observable: str, index: int, x: Tensor, checkpoint: int) -> Tensor:
        if not self.measurement.noise_std:
            return x
        flat = x.flatten(1)
        noise = np.stack(
            [
                generator(seed, f"noise-{observable}", index, checkpoint).standard_normal(
                    flat.shape[1], dtype=np.float32
                )
                for seed in self.seeds
            ]
        )
        scale = self._scale(observable, index, flat, _standard_deviation)
        amount = self.measurement.noise_std * scale[:, None]
        return (flat + amount * torch.as_tensor(noise, device=x.device)).view(x.shape)


def _by_unit(layer: LayerLike, x: Tensor) -> Tensor:
    """Return activity (E, ..., units' axes) as (E, stimuli, units)."""
    return x.flatten(-layer.unit_dims).flatten(1, -2)


def _slopes(
    layer: LayerLike,
    own: dict[str, Tensor],
    activity: ActivityLike,
    index: int,
    outputs: Tensor | None,
) -> Tensor:
    """Return d(mean response of `outputs`)/dh (E, stimuli, n_in), one entry an input unit."""
    h = activity.inputs[index].detach().requires_grad_()
    with torch.enable_grad():
        alone = layer.preactivation(own, h)
        # Exactly zero in a forward pass; elsewhere what comes from above or below and is held.
        held = (activity.preactivations[index] - alone).detach()
        response = _by_unit(layer, layer.activate(alone + held))
        total = _take(response, outputs).mean(-1).sum()
    (slopes,) = torch.autograd.grad(total, h)
    return _by_unit(layer, slopes)


def _take(x: Tensor, kept: Tensor | None, axis: int = -1) -> Tensor:
    """Keep these entries (E, kept) of an axis of x (E, ...), by network."""
    if kept is None:
        return x
    shape = [len(x)] + [1] * (x.dim() - 1)
    shape[axis] = -1
    return torch.take_along_dim(x, kept.view(shape), axis)


def _standard_deviation(x: Tensor) -> Tensor:
    return x.flatten(1).std(1, correction=0)
