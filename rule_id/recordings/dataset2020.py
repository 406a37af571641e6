"""The dataset that Nayebi et al. published in 2020, as a corpus.

What of the file is known and what is assumed stands in `rule_id.recordings.dataset2020_content`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id import __version__
from rule_id.errors import InputError
from rule_id.folders import replaced_folder
from rule_id.recordings.dataset2020_content import Dataset2020, read_dataset
from rule_id.recordings.dataset2020_tables import layers_of, networks_table, rows_table
from rule_id.trajectories import Trajectories, write_manifest, write_part

__all__ = ["SOURCE", "convert_dataset", "read_columns"]

SOURCE = "nayebi2020"
"""What the manifest calls the source of such a corpus."""

WEIGHT_NORMS = "per slice of the first axis, not of the whole tensor; not to be pooled with others"


def convert_dataset(
    path: str | Path, out: str | Path, *, columns: Mapping[str, str] | None = None
) -> Path:
    """Write the dataset of the 2020 paper as a corpus, one part a block.

    A block is an architecture on a task: networks that differ in batch size or seed alone train so
    alike that they must not be on both sides of a split. Statistics that the file lacks, loss,
    performance and numbers of units are missing; infinite values too. A network whose mean weight
    or activation is not finite somewhere counts as diverged.

    Args:
        path: `dataset.pkl`.
        out: The corpus folder, new or empty.
        columns: Names of fields of the file's `meta`, by what they are (`COLUMNS` of
            `rule_id.recordings.dataset2020_content`), where they are not found by themselves.

    Returns:
        The corpus folder.

    Raises:
        InputError: The file cannot be read (`read_dataset`), its fields do not tell its networks
            apart, or the folder holds something.

    Source: Nayebi et al., NeurIPS 2020.
    """
    folder = Path(out)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"out must be a new or empty folder; {folder} is something else")
    dataset = read_dataset(path, columns)
    try:
        layers = layers_of(dataset)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    with replaced_folder(folder) as new:
        keys = [_write_block(new, dataset, some) for _, some in layers.groupby("block")]
        write_manifest(new, _manifest(Path(path), dataset, keys))
    return folder


def read_columns(written: Sequence[str]) -> dict[str, str]:
    """Return the fields of `meta` by what they are, of texts such as `layer=layer_id`.

    Raises:
        InputError: A text has another form.
    """
    pairs = [text.partition("=") for text in written]
    for text, (name, _, field) in zip(written, pairs, strict=True):
        if not name or not field:
            raise InputError(f"column must have the form KEY=FIELD; got {text!r}")
    return {name: field for name, _, field in pairs}


def _write_block(corpus: Path, dataset: Dataset2020, layers: pd.DataFrame) -> str:
    """Write one part and return its key."""
    values = dataset.values[layers["example"]].astype(np.float64)
    part = Trajectories(
        networks_table(dataset, layers, values), rows_table(dataset, layers, values), SOURCE
    )
    hashed = pd.util.hash_pandas_object(part.rows, index=False).to_numpy().tobytes()
    key = hashlib.sha256(hashed).hexdigest()[:16]
    write_part(corpus, key, part.networks, part.rows)
    return key


def _manifest(path: Path, dataset: Dataset2020, keys: list[str]) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "source": SOURCE,
        "dataset": {"sha256": digest, "layers": len(dataset.values)},
        "weight_norms": WEIGHT_NORMS,
        "unused_fields": list(dataset.unused),
        "parts": sorted(keys),
        "versions": {"rule-id": __version__},
    }
