from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rule_id.reports.feature_trajectories import shown_of
from rule_id.reports.trajectory_figures import apart, told_apart, trajectories_figure

FEATURES = ["weight_abs_mean.end", "activation_raw_mean.early_slope"]
SHOWN = [shown_of(name, 21) for name in FEATURES]
PROGRESS = np.linspace(0, 1, 5)


def made(n_classes: int) -> pd.DataFrame:
    """Class k rises to k, with quartiles at a half to each side."""
    return pd.concat(
        pd.DataFrame(
            {
                "feature": feature, "class": f"rule{k}", "progress": PROGRESS,
                "median": k * PROGRESS, "first_quartile": k * PROGRESS - 0.5,
                "third_quartile": k * PROGRESS + 0.5,
            }
        )
        for feature in FEATURES
        for k in range(n_classes)
    )  # fmt: skip


def texts(figure: Figure) -> list[list[str]]:
    legends = [axes.get_legend() for axes in figure.axes]
    return [[text.get_text() for text in one.get_texts()] for one in legends if one]


def test_distances_are_between_medians_in_the_window_over_those_between_quartiles() -> None:
    rows = made(4)
    for shown, at in zip(SHOWN, (1, np.mean([0, 0.25])), strict=True):
        names, distances = apart(rows[rows["feature"] == shown.feature], shown)
        k = np.arange(4)
        assert names == ["rule0", "rule1", "rule2", "rule3"]
        np.testing.assert_allclose(distances, at * abs(k[:, None] - k), atol=1e-9)


def test_classes_that_differ_without_spread_are_far_apart() -> None:
    rows = made(3)
    rows = rows[rows["feature"] == FEATURES[0]]
    none = rows.assign(first_quartile=rows["median"], third_quartile=rows["median"])
    _, distances = apart(none, SHOWN[0])
    assert np.isfinite(distances).all() and distances[0, 1] > 1e6 and distances[0, 0] == 0


def test_the_classes_told_apart_best_are_spread_out() -> None:
    rows = made(9)
    of = rows[rows["feature"] == FEATURES[0]]
    assert told_apart(of, SHOWN[0], 2) == ["rule0", "rule8"]
    assert told_apart(of, SHOWN[0], 3) == ["rule0", "rule8", "rule4"]


def test_few_classes_have_bands_and_one_legend() -> None:
    figure = trajectories_figure(made(3), SHOWN)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "rule0", "rule1", "rule2",
    ]  # fmt: skip
    assert texts(figure) == []
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["weight abs mean\nend", "activation raw mean\nearly slope"]
    assert [len(axes.collections) for axes in figure.axes] == [3, 3]


def test_of_many_classes_each_panel_names_those_it_tells_apart() -> None:
    figure = trajectories_figure(made(30), SHOWN)
    assert not figure.legends and [len(names) for names in texts(figure)] == [5, 5]
    assert texts(figure)[0][:2] == ["rule0", "rule29"]
    assert all(len(axes.collections) == 5 for axes in figure.axes)
