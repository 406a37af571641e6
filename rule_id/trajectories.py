"""The table that everything shares: statistics of layers over training.

A corpus is a folder of Parquet parts that pandas alone can read::

    corpus/
      manifest.json                  schema version, resolved plan, versions, device, seeds
      networks/part-<key>.parquet    one row a network
      trajectories/part-<key>.parquet  one row a (network, layer, measurement, checkpoint)

A part of `networks/` is the commit mark of the part of `trajectories/` with the same key: it is
renamed into place last, so a trajectory part without it does not count.

A compact corpus (`rule_id.compact`) has a further folder, `checkpoints/`, and is read as any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.compact_parts import (
    changed_files,
    decoded,
    is_compact_part,
    keys,
    read_keys,
    read_part,
)
from rule_id.documents import read_json
from rule_id.errors import InputError, first_line
from rule_id.folders import atomic_write, write_once
from rule_id.part_files import has_part, key_of, require_as_written, require_vouched, write_part
from rule_id.schema import (
    ACTIVITY_STATISTICS,
    COMPACT_VERSION,
    DEPTH_GROUPS,
    NETWORK_COLUMNS,
    NUISANCES,
    OBSERVABLES,
    ROW_COLUMNS,
    ROW_ORDER,
    SCHEMA_VERSION,
    STATISTICS,
    pair_columns,
)
from rule_id.storage import local_copy
from rule_id.unpacking import opened_parquet, unpacked

__all__ = [
    "ACTIVITY_STATISTICS",
    "DEPTH_GROUPS",
    "LEARNED",
    "NETWORK_COLUMNS",
    "NUISANCES",
    "OBSERVABLES",
    "ROW_COLUMNS",
    "ROW_ORDER",
    "SCHEMA_VERSION",
    "STATISTICS",
    "Trajectories",
    "atomic_write",
    "depth_group",
    "has_part",
    "learned",
    "missing_parts",
    "observable_of",
    "read_corpus",
    "read_manifest",
    "set_apart",
    "write_manifest",
    "write_part",
]

LEARNED = 0.1
"""Share of the way from what guessing (or the network before training) gets to perfect performance
that a network must have come to count as one that learned."""


@dataclass(frozen=True)
class Trajectories:
    """Networks and what was measured of them.

    Attributes:
        networks: One row a network. A simulated one has all `NETWORK_COLUMNS`, then one column for
            each further hyperparameter of its corpus's rules, NaN where its rule has none; a
            recorded one may have `network` and `signal` alone.
        rows: One row a (network, layer, measurement, checkpoint): `ROW_COLUMNS`, then the 45
            `STATISTICS` as float32, NaN where an observable was not measured; then, where
            checkpoints were compared, what each two say (`rule_id.schema.pair_column`).
            Sorted by network, measurement, layer, checkpoint.
        source: Where they come from, for messages and manifests.
    """

    networks: pd.DataFrame
    rows: pd.DataFrame
    source: str = "memory"

    def __post_init__(self) -> None:
        """Refuse tables that lack columns or rows, or disagree with each other."""
        _require_columns(self.networks, ("network",), f"{self.source}: networks")
        _require_columns(self.rows, (*ROW_COLUMNS, *STATISTICS), f"{self.source}: trajectories")
        if self.rows.empty or self.networks.empty:
            raise InputError(f"{self.source}: the table is empty; it must hold a network or more")
        require_unique(self.networks, ["network"], f"{self.source}: networks")
        require_unique(self.rows, ROW_ORDER, f"{self.source}: trajectories")
        require_same_networks(self.rows["network"].unique(), self.networks["network"], self.source)

    def select(self, networks: pd.Series | np.ndarray | list[str]) -> Trajectories:
        """Return the trajectories of the networks with these ids alone."""
        return Trajectories(
            self.networks[self.networks["network"].isin(networks)].reset_index(drop=True),
            self.rows[self.rows["network"].isin(networks)].reset_index(drop=True),
            self.source,
        )


def set_apart(networks: pd.DataFrame) -> np.ndarray:
    """Say which rows are of networks that their plan set apart, on which nothing may be trained.

    Args:
        networks: A table of n rows; without a column `held_out`, as of recordings, none is.

    Returns:
        Boolean (n,).
    """
    if "held_out" not in networks.columns:
        return np.zeros(len(networks), dtype=bool)
    # Compared, not cast: a missing value is not set apart.
    return networks["held_out"].eq(True).fillna(False).to_numpy(dtype=bool)


def learned(networks: pd.DataFrame, best: pd.Series) -> np.ndarray:
    """Say which networks learned: the best performance that they had was well above guessing.

    b > g + `LEARNED` (1 - g), with g the larger of chance and of performance before training. The
    best, not the last, since a curriculum may make a network forget.

    Args:
        networks: `chance` and `initial_performance` (n rows).
        best: The best performance of each at any checkpoint (n,).

    Returns:
        Boolean (n,).
    """
    guess = networks[["chance", "initial_performance"]].max(axis=1)
    return (best > guess + LEARNED * (1 - guess)).to_numpy()


def observable_of(statistic: str) -> str:
    """Return the observable that a statistic belongs to.

    >>> observable_of("activity_change_abs_mean")
    'activity_change'
    """
    for observable in OBSERVABLES:
        if statistic.startswith(observable + "_"):
            return observable
    raise InputError(
        f"statistic must begin with one of {', '.join(OBSERVABLES)}; got {statistic!r}"
    )


def depth_group(layer: int, n_layers: int) -> str:
    """Return the third of the layer list in which a layer's centre lies.

    Args:
        layer: Position of the layer, 0 for the first.
        n_layers: Length of the layer list.

    >>> [depth_group(layer, 4) for layer in range(4)]
    ['early', 'middle', 'middle', 'deep']
    """
    return DEPTH_GROUPS[(6 * layer + 3) // (2 * n_layers)]


def write_manifest(corpus: Path, manifest: dict[str, Any]) -> bool:
    """Write `manifest.json` of a corpus, which is written once and never changed.

    Returns:
        Whether it was written; False when there is one, as when another process began the corpus
        at the same moment.
    """
    text = json.dumps({"schema_version": SCHEMA_VERSION, **manifest}, indent=1) + "\n"
    return write_once(corpus / "manifest.json", text)


def read_manifest(corpus: Path) -> dict[str, Any]:
    """Read and check `manifest.json` of a corpus.

    Raises:
        InputError: It is missing, is not JSON, or was written by a newer version.
    """
    path = corpus / "manifest.json"
    if not path.is_file():
        raise InputError(f"{corpus} must be a corpus folder with a manifest.json; it has none")
    manifest = read_json(path, "the manifest of a corpus")
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{path}: schema_version must be {SCHEMA_VERSION}; got {version!r:.40}")
    parts = manifest.get("parts") or []
    if not (isinstance(parts, list) and all(isinstance(key, str) for key in parts)):
        raise InputError(f"{path}: parts must be a list of names; got {parts!r:.40}")
    if manifest.get("compact") is not None:
        _require_known(manifest["compact"], path)
    return manifest


def _require_known(compact: Any, path: Path) -> None:
    """Refuse what a manifest says of a compact corpus when it was written in another way."""
    found = compact if isinstance(compact, dict) else {}
    if found.get("version") != COMPACT_VERSION:
        raise InputError(
            f"{path}: compact must have version {COMPACT_VERSION}; got {found.get('version')!r}"
        )
    if type(found.get("layers")) is not int or found["layers"] < 2:
        raise InputError(
            f"{path}: compact must keep 2 layers or more of a network; got {found.get('layers')!r}"
        )


def read_corpus(corpus: str | Path) -> Trajectories:
    """Read all complete parts of a corpus.

    Args:
        corpus: A folder written by `rule_id.simulation.simulate`.

    Returns:
        Networks that were simulated completely, and their trajectories, sorted.

    Raises:
        InputError: The folder is no corpus, holds no network or not yet all of its plan, or a part
            is damaged.
    """
    folder = local_copy(corpus)
    parts = parts_of(folder)
    rows = pd.concat([read_rows(folder, part) for part in parts])
    trajectories = Trajectories(
        read_networks(parts).sort_values("network").reset_index(drop=True),
        rows.sort_values(ROW_ORDER).reset_index(drop=True),
        str(folder),
    )
    seen = Seen()
    seen.add(trajectories.rows)
    seen.require_all_rows(trajectories.networks, trajectories.source, most_layers(folder))
    return trajectories


def most_layers(folder: Path) -> int | None:
    """Return how many layers a compact corpus keeps of a network at most; None of any other."""
    compact = read_manifest(folder).get("compact")
    return None if compact is None else int(compact["layers"])


def parts_of(folder: Path) -> list[Path]:
    """Return the commit marks of a corpus that is complete."""
    planned = read_manifest(folder).get("parts", [])
    missing = missing_parts(folder)
    if 0 < len(missing) < len(planned):
        raise InputError(
            f"{folder} must be complete, for what is simulated first is no fair sample; "
            f"{len(missing)} of {len(planned)} parts are missing: run simulate on it again"
        )
    parts = sorted((folder / "networks").glob("part-*.parquet"))
    if not parts:
        raise InputError(f"{folder} holds no simulated network yet; run simulate on it again")
    for path in changed_files(folder, listed_hashes(folder), map(key_of, parts)):
        raise InputError(f"{path} is not what was written; make the compact copy again")
    return parts


def listed_hashes(folder: Path) -> dict[str, str]:
    """Return the hashes of files that the manifest of a compact corpus lists; none of any other."""
    found = (read_manifest(folder).get("compact") or {}).get("hashes") or {}
    if not isinstance(found, dict):
        raise InputError(f"{folder}: hashes of a compact corpus must be a table; got {found!r:.40}")
    return found


def missing_parts(folder: Path) -> list[str]:
    """Return the keys of the parts that a corpus should have and has not, or not yet."""
    planned = read_manifest(folder).get("parts") or []
    return sorted(key for key in planned if not has_part(folder, key))


def read_networks(parts: list[Path]) -> pd.DataFrame:
    """Read the networks of all parts; the index is the part's place in the list."""
    tables: list[pd.DataFrame] = []
    for place, part in enumerate(parts):
        table = read_parquet(part, NETWORK_COLUMNS)
        require_as_written(part, table)
        tables.append(table.set_axis(np.full(len(table), place)))
        # Each table of a few networks takes ten times the memory of what it holds.
        if len(tables) == 50:
            tables = [pd.concat(tables)]
    return pd.concat(tables)


def read_rows(folder: Path, part: Path) -> pd.DataFrame:
    """Read the trajectories that a commit mark vouches for."""
    if is_compact_part(folder, part.name):
        return decoded(read_part(folder, part.name))
    path = folder / "trajectories" / part.name
    content = path.read_bytes() if path.is_file() else b""
    table = read_parquet(path, (*ROW_COLUMNS, *STATISTICS), content=content)
    require_vouched(folder, part.name, content)
    return table


def read_row_keys(folder: Path, part: Path) -> pd.DataFrame:
    """Read what tells these rows apart, `ROW_ORDER`."""
    if is_compact_part(folder, part.name):
        return keys(*read_keys(folder, part.name))
    return read_parquet(folder / "trajectories" / part.name, tuple(ROW_ORDER), ROW_ORDER)


class Seen:
    """What was seen of rows that are read part by part.

    Attributes:
        n_rows: Number of rows by network.
    """

    def __init__(self) -> None:
        """Begin with no row."""
        self.n_rows: dict[str, int] = {}
        self._measurements: set[int] = set()
        self._checkpoints: set[int] = set()

    def add(self, rows: pd.DataFrame) -> None:
        """Add rows that were not added before."""
        for network, n in rows["network"].value_counts(sort=False).items():
            self.n_rows[str(network)] = self.n_rows.get(str(network), 0) + n
        self._measurements.update(rows["measurement"].unique())
        self._checkpoints.update(rows["checkpoint"].unique())

    def require_all_rows(
        self, networks: pd.DataFrame, source: str, most: int | None = None
    ) -> None:
        """Refuse a corpus in which a network lacks a layer, a measurement or a checkpoint.

        Args:
            networks: Their `network` and `n_layers`.
            source: Where they come from, for messages.
            most: So many layers of a network are enough, see `most_layers`.
        """
        n_layers = networks["n_layers"].clip(upper=most)
        expected = n_layers * len(self._measurements) * len(self._checkpoints)
        found = np.array([self.n_rows[network] for network in networks["network"]])
        lacking = found != expected.to_numpy()
        if lacking.any():
            first = int(lacking.argmax())
            raise InputError(
                f"{source}: a network must have a row for each layer, measurement and "
                f"checkpoint, {networks['network'].iloc[first]} {expected.iloc[first]} of them; "
                f"got {found[first]}"
            )


def sorted_positions(rows: pd.DataFrame) -> np.ndarray:
    """Return the positions of sorted rows; the statistics are not moved to find them."""
    keys = rows[ROW_ORDER].reset_index(drop=True)
    return keys.sort_values(ROW_ORDER).index.to_numpy()


def read_parquet(
    path: Path,
    columns: tuple[str, ...],
    only: list[str] | None = None,
    content: bytes | None = None,
) -> pd.DataFrame:
    """Read a part, or some of its columns, that must have these columns.

    Args:
        path: The file.
        columns: What it must have.
        only: Columns to read; all when None.
        content: What the file holds, where it was read already.
    """
    try:
        source = path if content is None else BytesIO(content)
        size = path.stat().st_size if content is None else len(content)
        with opened_parquet(source, path, size) as file:
            table = unpacked(file.read(columns=only), path, size).to_pandas()
    except InputError:
        raise
    except Exception as error:  # pyarrow raises many types for a damaged file
        reason = first_line(error)
        raise InputError(f"{path} must be a complete Parquet file: {reason}") from None
    _require_columns(table, columns, str(path))
    numeric = ("layer", "measurement", "checkpoint", "step", "n_units", *STATISTICS)
    apart = [name for own in pair_columns(table.columns).values() for name in own.values()]
    _require_numbers(table, [name for name in numeric if name in columns] + apart, str(path))
    return table


def require_same_networks(rows: Iterable[str], networks: pd.Series, source: str) -> None:
    """Refuse networks without rows, and rows without a network."""
    unknown = set(rows) ^ set(networks)
    if unknown:
        raise InputError(
            f"{source}: networks and trajectories must hold the same networks; "
            f"{len(unknown)} stand in only one of them, such as {sorted(unknown)[0]!r}"
        )


def require_unique(table: pd.DataFrame, keys: list[str], source: str) -> None:
    """Refuse a table in which two rows have the same keys."""
    repeated = table.duplicated(keys)
    if repeated.any():
        first = ", ".join(str(value) for value in table.loc[repeated, keys].iloc[0])
        raise InputError(f"{source}: each {', '.join(keys)} must stand once; {first} is repeated")


def _require_numbers(table: pd.DataFrame, columns: Iterable[str], source: str) -> None:
    for column in columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(
                f"{source}: column {column} must hold numbers; got {table[column].dtype}"
            )


def _require_columns(table: pd.DataFrame, columns: tuple[str, ...], source: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(f"{source}: column {', '.join(missing[:3])}{more} is missing")
