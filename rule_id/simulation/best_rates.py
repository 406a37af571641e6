"""The best learning rates that a plan needs: from the table, from the corpus, or searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from rule_id.rules import load_rules
from rule_id.simulation.plan import Plan
from rule_id.simulation.plan_checks import where_files_are
from rule_id.simulation.rate_search import search_rate
from rule_id.simulation.rates import BestRates, RateKey, known_rates
from rule_id.simulation.resolve import rates_wanted
from rule_id.simulation.workers import Progress, one_thread
from rule_id.trajectories import read_manifest

__all__ = ["best_rates", "search_all", "written_rates"]


def best_rates(
    plan: Plan,
    base: Path,
    corpus: Path,
    sources: Sequence[str],
    workers: int,
    progress: Progress | None = None,
) -> BestRates:
    """Return the best learning rate of everything that the plan wants tuned.

    A corpus keeps the rates that it was begun with.

    Args:
        plan: A checked plan.
        base: The folder that folders of data are relative to.
        corpus: The corpus folder, which may hold one already.
        sources: Python files or modules that add rules.
        workers: Processes that search.
        progress: Called as progress("learning rates", found, wanted) when there is a search.

    Raises:
        InputError: What the plan may draw does not go together, or a rule that is searched diverged
            at every rate.
    """
    known = known_rates() | _kept(corpus)
    wanted = rates_wanted(plan, base)
    missing = [key for key in wanted if key not in known]
    places = [where_files_are(plan, key.task, base) for key in missing]
    known |= search_all(missing, places, sources, workers, progress)
    return {key: known[key] for key in wanted}


def search_all(
    keys: Sequence[RateKey],
    places: Sequence[dict[str, Any]],
    sources: Sequence[str],
    workers: int,
    progress: Progress | None = None,
) -> BestRates:
    """Search the best rate of each key.

    Args:
        keys: Whose rates.
        places: `folder` and `image_size` of the task of each.
        sources: Python files or modules that add rules.
        workers: Processes.
        progress: Called as progress("learning rates", found, wanted).
    """
    found: BestRates = {}
    jobs = (delayed(_search)(key, place, sources) for key, place in zip(keys, places, strict=True))
    for key, rate in Parallel(n_jobs=workers, return_as="generator_unordered")(jobs):
        found[key] = rate
        if progress is not None:
            progress("learning rates", len(found), len(keys))
    return found


def _search(key: RateKey, place: dict[str, Any], sources: Sequence[str]) -> tuple[RateKey, float]:
    for source in sources:  # a worker is another process, with tables of its own
        load_rules(source)
    with one_thread():
        return key, search_rate(key, **place)


def _kept(corpus: Path) -> BestRates:
    if not (corpus / "manifest.json").exists():
        return {}
    rows = read_manifest(corpus).get("learning_rates", [])
    return {RateKey(*names): rate for *names, rate in rows}


def written_rates(best: BestRates) -> list[list[str | float]]:
    """Return best rates as a manifest holds them."""
    return [[*key, rate] for key, rate in sorted(best.items())]
