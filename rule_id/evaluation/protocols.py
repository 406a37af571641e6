"""Protocols: who is trained on, and who is tested.

A protocol sees what the rows of a feature table are (`FeatureTable.meta`), never their features,
and yields splits. No block, hence no network, is on both sides, except where the protocol's
description says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.features import TARGETS, wording

__all__ = ["PROTOCOLS", "Protocol", "Split", "split_rows"]

TEST_SHARE = 0.25
REDRAWS = 100


@dataclass(frozen=True)
class Split:
    """One division of the rows of a feature table.

    Attributes:
        protocol: One of `PROTOCOLS`.
        variant: The group held out, for protocols that hold one out; else `all`.
        number: Which split of the protocol, from 0.
        train: Rows to train on, boolean (n rows,).
        test: Rows to test, boolean (n rows,); none is in `train`.
    """

    protocol: str
    variant: str
    number: int
    train: np.ndarray
    test: np.ndarray


Draw = Callable[[pd.DataFrame, str, int, np.random.Generator], tuple[str, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Protocol:
    """A way to choose training and test networks.

    Attributes:
        description: What is on which side, in one sentence, to be shown beside its numbers.
        columns: Columns of `meta` that it reads, beside that of the target.
        draw: Function of (meta, target, split number, generator) giving variant, training and
            test rows.
        whole_networks: Whether all layers of a network are on one side, so that they may be
            combined into one prediction.
        truncated: Whether it is repeated on shortened and thinned trajectories.
    """

    description: str
    columns: tuple[str, ...]
    draw: Draw
    whole_networks: bool = True
    truncated: bool = False


def split_rows(
    protocol: str,
    meta: pd.DataFrame,
    *,
    target: str = "rule",
    n_splits: int = 10,
    seed: int = 0,
) -> Iterator[Split]:
    """Yield the splits of a protocol, a function of what the rows are and of the seed alone.

    A split that has been drawn before is drawn again, so that splits repeat only where the
    corpus has fewer different ones.

    Args:
        protocol: One of `PROTOCOLS`.
        meta: What the rows are (n rows): `network`, `layer`, `block`, the target, and the column
            that the protocol holds out.
        target: What is identified, one of `TARGETS`: its values are the classes.
        n_splits: Number of splits, at least 1.
        seed: Seed of the draws.

    Yields:
        Splits, in order of their number.

    Raises:
        InputError: There is no such protocol or target, `meta` lacks a column, there are too few
            blocks or groups to hold one out, or a class would have no row to train on.
    """
    chosen = PROTOCOLS[one_of("protocol", protocol, PROTOCOLS)]
    one_of("target", target, TARGETS)
    missing = [name for name in (*chosen.columns, target) if name not in meta.columns]
    if missing:
        raise InputError(
            f"protocol {protocol} needs networks with column {', '.join(missing)}, "
            f"as simulated ones have; got {', '.join(meta.columns)}"
        )
    seen: set[bytes] = set()
    for number in range(n_splits):
        split = _new_split(protocol, meta, target, number, seed, seen)
        _require_classes(split, meta[target])
        yield split


def _new_split(
    protocol: str, meta: pd.DataFrame, target: str, number: int, seed: int, seen: set[bytes]
) -> Split:
    for attempt in range(REDRAWS):
        rng = np.random.default_rng([seed, number, attempt])
        variant, train, test = PROTOCOLS[protocol].draw(meta, target, number, rng)
        key = train.tobytes() + test.tobytes()
        if key not in seen:
            break
    seen.add(key)
    return Split(protocol, variant, number, train, test)


def _random_layers(
    meta: pd.DataFrame, target: str, number: int, rng: np.random.Generator
) -> tuple[str, np.ndarray, np.ndarray]:
    """Test a quarter of the rows of each class."""
    test = _quarter_of_each_class(meta[target], np.arange(len(meta)), rng)
    return "all", ~test, test


def _random_networks(
    meta: pd.DataFrame, target: str, number: int, rng: np.random.Generator
) -> tuple[str, np.ndarray, np.ndarray]:
    """Test a quarter of the networks of each class."""
    test = _quarter_of_each_class(meta[target], meta["network"].to_numpy(), rng)
    return "all", ~test, test


def _random_blocks(
    meta: pd.DataFrame, target: str, number: int, rng: np.random.Generator
) -> tuple[str, np.ndarray, np.ndarray]:
    """Test a quarter of the blocks."""
    if meta["block"].nunique() < 2:
        raise InputError("a corpus must have 2 blocks or more to be evaluated; it has 1")
    test = np.isin(meta["block"], _quarter(meta["block"].unique(), rng))
    return "all", ~test, test


def _held_out(
    column: str, meta: pd.DataFrame, target: str, number: int, rng: np.random.Generator
) -> tuple[str, np.ndarray, np.ndarray]:
    """Test all of one group; train on the other groups less a quarter of their blocks.

    The quarter is left out so that two splits that hold out the same group differ.
    """
    groups = sorted(meta[column].unique())
    if len(groups) < 2:
        raise InputError(
            f"protocol held-out-{column} needs a corpus with 2 or more in {column}; "
            f"it has {groups[0]} alone, so choose other protocols"
        )
    group = groups[number % len(groups)]
    test = (meta[column] == group).to_numpy()
    others = np.setdiff1d(meta["block"], meta["block"][test])
    train = np.isin(meta["block"], others)
    if len(others) > 1:
        train &= ~np.isin(meta["block"], _quarter(others, rng))
    return str(group), train, test


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


def _require_classes(split: Split, labels: pd.Series) -> None:
    untrained = sorted(set(labels) - set(labels[split.train]))
    if untrained:
        held_out = "" if split.variant == "all" else f" (holding out {split.variant})"
        raise InputError(
            f"protocol {split.protocol}{held_out} must leave networks of every "
            f"{wording(str(labels.name)).one} to train on; "
            f"split {split.number} leaves none of {untrained[0]}, so give the corpus more blocks"
        )


PROTOCOLS: dict[str, Protocol] = {
    "paper": Protocol(
        "A random quarter of the layers of each class is tested; other layers of the same "
        "networks may be trained on, so this is for comparison with the 2020 paper only.",
        ("network",),
        _random_layers,
        whole_networks=False,
    ),
    "network": Protocol(
        "A random quarter of the networks of each class is tested; other networks of the same "
        "blocks are trained on, so this is shown only beside grouped.",
        ("network",),
        _random_networks,
    ),
    "grouped": Protocol(
        "A random quarter of the blocks is tested; no block is on both sides.",
        ("network", "block"),
        _random_blocks,
    ),
    "held-out-architecture": Protocol(
        "All networks of one architecture are tested; training sees other architectures alone.",
        ("network", "block", "architecture"),
        partial(_held_out, "architecture"),
    ),
    "held-out-task": Protocol(
        "All networks of one task are tested; training sees other tasks alone.",
        ("network", "block", "task"),
        partial(_held_out, "task"),
    ),
    "truncated": Protocol(
        "The splits of grouped, on trajectories cut to their first checkpoints or thinned; "
        "training and test see the same cut.",
        ("network", "block"),
        _random_blocks,
        truncated=True,
    ),
}
"""Name of a protocol to what it does."""
