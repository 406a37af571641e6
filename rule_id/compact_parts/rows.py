"""Rows of a corpus to the tables of a compact part, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd

from rule_id.compact_parts.coding import FIRST_BITS, Coded, decode, encode, rounded
from rule_id.compact_parts.kept import KEPT, NOT_NEGATIVE, complete, number_of_weights
from rule_id.compact_parts.path_coding import CodedPaths, decode_paths, encode_paths
from rule_id.compact_parts.share_coding import SHARES, decode_shares, encode_shares
from rule_id.errors import InputError
from rule_id.schema import (
    PAIRS,
    ROW_COLUMNS,
    ROW_ORDER,
    STATISTICS,
    pair_column,
    pair_columns,
)

__all__ = [
    "CHECKPOINT_COLUMNS",
    "LAYER_COLUMNS",
    "PartTables",
    "coded",
    "decoded",
    "joined",
    "keys",
]

CHECKPOINT_COLUMNS = ("network", "checkpoint", "step", "progress", "loss", "performance")
"""What is kept once for each checkpoint of a network."""

LAYER_COLUMNS = (
    *(name for name in ROW_COLUMNS if name == "network" or name not in CHECKPOINT_COLUMNS),
    "n_weights",
)
"""What is kept once for each layer."""

CURVES = ("loss", "performance")


@dataclass(frozen=True)
class PartTables:
    """Layers, coded; n of them, under each measurement one, with T checkpoints each.

    Attributes:
        layers: `LAYER_COLUMNS`, one row a layer and measurement.
        checkpoints: `CHECKPOINT_COLUMNS`, one row a checkpoint of a network.
        courses: For each statistic of `KEPT` its n trajectories.
        paths: Of distances between checkpoints n paths, where the corpus has pairs.
        shares: Of other pairs codes (n, T(T+1)/2).
    """

    layers: pd.DataFrame
    checkpoints: pd.DataFrame
    courses: dict[str, Coded]
    paths: dict[str, CodedPaths] = field(default_factory=dict)
    shares: dict[str, np.ndarray] = field(default_factory=dict)

    def of(self, networks: Iterable[str]) -> PartTables:
        """Return what there is of these networks, sorted as rows of a corpus are."""
        chosen = set(networks)
        mine = self.layers[self.layers["network"].isin(chosen)].sort_values(ROW_ORDER[:-1])
        at = mine.index.to_numpy()
        points = self.checkpoints[self.checkpoints["network"].isin(chosen)]
        return PartTables(
            mine.reset_index(drop=True),
            points.sort_values(["network", "checkpoint"], ignore_index=True),
            {k: Coded(c.first[at], c.range[at], c.steps[at]) for k, c in self.courses.items()},
            {k: CodedPaths(p.first[at], p.steps[at], p.angles[at]) for k, p in self.paths.items()},
            {k: codes[at] for k, codes in self.shares.items()},
        )


def joined(parts: list[PartTables]) -> PartTables:
    """Return the tables of different networks as one."""
    courses, paths = [part.courses for part in parts], [part.paths for part in parts]
    return PartTables(
        pd.concat([part.layers for part in parts], ignore_index=True),
        pd.concat([part.checkpoints for part in parts], ignore_index=True),
        {name: Coded(*_end_to_end([own[name] for own in courses])) for name in KEPT},
        {name: CodedPaths(*_end_to_end([own[name] for own in paths])) for name in paths[0]},
        {name: np.concatenate([part.shares[name] for part in parts]) for name in parts[0].shares},
    )


def _end_to_end(coded: Sequence[Coded] | Sequence[CodedPaths]) -> Iterator[np.ndarray]:
    """Yield each array of some codes, those of one behind those of the other."""
    for one in fields(coded[0]):
        yield np.concatenate([getattr(part, one.name) for part in coded])


def coded(rows: pd.DataFrame, source: str) -> PartTables:
    """Code complete networks.

    Args:
        rows: `ROW_COLUMNS` and `STATISTICS`, and pairs if there are any, sorted, T >= 2
            checkpoints of every layer.
        source: Where they come from, for messages.

    Raises:
        InputError: Layers of a network differ in their checkpoints, what a layer is changes over
            time, or statistics of weights are not of one tensor.
    """
    n_checkpoints = int(rows["checkpoint"].nunique())
    if n_checkpoints < 2:
        raise InputError(f"{source}: a trajectory must have 2 checkpoints or more; it has 1")
    first = rows.iloc[::n_checkpoints]
    of_layer = [name for name in LAYER_COLUMNS if name in rows]
    at_all = np.full(len(first), n_checkpoints)
    _require_same(rows[of_layer], first[of_layer], at_all, "at all checkpoints of a layer", source)
    by_checkpoint = rows.sort_values(["network", "checkpoint", "layer"])
    n_layers = first.groupby("network", sort=False).size().to_numpy()
    counts = np.repeat(n_layers, n_checkpoints)
    begin = np.cumsum(counts) - counts
    checkpoints = by_checkpoint.iloc[begin][list(CHECKPOINT_COLUMNS)]
    shared = by_checkpoint[list(CHECKPOINT_COLUMNS)]
    _require_same(shared, checkpoints, counts, "in all layers of a network", source)
    x = {name: rows[name].to_numpy().reshape(-1, n_checkpoints) for name in STATISTICS}
    pairs = dict(_pairs(rows, n_checkpoints, source))
    return PartTables(
        first[of_layer].assign(n_weights=number_of_weights(x, source)).reset_index(drop=True),
        checkpoints.assign(**{name: rounded(checkpoints[name].to_numpy(), FIRST_BITS)
                              for name in CURVES}).reset_index(drop=True),
        _against_predecessors({name: encode(x[name], name in NOT_NEGATIVE) for name in KEPT}),
        {pair: encode_paths(table) for pair, table in pairs.items() if pair not in SHARES},
        {pair: encode_shares(table, pair) for pair, table in pairs.items() if pair in SHARES},
    )  # fmt: skip


def _pairs(rows: pd.DataFrame, n_checkpoints: int, source: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what each two checkpoints say, (n, T, T)."""
    for pair, columns in pair_columns(rows.columns).items():
        if sorted(columns) != list(range(n_checkpoints)):
            raise InputError(
                f"{source}: {pair} must be of each of the {n_checkpoints} checkpoints; got "
                f"{len(columns)}"
            )
        names = [columns[k] for k in range(n_checkpoints)]
        yield pair, rows[names].to_numpy().reshape(-1, n_checkpoints, n_checkpoints)


def decoded(tables: PartTables) -> pd.DataFrame:
    """Return the rows that were coded, `ROW_COLUMNS`, `STATISTICS` and pairs as far as kept."""
    n_checkpoints = len(tables.checkpoints) // tables.checkpoints["network"].nunique()
    kept = {
        name: decode(course, name in NOT_NEGATIVE)
        for name, course in _absolute(tables.courses).items()
    }
    statistics = complete(kept, tables.layers["n_weights"].to_numpy(dtype=np.float64))
    values = pd.DataFrame({name: x.ravel() for name, x in statistics.items()}, copy=False)
    long = _long(tables.layers, tables.checkpoints, n_checkpoints)
    pairs = {pair: decode_paths(path) for pair, path in tables.paths.items()} | {
        pair: decode_shares(codes, pair, n_checkpoints) for pair, codes in tables.shares.items()
    }
    compared = [
        pd.DataFrame(
            pairs[pair].reshape(-1, n_checkpoints),
            columns=[pair_column(pair, k) for k in range(n_checkpoints)],
        )
        for pair in PAIRS
        if pair in pairs
    ]
    return pd.concat([long[list(ROW_COLUMNS)], values, *compared], axis=1)


def keys(layers: pd.DataFrame, checkpoints: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `ROW_ORDER` alone, without anything being decoded."""
    n_checkpoints = len(checkpoints) // checkpoints["network"].nunique()
    return _long(layers, checkpoints, n_checkpoints)[ROW_ORDER]


def _long(layers: pd.DataFrame, checkpoints: pd.DataFrame, n_checkpoints: int) -> pd.DataFrame:
    """Give each layer a row for each checkpoint of its network, sorted as the layers are."""
    ordered = checkpoints.sort_values(["network", "checkpoint"], ignore_index=True)
    networks = pd.Index(ordered["network"].iloc[::n_checkpoints])
    begin = networks.get_indexer(layers["network"]) * n_checkpoints
    at = (begin[:, None] + np.arange(n_checkpoints)).ravel()
    long = layers.loc[np.repeat(layers.index.to_numpy(), n_checkpoints)].reset_index(drop=True)
    own = ordered.drop(columns="network").iloc[at].reset_index(drop=True)
    return pd.concat([long, own], axis=1)


def _against_predecessors(courses: dict[str, Coded]) -> dict[str, Coded]:
    return {
        name: course
        if before is None
        else Coded(course.first, course.range, course.steps - courses[before].steps)
        for (name, before), course in zip(KEPT.items(), courses.values(), strict=True)
    }


def _absolute(courses: dict[str, Coded]) -> dict[str, Coded]:
    found: dict[str, Coded] = {}
    for name, before in KEPT.items():
        course = courses[name]
        if before is not None:
            steps = course.steps + found[before].steps
            course = Coded(course.first, course.range, steps)
        found[name] = course
    return found


def _require_same(
    table: pd.DataFrame, first: pd.DataFrame, counts: np.ndarray, where: str, source: str
) -> None:
    """Refuse columns in which a group of rows does not repeat its first row."""
    for name in table:
        expected = first[name].repeat(list(counts)).reset_index(drop=True)
        if not table[name].reset_index(drop=True).equals(expected):
            raise InputError(f"{source}: {name} must be the same {where}; it differs")
