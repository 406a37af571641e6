"""From probabilities of rules for layers to answers about layers and networks, for each target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rule_id.evaluation.merging import merged_names
from rule_id.evaluation.trials import Test, Trial
from rule_id.features import EVALUATED
from rule_id.models import combine_layers, counted_layers

__all__ = ["SUBSETS", "Answers", "answers_of", "classes_of", "subsets_of", "targets_of"]

SUBSETS = {
    "all": "all networks",
    "learned": "networks that learned their task",
    "learning rules": "networks of rules that learn",
}
"""The kinds of networks that numbers are given for."""

MERGED, PAPER = "merged_rule", "paper_rule"
PAPER_RULES = (
    "backprop+momentum", "backprop+adam", "feedback_alignment+momentum",
    "information_alignment+momentum",
)  # fmt: skip
NO_LEARNING = "no learning"


@dataclass(frozen=True)
class Answers:
    """What was found for layers or networks.

    Attributes:
        level: `layer` or `network`.
        meta: What they are (n rows).
        probabilities: Of each class (n, k).
        classes: The k classes, sorted.
        true: The true class of each (n,).
    """

    level: str
    meta: pd.DataFrame
    probabilities: np.ndarray
    classes: list[str]
    true: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each (n,)."""
        return np.array(self.classes)[self.probabilities.argmax(axis=1)]

    def rows(self, kept: np.ndarray) -> Answers:
        """Return the answers where a boolean (n,) is true."""
        return replace(
            self,
            meta=self.meta[kept],
            probabilities=self.probabilities[kept],
            true=self.true[kept],
        )

    def about(self, target: str, networks: pd.DataFrame) -> Answers:
        """Return the answers about a target, sums of the probabilities of its rules.

        Of the paper's rules, answers are those for networks of these rules, when it is known that
        they are of these.

        Args:
            target: What is asked, one of `targets_of`.
            networks: A table that has the target's class of every rule.
        """
        if target == "rule":
            return self
        class_of = classes_of(networks, target)
        some = self.rows(np.isin(self.true, list(class_of)))
        names = np.array([class_of.get(rule, "") for rule in self.classes])
        classes = sorted(set(names) - {""})
        sums = some.probabilities @ np.equal.outer(names, np.array(classes)).astype(float)
        true = np.array([class_of[rule] for rule in some.true], dtype=str)
        total = np.maximum(sums.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return replace(some, probabilities=sums / total, classes=classes, true=true)


def targets_of(networks: pd.DataFrame) -> tuple[str, ...]:
    """Return what is identified: that of `EVALUATED` which these networks have two classes of.

    The merged rule only where some of their rules are merged, the paper's where there are others.
    """
    rules = set(networks["rule"])
    asked = [
        target
        for target in EVALUATED
        if len(set(classes_of(networks, target).values())) > 1 or target == "rule"
    ]
    same = {
        MERGED: len(set(merged_names(sorted(rules)))) == len(rules),
        PAPER: rules <= {*PAPER_RULES},
    }
    return tuple(target for target in asked if not same.get(target, False))


def classes_of(networks: pd.DataFrame, target: str) -> dict[str, str]:
    """Return the class of each rule that has one."""
    if target == PAPER:
        return {rule: rule for rule in PAPER_RULES if (networks["rule"] == rule).any()}
    if target in (MERGED, "rule"):
        rules = sorted(networks["rule"].unique())
        return dict(zip(rules, merged_names(rules) if target == MERGED else rules, strict=True))
    pairs = networks[["rule", target]].drop_duplicates("rule")
    return {str(rule): str(name) for rule, name in pairs.itertuples(index=False)}


def subsets_of(meta: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the kinds of networks that there are, with the rows (n,) of each."""
    yield "all", np.ones(len(meta), dtype=bool)
    if "learned" in meta.columns:
        yield "learned", meta["learned"].eq(True).to_numpy(dtype=bool)
    learning = (meta["family"] != NO_LEARNING).to_numpy(dtype=bool)
    if not learning.all():
        yield "learning rules", learning


def answers_of(trial: Trial, test: Test, probabilities: np.ndarray) -> Iterator[Answers]:
    """Yield what was found about rules at each level of a test.

    Args:
        trial: What was fitted.
        test: One of its tests.
        probabilities: Of the rules that were trained on, for the tested rows.
    """
    meta = test.table.meta[test.rows]
    # A network seen under two measurements is two answers, not one answer with twice the layers.
    meta = meta.assign(unit=meta.groupby(["network", "measurement"]).ngroup())
    for level in test.levels:
        if level == "layer":
            counted = counted_layers(meta)
            some, values = meta[counted], probabilities[counted]
        else:
            ids, values = combine_layers(probabilities, meta["unit"].to_numpy())
            some = meta.drop_duplicates("unit").set_index("unit").loc[ids]
        if len(some):
            true = some["rule"].to_numpy(dtype=str)
            yield Answers(level, some, np.asarray(values, float), trial.classes, true)
