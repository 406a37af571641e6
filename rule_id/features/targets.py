"""What can be identified: columns that every simulated network has, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVALUATED", "TARGETS", "WITH_FAMILIES", "Wording", "wording"]

TARGETS = ("rule", "family", "credit_assignment", "optimizer")
"""What can be identified, by the name of its column."""

EVALUATED = ("rule", "merged_rule", "paper_rule", "family", "credit_assignment", "optimizer")
"""What an evaluation asks: the targets, rules of which some count as one (docs/merging.md), and
which of the four rules of the 2020 paper it is, of networks that learn by one of them."""

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
    "merged_rule": Wording("merged rule", "merged rules", "merged rule", "merged rules"),
    "paper_rule": Wording(
        "rule of the paper", "rules of the paper", "rule of the paper", "rules of the paper"
    ),
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
        target: One of `EVALUATED`.

    >>> wording("credit_assignment").many, wording("rule").subject
    ('credit assignments', 'learning rule')
    """
    return _WORDINGS[target]
