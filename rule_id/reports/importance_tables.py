"""The tables of a report about what classifiers look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation import Evaluation
from rule_id.reports.importance import METHODS, PAIR, RANKED_BY, overall
from rule_id.reports.tables import Table

__all__ = [
    "about_table",
    "agreement_table",
    "class_shares",
    "confused_pairs",
    "importance_table",
    "pairs_table",
    "significant",
]


def about_table(importance: pd.DataFrame, pairs: bool, most: int = 3) -> Table | None:
    """Return the groups that matter most for each class, or for each pair of classes.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        pairs: Whether to show pairs.
        most: How many groups of each grouping to name.

    Returns:
        A row a class or pair; each group with the rise in log loss and its 95% interval.
    """
    rows = importance[(importance["method"] == "permutation") & (importance["about"] != "all")]
    rows = rows[rows["about"].str.contains(PAIR, regex=False) == pairs]
    groupings = ("observable", "time", "statistic")
    cells = [
        [(str(about), "")]
        + [(_largest(some[some["by"] == by], most if by == "statistic" else 1), "")
           for by in groupings]
        for about, some in rows.groupby("about", sort=False)
    ]  # fmt: skip
    caption = (
        "Missed most when exchanged between networks: rise in log loss (nats), with its 95% "
        "bootstrap interval over blocks."
    )
    columns = ["Pair" if pairs else "Class", *map(str.capitalize, groupings)]
    return Table(caption, columns, cells, len(columns)) if cells else None


def _largest(rows: pd.DataFrame, most: int) -> str:
    top = rows.nlargest(most, "value").itertuples()
    return "; ".join(f"{r.group} {r.value:+.2f} ({r.low:+.2f} to {r.high:+.2f})" for r in top)


def agreement_table(importance: pd.DataFrame) -> Table | None:
    """Return how alike methods order the groups, or None where there is one method alone.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.

    Returns:
        A row a pair of methods, a column a grouping of three groups or more; rank correlation of
        Spearman.
    """
    importance = overall(importance)
    methods = [method for method in METHODS if (importance["method"] == method).any()]
    groupings = [by for by in ("statistic", "time", "correlated") if (importance["by"] == by).any()]
    wide = {
        by: importance[importance["by"] == by].pivot(
            index="group", columns="method", values="value"
        )
        for by in groupings
    }
    rows = []
    for place, first in enumerate(methods):
        for second in methods[place + 1 :]:
            found = [
                f"{wide[by][first].rank().corr(wide[by][second].rank()):.2f}" for by in groupings
            ]
            names = f"{METHODS[first].label} and {METHODS[second].label}"
            rows.append([(names, ""), *((text, "") for text in found)])
    caption = (
        "How alike two methods order the groups: rank correlation, 1 for the same order and 0 for "
        "unrelated ones."
    )
    return Table(caption, ["Methods", *map(str.capitalize, groupings)], rows, 1) if rows else None


def importance_table(importance: pd.DataFrame, by: str) -> Table:
    """Return the importance of each group by each method, the largest first.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        by: observable, statistic, time or depth.
    """
    chosen = overall(importance)
    chosen = chosen[chosen["by"] == by]
    methods = [method for method in METHODS if (chosen["method"] == method).any()]
    values = chosen.pivot(index="group", columns="method", values="value")
    errors = chosen.pivot(index="group", columns="method", values="error")
    order = values.sort_values(methods[0], ascending=False).index
    rows = [
        [(str(group), "")]
        + [
            (significant(values.loc[group, method], errors.loc[group, method]), "")
            for method in methods
        ]
        for group in order
    ]
    columns = [
        by.capitalize(),
        *(f"{METHODS[method].label}: {METHODS[method].unit}" for method in methods),
    ]
    return Table(f"Importance by {by}.", columns, rows, 1)


def significant(value: float, error: float) -> str:
    """Return a number with three significant digits, with its error where there is one.

    >>> significant(1234.5, float("nan")), significant(0.01234, 0.001), significant(0.0, 0.0)
    ('1,230', '0.012 ± 0.001', '0.000 ± 0.000')
    """
    if np.isnan(value):
        return "–"
    if not np.isnan(error):
        return f"{value:.3f} ± {error:.3f}"
    return f"{value:.3f}" if abs(value) < 100 else f"{float(f'{value:.3g}'):,.0f}"


def class_shares(importance: pd.DataFrame, most: int = 15) -> pd.DataFrame:
    """Return what the features of each statistic contribute to each class.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        most: How many statistics have a column of their own; the others share one, `others`.

    Returns:
        Classes by statistics, shares of a class's sum of |SHAP values|, or of |coefficients|; those
        that contribute most to all come first. Empty where two classes share coefficients.
    """
    rows = importance[importance["method"].isin(RANKED_BY) & (importance["by"] == "statistic")]
    rows = rows[(rows["about"] != "all") & ~rows["about"].str.contains(PAIR, regex=False)]
    wide = rows.pivot(index="about", columns="group", values="value")
    wide = wide.reindex(list(dict.fromkeys(rows["about"])))
    shares = wide.div(wide.sum(axis=1).replace(0, np.nan), axis=0)
    order = shares.mean().sort_values(ascending=False).index
    if len(order) <= most:
        return shares[order]
    return shares[order[:most]].assign(others=shares[order[most:]].sum(axis=1))


def confused_pairs(evaluation: Evaluation) -> pd.DataFrame:
    """Return how often two classes were taken for each other, whole networks of new blocks.

    Args:
        evaluation: What was found, of one target in its `info`.

    Returns:
        One row a pair of classes, in the order of the classes: `first`, `second`, and `confused`,
        the share of the networks of both that was taken for the other, by the most accurate
        classifier, summed over splits; empty without protocol `grouped`.
    """
    found = evaluation.of(evaluation.info["target"])
    names = list(found.info["classes"])
    rows = found.confusions
    rows = rows[
        (rows["protocol"] == "grouped")
        & (rows["level"] == "network")
        & (rows["feature_set"] == found.info["feature_set"])
    ]
    columns = ["first", "second", "confused"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    rows = rows[rows["model"] == found.best_model("grouped", "network")]
    counts = rows.groupby(["true", "predicted"])["count"].sum().unstack(fill_value=0)
    taken = counts.reindex(index=names, columns=names, fill_value=0).to_numpy(dtype=float)
    total = taken.sum(axis=1)
    pairs = [
        (names[a], names[b], (taken[a, b] + taken[b, a]) / max(total[a] + total[b], 1))
        for a in range(len(names))
        for b in range(a + 1, len(names))
    ]
    return pd.DataFrame(pairs, columns=columns)


def pairs_table(importance: pd.DataFrame, confused: pd.DataFrame, most: int = 15) -> Table | None:
    """Return the pairs of classes that are confused most, each with what tells them apart.

    Args:
        importance: What `rule_id.reports.importance` gives for one bundle.
        confused: What `confused_pairs` gives.
        most: How many pairs to show.

    Returns:
        A row a pair; None where no two classes were confused, or nothing is known of pairs.
    """
    rows = importance[importance["by"] == "statistic"]
    lines = []
    chosen = confused[confused["confused"] > 0].nlargest(most, "confused")
    for first, second, share in chosen.itertuples(index=False, name=None):
        of = rows[rows["about"].isin([f"{first} | {second}", f"{second} | {first}"])]
        added, missed = of[of["method"].isin(RANKED_BY)], of[of["method"] == "permutation"]
        if added.empty:
            continue
        top = missed.nlargest(1, "value")
        labels = [first, second, _shares(added), *top["group"].head(1)]
        numbers = [f"{100 * share:.0f}", significant(added["value"].sum(), np.nan)]
        numbers += [f"{value:+.2f}" for value in top["value"]]
        lines.append([(str(text), "") for text in [*labels, *numbers]])
    if not lines:
        return None
    (name,) = rows.loc[rows["method"].isin(RANKED_BY), "method"].unique()
    label, unit = METHODS[name].label, METHODS[name].unit
    caption = (
        "The pairs confused most on new blocks, in percent of the networks of both; what tells "
        f"them apart by {label} (the statistics that differ most, in percent of the sum), "
        "and what is missed most when exchanged, with the rise in log loss between the two (nats)."
    )
    columns = [
        "One class", "The other", f"{label}: differ most", "Missed most", "Confused",
        f"Difference: {unit}", "Rise",
    ]  # fmt: skip
    return Table(caption, columns, lines, 4)


def _shares(added: pd.DataFrame, most: int = 2) -> str:
    top = added.nlargest(most, "value")
    percent = 100 * top["value"] / (added["value"].sum() or 1)
    return "; ".join(f"{group} {p:.0f}%" for group, p in zip(top["group"], percent, strict=True))
