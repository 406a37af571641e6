"""Which observables a recording holds, and features as if fewer had been recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.features.deviations import has_deviations, with_deviations
from rule_id.features.paths import is_of_path
from rule_id.features.table import FeatureTable, split_name
from rule_id.trajectories import observable_of

__all__ = [
    "PATTERNS",
    "TRAINED_GAPS",
    "feature_matrix",
    "feature_observables",
    "hide",
    "network_ids",
    "pattern_of",
    "patterns_of",
]

_ORDER = ("activation", "weight", "activity_change")

PATTERNS: dict[str, tuple[str, ...]] = {
    "+".join(observables): observables
    for count in (1, 2, 3)
    for observables in combinations(_ORDER, count)
}
"""The patterns of observables that are scored and calibrated, such as `activation+weight`."""

TRAINED_GAPS = tuple(
    tuple(name for name in _ORDER if name not in recorded)
    for recorded in PATTERNS.values()
    if len(recorded) < len(_ORDER)
)
"""What is taken from the second copy of each training row, so that every pattern is met."""


def pattern_of(observables: Iterable[str]) -> str:
    """Return the name of the pattern with exactly these observables.

    >>> pattern_of(["weight", "activation"])
    'activation+weight'
    """
    recorded = set(observables)
    return "+".join(observable for observable in _ORDER if observable in recorded)


def patterns_of(observables: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Return the patterns that consist of some observables; all when None.

    Raises:
        InputError: An observable is unknown, or there is none.

    >>> list(patterns_of(["activation", "weight"]))
    ['activation', 'weight', 'activation+weight']
    """
    if observables is None:
        return PATTERNS
    for name in observables:
        one_of("observable", name, _ORDER)
    if not observables:
        raise InputError(f"observables must name one or more of {', '.join(_ORDER)}; got none")
    return {name: held for name, held in PATTERNS.items() if set(held) <= set(observables)}


def feature_observables(names: Sequence[str]) -> np.ndarray:
    """Return the observable of each feature, shape (d,); empty text for the depth flags."""
    statistics = [split_name(name)[0] for name in names]
    return np.array(["" if s == "depth" else observable_of(s) for s in statistics], dtype=object)


def hide(values: np.ndarray, names: Sequence[str], recorded: Iterable[str]) -> np.ndarray:
    """Return the features as they would be, had only the `recorded` observables been measured.

    Args:
        values: Shape (n, d).
        names: The d names of the features.
        recorded: Observables that stay; features of any other become NaN.
    """
    observables = feature_observables(names)
    return np.where(np.isin(observables, ["", *recorded]), values, np.nan).astype(values.dtype)


def feature_matrix(table: FeatureTable, names: Sequence[str]) -> np.ndarray:
    """Return the named features of a table, shape (n, d), float32.

    What is not finite is missing: a value too large for float32 says no more than that. Deviations
    are added to a table that has none, so it must have all layers of its networks. Features of
    paths are missing in a table of trajectories whose checkpoints were not compared.

    Raises:
        InputError: The table lacks a feature.
    """
    if has_deviations(names):
        table = with_deviations(table)
    missing = sorted(set(names) - set(table.names))
    if missing and all(is_of_path(name) for name in missing):
        return _with_missing(table, names, missing)
    if missing:
        raise InputError(
            f"features must hold all {len(names)} that the classifier was trained on; "
            f"{len(missing)} are missing, such as {missing[0]}"
        )
    return _finite(table.values[list(names)].to_numpy(dtype=np.float32))


def _with_missing(table: FeatureTable, names: Sequence[str], missing: Sequence[str]) -> np.ndarray:
    absent = set(missing)
    values = np.full((len(table), len(names)), np.nan, dtype=np.float32)
    there = [place for place, name in enumerate(names) if name not in absent]
    values[:, there] = table.values[[names[place] for place in there]].to_numpy(dtype=np.float32)
    return _finite(values)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def network_ids(meta: pd.DataFrame) -> np.ndarray:
    """Return an id for each row (n,), the same for layers to be combined.

    Layers are combined within a network and a measurement: the same network seen through another
    measurement is another recording of it.
    """
    if "measurement" not in meta.columns:
        return meta["network"].astype(str).to_numpy(dtype=object)
    ids = meta["network"].astype(str) + "/" + meta["measurement"].astype(str)
    return ids.to_numpy(dtype=object)
