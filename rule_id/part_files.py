"""The two files of a part of a corpus, written so that damage is noticed.

Pages carry checksums, which are compared whenever they are read. The file of networks, the commit
mark, also names the hash of the trajectories that it vouches for and a hash of its own table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rule_id.errors import InputError, first_line
from rule_id.folders import atomic_write, file_hash

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FOLDERS",
    "damage_of",
    "has_part",
    "key_of",
    "part_name",
    "require_as_written",
    "require_vouched",
    "write_part",
]

FOLDERS = ("networks", "trajectories", "checkpoints", "timings")
"""The folders of a corpus that have a file for each part, as far as they are there."""

TRAJECTORIES_HASH, NETWORKS_HASH = b"rule_id.trajectories", b"rule_id.networks"
"""Entries of the metadata of a file of networks."""

MOST_WRITES = 10
"""How often a part is written where another process writes it at the same moments."""


def part_name(key: str) -> str:
    """Return the name of a part's files.

    >>> part_name("0a1b")
    'part-0a1b.parquet'
    """
    return f"part-{key}.parquet"


def key_of(path: Path) -> str:
    """Return the name of the part that a file belongs to.

    >>> key_of(Path("networks/part-0a1b.parquet"))
    '0a1b'
    """
    return path.stem.removeprefix("part-")


def write_part(
    corpus: Path,
    key: str,
    networks: pd.DataFrame,
    rows: pd.DataFrame,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write one part of a corpus, the commit mark last.

    Args:
        corpus: The corpus folder.
        key: Name of the part, a hash of what it holds.
        networks: One row a network, `NETWORK_COLUMNS` and further hyperparameters.
        rows: One row a (network, layer, measurement, checkpoint).
        notes: What else is to be said of the part, in the metadata of its networks.
    """
    import pyarrow as pa

    of_rows, of_networks = (
        pa.Table.from_pandas(table, preserve_index=False) for table in (rows, networks)
    )
    said = {f"rule_id.{name}": text for name, text in (notes or {}).items()}
    own = {NETWORKS_HASH: _table_hash(of_networks.to_pandas())} | said
    for _ in range(MOST_WRITES):
        if _written(corpus, part_name(key), of_networks, of_rows, own):
            return


def _written(
    corpus: Path, name: str, networks: pa.Table, rows: pa.Table, marks: Mapping[Any, Any]
) -> bool:
    """Write both files; say whether the mark vouches for the trajectories that are there now.

    Whoever writes the same part meanwhile may write other bytes, as on another kind of processor.
    """
    path = corpus / "trajectories" / name
    hashes: list[str] = []

    def write_rows(unfinished: Path) -> None:
        _write(unfinished, rows)
        hashes.append(file_hash(unfinished))

    atomic_write(path, write_rows)
    known = networks.schema.metadata or {}
    marked = networks.replace_schema_metadata({**known, TRAJECTORIES_HASH: hashes[0], **marks})
    atomic_write(corpus / "networks" / name, partial(_write, table=marked))
    return file_hash(path) == hashes[0]


def has_part(corpus: Path, key: str) -> bool:
    """Say whether a part is complete: its commit mark and what that vouches for are there."""
    return all((corpus / name / part_name(key)).is_file() for name in ("networks", "trajectories"))


def damage_of(corpus: Path, key: str) -> str:
    """Return what is wrong with the files of a part, or nothing.

    Parts of before hashes were written are read; what cannot be read is damaged.

    Args:
        corpus: The corpus folder.
        key: Name of a part that is there.
    """
    marked, vouched = (corpus / name / part_name(key) for name in ("networks", "trajectories"))
    try:
        marks, networks = _read(marked)
    except Exception as error:  # pyarrow and pandas raise many types for a damaged file
        return _why(marked, error)
    if NETWORKS_HASH in marks and _table_hash(networks) != _text(marks[NETWORKS_HASH]):
        return f"{marked} does not hold what was written"
    if TRAJECTORIES_HASH in marks:
        same = file_hash(vouched) == _text(marks[TRAJECTORIES_HASH])
        return "" if same else f"{vouched} does not hold what was written"
    try:
        _read(vouched)
    except Exception as error:
        return _why(vouched, error)
    return ""


def require_vouched(corpus: Path, name: str, content: bytes) -> None:
    """Refuse a file of trajectories that is not the one that its commit mark vouches for.

    Args:
        corpus: The corpus folder.
        name: Name of the part's files.
        content: What the file holds.

    Raises:
        InputError: It is not what was written.
    """
    mark = _marks(corpus / "networks" / name).get(TRAJECTORIES_HASH)
    if mark is not None and hashlib.sha256(content).hexdigest() != _text(mark):
        raise InputError(_not_as_written(corpus / "trajectories" / name))


def require_as_written(path: Path, networks: pd.DataFrame) -> None:
    """Refuse a table of networks that is not the one that was written to a file.

    Args:
        path: The file.
        networks: What was read from it.

    Raises:
        InputError: The table's hash is not the one that the file names.
    """
    mark = _marks(path).get(NETWORKS_HASH)
    if mark is not None and _table_hash(networks) != _text(mark):
        raise InputError(_not_as_written(path))


def _marks(path: Path) -> dict[bytes, bytes]:
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path).metadata or {}
    except Exception as error:  # pyarrow raises many types for a damaged file
        raise InputError(_why(path, error)) from None


def _not_as_written(path: Path) -> str:
    return f"{path} does not hold what was written; run simulate on the corpus again to mend it"


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def _read(path: Path) -> tuple[dict[bytes, bytes], pd.DataFrame]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
        return table.schema.metadata or {}, table.to_pandas()


def _table_hash(table: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()
    return hashlib.sha256(rows + "\n".join(table.columns).encode()).hexdigest()


def _text(mark: bytes) -> str:
    return mark.decode(errors="replace")


def _why(path: Path, error: Exception) -> str:
    return f"{path} cannot be read: {first_line(error)}"
