"""What is recorded of a model at one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rule_id.recordings.recorder.layers import Layer, weights_of
from rule_id.recordings.recorder.normalising import normalise_precisely, precisely_normalised
from rule_id.recordings.recorder.passive import undisturbed
from rule_id.recordings.recorder.sampling import Limits
from rule_id.recordings.recorder.stimuli import Stimuli
from rule_id.recordings.recorder.watching import Response, Watch

__all__ = ["Measured", "Seen", "Wanted", "measure"]


class Seen(NamedTuple):
    """What is recorded of a layer.

    Attributes:
        activation: (stimuli, units).
        weight: The weights, or a draw from them.
        change: (stimuli,), or None.
    """

    activation: np.ndarray
    weight: np.ndarray
    change: np.ndarray | None


class Measured(NamedTuple):
    """What is recorded at a checkpoint.

    Attributes:
        layers: By name, in order of first execution.
        left_out: What is not recorded of them or at all, and why.
    """

    layers: dict[str, Seen]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """What is to be recorded.

    Attributes:
        layers: Of which layers.
        instead: By layer, the module whose output is its activation.
        stimuli: What the model is shown.
        population: What batch normalisation takes its statistics from, or None for its running
            averages.
        limits: How much is kept.
    """

    layers: Sequence[Layer]
    instead: Mapping[str, str]
    stimuli: Stimuli
    population: Stimuli | None
    limits: Limits


def measure(model: nn.Module, wanted: Wanted, slopes: bool) -> Measured:
    """Show a model the stimuli and return what its layers did, leaving it as it is.

    Args:
        model: The model.
        wanted: What is to be recorded.
        slopes: Whether activity changes are.
    """

    def keep(layer: str, n: int) -> Tensor | None:
        kept = limits.kept("units", layer, n)
        return None if kept is None else torch.as_tensor(kept)

    layers, limits = wanted.layers, wanted.limits
    watch = Watch(model, layers, wanted.instead, keep, slopes)
    norms = precisely_normalised(model, wanted.population is None)
    with undisturbed(model):
        if norms:
            population = wanted.population or wanted.stimuli
            normalise_precisely(model, norms, population.batches(model))
        for args, kwargs in wanted.stimuli.batches(model):
            watch.run(args, kwargs)
        # After the passes: some layers make their weights anew in each.
        weights = weights_of(layers)
    left_out = {}
    for layer in layers:
        for key in layer.weights:
            if not watch.responses.get(key):
                left_out[key] = watch.problems.get(layer.name, "it does not run as a module")
    seen = {}
    for key, calls in watch.responses.items():
        if calls:
            seen[key] = _seen(key, calls, weights[key], limits)
            left_out |= _of_calls(key, calls)
            if slopes and seen[key].change is None:
                left_out[f"activity_change/{key}"] = "torch gives no exact gradient for it"
    return Measured(seen, left_out)


def _alike(calls: list[list[Response]]) -> list[list[Response]]:
    """Return the calls with as many units as the first has."""
    return [call for call in calls if call and call[0].n_units == calls[0][0].n_units]


def _of_calls(key: str, calls: list[list[Response]]) -> dict[str, str]:
    others = len(calls) - len(_alike(calls))
    if not others:
        return {}
    return {f"{others} of {len(calls)} calls of {key}": "they have other numbers of units"}


def _seen(key: str, calls: list[list[Response]], weight: Tensor, limits: Limits) -> Seen:
    """Put the batches of each call, and the calls, one behind the other."""
    parts = [part for call in _alike(calls) for part in call]
    activation = torch.cat([part.activation for part in parts]).numpy()
    changes = [part.change for part in parts if part.change is not None]
    change = torch.cat(changes).numpy() if len(changes) == len(parts) else None
    kept = limits.kept("stimuli", key, len(activation))
    if kept is not None:
        activation = activation[kept]
        change = None if change is None else change[kept]
    return Seen(activation, _drawn_weights(key, weight, limits), change)


def _drawn_weights(key: str, weight: Tensor, limits: Limits) -> np.ndarray:
    kept = limits.kept("weights", key, weight.numel())
    drawn = weight if kept is None else weight.flatten()[torch.as_tensor(kept).to(weight.device)]
    return drawn.to("cpu", torch.float32).numpy()
