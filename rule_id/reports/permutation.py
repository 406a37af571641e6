"""How much worse whole networks are told apart when a group of features is exchanged.

Features of one layer are near-copies of each other (21 checkpoints of one curve, 45 statistics of
the same tensors), so exchanging one at a time would find none of them important. Groups are
exchanged together, on networks that were held out of fitting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from rule_id.features import FeatureTable
from rule_id.models import Bundle, name_networks, network_ids

__all__ = ["donor_rows", "network_log_loss", "permutation_importance"]

PROBABILITY_FLOOR = 1e-6
VALUES = ("value", "error", "low", "high")
ROWS_AT_ONCE = 20_000
"""Of several exchanges, predicted in one call: a call costs more than some hundred rows do."""
DRAWS = 400
"""Draws of blocks for an interval."""


def donor_rows(meta: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return for each row the row that it takes exchanged features from.

    Whole networks change places within their block, layer by layer: networks of a block share
    architecture, task and steps, so every row keeps values that a layer at its depth could have,
    the layers of a network go on telling one story, and only what differs between the learning
    rules of the block is lost. Layers are matched by depth.

    Args:
        meta: Rows with `network`, `measurement`, `block` and `depth`, indexed 0 to n - 1.
        rng: Where the exchange is drawn from.

    Returns:
        Row numbers (n,).
    """
    donors = np.arange(len(meta))
    depth = meta["depth"].to_numpy(dtype=float)
    for _, block in meta.groupby(["block", "measurement"]):
        layers = [np.asarray(rows) for rows in block.groupby("network").groups.values()]
        for own, chosen in zip(layers, rng.permutation(len(layers)), strict=True):
            other = layers[chosen]
            distance = np.abs(depth[own][:, None] - depth[other][None, :])
            donors[own] = other[distance.argmin(axis=1)]
    return donors


def network_log_loss(bundle: Bundle, values: np.ndarray, meta: pd.DataFrame) -> float:
    """Return the mean log loss of whole networks, layers combined.

    L = -mean over networks of ln p(true class), p no smaller than 1e-6. It moves with every
    probability, where accuracy moves only when a network changes sides.

    Args:
        bundle: The classifier.
        values: Features of layers (n rows, d), in the order of the bundle.
        meta: What the rows are (n rows): `network`, `measurement`, and the target
            of the bundle.

    Returns:
        Log loss in nats; ln(number of classes) for equal probabilities.
    """
    of = _networks_of(bundle, meta)
    (logs,) = _log_probabilities(bundle, values, of)
    return float(-logs[np.arange(len(of.truth)), of.truth].mean())


@dataclass(frozen=True)
class _Networks:
    """What rows belong to, found out once for all exchanges.

    Attributes:
        index: The network of each row (n,), from 0 to m - 1.
        first: A row of each network (m,).
        truth: The class of each network (m,), a position in `Bundle.classes`.
    """

    index: np.ndarray
    first: np.ndarray
    truth: np.ndarray


def _networks_of(bundle: Bundle, meta: pd.DataFrame) -> _Networks:
    _, first, index = np.unique(network_ids(meta), return_index=True, return_inverse=True)
    class_of = {name: place for place, name in enumerate(bundle.classes)}
    truth = meta[bundle.target].iloc[first].map(class_of).to_numpy(dtype=int)
    return _Networks(index, first, truth)


def _log_probabilities(bundle: Bundle, values: np.ndarray, of: _Networks) -> np.ndarray:
    """Return log probabilities (c, m, k) of whole networks, of c copies of all rows (c n, d)."""
    m = len(of.first)
    copies = len(values) // len(of.index)
    index = (np.arange(copies)[:, None] * m + of.index).ravel()
    _, probabilities = name_networks(bundle.classifier, values, index)
    return np.log(np.maximum(probabilities, PROBABILITY_FLOOR)).reshape(copies, m, -1)


def permutation_importance(
    bundle: Bundle,
    table: FeatureTable,
    groups: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]],
    *,
    repeats: int,
    seed: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:
    """Return the rise in log loss when each group of features is exchanged between networks.

    The same exchanges serve every group, so that groups differ by what they hold and not by the
    draw.

    Args:
        bundle: The classifier.
        table: Held-out rows with the features of the bundle alone.
        groups: For each (grouping, group) the columns (n features,) and the rows (n,) to
            exchange, boolean.
        repeats: Number of exchanges, 2 or more.
        seed: Seed of the exchanges.
        progress: Called as progress(what, done, total).

    Returns:
        One row a group and what it is about (`all` networks, those of a class, or `a | b`, two
        classes when it is known to be one of them): `by`, `group`, `about`, `value` (mean over
        exchanges, nats), `error` (standard deviation over exchanges), and `low` and `high`, a 95%
        bootstrap interval over blocks.
    """
    rng = np.random.default_rng(seed)
    meta, values = table.meta, table.matrix()
    donors = [donor_rows(meta, rng) for _ in range(repeats)]
    of = _networks_of(bundle, meta)
    (intact,) = _log_probabilities(bundle, values, of)
    blocks = meta["block"].to_numpy()[of.first]
    drawn = _drawn_blocks(blocks, rng)
    parts = min(repeats, 1 + repeats * len(values) // ROWS_AT_ONCE)
    found = []
    for done, ((by, group), (columns, rows)) in enumerate(groups.items(), start=1):
        logs = []
        for some in np.array_split(np.arange(repeats), parts):
            copies = [_exchanged(values, donors[k], columns, rows) for k in some]
            logs += list(_log_probabilities(bundle, np.concatenate(copies), of))
        rises = _rises(logs, intact, of.truth, drawn, bundle.classes)
        found.append(rises.assign(by=by, group=group))
        if progress is not None:
            progress(f"permutation, {bundle.model}", done, len(groups))
    return pd.concat(found, ignore_index=True)


def _rises(
    logs: list[np.ndarray], intact: np.ndarray, truth: np.ndarray, drawn: np.ndarray,
    classes: list[str],
) -> pd.DataFrame:  # fmt: skip
    """Return the rise for all networks, for those of each class, and for each pair of classes."""
    every = np.arange(len(truth))
    rises = np.stack([intact[every, truth] - one[every, truth] for one in logs])
    rows = [_row("all", rises, every, drawn)]
    rows += [_row(name, rises, every[truth == k], drawn) for k, name in enumerate(classes)]
    for a, b in combinations(range(len(classes)), 2):
        # Between two classes the others do not count.
        of = every[(truth == a) | (truth == b)]
        before, *after = (
            one[of, truth[of]] - np.logaddexp(one[of, a], one[of, b]) for one in (intact, *logs)
        )
        between = np.zeros_like(rises)
        between[:, of] = before - np.stack(after)
        rows.append(_row(f"{classes[a]} | {classes[b]}", between, of, drawn))
    return pd.DataFrame([row for row in rows if row], columns=["about", *VALUES])


def _row(about: str, rises: np.ndarray, of: np.ndarray, drawn: np.ndarray) -> tuple | None:
    """Return mean, spread over exchanges and 95% interval over blocks, of some networks."""
    if not len(of):
        return None
    some, weights = rises[:, of], drawn[:, of]
    counts = weights.sum(axis=1)
    means = (weights @ some.mean(axis=0))[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return about, some.mean(), some.mean(axis=1).std(ddof=1), low, high


def _drawn_blocks(blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how often each network counts (draws, n) when blocks are drawn with replacement."""
    names, index = np.unique(blocks, return_inverse=True)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    return np.asarray(draws[:, index])


def _exchanged(
    values: np.ndarray, donors: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    exchanged = values.copy()
    exchanged[np.ix_(rows, columns)] = values[np.ix_(donors[rows], columns)]
    return exchanged
