"""What is read need not be what was written: an error of one line, whatever it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rule_id.batches import read_batches
from rule_id.checking import check
from rule_id.compact_parts import files
from rule_id.errors import InputError
from rule_id.part_files import key_of
from rule_id.trajectories import read_corpus

PLACES = ("trajectories", "checkpoints", "networks")


@pytest.fixture
def hashed(compacted, tmp_path) -> Path:
    return Path(shutil.copytree(compacted, tmp_path / "corpus"))


@pytest.fixture
def corpus(hashed) -> Path:
    """A copy without hashes of its files, as of who means no good: what lies behind is tried."""
    say(hashed, {"hashes": {}})
    return hashed


def say(corpus: Path, more: dict[str, object]) -> None:
    path = corpus / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"compact": manifest["compact"] | more}))


def part(corpus: Path, place: str = "trajectories") -> Path:
    return next((corpus / place).iterdir())


def refused(corpus: Path, match: str = "") -> None:
    for read in (read_corpus, lambda folder: list(read_batches(folder))):
        with pytest.raises(InputError, match=match) as error:
            read(corpus)
        assert "\n" not in str(error.value)


def change(path: Path, column: str, values: pa.Array) -> None:
    table = pq.read_table(path)
    index = table.column_names.index(column)
    pq.write_table(table.set_column(index, column, values), path)


@pytest.mark.parametrize("place", PLACES)
def test_truncated_files_are_named(corpus, place):
    path = part(corpus, place)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(corpus, f"{path.name} must be a complete Parquet file")


def test_flipped_bytes_are_an_error_or_another_number(corpus):
    """Each of 50 damaged copies is refused, or read as numbers."""
    rng = np.random.default_rng(0)
    for _ in range(25):
        for place in PLACES[:2]:
            path = part(corpus, place)
            whole = path.read_bytes()
            damaged = bytearray(whole)
            for at in rng.integers(0, len(whole), 3):
                damaged[at] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                assert len(read_corpus(corpus).rows)
            except InputError as error:
                assert "\n" not in str(error)
            path.write_bytes(whole)


@pytest.mark.parametrize(
    ("column", "values", "match"),
    [
        ("weight_raw_var.course", lambda n: pa.array([b"abcd"] * n, pa.binary(4)), "same number"),
        ("weight_raw_var.course", lambda n: pa.array([b"abcde"] * n), "bytes of a fixed number"),
        ("weight_raw_var.course", lambda n: pa.nulls(n, pa.binary(5)), "may be missing"),
        ("weight_raw_var.course", lambda n: pa.array([0.0] * n), "bytes of a fixed number"),
        ("weight_raw_var.first", lambda n: pa.array(["x"] * n), "must be of type float"),
        ("weight_raw_var.first", lambda n: pa.array([np.inf] * n, pa.float32()), "finite value"),
        ("weight_raw_var.range", lambda n: pa.array([-1.0] * n, pa.float32()), "range of 0"),
        ("weight_raw_var.range", lambda n: pa.array([np.nan] * n, pa.float32()), "range of 0"),
        ("network", lambda n: pa.array(["x"] * n), "every network must have layers"),
        ("layer", lambda n: pa.array([1.5] * n), "column layer must be of type int64"),
        ("layer", lambda n: pa.array([0] * n), "must stand once"),
        ("layer_name", lambda n: pa.array(["x" * 1000] * n), "at most 300 bytes; got 1000"),
        ("layer_name", lambda n: pa.array([b"x"] * n, pa.binary()), "must be of type string"),
        ("tracked", lambda n: pa.nulls(n, pa.bool_()), "may be missing, as in column tracked"),
    ],
)
def test_columns_of_another_kind_are_refused(corpus, column, values, match):
    path = part(corpus)
    change(path, column, values(pq.read_metadata(path).num_rows))
    with pytest.raises(InputError, match=match):
        read_corpus(corpus)


@pytest.mark.parametrize("place", PLACES[:2])
def test_columns_that_are_not_there_are_named(corpus, place):
    path = part(corpus, place)
    pq.write_table(pq.read_table(path).drop_columns(["network"]), path)
    refused(corpus, "column network is missing")


def test_layers_and_checkpoints_must_go_together(corpus):
    path = part(corpus, "checkpoints")
    table = pq.read_table(path)
    for wrong in (table.slice(1), table.slice(0, 6), pa.concat_tables([table, table.slice(0, 1)])):
        pq.write_table(wrong, path)
        refused(corpus, "every network must have layers, and . checkpoints")
    pq.write_table(table.slice(0, 0), path)
    refused(corpus, "no value may be missing")


def test_a_layer_that_was_dropped_is_missed(corpus):
    path = part(corpus)
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)
    refused(corpus, "must have a row for each layer")


def test_what_would_fill_the_memory_is_refused_before_it_is_read(corpus, monkeypatch):
    path = part(corpus)
    n = pq.read_metadata(path).num_rows
    monkeypatch.setattr(files, "MOST_ROWS", n - 1)
    refused(corpus, f"must have at most {n - 1} rows")
    monkeypatch.setattr(files, "MOST_ROWS", 6 * n - 1)
    refused(corpus, f"at most {6 * n - 1} rows; got {n} layers at 6 checkpoints")
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    refused(corpus, "and 1000 bytes unpacked")


def test_a_long_text_is_not_unpacked(corpus):
    """A text of 20 MB in each of many rows is a small file, and would be gigabytes of memory."""
    path = part(corpus)
    n = pq.read_metadata(path).num_rows
    long = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), ["x" * 20_000_000])
    table = pq.read_table(path)
    place = table.column_names.index("layer_name")
    table = table.set_column(place, "layer_name", long)
    pq.write_table(table, path, compression="zstd", store_schema=False,
                   dictionary_pagesize_limit=2**30)  # fmt: skip
    assert path.stat().st_size < 1_000_000
    refused(corpus, "a layer_name must have at most 300 bytes; got 20000000")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"version": 3, "layers": 8}, "compact must have version 4; got 3"),
        ("yes", "compact must have version 4; got None"),
        ({"version": 4, "layers": "8"}, "must keep 2 layers or more of a network; got '8'"),
        ({"version": 4, "layers": True}, "must keep 2 layers or more of a network; got True"),
    ],
)
def test_a_manifest_of_another_version_is_refused(corpus, said, match):
    path = corpus / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"compact": said}))
    refused(corpus, match)


def test_a_part_without_its_checkpoints_is_named(corpus):
    part(corpus, "checkpoints").unlink()
    refused(corpus, "column")


@pytest.mark.parametrize("place", PLACES)
def test_no_byte_that_changed_is_read_as_another_number(hashed, place):
    path = part(hashed, place)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(whole), 20):
        changed = bytearray(whole)
        changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        refused(hashed, f"{place}/{path.name} is not what was written")
    found = check(hashed)
    assert found.damaged == {key_of(path): f"{path} is not what was written"}
    assert str(found).splitlines()[-1].startswith("Make the compact copy again")
    path.write_bytes(whole)
    assert check(hashed).sound
    path.unlink()
    assert not check(hashed).sound


def test_hashes_must_be_a_table(hashed):
    say(hashed, {"hashes": ["a"]})
    refused(hashed, "hashes of a compact corpus must be a table")
