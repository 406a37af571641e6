"""Draws of protocols: which rows are trained on and which are tested.

Each takes what the rows are (`FeatureTable.meta`), the target, the group that is held out and a
generator, and returns training and test rows, boolean (n,).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.evaluation.ranges import RANGE, range_groups
from rule_id.trajectories import set_apart

__all__ = [
    "hold_out",
    "random_blocks",
    "random_half",
    "random_layers",
    "random_networks",
    "rows_beside",
    "rows_of_group",
]

TEST_SHARE = 0.25


def random_layers(
    meta: pd.DataFrame, target: str, variant: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Test a quarter of the rows of each class."""
    test = _quarter_of_each_class(meta[target], np.arange(len(meta)), rng)
    return ~test, test


def random_networks(
    meta: pd.DataFrame, target: str, variant: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Test a quarter of the networks of each class."""
    test = _quarter_of_each_class(meta[target], meta["network"].to_numpy(), rng)
    return ~test, test


def random_blocks(
    meta: pd.DataFrame, target: str, variant: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Test a quarter of the blocks."""
    if meta["block"].nunique() < 2:
        raise InputError("a corpus must have 2 blocks or more to be evaluated; it has 1")
    test = np.isin(meta["block"], _quarter(meta["block"].unique(), rng))
    return ~test, test


def random_half(
    meta: pd.DataFrame, target: str, variant: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Test half of the blocks, or one more."""
    blocks = rng.permutation(np.sort(meta["block"].unique()))
    if len(blocks) < 3:
        raise InputError(
            f"a corpus must have 3 blocks or more to be calibrated; it has {len(blocks)}"
        )
    test = np.isin(meta["block"], blocks[: math.ceil(len(blocks) / 2)])
    return ~test, test


def hold_out(
    column: str, meta: pd.DataFrame, target: str, variant: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Test all of one group; train on the other groups less a quarter of their blocks.

    The quarter is left out so that two splits that hold out the same group differ.
    """
    test = rows_of_group(column, meta, variant)
    train = _trainable(meta, test)
    if _within_blocks(meta, test):
        blocks = _quarter(meta["block"][test].unique(), rng)
        tested = np.isin(meta["block"], blocks)
        return ~test & ~tested & ~set_apart(meta), test & tested
    others = np.unique(meta["block"][train])
    if len(others) > 1:
        train &= ~np.isin(meta["block"], _quarter(others, rng))
    return train, test


def rows_of_group(column: str, meta: pd.DataFrame, group: str) -> np.ndarray:
    """Return the rows (n,) of a group."""
    if column == "held_out":
        return set_apart(meta)
    if column == RANGE:
        return range_groups(meta)[group]
    return (meta[column] == group).to_numpy(dtype=bool)


def _within_blocks(meta: pd.DataFrame, test: np.ndarray) -> bool:
    """Say whether most blocks have networks of the group and others, as each drew for itself."""
    blocks = meta["block"]
    return blocks[test & blocks.isin(blocks[~test])].nunique() > blocks.nunique() / 2


def rows_beside(meta: pd.DataFrame, test: np.ndarray) -> np.ndarray:
    """Return the rows (n,) that may be trained on when a group is held out, in some split."""
    if _within_blocks(meta, test):
        return ~test & ~set_apart(meta)
    return _trainable(meta, test)


def _trainable(meta: pd.DataFrame, test: np.ndarray) -> np.ndarray:
    """Return the rows (n,) of blocks that are not tested, without what the plan set apart."""
    return ~np.isin(meta["block"], meta["block"][test].unique()) & ~set_apart(meta)


def _quarter_of_each_class(
    labels: pd.Series, ids: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the rows (n,) of a quarter of the ids of each class."""
    values = labels.to_numpy()
    test = [_quarter(np.unique(ids[values == name]), rng) for name in np.unique(values)]
    return np.isin(ids, np.concatenate(test))


def _quarter(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random quarter of the ids, one or more."""
    # Sorted, so that the draw does not depend on the order of the rows.
    return rng.permutation(np.sort(ids))[: max(1, round(TEST_SHARE * len(ids)))]
