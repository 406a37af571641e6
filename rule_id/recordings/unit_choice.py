"""Which units of each session are used: equally many of a layer, or the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rule_id.errors import InputError

__all__ = ["all_units", "draw", "drawn_units", "tracked_units"]

Chosen = dict[str, list[np.ndarray]]
"""By layer, which units of each session are used."""


def draw(indices: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n of the indices without replacement, in rising order."""
    return np.sort(rng.choice(indices, n, replace=False))


def all_units(members: Sequence[np.ndarray], layers: Sequence[str]) -> Chosen:
    """Take every unit of each layer.

    Args:
        members: The layer of each unit, (units,) of str, by session.
        layers: Those to use.
    """
    return {layer: [np.flatnonzero(member == layer) for member in members] for layer in layers}


def drawn_units(
    members: Sequence[np.ndarray],
    layers: Sequence[str],
    rng: np.random.Generator,
    warnings: list[str],
) -> Chosen:
    """Draw equally many units of each layer in every session.

    Args:
        members: The layer of each unit, (units,) of str, by session.
        layers: Those to use; each has a unit in every session.
        rng: Draws the units of sessions that have more than others.
        warnings: Gets a sentence for each layer of which units are left out.
    """
    chosen = {}
    everything = all_units(members, layers)
    for layer in layers:
        there = everything[layer]
        sizes = [len(some) for some in there]
        chosen[layer] = [draw(some, min(sizes), rng) for some in there]
        if min(sizes) < max(sizes):
            warnings.append(
                f"layer {layer}: {min(sizes)} units of each session are used, drawn at random; "
                f"there are up to {max(sizes)}"
            )
    return chosen


def tracked_units(
    names: Sequence[str],
    members: Sequence[np.ndarray],
    units: Sequence[np.ndarray | None],
    layers: Sequence[str],
    warnings: list[str],
) -> Chosen:
    """Find the units of each layer that are in every session, in the same order.

    Args:
        names: Of the sessions.
        members: The layer of each unit, (units,) of str, by session.
        units: The id of each unit, (units,) of str, by session; empty for one not found again.
        layers: Those to use.
        warnings: Gets a sentence for each layer of which units are left out.

    Raises:
        InputError: A session has no ids or one twice in a layer, or no unit of a layer is in all.
    """
    ids: list[np.ndarray] = []
    for name, some in zip(names, units, strict=True):
        if some is None:
            raise InputError(
                f"tracked must be false: session {name} does not say which units are the same "
                "as in other sessions"
            )
        ids.append(some)
    chosen = {}
    for layer in layers:
        places = [
            _places(name, layer, member, some)
            for name, member, some in zip(names, members, ids, strict=True)
        ]
        common = sorted(set.intersection(*(set(some) for some in places)))
        if not common:
            raise InputError(f"tracked must be false: no unit of layer {layer} is in every session")
        chosen[layer] = [np.array([some[unit] for unit in common]) for some in places]
        largest = max(int(np.sum(member == layer)) for member in members)
        if len(common) < largest:
            warnings.append(
                f"layer {layer}: {len(common)} units that are in every session are used; there "
                f"are up to {largest} in one"
            )
    return chosen


def _places(name: str, layer: str, member: np.ndarray, units: np.ndarray) -> dict[str, int]:
    at = np.flatnonzero((member == layer) & (units != ""))
    places = {str(units[k]): int(k) for k in at}
    if len(places) < len(at):
        raise InputError(f"session {name}: the ids of tracked units must differ within {layer}")
    return places
