"""What an exact lookup of which classes occur in a network's block reaches.

A rule runs only the blocks that it supports, so what is known of how a network was made tells
something about its rule. The floor says how much, from the table alone: nothing is fitted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.features import EVALUATED

__all__ = ["FLOORED", "BlockFloor", "best_shares", "nuisance_floor"]

FLOORED = ("accuracy", "balanced_accuracy")
"""The metrics that have a floor."""


def nuisance_floor(
    networks: pd.DataFrame, target: str = "rule", tested: np.ndarray | pd.Series | None = None
) -> dict[str, float]:
    """Return what the best guess reaches that knows which classes occur in a network's block.

    With w_bc the weight of class c in block b, and n_b the tested networks of block b:

    - accuracy: the mean over tested networks of max_c w_bc / sum_c w_bc;
    - balanced accuracy: 1/k sum_b max_c w_bc / W_c, where W_c = sum_b w_bc over the tested blocks
      and k is the number of classes in them, for naming a rare class costs little there.

    Where the target is the rule, w_bc is 1 for each rule of the block, so that the first is the
    mean of 1 / (number of rules in the block); else it is the number of networks, so that it is
    the mean of the largest share of one class among the networks of the block. Where every block
    has every rule both are 1/k.

    Args:
        networks: One row a network: `block` and the target.
        target: What is identified, one of `EVALUATED`.
        tested: The block of each tested network (n,), n at least 1; those of `networks` when None.

    Returns:
        Accuracy and balanced accuracy, in (0, 1].

    Raises:
        InputError: There is no such target, a column is missing, nothing is tested, or a tested
            block has no network.

    >>> table = pd.DataFrame({"block": [0, 0, 1], "rule": ["a", "b", "a"]})
    >>> nuisance_floor(table)["accuracy"]  # 1/2 for two networks, 1 for the third
    0.6666666666666666
    """
    floor = BlockFloor(networks, target)
    return floor.of(np.asarray(networks["block"] if tested is None else tested))


class BlockFloor:
    """The floor of `nuisance_floor` for any number of tests among the same networks.

    Args:
        networks: One row a network: `block` and the target.
        target: What is identified, one of `EVALUATED`.

    Raises:
        InputError: There is no such target, or a column is missing.
    """

    def __init__(self, networks: pd.DataFrame, target: str) -> None:
        """Count the classes of each block."""
        weights = _weights(networks, target)
        self._blocks = weights.index.to_numpy()
        self._weights = weights.to_numpy(dtype=float)

    def of(self, tested: np.ndarray) -> dict[str, float]:
        """Return accuracy and balanced accuracy for the blocks of tested networks (n,).

        Raises:
            InputError: Nothing is tested, or a tested block has no network.
        """
        names, counts = np.unique(tested, return_counts=True)
        if not len(names) or not np.isin(names, self._blocks).all():
            raise InputError("tested must name blocks of the networks, one or more")
        in_test = self._weights[np.searchsorted(self._blocks, names)]
        share = in_test.max(axis=1) / in_test.sum(axis=1)
        present = in_test[:, in_test.any(axis=0)]
        recall = (present / present.sum(axis=0)).max(axis=1).sum()
        return {
            "accuracy": float(np.average(share, weights=counts)),
            "balanced_accuracy": float(recall / present.shape[1]),
        }


def best_shares(networks: pd.DataFrame, target: str) -> pd.Series:
    """Return max_c w_bc / sum_c w_bc for each block (`nuisance_floor`), by block."""
    weights = _weights(networks, target)
    return weights.max(axis=1) / weights.sum(axis=1)


def _weights(networks: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the weight of each class in each block, blocks by classes, both sorted."""
    one_of("target", target, EVALUATED)
    missing = [name for name in ("block", target) if name not in networks.columns]
    if missing:
        raise InputError(
            f"networks must be simulated ones to have a floor; column {', '.join(missing)} is "
            "missing"
        )
    weights = pd.crosstab(networks["block"], networks[target])
    return weights.clip(upper=1) if target == "rule" else weights
