"""What the keys of a plan may hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rule_id.errors import InputError
from rule_id.simulation.distributions import parse_distribution

__all__ = [
    "NAMED",
    "NUMBERS",
    "OWN_NORMALISATION",
    "TUNED",
    "check_draw",
    "names_of",
]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def names_of(key: str) -> list[str]:
    """Return the names that a key may hold; read late, for the tables import torch."""
    from rule_id.networks import ACTIVATIONS, ARCHITECTURES, BIAS_INITS, INITS, NORMALISATIONS
    from rule_id.rules import NO_OPTIMIZER, RULES, SCHEDULES
    from rule_id.tasks import CURRICULA, FILE_TASKS, TASKS

    return {
        "schedule": list(SCHEDULES),
        "architecture": list(ARCHITECTURES),
        "task": [*TASKS, *FILE_TASKS],
        "curriculum": list(CURRICULA),
        "activation": list(ACTIVATIONS),
        "normalisation": [OWN_NORMALISATION, *NORMALISATIONS],
        "init": list(INITS),
        "bias_init": list(BIAS_INITS),
        "pretrained_by": [NO_OPTIMIZER, *RULES],
    }[key]


OWN_NORMALISATION = "own"
"""What stands for the normalisation that an architecture has by itself."""

TUNED = "tuned"
"""What a plan writes for learning rates of two decades around the best one."""


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


NUMBERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "width": (_whole, "a whole number, 1 or more"),
    "steps": (_whole, "a whole number, 1 or more"),
    "batch_size": (_whole, "a whole number, 1 or more"),
    "stimuli": (lambda v: _whole(v) and v >= 2, "a whole number, 2 or more"),
    "bias": (_truth, "true or false"),
    "dropout": (lambda v: _number(v) and 0 <= v < 1, "a number from 0 to below 1"),
    "input_scale": (lambda v: _number(v) and v > 0, "a number above 0"),
    "label_noise": (lambda v: _number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    "pretraining_steps": (_whole, "a whole number, 1 or more"),
    "init_scale": (lambda v: _number(v) and v > 0, "a number above 0"),
    "learning_rate": (lambda v: _number(v) and v > 0, "a number above 0"),
    "momentum": (lambda v: _number(v) and 0 <= v < 1, "a number from 0 to below 1"),
    "weight_decay": (lambda v: _number(v) and v >= 0, "a number, 0 or more"),
    "update_noise": (lambda v: _number(v) and v >= 0, "a number, 0 or more"),
}
NAMED = (
    "architecture",
    "task",
    "curriculum",
    "activation",
    "normalisation",
    "init",
    "bias_init",
    "schedule",
    "pretrained_by",
)


def check_draw(
    where: str, name: str, written: Any, limits: Mapping[str, tuple[float, float]]
) -> None:
    """Refuse a draw of a hyperparameter that is none, or beyond what its rule can work with."""
    try:
        support = parse_distribution(written).support()
    except InputError as error:
        raise InputError(f"{where} {error}") from None
    low, high = limits.get(name, (0.0, math.inf))
    allowed = f"from {low:g} to {high:g}" if name in limits else "above 0"
    for value in support:
        inside = _number(value) and (low <= value <= high if name in limits else value > 0)
        if not inside:
            raise InputError(f"{where} must be a number {allowed}; got {value!r}")
