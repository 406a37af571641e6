from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, open_features, read_features


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return extract(synthetic_trajectories(n_blocks=3, networks_per_rule=2, n_checkpoints=5))


@pytest.fixture
def path(table, tmp_path):
    table.write(tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def joined(tables) -> FeatureTable:
    some = list(tables)
    meta, values = (
        pd.concat([getattr(one, part) for one in some], ignore_index=True)
        for part in ("meta", "values")
    )
    return FeatureTable(meta, values, some[0].feature_set, some[0].info)


@pytest.mark.parametrize("most_rows", [1, 2, 7, 1000])
def test_batches_are_the_table_and_cut_no_network(table, path, most_rows):
    stored = open_features(path)
    batches = list(stored.batches(most_rows))
    seen = [set(batch.meta["network"]) for batch in batches]
    assert sum(map(len, seen)) == table.meta["network"].nunique()
    longest = table.meta["network"].value_counts().max()
    assert max(map(len, batches)) < most_rows + longest
    found = joined(batches)
    pd.testing.assert_frame_equal(found.meta, table.meta)
    pd.testing.assert_frame_equal(found.values, table.values)
    assert (found.feature_set, found.info) == (table.feature_set, table.info)
    assert (len(stored), stored.names) == (len(table), table.names)
    for name in stored.meta:
        assert stored.meta[name].tolist() == table.meta[name].tolist()


def test_networks_that_are_not_wanted_are_left_out(table, path):
    wanted = set(table.meta["network"].unique()[1::3])
    found = joined(open_features(path).batches(4, wanted))
    expected = table.rows(table.meta["network"].isin(wanted))
    pd.testing.assert_frame_equal(found.meta, expected.meta)
    pd.testing.assert_frame_equal(found.values, expected.values)


def test_a_table_whose_networks_are_scattered_is_read_whole_and_not_in_batches(table, tmp_path):
    order = np.random.default_rng(0).permutation(len(table))
    scattered = dataclasses.replace(
        table,
        meta=table.meta.iloc[order].reset_index(drop=True),
        values=table.values.iloc[order].reset_index(drop=True),
    )
    path = tmp_path / "table.parquet"
    scattered.write(path)
    assert len(read_features(path)) == len(table)
    with pytest.raises(InputError, match="rows of a network must follow one another"):
        open_features(path)


def test_a_file_that_is_cut_while_it_is_read_is_noticed(table, path):
    stored = open_features(path)
    table.rows(np.arange(len(table)) < 10).write(path)
    with pytest.raises(InputError, match="must stay as it is while it is read"):
        list(stored.batches(4))


@pytest.mark.parametrize("read", [read_features, open_features])
def test_what_is_no_feature_table_is_refused(table, tmp_path, read):
    path = tmp_path / "table.parquet"
    with pytest.raises(InputError, match="a feature table"):
        read(path)
    path.write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(InputError, match="must be a complete Parquet file"):
        read(path)
    table.meta.to_parquet(path)
    with pytest.raises(InputError, match="written by `rule-id features`"):
        read(path)
    FeatureTable(table.meta.drop(columns="depth"), table.values, "summary").write(path)
    with pytest.raises(InputError, match="must have column depth; there are none"):
        read(path)


def test_what_does_not_fit_into_memory_is_not_called_damaged(path, monkeypatch):
    def full(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr("rule_id.features.reading.opened_parquet", full)
    with pytest.raises(InputError, match="does not fit into memory: .* --most-rows N"):
        read_features(path)


def test_no_byte_that_changed_is_read_as_another_number(table, path):
    """Of pages each has a checksum, the end of the file has a hash."""
    whole = path.read_bytes()
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    rng = np.random.default_rng(0)
    for at in (*rng.integers(4, end, 60), *rng.integers(end, len(whole), 60)):
        changed = bytearray(whole)
        changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            found = read_features(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:  # a byte that nothing is read by
            pd.testing.assert_frame_equal(found.values, table.values)
            pd.testing.assert_frame_equal(found.meta, table.meta)


@pytest.mark.parametrize("read", [read_features, open_features])
@pytest.mark.parametrize(
    ("before", "after"), [(b'"summary"', b'"summarz"'), (b"weight_raw_var.", b"weight_raw_vax.")]
)
def test_what_a_file_says_of_itself_is_compared(path, read, before, after):
    whole = path.read_bytes()
    assert before in whole
    path.write_bytes(whole.replace(before, after))
    with pytest.raises(InputError, match="does not hold what was written"):
        read(path)
