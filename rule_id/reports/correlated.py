"""Features that say nearly the same, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["DEPTH_FLAGS", "MOST_GROUPS", "NEVER_CHANGE", "correlated_groups"]

DEPTH_FLAGS = "depth flags"
NEVER_CHANGE = "never changing"
MOST_GROUPS = 12


def correlated_groups(
    values: np.ndarray, names: Sequence[str], most: int = MOST_GROUPS
) -> list[str]:
    """Return the group of each feature: those whose ranks rise and fall together.

    Hierarchical clustering with average linkage on 1 - |Spearman correlation|, cut into so many
    groups. A group is called by the feature most like the others in it. Features that never change
    are a group of their own: all at the same distance from everything, they would join all groups
    at once.

    Args:
        values: Features (n, d), NaN where missing, which counts as the middle rank.
        names: Names of the features (d,); the depth flags are a group of their own.
        most: The most groups of the others.

    Returns:
        Names of groups (d,), such as `weight_abs_mean.end, 12 features`.
    """
    flags = np.array([name.startswith("depth.") for name in names])
    ranks = _standard_ranks(values)
    changing = ~flags & (np.linalg.norm(ranks, axis=0) > 0)
    groups = np.where(flags, DEPTH_FLAGS, _called(NEVER_CHANGE, int((~changing & ~flags).sum())))
    groups = groups.astype(object)
    kept = np.flatnonzero(changing)
    if len(kept):
        groups[kept] = _clustered(ranks[:, kept], [names[int(k)] for k in kept], most)
    return [str(group) for group in groups]


def _standard_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks (n, d) of mean 0 and length 1; of features that never change, zeros."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0, nan_policy="omit")
    measured = np.isfinite(ranks)
    sums = np.where(measured, ranks, 0).sum(axis=0)
    ranks = np.where(measured, ranks, sums / np.maximum(measured.sum(axis=0), 1))
    ranks -= ranks.mean(axis=0)
    lengths = np.linalg.norm(ranks, axis=0)
    # Two ranks that differ, differ by a half or more; what is less is rounding.
    return np.where(lengths > 0.1, ranks / np.maximum(lengths, 0.1), 0)


def _clustered(ranks: np.ndarray, names: Sequence[str], most: int) -> list[str]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    alike = np.abs(ranks.T @ ranks)
    distances = np.clip(1 - alike, 0, None)
    np.fill_diagonal(distances, 0)
    if len(names) == 1:
        return [_called(names[0], 1)]
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), most, "maxclust")
    groups = [""] * len(names)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        middle = members[alike[np.ix_(members, members)].sum(axis=0).argmax()]
        for member in members:
            groups[member] = _called(names[middle], len(members))
    return groups


def _called(name: str, n: int) -> str:
    return f"{name}, {n} feature{'s' * (n != 1)}"
