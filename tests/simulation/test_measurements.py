"""Measurements that a plan draws: once a block, and only blocks that drew alike share ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rule_id.features import extract
from rule_id.features.table import FEATURE_SETS
from rule_id.observables.measurement import Measurement
from rule_id.simulation import read_plan, simulate
from rule_id.simulation.ensemble import run_ensemble
from rule_id.simulation.measurements import draw_measurements
from rule_id.simulation.resolve import resolve
from rule_id.trajectories import STATISTICS, Trajectories, observable_of, read_corpus

DRAWN = {
    "units": {"choice": [0.25, 0.5, 1.0, 8]},
    "noise_std": {"choice": [0.0, {"uniform": [0.1, 0.2]}]},
}


def plan_of(*measurements: dict[str, Any], **given: Any):
    ensemble = {
        "rules": ["backprop+momentum", "no_learning"], "blocks": 12, "networks_per_rule": 1,
        "architecture": "dense1", "task": "digits", "activation": "relu", "width": 16, "steps": 8,
        "stimuli": 8,
    }  # fmt: skip
    return {
        "schema": 1, "seed": 3, "checkpoints": 3,
        "ensembles": [ensemble | given], "measurements": list(measurements),
    }  # fmt: skip


def test_what_is_written_is_what_is_measured() -> None:
    plan = read_plan(plan_of({}, {"units": 8, "noise_std": 0.5, "tracked": False}))
    expected = (Measurement(), Measurement(8, 0.5, False))
    assert draw_measurements(plan.seed, 0, plan) == expected
    assert {ensemble.measurements for ensemble in resolve(plan)} == {expected}
    poisson = read_plan(plan_of({"observation": "poisson", "counts": 3.0}))
    assert draw_measurements(3, 5, poisson) == (Measurement(observation="poisson", counts=3.0),)


def test_draws_are_of_the_block_the_place_and_the_key() -> None:
    plan = read_plan(plan_of({}, DRAWN, DRAWN))
    drawn = [draw_measurements(plan.seed, block, plan) for block in range(200)]
    again = [draw_measurements(plan.seed, block, plan) for block in range(200)]
    assert drawn == again
    assert {first for first, _, _ in drawn} == {Measurement()}
    second, third = ([one[k] for one in drawn] for k in (1, 2))
    assert {one.units for one in second} == {0.25, 0.5, 1.0, 8}
    assert 0.3 < np.mean([one.noise_std == 0 for one in second]) < 0.7
    noise = [one.noise_std for one in second if one.noise_std]
    assert min(noise) >= 0.1 and max(noise) <= 0.2 and len(set(noise)) == len(noise)
    assert {one.observation for one in second} == {"exact", "gaussian"}
    assert sum(a == b for a, b in zip(second, third, strict=True)) < 50


def test_blocks_share_an_ensemble_where_they_drew_the_same_measurements() -> None:
    plan = read_plan(plan_of({}, {"units": {"choice": [1, 1.0]}}))
    ensembles = resolve(plan)
    assert len(ensembles) == 4  # two rules, two draws, which are equal as numbers
    for ensemble in ensembles:
        for network in ensemble.networks:
            drawn = draw_measurements(plan.seed, network.block, plan)
            assert [type(m.units) for m in drawn] == [type(m.units) for m in ensemble.measurements]
    assert sum(len(ensemble.networks) for ensemble in ensembles) == 24


def test_a_plan_with_draws_reads_back_the_same() -> None:
    plan = read_plan(plan_of({}, DRAWN, {"observation": "poisson", "counts": 3.0}))
    written = plan.model_dump(mode="json", by_alias=True)["measurements"]
    assert written[1]["units"] == DRAWN["units"]
    assert read_plan(plan_of(*written)).measurements == plan.measurements


RECORDED = ({}, {"observation": "poisson"}, {"observation": "calcium", "noise_std": 0.2})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Trajectories:
    plan = plan_of(*RECORDED, blocks=2)
    return read_corpus(simulate(plan, tmp_path_factory.mktemp("recorded") / "corpus", workers=1))


def test_a_recording_s_missing_weights_are_no_divergence(corpus: Trajectories) -> None:
    assert not corpus.networks["diverged"].any()
    rows = corpus.rows
    assert list(rows.groupby("measurement")["observation"].first()) == [
        "exact",
        "poisson",
        "calcium",
    ]
    for statistic in STATISTICS:
        missing = rows.groupby("measurement")[statistic].apply(lambda x: x.isna().all())
        recorded = observable_of(statistic) == "activation"
        assert list(missing) == [False, not recorded, not recorded]


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_features_are_made_of_what_was_recorded(corpus: Trajectories, feature_set: str) -> None:
    table = extract(corpus, feature_set)
    names = [name for name in table.names if not name.startswith("depth.")]
    activation = np.array([name.startswith("activation_") for name in names])
    matrix = table.values[names].to_numpy()
    recorded = (table.meta["measurement"] > 0).to_numpy()
    assert np.isnan(matrix[np.ix_(recorded, ~activation)]).all()
    assert (np.isfinite(matrix[np.ix_(recorded, activation)]).mean(axis=1) > 0.7).all()
    only = Trajectories(corpus.networks, corpus.rows[corpus.rows["measurement"] == 1])
    alone = extract(only, feature_set).values[names].to_numpy()
    np.testing.assert_array_equal(alone, matrix[table.meta["measurement"] == 1])


def test_networks_that_are_only_recorded_diverge_by_their_weights() -> None:
    plan = plan_of({"observation": "poisson"}, rules=["backprop+sgd"], blocks=1, learning_rate=1e30)
    (ensemble,) = resolve(read_plan(plan))
    networks, rows = run_ensemble(ensemble)
    assert networks["diverged"].all() and rows["weight_raw_mean"].isna().all()
