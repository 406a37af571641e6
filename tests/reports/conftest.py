"""A feature table in which only the early slopes of activity changes tell the rules apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES

from rule_id.evaluation import Evaluation, evaluate
from rule_id.features import TARGETS, FeatureTable, extract, features
from rule_id.models import CLASSIFIERS, Bundle, Identification, identify, train
from rule_id.recordings import recording_from_arrays
from rule_id.reports import Page, report
from rule_id.trajectories import (
    ACTIVITY_STATISTICS,
    DEPTH_GROUPS,
    STATISTICS,
    Trajectories,
    depth_group,
    write_manifest,
    write_part,
)

SUMMARIES = ("start", "early_slope", "relative_change")
N_LAYERS = 4
CORNERS = 2.0 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def planted_table(n_blocks: int = 15, copies: int = 2, seed: int = 0) -> FeatureTable:
    rng = np.random.default_rng(seed)
    networks = pd.DataFrame(
        [
            (f"b{block}.{rule}.{copy}", block, rule, RULES[rule], index)
            for block in range(n_blocks)
            for index, rule in enumerate(RULES)
            for copy in range(copies)
        ],
        columns=["network", "block", "rule", "family", "index"],
    )
    parts = networks["rule"].str.split("+", expand=True)
    networks = networks.assign(credit_assignment=parts[0], optimizer=parts[1])
    meta = networks.merge(pd.DataFrame({"layer": range(N_LAYERS)}), how="cross")
    meta = meta.assign(measurement=0, diverged=False, depth=meta["layer"] / (N_LAYERS - 1))
    meta["depth_group"] = [depth_group(layer, N_LAYERS) for layer in meta["layer"]]
    names = [f"{statistic}.{summary}" for statistic in STATISTICS for summary in SUMMARIES]
    values = pd.DataFrame(rng.normal(size=(len(meta), len(names))), columns=names)
    values[[f"{name}.early_slope" for name in ACTIVITY_STATISTICS]] += CORNERS[meta["index"]]
    for group in DEPTH_GROUPS:
        values[f"depth.{group}"] = (meta["depth_group"] == group).astype(float)
    info = {"corpus": "planted", "n_checkpoints": 21, "paper": False, "content_hash": "0123abcd"}
    return FeatureTable(meta, values.astype(np.float32), "summary", info)


@pytest.fixture(scope="session")
def planted() -> FeatureTable:
    return planted_table()


@pytest.fixture(scope="session")
def bundles(planted: FeatureTable) -> dict[str, Bundle]:
    return {model: train(planted, model=model, tune=False) for model in CLASSIFIERS}


@pytest.fixture(scope="session")
def of_target(planted: FeatureTable) -> dict[str, Bundle]:
    """A bundle for each target but the rule."""
    return {
        target: train(planted, target=target, model="linear", tune=False)
        for target in TARGETS
        if target != "rule"
    }


@pytest.fixture(scope="session")
def evaluation(trajectories: Trajectories) -> Evaluation:
    """Enough networks for every part of a page, and the cheapest of each kind of protocol."""
    protocols = ["paper", "network", "grouped", "held-out-architecture", "held-out-task"]
    protocols += ["truncated", "alone", "curves", "shuffled", "calibrated", "novel"]
    return evaluate(trajectories, models=["linear"], protocols=protocols, splits=3)


@pytest.fixture(scope="session")
def synthetic_features(trajectories: Trajectories) -> FeatureTable:
    return extract(trajectories)


@pytest.fixture(scope="session")
def full_report(
    trajectories: Trajectories, evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> Page:
    """A report with importance, and with the trajectories of the corpus that was evaluated."""
    folder = tmp_path_factory.mktemp("full")
    write_manifest(folder / "corpus", {"plan": {"seed": 0}})
    write_part(folder / "corpus", "a", trajectories.networks, trajectories.rows)
    table = features(folder / "corpus")
    bundle = train(table, model="linear", tune=False)
    given = {"features": table, "models": [bundle], "corpus": folder / "corpus"}
    return report(evaluation, out=folder / "report", **given)


@pytest.fixture(scope="session")
def answer(trajectories: Trajectories) -> Identification:
    """An answer about a recording with a hostile layer name, by a bundle that holds a map."""
    bundle = train(extract(trajectories), model="xgboost", tune=False)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 12, 20)) * np.linspace(1, 2, 6)[:, None, None]
    hostile = "<script>document.body.dataset.alerted = 1</script>"
    recording = recording_from_arrays(
        "<b>mine</b>", steps=list(range(6)), signal="model", activations={hostile: x, "second": x}
    )
    (found,) = identify(recording, bundle)
    return found
