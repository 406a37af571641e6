"""A feature table that is larger than the memory that its training may take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic_trajectories
from watched import run_watched

from rule_id.features import FeatureTable, extract
from rule_id.features.writing import write_tables
from rule_id.models import read_bundle

LIMIT = 2**30
"""Of the process that trains; one that has read nothing takes 110 MiB."""


def larger_than(size: int) -> Iterator[FeatureTable]:
    """Yield tables of networks that resemble each other, until they have more values than that."""
    small = extract(synthetic_trajectories(n_blocks=15, signal=2.5, n_checkpoints=9))
    bytes_each = small.values.size * np.dtype(np.float32).itemsize
    for copy in range(size // bytes_each + 1):
        changes = 1 + 0.01 * np.random.default_rng(copy).integers(-8, 8, small.values.shape)
        meta = small.meta.assign(
            network=small.meta["network"] + f"-{copy}", block=small.meta["block"] + 100 * copy
        )
        values = (small.values * changes).astype(np.float32)
        yield FeatureTable(meta, values, small.feature_set, small.info)


@pytest.mark.slow
def test_boosted_trees_are_fitted_to_a_table_larger_than_their_memory(tmp_path: Path) -> None:
    """The table alone is larger, before deviations and copies with gaps make it four times that."""
    file = write_tables(tmp_path / "table.parquet", larger_than(LIMIT), half=True)
    assert len(file) * len(file.names) * 4 > LIMIT
    command = ("train", "table.parquet", "--no-tune", "--held-out", "0.1")
    whole = run_watched(tmp_path, LIMIT, *command, "--out", "whole")
    assert whole.returncode == -9
    read = run_watched(tmp_path, LIMIT, *command, "--out", "read", "--most-rows", "3000")
    assert read.returncode == 0, read.log
    assert read_bundle(tmp_path / "read").info["training"]["rows"] > 0.85 * len(file)
