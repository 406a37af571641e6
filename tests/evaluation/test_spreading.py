"""Fits made by several jobs are those that one evaluation makes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster
from synthetic import synthetic_trajectories
from typer.testing import CliRunner

from rule_id.cli import app
from rule_id.errors import InputError
from rule_id.evaluation import Evaluation, evaluate, fit_shard, read_evaluation, spread_fits
from rule_id.models import LinearClassifier
from rule_id.simulation import DaskEngine, LocalEngine, Shard
from rule_id.trajectories import write_manifest, write_part

OPTIONS = {"models": ["linear"], "protocols": ["grouped", "novel"], "splits": 2}
N_FITS = 2 * (2 + 2) + 5
"""Of our features and the paper's, layers and networks; of three families and two rules."""


class Refit(Exception):
    """A classifier was fitted."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spread") / "corpus"
    made = synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=5)
    write_manifest(folder, {"plan": {}})
    write_part(folder, "a", made.networks, made.rows)
    return folder


@pytest.fixture(scope="module")
def alone(corpus: Path) -> Evaluation:
    return evaluate(corpus, **OPTIONS)


@pytest.fixture
def unfit(monkeypatch: pytest.MonkeyPatch):
    """Return what forbids that anything more is fitted."""

    def fit(*given: object, **options: object) -> None:
        raise Refit

    return lambda: monkeypatch.setattr(LinearClassifier, "fit", fit)


def assert_same(one: Evaluation, other: Evaluation) -> None:
    pd.testing.assert_frame_equal(one.results, other.results)
    pd.testing.assert_frame_equal(one.table, other.table)


@pytest.mark.parametrize("of", [1, 3])
def test_shards_make_every_fit_once_and_the_evaluation_takes_them_up(
    corpus: Path, alone: Evaluation, tmp_path: Path, of: int, unfit
) -> None:
    shares = [fit_shard(corpus, tmp_path, Shard(k, of), **OPTIONS) for k in range(1, of + 1)]
    assert sum(shares) == N_FITS == len(list(tmp_path.glob("*.npz")))
    assert of == 1 or max(shares) < N_FITS
    unfit()
    assert_same(evaluate(corpus, fits=tmp_path, **OPTIONS), alone)


def test_what_a_shard_lacks_is_fitted_by_the_evaluation(
    corpus: Path, alone: Evaluation, tmp_path: Path, unfit
) -> None:
    fit_shard(corpus, tmp_path, Shard(1, 2), **OPTIONS)
    assert_same(evaluate(corpus, fits=tmp_path, **OPTIONS), alone)
    unfit()
    fit_shard(corpus, tmp_path, Shard(2, 2), **OPTIONS)


def test_dask_makes_every_fit(corpus: Path, alone: Evaluation, tmp_path: Path, unfit) -> None:
    seen = []
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        engine = DaskEngine(client)
        assert engine.workers == 2
        spread_fits(engine, corpus, tmp_path, OPTIONS, lambda *what: seen.append(what))
    assert seen == [("shares", 1, 2), ("shares", 2, 2)]
    unfit()
    assert_same(evaluate(corpus, fits=tmp_path, **OPTIONS), alone)


def test_processes_of_this_machine_make_every_fit(corpus: Path, tmp_path: Path, unfit) -> None:
    spread_fits(LocalEngine(2), corpus, tmp_path, OPTIONS)
    unfit()
    evaluate(corpus, fits=tmp_path, **OPTIONS)


def test_the_command_does_a_share_and_then_the_rest(
    corpus: Path, alone: Evaluation, tmp_path: Path, unfit
) -> None:
    out = tmp_path / "evaluation"
    given = ["evaluate", str(corpus), "--out", str(out), "--model", "linear", "--splits", "2",
             "--protocol", "grouped", "--protocol", "novel"]  # fmt: skip
    for shard in ("1/2", "2/2"):
        done = CliRunner().invoke(app, [*given, "--shard", shard])
        assert done.exit_code == 0, done.output
        assert f"evaluation-fits: shard {shard} is done" in done.output
        assert not out.exists()
    unfit()
    assert CliRunner().invoke(app, given).exit_code == 0
    assert_same(read_evaluation(out), alone)
    assert not (tmp_path / "evaluation-fits").exists()


def test_a_shard_that_is_none_is_refused(corpus: Path) -> None:
    for shard in ("0/2", "3/2", "x"):
        done = CliRunner().invoke(app, ["evaluate", str(corpus), "--shard", shard])
        assert "shard must be i/N" in str(done.exception)
    with pytest.raises(InputError, match="protocols must be one of"):
        fit_shard(corpus, "unused", Shard(1, 1), protocols=["unknown"])
