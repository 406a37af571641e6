"""Dask workers killed in the middle of an ensemble: the corpus is that of a run without fault."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from rule_id.checking import check
from rule_id.content import content_hash
from rule_id.simulation import DaskEngine, simulate
from rule_id.trajectories import read_corpus

PLAN = """
schema = 1
seed = 7
checkpoints = 3
ensemble_size = 1

[[ensembles]]
rules = ["backprop+adam", "feedback_alignment+sgd"]
blocks = 3
networks_per_rule = 1
architecture = "dense2"
width = 16
steps = 800
stimuli = 8

[[measurements]]
units = 1.0
"""
N_PARTS = 6


@pytest.fixture
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def parts(corpus: Path) -> int:
    return len(list((corpus / "networks").glob("part-*")))


def test_both_workers_are_killed_in_the_middle_of_an_ensemble(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    plan, out = tmp_path / "plan.toml", tmp_path / "corpus"
    run = threading.Thread(target=simulate, args=(plan, out), kwargs={"engine": DaskEngine(client)})
    run.start()
    for worker, pid in client.run(os.getpid).items():
        # Both work from begin to end, so that a worker which is known to have a task is in it.
        while not client.processing()[worker]:
            assert run.is_alive()
            time.sleep(0.02)
        before = parts(out)
        os.kill(pid, signal.SIGKILL)
        assert run.is_alive() and before < N_PARTS
    run.join(600)
    assert check(out).sound and parts(out) == N_PARTS
    whole = simulate(plan, tmp_path / "whole", workers=1)
    assert content_hash(read_corpus(out)) == content_hash(read_corpus(whole))
