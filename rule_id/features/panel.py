"""Trajectory rows as arrays: one row a trajectory, with its checkpoints on an axis of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.schema import MOST_COMPARED, PAIRS, pair_columns
from rule_id.trajectories import ROW_COLUMNS, STATISTICS, Trajectories

__all__ = ["Panel", "join_panels", "pivot"]

KEYS = ["network", "measurement", "layer"]

# What differs between the checkpoints of one trajectory says nothing about the trajectory.
CHECKPOINT_COLUMNS = ("checkpoint", "step", "progress", "loss", "performance")


@dataclass(frozen=True)
class Panel:
    """The trajectories of n layers over at most T checkpoints.

    Attributes:
        meta: What the rows are, n rows, sorted by network, measurement and layer.
        time: Time of each checkpoint (n, T), from 0 at the first to 1 at the last.
        values: Statistics (n, T, 45) of float32, in the order of `STATISTICS`.
        n_checkpoints: Number of checkpoints (n,); beyond it time and values are NaN.
        pairs: What each two checkpoints say together (n, T, T, 13) of float32, symmetric, in the
            order of `PAIRS`, NaN where not measured; None where nothing was.
    """

    meta: pd.DataFrame
    time: np.ndarray
    values: np.ndarray
    n_checkpoints: np.ndarray
    pairs: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of trajectories."""
        return len(self.meta)

    def rows(self, kept: np.ndarray) -> Panel:
        """Return these trajectories, a boolean (n,) or positions, the index of `meta` made anew."""
        return Panel(
            self.meta.iloc[np.flatnonzero(kept) if kept.dtype == bool else kept].reset_index(
                drop=True
            ),
            self.time[kept],
            self.values[kept],
            self.n_checkpoints[kept],
            None if self.pairs is None else self.pairs[kept],
        )

    def seen(self, checkpoints: np.ndarray) -> Panel:
        """Return the same trajectories as if only some checkpoints had been recorded.

        Time runs from 0 to 1 over what is left, so that nothing tells how much was cut off.

        Args:
            checkpoints: Positions (m,), rising, 2 or more, all below every `n_checkpoints`.
        """
        t, apart = self.time[:, checkpoints], self.pairs
        first, last = t[:, :1], t[:, -1:]
        return replace(
            self,
            time=(t - first) / (last - first),
            values=self.values[:, checkpoints],
            n_checkpoints=np.full(len(self), len(checkpoints)),
            pairs=None if apart is None else apart[:, checkpoints][:, :, checkpoints],
        )


def join_panels(panels: Iterable[Panel]) -> Panel:
    """Return the trajectories of all panels, those of fewer checkpoints filled with NaN."""
    parts = list(panels)
    longest = max(part.time.shape[1] for part in parts)
    return Panel(
        pd.concat([part.meta for part in parts], ignore_index=True),
        np.concatenate([_lengthened(part.time, longest) for part in parts]),
        np.concatenate([_lengthened(part.values, longest) for part in parts]),
        np.concatenate([part.n_checkpoints for part in parts]),
        _joined_pairs(parts, longest),
    )


def _joined_pairs(parts: list[Panel], longest: int) -> np.ndarray | None:
    """Return the pairs of all panels (n, T, T, 13), NaN where one has none."""
    if all(part.pairs is None for part in parts):
        return None
    shape = (longest, longest, len(PAIRS))
    joined = np.full((sum(map(len, parts)), *shape), np.nan, dtype=np.float32)
    begin = 0
    for part in parts:
        if part.pairs is not None:
            n = part.pairs.shape[1]
            joined[begin : begin + len(part), :n, :n] = part.pairs
        begin += len(part)
    return joined


def _lengthened(x: np.ndarray, length: int) -> np.ndarray:
    """Return x (n, T, ...) with NaN behind its last checkpoint."""
    missing = np.full((len(x), length - x.shape[1], *x.shape[2:]), np.nan, x.dtype)
    return np.concatenate([x, missing], axis=1) if missing.size else x


def pivot(trajectories: Trajectories) -> Panel:
    """Give every trajectory one row.

    Raises:
        InputError: A trajectory has a single checkpoint, or more than can be compared with each
            other, or its steps do not rise.
    """
    rows = trajectories.rows.sort_values([*KEYS, "checkpoint"], ignore_index=True)
    is_first = ~rows.duplicated(KEYS).to_numpy()
    row = np.cumsum(is_first) - 1
    first = np.flatnonzero(is_first)
    n_checkpoints = np.bincount(row)
    steps = rows["step"].to_numpy(dtype=np.float64)
    _check_length(rows, first, n_checkpoints, trajectories.source)
    _check_steps(rows, steps, is_first, trajectories.source)

    position = np.arange(len(rows)) - first[row]
    last = first + n_checkpoints - 1
    time = np.full((len(first), n_checkpoints.max()), np.nan)
    time[row, position] = (steps - steps[first][row]) / (steps[last] - steps[first])[row]
    values = np.full((*time.shape, len(STATISTICS)), np.nan, dtype=np.float32)
    values[row, position] = rows[list(STATISTICS)].to_numpy(dtype=np.float32)
    return Panel(
        _meta(rows.iloc[first], trajectories.networks),
        time,
        values,
        n_checkpoints,
        _pairs(rows, row, position, time.shape, trajectories.source),
    )


def _pairs(
    rows: pd.DataFrame, row: np.ndarray, position: np.ndarray, shape: tuple[int, ...], source: str
) -> np.ndarray | None:
    """Return pairs (n, T, T, 13) from their columns, in which each row looks back."""
    columns = pair_columns(rows.columns)
    if not columns:
        return None
    if shape[1] > MOST_COMPARED:
        raise InputError(
            f"{source}: a trajectory must have {MOST_COMPARED} checkpoints at most where they are "
            f"compared with each other; got {shape[1]}"
        )
    checkpoint = np.full(shape, np.nan)
    checkpoint[row, position] = rows["checkpoint"].to_numpy(dtype=np.float64)
    found = np.full((*shape, shape[1], len(PAIRS)), np.nan, dtype=np.float32)
    for place, pair in enumerate(PAIRS):
        own = columns.get(pair, {})
        to = np.array(sorted(own), dtype=np.float64)
        back = rows[[own[int(k)] for k in to]].to_numpy(dtype=np.float32)
        # The last column is that of checkpoints with which nothing was compared.
        back = np.hstack([back, np.full((len(back), 1), np.nan, dtype=np.float32)])
        at = np.searchsorted(to, checkpoint)
        at[np.append(to, np.nan)[at] != checkpoint] = len(to)
        seen = np.take_along_axis(back, at[row], axis=1)
        seen[np.arange(shape[1]) > position[:, None]] = np.nan
        found[row, position, :, place] = seen
    return np.where(np.isnan(found), found.transpose(0, 2, 1, 3), found)


def _meta(first_rows: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    columns = [name for name in ROW_COLUMNS if name not in CHECKPOINT_COLUMNS]
    return first_rows[columns].merge(networks, on="network", how="left")


def _check_length(
    rows: pd.DataFrame, first: np.ndarray, n_checkpoints: np.ndarray, source: str
) -> None:
    if n_checkpoints.min() < 2:
        where = _name(rows, int(first[n_checkpoints.argmin()]))
        raise InputError(f"{source}: a trajectory must have 2 checkpoints or more; {where} has 1")


def _check_steps(rows: pd.DataFrame, steps: np.ndarray, is_first: np.ndarray, source: str) -> None:
    stalled = ~(np.diff(steps) > 0) & ~is_first[1:]
    if stalled.any():
        at = int(stalled.argmax())
        raise InputError(
            f"{source}: step must rise from checkpoint to checkpoint; "
            f"{_name(rows, at)} goes from {steps[at]:g} to {steps[at + 1]:g}"
        )


def _name(rows: pd.DataFrame, index: int) -> str:
    return f"layer {rows['layer'].iloc[index]} of network {rows['network'].iloc[index]!r}"
