"""What must be said with an answer: how far this recording allows one, and what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rule_id.features.targets import wording
from rule_id.models.bundle import Bundle
from rule_id.models.conformal import smallest_calibration
from rule_id.models.patterns import PATTERNS
from rule_id.models.view import Cell, View, nearest

__all__ = ["advise", "costs", "signal_warnings"]


def advise(
    target: str,
    calibration: Mapping[str, Sequence[float]],
    members: list[str] | None,
    level: float,
) -> list[str]:
    """Return the warnings that a prediction set calls for.

    Args:
        target: What was identified.
        calibration: Scores of held-out networks by class, see `prediction_set`.
        members: The set; None where none is given.
        level: Its level.
    """
    one = wording(target).one
    fewest, needed = min(map(len, calibration.values())), smallest_calibration(1 - level)
    warnings = []
    if fewest < needed:
        warnings.append(
            f"The {100 * level:g}% set cannot exclude every {one}: that takes {needed} held-out "
            f"networks of each class, and the bundle has {fewest} of one; train on more blocks."
        )
    if members is not None and not members:
        warnings.append(
            f"No {one} fits at {100 * level:g}%: the network is unlike those of training."
        )
    return warnings


def costs(menu: Sequence[Bundle], cell: Cell, target: str) -> list[tuple[str, float]]:
    """Return what was not recorded, and how many held-out networks are named with it.

    Each is one change of the way to see: observables that were not recorded, the most units or
    checkpoints that were simulated. What the table does not show to help is left out, but for all
    observables together.

    Args:
        menu: The classifiers that could answer.
        cell: How well networks were named that were seen most nearly like the recording.
        target: What was identified.

    Returns:
        (what, accuracy), the best first.
    """
    key = target if target in cell.accuracy else "class"
    cells = [other for bundle in menu for other in bundle.cells]
    richest = max((one.view.observables for one in cells), key=lambda name: name.count("+"))
    found = {}
    for what, wish in _wishes(cells, cell.view):
        there = [near for bundle in menu if (near := nearest(bundle.cells, wish))]
        best = max((one.accuracy[key] for one in there if one.view == wish), default=0.0)
        everything = wish.observables == richest != cell.view.observables
        if best > cell.accuracy[key] or (best and everything):
            found[what] = best
    return sorted(found.items(), key=lambda item: -item[1])


def _wishes(cells: list[Cell], view: View) -> list[tuple[str, View]]:
    """Return ways to see that have more of something, and what that is."""
    recorded = PATTERNS[view.observables]
    wishes = [
        (
            " and ".join(name for name in held if name not in recorded),
            replace(view, observables=pattern),
        )
        for pattern, held in PATTERNS.items()
        if set(held) > set(recorded)
    ]
    same = [one.view for one in cells if one.view.observables == view.observables]
    alike = [
        one for one in same if replace(one, units=view.units) == view and one.units > view.units
    ]
    longer = [one for one in same if replace(one, checkpoints=view.checkpoints) == view]
    if alike:
        most = max(alike, key=lambda one: one.units)
        wishes.append((f"{most.units:.0f} units a layer", most))
    if longer and max(one.checkpoints for one in longer) > view.checkpoints:
        most = max(longer, key=lambda one: one.checkpoints)
        wishes.append((f"{most.checkpoints} checkpoints", most))
    return wishes


def signal_warnings(signal: str) -> list[str]:
    """Return what must be said of an answer for a signal that is not a model's."""
    if signal == "model":
        return []
    warnings = [
        "Probabilities, the set and its coverage are those of simulated networks and do not carry "
        "over to a brain, which is not exchangeable with them.",
        "Causes that were not modelled move these statistics too: arousal, movement, drift of the "
        "recording, changed inputs.",
    ]
    if signal == "calcium":
        warnings.append(
            "Of a calcium signal only what its unknown offset leaves unchanged is used, of the "
            "held-out networks too."
        )
    return warnings
