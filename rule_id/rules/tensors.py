"""Small operations on tensors whose first axis is the network."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["angle_between", "eigen", "per_network", "row_of"]


def per_network(values: Tensor, like: Tensor) -> Tensor:
    """Return values (E,) in a shape that spreads over the other axes of `like` (E, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


def row_of(table: Tensor, index: int | Tensor) -> Tensor:
    """Return a row of a table (n, ...).

    Args:
        table: The table.
        index: Which; a whole number on the device is not read by the host, which would have to
            wait for it.
    """
    if isinstance(index, Tensor):
        return table.index_select(0, index.view(1)).squeeze(0)
    return table[index]


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Return the angle between tensors (E, ...) of each network, degrees (E,)."""
    cosine = torch.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))


def eigen(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues (E, n) and eigenvectors (E, n, n) of symmetric matrices (E, n, n).

    torch refuses all of them for the sake of one that is not finite; here that one is taken as the
    identity, since its network has diverged anyway.
    """
    finite = symmetric.isfinite().all(-1).all(-1)[:, None, None]
    identity = torch.eye(symmetric.shape[-1], dtype=symmetric.dtype, device=symmetric.device)
    values, vectors = torch.linalg.eigh(torch.where(finite, symmetric, identity))
    return values, vectors
