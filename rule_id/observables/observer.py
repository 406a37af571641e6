"""Measuring an ensemble at its checkpoints, whatever its layers are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rule_id.observables.draws import generator
from rule_id.observables.following import Follower, SeenWeights
from rule_id.observables.measurement import Measurement, n_kept
from rule_id.observables.observation import fluorescence, gains, positive_scale, spike_counts
from rule_id.observables.statistics import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)
from rule_id.trajectories import STATISTICS

__all__ = ["ActivityLike", "LayerLike", "Observer"]


class LayerLike(Protocol):
    """What measuring asks of a layer (`rule_id.networks.Layer` is one)."""

    @property
    def n_in(self) -> int:
        """All units on its input side; of a convolution channels x height x width."""

    @property
    def n_out(self) -> int:
        """All units on its output side."""

    @property
    def kind(self) -> str:
        """`recurrent` where its weights join its own units."""

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

    def along(self, parameters: dict[str, Tensor], h: Tensor, direction: Tensor) -> Tensor:
        """Return how fast that grows as h moves along a direction, one for all stimuli."""

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
        self._units: dict[tuple[str, int], Tensor] = {}
        self._follower = Follower(seeds) if measurement.pairs else None

    def pairs(self) -> Tensor | None:
        """Return what each two of the checkpoints measured so far say, as of `Follower.pairs`.

        None where the measurement does not ask for it. Of units that are not tracked nothing is
        said of weights.
        """
        return None if self._follower is None else self._follower.pairs()

    def measure(
        self,
        layers: Sequence[LayerLike],
        parameters: list[dict[str, Tensor]],
        activity: ActivityLike,
        checkpoint: int,
    ) -> Tensor:
        """Return the 45 statistics of every layer, (E, layers, 45), in the order of `STATISTICS`.

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
        tables = []
        for index, (layer, own) in enumerate(zip(layers, parameters, strict=True)):
            detached = {name: tensor.detach() for name, tensor in own.items()}
            table = self._measure_layer(layer, index, detached, activity, checkpoint)
            tables.append(_stacked([table[name] for name in STATISTICS]))
        return torch.stack(tables, 1)

    def _measure_layer(
        self,
        layer: LayerLike,
        index: int,
        own: dict[str, Tensor],
        activity: ActivityLike,
        checkpoint: int,
    ) -> dict[str, Any]:
        output = _by_unit(layer, activity.outputs[index].detach())
        outputs = self._kept("units-out", index, layer.n_out, checkpoint, output.device)
        activation = self._activation(index, output, outputs, checkpoint)
        if self.measurement.complete:
            weight = self._weight(layer, index, own["weight"], checkpoint)
            inputs = self._kept("units-in", index, layer.n_in, checkpoint, output.device)
            pull = _pull(layer, activity, index, outputs)
            change = _change(layer, own, activity.inputs[index], pull, inputs)
            if self.measurement.noise_std:
                entries = layer.n_in if inputs is None else inputs.shape[1]
                slopes = partial(_slopes, layer, own, activity.inputs[index], pull)
                change = change + self._noise_of_sums(index, change, entries, slopes, checkpoint)
        else:
            weight = change = output.new_full((len(output), 1), torch.nan)
        if self._follower is not None:
            same = self._same_weights(layer)
            seen = self._seen_weights(layer, index, weight, checkpoint) if same else None
            self._follower.add(index, seen, activation)
        return {
            **tensor_statistics(_array(weight.flatten(1)), "weight"),
            **activation_statistics(_array(activation)),
            **activity_change_statistics(_array(change)),
        }

    def _same_weights(self, layer: LayerLike) -> bool:
        """Say whether the weights seen are the same at every checkpoint."""
        seen = self.measurement
        every = all(n_kept(seen.units, n) == n for n in (layer.channels_in, layer.channels_out))
        return seen.complete and (seen.tracked or every)

    def _weight(self, layer: LayerLike, index: int, weight: Tensor, checkpoint: int) -> Tensor:
        """Return the weights between the channels seen, with all their taps."""
        scale = self._noise_scale("weight", index, weight)
        for axis, kept in enumerate(self._channels(layer, index, weight.device, checkpoint), 1):
            weight = _take(weight, kept, axis)
        return self._noisy("weight", index, weight, scale, checkpoint)

    def _channels(
        self, layer: LayerLike, index: int, device: torch.device, checkpoint: int
    ) -> list[Tensor | None]:
        """Return which channels are seen on the output side and on the input side, None for all.

        Where channels are units, those are seen that are seen of the activity.
        """
        sides = (
            ("out", layer.channels_out, layer.n_out),
            ("in", layer.channels_in, layer.n_in),
        )
        purposes = [f"{'units' if n == units else 'channels'}-{side}" for side, n, units in sides]
        return [
            self._kept(purpose, index, n, checkpoint, device)
            for purpose, (_, n, _) in zip(purposes, sides, strict=True)
        ]

    def _seen_weights(
        self, layer: LayerLike, index: int, weight: Tensor, checkpoint: int
    ) -> SeenWeights:
        outputs, inputs = self._channels(layer, index, weight.device, checkpoint)
        recurrent = layer.kind == "recurrent"
        return SeenWeights(
            weight, layer.channels_out, layer.channels_in, outputs, inputs, recurrent
        )

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
        spread = self._noise_scale("activation", index, x)
        return self._noisy("activation", index, _take(x, kept), spread, checkpoint)

    def _kept(
        self, purpose: str, index: int, n: int, checkpoint: int, device: torch.device
    ) -> Tensor | None:
        """Return the indices of the units or channels seen, (E, kept), or None for all."""
        kept = n_kept(self.measurement.units, n)
        if kept == n:
            return None
        if not self.measurement.tracked:
            return self._drawn_units(purpose, index, n, checkpoint).to(device)
        if (purpose, index) not in self._units:
            self._units[purpose, index] = self._drawn_units(purpose, index, n, 0).to(device)
        return self._units[purpose, index]

    def _drawn_units(self, purpose: str, index: int, n: int, moment: int) -> Tensor:
        """Return units drawn for each network; the two sides of a layer are drawn apart."""
        kept = n_kept(self.measurement.units, n)
        drawn = [
            generator(seed, purpose, index, moment).permutation(n)[:kept] for seed in self.seeds
        ]
        return torch.as_tensor(np.stack(drawn))

    def _scale(self, what: str, index: int, x: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return what `of` gave for a layer at the first call, (E,)."""
        if (what, index) not in self._scales:
            self._scales[what, index] = of(x)
        return self._scales[what, index]

    def _noise_scale(self, observable: str, index: int, x: Tensor) -> Tensor | None:
        """Return the spread of a layer's noiseless entries at the first call, (E,)."""
        if not self.measurement.noise_std:
            return None
        return self._scale(observable, index, x, _standard_deviation)

    def _noisy(
        self, observable: str, index: int, x: Tensor, scale: Tensor | None, checkpoint: int
    ) -> Tensor:
        """Return entries with noise.

        Every entry has noise of its own, so that it is only drawn for those that are seen.
        """
        if scale is None:
            return x
        flat = x.flatten(1)
        return (flat + self._noise(observable, index, flat, scale, checkpoint)).view(x.shape)

    def _noise_of_sums(
        self,
        index: int,
        sums: Tensor,
        entries: int,
        slopes: Callable[[], Tensor],
        checkpoint: int,
    ) -> Tensor:
        """Return what noise on every slope adds to sums of so many of them, (E, stimuli).

        The sum of n independent normal numbers is drawn as one, sqrt(n) times as large.
        """
        scale = self._scale("activity_change", index, sums, lambda _: _standard_deviation(slopes()))
        noise = self._noise("activity_change", index, sums, scale, checkpoint)
        return math.sqrt(entries) * noise

    def _noise(
        self, observable: str, index: int, like: Tensor, scale: Tensor, checkpoint: int
    ) -> Tensor:
        """Return independent noise in the shape of `like` (E, n)."""
        drawn = np.empty(like.shape, np.float32)
        for seed, row in zip(self.seeds, drawn, strict=True):
            source = generator(seed, f"noise-{observable}", index, checkpoint)
            source.standard_normal(out=row, dtype=np.float32)
        return self.measurement.noise_std * scale[:, None] * torch.as_tensor(drawn).to(like.device)


def _by_unit(layer: LayerLike, x: Tensor) -> Tensor:
    """Return activity (E, ..., units' axes) as (E, stimuli, units)."""
    return x.flatten(-layer.unit_dims).flatten(1, -2)


def _pull(layer: LayerLike, activity: ActivityLike, index: int, outputs: Tensor | None) -> Tensor:
    """Return d(mean response of `outputs`)/dz, in the shape of z."""
    z = activity.preactivations[index].detach().requires_grad_()
    with torch.enable_grad():
        response = _by_unit(layer, layer.activate(z))
        total = _take(response, outputs).mean(-1).sum()
    (pull,) = torch.autograd.grad(total, z)
    return pull


def _change(
    layer: LayerLike, own: dict[str, Tensor], h: Tensor, pull: Tensor, inputs: Tensor | None
) -> Tensor:
    """Return the slopes summed over `inputs`, (E, stimuli), without the slopes themselves.

    The sum of a gradient's entries is the derivative along the direction that has 1 at each.
    """
    units = h.shape[-layer.unit_dims :]
    direction = h.new_ones(len(h), layer.n_in)
    if inputs is not None:
        direction = direction.zero_().scatter_(1, inputs, 1.0)
    one = direction.view(len(h), *[1] * (h.dim() - layer.unit_dims - 1), *units)
    return _by_unit(layer, pull * layer.along(own, h.detach(), one)).sum(-1)


def _slopes(layer: LayerLike, own: dict[str, Tensor], h: Tensor, pull: Tensor) -> Tensor:
    """Return d(mean response)/dh (E, stimuli x n_in), one entry an input unit."""
    leaf = h.detach().requires_grad_()
    with torch.enable_grad():
        z = layer.preactivation(own, leaf)
    (slopes,) = torch.autograd.grad(z, leaf, pull)
    return slopes.flatten(1)


def _array(x: Tensor) -> Any:
    """Return x for the statistics: on a CPU as NumPy's, whose calls take a third of torch's."""
    return x.numpy() if x.device.type == "cpu" else x


def _stacked(statistics: list[Any]) -> Tensor:
    """Return statistics (E,) side by side, (E, 45)."""
    if isinstance(statistics[0], Tensor):
        return torch.stack(statistics, -1)
    return torch.as_tensor(np.stack(statistics, -1))


def _take(x: Tensor, kept: Tensor | None, axis: int = -1) -> Tensor:
    """Keep these entries (E, kept) of an axis of x (E, ...), by network."""
    if kept is None:
        return x
    shape = [len(x)] + [1] * (x.dim() - 1)
    shape[axis] = -1
    return torch.take_along_dim(x, kept.view(shape), axis)


def _standard_deviation(x: Tensor) -> Tensor:
    return x.flatten(1).std(1, correction=0)
