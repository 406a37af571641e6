"""Counts of answers: shares with intervals, and who was taken for whom."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

__all__ = [
    "Share",
    "accuracy_line",
    "by_rule",
    "confusion",
    "confusion_text",
    "hits",
    "learned_text",
    "report",
    "share_of",
]

LEVELS = {"rule": "rule", "family": "family", "credit_assignment": "credit assignment"}


@dataclass(frozen=True)
class Share:
    """How many of how many.

    Attributes:
        count: Hits.
        n: Of so many.
    """

    count: int
    n: int

    def interval(self) -> tuple[float, float]:
        """Return Wilson's 95% interval of the share.

        Source: Wilson 1927, "Probable inference, the law of succession, and statistical
        inference".
        """
        found = binomtest(self.count, self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        """Show the share, its interval and the counts."""
        if not self.n:
            return "none"
        low, high = self.interval()
        return f"{self.count / self.n:.2f} [{low:.2f}, {high:.2f}] ({self.count} of {self.n})"


def share_of(hits: pd.Series) -> Share:
    """Count a column of true and false."""
    return Share(int(hits.sum()), len(hits))


def hits(answers: pd.DataFrame, level: str) -> pd.Series:
    """Say of each network whether its true rule, family or credit assignment ranked first."""
    return answers[f"first_{level}"] == answers[f"true_{level}"]


def by_rule(answers: pd.DataFrame) -> pd.DataFrame:
    """Return, by source and rule, n, how many learned, and the three accuracies.

    An accuracy is missing where the true rule, family or credit assignment is not among the
    classes.
    """
    table = answers[["source", "rule", "learned"]].assign(n=1)
    for level, name in LEVELS.items():
        right = hits(answers, level).astype(float)
        table[f"{name} accuracy"] = right.where(answers[f"known_{level}"])
    counts = {"n": "sum", "learned": "sum"}
    accuracies = {f"{name} accuracy": "mean" for name in LEVELS.values()}
    groups = table.groupby(["source", "rule"], sort=False)
    return groups.agg(counts | accuracies).reset_index()


def confusion(true: pd.Series, first: pd.Series) -> pd.DataFrame:
    """Count, a row for each true name and a column for each that ranked first, both sorted."""
    return pd.crosstab(true, first)


def confusion_text(table: pd.DataFrame) -> str:
    """Show counts: columns by number, what the numbers stand for below; dots for zeros."""
    numbers = {name: str(index) for index, name in enumerate(table.columns, start=1)}
    shown = table.astype(object).where(table > 0, ".").rename(columns=numbers)
    shown.index.name = shown.columns.name = None
    marks = [f"{name}  [{numbers[name]}]" if name in numbers else name for name in table.index]
    shown.index = pd.Index(marks)
    legend = [f"  {number:>3} {name}" for name, number in numbers.items()]
    return "\n".join([shown.to_string(), "ranked first:", *legend])


def learned_text(known: pd.DataFrame) -> str:
    """Show how far networks learned, by whose code trained them, rule and task.

    Args:
        known: What `record` returned of each.
    """
    learning = known[known["rule"] != "no_learning"]
    counts = [
        f"  {source}: {own['learned'].sum()} of {len(own)} learned their task"
        for source, own in learning.groupby("source", sort=False)
    ]
    groups = known.groupby(["source", "rule", "task"], sort=False)["score"]
    table = groups.agg(n="size", lowest="min", highest="max").reset_index()
    return "\n".join([table.round(2).to_string(index=False), *counts])


def report(answers: pd.DataFrame) -> str:
    """Return all that is printed of what `answer_all` returned."""
    known = answers[answers["known_rule"]]
    lines = [
        "By whose code trained them and by rule",
        by_rule(answers).round(2).to_string(index=False, na_rep="-"),
        "",
        f"{len(answers)} networks; the rules of {len(answers) - len(known)} are not among the "
        f"{answers['n_rule'].max()} classes and count apart",
        *(accuracy_line(answers, level) for level in LEVELS),
        f"90% set holds the rule: {share_of(known['in_set'])}; mean size "
        f"{known['set_size'].mean():.1f}, empty for {int((known['set_size'] == 0).sum())}",
        f"called outside: {share_of(answers['outside'])}",
        "  of the others: " + accuracy_line(answers[~answers["outside"]], "rule"),
        *_apart(answers),
    ]
    for level in ("rule", "family"):
        table = confusion(answers[f"true_{level}"], answers[f"first_{level}"])
        lines += ["", f"true {LEVELS[level]} by row", confusion_text(table)]
    return "\n".join(lines)


def accuracy_line(answers: pd.DataFrame, level: str) -> str:
    """Say for how many of the networks that could be named rightly that happened."""
    known = answers[answers[f"known_{level}"]]
    if known.empty:
        return f"{LEVELS[level]}: none is among the classes"
    commonest = known[f"true_{level}"].value_counts(normalize=True).iloc[0]
    return (
        f"{LEVELS[level]} ranked first: {share_of(hits(known, level))}; chance "
        f"{1 / known[f'n_{level}'].max():.2f}, always the commonest {commonest:.2f}"
    )


def _apart(answers: pd.DataFrame) -> list[str]:
    """Return what there is to say of networks whose rule is not among the classes."""
    others = answers[~answers["known_rule"]]
    if others.empty:
        return []
    within = others[others["known_family"]]
    return [
        f"not among the classes: {len(others)}, of which {int(others['outside'].sum())} called "
        f"outside, set empty for {int((others['set_size'] == 0).sum())}; "
        f"family ranked first: {share_of(hits(within, 'family'))}"
    ]
