"""Trials without an answer: networks of a kind that was never trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import sklearn
import xgboost

from rule_id.evaluation.apart import require_apart
from rule_id.evaluation.fitting import classifier_for, described
from rule_id.evaluation.novelty import auroc, novelty_scores
from rule_id.evaluation.protocols import Split, split_rows
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.store import Fingerprints
from rule_id.evaluation.trials import richest
from rule_id.features import FeatureTable
from rule_id.models import (
    fit_networks,
    inputs_of,
    layer_probabilities,
    network_ids,
)
from rule_id.version import __version__

__all__ = ["NovelTrial", "novel_trials", "score_novel"]

VERSIONS = (__version__, sklearn.__version__, xgboost.__version__, np.__version__)
"""What was computed by other versions is computed again."""


@dataclass(frozen=True)
class NovelTrial:
    """A family or a rule that is left out of training, and new blocks to find it in.

    Attributes:
        kind: `family` or `rule`, the column.
        held_out: Which one.
        model: Name of the classifier, of which some scores are.
        table: The features.
        split: Blocks to train on and to test.
        seed: Seed of the classifier.
        prints: For hashes of the table.
    """

    kind: str
    held_out: str
    model: str
    table: FeatureTable
    split: Split
    seed: int
    prints: Fingerprints

    @property
    def protocol(self) -> str:
        """The one that it is of."""
        return self.split.protocol

    @property
    def key(self) -> str:
        """Return a hash of everything that the scores depend on."""
        model = described(self.model, tune=False)
        what = (*VERSIONS, self.kind, self.held_out, self.model, model, self.seed, "novelty")
        digest = hashlib.blake2b(repr(what).encode(), digest_size=16)
        digest.update(self.prints.of(self.table).encode())
        digest.update(np.packbits(self.split.train).tobytes())
        digest.update(np.packbits(self.split.test).tobytes())
        return digest.hexdigest()

    def run(self) -> list[np.ndarray]:
        """Return the scores (networks, scores) and, as text, networks and names of scores."""
        novel = (self.table.meta[self.kind] == self.held_out).to_numpy()
        table = inputs_of(self.model, self.table)
        train, tested = table.rows(self.split.train & ~novel), table.rows(self.split.test)
        labels = train.meta["rule"].to_numpy(dtype=str)
        classifier = classifier_for(self.model, train, labels, tune=False, seed=self.seed)
        fit_networks(classifier, train.matrix(), labels, network_ids(train.meta))
        networks = network_ids(tested.meta).astype(str)
        named = layer_probabilities(classifier, tested.matrix(), networks)
        scores = novelty_scores(train.matrix(), labels, tested.matrix(), networks, named)
        return [
            scores.to_numpy(dtype=float),
            np.array(scores.index, dtype=str),
            np.array(scores.columns, dtype=str),
        ]


def novel_trials(
    table: FeatureTable, models: tuple[str, ...], seed: int, splits: int
) -> Iterator[NovelTrial]:
    """Yield a trial for each family, and for each rule of a family that has several.

    Families are left out of the richest classifier; of rules, of which there are many, of the
    cheapest, since most scores do not depend on it.

    Args:
        table: Features of all layers.
        models: Names of classifiers of ours.
        seed: Seed of the splits and classifiers.
        splits: How many splits of `grouped` there are to take turns.

    Raises:
        Leak: A split trains on what it tests.
    """
    families = table.meta.groupby("rule")["family"].first()
    several = families[families.map(families.value_counts()) > 1].index
    turns = list(split_rows("grouped", table.meta, n_splits=max(splits, 2), seed=seed))
    rich = richest(models)
    cheap = "linear" if "linear" in models else models[0]
    prints = Fingerprints()
    for kind, names, model in (
        ("family", sorted(families.unique()), rich),
        ("rule", sorted(several), cheap),
    ):
        for name in names:
            split = _with_both(turns, table.meta[kind] == name, table.meta["rule"])
            if split is not None:
                require_apart("novel", table.meta[split.train], table.meta[split.test])
                own = replace(split, protocol="novel", variant=name)
                yield NovelTrial(kind, name, model, table, own, seed, prints)


def _with_both(turns: list[Split], novel: pd.Series, rules: pd.Series) -> Split | None:
    """Return the split that tests the most novel networks, if two rules are left to train on."""
    held = novel.to_numpy()
    best = max(turns, key=lambda split: int((split.test & held).sum()))
    enough = (best.test & held).any() and (best.test & ~held).any()
    return best if enough and rules[best.train & ~held].nunique() > 1 else None


def score_novel(trials: list[NovelTrial], found: list[list[np.ndarray]]) -> pd.DataFrame:
    """Return how well each score tells networks of a kind never trained on from others.

    Args:
        trials: What was fitted.
        found: What each gave.

    Returns:
        One row a (trial, score): the area under the ROC curve, 0.5 for guessing, with its standard
        error over blocks.
    """
    rows = []
    for trial, (scores, ids, names) in zip(trials, found, strict=True):
        meta = trial.table.meta.assign(unit=network_ids(trial.table.meta).astype(str))
        known = meta.drop_duplicates("unit").set_index("unit").loc[ids]
        novel = (known[trial.kind] == trial.held_out).to_numpy()
        blocks = known["block"].to_numpy()
        for column, name in enumerate(names):
            value, sem = auroc(scores[:, column], novel, blocks)
            rows.append(
                (trial.kind, trial.held_out, trial.model, str(name), value, sem,
                 int(novel.sum()), int((~novel).sum()), len(np.unique(blocks)))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(FURTHER["novelty"]))
