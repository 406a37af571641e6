from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from rule_id.evaluation import (
    Evaluation,
    confusion_figure,
    draw_figures,
    generalisation_figure,
    rule_colours,
    save_figure,
    truncation_figure,
)
from rule_id.evaluation.figures import OKABE_ITO, PAPER_RULES, TRUNCATION_PANELS
from rule_id.evaluation.truncation import TRUNCATIONS


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
    ]  # fmt: skip
    drawn = [line.get_xdata()[0] for line in networks.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(drawn[1:], 0.25)
    assert np.isnan(drawn[0])  # paper has no network level


def test_confusions_are_shares_of_the_true_rule(evaluation: Evaluation) -> None:
    counts = evaluation.confusions.assign(count=0)
    hit = counts["true"] == counts["predicted"]
    first = counts["predicted"] == evaluation.info["classes"][0]
    counts.loc[hit, "count"] = 3
    counts.loc[first & ~hit, "count"] = 1
    known = Evaluation(evaluation.results, evaluation.table, counts, evaluation.info)
    assert texts(confusion_figure(known, "grouped")) == {"100", "75", "25", "0"}


def test_a_rule_that_is_not_tested_is_an_empty_row(evaluation: Evaluation) -> None:
    counts = evaluation.confusions[evaluation.confusions["true"] != evaluation.info["classes"][0]]
    known = Evaluation(evaluation.results, evaluation.table, counts, evaluation.info)
    assert len(confusion_figure(known, "grouped").axes[0].texts) == 16


def test_truncation_draws_every_variant(evaluation: Evaluation) -> None:
    drawn = {variant for variants in TRUNCATION_PANELS.values() for variant in variants}
    assert drawn == set(TRUNCATIONS)
    for axes in truncation_figure(evaluation).axes:
        assert {"linear", "xgboost", "chance"} <= set(axes.get_legend_handles_labels()[1])


def test_a_rule_keeps_its_colour() -> None:
    four = rule_colours(PAPER_RULES)
    assert len(set(four.values())) == 4
    more = rule_colours([*PAPER_RULES, "hebbian", "none"])
    assert {rule: more[rule] for rule in PAPER_RULES} == four
    assert more["hebbian"] != more["none"]
    assert set(more.values()) <= set(OKABE_ITO)


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
