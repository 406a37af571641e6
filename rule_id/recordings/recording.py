"""A recording of one network: arrays in, trajectories out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rule_id.errors import InputError, one_of
from rule_id.recordings.checks import (
    CHECKPOINTS,
    SIGNALS,
    checked_layers,
    checked_observable,
    checked_steps,
    refuse_without_trajectory,
    refuse_z_scored,
)
from rule_id.recordings.comparing import compared, too_many
from rule_id.recordings.quality import doubts, gaps, negatives, without_lost_units
from rule_id.recordings.scale import KEYS, jumps, overflows
from rule_id.recordings.statistics import statistics_of
from rule_id.trajectories import OBSERVABLES, ROW_COLUMNS, STATISTICS, Trajectories, depth_group

__all__ = ["ACTIVITY_CHANGE_SOURCES", "Recording", "recording_from_arrays"]

ACTIVITY_CHANGE_SOURCES = ("gradient", "stimulation")
"""What can give an activity change; regressing outputs on inputs measures correlation."""

Layers = dict[str, np.ndarray]


@dataclass(frozen=True)
class Recording:
    """One recorded network.

    Attributes:
        name: The id of the network in `trajectories`.
        signal: `model`, `rate`, `calcium` or `deconvolved`.
        trajectories: One network with the columns `network` and `signal`, and its layers.
        observables: What was recorded of any layer, of `weight`, `activation`, `activity_change`.
        warnings: What is missing of the recording and why, a sentence each.
        tracked: Whether the units are the same at every checkpoint.
        checkpoints: `steps` of a model's training, `sessions` on several days, or blocks of
            `trials` of one session.
    """

    name: str
    signal: str
    trajectories: Trajectories
    observables: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    tracked: bool = True
    checkpoints: str = "steps"

    @property
    def is_constant(self) -> bool:
        """Whether every recorded statistic of every layer is the same at all checkpoints.

        Then no learning is seen, and nothing can be said of a learning rule.
        """
        layers = self.trajectories.rows.groupby("layer")
        # What is missing is no value: a gap is no change.
        return bool((layers[list(STATISTICS)].nunique() <= 1).all(axis=None))


def recording_from_arrays(
    name: str,
    steps: ArrayLike,
    activations: Mapping[str, ArrayLike],
    weights: Mapping[str, ArrayLike] | None = None,
    activity_change: Mapping[str, ArrayLike] | None = None,
    activity_change_source: str | None = None,
    signal: str = "model",
    *,
    layers: Sequence[str] | None = None,
    tracked: bool = True,
    checkpoints: str = "steps",
    recurrent: Mapping[str, str | None] | None = None,
) -> Recording:
    """Make a recording of one network from arrays.

    Units of a recording of cells that have NaN at some checkpoint are left out. An array that still
    has a value that is not finite at some checkpoint is missing there. `Recording.warnings` says
    so.

    Args:
        name: The id of the network.
        steps: When each checkpoint was, (T,), T >= 2, strictly rising, in any unit.
        activations: By layer, (T, stimuli, units): the same stimuli at every checkpoint.
        weights: By layer, (T, ...): the forward weights without biases.
        activity_change: By layer, (T, stimuli): sum over input units of d(mean output unit) /
            d(input unit).
        activity_change_source: `gradient` or `stimulation`; required with `activity_change`.
        signal: `model`, `rate`, `calcium` or `deconvolved`.
        layers: The layers from first to last. When absent, in order of first appearance in
            activations, weights and activity changes.
        tracked: Whether the units are the same at every checkpoint.
        checkpoints: `steps` of a model's training, `sessions` on several days, or blocks of
            `trials` of one session.
        recurrent: By layer whose weights join its own units, the layer before it, whose weights
            feed these units; None where those were not recorded. Without it each layer is taken to
            feed the next.

    Returns:
        The recording, its layers measured as those of a simulated network.

    Raises:
        InputError: An array has the wrong shape or kind, nothing finite is left, the activity
            change is of unknown source, activations are silent throughout a layer or z-scored
            within checkpoints, or single precision holds no value of an observable.

    >>> rng = np.random.default_rng(0)
    >>> recording = recording_from_arrays("mouse", [0, 10], {"V1": rng.normal(size=(2, 5, 8))})
    >>> recording.observables
    ('activation',)
    """
    one_of("signal", signal, SIGNALS)
    one_of("checkpoints", checkpoints, CHECKPOINTS)
    given = {
        "activation": activations,
        "weight": weights or {},
        "activity_change": activity_change or {},
    }
    checked = checked_steps(steps)
    arrays = {
        observable: checked_observable(KEYS[observable], observable, tables, len(checked))
        for observable, tables in given.items()
    }
    arrays["activation"], lost = without_lost_units(arrays["activation"], signal)
    _check_source(activity_change_source, bool(arrays["activity_change"]))
    _check_same_stimuli(arrays["activation"], arrays["activity_change"])
    order = checked_layers(arrays, layers)
    refuse_without_trajectory(arrays)
    refuse_z_scored(arrays["activation"], signal)
    _check_recurrent(recurrent or {}, order)
    pairs = compared(
        order, arrays["activation"], arrays["weight"], len(checked), tracked, recurrent
    )
    rows = pd.concat(
        [
            pd.concat(
                # Side by side at once: pandas warns of a hundred columns that are added one by one.
                [_layer_rows(name, checked, order, index, arrays), pd.DataFrame(pairs[layer])],
                axis=1,
            )
            for index, layer in enumerate(order)
        ],
        ignore_index=True,
    ).assign(tracked=tracked)
    return Recording(
        name=name,
        signal=signal,
        trajectories=Trajectories(
            pd.DataFrame({"network": [name], "signal": [signal]}), rows, name
        ),
        observables=tuple(observable for observable in OBSERVABLES if arrays[observable]),
        warnings=(
            *lost,
            *gaps({KEYS[observable]: tables for observable, tables in arrays.items()}),
            *overflows(rows),
            *jumps(rows, signal),
            *negatives(arrays["activation"], signal),
            *too_many(len(checked)),
            *doubts(arrays["activation"]),
        ),
        tracked=tracked,
        checkpoints=checkpoints,
    )


def _check_recurrent(recurrent: Mapping[str, str | None], layers: list[str]) -> None:
    before = dict(zip(layers[1:], layers, strict=False))
    for layer, feeding in recurrent.items():
        one_of("recurrent", layer, layers)
        if feeding is not None and feeding != before.get(layer):
            raise InputError(
                f"recurrent must give the layer before {layer}, {before.get(layer) or 'none'}, or "
                f"None; got {feeding!r}"
            )


def _check_source(source: str | None, has_activity_change: bool) -> None:
    if source is not None:
        one_of("activity_change_source", source, ACTIVITY_CHANGE_SOURCES)
    elif has_activity_change:
        raise InputError(
            "activity_change must come with activity_change_source, one of "
            f"{', '.join(ACTIVITY_CHANGE_SOURCES)}; it is missing"
        )


def _check_same_stimuli(activations: Layers, activity_change: Layers) -> None:
    for layer in activations.keys() & activity_change.keys():
        stimuli, got = activations[layer].shape[1], activity_change[layer].shape[1]
        if stimuli != got:
            raise InputError(
                f"activity_change/{layer} must have the {stimuli} stimuli of activations/{layer}; "
                f"got {got}"
            )


def _layer_rows(
    name: str, steps: np.ndarray, layers: list[str], index: int, arrays: dict[str, Layers]
) -> pd.DataFrame:
    layer, n = layers[index], len(layers)
    activations = arrays["activation"].get(layer)
    columns = {
        "network": name,
        "layer": index,
        "layer_name": layer,
        "layer_kind": "unknown",
        "depth": index / (n - 1) if n > 1 else 0.0,
        "depth_group": depth_group(index, n),
        "measurement": 0,
        "unit_fraction": np.nan,
        "n_units": np.nan if activations is None else float(activations.shape[2]),
        "tracked": True,
        "observation": "recorded",
        "noise_std": np.nan,
        "checkpoint": np.arange(len(steps)),
        "step": steps,
        "progress": (steps - steps[0]) / (steps[-1] - steps[0]),
        "loss": np.nan,
        "performance": np.nan,
    }
    measured: dict[str, np.ndarray] = {}
    for observable, tables in arrays.items():
        if layer in tables:
            measured |= statistics_of(tables[layer], observable)
    missing = np.full(len(steps), np.nan, dtype=np.float32)
    statistics = {statistic: measured.get(statistic, missing) for statistic in STATISTICS}
    return pd.DataFrame(columns | statistics)[[*ROW_COLUMNS, *STATISTICS]]
