"""A small copy of a corpus, from which nearly everything can be computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.batches import read_batches
from rule_id.compact_parts import (
    DERIVED,
    KEPT,
    LOST,
    MOST_ROWS,
    MOST_TEXT,
    PartTables,
    coded,
    hashes_of,
    joined,
    write_part,
)
from rule_id.content import ContentHash
from rule_id.errors import InputError
from rule_id.folders import atomic_write, replaced_folder
from rule_id.schema import COMPACT_VERSION
from rule_id.storage import local_copy, sent_to
from rule_id.trajectories import Trajectories, read_manifest, write_manifest

__all__ = ["CompactCorpus", "compact"]

ROWS_PER_PART = 150_000
"""Few parts, since each has the names of 80 columns; small ones, since one is read at a time."""

CODING = (
    "first value in 11 significant bits; largest change rounded up to 5; differences of asinh of "
    "the changes in 1/127 of the largest, less those of a statistic that moves alike, modulo 256"
)


@dataclass(frozen=True)
class CompactCorpus:
    """What was written.

    Attributes:
        folder: The compact corpus, a path or a URL.
        n_networks: Its networks.
        n_layers: Its layers.
        n_bytes: Size of its files.
    """

    folder: str | Path
    n_networks: int
    n_layers: int
    n_bytes: int

    def __str__(self) -> str:
        """Say it in one line."""
        size = f"{self.n_bytes / 1e6:.2f} MB"
        return f"{self.folder}: {self.n_networks} networks, {self.n_layers} layers, {size}"


def compact(
    corpus: str | Path, out: str | Path, *, measurements: Sequence[int] = (0,), layers: int = 8
) -> CompactCorpus:
    """Write a lossy copy of a corpus, which is read as any other corpus.

    It takes some 350 bytes a layer, and 700 more where checkpoints were compared with each other.
    It keeps some measurements, all pairs of checkpoints and 23 statistics; eight follow from these,
    the others are missing. Levels are kept to 1/2048, changes of a trajectory to 1/185 of the
    largest, those of what grows many times to 4% of themselves. See docs/compact.md. Of the corpus
    some parts are read at a time; what is made of them is held until it can be sorted.

    Args:
        corpus: A folder written by `rule_id.simulation.simulate`.
        out: The folder to write, new or empty.
        measurements: Those that are kept, one or more, 0 for the first of the plan.
        layers: Networks with more layers keep so many, evenly spread, the first and the last among
            them; 2 or more.

    Returns:
        What was written.

    Raises:
        InputError: The corpus is damaged or a compact one already, its statistics of weights are
            not of single tensors, it lacks a measurement, or `out` holds something.
    """
    source = local_copy(corpus)
    with sent_to(out, new=True) as target:
        return replace(_compacted(source, target, measurements, layers), folder=out)


def _compacted(
    source: Path, target: Path, measurements: Sequence[int], layers: int
) -> CompactCorpus:
    manifest = _checked(source, target, measurements, layers)
    content = ContentHash()
    networks, parts = [], []
    for batch in read_batches(source):
        content.update(batch)
        networks.append(batch.networks)
        parts.append(coded(_kept(batch, measurements, layers), batch.source))
    table = pd.concat(networks).sort_values("network", ignore_index=True)
    tables = joined(parts)
    del parts, networks
    with replaced_folder(target) as new:
        names = [_write(new, some, tables) for some in _together(table, tables)]
        described = _described(content, measurements, layers) | {"hashes": hashes_of(new, names)}
        write_manifest(
            new,
            {name: value for name, value in manifest.items() if name != "schema_version"}
            | {"parts": sorted(names), "compact": described},
        )
        size = sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
    return CompactCorpus(target, len(table), len(tables.layers), size)


def _checked(
    source: Path, target: Path, measurements: Sequence[int], layers: int
) -> dict[str, Any]:
    if not measurements:
        raise InputError("measurements must be one or more; got none")
    if layers < 2:
        raise InputError(f"layers must be 2 or more, the first and the last; got {layers}")
    manifest = read_manifest(source)
    if manifest.get("compact") is not None:
        raise InputError(f"corpus must be a full one; {source} is compact already")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"out must be a new or empty folder; {target} is something else")
    return manifest


def _kept(batch: Trajectories, measurements: Sequence[int], layers: int) -> pd.DataFrame:
    rows = batch.rows
    there = set(rows["measurement"])
    for one in measurements:
        if one not in there:
            known = ", ".join(map(str, sorted(there)))
            raise InputError(f"measurement must be one of the corpus, {known}; got {one}")
    some = rows[rows["measurement"].isin(measurements)]
    n_layers = some["network"].map(batch.networks.set_index("network")["n_layers"]).to_numpy()
    chosen = np.zeros(len(some), dtype=bool)
    for n in np.unique(n_layers):
        spread = np.rint(np.linspace(0, n - 1, layers)) if n > layers else np.arange(n)
        chosen |= (n_layers == n) & some["layer"].isin(spread).to_numpy()
    some = some[chosen].reset_index(drop=True)
    n_checkpoints = some["checkpoint"].nunique()
    most = len(set(measurements)) * layers * n_checkpoints
    if most > MOST_ROWS:
        raise InputError(
            f"measurements times layers times checkpoints must be at most {MOST_ROWS}; got {most}"
        )
    for name in ("network", "layer_name", "layer_kind", "depth_group", "observation"):
        if not some[name].map(lambda text: isinstance(text, str) and len(text.encode()) <= MOST_TEXT
                              ).all():  # fmt: skip
            raise InputError(f"{batch.source}: {name} must be a text of at most {MOST_TEXT} bytes")
    return some


def _together(networks: pd.DataFrame, tables: PartTables) -> Iterator[pd.DataFrame]:
    """Yield the networks of each part, in order: blocks share what they were drawn with."""
    n_checkpoints = len(tables.checkpoints) // len(networks)
    rows = networks["network"].map(tables.layers["network"].value_counts()) * n_checkpoints
    part = (rows.cumsum() - 1) // ROWS_PER_PART
    for _, some in networks.groupby(part.to_numpy()):
        yield some.reset_index(drop=True)


def _write(folder: Path, networks: pd.DataFrame, tables: PartTables) -> str:
    """Write one part, the commit mark last, and return its key."""
    key = hashlib.sha256("\n".join(networks["network"]).encode()).hexdigest()[:16]
    name = f"part-{key}.parquet"
    write_part(folder, name, tables.of(networks["network"]))
    atomic_write(
        folder / "networks" / name,
        lambda path: networks.to_parquet(
            path, index=False, compression="zstd", compression_level=19
        ),
    )
    return key


def _described(content: ContentHash, measurements: Sequence[int], layers: int) -> dict[str, Any]:
    return {
        "version": COMPACT_VERSION,
        "measurements": sorted(set(measurements)),
        "layers": layers,
        "coding": CODING,
        "kept": list(KEPT),
        "derived": list(DERIVED),
        "missing": list(LOST),
        "content_hash": content.hexdigest(),
    }
