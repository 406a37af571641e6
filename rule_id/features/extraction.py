"""Trajectories to feature tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from rule_id.batches import read_batches
from rule_id.content import ContentHash
from rule_id.errors import InputError, one_of
from rule_id.features.invariant import INVARIANT_STATISTICS, normalise
from rule_id.features.panel import Panel, pivot
from rule_id.features.paths import PATH_STATISTICS, summarise_paths
from rule_id.features.rows import rows_of_times, summarise_rows
from rule_id.features.summaries import summary_names
from rule_id.features.table import FEATURE_SETS, FeatureTable
from rule_id.features.time_axis import time_axis
from rule_id.features.writing import FeatureFile, write_tables
from rule_id.trajectories import (
    ACTIVITY_STATISTICS,
    DEPTH_GROUPS,
    STATISTICS,
    Trajectories,
    read_corpus,
)

__all__ = ["PAPER_STATISTICS", "extract", "extract_panel", "features", "summarise_panel"]

PAPER_STATISTICS = (
    *(f"weight_{function}_{statistic}"
      for function in ("abs", "raw")
      for statistic in ("mean", "median", "norm", "third_quartile", "var")),
    *(f"weight_sq_{statistic}" for statistic in ("mean", "median", "third_quartile")),
    *(f"activation_{function}_{statistic}"
      for function in ("abs", "raw")
      for statistic in ("mean", "median", "norm", "third_quartile")),
    *ACTIVITY_STATISTICS,
)  # fmt: skip
"""The 24 statistics that were always finite in the data of Nayebi et al. (2020)."""

# Trajectories of one pass: few enough that their values, 760 kB at 21 checkpoints, stay in the
# processor's cache, enough that a pass is worth its calls (benchmarks/README.md).
CHUNK = 100


@overload
def features(
    corpus: str | Path,
    out: None = None,
    *,
    feature_set: str = ...,
    paper: bool = ...,
    half: bool = ...,
    measurement: int | None = ...,
) -> FeatureTable: ...


@overload
def features(
    corpus: str | Path,
    out: str | Path,
    *,
    feature_set: str = ...,
    paper: bool = ...,
    half: bool = ...,
    measurement: int | None = ...,
) -> FeatureFile: ...


def features(
    corpus: str | Path,
    out: str | Path | None = None,
    *,
    feature_set: str = "summary",
    paper: bool = False,
    half: bool = False,
    measurement: int | None = None,
) -> FeatureTable | FeatureFile:
    """Extract the features of a corpus, and write them when `out` is given.

    To write them takes memory that does not grow with the corpus: some parts are read at a time,
    and their features appended to the file. Where an engine takes over
    (`rule_id.simulation.Engine.taking_over`), its workers extract them.

    Args:
        corpus: A folder written by `rule_id.simulation.simulate`.
        out: The Parquet file to write.
        feature_set: `trajectory`, `summary` or `invariant`; see `extract`.
        paper: Keep only the 24 statistics of the 2020 paper; for the set `trajectory` alone.
        half: Write half-precision floats: three digits, in half of the space.
        measurement: Only what was seen under this measurement of the plan, 0 for the first; None
            for all.

    Returns:
        The table, or when it is written what was written, without the values: `read_features` reads
        them. The `info` of both also names the corpus and the hash of its content.

    Raises:
        InputError: The corpus is damaged or empty, or the options do not fit it.
    """
    _check_options(feature_set, paper)
    if out is None:
        (table,) = _tables([read_corpus(corpus)], feature_set, paper, measurement)
        return table
    batches = read_batches(corpus)
    return write_tables(out, _tables(batches, feature_set, paper, measurement), half=half)


def _tables(
    batches: Iterable[Trajectories], feature_set: str, paper: bool, measurement: int | None
) -> Iterator[FeatureTable]:
    """Yield the features of each batch in order, with what is known of all so far as info.

    They are extracted here, one after the other, or by a cluster where an engine takes over.
    """
    content = ContentHash()
    longest, source = 0, ""

    def added() -> Iterator[Trajectories]:
        nonlocal source
        for batch in batches:
            content.update(batch)
            source = batch.source
            yield batch

    run = Parallel(return_as="generator", pre_dispatch="2 * n_jobs")
    task = delayed(_extracted)
    for table in run(task(batch, feature_set, paper, measurement) for batch in added()):
        n_checkpoints = table.info["n_checkpoints"]
        if feature_set == "trajectory" and longest:
            _check_same_length(np.array([longest, n_checkpoints]), source)
        longest = max(longest, n_checkpoints)
        info = table.info | {"n_checkpoints": longest, "content_hash": content.hexdigest()}
        yield FeatureTable(table.meta, table.values, feature_set, info)


def _extracted(
    batch: Trajectories, feature_set: str, paper: bool, measurement: int | None
) -> FeatureTable:
    return extract(_seen(batch, measurement), feature_set, paper=paper)


def _seen(batch: Trajectories, measurement: int | None) -> Trajectories:
    """Return what was seen under one measurement."""
    if measurement is None:
        return batch
    rows = batch.rows[batch.rows["measurement"] == measurement]
    if rows.empty:
        there = sorted(batch.rows["measurement"].unique())
        raise InputError(
            f"measurement must be one of the corpus, {', '.join(map(str, there))}; "
            f"got {measurement}"
        )
    return replace(batch, rows=rows.reset_index(drop=True))


def extract(
    trajectories: Trajectories, feature_set: str = "summary", *, paper: bool = False
) -> FeatureTable:
    """Extract the features of trajectories in memory.

    - `trajectory`: the value of each statistic at each checkpoint, as in the 2020 paper.
    - `summary`: the summaries of each statistic (`rule_id.features.summary_names`).
    - `invariant`: the same of statistics freed of the laboratory's units, with the spread of
      activations beside the 45.

    Where checkpoints were compared with each other, `summary` and `invariant` have the summaries
    of `PATH_STATISTICS` too.

    Every set ends in the flags `depth.early`, `depth.middle` and `depth.deep`. No feature is made
    from loss, performance, the length of training, the number of units or the noise.

    Args:
        trajectories: Networks and what was measured of them.
        feature_set: The name of the set.
        paper: Keep only the 24 statistics of the 2020 paper; for the set `trajectory` alone.

    Returns:
        One row a (network, measurement, layer), in that order; NaN where not measured. Its `info`
        holds `paper`, `corpus` and `n_checkpoints`, the largest number of checkpoints.

    Raises:
        InputError: An option is not allowed, a trajectory has a single checkpoint or steps that do
            not rise, or `trajectory` is asked of trajectories of different lengths.

    Source: Nayebi et al., NeurIPS 2020, for `trajectory`.
    """
    return extract_panel(pivot(trajectories), feature_set, paper=paper, source=trajectories.source)


def extract_panel(
    panel: Panel, feature_set: str = "summary", *, paper: bool = False, source: str = "memory"
) -> FeatureTable:
    """Extract the features of trajectories that have a row each; see `extract`.

    Args:
        panel: The trajectories.
        feature_set: The name of the set.
        paper: Keep only the 24 statistics of the 2020 paper; for the set `trajectory` alone.
        source: Where they come from, for messages and `info`.

    Returns:
        One row a row of the panel, in its order.

    Raises:
        InputError: An option is not allowed, or `trajectory` is asked of trajectories of different
            lengths.
    """
    _check_options(feature_set, paper)
    if feature_set == "trajectory":
        _check_same_length(panel.n_checkpoints, source)
        values = _trajectory(panel, PAPER_STATISTICS if paper else STATISTICS)
    else:
        values = summarise_panel(panel, feature_set == "invariant")
    info = {
        "paper": paper,
        "corpus": Path(source).name,
        "n_checkpoints": int(panel.n_checkpoints.max()),
    }
    return FeatureTable(panel.meta, pd.concat([values, _depth(panel)], axis=1), feature_set, info)


def _check_options(feature_set: str, paper: bool) -> None:
    one_of("feature set", feature_set, FEATURE_SETS)
    if paper and feature_set != "trajectory":
        raise InputError(f"paper must go with the feature set trajectory; got {feature_set!r}")


def _check_same_length(n_checkpoints: np.ndarray, source: str) -> None:
    if n_checkpoints.min() < n_checkpoints.max():
        raise InputError(
            f"{source}: the feature set trajectory must have trajectories of one length; got "
            f"{n_checkpoints.min()} to {n_checkpoints.max()} checkpoints"
        )


def _trajectory(panel: Panel, statistics: tuple[str, ...]) -> pd.DataFrame:
    n, n_checkpoints = panel.time.shape
    kept = panel.values[:, :, [STATISTICS.index(name) for name in statistics]]
    values = np.where(np.isfinite(kept), kept, np.nan).transpose(0, 2, 1).reshape(n, -1)
    digits = max(2, len(str(n_checkpoints - 1)))
    checkpoints = [f"checkpoint_{k:0{digits}}" for k in range(n_checkpoints)]
    return pd.DataFrame(values, columns=_names(statistics, checkpoints))


def summarise_panel(panel: Panel, invariant: bool) -> pd.DataFrame:
    """Return the summaries of each row of a panel, one column a (statistic, summary).

    Args:
        panel: The trajectories.
        invariant: Free the statistics of the laboratory's units first.
    """
    statistics = INVARIANT_STATISTICS if invariant else STATISTICS
    names = summary_names()
    n_units = panel.meta["n_units"].to_numpy()
    result = np.empty((len(panel.time), len(statistics), len(names)), dtype=np.float32)
    for rows in rows_of_times(panel.time):
        t = panel.time[rows[0], : panel.n_checkpoints[rows[0]]]
        axis = time_axis(t[:, None])
        for begin in range(0, len(rows), CHUNK):
            some = rows[begin : begin + CHUNK]
            values = panel.values[some, : len(t)]
            result[some] = summarise_rows(
                axis, normalise(values, n_units[some]) if invariant else values
            )
    columns = _names(statistics, names)
    values = result.reshape(len(result), -1)
    if panel.pairs is not None:
        paths = summarise_paths(panel.pairs, panel.time)
        columns += _names(PATH_STATISTICS, names)
        values = np.hstack([values, paths.reshape(len(paths), -1)])
    return pd.DataFrame(values, columns=columns, copy=False)


def _names(statistics: tuple[str, ...], summaries: tuple[str, ...] | list[str]) -> list[str]:
    return [f"{statistic}.{summary}" for statistic in statistics for summary in summaries]


def _depth(panel: Panel) -> pd.DataFrame:
    groups = panel.meta["depth_group"].to_numpy()
    return pd.DataFrame(
        {f"depth.{group}": (groups == group).astype(np.float32) for group in DEPTH_GROUPS}
    )
