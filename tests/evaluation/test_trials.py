from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_measurements, with_variety

from rule_id.evaluation import trials
from rule_id.evaluation.choosing import Choice, choose_protocols
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.tables import CURVES, PAPER_FEATURES, Tables
from rule_id.evaluation.trials import DRAWN, ELSEWHERE, Trial, trials_of
from rule_id.features.material import read_material
from rule_id.models.cuts import CUTS
from rule_id.models.views import ALL_OBSERVABLES
from rule_id.trajectories import OBSERVABLES, STATISTICS, Trajectories

BOTH = ["linear", "xgboost"]
CALCIUM = {"observation": "calcium", "unit_fraction": 0.5, "n_units": 32}
SEED = 3


@pytest.fixture(scope="module")
def tables() -> Tables:
    plain = with_variety(synthetic_trajectories(n_blocks=12, networks_per_rule=2))
    several = with_measurements(plain, {"unit_fraction": 0.1, "n_units": 6}, CALCIUM)
    rows = several.rows
    # Fluorescence has activations alone. What is seen again in the same way is not tested again.
    weights = [name for name in STATISTICS if not name.startswith("activation")]
    rows.loc[rows["measurement"] == 2, weights] = np.nan
    same = rows[rows["measurement"] == 0].assign(measurement=3)
    every = pd.concat([rows, same], ignore_index=True)
    return Tables(read_material(Trajectories(several.networks, every)), "summary", SEED)


def of(tables: Tables, *protocols: str, models=BOTH, splits=4, named=None) -> list[Trial]:
    choice = Choice(list(protocols), named or {}, {})
    return list(trials_of(tables, choice, list(models), splits, SEED))


def blocks(table, rows: np.ndarray) -> set:
    return set(table.meta["block"][rows])


def networks(table, rows: np.ndarray) -> set:
    return set(table.meta["network"][rows])


def splits_of(found: list[Trial]) -> set[int]:
    return {trial.split.number for trial in found}


@pytest.mark.parametrize("protocol", ["paper", "grouped"])
def test_the_headline_has_all_splits_and_the_paper_s_features_too(tables, protocol: str) -> None:
    found = of(tables, protocol)
    # Layers and networks apart: of our features, and of the paper's where one learns networks.
    each = {"linear": 4, "xgboost": 3} if protocol == "grouped" else {"linear": 2, "xgboost": 2}
    assert len(found) == 4 * sum(each.values()) and splits_of(found) == {0, 1, 2, 3}
    assert {(t.model, t.feature_set) for t in found} == {
        (model, features) for model in BOTH for features in ("summary", PAPER_FEATURES)
    }
    for trial in found:
        (test,) = trial.tests
        own = tables.main if test.levels == ("network",) else tables.layers
        own = own if trial.feature_set == "summary" else tables.paper
        assert trial.table is test.table is own and not trial.shuffled
        assert (test.protocol, test.variant, test.detailed) == (protocol, "all", True)
        assert not (trial.rows & test.rows).any()
        assert "network" not in test.levels or protocol == "grouped"
        both = test.levels == ("layer", "network")
        assert not both or (trial.feature_set, trial.model) == (PAPER_FEATURES, "xgboost")
        assert trial.of_networks == (trial.model == "linear" and test.levels == ("network",))
        assert test.observables == ALL_OBSERVABLES
        assert trial.n_networks == len(networks(own, trial.rows))
        assert trial.classes == sorted(set(own.meta["rule"][trial.rows]))


def test_baselines_see_the_paper_s_features_where_they_are_compared(tables, monkeypatch) -> None:
    monkeypatch.setattr(trials, "BASELINES", {"forest": None})
    compared = ["paper", "grouped", "held-out-architecture-group", "held-out-task-group"]
    assert compared == [name for name, one in PROTOCOLS.items() if one.compared]
    found = of(tables, *compared, "network", "shuffled", models=["xgboost", "forest"])
    theirs = [trial for trial in found if trial.model == "forest"]
    assert {(t.feature_set, t.split.protocol) for t in theirs} == {
        (PAPER_FEATURES, name) for name in compared
    }
    ours = [t for t in found if t.model == "xgboost" and t.feature_set == PAPER_FEATURES]
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our.rows, their.rows)
        np.testing.assert_array_equal(our.tests[0].rows, their.tests[0].rows)


def test_no_more_is_trained_on_than_baselines_can_be(tables, monkeypatch) -> None:
    monkeypatch.setattr(trials, "MOST_ROWS", 60)
    found = of(tables, "grouped", models=["xgboost"], splits=2)
    names = ["summary", "summary", PAPER_FEATURES, f"summary-{DRAWN}"]
    assert [t.feature_set for t in found] == names * 2
    for complete, _, paper, drawn in (found[:4], found[4:]):
        np.testing.assert_array_equal(paper.rows, drawn.rows)
        assert paper.rows.sum() <= 60 and not (paper.rows & ~complete.rows).any()
        assert networks(tables.main, paper.rows).isdisjoint(
            networks(tables.main, complete.rows & ~paper.rows)
        )
        assert paper.classes == drawn.classes == complete.classes
        for trial in (paper, drawn):
            np.testing.assert_array_equal(trial.tests[0].rows, complete.tests[0].rows)


def test_others_have_three_splits_at_most(tables) -> None:
    assert splits_of(of(tables, "network")) == set(range(ELSEWHERE))
    assert splits_of(of(tables, "network", splits=2)) == {0, 1}


@pytest.mark.parametrize(
    "protocol", [name for name, one in PROTOCOLS.items() if one.held_out is not None]
)
def test_every_group_is_held_out_once_or_more(tables, protocol: str) -> None:
    networks = tables.material.networks
    choice = choose_protocols(None, [], tables.material, "summary")
    if protocol not in choice.protocols:
        assert protocol == "held-out-range"  # no hyperparameter differs here but steps
        return
    every = of(tables, protocol, models=["linear"])
    found = [trial for trial in every if trial.feature_set == "summary"]
    variants = [trial.split.variant for trial in found]
    column = PROTOCOLS[protocol].held_out
    if column in networks.columns and column != "held_out":
        known = {str(name) for name in networks[column].unique()}
        left_out = {text.split(": ")[1] for text in choice.left_out if protocol + ":" in text}
        assert set(variants) == known - left_out
    assert len(found) == max(ELSEWHERE, len(set(variants)))
    for trial in found:
        assert trial.tests[0].variant == trial.split.variant
        assert not blocks(trial.table, trial.rows) & blocks(trial.table, trial.tests[0].rows)


def test_a_group_that_is_named_has_as_many_splits_and_no_other_is_held_out(tables) -> None:
    name = "held-out-task"
    found = of(tables, name, models=["linear"], splits=5, named={name: ["digits"]})
    assert [trial.split.variant for trial in found] == ["digits"] * 5


def test_nothing_that_was_set_apart_is_trained_on(tables) -> None:
    every = [name for name in PROTOCOLS if name not in ("held-out-range", "novel")]
    for trial in of(tables, *every, models=["xgboost"], splits=2):
        assert not trial.table.meta["held_out"][trial.rows].any(), trial.split.protocol


def test_a_random_control_exchanges_rules_on_the_splits_of_grouped(tables) -> None:
    control, plain = of(tables, "shuffled"), of(tables, "grouped", splits=3)
    assert len(control) == 3 * 2 and all(trial.shuffled for trial in control)
    assert {trial.feature_set for trial in control} == {"summary"}
    by_split = {t.split.number: t for t in plain if t.feature_set == "summary"}
    for trial in control:
        np.testing.assert_array_equal(trial.rows, by_split[trial.split.number].rows)
        np.testing.assert_array_equal(
            trial.tests[0].rows, by_split[trial.split.number].tests[0].rows
        )


def test_one_observable_alone_has_its_columns_and_depth(tables) -> None:
    found = of(tables, "alone")
    assert len(found) == len(OBSERVABLES) * 3 * 2
    for trial in found:
        (test,) = trial.tests
        assert trial.table is test.table and test.variant in OBSERVABLES
        kinds = {name.rsplit(".")[0] for name in trial.table.names}
        assert kinds - {"depth"} == {s for s in STATISTICS if s.startswith(f"{test.variant}_")}
        assert {n for n in trial.table.names if n.startswith("depth.")} == {
            "depth.early", "depth.middle", "depth.deep",
        }  # fmt: skip
        assert not blocks(trial.table, trial.rows) & blocks(test.table, test.rows)
        np.testing.assert_array_equal(
            trial.table.matrix(), tables.main.values[trial.table.names].to_numpy()
        )


def test_an_observable_that_was_not_measured_is_not_alone() -> None:
    plain = synthetic_trajectories(n_blocks=6, networks_per_rule=1, n_checkpoints=5)
    plain.rows[[name for name in STATISTICS if name.startswith("weight")]] = np.nan
    found = of(Tables(read_material(plain), "summary", SEED), "alone", models=["linear"])
    assert {trial.tests[0].variant for trial in found} == {"activation", "activity_change"}


def test_curves_are_of_the_networks_of_the_split(tables) -> None:
    found = of(tables, "curves")
    plain = {t.split.number: t for t in of(tables, "grouped", splits=3)}
    assert len(found) == 3 * 2 and {trial.feature_set for trial in found} == {CURVES}
    for trial in found:
        same = plain[trial.split.number]
        (test,) = trial.tests
        assert test.levels == ("network",) and test.table is trial.table is tables.curves
        assert networks(trial.table, trial.rows) == networks(same.table, same.rows)
        assert networks(test.table, test.rows) == networks(same.table, same.tests[0].rows)


def test_halves_share_no_block_with_each_other_or_with_training(tables) -> None:
    found = of(tables, "calibrated")
    assert len(found) == 3 * 2
    for trial in found:
        first, second = trial.tests
        assert (first.variant, second.variant) == ("first half", "second half")
        sides = [blocks(tables.main, rows) for rows in (trial.rows, first.rows, second.rows)]
        assert all(sides) and sum(map(len, sides)) == len(set().union(*sides)) == 10
        assert abs(len(sides[1]) - len(sides[2])) <= 1
        np.testing.assert_array_equal(first.rows | second.rows, trial.split.test)
    drawn = [frozenset(blocks(tables.main, trial.tests[0].rows)) for trial in found]
    assert len(set(drawn)) == 3


def test_grids_are_tests_of_one_model_on_random_views(tables) -> None:
    found = of(tables, "truncated", "measured")
    assert len(found) == 3 and splits_of(found) == {0, 1, 2}
    plain = {t.split.number: t for t in of(tables, "grouped", splits=3)}
    for trial in found:
        same = plain[trial.split.number]
        assert trial.table is tables.views and trial.model == "xgboost"
        assert networks(trial.table, trial.rows) == networks(same.table, same.rows)
        for test in trial.tests:
            np.testing.assert_array_equal(test.rows, same.tests[0].rows)
            assert test.levels == ("network",) and not test.detailed
        assert {test.protocol for test in trial.tests} == {"truncated", "measured"}
    assert of(tables, "measured", models=["linear"])[0].model == "linear"


def test_a_test_for_every_cut(tables) -> None:
    for trial in of(tables, "truncated"):
        assert [test.variant for test in trial.tests] == [cut.name for cut in CUTS]
        for test, cut in zip(trial.tests, CUTS, strict=True):
            assert test.table is tables.cut(cut) and test.observables == ALL_OBSERVABLES


def test_a_test_for_every_measurement_and_the_observables_it_has(tables) -> None:
    for trial in of(tables, "measured"):
        names = [test.variant for test in trial.tests]
        assert names == [
            *(f"all units, noise 0 | {seen}" for seen in (ALL_OBSERVABLES, *OBSERVABLES)),
            *(f"6 units, noise 0 | {seen}" for seen in (ALL_OBSERVABLES, *OBSERVABLES)),
            "32 units, calcium, noise 0 | activation",
        ]
        assert [test.observables for test in trial.tests] == [n.split(" | ")[1] for n in names]
        tested = [test.table for test in trial.tests]
        assert tested[0] is tables.measured(0) and tested[-1] is tables.measured(2)


def test_what_is_never_trained_on_is_no_trial(tables) -> None:
    assert of(tables, "novel") == []


def test_trials_come_in_the_order_of_protocols_and_are_the_same_again(tables) -> None:
    names = ("grouped", "curves", "calibrated")
    first, again = of(tables, *names), of(tables, *names)
    assert [t.split.protocol for t in first] == sorted(
        (t.split.protocol for t in first), key=names.index
    )
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
