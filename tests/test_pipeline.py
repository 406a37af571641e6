"""The whole data flow on networks that were really simulated."""

from __future__ import annotations

import numpy as np
import pytest

from rule_id.evaluation import evaluate
from rule_id.reference import reference_path
from rule_id.simulation import read_plan, simulate
from rule_id.trajectories import Trajectories, read_corpus


def test_the_demo_is_of_some_hundred_networks() -> None:
    (ensemble,) = read_plan(reference_path("demo.toml")).ensembles
    assert ensemble.blocks * len(ensemble.rules) * ensemble.networks_per_rule == 576


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Trajectories:
    plan = read_plan(reference_path("demo.toml")).model_dump(mode="json", by_alias=True)
    (ensemble,) = plan["ensembles"]
    small = {key: value for key, value in ensemble.items() if value is not None}
    small |= {"blocks": 32, "networks_per_rule": 2, "width": 32, "steps": 200}
    folder = tmp_path_factory.mktemp("pipeline") / "corpus"
    return read_corpus(simulate({**plan, "ensembles": [small]}, folder))


def network_accuracy(corpus: Trajectories) -> float:
    table = evaluate(corpus, models=["linear"], protocols=["grouped"], splits=6).table
    rows = table[(table["level"] == "network") & (table["feature_set"] == "summary")]
    return float(rows["accuracy"].iloc[0])


@pytest.mark.slow
def test_rules_are_told_apart_on_blocks_never_seen(corpus: Trajectories) -> None:
    assert network_accuracy(corpus) > 0.4  # chance 0.25


@pytest.mark.slow
def test_with_rules_shuffled_within_blocks_nothing_is_left(corpus: Trajectories) -> None:
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        networks = corpus.networks.copy()
        networks["rule"] = networks.groupby("block")["rule"].transform(rng.permutation)
        found.append(network_accuracy(Trajectories(networks, corpus.rows, "shuffled")))
    assert abs(np.mean(found) - 0.25) < 0.06
