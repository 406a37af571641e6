"""Features that say nearly the same, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["DEPTH_FLAGS", "MOST_GROUPS", "correlated_groups"]

DEPTH_FLAGS = "depth flags"
MOST_GROUPS = 12


def correlated_groups(
    values: np.ndarray, names: Sequence[str], most: int = MOST_GROUPS
) -> list[str]:
    """Return the group of each feature: those whose ranks rise and fall together.

    Hierarchical clustering with average linkage on 1 - |Spearman correlation|, cut into so many
    groups. A group is called by the feature most like the others in it.

    Args:
        values: Features (n, d), NaN where missing, which counts as the middle rank.
        names: Names of the features (d,); the depth flags are a group of their own.
        most: The most groups of the others.

    Returns:
        Names of groups (d,), such as `weight_abs_mean.end, 12 features`.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    kept = [k for k, name in enumerate(names) if not name.startswith("depth.")]
    ranks = rankdata(values[:, kept], axis=0, nan_policy="omit")
    ranks = np.where(np.isnan(ranks), np.nan_to_num(np.nanmean(ranks, axis=0)), ranks)
    ranks -= ranks.mean(axis=0)
    ranks /= np.maximum(np.linalg.norm(ranks, axis=0), 1e-12)
    alike = np.abs(ranks.T @ ranks)
    distances = np.clip(1 - alike, 0, None)
    np.fill_diagonal(distances, 0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), most, "maxclust")
    groups = [DEPTH_FLAGS] * len(names)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        middle = members[alike[np.ix_(members, members)].sum(axis=0).argmax()]
        called = f"{names[kept[middle]]}, {len(members)} feature{'s' * (len(members) > 1)}"
        for member in members:
            groups[kept[member]] = called
    return groups
