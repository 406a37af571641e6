from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rule_id.features import FeatureTable
from rule_id.models import Bundle
from rule_id.reports import importance, importance_figure


@pytest.fixture(scope="module")
def measured(bundles: dict[str, Bundle], planted: FeatureTable) -> pd.DataFrame:
    return importance(bundles["xgboost"], planted, repeats=2)


def labels(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_groups_are_drawn_in_their_own_order(measured: pd.DataFrame) -> None:
    assert labels(importance_figure(measured, "time")) == ["start", "early", "whole"]
    assert labels(importance_figure(measured, "depth")) == ["early", "middle", "deep"]


def test_a_method_that_cannot_tell_groups_apart_has_no_panel(measured: pd.DataFrame) -> None:
    titles = {
        by: [axes.get_title() for axes in importance_figure(measured, by).axes]
        for by in ("observable", "depth")
    }
    assert titles["observable"] == ["Permutation", "SHAP", "Gain"]
    assert titles["depth"] == ["Permutation", "SHAP"]


def test_statistics_are_the_largest_by_permutation(measured: pd.DataFrame) -> None:
    drawn = labels(importance_figure(measured, "statistic", number=3))
    assert sorted(drawn) == [f"activity change {name} mean" for name in ("abs", "raw", "sq")]


def test_bars_are_as_long_as_the_values(measured: pd.DataFrame) -> None:
    figure = importance_figure(measured, "observable")
    whole = measured[measured["about"] == "all"]
    gain = whole[(whole["method"] == "gain") & (whole["by"] == "observable")]
    expected = gain.set_index("group")["value"][["weight", "activation", "activity_change"]]
    drawn = [bar.get_width() for bar in figure.axes[2].patches]
    assert drawn == pytest.approx(expected.tolist())
