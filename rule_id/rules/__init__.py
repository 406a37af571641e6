"""Learning rules: a credit assignment, then an optimizer, and the table of named pairs."""

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    LearningRule,
    Optimizer,
)
from rule_id.rules.table import RULES, get_rule

__all__ = [
    "RULES",
    "Assignment",
    "Batch",
    "CreditAssignment",
    "Hyperparameters",
    "LearningRule",
    "Optimizer",
    "get_rule",
]
