"""Between which rules a measurement shall decide, and the networks of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.batches import read_batches
from rule_id.errors import InputError
from rule_id.features import wording
from rule_id.features.material import BATCH_ROWS, Material, gather
from rule_id.storage import local_copy
from rule_id.trajectories import Trajectories, parts_of, read_networks, set_apart

__all__ = ["Candidates", "folds_of", "read_candidates"]


@dataclass(frozen=True)
class Candidates:
    """The networks of the candidates, without those that diverged or were set apart.

    Attributes:
        material: The networks and how they are seen under each measurement.
        classes: Names of the candidates, sorted.
        target: What they are, one of `TARGETS`.
        n_set_apart: Networks of candidates that the plan set apart, and that take no part.
    """

    material: Material
    classes: list[str]
    target: str
    n_set_apart: int

    @property
    def networks(self) -> pd.DataFrame:
        """One row a network, sorted."""
        return self.material.networks


def read_candidates(
    corpus: str | Path | Trajectories, names: Sequence[str] | None, target: str
) -> Candidates:
    """Read the networks of the candidates, some parts of the corpus at a time.

    Args:
        corpus: A corpus folder, or trajectories of simulated networks in memory.
        names: 2 or more values of the target, each once; None for all.
        target: What they are, one of `TARGETS`.

    Raises:
        InputError: It is no corpus of simulated networks, or a name is not one of a network that
            takes part.
    """
    networks, batches, source = _opened(corpus)
    _require_columns(networks, target, source)
    apart = set_apart(networks)
    diverged = networks["diverged"].to_numpy(dtype=bool)
    found = sorted(networks.loc[~apart & ~diverged, target].unique())
    classes = _chosen(names, found, target, source)
    ours = networks[target].isin(classes).to_numpy()
    material = gather(_only(batches, set(networks.loc[ours & ~apart, "network"])))
    _require_units(material, source)
    return Candidates(material, classes, target, int((ours & apart & ~diverged).sum()))


def folds_of(candidates: Candidates, folds: int, seed: int) -> pd.Series:
    """Return the fold of each network, blocks being whole and classes spread over folds.

    Args:
        candidates: The networks.
        folds: 2 to the fewest blocks that a candidate runs in.
        seed: Seed of the division.

    Returns:
        Number of the fold, by the network's id.

    Raises:
        InputError: There are more folds than blocks of a candidate.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    networks, target = candidates.networks, candidates.target
    blocks = networks.groupby(target)["block"].nunique()
    if not 2 <= folds <= blocks.min():
        raise InputError(
            "folds must be 2 to the number of blocks that each candidate runs in; "
            f"{blocks.idxmin()} runs in {blocks.min()}; got {folds}"
        )
    divide = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(networks), dtype=int)
    splits = divide.split(networks, networks[target], networks["block"])
    for number, (_, tested) in enumerate(splits):
        fold[tested] = number
    return pd.Series(fold, index=networks["network"].to_numpy())


def _opened(
    corpus: str | Path | Trajectories,
) -> tuple[pd.DataFrame, Iterable[Trajectories], str]:
    """Return the networks of a corpus, all of it in batches, and where it comes from."""
    if isinstance(corpus, Trajectories):
        return corpus.networks, [corpus], corpus.source
    folder = local_copy(corpus)
    networks = read_networks(parts_of(folder)).reset_index(drop=True)
    return networks, read_batches(folder, BATCH_ROWS), str(corpus)


def _require_columns(networks: pd.DataFrame, target: str, source: str) -> None:
    missing = [name for name in ("block", "diverged", target) if name not in networks.columns]
    if missing:
        raise InputError(
            f"{source}: networks must be simulated ones to plan a measurement with; "
            f"column {', '.join(missing)} is missing"
        )


def _require_units(material: Material, source: str) -> None:
    """Refuse layers of unknown size, of which nobody can say what they cost to record."""
    for measurement, panel in material.panels.items():
        if panel.meta["n_units"].isna().all():
            raise InputError(
                f"{source}: layers must have a number of units to plan a measurement with; those "
                f"of measurement {measurement} have none"
            )


def _chosen(names: Sequence[str] | None, found: list[str], target: str, source: str) -> list[str]:
    """Return the candidates, sorted."""
    chosen = found if names is None else list(names)
    one, many = wording(target).one, wording(target).many
    for name in chosen:
        if name not in found:
            raise InputError(
                f"{one} must be one that {source} has usable networks of, "
                f"{', '.join(found) or 'none'}; got {name!r}"
            )
    if len(set(chosen)) < 2 or len(set(chosen)) < len(chosen):
        raise InputError(
            f"{many} must be 2 or more of {', '.join(found)}, each once; "
            f"got {', '.join(chosen) or 'none'}"
        )
    return sorted(chosen)


def _only(batches: Iterable[Trajectories], ids: set[str]) -> Iterator[Trajectories]:
    """Yield what batches hold of these networks."""
    for batch in batches:
        wanted = batch.networks["network"].isin(ids)
        if wanted.any():
            yield batch.select(batch.networks["network"][wanted])
