"""Protocols: who is trained on, and who is tested.

A protocol sees what the rows of a feature table are (`FeatureTable.meta`), never their features,
and yields splits. No block, hence no network, is on both sides, except where the protocol's
description says so. Networks that the plan set apart (`held_out`) are on no training side, and are
tested only by the protocols that hold something out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.drawing import (
    hold_out,
    random_blocks,
    random_half,
    random_layers,
    random_networks,
    rows_beside,
    rows_of_group,
)
from rule_id.evaluation.ranges import RANGE, range_groups
from rule_id.features import TARGETS, wording
from rule_id.trajectories import set_apart

__all__ = ["PROTOCOLS", "Protocol", "Split", "held_out_groups", "split_rows", "unsuitable"]

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
        dropped: Classes that would have been tested and could not be trained on, and where
            something is held out also those that could not be tested.
    """

    protocol: str
    variant: str
    number: int
    train: np.ndarray
    test: np.ndarray
    dropped: tuple[str, ...] = ()


Draw = Callable[[pd.DataFrame, str, str, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Protocol:
    """A way to choose training and test networks.

    Attributes:
        description: What is on which side, in one sentence, to be shown beside its numbers.
        columns: Columns of `meta` that it reads, beside that of the target.
        draw: Function of (meta, target, variant, generator) giving training and test rows.
        held_out: The column whose groups are held out in turn, on classes that both sides have;
            None where nothing is held out.
        apart: The column of which no value is on both sides; None where even the layers of one
            network may be.
        kind: What is done with its splits; see `rule_id.evaluation.trials`.
        headline: Whether it has as many splits as are asked for; others have three at most.
        compared: Whether baselines are run, and ours on the features of the 2020 paper.
    """

    description: str
    columns: tuple[str, ...]
    draw: Draw
    held_out: str | None = None
    apart: str | None = "block"
    kind: str = "plain"
    headline: bool = False
    compared: bool = False

    @property
    def whole_networks(self) -> bool:
        """Whether all layers of a network are on one side, so that they may be combined."""
        return self.apart is not None


def split_rows(
    protocol: str,
    meta: pd.DataFrame,
    *,
    target: str = "rule",
    n_splits: int = 10,
    seed: int = 0,
    groups: Sequence[str] = (),
) -> Iterator[Split]:
    """Yield the splits of a protocol, a function of what the rows are and of the seed alone.

    A split that has been drawn before is drawn again, so that splits repeat only where the
    corpus has fewer different ones. Classes that cannot be trained on are not tested. Where
    something is held out, both sides are restricted to the classes that both have; elsewhere those
    that are not tested are trained on, as what may be mistaken for others. `Split.dropped` names
    what was left out.

    Args:
        protocol: One of `PROTOCOLS`.
        meta: What the rows are (n rows): `network`, `layer`, `block`, the target, the column
            that the protocol holds out, and `held_out` where a plan set networks apart.
        target: What is identified, one of `TARGETS`: its values are the classes.
        n_splits: Number of splits, at least 1; of each group where `groups` are named. Where groups
            are held out, each has one at least.
        seed: Seed of the draws.
        groups: The groups to hold out; when empty all take turns that can be held out.

    Yields:
        Splits, in order of their number.

    Raises:
        InputError: There is no such protocol, target or group, `meta` lacks a column, there are too
            few blocks or groups to hold one out, or fewer than two classes to train on and test.
    """
    chosen = PROTOCOLS[one_of("protocol", protocol, PROTOCOLS)]
    one_of("target", target, TARGETS)
    missing = [name for name in (*chosen.columns, target) if name not in meta.columns]
    if missing:
        raise InputError(
            f"protocol {protocol} needs networks with column {', '.join(missing)}, "
            f"as simulated ones have; got {', '.join(meta.columns)}"
        )
    variants = _variants(protocol, meta, target, groups)
    seen: set[bytes] = set()
    for number in range(n_splits * len(groups) or max(n_splits, len(variants))):
        variant = variants[number % len(variants)]
        split = _new_split(protocol, variant, meta, target, number, seed, seen)
        yield _on_shared_classes(split, meta[target], both=chosen.held_out is not None)


def unsuitable(protocol: str, networks: pd.DataFrame, target: str) -> str:
    """Return what a protocol that holds something out needs and the networks lack, or nothing.

    Args:
        protocol: One of `PROTOCOLS`.
        networks: One row a network or more, with `block` and the target.
        target: What is identified, one of `TARGETS`.
    """
    column = PROTOCOLS[protocol].held_out
    if column is None:
        return ""
    groups = held_out_groups(protocol, networks, target)
    if column == "held_out" and not groups:
        return "needs networks that the plan set apart; there are none"
    if column == RANGE and not groups:
        return "needs networks with different hyperparameters; they have the same"
    if not groups:
        return f"needs networks with column {column}, as simulated ones have; there is none"
    if column not in ("held_out", RANGE) and len(groups) < 2:
        return f"needs a corpus with 2 or more in {column}; it has {next(iter(groups))} alone"
    if all(groups.values()):
        return f"needs {next(iter(groups.values()))}"
    return ""


def held_out_groups(protocol: str, networks: pd.DataFrame, target: str) -> dict[str, str]:
    """Return the groups of a protocol that holds something out, each with what it lacks.

    Args:
        protocol: One of `PROTOCOLS` that holds something out.
        networks: One row a network or more, with `block` and the target.
        target: What is identified, one of `TARGETS`.

    Returns:
        For each group, sorted, an empty text where it can be held out, else what that needs.
    """
    column = str(PROTOCOLS[protocol].held_out)
    if column == "held_out":
        names = ["all"] if set_apart(networks).any() else []
    elif column == RANGE:
        names = list(range_groups(networks))
    else:
        names = sorted(networks[column].dropna().unique()) if column in networks.columns else []
    lacks = {}
    for name in names:
        test = rows_of_group(column, networks, name)
        train = rows_beside(networks, test)
        shared = set(networks[target][train]) & set(networks[target][test])
        lacks[str(name)] = "" if len(shared) > 1 else _needs_classes(target, str(name), shared)
    return lacks


def _variants(
    protocol: str, meta: pd.DataFrame, target: str, groups: Sequence[str]
) -> Sequence[str]:
    """Return what the splits hold out in turn; `all` where nothing is held out."""
    if PROTOCOLS[protocol].held_out is None:
        return ["all"]
    reason = unsuitable(protocol, meta, target)
    if reason:
        raise InputError(f"protocol {protocol} {reason}, so choose other protocols")
    lacks = held_out_groups(protocol, meta, target)
    for name in groups:
        if lacks[one_of(f"group of protocol {protocol}", name, lacks)]:
            raise InputError(f"protocol {protocol} needs {lacks[name]}, so hold out another")
    return groups or [name for name, lack in lacks.items() if not lack]


def _new_split(
    protocol: str, variant: str, meta: pd.DataFrame, target: str, number: int, seed: int,
    seen: set[bytes],
) -> Split:  # fmt: skip
    chosen = PROTOCOLS[protocol]
    rows = np.full(len(meta), True) if chosen.held_out else ~set_apart(meta)
    train, test = np.zeros((2, len(meta)), dtype=bool)
    for attempt in range(REDRAWS):
        rng = np.random.default_rng([seed, number, attempt])
        train[rows], test[rows] = chosen.draw(meta[rows], target, variant, rng)
        key = train.tobytes() + test.tobytes()
        if key not in seen:
            break
    seen.add(key)
    return Split(protocol, variant, number, train, test)


def _on_shared_classes(split: Split, labels: pd.Series, both: bool) -> Split:
    """Restrict the test, or both sides, to the classes that both have."""
    sides = [set(labels[side]) for side in (split.train, split.test)]
    shared = sides[0] & sides[1]
    if len(shared) < 2:
        raise InputError(
            f"protocol {split.protocol} needs "
            f"{_needs_classes(str(labels.name), split.variant, shared)} in split {split.number}, "
            "so give the corpus more blocks"
        )
    kept = labels.isin(shared).to_numpy()
    lost = (sides[0] | sides[1] if both else sides[1]) - shared
    train = split.train & kept if both else split.train
    return replace(split, train=train, test=split.test & kept, dropped=tuple(sorted(lost)))


def _needs_classes(target: str, group: str, shared: set[str]) -> str:
    return (
        f"2 {wording(target).many} or more both to train on and to test, holding out {group}; "
        f"got {', '.join(sorted(shared)) or 'none'}"
    )


def _holding_out(column: str, description: str, compared: bool = False) -> Protocol:
    columns = ("network", "block") if column == RANGE else ("network", "block", column)
    draw = partial(hold_out, column)
    return Protocol(description, columns, draw, held_out=column, compared=compared)


def _by_block(kind: str, description: str, **further: Any) -> Protocol:
    return Protocol(
        description, ("network", "block"), further.pop("draw", random_blocks), kind=kind, **further
    )


PROTOCOLS: dict[str, Protocol] = {
    "paper": Protocol(
        "A random quarter of the layers of each class is tested; other layers of the same "
        "networks may be trained on, so this is for comparison with the 2020 paper only.",
        ("network",),
        random_layers,
        apart=None,
        headline=True,
        compared=True,
    ),
    "network": Protocol(
        "A random quarter of the networks of each class is tested; other networks of the same "
        "blocks are trained on, so this is shown only beside grouped.",
        ("network",),
        random_networks,
        apart="network",
    ),
    "grouped": _by_block(
        "plain",
        "A random quarter of the blocks is tested; no block is on both sides.",
        headline=True,
        compared=True,
    ),
    "held-out-architecture": _holding_out(
        "architecture",
        "All networks of one architecture are tested; training sees other architectures alone.",
    ),
    "held-out-architecture-group": _holding_out(
        "architecture_group",
        "All networks of one group of architectures (dense, convolutional, residual, recurrent) "
        "are tested; training sees the other groups alone.",
        compared=True,
    ),
    "held-out-task": _holding_out(
        "task",
        "All networks of one task are tested; training sees other tasks alone.",
    ),
    "held-out-task-group": _holding_out(
        "task_group",
        "All networks of one group of tasks (supervised, self-supervised, reward) are tested; "
        "training sees the other groups alone.",
        compared=True,
    ),
    "held-out-curriculum": _holding_out(
        "curriculum",
        "All networks of one curriculum are tested; training sees other curricula alone.",
    ),
    "held-out-range": _holding_out(
        RANGE,
        "The networks with the lowest or the highest third of a hyperparameter are tested; "
        "training sees other values in other blocks. Learning rates are ranked within a rule.",
    ),
    "held-out-plan": Protocol(
        "The networks that the plan set apart are tested; no other protocol trains on them either.",
        ("network", "block"),
        partial(hold_out, "held_out"),
        held_out="held_out",
    ),
    "truncated": _by_block(
        "truncated",
        "The splits of grouped; networks are tested in a window of training, thinned, or at a few "
        "random checkpoints, by one model that was trained on networks seen in random ways.",
    ),
    "measured": _by_block(
        "measured",
        "The splits of grouped; networks are tested under each measurement of the corpus (numbers "
        "of units, noise, spikes, fluorescence) and with each observable, by the model of "
        "truncated.",
    ),
    "alone": _by_block("alone", "The splits of grouped, with one observable alone on both sides."),
    "curves": _by_block(
        "curves",
        "A control on the splits of grouped: the classifier sees loss and performance at the "
        "checkpoints and nothing of the network.",
    ),
    "shuffled": _by_block(
        "shuffled",
        "A control on the splits of grouped: rules are exchanged among the networks trained on, so "
        "that what is found must be at chance.",
    ),
    "calibrated": _by_block(
        "calibrated",
        "Half of the blocks is trained on; of the others one half calibrates probabilities and "
        "prediction sets and the other is tested, then the other way round.",
        draw=random_half,
    ),
    "novel": _by_block(
        "novel",
        "A family, or a rule, is left out of training; networks of new blocks that are of it must "
        "be told from those that are not. It has no accuracy.",
    ),
}
"""Name of a protocol to what it does."""
