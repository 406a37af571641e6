"""The result of an evaluation in words.

Sentences are made from the numbers alone, so that they cannot say more than the tables beside them.
"""

from __future__ import annotations

import pandas as pd

from rule_id.evaluation import Evaluation, read_control, with_error
from rule_id.reports.importance import overall

__all__ = ["read_confusions", "read_importance", "read_results"]

QUESTIONS = {
    "grouped": "New blocks of networks",
    "held-out-architecture": "An architecture never trained on",
    "held-out-architecture-group": "A group of architectures never trained on",
    "held-out-task": "A task never trained on",
    "held-out-task-group": "A group of tasks never trained on",
    "held-out-curriculum": "A curriculum never trained on",
    "held-out-range": "An end of a hyperparameter's range never trained on",
    "held-out-plan": "What the plan set apart",
    "network": "New networks of blocks that were trained on",
    "paper": "Layers of networks partly trained on",
}
"""Name of a protocol to what it asks, in the order in which it is read."""

LEVELS = {"network": "Network level", "layer": "Layer level"}


def read_results(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return for each protocol what is asked and what was found.

    Classifiers come best first. What lies within two s.e.m. of chance, or of the floor where that
    is higher, is called so. Last comes the control.
    """
    table = evaluation.of(evaluation.info["target"]).table
    table = table[table["feature_set"] == evaluation.info["feature_set"]]
    found = []
    for protocol, question in QUESTIONS.items():
        rows = table[(table["protocol"] == protocol) & (table["variant"] == "all")]
        level = "network" if (rows["level"] == "network").any() else "layer"
        rows = rows[rows["level"] == level].sort_values("accuracy", ascending=False)
        if len(rows):
            found.append((question, f"{LEVELS[level]}: {_compare(rows)}"))
    found += _read_truncation(table)
    nuisances = evaluation.of(evaluation.info["target"]).further["control"]
    if len(nuisances):
        control = read_control(nuisances, evaluation.info["target"])
        found.append(("How networks were made, alone", control))
    return found


def _compare(rows: pd.DataFrame) -> str:
    """Return what each classifier reaches, and what chance and the floor are."""
    best = rows.iloc[0]
    margin = 0.0 if pd.isna(best["accuracy_sem"]) else 2 * best["accuracy_sem"]
    chance, floor = best["accuracy_chance"], best.get("accuracy_floor", float("nan"))
    known = [("chance", chance), *([] if pd.isna(floor) else [("floor", floor)])]
    name, least = max(known, key=lambda one: one[1])
    verdict = f" Not clearly above {name}." if best["accuracy"] - margin <= least else ""
    beside = ", ".join(f"{name} {value:.2f}" for name, value in known)
    return f"{_scores(rows, 'model')}; {beside}.{verdict}"


def _scores(rows: pd.DataFrame, label: str) -> str:
    scores = zip(rows[label], rows["accuracy"], rows["accuracy_sem"], strict=True)
    return ", ".join(f"{name} {with_error(mean, sem)}" for name, mean, sem in scores)


def _read_truncation(table: pd.DataFrame) -> list[tuple[str, str]]:
    cut = table[(table["protocol"] == "truncated") & (table["level"] == "network")]
    if cut.empty:
        return []
    best = cut.loc[cut.groupby("variant", sort=False)["accuracy"].idxmax()]
    chance = best["accuracy_chance"].mean()
    return [
        (
            "New blocks, less of training seen",
            f"Network level, the better classifier of each: {_scores(best, 'variant')}; "
            f"chance {chance:.2f}.",
        )
    ]


def read_confusions(evaluation: Evaluation, pairs: int = 3) -> list[str]:
    """Return the most frequent confusions of each classifier on whole networks of new blocks.

    Args:
        evaluation: What was found.
        pairs: How many confusions to name.

    Returns:
        For each classifier that confused anything, its name and the confusions.
    """
    counts = evaluation.of(evaluation.info["target"]).confusions
    counts = counts[
        (counts["protocol"] == "grouped")
        & (counts["level"] == "network")
        & (counts["feature_set"] == evaluation.info["feature_set"])
    ]
    sentences = []
    for model, rows in counts.groupby("model", sort=False):
        share = rows["count"] / rows.groupby("true")["count"].transform("sum")
        wrong = rows.assign(share=share)[(rows["true"] != rows["predicted"]) & (share > 0)]
        named = [
            f"{r.true} taken for {r.predicted} ({r.share:.0%})"
            for r in wrong.nlargest(pairs, "share").itertuples()
        ]
        if named:
            sentences.append(f"{model}: {'; '.join(named)}")
    return sentences


def read_importance(importance: pd.DataFrame, statistics: int = 3) -> str:
    """Return which groups of features one classifier misses most when they are exchanged.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        statistics: How many statistics to name.
    """
    some = overall(importance)
    exchanged = some[some["method"] == "permutation"]
    parts = []
    for by, number in (("observable", 1), ("time", 1), ("depth", 1), ("statistic", statistics)):
        top = exchanged[exchanged["by"] == by].nlargest(number, "value")
        named = ", ".join(f"{r.group} ({r.value:+.2f})" for r in top.itertuples())
        parts.append(f"by {by}, {named}")
    return f"Missed most when exchanged between networks (nats of log loss): {'; '.join(parts)}."
