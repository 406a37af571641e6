"""From probabilities of rules for layers to answers about layers and networks, for each target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.merging import merged_names
from rule_id.evaluation.trials import Test, Trial
from rule_id.features import EVALUATED
from rule_id.models import combine_layers, counted_layers

__all__ = [
    "NO_LEARNING",
    "SUBSETS",
    "Answers",
    "answers_of",
    "classes_of",
    "subsets_of",
    "targets_of",
]

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
        networks: The network of each (n,).
        blocks: Its block (n,).
        kinds: For each of `SUBSETS` that there is, which of them are of that kind (n,).
        probabilities: Of each class (n, k).
        classes: The k classes, sorted.
        true: The true class of each (n,).
        summed: Whether a class that pools rules has the sum of their probabilities; else the
            largest of them: of scores that were made to add up to 1, and lie close together, who
            pools most rules would win.
    """

    level: str
    networks: np.ndarray
    blocks: np.ndarray
    kinds: dict[str, np.ndarray]
    probabilities: np.ndarray
    classes: list[str]
    true: np.ndarray
    summed: bool = True

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each (n,)."""
        return np.array(self.classes)[self.probabilities.argmax(axis=1)]

    def rows(self, kept: np.ndarray) -> Answers:
        """Return the answers where a boolean (n,) is true."""
        return replace(
            self,
            networks=self.networks[kept],
            blocks=self.blocks[kept],
            kinds={name: rows[kept] for name, rows in self.kinds.items()},
            probabilities=self.probabilities[kept],
            true=self.true[kept],
        )

    def about(self, class_of: dict[str, str]) -> Answers:
        """Return the answers about a target, made of the probabilities of its rules.

        Of the paper's rules, answers are those for networks of these rules, when it is known that
        they are of these.

        Args:
            class_of: The class of each rule, of `classes_of`; those without one are not asked.
        """
        some = self.rows(np.isin(self.true, list(class_of)))
        names = np.array([class_of.get(rule, "") for rule in self.classes])
        classes = sorted(set(names) - {""})
        belongs = np.equal.outer(names, np.array(classes))
        if self.summed:
            sums = some.probabilities @ belongs.astype(float)
        else:
            sums = np.stack([some.probabilities[:, own].max(axis=1) for own in belongs.T], axis=1)
        true = np.array([class_of[rule] for rule in some.true], dtype=str)
        # Who is certain of a rule that is not asked for says nothing about those that are.
        sums[sums.sum(axis=1) == 0] = 1.0
        total = sums.sum(axis=1, keepdims=True)
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


def subsets_of(meta: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the kinds of networks that there are, with the rows (n,) of each."""
    kinds = {"all": np.ones(len(meta), dtype=bool)}
    if "learned" in meta.columns:
        kinds["learned"] = meta["learned"].eq(True).to_numpy(dtype=bool)
    kinds["learning rules"] = (meta["family"] != NO_LEARNING).to_numpy(dtype=bool)
    return kinds


def answers_of(trial: Trial, test: Test, probabilities: np.ndarray) -> Iterator[Answers]:
    """Yield what was found about rules at each level of a test.

    Args:
        trial: What was fitted.
        test: One of its tests.
        probabilities: Of the rules that were trained on, for the tested rows.
    """
    columns = [name for name in _COLUMNS if name in test.table.meta.columns]
    meta = test.table.meta.loc[test.rows, columns].reset_index(drop=True)
    for level in test.levels:
        if level == "layer":
            rows = np.flatnonzero(counted_layers(meta))
            values = probabilities[rows]
        else:
            # Sorted by name, as what is combined.
            rows = np.unique(meta["network"].to_numpy(dtype=str), return_index=True)[1]
            values = combine_layers(probabilities, meta["network"].to_numpy(dtype=str))[1]
        if len(rows):
            some = meta.iloc[rows]
            yield Answers(
                level,
                some["network"].to_numpy(dtype=str),
                some["block"].to_numpy(),
                subsets_of(some),
                np.asarray(values, float),
                trial.classes,
                some["rule"].to_numpy(dtype=str),
                trial.model not in BASELINES or BASELINES[trial.model].summed,
            )


_COLUMNS = (
    "network", "block", "rule", "family", "learned", "layer", "n_layers", "delta_readout",
)  # fmt: skip
