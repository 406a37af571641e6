"""An evaluation run in pieces is the evaluation run at once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation import Evaluation, evaluate, read_evaluation
from rule_id.evaluation.adding import added, lacking
from rule_id.evaluation.costs import Cost, cost_table
from rule_id.models import CLASSIFIERS, BoostedClassifier
from rule_id.trajectories import Trajectories

PIECES = (
    ["truncated"],
    ["novel"],
    ["calibrated"],
    ["curves", "grouped"],
    ["alone", "held-out-task"],
)
COUNTED = "cost.csv"
"""Has times, which are not the same twice."""


@pytest.fixture(scope="module")
def folders(small: Trajectories, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One evaluation in pieces, and at once, of the same fits."""
    folder = tmp_path_factory.mktemp("pieces")
    places = {"pieces": folder / "pieces", "once": folder / "once"}
    options = {"splits": 2, "fits": folder / "fits"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CLASSIFIERS, "xgboost", partial(BoostedClassifier, n_estimators=5))
        for piece in PIECES:
            evaluate(small, places["pieces"], protocols=piece, add=True, **options)
        evaluate(small, places["once"], protocols=sum(PIECES, []), **options)
    return places


def test_pieces_are_the_whole(folders: dict[str, Path]) -> None:
    whole = {path.name: path for path in folders["once"].glob("*.*")}
    assert {path.name for path in folders["pieces"].glob("*.*")} == set(whole)
    for name in set(whole) - {COUNTED}:
        assert (folders["pieces"] / name).read_bytes() == whole[name].read_bytes(), name
    counts = [pd.read_csv(folders[name] / COUNTED).drop(columns="seconds") for name in folders]
    pd.testing.assert_frame_equal(*counts)


def test_cost_is_what_fits_took_when_they_were_made(folders: dict[str, Path]) -> None:
    cost = read_evaluation(folders["pieces"]).further["cost"]
    assert (cost["seconds"] > 0).all() and set(cost["protocol"]) >= {"grouped", "novel"}
    # The second evaluation fitted nothing, and says what the fits that it found had taken.
    again = read_evaluation(folders["once"]).further["cost"]
    np.testing.assert_allclose(again["seconds"], cost["seconds"])


def test_a_protocol_run_again_replaces_its_rows(folders: dict[str, Path]) -> None:
    held = read_evaluation(folders["once"])
    some = held.results[held.results["protocol"] == "alone"].assign(value=0.5)
    info = held.info | {"protocols": {"alone": "again"}, "models": ["linear"], "splits": 5}
    new = Evaluation(some, held.table, held.confusions.iloc[:0], info, held.further)
    both = added(held, new)
    assert (both.results.loc[both.results["protocol"] == "alone", "value"] == 0.5).all()
    rest = both.results["protocol"] != "alone"
    pd.testing.assert_frame_equal(
        both.results[rest].reset_index(drop=True),
        held.results[held.results["protocol"] != "alone"].reset_index(drop=True),
    )
    assert list(both.info["protocols"]) == list(held.info["protocols"])
    assert "alone" not in set(both.confusions["protocol"])
    assert both.info["splits"] == 5 and both.info["models"] == held.info["models"]


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"feature_set": "invariant"}, {"content_hash": "of another"},
     {"versions": {"numpy": "0"}}, {"tune": True}],
)  # fmt: skip
def test_what_cannot_be_compared_is_not_put_together(folders, changed) -> None:
    held = read_evaluation(folders["once"])
    with pytest.raises(InputError, match=f"the same {next(iter(changed))} can be added to"):
        added(held, replace(held, info=held.info | changed))


def test_nothing_is_fitted_that_is_refused_or_there(small, folders, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("rule_id.evaluation.runner.fit_all", None)
    out = tmp_path / "out"
    shutil.copytree(folders["once"], out)
    with pytest.raises(InputError, match="the same seed"):
        evaluate(small, out, protocols=["grouped"], splits=2, seed=1, add=True)
    with pytest.raises(InputError, match="add needs out"):
        evaluate(small, protocols=["grouped"], splits=2, add=True)
    monkeypatch.setattr("rule_id.evaluation.preparing.lacking", lambda *given: [])
    held = evaluate(small, out, splits=2, add=True)
    pd.testing.assert_frame_equal(held.results, read_evaluation(folders["once"]).results)


def test_what_lacks_is_a_protocol_without_a_model_that_is_asked_for(folders) -> None:
    held = read_evaluation(folders["once"])
    every = ["paper", "grouped", "held-out-task", "truncated", "novel", "alone"]
    assert lacking(held, every, ["linear", "xgboost"]) == ["paper"]
    assert lacking(held, every, ["xgboost", "linear", "svm"]) == ["paper", "grouped"]
    with pytest.raises(InputError, match="grouped lacks svm and has linear, which"):
        lacking(held, every, ["xgboost", "svm"])


def test_the_groups_that_are_named_are_those_of_the_last_run(folders) -> None:
    held = read_evaluation(folders["once"])
    named = {"hold_out": ["task=digits", "architecture=dense"]}
    old = replace(held, info=held.info | named)
    again = {"protocols": {"held-out-task": "again"}, "hold_out": ["task=words"]}
    both = added(old, replace(held, info=held.info | again))
    assert both.info["hold_out"] == ["architecture=dense", "task=words"]


def test_an_empty_folder_is_no_evaluation_to_add_to(small, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    made = evaluate(small, tmp_path / "out", protocols=["curves"], models=["linear"], splits=2,
                    add=True)  # fmt: skip
    assert list(made.info["protocols"]) == ["curves"]


def test_costs_are_summed_by_protocol_and_model() -> None:
    costs = [Cost("grouped", "a", 1.0), Cost("paper", "a", 2.0), Cost("grouped", "a", 3.5)]
    table = cost_table(costs)
    assert table.to_dict("records") == [
        {"protocol": "paper", "model": "a", "fits": 1, "seconds": 2.0},
        {"protocol": "grouped", "model": "a", "fits": 2, "seconds": 4.5},
    ]
    assert cost_table([]).empty
