"""Folds and features are made on a cluster where an engine takes over, with the same outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, get_task_stream
from synthetic import synthetic_trajectories
from typer.testing import CliRunner

from rule_id.cli import app
from rule_id.evaluation.designing import design
from rule_id.features import extract, features
from rule_id.models import choose_hyperparameters
from rule_id.simulation import DaskEngine, LocalEngine
from rule_id.trajectories import write_manifest, write_part

MADE = synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=4)


@pytest.fixture(scope="module")
def engine():
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield DaskEngine(client)


def chosen() -> dict[str, float]:
    table = extract(MADE)
    meta = table.meta
    return choose_hyperparameters(
        "linear", table.matrix(), meta["rule"].to_numpy(dtype=str), meta["block"].to_numpy(),
        networks=meta["network"].to_numpy(dtype=str), folds=2, n_jobs=-1,
    )  # fmt: skip


def test_hyperparameters_are_chosen_on_the_cluster(engine: DaskEngine) -> None:
    alone = chosen()
    with get_task_stream(engine.client) as tasks, engine.taking_over():
        there = chosen()
    assert there == alone and len(tasks.data) >= 8  # four settings, two folds
    with get_task_stream(engine.client) as tasks, LocalEngine(2).taking_over():
        chosen()
    assert not tasks.data


def test_a_design_is_made_on_the_cluster(engine: DaskEngine) -> None:
    options = {"target": "family", "model": "linear", "folds": 2, "accuracy": 0.9}
    alone = design(MADE, **options)
    with get_task_stream(engine.client) as tasks, engine.taking_over():
        there = design(MADE, **options)
    assert len(tasks.data) >= 2
    pd.testing.assert_frame_equal(there.table, alone.table)


def test_features_are_extracted_on_the_cluster(
    engine: DaskEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rule_id.batches.BATCH_ROWS", 100)
    write_manifest(tmp_path / "corpus", {})
    for k in range(4):
        some = MADE.select(MADE.networks["network"].iloc[k::4])
        write_part(tmp_path / "corpus", str(k), some.networks, some.rows)
    features(tmp_path / "corpus", tmp_path / "alone.parquet")
    given = ["features", str(tmp_path / "corpus"), "--out", str(tmp_path / "there.parquet")]
    address = engine.client.scheduler.address
    with get_task_stream(engine.client) as tasks:
        done = CliRunner().invoke(app, [*given, "--engine", "dask", "--scheduler", address])
    assert done.exit_code == 0, done.output
    assert len(tasks.data) >= 4
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()


def test_the_command_trains_with_the_scheduler_that_is_named(
    engine: DaskEngine, tmp_path: Path
) -> None:
    table = extract(MADE)
    table.write(tmp_path / "x.parquet")
    address = engine.client.scheduler.address
    given = ["train", str(tmp_path / "x.parquet"), "--model", "linear", "--folds", "2"]
    bundles = []
    for name, more in (("alone", []), ("there", ["--engine", "dask", "--scheduler", address])):
        done = CliRunner().invoke(app, [*given, "--out", str(tmp_path / name), *more])
        assert done.exit_code == 0, done.output
        bundles.append((tmp_path / name / "linear.json.xz").read_bytes())
    assert bundles[0] == bundles[1]
    assert np.all([len(bundle) > 0 for bundle in bundles])
