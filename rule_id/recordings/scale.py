"""What the size of recorded values makes doubtful, from their statistics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.trajectories import OBSERVABLES, STATISTICS, observable_of

__all__ = ["KEYS", "jumps", "overflows"]

KEYS = {"activation": "activations", "weight": "weights", "activity_change": "activity_change"}
"""What a recording calls each observable."""

JUMP = 30.0
"""By what factor a root mean square may change between checkpoints before it is warned of."""

_OF = {name: [s for s in STATISTICS if observable_of(s) == name] for name in OBSERVABLES}


def overflows(rows: pd.DataFrame) -> list[str]:
    """Name the layers whose statistics are beyond single precision somewhere.

    Args:
        rows: Those of one network's trajectories.

    Raises:
        InputError: Of an observable, even the mean size is, at all checkpoints of all layers.
    """
    warnings = []
    for observable, layer, values in _by_layer(rows):
        beyond = np.isinf(values[_OF[observable]].to_numpy())
        if beyond.any():
            warnings.append(
                f"{KEYS[observable]}/{layer} has values too large to be described in single "
                f"precision at {beyond.any(axis=1).sum()} of {len(beyond)} checkpoints: "
                f"{beyond.any(axis=0).sum()} of {beyond.shape[1]} statistics overflow there and "
                "count as missing; scale the values down, alike at every checkpoint"
            )
    for observable, key in KEYS.items():
        sizes = rows[f"{observable}_abs_mean"].dropna()
        if len(sizes) and np.isinf(sizes).all():
            raise InputError(
                f"{key} must have values that single precision can hold, of a mean size below "
                "3e38; every layer is beyond at every checkpoint: scale them down, alike at each"
            )
    return warnings


def jumps(rows: pd.DataFrame, signal: str) -> list[str]:
    """Name the checkpoints from which on a layer has another scale.

    Args:
        rows: Those of one network's trajectories.
        signal: What the activations are; of cells, a jump is more likely one of the gain.
    """
    meaning = (
        "values that diverged or were scaled, and not what a rule does"
        if signal == "model"
        else "a change of gain or of processing, and not learning"
    )
    warnings = []
    for observable, layer, values in _by_layer(rows):
        size = np.sqrt(values[f"{observable}_sq_mean"].to_numpy(dtype=np.float64))
        # A gap, an overflow or silence has no scale to compare.
        at = np.flatnonzero(np.isfinite(size) & (size > 0))
        factors = size[at][1:] / size[at][:-1]
        found = np.flatnonzero(np.abs(np.log(factors)) > np.log(JUMP))
        if observable != "activity_change" and len(found):
            first = found[0]
            more = f", the first of {len(found)} such jumps" if len(found) > 1 else ""
            warnings.append(
                f"{KEYS[observable]}/{layer}: the root mean square at checkpoint {at[first + 1]} "
                f"(from 0) is {factors[first]:.3g} times that at checkpoint {at[first]}{more}: "
                f"this looks like {meaning}"
            )
    return warnings


def _by_layer(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for observable in KEYS:
        for layer, values in rows.groupby("layer_name", sort=False):
            yield observable, str(layer), values
