"""How much worse whole networks are told apart when a group of features is exchanged.

Features of one layer are near-copies of each other (21 checkpoints of one curve, 45 statistics of
the same tensors), so exchanging one at a time would find none of them important. Groups are
exchanged together, on networks that were held out of fitting.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from rule_id.features import FeatureTable
from rule_id.models import Bundle, combine_layers, network_ids

__all__ = ["donor_rows", "network_log_loss", "permutation_importance"]

PROBABILITY_FLOOR = 1e-6


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
    ids = network_ids(meta)
    found, probabilities = combine_layers(bundle.classifier.predict_proba(values), ids)
    class_of = dict(zip(ids, meta[bundle.target], strict=True))
    truth = [bundle.classes.index(class_of[network]) for network in found]
    likelihood = probabilities[np.arange(len(found)), truth]
    return float(-np.log(np.maximum(likelihood, PROBABILITY_FLOOR)).mean())


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
        One row a group: `by`, `group`, `value` (mean over exchanges, nats) and `error` (standard
        deviation over exchanges).
    """
    rng = np.random.default_rng(seed)
    meta, values = table.meta, table.matrix()
    donors = [donor_rows(meta, rng) for _ in range(repeats)]
    intact = network_log_loss(bundle, values, meta)
    found = []
    for done, ((by, group), (columns, rows)) in enumerate(groups.items(), start=1):
        losses = [
            network_log_loss(bundle, _exchanged(values, donor, columns, rows), meta)
            for donor in donors
        ]
        found.append((by, group, np.mean(losses) - intact, np.std(losses, ddof=1)))
        if progress is not None:
            progress(f"permutation, {bundle.model}", done, len(groups))
    return pd.DataFrame(found, columns=["by", "group", "value", "error"])


def _exchanged(
    values: np.ndarray, donors: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    exchanged = values.copy()
    exchanged[np.ix_(rows, columns)] = values[np.ix_(donors[rows], columns)]
    return exchanged
