"""Fit every model on every split, several fits at once, and predict what it is tested on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import Any, Protocol

import joblib
import numpy as np
import sklearn
import threadpoolctl
import xgboost
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from rule_id.errors import InputError
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.costs import Cost
from rule_id.evaluation.store import Fingerprints, Kept, Store
from rule_id.evaluation.trials import Test, Trial
from rule_id.features import FeatureTable
from rule_id.models import (
    CLASSIFIERS,
    GRIDS,
    choose_hyperparameters,
    fit_networks,
    hide,
    inputs_of,
    layer_probabilities,
    network_ids,
)
from rule_id.version import __version__

__all__ = ["Job", "Progress", "classifier_for", "fit_all", "run_all", "trial_key"]

Progress = Callable[[str, int, int], None]


class Job(Protocol):
    """Something to compute once: its key says what it depends on."""

    @property
    def key(self) -> str:
        """Jobs of one key give the same."""

    @property
    def protocol(self) -> str:
        """What it is for."""

    @property
    def model(self) -> str:
        """What is fitted."""

    def run(self) -> list[np.ndarray]:
        """Return what is found."""


def run_all(
    jobs: Iterable[Job],
    store: Store,
    progress: Progress | None,
    what: str = "fits",
    threads: int = -1,
) -> list[list[np.ndarray]]:
    """Run every distinct job that the store does not hold yet.

    Args:
        jobs: What to compute.
        store: Where results are looked up and kept.
        progress: Called as progress(what, done, total).
        what: What they are called while they run.
        threads: Jobs at once; -1 for all cores.

    Returns:
        What each job gives, in order.
    """
    listed = list(jobs)
    distinct = {job.key: job for job in listed}
    found: dict[str, Kept] = {}
    stopped, one_at_a_time = Event(), Lock()
    # Where there is one thread, none waits for another.
    apart = {key for key, job in distinct.items() if threads != 1 and getattr(job, "apart", False)}
    processes = ProcessPoolExecutor(1) if apart else None

    def lane(keys: list[str]) -> None:
        for key in keys:
            if stopped.is_set():
                return
            kept = store.get(key)
            if kept is None:
                job = distinct[key]
                kept = _done_apart(job, processes) if processes and key in apart else _done(job)
                store.put(key, kept)
            with one_at_a_time:
                found[key] = kept
                store.costs[key] = Cost(distinct[key].protocol, distinct[key].model, kept.seconds)
                if progress is not None:
                    progress(what, len(found), len(distinct))

    # One thread a fit, several fits at once: faster than many threads for each fit of this
    # size, as fast as processes, and the numbers do not depend on how many cores there are.
    run = joblib.Parallel(n_jobs=threads, backend="threading", return_as="generator_unordered")
    with threadpoolctl.threadpool_limits(1), _unworried():
        outcomes = run(joblib.delayed(lane)(keys) for keys in _lanes(distinct))
        try:
            for _ in outcomes:
                pass
        except BaseException:
            stopped.set()
            if processes is not None:
                processes.shutdown(wait=False, kill_workers=True)
            # What is interrupted is told so once, not for each fit that was under way.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.close()
            raise
    if processes is not None:
        processes.shutdown()
    return [found[job.key].arrays for job in listed]


def _done(job: Job) -> Kept:
    # Of this thread alone, which is all that works at it: others take nothing from it.
    begin = time.thread_time()
    arrays = job.run()
    return Kept(arrays, time.thread_time() - begin)


def _done_apart(job: Job, processes: ProcessPoolExecutor) -> Kept:
    """Do a job in a process of its own, where it keeps no thread of this one from its work."""
    try:
        kept: Kept = processes.submit(_done_by_one_thread, job).result()
    except TerminatedWorkerError:
        raise InputError(
            f"{job.model} must have memory for its fits; its process was killed: leave it out, or "
            "run the same command again to go on"
        ) from None
    return kept


def _done_by_one_thread(job: Job) -> Kept:
    with threadpoolctl.threadpool_limits(1):
        return _done(job)


@contextmanager
def _unworried() -> Iterator[None]:
    """Leave out the warning that a process was replaced after it had kept memory of a fit."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield


def _lanes(jobs: Mapping[str, Job]) -> Iterator[list[str]]:
    """Yield what runs one after the other: jobs that bear none of their kind beside them first.

    They begin first for they take longest, and share one thread: in two, one would wait.
    """
    alone = [key for key, job in jobs.items() if getattr(job, "alone", False)]
    if alone:
        yield alone
    yield from ([key] for key in jobs if key not in set(alone))


def fit_all(
    trials: list[Trial],
    tune: bool,
    seed: int,
    store: Store,
    progress: Progress | None,
    settings: Mapping[str, dict[str, Any]] | None = None,
    threads: int = -1,
) -> list[list[np.ndarray]]:
    """Fit every distinct trial and predict what it is tested on.

    Args:
        trials: What to fit.
        tune: Choose hyperparameters of ours on the training rows; else the defaults.
        seed: Seed of the models.
        store: Where results are looked up and kept.
        progress: Called as progress("fits", done, total).
        settings: The setting of each baseline (`baseline_settings`).
        threads: Fits at once; -1 for all cores.

    Returns:
        For each trial and each of its tests the probabilities (n tested rows, k classes).
    """
    prints = Fingerprints()
    given = settings or {}
    jobs = [_Fit(trial, tune, seed, prints, given.get(trial.model, {})) for trial in trials]
    return run_all(jobs, store, progress, threads=threads)


class _Fit:
    """A trial as a job."""

    def __init__(
        self, trial: Trial, tune: bool, seed: int, prints: Fingerprints, setting: dict[str, Any]
    ) -> None:
        self.trial, self.tune, self.seed, self.setting = trial, tune, seed, setting
        self.protocol, self.model = trial.split.protocol, trial.model
        self.key = trial_key(trial, prints, tune, seed, setting)
        self.alone = trial.model in BASELINES and BASELINES[trial.model].alone
        # Its kernels are compiled code that lets no other thread of its process run.
        self.apart = self.alone

    def run(self) -> list[np.ndarray]:
        trial = self.trial
        train = _inputs(trial, trial.table.rows(trial.rows))
        labels = train.meta["rule"].to_numpy(dtype=str)
        if trial.shuffled:
            labels = _exchanged(train, labels, self.seed + trial.split.number)
        if trial.model in BASELINES:
            n = int(train.info["n_checkpoints"])
            classifier: Any = BASELINES[trial.model].build(n, self.seed, **self.setting)
        else:
            classifier = classifier_for(trial.model, train, labels, self.tune, self.seed)
        if not trial.of_networks:
            classifier.fit(train.matrix(), labels)
            found = (classifier.predict_proba(_values(trial, test)[0]) for test in trial.tests)
        else:
            fit_networks(classifier, train.matrix(), labels, network_ids(train.meta))
            found = (layer_probabilities(classifier, *_values(trial, t)) for t in trial.tests)
        return [probabilities.astype(np.float32) for probabilities in found]


def trial_key(
    trial: Trial, prints: Fingerprints, tune: bool, seed: int, setting: dict[str, Any]
) -> str:
    """Return a hash of everything that the probabilities of a trial depend on."""
    digest = hashlib.blake2b(digest_size=16)
    versions = (__version__, sklearn.__version__, xgboost.__version__, np.__version__)
    model = trial.model
    if model in BASELINES:
        versions = (*versions, *_versions_of("torch", "aeon"))
    if model in CLASSIFIERS:
        model = described(model, tune)
    elif setting:
        model = repr((model, setting))
    shuffle = trial.split.number if trial.shuffled else None
    digest.update(repr((*versions, model, tune, seed, shuffle, trial.of_networks)).encode())
    digest.update(prints.of(trial.table).encode() + np.packbits(trial.rows).tobytes())
    for test in trial.tests:
        digest.update(prints.of(test.table).encode() + np.packbits(test.rows).tobytes())
        digest.update(test.observables.encode())
    return digest.hexdigest()


def _versions_of(*packages: str) -> Iterator[str]:
    """Yield the versions of what is installed of these packages."""
    for name in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"


def described(model: str, tune: bool) -> str:
    """Return all that a classifier's defaults are, and where they are tuned what is tried.

    Args:
        model: One of `CLASSIFIERS`.
        tune: Whether hyperparameters are chosen.
    """
    classifier = CLASSIFIERS[model]()
    tried = GRIDS[model] if tune else None
    return repr((type(classifier).__name__, sorted(classifier.get_params().items()), tried))


def classifier_for(
    model: str, train: FeatureTable, labels: np.ndarray, tune: bool, seed: int
) -> Any:
    """Return a classifier to fit, with hyperparameters chosen on the rows to train on.

    Args:
        model: One of `CLASSIFIERS`.
        train: Features of the rows to train on.
        labels: Their rules (n,).
        tune: Choose hyperparameters; else the defaults.
        seed: Seed of the choice and of the classifier.
    """
    chosen = {}
    if tune:
        blocks, networks = train.meta["block"].to_numpy(), network_ids(train.meta)
        chosen = choose_hyperparameters(
            model, train.matrix(), labels, blocks, networks=networks, seed=seed
        )
    classifier = CLASSIFIERS[model](**{**chosen, "random_state": seed})
    if "n_jobs" in classifier.get_params():
        classifier.set_params(n_jobs=1)
    return classifier


def _exchanged(train: FeatureTable, labels: np.ndarray, seed: int) -> np.ndarray:
    """Give every network the rule of another, the same for all of its layers."""
    networks, first, index = np.unique(
        train.meta["network"].to_numpy(dtype=str), return_index=True, return_inverse=True
    )
    order = np.random.default_rng([seed, len(networks)]).permutation(len(networks))
    return labels[first][order][index]


def _values(trial: Trial, test: Test) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of the tested rows, of the observables that are seen, and networks."""
    table = _inputs(trial, test.table.rows(test.rows))
    networks = network_ids(table.meta)
    if set(test.observables.split("+")) == set(_ALL):
        return table.matrix(), networks
    return hide(table.matrix(), table.names, test.observables.split("+")), networks


def _inputs(trial: Trial, table: FeatureTable) -> FeatureTable:
    return inputs_of(trial.model, table) if trial.of_networks else table


_ALL = ("activation", "weight", "activity_change")
