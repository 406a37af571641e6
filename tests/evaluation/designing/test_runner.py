from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gridded import FEW, RULES, UNITS
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.evaluation.designing import Design, design, draw_designs
from rule_id.evaluation.designing.cost import cheapest
from rule_id.evaluation.designing.result import COLUMNS
from rule_id.trajectories import Trajectories


def accuracies(found: Design, observables: str, noise: str, units: int) -> pd.Series:
    table = found.table
    level, of = table["noise"] == noise, table["observables"] == observables
    rows = table[level & of & (table["n_units"] == units)]
    return rows.set_index("checkpoints")["accuracy"]


@pytest.mark.parametrize("observables", ["activation", "activation+activity_change"])
def test_few_units_and_noise_take_away_what_tells_the_rules_apart(
    found: Design, observables: str
) -> None:
    assert (accuracies(found, observables, "0", 1) < 0.6).all()
    assert (accuracies(found, observables, "0", FEW) > 0.9).all()
    assert (accuracies(found, observables, "0", UNITS) > 0.9).all()
    assert (accuracies(found, observables, "4", FEW) < 0.6).all()
    assert (accuracies(found, observables, "4", UNITS) > 0.9).all()


def test_what_moves_at_random_tells_nothing(found: Design) -> None:
    rows = found.table[found.table["observables"] == "activity_change"]
    assert (rows["accuracy"] < 0.6).all() and not (rows["lower"] >= 0.5).any()


def test_the_cheapest_is_the_one_that_was_planted(found: Design) -> None:
    known = found.cheapest.set_index("noise")
    assert list(known.index) == ["any", "0", "4", "poisson"] and known["reached"].all()
    assert (known["observables"] == "activation").all() and (known["checkpoints"] == 2).all()
    assert list(known["units"]) == ["16", "16", "all", "16"]
    assert list(known["cost"]) == [2 * FEW, 2 * FEW, 2 * UNITS, 2 * FEW]


def test_only_candidates_take_part_and_each_network_is_tested_once(
    found: Design, gridded: Trajectories
) -> None:
    n = int(gridded.networks["rule"].isin(RULES).sum())
    assert (found.table["n"] == n).all() and found.info["n_networks"] == n
    assert found.info["candidates"] == sorted(RULES)
    assert found.info["n_never_trained_on"] == 0


def test_every_way_to_see_has_a_row(found: Design) -> None:
    table = found.table
    assert list(table.columns) == list(COLUMNS)
    assert not table.duplicated(["measurement", "observables", "checkpoints"]).any()
    # Five measurements that see all, at 2, 3 and 4 checkpoints, and spikes without weights.
    assert len(table) == 5 * 3 * 7 + 3
    assert set(table.loc[table["noise"] == "poisson", "observables"]) == {"activation"}
    assert (table["lower"] <= table["accuracy"] - table["accuracy_sem"] + 1e-9).all()
    # All candidates run in every block.
    np.testing.assert_allclose(table[["chance", "floor"]], 1 / 3)


def test_it_reads_as_an_answer(found: Design) -> None:
    lines = str(found).splitlines()
    assert lines[0].endswith("72 networks in 12 blocks. Without a measurement: 0.33.")
    assert lines[1] == "Cheapest that reaches 0.80:"
    assert lines[2].startswith("  noise 0: 16 units, 2 checkpoints, activation: ")
    assert lines[2].endswith(", cost 32") and lines[4].startswith("  poisson: 16 units")
    assert [line.split()[0] for line in lines[-3:]] == ["1", "16", "all"]


def test_what_no_measurement_reaches_is_said(found: Design) -> None:
    table = found.table.assign(accuracy=0.6, accuracy_sem=0.03, lower=0.57)
    table.loc[table["measurement"] == 1, ["accuracy", "lower"]] = [0.62, 0.59]
    none = replace(found, table=table, cheapest=cheapest(table, 0.8))
    lines = str(none).splitlines()
    assert lines[1] == (
        "No measurement of this corpus reaches 0.80 with an s.e.m. to spare; the best, 16 units, "
        "2 checkpoints, activation: 0.62 ± 0.03, cost 32."
    )
    assert "  noise 4: not reached; at best 16 units, 2 checkpoints, activation: 0.60" in lines[3]
    assert not none.overall["reached"]


def test_a_corpus_of_one_measurement_has_the_other_axes() -> None:
    made = synthetic_trajectories(n_blocks=6, networks_per_rule=1, n_checkpoints=4)
    found = design(made, target="family", model="linear", folds=2, accuracy=0.9)
    assert found.info["candidates"] == ["backprop", "fixed feedback", "learned feedback"]
    assert set(found.table["units"]) == {"all"} and set(found.table["checkpoints"]) == {2, 3, 4}
    assert list(draw_designs(found)) == ["design-checkpoints"]
    assert list(found.cheapest["noise"]) == ["any", "0"]
    # Two of four rules are of one family.
    np.testing.assert_allclose(found.table["chance"], 0.5)
    again = design(made, target="family", model="linear", folds=2, accuracy=0.9)
    pd.testing.assert_frame_equal(again.table, found.table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": ["backprop+adam", "hebb"]}, "rule must be one that gridded has usable networks "
         "of, backprop+adam, backprop+momentum, feedback_alignment+momentum, information_alignment"
         "+momentum; got 'hebb'"),
        ({"rules": ["backprop+adam"]}, "rules must be 2 or more of backprop+adam, "),
        ({"rules": ["backprop+adam"] * 2}, "each once; got backprop+adam, backprop+adam"),
        ({"rules": []}, "got none"),
        ({"target": "family", "rules": ["backprop+adam"]}, "family must be one that gridded has"),
        ({"target": "task"}, "target must be one of rule, family"),
        ({"feature_set": "trajectory"}, "feature set must be one of summary, invariant; got 'traj"),
        ({"model": "svm"}, "model must be one of linear, xgboost"),
        ({"accuracy": 0.25}, "accuracy must be above 0.25, which is reached without a measurement, "
         "and at most 1; got 0.25"),
        ({"accuracy": 1.5}, "got 1.5"),
        ({"folds": 1}, "folds must be 2 to the number of blocks that each candidate runs in; "),
        ({"folds": 13}, "runs in 12; got 13"),
        ({"costs": {"spikes": 1}}, "price must be one of activation, weight, activity_change"),
        ({"costs": {"weight": -1}}, "price of weight must be a number, 0 or more; got -1"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(gridded: Trajectories, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        design(gridded, **options)
