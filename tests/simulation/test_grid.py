"""What is measured instead of what a plan says, and that it changes no network."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.reference import PLANS
from rule_id.simulation import read_plan, simulate
from rule_id.trajectories import read_corpus, read_manifest

PLAN: dict[str, Any] = {
    "schema": 1, "seed": 5, "checkpoints": 3, "ensemble_size": 4,
    "ensembles": [
        {
            "rules": ["backprop+momentum", "no_learning"], "blocks": 1, "networks_per_rule": 1,
            "architecture": "dense1", "task": "digits", "width": 16, "steps": 6, "stimuli": 8,
        }
    ],
    "measurements": [{"units": 1.0}],
}  # fmt: skip


def measured(*measurements: dict[str, Any]) -> list[tuple]:
    """Units and noise of what a plan with these measurements measures."""
    plan = read_plan(PLAN | {"measurements": list(measurements)})
    return [(one.units.support(), one.noise_std.support()) for one in plan.measurements]


def test_each_stands_for_one_measurement_of_each_value() -> None:
    found = measured({"units": {"each": [1, 0.5, 100]}}, {"noise_std": 2.0})
    assert found == measured({"units": 1}, {"units": 0.5}, {"units": 100}, {"noise_std": 2.0})
    assert len(found) == 4


def test_two_stand_for_each_pair_in_order() -> None:
    units, noise = [1, 10, 0.1], [0.0, 1.0]
    found = measured({}, {"units": {"each": units}, "noise_std": {"each": noise}, "tracked": False})
    one_by_one = [{"units": u, "noise_std": n, "tracked": False} for u, n in product(units, noise)]
    assert found == measured({}, *one_by_one) and len(found) == 7
    plan = read_plan(PLAN | {"measurements": [{"units": {"each": [1, 2]}, "tracked": False}]})
    assert [one.tracked for one in plan.measurements] == [False, False]


def test_each_may_hold_draws() -> None:
    found = measured({"units": {"each": [{"choice": [16, 32]}, 1.0]}})
    assert found == measured({"units": {"choice": [16, 32]}}, {"units": 1.0})


@pytest.mark.parametrize(
    ("measurement", "message"),
    [
        ({"units": {"each": 3}}, r"measurements\[0\].units: must be a value.*got the keys each"),
        ({"units": {"each": [1], "choice": [2]}}, r"measurements\[0\].units: .*each, choice"),
        ({"units": {"each": [1, "x"]}}, r"measurements\[1\].*units.*'?x'?"),
        ({"units": {"each": [1, -2]}}, r"units must be a fraction above 0 .*got -2"),
        ({"other": {"each": [1]}}, r"measurements\[0\].other is not a key .* units, noise_std"),
        ({"units": {"each": []}}, r"measurements\[0\].units: must be a value.*got the keys each"),
        ({"units": {"choice": [{"each": [1]}]}}, r"measurements\[0\].units: "),
    ],
)
def test_nonsense_is_refused(measurement: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(PLAN | {"measurements": [measurement]})


def test_measurements_replace_those_of_the_plan(tmp_path) -> None:
    given = {"measurements": [{"units": 4, "noise_std": {"each": [0.0, 1.0]}}, {}]}
    plan = read_plan(PLAN, given)
    assert plan == read_plan(PLAN | given) and len(plan.measurements) == 3
    file = tmp_path / "mine.toml"
    file.write_text("[[measurements]]\nunits = 4\nnoise_std = { each = [0.0, 1.0] }\n"
                    "[[measurements]]\nunits = 1.0\n")  # fmt: skip
    assert read_plan(PLAN, file) == read_plan(PLAN, str(file)) == plan
    assert read_plan(PLAN, None) == read_plan(PLAN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measurements": [{}], "seed": 3}, r"measurements must hold \[\[measurements\]\] and "
         r"nothing else; got measurements, seed"),
        ({}, r"and nothing else; got nothing"),
        ({"units": 1.0}, r"and nothing else; got units"),
        ({"measurements": [{"u": 1}]}, r"plan with measurements: measurements\[0\].u is not a key"),
        ({"measurements": 3}, r"plan with measurements: measurements"),
        ({"measurements": []}, r"plan with measurements: measurements"),
    ],
)  # fmt: skip
def test_measurements_that_are_none_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(PLAN, given)


def test_a_file_of_something_else_is_refused_by_name(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 3\n[[measurements]]\nunits = 1.0\n")
    with pytest.raises(InputError, match=r"mine.toml must hold .*; got seed, measurements"):
        read_plan(PLAN, file)
    with pytest.raises(InputError, match=r"none.toml must be measurements in TOML.*no such file"):
        read_plan(PLAN, tmp_path / "none.toml")
    with pytest.raises(InputError, match=r"demo.toml must hold \[\[measurements\]\] and nothing"):
        read_plan(PLAN, "demo")


@pytest.mark.parametrize("name", PLANS)
def test_the_grid_goes_with_every_plan_that_ships(name: str) -> None:
    plan, grid = read_plan(name), read_plan(name, "grid")
    assert len(grid.measurements) == 28
    assert grid.ensembles == plan.ensembles and grid.seed == plan.seed
    seen = [(one.units.support(), one.noise_std.support(), one.observation, one.tracked)
            for one in grid.measurements]  # fmt: skip
    assert len(set(map(repr, seen))) == 28
    first = grid.measurements[0]
    assert (first.units.support(), first.noise_std.support()) == ([1.0], [0.0])


def test_the_grid_is_no_plan() -> None:
    with pytest.raises(InputError, match="schema|ensembles"):
        read_plan("grid")


FURTHER = {"measurements": [{"units": 4, "noise_std": 1.0}, {}, {"observation": "calcium"}]}


def test_networks_are_the_same_whatever_is_measured(tmp_path) -> None:
    plain = read_corpus(simulate(PLAN, tmp_path / "plain", workers=1))
    other = read_corpus(simulate(PLAN, tmp_path / "other", measurements=FURTHER, workers=1))
    pd.testing.assert_frame_equal(other.networks, plain.networks)
    assert other.networks["weight_change"].notna().all()
    assert set(other.rows["measurement"]) == {0, 1, 2}
    exact = other.rows[other.rows["measurement"] == 1].drop(columns="measurement")
    pd.testing.assert_frame_equal(
        exact.reset_index(drop=True), plain.rows.drop(columns="measurement")
    )
    few = other.rows[other.rows["measurement"] == 0]
    assert (few["n_units"] == 4).any() and set(few["noise_std"]) == {1.0}


def test_the_manifest_says_what_was_measured(tmp_path) -> None:
    corpus = simulate(PLAN, tmp_path / "corpus", measurements=FURTHER, workers=1)
    assert len(read_manifest(corpus)["plan"]["measurements"]) == 3
    with pytest.raises(InputError):
        simulate(PLAN, corpus, workers=1)  # another corpus than what lies there
    assert len(np.unique(read_corpus(corpus).rows["measurement"])) == 3
