"""A corpus some parts at a time, for what is larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rule_id.errors import InputError
from rule_id.schema import pair_columns
from rule_id.storage import local_copy
from rule_id.trajectories import (
    ROW_COLUMNS,
    ROW_ORDER,
    STATISTICS,
    Seen,
    Trajectories,
    most_layers,
    parts_of,
    read_networks,
    read_row_keys,
    read_rows,
    require_same_networks,
    require_unique,
    sorted_positions,
)

__all__ = ["read_batches"]

# As few rows as keep calls cheap beside what they do.
BATCH_ROWS = 20_000


def read_batches(corpus: str | Path, most_rows: int | None = None) -> Iterator[Trajectories]:
    """Read a corpus some parts at a time, in memory that does not grow with its rows.

    What must hold of the whole corpus is checked before the first batch is read. The table of
    networks stays in memory, so that columns have one type in all batches.

    Args:
        corpus: A folder written by `rule_id.simulation.simulate`.
        most_rows: Parts are read together up to so many rows; one part may have more.

    Returns:
        Trajectories that hold different networks; together they are what `read_corpus` returns.

    Raises:
        InputError: As of `read_corpus`; also when a column is not of one type in all parts.
    """
    folder = local_copy(corpus)
    parts = parts_of(folder)
    networks = read_networks(parts)
    n_rows = _require_whole(folder, parts, networks)
    return _batches(folder, parts, networks, _together(n_rows, most_rows or BATCH_ROWS))


def _batches(
    folder: Path, parts: list[Path], networks: pd.DataFrame, places: Iterator[range]
) -> Iterator[Trajectories]:
    dtypes = None
    for some in places:
        rows = _sorted_rows(folder, [parts[place] for place in some], dtypes)
        dtypes = rows.dtypes
        in_batch = networks.loc[some[0] : some[-1]].reset_index(drop=True)
        yield Trajectories(in_batch, rows, str(folder))


def _sorted_rows(folder: Path, parts: list[Path], dtypes: pd.Series | None) -> pd.DataFrame:
    tables = [read_rows(folder, part) for part in parts]
    for part, table in zip(parts, tables, strict=True):
        _require_types(table, tables[0].dtypes if dtypes is None else dtypes, part.name)
    rows = pd.concat(tables, ignore_index=True)
    return rows.iloc[sorted_positions(rows)].reset_index(drop=True)


def _together(n_rows: list[int], most_rows: int) -> Iterator[range]:
    """Yield the places of parts that have at most so many rows together, or are alone."""
    begin, total = 0, 0
    for place, n in enumerate(n_rows):
        if place > begin and total + n > most_rows:
            yield range(begin, place)
            begin, total = place, 0
        total += n
    yield range(begin, len(n_rows))


def _require_whole(folder: Path, parts: list[Path], networks: pd.DataFrame) -> list[int]:
    """Refuse what the parts of a corpus cannot tell one by one; return the rows of each."""
    networks = networks[["network", "n_layers"]].sort_values("network")
    require_unique(networks, ["network"], f"{folder}: networks")
    seen = Seen()
    n_rows = []
    for part in parts:
        keys = read_row_keys(folder, part)
        require_unique(keys, ROW_ORDER, f"{folder}: trajectories")
        seen.add(keys)
        n_rows.append(len(keys))
    require_same_networks(seen.n_rows, networks["network"], str(folder))
    seen.require_all_rows(networks, str(folder), most_layers(folder))
    return n_rows


def _compared(table: pd.DataFrame, others: pd.Index) -> list[str]:
    """Return the columns that compare checkpoints and that both have."""
    found = (name for own in pair_columns(table.columns).values() for name in own.values())
    return [name for name in found if name in others]


def _require_types(table: pd.DataFrame, dtypes: pd.Series, part: str) -> None:
    for column in (*ROW_COLUMNS, *STATISTICS, *_compared(table, dtypes.index)):
        if table[column].dtype != dtypes[column]:
            raise InputError(
                f"{part}: column {column} must be of one type in all parts, {dtypes[column]}; got "
                f"{table[column].dtype}"
            )
