from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation.figures_measured import measured_cells, measured_figure
from rule_id.evaluation.results import FURTHER, empty_table

ROW = {
    "observation": "exact", "share": 1.0, "tracked": True, "observables": "activation",
    "model": "xgboost", "target": "rule", "sem": 0.01, "chance": 0.25, "floor": 0.25,
    "n_networks": 40.0,
}  # fmt: skip


def measured(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in rows]).reindex(columns=list(FURTHER["measured"]))


def test_cells_are_units_by_noise_few_units_and_little_noise_first() -> None:
    table = measured(
        {"units": np.inf, "noise_std": 0.0, "accuracy": 0.9},
        {"units": 50, "noise_std": 4.0, "accuracy": 0.3, "observation": "gaussian"},
        {"units": 50, "noise_std": 0.0, "accuracy": 0.6},
        {"units": 5, "noise_std": 0.0, "accuracy": 0.4},
        {"units": -0.5, "noise_std": 0.0, "accuracy": 0.5, "observation": "calcium"},
    )
    cells = measured_cells(table)
    assert cells["units"].tolist() == ["all", "50", "50", "5", "50%"]
    assert cells["noise"].tolist() == ["0", "4", "0", "0", "calcium"]
    figure = measured_figure(table)
    assert figure is not None
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["5", "50", "50%", "all"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "4", "calcium"]
    assert {text.get_text() for text in axes.texts} == {"0.90", "0.30", "0.60", "0.40", "0.50"}


def test_of_measurements_in_one_cell_the_tracked_one_is_shown() -> None:
    table = measured(
        {"units": 5, "noise_std": 0.0, "accuracy": 0.2, "tracked": False},
        {"units": 5, "noise_std": 0.0, "accuracy": 0.7},
    )
    assert measured_cells(table)["accuracy"].tolist() == [0.7]


def test_where_nothing_was_measured_nothing_is_drawn() -> None:
    assert measured_figure(empty_table("measured")) is None
