"""How figures look: one style sheet, and one colour, marker and line for each learning rule.

There are more rules than colours that can be told apart. The hue says the family, the shade and
the marker the credit assignment within it, the line the optimizer; a rule looks the same in every
figure and beside any others. Families have the colours of Okabe and Ito, which most colour-blind
readers can tell apart, but for their yellow, which cannot be seen on white.
"""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_params_from_file
from matplotlib.colors import to_hex, to_rgb

__all__ = [
    "CHANCE_COLOUR",
    "FAMILIES",
    "MARKERS",
    "MODEL_COLOURS",
    "OKABE_ITO",
    "STYLE",
    "Look",
    "class_colours",
    "look_of",
]

STYLE: dict[Any, Any] = rc_params_from_file(
    Path(__file__).with_name("rule-id.mplstyle"), use_default_template=False
)
"""Matplotlib settings of every figure, for `matplotlib.rc_context`."""

OKABE_ITO = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "backprop": ("#0072B2", ("backprop",)),
    "fixed feedback": ("#009E73", ("feedback_alignment", "direct_feedback_alignment")),
    "sign symmetry": (
        "#E69F00",
        (
            "sign_symmetry_uniform", "sign_symmetry_batchwise_random",
            "sign_symmetry_fixed_random",
        ),
    ),
    "learned feedback": (
        "#D55E00",
        (
            "kolen_pollack", "weight_mirror", "symmetric_alignment", "activation_alignment",
            "information_alignment", "target_propagation",
        ),
    ),
    "perturbation": (
        "#56B4E9",
        (
            "node_perturbation", "weight_perturbation", "reward_modulated_hebbian",
            "weight_fluctuation",
        ),
    ),
    "Hebbian": ("#CC79A7", ("oja", "bcm")),
    "energy based": (
        "#8B24E0", ("contrastive_hebbian", "equilibrium_propagation", "predictive_coding"),
    ),
    "no learning": ("#000000", ("no_learning", "random_drift")),
}  # fmt: skip
"""Name of a family to its colour and its credit assignments; a test holds them to the registry,
which is not imported here because it brings torch."""

OPTIMIZERS: dict[str, tuple[str, Any]] = {
    "sgd": ("#4D4D4D", (0, (1, 1))),
    "momentum": ("#0072B2", "-"),
    "rmsprop": ("#009E73", "-."),
    "adam": ("#E69F00", "--"),
    "adamw": ("#8B24E0", (0, (5, 1, 1, 1, 1, 1))),
}
"""Name of an optimizer to the colour that it has by itself, and to the line of its rules."""

CHANCE_COLOUR = "#6B6B6B"
MODEL_COLOURS = {"linear": "#8C510A", "xgboost": "#333333", "combined": "#35608D"}
"""Classifiers have no colour that a family has."""
MARKERS = "osD^vP"

_FAMILY_OF = {name: family for family, (_, names) in FAMILIES.items() for name in names}
_DARKEST, _LIGHTEST = -0.45, 0.5


@dataclass(frozen=True)
class Look:
    """How one class is drawn in every figure.

    Attributes:
        colour: As `#RRGGBB`.
        marker: A marker of matplotlib.
        line: A line style of matplotlib.
    """

    colour: str
    marker: str
    line: Any


def look_of(name: str) -> Look:
    """Return how a rule, or a class of another target, is drawn.

    Args:
        name: A rule, a family, a credit assignment, an optimizer, or rules that count as one, which
            look like the first of them. What is not registered gets a pale colour made of its name.

    >>> look_of("backprop").colour
    '#0072B2'
    """
    first = name.split(" / ")[0]
    # A family and a credit assignment are both called backprop; they look alike.
    if first in FAMILIES:
        return Look(FAMILIES[first][0], MARKERS[list(FAMILIES).index(first) % len(MARKERS)], "-")
    if first in OPTIMIZERS:
        colour, line = OPTIMIZERS[first]
        return Look(colour, MARKERS[list(OPTIMIZERS).index(first)], line)
    assignment, _, optimizer = (part.split("/")[0] for part in first.partition("+"))
    if assignment not in _FAMILY_OF:
        return _look_of_stranger(name)
    hue, members = FAMILIES[_FAMILY_OF[assignment]]
    place = members.index(assignment)
    order = list(OPTIMIZERS)
    column = order.index(optimizer) if optimizer in order else len(order) // 2
    rank = (place * len(order) + column) / (len(members) * len(order) - 1)
    line = OPTIMIZERS[optimizer][1] if optimizer in order else "-"
    return Look(_shade(hue, rank), MARKERS[place], line)


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """Return the colour of each class, the same in every figure.

    Args:
        classes: Names of the values of one target.

    >>> class_colours(["fixed feedback"])
    {'fixed feedback': '#009E73'}
    """
    return {name: look_of(name).colour for name in classes}


def _shade(hue: str, rank: float) -> str:
    """Return a shade of a colour, from dark (0) over the colour itself (0.5) to light (1)."""
    rgb = to_rgb(hue)
    if not any(rgb):
        return _mixed(rgb, 0.65 * rank)
    return _mixed(rgb, 2 * (rank - 0.5) * (_LIGHTEST if rank > 0.5 else -_DARKEST))


def _mixed(rgb: tuple[float, float, float], share: float) -> str:
    """Mix with white, or with black where the share is negative."""
    red, green, blue = (p + share * (1 - p) if share > 0 else p * (1 + share) for p in rgb)
    return to_hex((red, green, blue)).upper()


def _look_of_stranger(name: str) -> Look:
    # Not Python's own hash, which differs from run to run.
    number = zlib.crc32(name.encode())
    colour = to_hex(colorsys.hsv_to_rgb(number % 360 / 360, 0.35, 0.6)).upper()
    return Look(colour, "X", "-")
