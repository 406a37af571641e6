"""From a plan to a corpus on disk: spread over processes, resumed where it stopped."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from joblib import cpu_count

from rule_id.errors import InputError, one_of
from rule_id.folders import remove_abandoned, unfinished
from rule_id.part_files import FOLDERS, damage_of, has_part, write_part
from rule_id.rules import NO_OPTIMIZER, load_rules
from rule_id.schema import NUMBERS_VERSION
from rule_id.simulation.best_rates import best_rates, written_rates
from rule_id.simulation.describe import write_timing
from rule_id.simulation.engines import Engine, LocalEngine
from rule_id.simulation.ensemble import run_ensemble
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.plan import Plan, folder_of, read_plan
from rule_id.simulation.rates import BestRates
from rule_id.simulation.resolve import resolve, sources_of
from rule_id.simulation.shards import Shard
from rule_id.simulation.sizes import Sizes
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.simulation.workers import Progress, keep_memory, memory_kept, one_thread
from rule_id.storage import Remote, remote_of
from rule_id.trajectories import (
    NETWORK_COLUMNS,
    read_manifest,
    write_manifest,
)

__all__ = ["Estimate", "simulate"]

BYTES_PER_ROW, BYTES_PER_PART = 235, 52_000
"""On disk, fitted to corpora of 172 and 424 parts; a part of 62 columns has a price of its own."""

START_UP = 6.0
"""Seconds until worker processes have imported torch."""


@dataclass(frozen=True)
class Estimate:
    """What a plan will cost.

    Attributes:
        networks: Networks to simulate, those already done included.
        done: Networks that the folder holds already.
        rows: Rows of the trajectory table.
        seconds: Time for the networks that are left, from a short trial on this machine.
        megabytes: Disk.
    """

    networks: int
    done: int
    rows: int
    seconds: float
    megabytes: float

    def __str__(self) -> str:
        """Say it in one line."""
        minutes = self.seconds / 60
        took = f"{minutes:.1f} min" if minutes >= 1 else f"{self.seconds:.0f} s"
        return (
            f"{self.networks} networks ({self.done} done), {self.rows} rows, "
            f"about {took} and {self.megabytes:.1f} MB"
        )


def simulate(
    plan: str | Path | dict[str, Any],
    out: str | Path,
    *,
    scale: float = 1.0,
    measurements: str | Path | dict[str, Any] | None = None,
    rules: Sequence[str | Path] = (),
    device: str = "auto",
    workers: int | None = None,
    shard: Shard | None = None,
    engine: Engine | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Path | Estimate:
    """Simulate a plan into a corpus, or go on where an earlier run stopped.

    Each worker is a process with one thread, so rows are the same for any number of them, and
    after any interruption. A part that is damaged is simulated anew. Several processes may simulate
    into one folder at once, each its shard, or all of them everything.

    Args:
        plan: A TOML file, `demo`, `reference` or `paper` for one that ships, or what such a file
            would hold.
        out: The corpus folder, made when it is missing, or a URL (`rule_id.storage`).
        scale: Share of the blocks of each entry of the plan, one block or more; above 0.
        measurements: What to measure instead of what the plan says (`read_plan`): a TOML file, or
            `grid` for numbers of units and levels of noise, crossed.
        rules: Python files or modules that add rules (`rule_id.rules.load_rules`).
        device: `auto` (a CUDA device if there is one), `cpu` or `cuda`.
        workers: Processes on a CPU, 1 or more; all cores by default. A GPU is fed by one.
        shard: Simulate only the share of one of several jobs; all when None.
        engine: Where ensembles are simulated (`open_engine`); processes of this machine when None.
        dry_run: Write nothing into `out` and say what it would cost.
        progress: Called as progress("simulate", networks done, networks in all).

    Returns:
        The corpus folder, of a URL its copy on this machine, or the `Estimate` of a dry run.

    Raises:
        InputError: The plan is not valid, the folder holds a corpus of another plan or something
            else, or the device is not there; or a rule of the user's raised something, after all
            else was simulated.
    """
    loaded = {load_rules(source): Path(source).name for source in rules}
    checked = read_plan(plan, measurements).scaled(scale)
    chosen = _device(device)
    remote, base = remote_of(out), folder_of(plan)
    corpus = Path(out) if remote is None else remote.fetched(missing_ok=True)
    n_workers = _workers(workers) if chosen == "cpu" else 1
    sources = [_found_anywhere(source) for source in rules]

    def resolved() -> tuple[list[Ensemble], dict[str, Any]]:
        _check_folder(corpus, _begun(checked, chosen))
        # The search for rates is on the CPU, whatever the device.
        best = best_rates(checked, base, corpus, sources, _workers(workers), progress)
        sizes = Sizes(chosen, _sizes_of(corpus), fixed=checked.ensemble_size)
        found = resolve(checked, base=base, best=best, size_of=sizes)
        own = {"rules": loaded, "ensemble_sizes": sizes.chosen}
        return found, _manifest(checked, found, chosen, best) | own

    begun = (corpus / "manifest.json").exists()
    ensembles, manifest = resolved()
    if not (dry_run or begun or _begin(corpus, remote, manifest)):
        # Another process began it meanwhile: what it measured is what the corpus is made with.
        ensembles, manifest = resolved()
    _check_folder(corpus, manifest)
    own = (shard or Shard()).own(ensembles, _cost)
    left = [e for e in own if not has_part(corpus, e.key) or damage_of(corpus, e.key)]
    n_workers = min(n_workers, max(1, len(left)))
    if dry_run:
        return _estimate(own, left, chosen, n_workers)
    for folder in ("", *FOLDERS):
        remove_abandoned(corpus / folder)
    total = sum(len(e.networks) for e in own)
    done = total - sum(len(e.networks) for e in left)
    # Long ones first, so that no worker is left alone with one at the end.
    others = _other_versions(corpus, manifest) if left else {}
    task = _Part(corpus.resolve(), remote, chosen, _network_columns(ensembles), sources, others)
    spread = engine or LocalEngine(n_workers)
    failed: list[str] = []
    with memory_kept():  # where the one worker is this process
        for finished in spread.spread(task, sorted(left, key=_cost)[::-1]):
            if isinstance(finished, str):
                failed.append(finished)
                continue
            done += finished
            if progress is not None:
                progress("simulate", done, total)
    if failed:
        n = len(failed)
        raise InputError(
            f"{min(failed)}; {n} of {len(own)} parts are missing for it, the others are done. "
            "A rule that is mended is another rule: simulate with it into another folder"
        )
    # Workers of other machines have sent what they made.
    return corpus if remote is None else remote.fetched()


def _found_anywhere(source: str | Path) -> str:
    """Return a file of rules by its whole path, as workers may run in another folder."""
    return str(Path(source).resolve()) if str(source).endswith(".py") else str(source)


def _network_columns(ensembles: list[Ensemble]) -> list[str]:
    """Return the columns of the networks table, the same in every part of the corpus."""
    drawn = {name for e in ensembles for name in e.networks[0].hyperparameters}
    return [*NETWORK_COLUMNS, *sorted(drawn - set(NETWORK_COLUMNS))]


@dataclass(frozen=True)
class _Part:
    """Simulates an ensemble into its part of a corpus; it is sent to other processes.

    Attributes:
        corpus: The folder, unless it is at a URL.
        remote: What is at that URL, to which parts are sent.
        device: `cpu` or `cuda`.
        columns: Those of the networks table.
        sources: The user's files that add rules.
        versions: Of packages that are not those that the corpus was begun with.
    """

    corpus: Path
    remote: Remote | None
    device: str
    columns: list[str]
    sources: list[str]
    versions: dict[str, str] = field(default_factory=dict)

    def __call__(self, ensemble: Ensemble) -> int | str:
        """Return how many networks were simulated, or what a rule of the user's raised."""
        for source in self.sources:  # a worker is another process, with tables of its own
            load_rules(source)
        if sources_of(ensemble.rule, ensemble.networks) != ensemble.source:
            raise InputError(
                f"the file that rule {ensemble.rule} comes from must stay as it is while it is "
                "simulated; it was changed, so run simulate again in another folder"
            )
        begin = time.perf_counter()
        keep_memory()
        try:
            with one_thread():
                pieces = list(_pieces(ensemble, self.device))
        except _RuleRaised as error:  # the ensembles of other rules are still to be done
            return str(error)
        networks, rows = (
            pd.concat(tables, ignore_index=True) for tables in zip(*pieces, strict=True)
        )
        ids = [draw.network for draw in ensemble.networks]
        seconds = time.perf_counter() - begin
        notes = {"ensembles": str(len(pieces))} if len(pieces) > 1 else {}
        if self.versions:
            notes["versions"] = json.dumps(self.versions)
        table = networks.reindex(columns=self.columns)
        with self._folder() as corpus:
            write_timing(corpus, ensemble.key, ids, seconds)
            write_part(corpus, ensemble.key, table, rows, notes)
        return len(networks)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Give the folder to write into; of a corpus at a URL one whose files are sent there."""
        if self.remote is None:
            yield self.corpus
            return
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            self.remote.send(Path(folder))


class _RuleRaised(Exception):
    """A rule of the user's raised something; its text says which and what."""


def _pieces(ensemble: Ensemble, device: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield networks and rows of an ensemble, in halves where the device lacks memory for all."""
    try:
        yield run_ensemble(ensemble, device)
        return
    except torch.OutOfMemoryError:
        if len(ensemble.networks) == 1:
            raise InputError(
                f"the device must have memory for one network of {ensemble.shape.architecture}, "
                "which it has not; make the network smaller, or simulate on another device"
            ) from None
    except Exception as error:
        if not ensemble.source:
            raise
        raise _RuleRaised(f"rule {ensemble.rule} raised {_said(error)}") from error
    half = len(ensemble.networks) // 2
    for some in (ensemble.networks[:half], ensemble.networks[half:]):
        yield from _pieces(replace(ensemble, networks=some), device)


def _said(error: Exception) -> str:
    """Return what an error says and where it was raised, in one line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"{type(error).__name__} in line {last.lineno} of {Path(last.filename).name}: {text}"


def _device(device: str) -> str:
    one_of("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device must be cpu or auto where torch sees no CUDA device; got 'cuda'")
    return device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def _workers(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise InputError(f"workers must be 1 or more; got {workers}")
    return workers or cpu_count()


def _begin(corpus: Path, remote: Remote | None, manifest: dict[str, Any]) -> bool:
    """Write the manifest, unless another process has; then make its own the corpus's."""
    if remote is None:
        return write_manifest(corpus, manifest)
    with tempfile.TemporaryDirectory() as folder:
        write_manifest(Path(folder), manifest)
        created = remote.create("manifest.json", (Path(folder) / "manifest.json").read_bytes())
    remote.fetched()
    return created


def _check_folder(corpus: Path, manifest: dict[str, Any]) -> None:
    if corpus.exists() and not corpus.is_dir():
        raise InputError(f"out must be a folder; {corpus} is a file")
    if not (corpus / "manifest.json").exists():
        # An unfinished file is of a job that begins the corpus now, or was killed when it did.
        if corpus.exists() and {*corpus.iterdir()} - {*unfinished(corpus)}:
            raise InputError(f"out must be an empty folder or a corpus; {corpus} is neither")
        return
    there = read_manifest(corpus)
    if there.get("compact") is not None:
        raise InputError(
            f"out must be an empty folder or a corpus; {corpus} is a compact copy of one, which "
            "cannot be gone on with"
        )
    # The parts are compared too: their keys change with the defaults that a plan leaves open.
    for name, what in (("plan", "plan"), ("device", "device"), ("parts", "version of the rules")):
        if name in manifest and there.get(name) != manifest[name]:
            raise InputError(
                f"{corpus} holds a corpus of another {what}; choose another folder to simulate "
                f"this one, or go on with the {what} in its manifest.json"
            )


def _other_versions(corpus: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Return versions that are not those that the corpus was begun with, and say so."""
    first = read_manifest(corpus).get("versions")
    known = first if isinstance(first, dict) else {}
    now = manifest["versions"]
    others = {name: now[name] for name in now if known.get(name, now[name]) != now[name]}
    if others:
        begun = ", ".join(f"{name} {known[name]} (now {one})" for name, one in others.items())
        warnings.warn(
            f"{corpus} was begun with {begun}; parts that are simulated now say so in their "
            "metadata, and their numbers may differ",
            stacklevel=3,
        )
    return others


def _sizes_of(corpus: Path) -> dict[str, int]:
    """Return the sizes that a corpus was begun with."""
    if not (corpus / "manifest.json").is_file():
        return {}
    sizes = read_manifest(corpus).get("ensemble_sizes")
    return sizes if isinstance(sizes, dict) else {}


def _begun(plan: Plan, device: str) -> dict[str, Any]:
    """Return what of a manifest is known before anything is drawn or measured."""
    return {"plan": plan.model_dump(mode="json", by_alias=True), "device": device}


def _manifest(
    plan: Plan, ensembles: list[Ensemble], device: str, best: BestRates
) -> dict[str, Any]:
    packages = ("rule-id", "torch", "numpy", "pandas", "pyarrow", "scikit-learn")
    return {
        **_begun(plan, device),
        "numbers_version": NUMBERS_VERSION,
        "parts": sorted(ensemble.key for ensemble in ensembles),
        "learning_rates": written_rates(best),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def _cost(ensemble: Ensemble) -> float:
    """Return the arithmetic of an ensemble, up to a factor."""
    examples = ensemble.shape.steps * ensemble.shape.batch_size
    return float(ensemble.network.n_products() * len(ensemble.networks) * examples)


def _estimate(
    ensembles: list[Ensemble], left: list[Ensemble], device: str, workers: int
) -> Estimate:
    n_rows = sum(
        len(e.networks) * e.checkpoints * len(e.measurements) * len(e.network.layers)
        for e in ensembles
    )
    return Estimate(
        networks=sum(len(e.networks) for e in ensembles),
        done=sum(len(e.networks) for e in ensembles) - sum(len(e.networks) for e in left),
        rows=n_rows,
        seconds=_trial(left, device) / workers + START_UP * (workers > 1) if left else 0.0,
        megabytes=(n_rows * BYTES_PER_ROW + len(ensembles) * BYTES_PER_PART) / 1e6,
    )


def _trial(ensembles: list[Ensemble], device: str, samples: int = 8, steps: int = 30) -> float:
    """Time the first steps of a few ensembles, from cheap to dear, and scale up; seconds."""
    ordered = sorted(ensembles, key=_cost)
    chosen = ordered[:: max(1, len(ordered) // samples)]
    _timed(_shortened(chosen[0], 1), device)  # the first call also warms up
    seconds = 0.0
    for ensemble in chosen:
        set_up = _timed_set_up(_shortened(ensemble, 1), device)
        start = _timed(_shortened(ensemble, 1), device)
        step = max((_timed(_shortened(ensemble, steps), device) - start) / (steps - 1), 0.0)
        before = [draw.pretrained_by != NO_OPTIMIZER for draw in ensemble.networks]
        share = sum(before) / len(before)
        n_steps = ensemble.shape.steps + share * ensemble.shape.pretraining_steps
        checkpoint = max(start - set_up - step, 0.0) / 2
        seconds += set_up + step * n_steps + checkpoint * ensemble.checkpoints
    return seconds * len(ensembles) / len(chosen)


def _shortened(ensemble: Ensemble, steps: int) -> Ensemble:
    shape = replace(ensemble.shape, steps=steps, pretraining_steps=1)
    return replace(ensemble, shape=shape, checkpoints=2)


def _timed_set_up(ensemble: Ensemble, device: str) -> float:
    begin = time.perf_counter()
    with memory_kept(), one_thread():
        Learner(ensemble, EnsembleData(ensemble, device, torch.float32), device, torch.float32)
    return time.perf_counter() - begin


def _timed(ensemble: Ensemble, device: str) -> float:
    begin = time.perf_counter()
    with memory_kept(), one_thread():
        run_ensemble(ensemble, device)
    return time.perf_counter() - begin
