"""The fits of one evaluation by several jobs that see one folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rule_id.evaluation.fitting import Progress, fit_all, run_all, trial_key
from rule_id.evaluation.preparing import prepare
from rule_id.evaluation.settings import baseline_settings
from rule_id.evaluation.store import Fingerprints, Store
from rule_id.storage import remote_of

if TYPE_CHECKING:
    from rule_id.simulation import Engine, Shard

__all__ = ["fit_shard", "spread_fits"]


def fit_shard(
    corpus: str | Path,
    fits: str | Path,
    shard: Shard,
    *,
    tune: bool = False,
    seed: int = 0,
    threads: int = -1,
    progress: Progress | None = None,
    **options: Any,
) -> int:
    """Do one job's share of the fits of an evaluation, for `evaluate(fits=...)` to take up.

    Every fit is one job's, whatever is done already. A job that fits a baseline chooses its setting
    first, unless another has: begin with one job where that takes long.

    Args:
        corpus: A corpus folder.
        fits: The folder for what is fitted, which all jobs see.
        shard: Which of the jobs.
        tune: As of `evaluate`.
        seed: As of `evaluate`.
        threads: Fits at once, of one thread each; -1 for all cores.
        progress: Called as progress(what, done, total).
        **options: `feature_set`, `models`, `protocols`, `hold_out` and `splits` of `evaluate`; and
            `add_to`, the folder of an evaluation that is added to.

    Returns:
        How many fits are this job's.

    Raises:
        InputError: As of `evaluate`.
    """
    made = prepare(corpus, tune=tune, seed=seed, **options)
    prints, store = Fingerprints(), Store(Path(fits))
    # Without the settings, which are not known yet.
    trials = [t for t in made.trials if shard.has(trial_key(t, prints, tune, seed, {}))]
    novel = [trial for trial in made.novel if shard.has(trial.key)]
    names = sorted({trial.model for trial in trials})
    settings = baseline_settings(made.tables, names, seed, store, progress, threads)
    fit_all(trials, tune, seed, store, progress, settings, threads)
    run_all(novel, store, progress, "never trained on", threads)
    return len(trials) + len(novel)


def spread_fits(
    engine: Engine,
    corpus: str | Path,
    fits: str | Path,
    options: Mapping[str, Any],
    progress: Progress | None = None,
) -> None:
    """Do the fits of an evaluation on an engine, a share for each of its workers.

    Args:
        engine: What does them; its workers must see corpus and fits at the same places.
        corpus: A corpus folder.
        fits: The folder for what is fitted.
        options: Of `fit_shard`.
        progress: Called as progress("shares", done, total).
    """
    # Imported here: who evaluates in one process need not wait for torch.
    from rule_id.simulation import Shard

    where = str(corpus if remote_of(corpus) else Path(corpus).resolve())
    task = partial(_fit, where, str(Path(fits).resolve()), dict(options))
    shards = [Shard(place, engine.workers) for place in range(1, engine.workers + 1)]
    for done, _ in enumerate(engine.spread(task, shards), start=1):
        if progress is not None:
            progress("shares", done, len(shards))


def _fit(corpus: str, fits: str, options: dict[str, Any], shard: Shard) -> int:
    return fit_shard(corpus, fits, shard, threads=1, **options)
