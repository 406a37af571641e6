from __future__ import annotations

import numpy as np
import pytest
from synthetic import synthetic_trajectories

from rule_id.evaluation import evaluate
from rule_id.evaluation.combining import with_combined
from rule_id.evaluation.fitting import fit_all
from rule_id.evaluation.preparing import prepare
from rule_id.evaluation.store import Store
from rule_id.models import CLASSIFIERS, CombinedClassifier, network_ids

MADE = synthetic_trajectories(n_blocks=8, networks_per_rule=2, n_checkpoints=4, signal=1.0)
PROTOCOLS = ["grouped", "alone", "calibrated"]


@pytest.fixture(scope="module")
def fitted():
    made = prepare(MADE, protocols=PROTOCOLS, splits=2)
    return made, fit_all(made.trials, False, 0, Store(None), None)


def test_it_is_there_wherever_both_halves_were_fitted_to_networks(fitted):
    made, found = fitted
    trials, _ = with_combined(made.trials, found)
    assert [trial for trial in trials if trial.model != "combined"] == made.trials
    together = [trial for trial in trials if trial.model == "combined"]
    of = {(t.split.protocol, t.split.variant, t.split.number, t.feature_set) for t in together}
    whole = {
        (t.split.protocol, t.split.variant, t.split.number, t.feature_set)
        for t in made.trials
        if t.model == "linear" and t.of_networks
    }
    assert of == whole and len(of) == len(together)
    assert {protocol for protocol, *_ in of} == set(PROTOCOLS)
    assert ("grouped", "all", 0, "paper-24") in of
    assert all(test.levels == ("network",) for t in together for test in t.tests)


def test_it_says_what_the_classifier_would_that_is_fitted_to_the_same(fitted):
    made, found = fitted
    trial, arrays = next(
        (trial, arrays)
        for trial, arrays in zip(*with_combined(made.trials, found), strict=True)
        if trial.model == "combined" and trial.split.protocol == "grouped"
    )
    names = [name for name in trial.table.names if not name.endswith(".deviation")]
    rows, test = trial.table.rows(trial.rows), trial.table.rows(trial.tests[0].rows)
    both = CombinedClassifier(n_estimators=CLASSIFIERS["xgboost"]().n_estimators)
    both.fit(
        rows.values[names].to_numpy(), rows.meta["rule"].to_numpy(dtype=str), network_ids(rows.meta)
    )
    expected = both.predict_proba(test.values[names].to_numpy(), network_ids(test.meta))
    np.testing.assert_allclose(arrays[0], expected, atol=1e-5)


def test_an_evaluation_that_is_asked_for_it_fits_its_halves_once():
    options = {"protocols": ["grouped"], "splits": 2}
    asked = evaluate(MADE, models=["combined"], **options)
    both = evaluate(MADE, models=["linear", "xgboost"], **options)
    assert asked.info["models"] == ["linear", "xgboost"]
    assert asked.results.equals(both.results)
    networks = both.of("rule").table.query("level == 'network' and feature_set == 'summary'")
    assert set(networks["model"]) == {"linear", "xgboost", "combined"}
    both = both.table[both.table["model"] == "combined"]
    assert set(both["level"]) == {"network"}
    alone = evaluate(MADE, models=["linear"], **options)
    assert "combined" not in set(alone.results["model"])
