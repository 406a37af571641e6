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
    class_colours,
    confusion_figure,
    draw_figures,
    generalisation_figure,
    save_figure,
    truncation_figure,
)
from rule_id.evaluation.figures import OKABE_ITO, PALETTE, TRUNCATION_PANELS

PAPER_RULES = (
    "backprop+momentum", "backprop+adam", "feedback_alignment+momentum",
    "information_alignment+momentum",
)  # fmt: skip
FAMILIES = (
    "backprop", "fixed feedback", "sign symmetry", "learned feedback", "perturbation", "Hebbian",
    "energy based", "no learning",
)  # fmt: skip


def with_classes(evaluation: Evaluation, n: int) -> Evaluation:
    """The same with n made-up classes, each taken for itself and the next."""
    names = [f"credit_assignment_{place}+optimizer" for place in range(n)]
    counts = [
        (
            "grouped",
            "all",
            "summary",
            "linear",
            "network",
            "rule",
            a,
            b,
            3 if i == j else int(j == i + 1),
        )
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
    assert set(draw_figures(of_protocols(evaluation, "truncated"))) == {"truncation"}
    assert set(draw_figures(of_protocols(evaluation, "paper"))) == {
        "confusion-paper",
        "generalisation",
    }


def test_axes_have_names(evaluation: Evaluation) -> None:
    for figure in draw_figures(evaluation).values():
        assert all(axes.get_xlabel() for axes in figure.axes)
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
        for model in ("linear", "xgboost")
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


def test_a_class_keeps_its_colour() -> None:
    four = class_colours(PAPER_RULES)
    assert len(set(four.values())) == 4
    more = class_colours([*PAPER_RULES, "hebbian", "none"])
    assert {rule: more[rule] for rule in PAPER_RULES} == four
    assert more["hebbian"] != more["none"]
    assert set(more.values()) <= set(OKABE_ITO)


def test_each_family_has_a_colour_of_its_own_however_many_are_shown() -> None:
    eight = class_colours(FAMILIES)
    assert set(eight.values()) == set(OKABE_ITO)
    assert class_colours(["Hebbian", "no learning"]) == {
        name: eight[name] for name in ("Hebbian", "no learning")
    }


def test_many_classes_differ_and_too_many_begin_anew() -> None:
    names = [f"rule {place:02}" for place in range(28)]
    colours = class_colours([*PAPER_RULES, *names])
    assert len(set(colours.values())) == 32 == len(set(PALETTE))
    many = class_colours([f"rule {place:02}" for place in range(40)])
    assert many["rule 32"] == many["rule 00"]
    assert class_colours(names[::-1]) == class_colours(names)


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
