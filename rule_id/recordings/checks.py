"""What a recording must be; each check names the array, what is allowed and what arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from rule_id.errors import InputError
from rule_id.recordings.statistics import complete

__all__ = [
    "CHECKPOINTS",
    "SIGNALS",
    "checked_layers",
    "checked_observable",
    "checked_steps",
    "is_z_scored",
    "refuse_without_trajectory",
    "refuse_z_scored",
]

SIGNALS = ("model", "rate", "calcium", "deconvolved")
"""What a recording's activations are."""

CHECKPOINTS = ("steps", "sessions", "trials")
"""What a checkpoint is: a step of a model's training, a day of recording, or a block of trials of
one session."""

SHAPES = {
    "activation": ("checkpoints", "stimuli", "units"),
    "weight": ("checkpoints", "..."),
    "activity_change": ("checkpoints", "stimuli"),
}

TOLERANCE = 1e-2
"""How far the mean of z-scored values may be from 0, and their deviation from 1, rounded or not."""

Layers = dict[str, np.ndarray]


def checked_steps(steps: ArrayLike) -> np.ndarray:
    """Return the steps (T,) as float64.

    Raises:
        InputError: They are not two or more finite numbers that rise strictly.
    """
    array = _numbers("steps", steps)
    if array.ndim != 1:
        raise InputError(f"steps must have the shape (checkpoints,); got {array.shape}")
    if len(array) < 2:
        raise InputError(f"steps must hold 2 checkpoints or more; got {len(array)}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"steps must be finite; got {array[~np.isfinite(array)][0]}")
    falls = np.flatnonzero(np.diff(array) <= 0)
    if len(falls):
        at = int(falls[0])
        raise InputError(f"steps must rise strictly; got {array[at]:g}, then {array[at + 1]:g}")
    return array


def checked_observable(
    key: str, observable: str, tables: Mapping[str, ArrayLike], n_checkpoints: int
) -> Layers:
    """Return the arrays of one observable by layer.

    Args:
        key: What the recording calls the observable.
        observable: `activation`, `weight` or `activity_change`.
        tables: Arrays by layer.
        n_checkpoints: The length that the first axis must have.

    Raises:
        InputError: An array is not numeric, has another shape, or an axis without entries.
    """
    return {
        layer: _checked_array(f"{key}/{layer}", array, SHAPES[observable], n_checkpoints)
        for layer, array in tables.items()
    }


def checked_layers(arrays: Mapping[str, Layers], layers: Sequence[str] | None) -> list[str]:
    """Return the layers from first to last.

    Args:
        arrays: By observable, the arrays by layer.
        layers: The order, or None for that of first appearance.

    Raises:
        InputError: There is no layer, or `layers` does not name just those that were recorded.
    """
    recorded = list(dict.fromkeys(layer for tables in arrays.values() for layer in tables))
    if not recorded:
        raise InputError("a recording must have a layer or more, such as activations/<layer>")
    if layers is None:
        return recorded
    if sorted(layers) != sorted(recorded):
        raise InputError(
            f"layers must name each recorded layer once, {', '.join(recorded)}; "
            f"got {', '.join(layers)}"
        )
    return list(layers)


def refuse_without_trajectory(arrays: Mapping[str, Layers]) -> None:
    """Refuse a recording of which no array is finite at two checkpoints.

    Raises:
        InputError: It is so.
    """
    counts = [complete(x).sum() for tables in arrays.values() for x in tables.values()]
    if max(counts) < 2:
        raise InputError(
            "a layer or more must be free of NaN and infinite values at 2 checkpoints or more "
            f"(leave out units that were lost); no layer is at more than {max(counts)}"
        )


def refuse_z_scored(activations: Layers, signal: str) -> None:
    """Refuse activations that were z-scored within each checkpoint.

    Args:
        activations: By layer, (T, stimuli, units).
        signal: A model's activations are never refused: its normalisation is its own.

    Raises:
        InputError: At every complete checkpoint of a layer, every unit has mean 0 and standard
            deviation 1 over stimuli.
    """
    for layer, x in activations.items() if signal != "model" else ():
        checkpoints = [x[t] for t in np.flatnonzero(complete(x))]
        if checkpoints and all(is_z_scored(entry) for entry in checkpoints):
            raise InputError(
                f"activations of {layer} must keep their scale from checkpoint to checkpoint; "
                "every unit has mean 0 and standard deviation 1 at each: they are z-scored and "
                "their trajectory is lost"
            )


def is_z_scored(x: np.ndarray) -> bool:
    """Say whether every column that is not 0 throughout has mean 0 and standard deviation 1.

    Args:
        x: (stimuli, units) or (samples, units), finite.
    """
    x = x.astype(np.float64)
    if len(x) < 2 or np.any(np.abs(x.mean(axis=0)) > TOLERANCE):
        return False
    deviations = [x.std(axis=0, ddof=ddof) for ddof in (0, 1)]
    # A unit that never responds stays at 0.
    silent = deviations[0] == 0
    unit = [np.abs(deviation - 1) <= TOLERANCE for deviation in deviations]
    return not silent.all() and any(bool(np.all(near | silent)) for near in unit)


def _numbers(key: str, array: ArrayLike) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{key} must hold integers or floats; got dtype {array.dtype}")
    return array


def _checked_array(
    key: str, array: ArrayLike, axes: tuple[str, ...], n_checkpoints: int
) -> np.ndarray:
    array = _numbers(key, array)
    shape = f"({', '.join(axes)})"
    any_rank = "..." in axes
    if array.ndim < len(axes) or (array.ndim > len(axes) and not any_rank):
        raise InputError(f"{key} must have the shape {shape}; got {array.shape}")
    if len(array) != n_checkpoints:
        raise InputError(
            f"{key} must have the {n_checkpoints} checkpoints of steps on its first axis; "
            f"got the shape {array.shape}{_transposed(array.shape, n_checkpoints)}"
        )
    if array.size == 0:
        raise InputError(f"{key} must have an entry or more on each axis; got {array.shape}")
    return array


def _transposed(shape: tuple[int, ...], n_checkpoints: int) -> str:
    if n_checkpoints not in shape:
        return ""
    return f"; axis {shape.index(n_checkpoints)} (from 0) has them: transposed?"
