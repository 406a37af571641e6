"""What must be said with an answer: how far this recording allows one, and what would help."""

from __future__ import annotations

import numpy as np

from rule_id.features.targets import wording
from rule_id.models.bundle import Bundle
from rule_id.models.conformal import smallest_calibration
from rule_id.models.patterns import PATTERNS, feature_observables
from rule_id.models.ranges import beyond

__all__ = ["MOST_OUTSIDE", "advise", "share_outside"]

MOST_OUTSIDE = 0.1
"""Share of recorded features that may lie outside the range of training without a warning."""


def advise(bundle: Bundle, values: np.ndarray, pattern: str, members: list[str]) -> list[str]:
    """Return the warnings that a recording calls for.

    Args:
        bundle: What it was identified with.
        values: Features of its layers, shape (n, d), NaN where not recorded.
        pattern: The observables that were recorded, a key of `PATTERNS`.
        members: Its prediction set.
    """
    return [
        *_missing(bundle, pattern),
        *_undecided(bundle, pattern, members),
        *_outside(share_outside(bundle, values)),
    ]


def share_outside(bundle: Bundle, values: np.ndarray) -> float:
    """Return the share of recorded features outside the quantiles of training, 0 to 1.

    Args:
        bundle: What holds the quantiles; about 1% of its own training features lie outside.
        values: Features, shape (n, d), NaN where not recorded.
    """
    measured = feature_observables(bundle.feature_names) != ""
    outside, comparable = beyond(values[:, measured], np.asarray(bundle.quantiles)[:, measured])
    return float(outside.sum() / max(1, comparable.sum()))


def _missing(bundle: Bundle, pattern: str) -> list[str]:
    everything = list(PATTERNS)[-1]
    missing = [name for name in PATTERNS[everything] if name not in PATTERNS[pattern]]
    if not missing:
        return []
    chance = bundle.scores[everything]["network"]["chance"]
    return [
        f"{' and '.join(missing)} not recorded: the {wording(bundle.target).one} of "
        f"{_accuracy(bundle, pattern):.0%} of held-out simulated networks is found without, of "
        f"{_accuracy(bundle, everything):.0%} with all observables (chance {chance:.0%})."
    ]


def _undecided(bundle: Bundle, pattern: str, members: list[str]) -> list[str]:
    one = wording(bundle.target).one
    calibration = bundle.conformal[pattern]
    fewest, needed = min(map(len, calibration.values())), smallest_calibration()
    warnings = []
    if fewest < needed:
        warnings.append(
            f"The 90% set cannot exclude every {one}: that takes {needed} held-out networks of "
            f"each {one}, and the bundle has {fewest} of one; train on more blocks."
        )
    if not members:
        warnings.append(
            f"The data cannot say: no {one} fits at 90%, so the network is unlike those of "
            f"training. {_what_to_record(bundle, pattern)}"
        )
    if len(members) == len(bundle.classes):
        warnings.append(
            f"The data cannot say: no {one} is excluded at 90%. {_what_to_record(bundle, pattern)}"
        )
    return warnings


def _what_to_record(bundle: Bundle, pattern: str) -> str:
    """Name the richer pattern of observables that did best on held-out networks."""
    richer = [p for p, held in PATTERNS.items() if set(held) > set(PATTERNS[pattern])]
    best = max(richer, key=lambda p: _accuracy(bundle, p), default=pattern)
    if _accuracy(bundle, best) <= _accuracy(bundle, pattern):
        return (
            "Further observables would not help; record from before learning to its end, "
            "more layers, or a network of the kinds that the bundle was trained on."
        )
    more = [name for name in PATTERNS[best] if name not in PATTERNS[pattern]]
    return f"Record {' and '.join(more)} as well: held-out accuracy {_accuracy(bundle, best):.0%}."


def _outside(share: float) -> list[str]:
    if share <= MOST_OUTSIDE:
        return []
    return [
        f"{share:.0%} of the recorded features lie outside the range of training (up to "
        f"{MOST_OUTSIDE:.0%} is usual): accuracy and set need not hold for this recording."
    ]


def _accuracy(bundle: Bundle, pattern: str) -> float:
    return float(bundle.scores[pattern]["network"]["accuracy"])
