"""What makes sessions comparable: no gaps, the same layers, the same trials of each condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.ordering import order_warning
from rule_id.recordings.unit_choice import draw

__all__ = ["condition_averages", "layers_in_all", "without_gaps"]


def without_gaps(
    name: str, responses: np.ndarray, layers: np.ndarray, warnings: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Say which trials and units of a session are whole.

    Trials in which no unit was recorded go first, then units that lack a trial or have no layer: a
    gap common to all units must not cost the units.

    Args:
        name: The session's, for messages.
        responses: (trials, units), NaN or infinite where there is a gap.
        layers: (units,) of str, empty for a unit of no layer.
        warnings: Gets a sentence for what is left out.

    Returns:
        Two masks, (trials,) and (units,).

    Raises:
        InputError: Nothing is left.
    """
    finite = np.isfinite(responses)
    layered = layers != ""
    trials = finite.any(axis=1)
    whole = finite[trials].all(axis=0)
    if not trials.any() or not (whole & layered).any():
        raise InputError(
            f"session {name} must have a unit or more that is of a layer and free of NaN and "
            f"infinite values; of {responses.shape[1]} units and {responses.shape[0]} trials none "
            "is left"
        )
    for n, n_all, what in (
        (np.sum(~trials), len(trials), "trials in which no unit was recorded"),
        (np.sum(~layered), len(layers), "units of no layer"),
        (np.sum(layered & ~whole), len(layers), "units with NaN or infinite values"),
    ):
        if n:
            warnings.append(f"session {name}: {n} of {n_all} are left out: {what}")
    return trials, whole & layered


def layers_in_all(
    names: Sequence[str],
    members: Sequence[np.ndarray],
    layers: Sequence[str] | None,
    warnings: list[str],
) -> list[str]:
    """Return the layers that have a unit in every session, from first to last.

    Args:
        names: Of the sessions.
        members: The layer of each unit, (units,) of str, by session.
        layers: Those to use, in order; None for all, sorted.
        warnings: Gets a sentence for each layer that is left out, and one where their order is a
            guess.

    Raises:
        InputError: There is none.
    """
    there = [set(member) for member in members]
    used = []
    for layer in sorted(set().union(*there)) if layers is None else layers:
        lacking = [name for name, some in zip(names, there, strict=True) if layer not in some]
        if not lacking:
            used.append(str(layer))
        else:
            warnings.append(
                f"layer {layer} is left out: it has no units in {len(lacking)} of {len(names)} "
                f"sessions, such as {lacking[0]}"
            )
    if not used:
        raise InputError(
            "a layer or more must have units in every session; none has: "
            f"{'; '.join(warnings[-3:]) or 'no layer is named'}"
        )
    if layers is None:
        warnings += order_warning(used)
    return used


def condition_averages(
    names: Sequence[str],
    responses: Sequence[np.ndarray],
    conditions: Sequence[np.ndarray],
    rng: np.random.Generator,
    warnings: list[str],
) -> list[np.ndarray]:
    """Average each session's trials by condition, over equally many in every session.

    Args:
        names: Of the sessions.
        responses: (trials, units) by session.
        conditions: (trials,) of str by session.
        rng: Draws the trials of sessions that have more than others.
        warnings: Gets a sentence for the conditions, and one for the trials, that are left out.

    Returns:
        Arrays (conditions, units) by session; conditions are those of every session, sorted.

    Raises:
        InputError: No condition is in every session.
    """
    counts = [dict(zip(*np.unique(some, return_counts=True), strict=True)) for some in conditions]
    everywhere = sorted(set.intersection(*(set(some) for some in counts)))
    partly = sorted(set().union(*counts) - set(everywhere))
    if not everywhere:
        raise InputError(
            "a condition or more must be in every session; none of "
            f"{', '.join(partly[:10])} is in all of {', '.join(names[:10])}"
        )
    if partly:
        warnings.append(
            f"{len(partly)} conditions are left out, for they are not in every session: "
            f"{', '.join(partly[:10])}{', ...' if len(partly) > 10 else ''}"
        )
    kept = {c: min(int(some[c]) for some in counts) for c in everywhere}
    n_there = sum(int(some[c]) for some in counts for c in everywhere)
    n_used = len(counts) * sum(kept.values())
    if n_used < n_there:
        warnings.append(
            f"{n_there - n_used} of {n_there} trials are left out, drawn at random, so that every "
            "session has the same number of each condition"
        )
    return [
        np.stack([_average(x, some == c, n, rng) for c, n in kept.items()])
        for x, some in zip(responses, conditions, strict=True)
    ]


def _average(x: np.ndarray, chosen: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return x[draw(np.flatnonzero(chosen), n, rng)].mean(axis=0, dtype=np.float64)
