from __future__ import annotations

import json
import os
import stat

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.trajectories import (
    STATISTICS,
    Trajectories,
    atomic_write,
    observable_of,
    read_corpus,
    read_manifest,
    set_apart,
    write_manifest,
    write_part,
)


@pytest.fixture
def corpus(tmp_path, trajectories):
    write_manifest(tmp_path, {"plan": {}})
    write_part(tmp_path, "a", trajectories.networks, trajectories.rows)
    return tmp_path


def test_what_is_written_is_read(corpus, trajectories) -> None:
    assert content_hash(read_corpus(corpus)) == content_hash(trajectories)


def test_the_hash_does_not_depend_on_order_but_on_values(trajectories) -> None:
    shuffled = Trajectories(
        trajectories.networks.sample(frac=1, random_state=0),
        trajectories.rows.sample(frac=1, random_state=1),
    )
    assert content_hash(shuffled) == content_hash(trajectories)
    other = trajectories.rows.copy()
    other.loc[5, "weight_raw_mean"] += 1e-3
    assert content_hash(Trajectories(trajectories.networks, other)) != content_hash(trajectories)


def test_a_trajectory_part_without_its_commit_mark_does_not_count(corpus, trajectories) -> None:
    (corpus / "trajectories" / "part-b.parquet").write_bytes(b"half")
    assert len(read_corpus(corpus).rows) == len(trajectories.rows)


def test_a_truncated_part_is_named(corpus) -> None:
    part = corpus / "trajectories" / "part-a.parquet"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(InputError, match="part-a.parquet must be a complete Parquet file"):
        read_corpus(corpus)


def test_a_part_that_lacks_a_column_is_named(corpus, trajectories) -> None:
    trajectories.rows.drop(columns="weight_raw_mean").to_parquet(
        corpus / "trajectories" / "part-a.parquet"
    )
    with pytest.raises(InputError, match="part-a.parquet: column weight_raw_mean is missing"):
        read_corpus(corpus)


def test_a_part_with_text_for_numbers_is_named(corpus, trajectories) -> None:
    trajectories.rows.astype({"weight_raw_mean": str}).to_parquet(
        corpus / "trajectories" / "part-a.parquet"
    )
    with pytest.raises(InputError, match="column weight_raw_mean must hold numbers; got"):
        read_corpus(corpus)


def test_a_part_with_bytes_for_texts_is_named(corpus, trajectories) -> None:
    """Pandas would read them, and fail wherever it sorts them."""
    path = corpus / "trajectories" / "part-a.parquet"
    table = pq.read_table(path)
    names = pa.array([b"\x80"] * len(table), pa.binary()).view(pa.string())
    place = table.column_names.index("network")
    pq.write_table(table.set_column(place, "network", names), path)
    with pytest.raises(InputError, match="column network must hold texts: Invalid UTF8"):
        read_corpus(corpus)


def test_a_network_that_lacks_rows_is_named(corpus, trajectories) -> None:
    write_part(corpus, "a", trajectories.networks, trajectories.rows.iloc[:-1])
    with pytest.raises(InputError, match="must have a row for each layer.* 105 of them; got 104"):
        read_corpus(corpus)


def test_rows_that_stand_twice_are_refused(trajectories) -> None:
    twice = pd.concat([trajectories.rows, trajectories.rows.iloc[:1]])
    with pytest.raises(InputError, match="each network, measurement, layer, checkpoint must stand"):
        Trajectories(trajectories.networks, twice)
    networks = pd.concat([trajectories.networks, trajectories.networks.iloc[:1]])
    with pytest.raises(InputError, match="networks: each network must stand once"):
        Trajectories(networks, trajectories.rows)


def test_a_missing_trajectory_part_is_named(corpus) -> None:
    (corpus / "trajectories" / "part-a.parquet").unlink()
    with pytest.raises(InputError, match="trajectories/part-a.parquet must be a complete Parquet"):
        read_corpus(corpus)


def test_a_folder_that_is_no_corpus(tmp_path) -> None:
    with pytest.raises(InputError, match="must be a corpus folder with a manifest.json"):
        read_corpus(tmp_path)
    write_manifest(tmp_path, {})
    with pytest.raises(InputError, match="holds no simulated network yet"):
        read_corpus(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": "x"}'])
def test_a_damaged_manifest(tmp_path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(
        InputError, match="the manifest of a corpus, a JSON object|schema_version must be 4"
    ):
        read_manifest(tmp_path)


def test_a_manifest_from_a_newer_version(tmp_path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(InputError, match="schema_version must be 4; got 99"):
        read_manifest(tmp_path)


def test_tables_that_disagree_or_are_empty(trajectories) -> None:
    with pytest.raises(InputError, match="must hold the same networks; 1 stand in only one"):
        Trajectories(trajectories.networks.iloc[1:], trajectories.rows)
    with pytest.raises(InputError, match="the table is empty"):
        Trajectories(trajectories.networks, trajectories.rows.iloc[:0])
    with pytest.raises(InputError, match="column weight_raw_norm, weight_raw_mean, .* and 42 more"):
        Trajectories(trajectories.networks, trajectories.rows.drop(columns=list(STATISTICS)))


def test_select_keeps_the_networks_named(trajectories) -> None:
    some = trajectories.networks["network"].iloc[:3]
    assert set(trajectories.select(some).rows["network"]) == set(some)


def test_observable_of() -> None:
    assert observable_of("weight_raw_norm") == "weight"
    with pytest.raises(InputError, match="statistic must begin with one of weight"):
        observable_of("loss")


def test_an_atomic_write_that_fails_leaves_nothing(tmp_path) -> None:
    def fail(path):
        path.write_text("half")
        raise RuntimeError("stop")

    (tmp_path / "x").write_text("before")
    with pytest.raises(RuntimeError, match="stop"):
        atomic_write(tmp_path / "x", fail)
    assert (tmp_path / "x").read_text() == "before"
    assert os.listdir(tmp_path) == ["x"]


def test_a_written_file_is_as_readable_as_any_other(tmp_path) -> None:
    atomic_write(tmp_path / "ours", lambda path: path.write_text(""))
    (tmp_path / "theirs").write_text("")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "theirs")}
    assert len(modes) == 1


def test_pandas_alone_reads_a_part(corpus, trajectories) -> None:
    assert len(pd.read_parquet(corpus / "networks" / "part-a.parquet")) == 96


def test_networks_are_set_apart_only_where_that_is_said() -> None:
    table = pd.DataFrame({"network": ["a", "b", "c"]})
    assert set_apart(table).tolist() == [False] * 3
    for values in ([True, False, None], [True, False, float("nan")], [1.0, 0.0, float("nan")]):
        assert set_apart(table.assign(held_out=values)).tolist() == [True, False, False]
    nullable = pd.array([True, False, None], dtype="boolean")
    assert set_apart(table.assign(held_out=nullable)).tolist() == [True, False, False]
