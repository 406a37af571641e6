"""The table of learning rules: one line a rule."""

from __future__ import annotations

from rule_id.errors import one_of
from rule_id.rules.alignment import INFORMATION_ALIGNMENT
from rule_id.rules.contract import LearningRule
from rule_id.rules.layerwise import BACKPROP, FEEDBACK_ALIGNMENT
from rule_id.rules.optimizers import ADAM, MOMENTUM

__all__ = ["RULES", "get_rule"]

RULES: dict[str, LearningRule] = {
    rule.name: rule
    for rule in (
        LearningRule(BACKPROP, MOMENTUM),
        LearningRule(BACKPROP, ADAM),
        LearningRule(FEEDBACK_ALIGNMENT, MOMENTUM),
        LearningRule(INFORMATION_ALIGNMENT, MOMENTUM),
    )
}


def get_rule(name: str) -> LearningRule:
    """Return a learning rule by its registered name.

    Raises:
        InputError: There is none of that name; the message lists them.

    >>> get_rule("backprop+adam").family
    'backprop'
    """
    return RULES[one_of("rule", name, RULES)]
