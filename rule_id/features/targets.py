"""What can be identified: columns that every simulated network has, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TARGETS", "WITH_FAMILIES", "Wording", "wording"]

TARGETS = ("rule", "family", "credit_assignment", "optimizer")
"""What can be identified, by the name of its column."""

WITH_FAMILIES = ("rule", "credit_assignment")
"""The targets whose classes belong to one family each."""


@dataclass(frozen=True)
class Wording:
    """How a target is called in text.

    Attributes:
        one: One of its classes, such as `credit assignment`.
        many: Several of them.
        subject: One of them where nothing before says what is spoken of, such as `learning rule`.
        subjects: Several of those.
    """

    one: str
    many: str
    subject: str
    subjects: str


_WORDINGS = {
    "rule": Wording("rule", "rules", "learning rule", "learning rules"),
    "family": Wording(
        "family", "families", "family of learning rules", "families of learning rules"
    ),
    "credit_assignment": Wording(
        "credit assignment", "credit assignments", "credit assignment", "credit assignments"
    ),
    "optimizer": Wording("optimizer", "optimizers", "optimizer", "optimizers"),
}


def wording(target: str) -> Wording:
    """Return how a target is called.

    Args:
        target: One of `TARGETS`.

    >>> wording("credit_assignment").many, wording("rule").subject
    ('credit assignments', 'learning rule')
    """
    return _WORDINGS[target]
