"""The trajectories behind the features that matter most, over the networks of each class.

A feature is one number of a trajectory. What is drawn is the trajectory in the unit that the
feature has: levels as they are, and shapes, which are free of units, as the change from the start
in multiples of the mean size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.batches import read_batches
from rule_id.content import ContentHash
from rule_id.errors import InputError
from rule_id.features import DEVIATION, FeatureTable, Panel, pivot, split_name, time_of
from rule_id.features.invariant import INVARIANT_STATISTICS, normalise
from rule_id.features.paths import is_of_path, paths_at
from rule_id.features.summaries import signed_log
from rule_id.features.time_axis import EDGE
from rule_id.reports.importance import RANKED_BY
from rule_id.storage import local_copy
from rule_id.trajectories import STATISTICS, Trajectories, read_manifest

__all__ = [
    "MOST_FEATURES",
    "Shown",
    "class_trajectories",
    "important_features",
    "shown_of",
]

MOST_FEATURES = 6
COLUMNS = [
    "feature", "statistic", "unit", "class", "n_networks", "progress", "median",
    "first_quartile", "third_quartile",
]  # fmt: skip

Array = np.ndarray


@dataclass(frozen=True)
class Shown:
    """What is drawn for a feature.

    Attributes:
        feature: Its name.
        statistic: The statistic that it is of.
        level: Whether it is a value of the trajectory, not a number of its shape.
        deviation: Whether it is how a layer differs from the others of its network.
        window: The part of training that it speaks of, (0, 1) where of all; equal for a moment.
    """

    feature: str
    statistic: str
    level: bool
    deviation: bool
    window: tuple[float, float]

    @property
    def unit(self) -> str:
        """The unit of the vertical axis."""
        if self.level:
            return "decades" if self.deviation else "value"
        return "change / mean size"


def important_features(measured: pd.DataFrame, most: int = MOST_FEATURES) -> list[str]:
    """Return the features that matter most overall, by SHAP values or coefficients.

    Args:
        measured: What `rule_id.reports.importance` gives for one bundle.
        most: How many, at most.

    Returns:
        At most one of each group of correlated features, and one of each statistic.
    """
    rows = measured[measured["by"] == "feature"]
    (method,) = [name for name in RANKED_BY if (rows["method"] == name).any()][:1]
    rows = rows[(rows["method"] == method) & (rows["value"] > 0)]
    chosen: list[str] = []
    seen: set[str] = set()
    for row in rows.sort_values("value", ascending=False, kind="stable").itertuples():
        own = {f"group {row.correlated}", f"statistic {split_name(str(row.group))[0]}"}
        if "statistic depth" not in own and not own & seen and len(chosen) < most:
            chosen.append(str(row.group))
            seen |= own
    return chosen


def shown_of(feature: str, n_checkpoints: int) -> Shown:
    """Return what is drawn for a feature.

    Args:
        feature: Its name.
        n_checkpoints: Length of the trajectories.

    >>> shown_of("weight_abs_mean.early_slope", 21).window
    (0.0, 0.25)
    """
    statistic, summary = split_name(feature)
    deviation = summary.endswith(DEVIATION)
    summary = summary.removesuffix(DEVIATION)
    value = summary.startswith("checkpoint_")
    level = value or summary in ("start", "end")
    if value:
        at = int(summary.removeprefix("checkpoint_")) / (n_checkpoints - 1)
        return Shown(feature, statistic, level, deviation, (at, at))
    windows = {
        "start": (0.0, 0.0),
        "end": (1.0, 1.0),
        "early": (0.0, EDGE),
        "late": (1 - EDGE, 1.0),
    }
    window = windows.get(time_of(summary, n_checkpoints), (0.0, 1.0))
    return Shown(feature, statistic, level, deviation, window)


def class_trajectories(
    corpus: str | Path,
    table: FeatureTable,
    features: Sequence[str],
    target: str,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Return the trajectories behind features: median and quartiles over the networks of a class.

    Networks that diverged are left out, and of several measurements the first of the table is
    shown. A network has one trajectory, the median over its layers; of features that say how a
    layer differs from the others, the last layer less the mean over layers.

    Args:
        corpus: The folder that the table was made from, or a compact copy of it.
        table: Features of the corpus.
        features: Names of features.
        target: What the classes are of.
        classes: The classes to show.

    Returns:
        One row a (feature, class, progress): `feature`, `statistic`, `unit`, `class`, `n_networks`
        with such a trajectory, `progress` from 0 to 1, `median`, `first_quartile` and
        `third_quartile`; none of features whose statistic the corpus does not hold.

    Raises:
        InputError: The corpus is damaged, or not the one that the table was made from.
    """
    n_checkpoints = int(table.info["n_checkpoints"])
    shown = [shown_of(feature, n_checkpoints) for feature in features]
    measurement = int(table.meta["measurement"].min()) if "measurement" in table.meta else 0
    grid = np.linspace(0, 1, n_checkpoints)
    labels: list[Array] = []
    curves: list[Array] = []
    for batch in _checked(local_copy(corpus), table):
        panel = _seen(batch, measurement, target, classes)
        if len(panel):
            of, names = _of_networks(panel, shown, grid, table.feature_set == "invariant", target)
            curves.append(of)
            labels.append(names)
    if not curves:
        raise InputError(
            f"{corpus} must hold networks of {', '.join(classes)} under measurement {measurement}; "
            "there are none"
        )
    every, classes_of = np.concatenate(curves, axis=1), np.concatenate(labels)
    found = [
        _quartiles(one, grid, values, classes_of, classes)
        for one, values in zip(shown, every, strict=True)
    ]
    some = [rows for rows in found if len(rows)]
    return pd.concat(some, ignore_index=True) if some else pd.DataFrame(columns=COLUMNS)


def _checked(corpus: Path, table: FeatureTable) -> Iterator[Trajectories]:
    """Yield the corpus in batches; after the last, refuse one that the table was not made from."""
    content = ContentHash()
    for batch in read_batches(corpus):
        content.update(batch)
        yield batch
    made_from = table.info.get("content_hash")
    # A compact copy says what it is a copy of.
    original = (read_manifest(corpus).get("compact") or {}).get("content_hash")
    if made_from not in (None, original, content.hexdigest()):
        raise InputError(
            f"corpus must be the one that the features were made from, hash {made_from}; "
            f"{corpus} has {content.hexdigest()}"
        )


def _seen(batch: Trajectories, measurement: int, target: str, classes: Sequence[str]) -> Panel:
    networks = batch.networks
    kept = networks[networks[target].isin(classes) & ~networks["diverged"].astype(bool)]
    rows = batch.rows
    of_kept = rows["network"].isin(kept["network"]) & (rows["measurement"] == measurement)
    if not of_kept.any():
        return Panel(networks.head(0), np.empty((0, 0)), np.empty((0, 0, 0)), np.empty(0))
    some = rows[of_kept].reset_index(drop=True)
    networks = kept[kept["network"].isin(some["network"])].reset_index(drop=True)
    return pivot(Trajectories(networks, some, batch.source))


def _of_networks(
    panel: Panel, shown: Sequence[Shown], grid: Array, invariant: bool, target: str
) -> tuple[Array, Array]:
    """Return curves (features, networks, T) of the networks of a panel, and their classes."""
    names = INVARIANT_STATISTICS if invariant else STATISTICS
    values = panel.values.astype(np.float64)
    if invariant:
        values = normalise(panel.values, panel.meta["n_units"].to_numpy())
    network = panel.meta["network"].to_numpy()
    first = np.flatnonzero(np.r_[True, network[1:] != network[:-1]])
    index = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(network)]))
    curves = []
    for one in shown:
        if is_of_path(one.statistic):
            layers = _on_grid(*_paths(panel, one.statistic), grid)
        else:
            layers = _on_grid(panel.time, values[:, :, names.index(one.statistic)], grid)
        layers = _transformed(one, layers, grid)
        if one.deviation:
            curves.append(_last_less_mean(layers, index, first))
        else:
            curves.append(pd.DataFrame(layers).groupby(index).median().to_numpy())
    return np.stack(curves), panel.meta[target].to_numpy()[first]


def _paths(panel: Panel, statistic: str) -> tuple[Array, Array]:
    """Return times and values (n, T) of which way layers went, NaN where nothing says it."""
    if panel.pairs is None:
        return panel.time, np.full(panel.time.shape, np.nan)
    return paths_at(statistic, panel.pairs, panel.time)


def _on_grid(time: Array, values: Array, grid: Array) -> Array:
    """Return the curves (n, T) that join the measured points by lines; NaN of fewer than two."""
    result = np.full((len(values), len(grid)), np.nan)
    measured = np.isfinite(values)
    for row in np.flatnonzero(measured.sum(axis=1) > 1):
        of = measured[row]
        result[row] = np.interp(grid, time[row, of], values[row, of])
    return result


def _transformed(one: Shown, x: Array, grid: Array) -> Array:
    if one.level:
        return signed_log(x) if one.deviation else x
    size = np.trapezoid(np.abs(x), grid, axis=1)[:, None]
    return (x - x[:, :1]) / np.where(size == 0, np.nan, size)


def _last_less_mean(layers: Array, index: Array, first: Array) -> Array:
    """Return the last layer of each network less the mean over its layers; NaN of one alone."""
    last = np.r_[first[1:], len(layers)] - 1
    means = pd.DataFrame(layers).groupby(index).mean().to_numpy()
    difference = layers[last] - means
    difference[last == first] = np.nan
    return difference


def _quartiles(
    one: Shown, grid: Array, values: Array, classes_of: Array, classes: Sequence[str]
) -> pd.DataFrame:
    parts = []
    for name in classes:
        of = pd.DataFrame(values[classes_of == name]).dropna(how="all")
        if of.empty:
            continue
        low, median, high = of.quantile([0.25, 0.5, 0.75]).to_numpy()
        columns = (
            one.feature, one.statistic, one.unit, name, len(of), grid, median, low, high
        )  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    return pd.concat(parts) if parts else pd.DataFrame(columns=COLUMNS)
