"""What should be recorded to tell some rules apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.designing.candidates import Candidates, folds_of, read_candidates
from rule_id.evaluation.designing.cost import (
    cheapest,
    costs_of,
    lower_bounds,
    prices_of,
    smoothed,
)
from rule_id.evaluation.designing.describing import describe
from rule_id.evaluation.designing.files import KIND, write_design
from rule_id.evaluation.designing.grid import Look, looks, noise_level, units_text
from rule_id.evaluation.designing.result import COLUMNS, Design
from rule_id.evaluation.designing.testing import Progress, accuracies, fit_folds, named
from rule_id.evaluation.floor import nuisance_floor
from rule_id.evaluation.metrics import chance
from rule_id.features import TARGETS
from rule_id.folders import require_replaceable
from rule_id.models import CLASSIFIERS, inputs_of
from rule_id.models.views import randomised_views
from rule_id.trajectories import Trajectories

__all__ = ["design"]

FEATURE_SETS = ("summary", "invariant")


def design(
    corpus: str | Path | Trajectories,
    out: str | Path | None = None,
    *,
    rules: Sequence[str] | None = None,
    target: str = "rule",
    feature_set: str = "summary",
    accuracy: float = 0.8,
    model: str = "xgboost",
    folds: int = 4,
    costs: Mapping[str, float] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Design:
    """Test which measurements tell some rules apart, and find the cheapest that does.

    In each fold one model is trained on the networks of the other folds, each seen through random
    measurements, at random checkpoints and with random observables (`randomised_views`). It names
    the networks of its own fold as each measurement of the corpus sees them, at 2, 3, 5, 11 and all
    checkpoints, with each pattern of observables. Blocks are whole, so that no block is on both
    sides, and every network is tested once. Networks of other rules take no part, nor do those that
    diverged or that the plan set apart. A candidate that no network of a training side is of cannot
    be named there, and its networks count as wrong.

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory; more measurements
            give a finer answer (`rule-id simulate --measurements grid`).
        out: Folder to write (a design that is there is replaced), or None.
        rules: The candidates, 2 or more of the target's values in the corpus; None for all.
        target: What the candidates are, one of `TARGETS`.
        feature_set: `summary` or `invariant`.
        accuracy: What is to be reached, above what guessing reaches and at most 1.
        model: One of `CLASSIFIERS`.
        folds: 2 to the fewest blocks that a candidate runs in.
        costs: Prices of observables instead of `PRICES`, 0 or more.
        seed: Seed of folds, views and models.
        progress: Called as progress(what, done, total).

    Returns:
        Accuracy and cost of each measurement, and the cheapest that reaches the accuracy.

    Raises:
        InputError: An option is not among the allowed ones, `out` is a folder of something else, or
            the corpus has too few networks of a candidate.
    """
    one_of("target", target, TARGETS)
    one_of("feature set", feature_set, FEATURE_SETS)
    one_of("model", model, CLASSIFIERS)
    prices = prices_of(costs)
    if out is not None:
        require_replaceable(Path(out), *KIND)
    candidates = read_candidates(corpus, rules, target)
    guess = _guesses(candidates)
    _check_accuracy(accuracy, guess["floor"])
    fold = folds_of(candidates, folds, seed)
    views = randomised_views(candidates.material, feature_set, seed=seed)
    models = fit_folds(views, fold, target, model, seed, progress)
    table = _grid(candidates, models, model, fold, feature_set, progress).assign(**guess)
    table = table.assign(smoothed=smoothed(table), cost=costs_of(table, prices))
    table = table.assign(lower=lower_bounds(table))[list(COLUMNS)]
    options = {
        "target": target, "feature_set": feature_set, "accuracy": accuracy, "model": model,
        "folds": folds, "prices": prices, "seed": seed,
    }  # fmt: skip
    result = Design(
        table,
        cheapest(table, accuracy),
        describe(candidates, fold, options | guess),
    )
    if out is not None:
        write_design(result, out)
    return result


def _guesses(candidates: Candidates) -> dict[str, float]:
    """Return what is reached without a measurement."""
    networks, target = candidates.networks, candidates.target
    true = networks[target].to_numpy(dtype=str)
    guess = chance("accuracy", true, candidates.classes)
    floor = nuisance_floor(networks, target)["accuracy"]
    return {"chance": guess, "floor": max(guess, floor)}


def _check_accuracy(accuracy: float, floor: float) -> None:
    if not floor < accuracy <= 1:
        raise InputError(
            f"accuracy must be above {floor:.2f}, which is reached without a measurement, and at "
            f"most 1; got {accuracy}"
        )


def _grid(
    candidates: Candidates,
    models: list[Any],
    model: str,
    fold: pd.Series,
    feature_set: str,
    progress: Progress | None,
) -> pd.DataFrame:
    """Return one row a (measurement, observables, checkpoints): what was seen, and accuracies."""
    networks = candidates.networks
    true = networks[candidates.target].to_numpy(dtype=str)
    blocks = networks["block"].to_numpy()
    total, every = looks(candidates.material, feature_set)
    rows = []
    for done, look in enumerate(every, start=1):
        table = inputs_of(model, look.table)
        for pattern, recorded in look.patterns.items():
            predicted = named(models, table, recorded, fold, candidates.classes)
            found = accuracies(true, predicted, blocks, candidates.classes)
            rows.append({**_seen(look), "observables": pattern, "n": len(true), **found})
        if progress is not None:
            progress("measurements", done, total)
    return pd.DataFrame(rows)


def _seen(look: Look) -> dict[str, Any]:
    seeing = look.seeing
    return {
        "measurement": seeing.measurement,
        "units": units_text(seeing),
        "n_units": look.n_units,
        "share": seeing.share,
        "noise": noise_level(seeing),
        "noise_std": seeing.noise_std,
        "observation": seeing.observation,
        "tracked": seeing.tracked,
        "checkpoints": look.checkpoints,
    }
