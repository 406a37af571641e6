from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, features, read_features
from rule_id.features.extraction import _tables
from rule_id.features.writing import write_tables
from rule_id.trajectories import Trajectories, write_manifest, write_part

N_PARTS = 4


@pytest.fixture(scope="module")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=3, networks_per_rule=1, n_checkpoints=5)


@pytest.fixture
def corpus(small, tmp_path, monkeypatch):
    """Parts that no stretch of the sorted rows fits in, and batches of one part or two."""
    monkeypatch.setattr("rule_id.batches.BATCH_ROWS", 100)
    folder = tmp_path / "corpus"
    write_manifest(folder, {})
    for k in range(N_PARTS):
        some = small.select(small.networks["network"].iloc[k::N_PARTS])
        write_part(folder, str(k), some.networks, some.rows.sample(frac=1, random_state=k))
    return folder


@pytest.mark.parametrize(
    ("feature_set", "half"), [("trajectory", True), ("summary", False), ("invariant", True)]
)
def test_what_is_written_batch_by_batch_is_what_is_made_in_memory(
    corpus, tmp_path, monkeypatch, feature_set, half
):
    monkeypatch.setattr("rule_id.features.writing.GROUP_ROWS", 20)
    table = features(corpus, feature_set=feature_set)
    file = features(corpus, tmp_path / "x.parquet", feature_set=feature_set, half=half)
    found = read_features(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(found.meta, table.meta, check_exact=True)
    values = table.values.astype(np.float16).astype(np.float32) if half else table.values
    pd.testing.assert_frame_equal(found.values, values, check_exact=True)
    assert (found.info, found.feature_set) == (table.info, feature_set)
    assert (file.path, len(file)) == (tmp_path / "x.parquet", len(table))
    assert (file.names, file.feature_set, file.info) == (table.names, feature_set, table.info)


def test_pandas_alone_reads_the_rows_in_any_order(corpus, small, tmp_path):
    features(corpus, tmp_path / "x.parquet", feature_set="trajectory")
    found = pd.read_parquet(tmp_path / "x.parquet")
    assert not found["network"].is_monotonic_increasing
    assert set(found["network"]) == set(small.networks["network"])
    pd.testing.assert_index_equal(found.index, pd.RangeIndex(len(found)))


def test_the_number_of_checkpoints_is_the_largest_of_all_batches(small):
    names = small.networks["network"]
    short = small.rows[(small.rows["network"] != names[0]) | (small.rows["checkpoint"] < 3)]
    one, others = (
        Trajectories(small.networks, short).select(some) for some in ([names[0]], names[1:])
    )
    for batches in ([one, others], [others, one]):
        *_, last = _tables(batches, "summary", False, None)
        assert last.info["n_checkpoints"] == 5
        with pytest.raises(InputError, match="of one length; got 3 to 5 checkpoints"):
            list(_tables(batches, "trajectory", False, None))


def test_an_error_in_a_later_batch_leaves_nothing(corpus, small, tmp_path):
    some = small.select(small.networks["network"].iloc[3::N_PARTS])
    write_part(corpus, "3", some.networks, some.rows.assign(step=7))
    with pytest.raises(InputError, match="step must rise from checkpoint to checkpoint"):
        features(corpus, tmp_path / "x.parquet", feature_set="trajectory")
    assert os.listdir(tmp_path) == ["corpus"]


def test_a_corpus_that_is_not_whole_makes_no_folder(corpus, small, tmp_path):
    some = small.select(small.networks["network"].iloc[3::N_PARTS])
    write_part(corpus, "3", some.networks, some.rows.iloc[1:])
    with pytest.raises(InputError, match="must have a row for each layer"):
        features(corpus, tmp_path / "new" / "x.parquet")
    assert os.listdir(tmp_path) == ["corpus"]


def test_half_precision_ends_at_its_range(small, tmp_path):
    table = extract(small, "trajectory")
    table.values.iloc[0, 0] = 1e9
    file = write_tables(tmp_path / "x.parquet", [table], half=True)
    assert read_features(file.path).values.iloc[0, 0] == np.finfo(np.float16).max


def test_a_table_in_memory_keeps_its_order(small, tmp_path):
    table = extract(small, "trajectory")
    order = np.random.default_rng(0).permutation(len(table))
    meta, values = (
        frame.iloc[order].reset_index(drop=True) for frame in (table.meta, table.values)
    )
    FeatureTable(meta, values, table.feature_set, table.info).write(tmp_path / "x.parquet")
    found = read_features(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(found.meta, meta)
    pd.testing.assert_frame_equal(found.values, values)
