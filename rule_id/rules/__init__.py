"""Learning rules: a credit assignment, then an optimizer, and the tables of both."""

from rule_id.rules.contract import (
    FAMILIES,
    Assignment,
    Batch,
    Conditions,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Optimizer,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.learning_rule import NO_OPTIMIZER, LearningRule, RuleState
from rule_id.rules.noise import Noise
from rule_id.rules.schedules import SCHEDULES, Schedule
from rule_id.rules.table import CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, get_rule, rules_of
from rule_id.rules.teaching import gradients_of, leaves_of, output_error, teach
from rule_id.rules.tensors import per_network, row_of
from rule_id.rules.user import load_rules, source_of

__all__ = [
    "CREDIT_ASSIGNMENTS",
    "FAMILIES",
    "NO_OPTIMIZER",
    "OPTIMIZERS",
    "RULES",
    "SCHEDULES",
    "Assignment",
    "Batch",
    "Conditions",
    "CreditAssignment",
    "Hyperparameters",
    "LearningRule",
    "NetworkLike",
    "Noise",
    "Optimizer",
    "Parameters",
    "RuleState",
    "Schedule",
    "Setup",
    "State",
    "get_rule",
    "gradients_of",
    "leaves_of",
    "load_rules",
    "output_error",
    "per_network",
    "row_of",
    "rules_of",
    "source_of",
    "teach",
]
