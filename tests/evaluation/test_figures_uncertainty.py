from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation.figures import save_figure
from rule_id.evaluation.figures_uncertainty import reliability_figure
from rule_id.evaluation.reliability import reliability

CLASSES = ["a", "b", "c"]


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    made = {}
    for name in ("linear", "another"):
        probabilities = rng.dirichlet([0.5] * 3, size=200)
        labels, blocks = rng.choice(CLASSES, size=200), np.arange(200) // 5
        made[name] = reliability(probabilities, labels, CLASSES, blocks=blocks)
    return made


def test_each_model_has_its_points_and_its_bins(tables: dict[str, pd.DataFrame]) -> None:
    figure = reliability_figure(tables)
    above, below = figure.axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["perfect", "linear", "another"]
    for bars, table in zip(above.containers, tables.values(), strict=True):
        np.testing.assert_allclose(
            bars.lines[0].get_xydata(), table[["confidence", "accuracy"]].to_numpy()
        )
    assert len(below.lines) == sum(map(len, tables.values()))
    heights = [line.get_ydata().max() for line in below.lines[: len(tables["linear"])]]
    assert sum(heights) == pytest.approx(1)
    assert above.get_ylabel() and below.get_xlabel() and below.get_ylabel()


def test_its_file_is_text_and_the_same_each_time(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    settings = dict(matplotlib.rcParams)
    for name in ("one.svg", "two.svg"):
        save_figure(reliability_figure(tables), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "accuracy (share correct)" in (tmp_path / "one.svg").read_text()
    assert dict(matplotlib.rcParams) == settings


def test_errors_that_are_not_known_are_not_drawn(tables: dict[str, pd.DataFrame]) -> None:
    unknown = {"linear": tables["linear"].assign(accuracy_sem=np.nan)}
    (bars,) = reliability_figure(unknown).axes[0].containers
    (lines,) = bars.lines[2]
    assert all(len(segment) == 0 for segment in lines.get_segments())
