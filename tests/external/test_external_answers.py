"""What is counted of answers, on tables that are made up, and the script as a whole."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from external.answers import answer_row, read_rule_menu
from external.identify_external import run
from external.plan import plan
from external.scoring import Share, by_rule, confusion, confusion_text, learned_text, report

from rule_id.errors import InputError
from rule_id.features import extract
from rule_id.models import Bundle, Identification, train
from rule_id.models.identification import Outside
from rule_id.models.view import Cell, View
from rule_id.trajectories import Trajectories

ROOT = Path(__file__).parents[2]


RANKED = {
    "feedback_alignment+momentum": 0.4,
    "backprop+adam": 0.35,
    "backprop+momentum": 0.25,
    "information_alignment+momentum": 0.0,
}
CLASSES = {
    "feedback_alignment+momentum": "fixed feedback",
    "backprop+adam": "backprop",
    "backprop+momentum": "backprop",
    "information_alignment+momentum": "learned feedback",
}
FAMILIES = {"backprop": 0.6, "fixed feedback": 0.4, "learned feedback": 0.0}


def answer(
    ranked: dict[str, float], families: dict[str, float], outside: bool = False
) -> Identification:
    """Of a network whose 90% set holds two rules."""
    view = View("activation+weight", "exact", 32, 0.0, True, 21)
    order = sorted(ranked.items(), key=lambda one: -one[1])
    return Identification(
        name="a",
        signal="model",
        target="rule",
        n_classes=len(ranked),
        constant=not ranked,
        ranked=order,
        families=sorted(families.items(), key=lambda one: -one[1]),
        priors={},
        layers=[],
        set=[name for name, _ in order[:2]],
        level=0.9,
        outside=Outside(2.0 if outside else 0.5, 1.0, 100, []),
        view=view,
        cell=Cell(view, {"class": 0.8}, {"class": 0.25}, 100),
        costs=[],
        warnings=[],
    )


def row(rule: str, outside: bool = False) -> dict:
    known = {"name": "a", "source": "torch", "rule": rule, "score": 0.9, "learned": True}
    return answer_row(known, answer(RANKED, FAMILIES, outside), CLASSES)


def test_a_row_holds_sums_over_rules() -> None:
    found = row("backprop+adam")
    assert found["first_rule"] == "feedback_alignment+momentum" and found["p_first_rule"] == 0.4
    for level in ("family", "credit_assignment"):
        assert found[f"first_{level}"] == "backprop" and found[f"n_{level}"] == 3
        assert found[f"p_first_{level}"] == pytest.approx(0.6)
    assert found["p_true_rule"] == 0.35 and found["known_rule"] and found["n_rule"] == 4
    assert found["in_set"] and found["set_size"] == 2 and not found["outside"]
    assert row("backprop+adam", outside=True)["outside"]


def test_what_is_not_among_the_classes_is_said_level_by_level() -> None:
    found = row("direct_feedback_alignment+sgd")
    assert not found["known_rule"] and not found["known_credit_assignment"]
    assert found["known_family"] and found["p_true_family"] == 0.4
    assert found["p_true_rule"] == 0 and not found["in_set"]


def test_a_rule_counts_as_the_class_that_it_is_merged_into() -> None:
    merged = "symmetric_alignment/weight_mirror+momentum"
    known = {"name": "a", "source": "torch", "rule": "weight_mirror+momentum"}
    said = answer({merged: 1.0, "oja+sgd": 0.0}, {"learned feedback": 1.0})
    found = answer_row(known, said, {merged: "learned feedback", "oja+sgd": "hebbian"})
    assert found["true_rule"] == found["first_rule"] == merged and found["in_set"]


def test_a_network_of_which_nothing_is_said_is_not_named() -> None:
    known = {"name": "a", "source": "torch", "rule": "backprop+adam"}
    found = answer_row(known, answer({}, {}), CLASSES)
    assert found["known_rule"] and found["n_rule"] == 4 and found["n_family"] == 3
    assert found["first_rule"] == found["first_family"] == "(nothing)"
    assert found["p_true_rule"] == 0 and not found["in_set"]


def test_wilsons_interval() -> None:
    k, n, z = 8, 10, 1.959963984540054
    p, middle = k / n, (k / n + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert Share(k, n).interval() == pytest.approx((middle - half, middle + half))
    assert str(Share(0, 0)) == "none"
    assert str(Share(5, 10)) == "0.50 [0.24, 0.76] (5 of 10)"


@pytest.fixture
def answers() -> pd.DataFrame:
    """Four networks; all are taken for feedback alignment, and for the family backprop."""
    rules = [
        "backprop+adam",
        "feedback_alignment+momentum",
        "feedback_alignment+momentum",
        "direct_feedback_alignment+sgd",
    ]
    return pd.DataFrame([row(rule, outside=k >= 2) for k, rule in enumerate(rules)])


def test_accuracies_by_rule_leave_out_what_cannot_be_named(answers: pd.DataFrame) -> None:
    table = by_rule(answers).set_index("rule")
    assert table["n"].to_dict() == {
        "backprop+adam": 1,
        "feedback_alignment+momentum": 2,
        "direct_feedback_alignment+sgd": 1,
    }
    accuracy = table["rule accuracy"].tolist()
    assert accuracy[:2] == [0, 1] and np.isnan(accuracy[2])
    assert table["family accuracy"].tolist() == [1, 0, 0]


def test_the_report_counts_those_among_the_classes_and_the_others_apart(
    answers: pd.DataFrame,
) -> None:
    text = report(answers)
    for line in (
        "4 networks; the rules of 1 are not among the 4 classes and count apart",
        f"\nrule ranked first: {Share(2, 3)}; chance 0.25, always the commonest 0.67",
        f"\nfamily ranked first: {Share(1, 4)}; chance 0.33, always the commonest 0.75",
        f"\ncredit assignment ranked first: {Share(1, 3)}; chance 0.33",
        f"90% set holds the rule: {Share(3, 3)}; mean size 2.0, empty for 0",
        f"called outside: {Share(2, 4)}\n  of the others: rule ranked first: {Share(1, 2)}",
        "\nnot among the classes: 1, of which 1 called outside, set empty for 0; "
        f"family ranked first: {Share(0, 1)}",
    ):
        assert line in text
    assert "not among the classes:" not in report(answers[:3])


def test_a_report_of_networks_none_of_which_can_be_named(answers: pd.DataFrame) -> None:
    text = report(answers[3:])
    assert "rule: none is among the classes" in text and "90% set holds the rule: none" in text


def test_what_was_learned_is_counted_where_it_was_to_be() -> None:
    columns = ["source", "rule", "task", "score", "learned"]
    rows = [
        ("torch", "backprop+sgd", "wine", 0.9, True),
        ("torch", "backprop+sgd", "wine", 0.5, False),
        ("torch", "no_learning", "wine", 0.3, False),
    ]
    lines = learned_text(pd.DataFrame(rows, columns=columns)).splitlines()
    assert lines[-1].split() == ["torch:", "1", "of", "2", "learned", "their", "task"]
    assert lines[1].split() == ["torch", "backprop+sgd", "wine", "2", "0.5", "0.9"]


def test_a_confusion_matrix_in_text() -> None:
    table = confusion(pd.Series(list("aabc")), pd.Series(list("abbb")))
    assert table.to_numpy().tolist() == [[1, 1], [0, 1], [0, 1]]
    lines = confusion_text(table).splitlines()
    assert [line.split() for line in lines] == [
        ["1", "2"], ["a", "[1]", "1", "1"], ["b", "[2]", ".", "1"], ["c", ".", "1"],
        ["ranked", "first:"], ["1", "a"], ["2", "b"],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def bundle(trajectories: Trajectories) -> Bundle:
    """Of the four rules of made-up trajectories."""
    return train(extract(trajectories, "summary"), model="linear", tune=False)


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("external") / "bundle"
    bundle.write(path)
    return str(path)


def test_a_bundle_that_identifies_something_else_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    dataclasses.replace(bundle, target="optimizer", families={}).write(tmp_path / "other")
    with pytest.raises(InputError, match="model must identify the target rule; .* for optimizer"):
        read_rule_menu(tmp_path / "other")


def test_the_whole_way_with_three_networks(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("torch-backprop-momentum-3", "biotorch-feedback_alignment-adam-1",
             "sklearn-backprop-adam-1")  # fmt: skip
    networks = [dataclasses.replace(one, steps=20) for one in plan() if one.name in names]
    run(networks, tmp_path)
    assert "rules" not in capsys.readouterr().out and not (tmp_path / "answers.csv").exists()
    run(networks, tmp_path, folder)
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert answers["name"].tolist() == [one.name for one in networks]
    assert answers["known_rule"].tolist() == [True, False, True]
    printed = capsys.readouterr().out
    assert "3 networks; the rules of 1 are not among the 4 classes" in printed
    assert all(name in printed for name in names)


@pytest.mark.slow
def test_the_script_trains_and_identifies_all_networks(folder: str, tmp_path: Path) -> None:
    command = [sys.executable, "tests/external/identify_external.py",
               "--model", folder, "--out", str(tmp_path)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert len(answers) == len(plan()) and np.isfinite(answers["score"]).all()
    learning = answers[answers["rule"] != "no_learning"]
    # Not all: on diabetes a network may fit its examples and little else.
    assert learning["learned"].mean() > 0.9
    assert not answers[answers["rule"] == "no_learning"]["learned"].any()
