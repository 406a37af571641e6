"""Jobs: which run beside each other, and what an interruption leaves."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import process_executor

from rule_id.errors import InputError
from rule_id.evaluation.fitting import run_all
from rule_id.evaluation.store import Store


class Noted:
    """A job that notes how many of its kind run at once."""

    protocol, model = "grouped", "noted"
    running: int
    most: int
    lock = threading.Lock()

    def __init__(self, key: str, alone: bool, fails: bool = False) -> None:
        self.key, self.alone, self.fails = key, alone, fails

    def run(self) -> list[np.ndarray]:
        kind = type(self)
        if self.alone:
            with kind.lock:
                kind.running += 1
                kind.most = max(kind.most, kind.running)
            time.sleep(0.02)
            with kind.lock:
                kind.running -= 1
        if self.fails:
            raise RuntimeError(f"{self.key} fails")
        return [np.array(self.key)]


class Apart:
    """A job for a process of its own."""

    protocol, model, alone, apart = "grouped", "apart", True, True

    def __init__(self, key: str, dies: bool = False) -> None:
        self.key, self.dies = key, dies

    def run(self) -> list[np.ndarray]:
        if self.dies:
            os._exit(9)
        return [np.array([os.getpid(), sum(range(10**6))])]


class Swelling(Apart):
    """A job after which its process is taken to have kept too much memory."""

    def run(self) -> list[np.ndarray]:
        process_executor._MAX_MEMORY_LEAK_SIZE = -1e15
        process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
        return super().run()


@pytest.fixture(autouse=True)
def _nothing_runs() -> None:
    Noted.running = Noted.most = 0


def test_what_runs_alone_has_none_of_its_kind_beside_it(tmp_path: Path) -> None:
    jobs = [Noted(f"{place}", alone=place % 2 == 0) for place in range(12)]
    seen: list[tuple] = []
    found = run_all(jobs, Store(tmp_path), lambda *what: seen.append(what), "jobs")
    assert [str(array) for (array,) in found] == [job.key for job in jobs]
    assert Noted.most == 1
    assert seen == [("jobs", done + 1, 12) for done in range(12)]


def test_what_was_done_before_a_failure_is_kept(tmp_path: Path) -> None:
    jobs = [Noted("a", True), Noted("b", True, fails=True), Noted("c", True)]
    with pytest.raises(RuntimeError, match="b fails"):
        run_all(jobs, Store(tmp_path), None)
    assert [path.stem for path in tmp_path.iterdir()] == ["a"]
    jobs[1].fails = False
    assert [str(array) for (array,) in run_all(jobs, Store(tmp_path), None)] == ["a", "b", "c"]


def test_what_runs_apart_runs_in_another_process(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = run_all([Apart("a"), Noted("b", alone=False), Apart("c")], store, None)
    first, second = (int(found[place][0][0]) for place in (0, 2))
    assert first == second != os.getpid()
    (((alone, _),),) = run_all([Apart("a")], Store(None), None, threads=1)
    assert alone == os.getpid()
    assert store.costs["a"].seconds > 0


def test_a_process_that_is_killed_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="apart must have memory for its fits; .* was killed"):
        run_all([Apart("a"), Apart("b", dies=True)], Store(tmp_path), None)
    assert [path.stem for path in tmp_path.iterdir()] == ["a"]
    assert len(run_all([Apart("a"), Apart("b")], Store(tmp_path), None)) == 2


def test_a_process_that_swells_is_replaced_without_a_warning(tmp_path: Path) -> None:
    jobs = [Swelling(f"{place}") for place in range(4)]
    found = run_all([*jobs, Noted("other", alone=False)], Store(tmp_path), None)
    assert len({int(array[0]) for (array,) in found[:4]}) > 1


def test_an_interruption_ends_a_lane_at_its_next_job(tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    jobs = [Noted(f"{place}", alone=True) for place in range(20)]
    with pytest.raises(KeyboardInterrupt):
        run_all(jobs, Store(tmp_path), interrupt)
    assert len(list(tmp_path.iterdir())) < 20
