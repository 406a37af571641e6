from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.evaluation.tables import CURVES, PAPER_FEATURES, Tables
from rule_id.features import extract, with_deviations
from rule_id.features.material import read_material
from rule_id.models.cuts import WHOLE, Cut
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="module")
def several() -> Trajectories:
    plain = synthetic_trajectories(n_blocks=3, networks_per_rule=1, n_checkpoints=9)
    return with_measurements(plain, {"unit_fraction": 0.5, "n_units": 32})


@pytest.fixture(scope="module", params=["summary", "invariant"])
def tables(several: Trajectories, request) -> Tables:
    return Tables(read_material(several), request.param, seed=4)


def of_measurement(several: Trajectories, measurement: int) -> Trajectories:
    rows = several.rows[several.rows["measurement"] == measurement]
    return Trajectories(several.networks, rows.reset_index(drop=True))


def test_the_main_table_is_of_the_first_measurement(several, tables: Tables) -> None:
    plain = extract(of_measurement(several, 0), tables.feature_set)
    pd.testing.assert_frame_equal(tables.layers.values, plain.values)
    pd.testing.assert_frame_equal(tables.main.values, with_deviations(plain).values)
    assert tables.main.feature_set == tables.feature_set
    assert tables.main.info["corpus"] == "synthetic"


def test_the_paper_s_features_are_of_the_same_rows(several, tables: Tables) -> None:
    plain = extract(of_measurement(several, 0), "trajectory", paper=True)
    pd.testing.assert_frame_equal(tables.paper.values, plain.values)
    pd.testing.assert_frame_equal(tables.paper.meta, tables.main.meta)
    assert tables.paper.info["n_checkpoints"] == 9 and PAPER_FEATURES == "paper-24"


def test_measured_tables_have_the_rows_of_the_main_one(several, tables: Tables) -> None:
    for measurement in (0, 1):
        found = tables.measured(measurement)
        plain = extract(of_measurement(several, measurement), tables.feature_set)
        pd.testing.assert_frame_equal(found.values, with_deviations(plain).values)
        pd.testing.assert_frame_equal(
            found.meta[["network", "layer"]], tables.main.meta[["network", "layer"]]
        )
    assert not np.allclose(tables.measured(1).matrix(), tables.measured(0).matrix())


def test_a_cut_is_of_the_first_measurement(tables: Tables) -> None:
    pd.testing.assert_frame_equal(tables.cut(WHOLE).values, tables.main.values)
    short = tables.cut(Cut(0.0, 0.5))
    pd.testing.assert_frame_equal(short.meta, tables.main.meta)
    # Both begin at the same checkpoint, and end at different ones.
    name = "weight_abs_mean"
    np.testing.assert_allclose(short.values[f"{name}.start"], tables.main.values[f"{name}.start"])
    assert not np.allclose(short.values[f"{name}.end"], tables.main.values[f"{name}.end"])


def test_every_table_is_made_once(tables: Tables) -> None:
    first = [tables.main, tables.paper, tables.curves, tables.views, tables.cut(Cut(every=2)),
             tables.measured(1)]  # fmt: skip
    again = [tables.main, tables.paper, tables.curves, tables.views, tables.cut(Cut(every=2)),
             tables.measured(1)]  # fmt: skip
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_a_measurement_is_not_taken_for_a_cut(tables: Tables) -> None:
    assert tables.measured(0) is not tables.cut(WHOLE)


def test_random_checkpoints_are_drawn_by_the_seed(several: Trajectories) -> None:
    material = read_material(several)
    cut = Cut(number=3)
    one, again, other = (Tables(material, "summary", seed).cut(cut).matrix() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other, equal_nan=True)


def test_curves_are_one_row_a_network(tables: Tables) -> None:
    assert tables.curves.feature_set == CURVES
    assert list(tables.curves.meta["network"]) == list(tables.material.networks["network"])
