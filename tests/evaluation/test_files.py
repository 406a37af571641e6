from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation import FURTHER, Evaluation, read_evaluation, write_evaluation


@pytest.fixture(scope="module")
def written(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "evaluation"
    write_evaluation(evaluation, folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(written, tmp_path / "evaluation"))


def test_what_is_written_is_read(evaluation: Evaluation, folder: Path) -> None:
    found = read_evaluation(folder)
    for name in ("results", "table", "confusions"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(evaluation, name))
    assert set(found.further) == set(evaluation.further) == set(FURTHER)
    for name, table in evaluation.further.items():
        # A column without a value has no type in a file.
        pd.testing.assert_frame_equal(found.further[name], table, check_dtype=False)
    assert found.info == evaluation.info


def test_the_folder_is_complete_and_alone(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "results.csv", "table.csv", "confusions.csv", "alignment.csv", "calibration.csv",
        "claims.csv", "control.csv", "cost.csv", "coverage.csv", "headline.csv", "matched.csv",
        "novelty.csv", "reliability.csv", "evaluation.json", "figures",
    }  # fmt: skip
    names = {
        "confusion-families", "confusion-grouped", "confusion-held-out-architecture",
        "confusion-held-out-range", "confusion-held-out-task", "confusion-network",
        "confusion-paper", "generalisation", "reliability", "truncation",
    }  # fmt: skip
    files = {f"{name}.{ending}" for name in names for ending in ("svg", "csv")}
    assert {path.name for path in (folder / "figures").iterdir()} == files
    assert [path.name for path in folder.parent.iterdir()] == ["evaluation"]
    assert str(folder.parent) not in (folder / "evaluation.json").read_text()


def test_a_table_without_rows_has_no_file(
    evaluation: Evaluation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rule_id.evaluation.files.all_figures", lambda evaluation: {})
    without = {name: table.head(0) for name, table in evaluation.further.items()}
    write_evaluation(replace(evaluation, further=without), folder)
    assert not {path.stem for path in folder.iterdir()} & set(FURTHER)
    found = read_evaluation(folder).further
    assert all(found[name].empty for name in FURTHER)
    assert {name: tuple(table.columns) for name, table in found.items()} == FURTHER


def test_the_evaluation_that_ships_is_of_rules() -> None:
    shipped = Path(__file__).parents[2] / "reports" / "reference" / "evaluation"
    assert read_evaluation(shipped).info["target"] == "rule"


def test_an_evaluation_is_replaced_whole(evaluation: Evaluation, folder: Path) -> None:
    (folder / "results.csv").write_text("old")
    (folder / "stale.csv").touch()
    write_evaluation(evaluation, folder)
    assert not (folder / "stale.csv").exists()
    assert read_evaluation(folder).info == evaluation.info


def test_an_empty_folder_may_be_used(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write_evaluation(evaluation, tmp_path / "new")
    assert read_evaluation(tmp_path / "new").info == evaluation.info


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_else_is_replaced(evaluation: Evaluation, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "mine"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").touch()
    else:
        out.touch()
    with pytest.raises(InputError, match="out must be a new or empty folder, or an evaluation"):
        write_evaluation(evaluation, out)
    assert out.exists()


def test_a_failure_leaves_what_was_there(
    evaluation: Evaluation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("rule_id.evaluation.files.save_figure", fail)
    before = (folder / "results.csv").read_bytes()
    for out in (folder, folder.parent / "other"):
        with pytest.raises(OSError, match="disk full"):
            write_evaluation(evaluation, out)
    assert (folder / "results.csv").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["evaluation"]


@pytest.mark.parametrize("name", ["results.csv", "table.csv", "confusions.csv", "evaluation.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"must be an evaluation folder; it has no {name}"):
        read_evaluation(folder)


def edit_table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        change(pd.read_csv(path)).to_csv(path, index=False)

    return edit


def edit_json(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return edit


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("results.csv", edit_table(lambda t: t.drop(columns="chance")), "must have column chance"),
        ("table.csv", edit_table(lambda t: t.head(0)), "must have rows"),
        ("results.csv", edit_table(lambda t: t.assign(value="x")), "column value must hold numb"),
        ("confusions.csv", lambda path: path.write_text(""), "must be a CSV file"),
        ("confusions.csv", lambda path: path.write_bytes(b"a,b\n\xff\xfe,1\n"), "must be a CSV"),
        (
            "evaluation.json",
            lambda path: path.write_text('{"a": '),
            "must be an evaluation, a JSON object",
        ),
        ("evaluation.json", edit_json(lambda info: [info]), "must be an evaluation, a JSON object"),
        (
            "evaluation.json",
            edit_json(lambda i: i | {"schema_version": 1}),
            "must be 2, 3 or 4; got 1",
        ),
        (
            "evaluation.json",
            edit_json(lambda i: i | {"schema_version": 9}),
            "must be 2, 3 or 4; got 9",
        ),
        (
            "evaluation.json",
            edit_json(lambda i: i | {"target": "task"}),
            "target must be one of rule, family, credit_assignment, optimizer; got 'task'",
        ),
        ("results.csv", edit_table(lambda t: t.drop(columns="floor")), "must have column floor"),
        ("control.csv", edit_table(lambda t: t.drop(columns="accuracy")), "have column accuracy"),
        ("alignment.csv", edit_table(lambda t: t.drop(columns="bin")), "must have column bin"),
        ("alignment.csv", edit_table(lambda t: t.assign(n="x")), "column n must hold numbers"),
        ("headline.csv", edit_table(lambda t: t.drop(columns="floor")), "must have column floor"),
        ("coverage.csv", edit_table(lambda t: t.assign(size="x")), "column size must hold numb"),
        (
            "evaluation.json",
            edit_json(lambda i: {k: v for k, v in i.items() if k != "classes"}),
            "must have classes; it has none",
        ),
    ],
)
def test_damage_is_named(
    folder: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder / name)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        read_evaluation(folder)


def test_a_rule_may_be_called_null(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rule_id.evaluation.files.all_figures", lambda evaluation: {})
    confusions = evaluation.confusions.assign(true="null", predicted="NA")
    renamed = replace(evaluation, confusions=confusions)
    write_evaluation(renamed, tmp_path / "out")
    assert set(read_evaluation(tmp_path / "out").confusions["predicted"]) == {"NA"}
