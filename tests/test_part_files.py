"""Whatever is changed in a part, it is either noticed or makes no difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from synthetic import synthetic_trajectories

from rule_id import part_files
from rule_id.batches import read_batches
from rule_id.errors import InputError
from rule_id.part_files import damage_of, has_part, write_part
from rule_id.trajectories import read_corpus, read_parquet, write_manifest

MADE = synthetic_trajectories(n_blocks=1, networks_per_rule=1, n_checkpoints=3)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    some = MADE.select(MADE.networks["network"][:1])
    write_part(tmp_path, "a", some.networks, some.rows, {"ensembles": "2"})
    return tmp_path


def files(corpus: Path) -> list[Path]:
    return [corpus / folder / "part-a.parquet" for folder in ("networks", "trajectories")]


def test_what_was_written_is_sound_and_says_what_was_noted(corpus: Path) -> None:
    assert has_part(corpus, "a") and not has_part(corpus, "b")
    assert damage_of(corpus, "a") == ""
    marks = pq.read_metadata(files(corpus)[0]).metadata
    assert marks[b"rule_id.ensembles"] == b"2"


@pytest.mark.parametrize("which", [0, 1])
def test_a_flipped_byte_is_noticed_or_changes_nothing(corpus: Path, which: int) -> None:
    path = files(corpus)[which]
    whole, table = path.read_bytes(), read_parquet(path, ())
    rng = np.random.default_rng(which)
    unnoticed = 0
    for place in rng.permutation(len(whole))[:300]:
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ (1 << rng.integers(8))]) + whole[place + 1 :]
        )
        if not damage_of(corpus, "a"):
            unnoticed += 1
            pd.testing.assert_frame_equal(read_parquet(path, ()), table)
    # Of trajectories every byte counts; of networks not what readers pass over, as statistics.
    assert unnoticed <= (0 if which else 250)


@pytest.mark.parametrize("which", [0, 1])
def test_who_reads_is_told_of_a_flipped_byte_of_values(corpus: Path, which: int) -> None:
    path = files(corpus)[which]
    whole = path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    column = group.column(group.num_columns - 1)
    end = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size
    for place in range(end - 4, end):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"must be a complete Parquet file: .*(CRC|checksum)"):
            read_parquet(path, ())


@pytest.mark.parametrize("which", [0, 1])
def test_a_truncated_file_is_noticed(corpus: Path, which: int) -> None:
    path = files(corpus)[which]
    whole = path.read_bytes()
    for length in [*range(0, len(whole), len(whole) // 20), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert str(path) in damage_of(corpus, "a"), length


def test_trajectories_of_another_part_are_noticed(corpus: Path) -> None:
    other = MADE.select(MADE.networks["network"][1:2])
    write_part(corpus / "other", "a", other.networks, other.rows)
    files(corpus)[1].write_bytes(files(corpus / "other")[1].read_bytes())
    assert "trajectories/part-a.parquet does not hold what was written" in damage_of(corpus, "a")


def test_parts_of_before_there_were_hashes_are_read(corpus: Path) -> None:
    for path in files(corpus):
        pd.read_parquet(path).to_parquet(path, index=False, compression="zstd")
    assert damage_of(corpus, "a") == ""
    files(corpus)[1].write_bytes(files(corpus)[1].read_bytes()[:500])
    assert "cannot be read" in damage_of(corpus, "a")


@pytest.mark.parametrize("how", ["read_corpus", "read_batches"])
def test_who_reads_a_corpus_is_told_of_any_flipped_byte_of_trajectories(
    corpus: Path, how: str
) -> None:
    """Headers of pages have no checksum of their own, and stand first in the file."""
    write_manifest(corpus, {"plan": {}})
    path = files(corpus)[1]
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [*range(0, 200, 10), *rng.integers(len(whole), size=20)]
    for place in places:
        flipped = whole[place] ^ (1 << rng.integers(8))
        path.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
        with pytest.raises(InputError, match="part-a.parquet"):
            list(read_batches(corpus)) if how == "read_batches" else read_corpus(corpus)
    path.write_bytes(whole)
    read_corpus(corpus)


def test_who_reads_a_corpus_is_told_of_changed_networks_or_reads_what_was_written(
    corpus: Path,
) -> None:
    write_manifest(corpus, {"plan": {}})
    path = files(corpus)[0]
    whole, expected = path.read_bytes(), read_corpus(corpus).networks
    rng = np.random.default_rng(1)
    refused = 0
    for place in rng.permutation(len(whole))[:80]:
        flipped = whole[place] ^ (1 << rng.integers(8))
        path.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
        try:
            networks = read_corpus(corpus).networks
        except InputError:
            refused += 1
        else:
            pd.testing.assert_frame_equal(networks, expected)
    assert refused > 8


def test_of_two_writers_of_other_bytes_one_part_comes(tmp_path, monkeypatch) -> None:
    """The other writes all of it between the first one's trajectories and its mark."""
    first, second = (MADE.select([name]) for name in MADE.networks["network"][:2])
    atomic, others = part_files.atomic_write, []

    def beside(path: Path, write) -> None:
        if path.parent.name == "networks" and not others:
            others.append(path)
            write_part(tmp_path, "a", second.networks, second.rows)
        atomic(path, write)

    monkeypatch.setattr(part_files, "atomic_write", beside)
    write_part(tmp_path, "a", first.networks, first.rows)
    assert others and damage_of(tmp_path, "a") == ""
    found = read_parquet(tmp_path / "trajectories" / "part-a.parquet", ())
    assert set(found["network"]) == set(first.networks["network"])
