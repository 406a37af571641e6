"""What features of a compact copy differ in from those of its original, as docs/compact.md says.

`python docs/studies/compact_errors.py ORIGINAL COPY` prints the table. Features are compared of
every fourth network, seen completely.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from study import markdown_table

from rule_id.batches import read_batches
from rule_id.features import extract, split_name
from rule_id.features.paths import PATH_STATISTICS
from rule_id.trajectories import Trajectories

EVERY = 4
"""Of so many networks one is compared."""

KEY = ["network", "layer"]

GROUPS: dict[str, tuple[str, bool, Callable[[str], bool]]] = {
    "`trajectory`, the paper's": ("trajectory", True, lambda name: True),
    "`summary`, of statistics": ("summary", False, lambda name: name not in PATH_STATISTICS),
    "`summary`, of pairs": ("summary", False, lambda name: name in PATH_STATISTICS),
    "`invariant`, of statistics": ("invariant", False, lambda name: name not in PATH_STATISTICS),
}
"""Each row of the table: the feature set, whether the paper's, and of which statistics."""


def main(arguments: Sequence[str]) -> None:
    """Print the table of two corpora."""
    original, copy = (_some(path) for path in arguments)
    kept = copy.rows[KEY].drop_duplicates()
    original = replace(original, rows=original.rows.merge(kept, on=KEY))
    rows = []
    for title, (feature_set, paper, chosen) in GROUPS.items():
        before, after = (_features(corpus, feature_set, paper) for corpus in (original, copy))
        names = [name for name in after if chosen(split_name(name)[0])]
        rows.append([title, *_compared(before[names], after[names])])
    print(
        markdown_table(
            ["set", "features", "rank correlation: median", "5%", "least",
             "median error / interquartile range: median", "95%"],
            rows,
        )
    )  # fmt: skip


def _some(path: str) -> Trajectories:
    """Return some networks of a corpus under the first measurement."""
    networks, rows = [], []
    for batch in read_batches(path):
        own = batch.networks[batch.networks["network"].map(_is_chosen)]
        networks.append(own)
        seen = batch.rows["network"].isin(own["network"]) & (batch.rows["measurement"] == 0)
        rows.append(batch.rows[seen])
    return Trajectories(
        pd.concat(networks, ignore_index=True), pd.concat(rows, ignore_index=True), path
    )


def _is_chosen(network: str) -> bool:
    return sum(network.encode()) % EVERY == 0


def _features(corpus: Trajectories, feature_set: str, paper: bool) -> pd.DataFrame:
    table = extract(corpus, feature_set, paper=paper)
    index = pd.MultiIndex.from_frame(table.meta[KEY])
    return table.values.set_axis(index).sort_index()


def _compared(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Return the cells of a row; features that the copy lacks, or that are constant, are none."""
    assert before.index.equals(after.index)
    ranks, errors = [], []
    for name in before:
        x, y = before[name].to_numpy(float), after[name].to_numpy(float)
        there = np.isfinite(x) & np.isfinite(y)
        if not there.any() or np.ptp(x[there]) == 0:
            continue
        ranks.append(pd.Series(x[there]).corr(pd.Series(y[there]), method="spearman"))
        spread = np.subtract(*np.percentile(x[there], [75, 25]))
        if spread > 0:
            errors.append(np.median(np.abs(y - x)[there]) / spread)
    return [
        str(len(ranks)),
        *(f"{value:.4f}" for value in (np.median(ranks), np.quantile(ranks, 0.05), min(ranks))),
        f"{np.median(errors):.4f}",
        f"{np.quantile(errors, 0.95):.3f}",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
