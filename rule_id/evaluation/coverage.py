"""How often prediction sets hold the true class, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.blocks import block_sem
from rule_id.models.checks import label_codes
from rule_id.models.conformal import (
    block_weights,
    calibrate,
    not_rejected,
    smallest_calibration,
)

__all__ = ["ALL_CLASSES", "COVERAGE_COLUMNS", "MISCOVERAGES", "KnownNetworks", "coverage"]

ALL_CLASSES = "all"
"""What stands in column `class` of the row over all classes."""

COVERAGE_COLUMNS = (
    "miscoverage", "class", "covered", "covered_sem", "size", "empty", "full", "n", "n_blocks",
    "n_calibration", "can_exclude",
)  # fmt: skip

MISCOVERAGES = (0.05, 0.1, 0.2)

BY = ("network", "block")


@dataclass(frozen=True)
class KnownNetworks:
    """Whole networks whose class is known, with what a classifier that never saw them says.

    Attributes:
        probabilities: Shape (n, k), of each class.
        labels: Shape (n,), the true classes.
        blocks: Shape (n,), the block of each network.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        if len(self.labels) != len(self.blocks):
            raise InputError(
                "labels and blocks must be of as many networks; got "
                f"{len(self.labels)} and {len(self.blocks)}"
            )


def coverage(
    calibration: KnownNetworks,
    tested: KnownNetworks,
    classes: Sequence[str],
    miscoverages: Sequence[float] = MISCOVERAGES,
    *,
    by: str = "network",
) -> pd.DataFrame:
    """Test prediction sets that are calibrated on some blocks on networks of others.

    A set promises to miss the true class with at most the miscoverage, on average over draws of
    the calibration blocks too (`rule_id.models.conformal.not_rejected`). One draw with n blocks or
    independent networks of a class is off by about sqrt(m (1 - m) / (n + 2)), m the miscoverage,
    which `covered_sem` leaves out: 0.09 with 9 of them at m = 0.1.

    Args:
        calibration: Networks that calibrate the sets.
        tested: Networks of other blocks.
        classes: The k classes, in the order of the columns of probabilities.
        miscoverages: Each in (0, 1).
        by: What weighs the same in calibration. `network`: as in bundles; the promise needs
            networks that are exchangeable, which those of one block are not. `block`: each block
            that holds the class, whose promise needs exchangeable blocks only. It is one for a
            network of a random block, so that it is the share of networks where blocks hold
            equally many.

    Returns:
        One row a (miscoverage, class), in that order, and one with class `all` after the classes
        of each miscoverage; classes that are not tested have none.
        `covered`: share of networks whose set holds the true class; `covered_sem`: its standard
        error over tested blocks (`block_sem`); `size`: mean number of classes in a set; `empty`
        and `full`: shares of networks whose set holds no class, or every one; `n`, `n_blocks`:
        tested networks and their blocks; `n_calibration`: networks of the class that calibrate, or
        blocks that hold one when `by` is `block`, and the fewest of a class where it is `all`;
        `can_exclude`: whether they are enough to reject the class.

    Raises:
        InputError: Shapes do not agree, a side has no network, a label is not one of `classes`, a
            block is on both sides, a miscoverage is not in (0, 1), or there is no such `by`.

    Source: see `not_rejected`.
    """
    one_of("by", by, BY)
    for side, networks in (("calibration", calibration), ("tested", tested)):
        label_codes(networks.probabilities, networks.labels, classes, f"probabilities in {side}")
    both = np.intersect1d(calibration.blocks, tested.blocks)
    if len(both):
        raise InputError(f"no block may both calibrate and be tested; {both[0]} does")
    weights = block_weights(
        calibration.probabilities, calibration.labels, classes, calibration.blocks
    )
    scores = calibrate(calibration.probabilities, calibration.labels, classes)
    sizes = {name: len(w) if by == "network" else round(w.sum()) for name, w in weights.items()}
    rows: list[tuple] = []
    for miscoverage in miscoverages:
        if not 0 < miscoverage < 1:
            raise InputError(f"miscoverages must lie between 0 and 1; got {miscoverage}")
        kept = not_rejected(
            tested.probabilities,
            scores,
            miscoverage=miscoverage,
            weights=weights if by == "block" else None,
        )
        needed = smallest_calibration(miscoverage)
        for name, *measured in _measure(kept, tested, classes):
            fewest = min(sizes.values()) if name == ALL_CLASSES else sizes[name]
            rows.append((miscoverage, name, *measured, fewest, fewest >= needed))
    return pd.DataFrame(rows, columns=list(COVERAGE_COLUMNS))


def _measure(kept: np.ndarray, tested: KnownNetworks, classes: Sequence[str]) -> Iterator[tuple]:
    """Yield class, coverage, its error, size, shares and numbers for each class and for all."""
    labels, blocks = np.asarray(tested.labels), np.asarray(tested.blocks)
    true = labels[:, None] == np.asarray(classes)
    size = kept.sum(axis=1)
    for name in [*classes, ALL_CLASSES]:
        of_class = np.ones(len(labels), dtype=bool) if name == ALL_CLASSES else labels == name
        if not of_class.any():
            continue
        covered = (kept & true)[of_class].any(axis=1)
        yield (
            name,
            covered.mean(),
            block_sem(covered, blocks[of_class]),
            size[of_class].mean(),
            (size[of_class] == 0).mean(),
            (size[of_class] == len(classes)).mean(),
            int(of_class.sum()),
            len(np.unique(blocks[of_class])),
        )
