"""Whether a network learns at all: how well the family of no learning is told from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import NO_LEARNING, Answers
from rule_id.evaluation.novelty import auroc
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.trials import Trial

__all__ = ["no_learning_table"]


def no_learning_table(
    grouped: list[tuple[Trial, Answers]], family_of: dict[str, str]
) -> pd.DataFrame:
    """Return how well networks without learning are told from those of rules that learn.

    Args:
        grouped: What was found of whole networks under `grouped`, for each model and split.
        family_of: The family of each rule.

    Returns:
        One row a model, means over splits: `hits`, the share of networks without learning that are
        said to be so; `false_alarms`, the same of networks of rules that learn, and
        `false_alarms_unlearned`, of those of them that did not learn their task; `auroc` of the
        probability of no learning, with the mean of its standard errors over blocks. Without a row
        where no network is without learning, or all are.
    """
    rows = [
        (trial.model, *_measure(answers.about(family_of)))
        for trial, answers in grouped
        if {NO_LEARNING} < {family_of[rule] for rule in answers.true}
    ]
    columns = list(FURTHER["no_learning"])
    return pd.DataFrame(rows, columns=columns).groupby("model", sort=False).mean().reset_index()


def _measure(answers: Answers) -> tuple[float, ...]:
    still, said = answers.true == NO_LEARNING, answers.predicted == NO_LEARNING
    unlearned = ~still & ~answers.kinds.get("learned", np.ones(len(still), dtype=bool))
    probability = answers.probabilities[:, answers.classes.index(NO_LEARNING)]
    value, sem = auroc(probability, still, answers.blocks)
    return (
        float(said[still].mean()),
        float(said[~still].mean()),
        float(said[unlearned].mean()) if unlearned.any() else float("nan"),
        value,
        sem,
        int(still.sum()),
        int((~still).sum()),
    )
