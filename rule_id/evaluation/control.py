"""The control that sees nothing but how a network was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.evaluation.blocks import block_sem
from rule_id.evaluation.floor import best_shares
from rule_id.evaluation.metrics import accuracy, chance
from rule_id.features import EVALUATED, wording
from rule_id.models import BoostedClassifier
from rule_id.trajectories import NUISANCES, Trajectories, read_corpus, set_apart

__all__ = ["CONTROL_COLUMNS", "nuisance_control", "nuisances_of", "read_control"]

CONTROL_COLUMNS = (
    "protocol", "accuracy", "accuracy_sem", "accuracy_chance", "accuracy_floor",
    "n_networks", "n_blocks",
)  # fmt: skip

FOLDS = 4
ROUNDS = 50
"""Of boosting. Names of tasks and shapes take a few splits; the control must stay cheap."""

MARGIN = 3.0
"""Standard errors above the floor up to which an accuracy may be a fluctuation."""


def nuisance_control(
    corpus: str | Path | Trajectories | pd.DataFrame, *, target: str = "rule", seed: int = 0
) -> pd.DataFrame:
    """Test how well the target is named from the nuisances of a network alone.

    Boosted trees see the columns `NUISANCES` of the networks table, names as one column a name,
    and no measurement. Networks that diverged or that the plan set apart take no part. Every
    network is tested once:

    - `grouped`: a quarter of the blocks at a time. What is found is which classes a block has, so
      the accuracy may come up to the floor (`nuisance_floor`) and, fluctuations aside, not above.
    - `within-blocks`: half of the networks of each class of each block at a time, where it has
      2 or more; the other halves are trained on. The block is known, so the floor is what is left.

    Args:
        corpus: A corpus folder, trajectories in memory, or their networks table.
        target: What is identified, one of `EVALUATED`; its column is in the networks table.
        seed: Seed of the divisions and of the trees.

    Returns:
        One row a protocol of the two that the corpus has networks for (2 blocks or more; 2 networks
        of a class in a block): `accuracy`, its chance and floor, the numbers of networks and
        blocks, and `accuracy_sem`, the standard error over blocks of accuracy less floor (times √2,
        since folds are trained on and tested in turn).

    Raises:
        InputError: There is no such target, or the networks lack a column or every nuisance.
    """
    one_of("target", target, EVALUATED)
    networks = _usable(corpus, target)
    inputs = _inputs(networks)
    rows: list[tuple] = []
    for protocol, divide in (("grouped", _block_folds), ("within-blocks", _halves)):
        fold = divide(networks, target, np.random.default_rng([seed, len(rows)]))
        tested = fold >= 0
        if networks.loc[tested, target].nunique() > 1 and fold.max() > 0:
            found = _predictions(inputs[tested], networks.loc[tested, target], fold[tested], seed)
            rows.append((protocol, *_score(networks[tested], target, found)))
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))


def nuisances_of(networks: pd.DataFrame) -> list[str]:
    """Return the names in `NUISANCES` of columns that the networks have a value in."""
    return [name for name in NUISANCES if name in networks.columns and networks[name].notna().any()]


def read_control(control: pd.DataFrame, target: str) -> str:
    """Return the control in one line, with what it means; empty without a row.

    Args:
        control: What `nuisance_control` gives.
        target: What is identified, one of `EVALUATED`.
    """
    if control.empty:
        return ""
    parts = [
        f"{row.protocol} {row.accuracy:.2f} ± {row.accuracy_sem:.2f} (floor "
        f"{row.accuracy_floor:.2f})"
        for row in control.itertuples()
    ]
    # Rounding is no finding where every block gives the same.
    excess = control["accuracy"] - control["accuracy_floor"] - 1e-9
    above = excess > MARGIN * control["accuracy_sem"]
    verdict = "not above the floor"
    if above.any():
        verdict = (
            f"above the floor, so that part of what a classifier finds may be how networks were "
            f"made and not their {wording(target).one}"
        )
    return f"Nuisances alone: {', '.join(parts)}; {verdict}."


def _usable(corpus: str | Path | Trajectories | pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the networks that neither diverged nor were set apart."""
    if isinstance(corpus, str | Path):
        corpus = read_corpus(corpus)
    networks = corpus.networks if isinstance(corpus, Trajectories) else corpus
    missing = [name for name in ("network", "block", target) if name not in networks.columns]
    if missing:
        raise InputError(
            f"networks must be simulated ones to be a control; column {', '.join(missing)} is "
            "missing"
        )
    if not nuisances_of(networks):
        raise InputError(
            f"networks must have a nuisance or more of {', '.join(NUISANCES)}; they have none"
        )
    lost = set_apart(networks)
    if "diverged" in networks.columns:
        lost = lost | networks["diverged"].to_numpy(dtype=bool)
    # Sorted, so that nothing depends on the order of the rows.
    return networks[~lost].sort_values("network", ignore_index=True)


def _inputs(networks: pd.DataFrame) -> np.ndarray:
    """Return the nuisances as numbers (n, d): numbers as they are, names as one column a name."""
    columns = networks[nuisances_of(networks)]
    names = [name for name in columns if not pd.api.types.is_numeric_dtype(columns[name])]
    return pd.get_dummies(columns, columns=names, dtype=float).to_numpy(dtype=np.float32)


def _block_folds(networks: pd.DataFrame, target: str, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each network (n,), blocks being whole."""
    blocks, index = np.unique(networks["block"], return_inverse=True)
    return (rng.permutation(len(blocks)) % FOLDS)[index]


def _halves(networks: pd.DataFrame, target: str, rng: np.random.Generator) -> np.ndarray:
    """Return 0 or 1 for each network (n,), halves of each class of each block; -1 for one alone.

    Halves of a block's networks regardless of class would leave more of those classes to train on
    of which fewer are tested: the control would fall below chance.
    """
    order = rng.permutation(len(networks))
    groups = networks.iloc[order].groupby(["block", target])
    half = np.empty(len(networks), dtype=int)
    alone = groups["network"].transform("size").to_numpy() < 2
    half[order] = np.where(alone, -1, groups.cumcount().to_numpy() % 2)
    return half


def _predictions(inputs: np.ndarray, labels: pd.Series, fold: np.ndarray, seed: int) -> np.ndarray:
    """Return what is predicted for each network (n,) by trees that saw the other folds."""
    known = labels.to_numpy(dtype=str)
    predicted = known.copy()
    for number in range(fold.max() + 1):
        test = fold == number
        classes, counts = np.unique(known[~test], return_counts=True)
        if len(classes) == 1:
            predicted[test] = classes[0]
            continue
        model = BoostedClassifier(ROUNDS, colsample_bynode=1.0, random_state=seed)
        # Trained as if classes were equally common; the floor knows how common they are.
        weighted = model.fit(inputs[~test], known[~test]).predict_proba(inputs[test]) * counts
        predicted[test] = classes[weighted.argmax(axis=1)]
    return predicted


def _score(
    networks: pd.DataFrame, target: str, predicted: np.ndarray
) -> tuple[float, float, float, float, int, int]:
    """Return accuracy, its error, chance and floor, and the numbers of networks and blocks."""
    true, blocks = networks[target].to_numpy(dtype=str), networks["block"]
    classes = sorted(set(true))
    best = blocks.map(best_shares(networks, target))
    return (
        accuracy(true, predicted, classes),
        _error((predicted == true) - best, blocks),
        chance("accuracy", true, classes),
        float(best.mean()),
        len(networks),
        blocks.nunique(),
    )


def _error(values: pd.Series, blocks: pd.Series) -> float:
    """Return the standard error over blocks of the mean of values (n,).

    A chance likeness of two folds counts when the first is tested and again when the second is,
    which doubles the variance at most (measured: 1.5 to 1.8 times).
    """
    return float(np.sqrt(2) * block_sem(values, blocks))
