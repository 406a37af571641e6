from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from rule_id.models.view import Cell, View, nearest, view_of_rows

VIEW = View("activation", "exact", 64.0, 0.0, True, 20)


def cell(accuracy: float = 0.5, **changes) -> Cell:
    view = dataclasses.replace(VIEW, **changes)
    return Cell(view, {"class": accuracy}, {"class": 0.1}, 40)


def test_views_are_as_unlike_as_their_ratios_and_kinds() -> None:
    def unlike(**changes) -> float:
        return VIEW.unlike(dataclasses.replace(VIEW, **changes))

    assert unlike() == 0
    assert unlike(units=16.0) == pytest.approx(2)
    assert unlike(checkpoints=10) == pytest.approx(1)
    assert unlike(noise_std=0.5) == pytest.approx(0.5)
    assert unlike(tracked=False) == pytest.approx(1)
    # Another kind is worse than any number of units within a factor of ten.
    assert unlike(kind="poisson") > unlike(units=6.4)
    assert unlike(units=np.nan) == 0


def test_the_nearest_cell_is_of_the_same_observables() -> None:
    cells = [cell(units=1000.0), cell(units=32.0), cell(observables="weight")]
    assert nearest(cells, VIEW) is cells[1]
    assert nearest(cells, dataclasses.replace(VIEW, units=900.0)) is cells[0]
    assert nearest(cells[:2], dataclasses.replace(VIEW, observables="weight")) is None


def test_a_cell_is_the_same_after_writing_and_reading() -> None:
    for one in (cell(), cell(units=np.nan)):
        np.testing.assert_equal(Cell.from_dict(one.to_dict()).to_dict(), one.to_dict())


@pytest.mark.parametrize(
    "damage", [{"kind": "x-ray"}, {"checkpoints": 1}, {"units": -1.0}, {"units": "many"}]
)
def test_a_damaged_view_is_refused(damage: dict) -> None:
    stored = cell().to_dict()
    with pytest.raises(ValueError, match="a view cannot be|could not convert"):
        Cell.from_dict(stored | {"view": stored["view"] | damage})


def test_a_view_is_what_the_rows_say() -> None:
    rows = pd.DataFrame(
        {"observation": "gaussian", "noise_std": 0.5, "n_units": [10, 20, 60], "tracked": False}
    )
    assert view_of_rows(rows, "activation", 7) == View("activation", "noisy", 20.0, 0.5, False, 7)
    assert view_of_rows(rows, "activation", 7, "calcium").kind == "calcium"
    nothing = view_of_rows(pd.DataFrame({"layer": [0]}), "weight", 3)
    assert (nothing.kind, nothing.noise_std, nothing.tracked) == ("exact", 0.0, True)
    assert np.isnan(nothing.units)


def test_it_is_said_in_words() -> None:
    assert str(VIEW) == "activation, 64 units a layer, 20 checkpoints"
    noisy = dataclasses.replace(VIEW, kind="noisy", noise_std=1.0, units=np.nan)
    assert str(noisy) == "activation, noise 1, 20 checkpoints"


def test_units_that_nothing_says_are_none_in_json() -> None:
    unknown = dataclasses.replace(VIEW, units=np.nan)
    assert json.dumps(unknown.to_dict(), allow_nan=False).count("null") == 1
    assert VIEW.to_dict() == dataclasses.asdict(VIEW)
