from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rule_id.evaluation import (
    CUTS,
    Evaluation,
    all_figures,
    confusion_figure,
    generalisation_figure,
    save_figure,
    truncation_figure,
)
from rule_id.evaluation.figures import TRUNCATION_PANELS

GROUPED = ("grouped", "all", "summary", "linear", "network", "rule")


def with_classes(evaluation: Evaluation, n: int) -> Evaluation:
    """The same with n made-up classes, each taken for itself and the next."""
    names = [f"credit_assignment_{place}+optimizer" for place in range(n)]
    counts = [
        (*GROUPED, a, b, 3 if i == j else int(j == i + 1))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
    ]
    confusions = pd.DataFrame(counts, columns=evaluation.confusions.columns)
    table = evaluation.table[evaluation.table["model"] == "linear"]
    info = evaluation.info | {"classes": names, "classes_of": {"rule": names}}
    return replace(evaluation, confusions=confusions, table=table, info=info)


def of_protocols(evaluation: Evaluation, *protocols: str) -> Evaluation:
    results, table, confusions = (
        frame[frame["protocol"].isin(protocols)]
        for frame in (evaluation.results, evaluation.table, evaluation.confusions)
    )
    return Evaluation(results, table, confusions, evaluation.info)


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_figures_follow_the_protocols(evaluation: Evaluation) -> None:
    assert set(all_figures(of_protocols(evaluation, "truncated"))) == {"truncation"}
    assert set(all_figures(of_protocols(evaluation, "paper"))) == {
        "confusion-paper",
        "generalisation",
    }


def test_axes_have_names(evaluation: Evaluation) -> None:
    for drawn in all_figures(evaluation).values():
        figure = drawn.figure
        # Panels one above the other share the name of an axis.
        assert all(axes.get_xlabel() for axes in figure.axes[-1:])
        assert figure.axes[0].get_ylabel() or figure.axes[0].get_yticklabels()


def test_generalisation_has_a_panel_a_level_and_a_chance_a_protocol(
    evaluation: Evaluation,
) -> None:
    layers, networks = generalisation_figure(evaluation).axes
    assert [label.get_text() for label in layers.get_yticklabels()] == [
        "paper", "network", "grouped", "held-out-architecture", "held-out-task",
        "held-out-range",
    ]  # fmt: skip
    drawn = [line.get_xdata()[0] for line in networks.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(drawn[1:], 0.25)
    assert np.isnan(drawn[0])  # paper has no network level


def test_confusions_are_shares_of_the_true_rule(evaluation: Evaluation) -> None:
    classes = evaluation.info["classes"]
    counts = [
        ("grouped", "all", "summary", model, "network", "rule", a, b, 3 if a == b else 1)
        for model in ("linear", "xgboost", "combined")  # whichever is best
        for a in classes
        # What never occurs has no row.
        for b in {a, classes[0]}
    ]
    confusions = pd.DataFrame(counts, columns=evaluation.confusions.columns)
    figure = confusion_figure(replace(evaluation, confusions=confusions), "grouped")
    assert texts(figure) == {"100", "75", "25", "0"}


def test_a_rule_that_is_not_tested_is_an_empty_row(evaluation: Evaluation) -> None:
    counts = evaluation.confusions[evaluation.confusions["true"] != evaluation.info["classes"][0]]
    known = Evaluation(evaluation.results, evaluation.table, counts, evaluation.info)
    assert len(confusion_figure(known, "grouped").axes[0].texts) == 16


def test_truncation_draws_every_variant(evaluation: Evaluation) -> None:
    drawn = {variant for variants in TRUNCATION_PANELS.values() for variant in variants}
    assert drawn == {cut.name for cut in CUTS}
    for axes in truncation_figure(evaluation).axes:
        # One model is tested on all of them.
        assert {"xgboost", "chance"} == set(axes.get_legend_handles_labels()[1])


def test_confusions_of_many_classes_stay_legible(evaluation: Evaluation) -> None:
    few, many, crowd = (
        confusion_figure(with_classes(evaluation, n), "grouped") for n in (8, 25, 60)
    )
    for figure, n in ((few, 8), (many, 25), (crowd, 60)):
        axes = figure.axes[0]
        assert len(axes.get_xticklabels()) == len(axes.get_yticklabels()) == n
        assert max(figure.get_size_inches()) <= 10.1
    assert {label.get_rotation() for label in few.axes[0].get_xticklabels()} == {40}
    assert {label.get_rotation() for label in many.axes[0].get_xticklabels()} == {90}
    # Empty cells are blank where there are many: what is left is the diagonal and beside it.
    assert texts(few) == {"100", "75", "25", "0"} and texts(many) == {"100", "75", "25"}
    assert len(many.axes[0].texts) == 49
    assert all(text.get_fontsize() >= 5 for text in many.axes[0].texts)
    # Numbers too small to read are not written.
    assert texts(crowd) == set()


def test_axes_name_what_is_identified(evaluation: Evaluation) -> None:
    axes = confusion_figure(evaluation, "grouped").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted rule", "true rule (% of its row)")
    other = replace(evaluation, info=evaluation.info | {"target": "credit_assignment"})
    axes = confusion_figure(other, "grouped").axes[0]
    assert axes.get_xlabel() == "predicted credit assignment"


@pytest.mark.parametrize("draw", [generalisation_figure, truncation_figure])
def test_files_are_text_and_the_same_each_time(
    evaluation: Evaluation, tmp_path: Path, draw: object
) -> None:
    settings = dict(matplotlib.rcParams)
    for name in ("one.svg", "two.svg"):
        save_figure(draw(evaluation), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "accuracy (share correct)" in (tmp_path / "one.svg").read_text()
    assert dict(matplotlib.rcParams) == settings


def test_the_numbers_of_a_figure_are_those_drawn(evaluation: Evaluation) -> None:
    drawn = all_figures(evaluation)
    counts = drawn["confusion-grouped"].numbers
    assert len(counts) == 16 and list(counts.columns) == ["true", "predicted", "count"]
    rows = evaluation.of("rule").confusions
    chosen = (rows["protocol"] == "grouped") & (rows["level"] == "network")
    best = rows["model"] == evaluation.best_model("grouped", "network")
    ours = rows["feature_set"] == evaluation.info["feature_set"]
    assert counts["count"].sum() == rows.loc[chosen & best & ours, "count"].sum()
    models = {"linear", "xgboost", "combined"}
    assert set(drawn["generalisation"].numbers["model"]) == models
    assert set(drawn["truncation"].numbers["protocol"]) == {"truncated"}
    assert set(drawn["confusion-families"].numbers["true"]) == set(
        evaluation.info["classes_of"]["family"]
    )
