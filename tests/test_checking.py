"""What `rule-id check` says of a corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from synthetic import synthetic_trajectories

from rule_id.checking import check
from rule_id.errors import InputError
from rule_id.trajectories import write_manifest, write_part

MADE = synthetic_trajectories(n_blocks=3, networks_per_rule=1, n_checkpoints=3)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    write_manifest(folder, {"plan": {}, "parts": ["0", "1", "2"]})
    for block, some in MADE.networks.groupby("block"):
        part = MADE.select(some["network"])
        write_part(folder, str(block), part.networks, part.rows)
    return folder


def test_a_sound_corpus(corpus: Path) -> None:
    found = check(corpus)
    assert found.sound and found.n_parts == 3
    assert str(found) == f"{corpus}: 3 of 3 parts are as they were written"


def test_everything_that_is_wrong_is_said(corpus: Path) -> None:
    (corpus / "networks" / "part-0.parquet").unlink()
    path = corpus / "trajectories" / "part-1.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    shutil.copy(corpus / "networks" / "part-2.parquet", corpus / "networks" / "part-9.parquet")
    (corpus / "networks" / ".host-1-abc.tmp").touch()
    found = check(corpus)
    assert not found.sound
    assert found.missing == ["0"] and list(found.damaged) == ["1"] and found.foreign == ["9"]
    assert str(found).splitlines() == [
        f"{corpus}: 1 of 3 parts are as they were written",
        f"damaged: {path} does not hold what was written",
        "missing: 1 parts, such as part-0.parquet",
        "not of this corpus: part-9.parquet",
        "unfinished: 1 files, which nothing reads",
        "Run simulate on it again: what is damaged or missing is simulated anew.",
    ]


def test_parts_that_disagree_are_noticed(corpus: Path) -> None:
    one = MADE.select(MADE.networks["network"][MADE.networks["block"] == 0])
    write_part(corpus, "2", one.networks, one.rows)
    found = check(corpus)
    assert not found.sound and "each network must stand once" in found.disagreement


def test_an_unfinished_file_does_no_harm(corpus: Path) -> None:
    (corpus / "trajectories" / ".host-1-abc.tmp").touch()
    assert check(corpus).sound


def test_a_manifest_of_a_newer_version_is_refused(corpus: Path) -> None:
    manifest = json.loads((corpus / "manifest.json").read_text())
    (corpus / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99}))
    with pytest.raises(InputError, match="schema_version must be 4; got 99"):
        check(corpus)
    with pytest.raises(InputError, match=r"must be a corpus folder with a manifest\.json"):
        check(corpus / "networks")
