"""Whatever a JSON or TOML file holds, whoever reads it says so in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from synthetic import synthetic_trajectories

from rule_id.documents import read_json, read_toml
from rule_id.errors import InputError
from rule_id.evaluation import read_evaluation
from rule_id.features import extract
from rule_id.models import read_bundle, train
from rule_id.recordings.reading import read_reading
from rule_id.simulation.describe import describe
from rule_id.simulation.plan import read_plan
from rule_id.trajectories import read_manifest, write_manifest, write_part

DEEP = "[" * 100_000


@pytest.mark.parametrize("text", ["", "{", DEEP, "[1]", "3", '"a"', "\x00", '{"a": \x01}'])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(
        InputError, match=r"x\.json must be a list of things, a JSON object"
    ) as told:
        read_json(tmp_path / "x.json", "a list of things")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["=", f"a = {DEEP}", "a = 1\na = 2"])
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(InputError, match=r"x\.toml must be a plan in TOML") as told:
        read_toml(tmp_path / "x.toml", "a plan")
    assert "\n" not in str(told.value)
    for read in (read_plan, read_reading):
        with pytest.raises(InputError, match="in TOML"):
            read(tmp_path / "x.toml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for read in (read_json, read_toml):
        with pytest.raises(InputError, match="x must be a plan"):
            read(tmp_path / "x", "a plan")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"schema_version": 1e999}', "schema_version must be 4; got inf"),
        ("{}", "schema_version must be 4; got None"),
        ('{"schema_version": 4, "parts": 5}', "parts must be a list of names; got 5"),
        ('{"schema_version": 4, "parts": [[]]}', "parts must be a list of names"),
        (DEEP, "must be the manifest of a corpus, a JSON object"),
    ],
)
def test_manifests_of_corpora(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=match):
        read_manifest(tmp_path)


def test_an_evaluation_that_is_none(tmp_path: Path) -> None:
    for text in (DEEP, "{}", '{"schema_version": [1]}'):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(InputError, match="JSON object|schema_version must be"):
            read_evaluation(tmp_path)


def test_numbers_of_a_bundle_that_are_none(tmp_path: Path) -> None:
    table = extract(synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=3))
    train(table, tmp_path / "x", model="linear", tune=False, held_out=0.4)
    path = tmp_path / "x" / "manifest.json"
    written = json.loads(path.read_text())
    large, endless = int("9" * 400), {"looks": float("inf")}
    changes: list[dict[str, object]] = [
        {"quantiles": [[large, *row[1:]] for row in written["quantiles"]]},
        {"decisions": {"exact": {"rule": {"all": endless}}}},
    ]
    for change in changes:
        path.write_text(json.dumps(written | change))
        with pytest.raises(InputError, match="must be that of a bundle"):
            read_bundle(tmp_path / "x")


def test_of_a_damaged_time_nothing_is_known(tmp_path: Path) -> None:
    made = synthetic_trajectories(n_blocks=1, networks_per_rule=1, n_checkpoints=3)
    write_manifest(tmp_path, {"plan": {}})
    write_part(tmp_path, "a", made.networks, made.rows)
    (tmp_path / "timings").mkdir()
    for text in ("", "[]", '{"networks": [], "seconds": 1}', '{"networks": 3, "seconds": 1}'):
        (tmp_path / "timings" / "part-a.json").write_text(text)
        assert "networks" in str(describe(tmp_path))
