"""What is missing or doubtful in the arrays of a recording."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.statistics import complete

__all__ = ["doubts", "gaps", "negatives", "without_lost_units"]

FEW = 10
"""Units or stimuli of a layer below which its statistics are too rough to go by."""

SPIKES = ("rate", "deconvolved")
"""Signals that count spikes."""

Layers = dict[str, np.ndarray]


def without_lost_units(activations: Layers, signal: str) -> tuple[Layers, list[str]]:
    """Leave out, at all checkpoints, the units that were not recorded throughout.

    A checkpoint at which no unit was recorded is a gap of the recording and costs no unit. Where
    more than half of a layer's units would go, none does: then the checkpoints count as missing.

    Args:
        activations: By layer, (T, stimuli, units); NaN where a unit was not recorded.
        signal: In a `model` a NaN is a value that diverged and not a unit that was lost.

    Returns:
        The activations that are left, and a warning for each layer with lost units.
    """
    if signal == "model":
        return activations, []
    left, warnings = {}, []
    for layer, x in activations.items():
        missing = np.array([np.isnan(entry).any(axis=0) for entry in x])
        lost = missing[~missing.all(axis=1)].any(axis=0)
        n_lost, n_units = int(lost.sum()), x.shape[2]
        if not 0 < n_lost <= n_units / 2:
            left[layer] = x
            continue
        left[layer] = x[:, :, ~lost]
        warnings.append(
            f"activations/{layer}: {n_lost} of {n_units} units are left out, for they have NaN at "
            "some checkpoint"
        )
    return left, warnings


def gaps(arrays: Mapping[str, Layers]) -> list[str]:
    """Describe the checkpoints at which an array is not finite throughout.

    Args:
        arrays: By what the recording calls each observable, arrays (T, ...) by layer.
    """
    warnings = []
    for key, tables in arrays.items():
        for layer, x in tables.items():
            n_missing = int(np.sum(~complete(x)))
            if n_missing:
                warnings.append(
                    f"{key}/{layer} has NaN or infinite values at {n_missing} of {len(x)} "
                    "checkpoints, where it counts as missing"
                )
    return warnings


def negatives(activations: Layers, signal: str) -> list[str]:
    """Count the values below 0 of signals that have none.

    Args:
        activations: By layer, (T, stimuli, units).
        signal: `rate` and `deconvolved` are of spikes, which are never fewer than none.
    """
    if signal not in SPIKES:
        return []
    shares = {layer: float(np.mean(x < 0)) for layer, x in activations.items()}
    return [
        f"activations/{layer}: {share:.2g} of the values are negative, which no {signal} is; were "
        "they centred, or are they another signal?"
        for layer, share in shares.items()
        if share
    ]


def doubts(activations: Layers) -> list[str]:
    """Name the layers in which there is too little to go by.

    Args:
        activations: By layer, (T, stimuli, units).

    Raises:
        InputError: All units of a layer are 0 throughout.
    """
    warnings = []
    for layer, x in activations.items():
        n_silent = int(np.sum(~x.any(axis=(0, 1))))
        if n_silent == x.shape[2]:
            raise InputError(
                f"activations/{layer} must have a value that is not 0; all its units are silent at "
                "every checkpoint; leave out the layer"
            )
        if n_silent:
            warnings.append(
                f"activations/{layer}: {n_silent} of {x.shape[2]} units are silent: 0 at every "
                "checkpoint"
            )
        if np.array_equal(x, np.broadcast_to(x[:1], x.shape)):
            warnings.append(
                f"activations/{layer} are the same at every checkpoint: no learning is seen in "
                "them, so what is said of this layer means nothing"
            )
        for what, n in (("stimuli", x.shape[1]), ("units", x.shape[2])):
            if n < FEW:
                warnings.append(
                    f"activations/{layer} has {n} {what}; statistics of fewer than {FEW} are rough"
                )
    return warnings
