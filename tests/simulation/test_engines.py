"""Engines: what a killed worker had is done by another, wherever it ran."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed import Client, LocalCluster
from tiny import PLAN

from rule_id.checking import check
from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.simulation import DaskEngine, LocalEngine, open_engine, simulate
from rule_id.simulation.engines import MOST_DEATHS
from rule_id.trajectories import read_corpus


@dataclass(frozen=True)
class Deadly:
    """A task that kills the process it runs in, so many times."""

    folder: Path
    times: int

    def __call__(self, item: int) -> int:
        deaths = len(list(self.folder.glob(f"{item}-*")))
        if item % 3 == 0 and deaths < self.times:
            (self.folder / f"{item}-{deaths}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item


@pytest.fixture(scope="module")
def dask():
    # Processes, so that a worker can be killed; watched by a nanny, which starts it again.
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield DaskEngine(client)


def test_what_a_killed_worker_had_is_done_by_a_new_one(tmp_path: Path) -> None:
    assert sorted(LocalEngine(2).spread(Deadly(tmp_path, 1), range(5))) == list(range(5))
    assert len(list(tmp_path.iterdir())) == 2


def test_workers_that_die_time_and_again_are_given_up(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers must be so few that memory lasts; 3 times one"):
        list(LocalEngine(2).spread(Deadly(tmp_path, 99), [0, 1]))
    assert len(list(tmp_path.iterdir())) == MOST_DEATHS


def test_dask_gives_what_a_killed_worker_had_to_another_one(dask: DaskEngine, tmp_path) -> None:
    assert sorted(dask.spread(Deadly(tmp_path, 1), range(5))) == list(range(5))
    assert len(list(tmp_path.iterdir())) == 2


def test_dask_gives_up_what_kills_every_worker(dask: DaskEngine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Dask workers must have memory for an ensemble"):
        list(dask.spread(Deadly(tmp_path, 99), [0]))


def parts(corpus: Path) -> int:
    return len(list((corpus / "networks").glob("part-*")))


def test_dask_workers_killed_in_the_middle_of_an_ensemble_lose_nothing(
    dask: DaskEngine, tmp_path: Path
) -> None:
    (ensembles,) = PLAN["ensembles"]
    plan, out = PLAN | {"ensembles": [ensembles | {"steps": 1500}]}, tmp_path / "corpus"
    dask.client.wait_for_workers(2)
    run = threading.Thread(target=simulate, args=(plan, out), kwargs={"engine": dask})
    run.start()
    for worker, pid in dask.client.run(os.getpid).items():
        while not dask.client.processing()[worker]:
            assert run.is_alive()
            time.sleep(0.02)
        time.sleep(0.2)  # into the ensemble, which takes longer
        assert parts(out) < 6
        os.kill(pid, signal.SIGKILL)
        # Another comes in its place; with none left at all a cluster may cancel what it has.
        while worker in (there := dask.client.processing()) or len(there) < 2:
            assert run.is_alive()
            time.sleep(0.02)
    run.join(600)
    assert check(out).sound and parts(out) == 6
    whole = simulate(plan, tmp_path / "whole", workers=1)
    assert content_hash(read_corpus(out)) == content_hash(read_corpus(whole))


def test_the_corpus_is_the_same_by_any_engine(dask: DaskEngine, tmp_path: Path) -> None:
    hashes = {
        content_hash(read_corpus(simulate(PLAN, tmp_path / name, **how)))
        for name, how in {
            "one": {"workers": 1},
            "four": {"workers": 4},
            "dask": {"engine": dask},
        }.items()
    }
    assert len(hashes) == 1


def test_engines_that_cannot_be_are_refused() -> None:
    assert open_engine("local", workers=3) == LocalEngine(3)
    with pytest.raises(InputError, match="engine must be local or dask; got 'ray'"):
        open_engine("ray")
    with pytest.raises(InputError, match="scheduler must go with the engine dask"):
        open_engine("local", "tcp://127.0.0.1:1")
    with pytest.raises(InputError, match="scheduler must be the address of one that runs"):
        open_engine("dask", "no address")
