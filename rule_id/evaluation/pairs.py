"""How well two rules can be told apart when all is measured without noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import threadpoolctl

from rule_id.errors import InputError, one_of
from rule_id.evaluation.arranging import Rows, arranged, exact_features
from rule_id.evaluation.metrics import balanced_accuracy
from rule_id.models import BoostedClassifier, LinearClassifier, combine_layers
from rule_id.trajectories import Trajectories, read_corpus, set_apart

__all__ = ["CLEAR", "PAIR_COLUMNS", "separability", "usable_networks"]

PAIR_COLUMNS = (
    "rule_a", "rule_b", "networks_a", "networks_b", "linear", "xgboost", "accuracy",
)  # fmt: skip

CLEAR = 0.70
"""Balanced accuracy from which on nothing more is tried: the pair is far from being merged. The
margin is so wide that all that comes near the threshold is tried in every way."""

ROUNDS = 100
"""Of boosting: few, for two classes need fewer than thirty, and there are many pairs."""

FEWEST = 500

Progress = Callable[[str, int, int], None]


def separability(
    corpus: str | Path | Trajectories,
    *,
    rules: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
    fewest: int = FEWEST,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Say for each pair of rules how well a classifier of whole networks tells them apart.

    The classifier is given all that can be measured: the `summary` features of weights, activations
    and activity changes of all units without noise, and log10 of the true learning rate (missing
    where a rule has none). Blocks are divided into folds, the same for every pair; each fold is
    tested by what was fitted on the others, and the result is the balanced accuracy over all
    networks of the two rules,

        A = (share of a's networks named a + share of b's networks named b) / 2.

    Each classifier is tried twice, and the better result counts: on rows that are networks, with
    the first two and the last two layers side by side, and on rows that are layers, whose
    probabilities are combined. Neither is always better. Once a result is `CLEAR` or above nothing
    more is tried, so that an accuracy from there on is a lower bound. To take the best of several
    makes rules a little easier to tell apart, by about a standard error (0.014 for 600 networks of
    each), so that too few are merged rather than too many.

    Args:
        corpus: A corpus folder, or trajectories in memory, with an exact measurement of all units.
            Networks that diverged or that the plan set apart take no part.
        rules: The rules to compare, 2 or more; None for all of the corpus.
        folds: Parts that the blocks are divided into, 2 to the number of blocks.
        seed: Seed of the division and of the trees.
        fewest: Networks that each rule must have.
        progress: Called as progress(classifier, pairs done, pairs in all).

    Returns:
        One row a pair, sorted by name, with `PAIR_COLUMNS`: `accuracy` is the larger of `linear`
        and `xgboost`; the latter is NaN where `linear` is `CLEAR` or above.

    Raises:
        InputError: The networks are no simulated ones, a rule is unknown or has too few, or there
            are too few blocks or no exact measurement.
    """
    trajectories = corpus if isinstance(corpus, Trajectories) else read_corpus(corpus)
    networks = usable_networks(trajectories.networks, rules)
    names, counts = np.unique(networks["rule"].to_numpy(dtype=str), return_counts=True)
    _require_networks(dict(zip(names, counts, strict=True)), fewest)
    fold = _folds(networks, folds, seed)
    rows = arranged(exact_features(trajectories, networks), names, fold)
    pairs = list(combinations(range(len(names)), 2))
    with threadpoolctl.threadpool_limits(1):
        linear = list(_best(rows, pairs, LinearClassifier, "linear", progress))
        close = [p for p, a in zip(pairs, linear, strict=True) if a < CLEAR]
        trees = _best(rows, close, lambda: _trees(seed), "xgboost", progress)
        boosted = dict(zip(close, trees, strict=True))
    table = [
        (names[a], names[b], counts[a], counts[b], own, boosted.get((a, b), np.nan))
        for (a, b), own in zip(pairs, linear, strict=True)
    ]
    found = pd.DataFrame(table, columns=list(PAIR_COLUMNS[:-1]))
    return found.assign(accuracy=found[["linear", "xgboost"]].max(axis=1))


def usable_networks(networks: pd.DataFrame, rules: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the networks that are compared: not diverged, not set apart, of these rules.

    Args:
        networks: The networks table of a simulated corpus.
        rules: Names of 2 rules or more; None for all.

    Raises:
        InputError: A column is missing, or a rule is unknown or alone.
    """
    missing = [c for c in ("block", "rule", "learning_rate", "diverged") if c not in networks]
    if missing:
        raise InputError(f"networks must be simulated ones; column {', '.join(missing)} is missing")
    known = sorted(networks["rule"].unique())
    chosen = known if rules is None else [one_of("rules", rule, known) for rule in rules]
    if len(set(chosen)) < 2:
        raise InputError(f"rules must be 2 or more to be compared; got {', '.join(chosen)}")
    lost = networks["diverged"].to_numpy(dtype=bool) | set_apart(networks)
    return networks[~lost & networks["rule"].isin(chosen)]


def _require_networks(counts: dict[str, int], fewest: int) -> None:
    few = {rule: n for rule, n in counts.items() if n < fewest}
    if few:
        listed = ", ".join(f"{rule} ({n})" for rule, n in few.items())
        raise InputError(
            f"each rule must have {fewest} networks or more that did not diverge; got fewer of "
            f"{listed}"
        )


def _folds(networks: pd.DataFrame, folds: int, seed: int) -> dict[str, int]:
    """Return the fold of each network; a block is whole, and no rule is in one fold alone."""
    blocks = np.unique(networks["block"])
    if not 2 <= folds <= len(blocks):
        raise InputError(f"folds must be 2 to the number of blocks, {len(blocks)}; got {folds}")
    drawn = np.random.default_rng(seed).permutation(len(blocks)) % folds
    fold = networks["block"].map(dict(zip(blocks, drawn, strict=True)))
    alone = fold.groupby(networks["rule"]).nunique() < 2
    if alone.any():
        raise InputError(
            f"each rule must have networks in several folds of blocks; {alone.idxmax()} has not"
        )
    return dict(zip(networks["network"], fold, strict=True))


def _best(
    arrangements: list[Rows],
    pairs: list[tuple[int, int]],
    make: Callable[[], Any],
    what: str,
    progress: Progress | None,
) -> Iterator[float]:
    """Yield the best accuracy over the arrangements for each pair, or the first that is clear."""
    for done, pair in enumerate(pairs, start=1):
        best = 0.0
        for rows in arrangements:
            if best < CLEAR:
                best = max(best, _accuracy(rows.of(pair), make))
        yield best
        if progress is not None:
            progress(what, done, len(pairs))


def _accuracy(rows: Rows, make: Callable[[], Any]) -> float:
    """Return the balanced accuracy over networks, each tested by what did not see its block."""
    true, predicted = [], []
    for number in np.unique(rows.fold):
        tested = rows.fold == number
        classifier = make().fit(rows.values[~tested], rows.rule[~tested])
        probabilities = classifier.predict_proba(rows.values[tested])
        _, combined = combine_layers(probabilities, rows.network[tested])
        predicted.append(classifier.classes_[combined.argmax(axis=1)])
        _, first = np.unique(rows.network[tested], return_index=True)
        true.append(rows.rule[tested][first])
    known, named = (np.concatenate(some).astype(str) for some in (true, predicted))
    return balanced_accuracy(known, named, sorted(set(known)))


def _trees(seed: int) -> BoostedClassifier:
    return BoostedClassifier(ROUNDS, random_state=seed)
