"""The tables of credit assignments, optimizers and learning rules: one line each."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rule_id.errors import InputError, one_of
from rule_id.rules.contract import CreditAssignment, Optimizer
from rule_id.rules.controls import NO_LEARNING, RANDOM_DRIFT
from rule_id.rules.direct import DIRECT_FEEDBACK_ALIGNMENT
from rule_id.rules.fluctuation import WEIGHT_FLUCTUATION
from rule_id.rules.hebbian import BCM, OJA
from rule_id.rules.layerwise import (
    BACKPROP,
    FEEDBACK_ALIGNMENT,
    SIGN_SYMMETRY_BATCHWISE_RANDOM,
    SIGN_SYMMETRY_FIXED_RANDOM,
    SIGN_SYMMETRY_UNIFORM,
)
from rule_id.rules.learned_feedback import (
    ACTIVATION_ALIGNMENT,
    INFORMATION_ALIGNMENT,
    KOLEN_POLLACK,
    SYMMETRIC_ALIGNMENT,
    WEIGHT_MIRROR,
)
from rule_id.rules.learning_rule import LearningRule
from rule_id.rules.optimizers import ADAM, ADAMW, MOMENTUM, RMSPROP, SGD
from rule_id.rules.perturbation import (
    NODE_PERTURBATION,
    REWARD_MODULATED_HEBBIAN,
    WEIGHT_PERTURBATION,
)
from rule_id.rules.predictive_coding import PREDICTIVE_CODING
from rule_id.rules.settling import CONTRASTIVE_HEBBIAN, EQUILIBRIUM_PROPAGATION
from rule_id.rules.target_propagation import TARGET_PROPAGATION

__all__ = ["CREDIT_ASSIGNMENTS", "OPTIMIZERS", "RULES", "combine", "get_rule", "rules_of"]

CREDIT_ASSIGNMENTS: dict[str, CreditAssignment] = {
    one.name: one
    for one in (
        BACKPROP,
        FEEDBACK_ALIGNMENT,
        DIRECT_FEEDBACK_ALIGNMENT,
        SIGN_SYMMETRY_UNIFORM,
        SIGN_SYMMETRY_BATCHWISE_RANDOM,
        SIGN_SYMMETRY_FIXED_RANDOM,
        KOLEN_POLLACK,
        WEIGHT_MIRROR,
        SYMMETRIC_ALIGNMENT,
        ACTIVATION_ALIGNMENT,
        INFORMATION_ALIGNMENT,
        TARGET_PROPAGATION,
        NODE_PERTURBATION,
        WEIGHT_PERTURBATION,
        REWARD_MODULATED_HEBBIAN,
        WEIGHT_FLUCTUATION,
        OJA,
        BCM,
        CONTRASTIVE_HEBBIAN,
        EQUILIBRIUM_PROPAGATION,
        PREDICTIVE_CODING,
        NO_LEARNING,
        RANDOM_DRIFT,
    )
}

OPTIMIZERS: dict[str, Optimizer] = {one.name: one for one in (SGD, MOMENTUM, RMSPROP, ADAM, ADAMW)}


def combine(credit_assignment: CreditAssignment) -> list[LearningRule]:
    """Return the rules that a credit assignment makes with the optimizers it may be followed by."""
    allowed = credit_assignment.optimizers
    if allowed == ():
        return [LearningRule(credit_assignment)]
    return [
        LearningRule(credit_assignment, optimizer)
        for name, optimizer in OPTIMIZERS.items()
        if allowed is None or name in allowed
    ]


RULES: dict[str, LearningRule] = {
    rule.name: rule for one in CREDIT_ASSIGNMENTS.values() for rule in combine(one)
}
"""Every pair that makes sense, by its name `<credit assignment>+<optimizer>`."""


def get_rule(name: str) -> LearningRule:
    """Return a learning rule by its registered name.

    Raises:
        InputError: There is none of that name; the message says which half is wrong.

    >>> get_rule("backprop+adam").family
    'backprop'
    """
    if name in RULES:
        return RULES[name]
    first, _, second = name.partition("+")
    if first not in CREDIT_ASSIGNMENTS:
        near = difflib.get_close_matches(first, CREDIT_ASSIGNMENTS, n=3) or CREDIT_ASSIGNMENTS
        raise InputError(
            f"rule must begin with a credit assignment such as {', '.join(near)}; got {name!r} "
            "(one of your own comes with --rules)"
        )
    names = [rule.name for rule in combine(CREDIT_ASSIGNMENTS[first])]
    if names == [first]:
        raise InputError(
            f"rule must be {first} alone, for it changes the weights itself and takes no "
            f"optimizer; got {name!r}"
        )
    raise InputError(f"rule must be one of {', '.join(names)}; got {name!r}")


def rules_of(
    families: Sequence[str], credit_assignments: Sequence[str], optimizers: Sequence[str]
) -> list[str]:
    """Return the names of the rules that credit assignments make with optimizers.

    Args:
        families: Families whose credit assignments all count.
        credit_assignments: Names of further ones.
        optimizers: Names of optimizers; a credit assignment that takes none makes one rule.

    Raises:
        InputError: A name is unknown, or a credit assignment goes with none of the optimizers.

    >>> rules_of(["sign symmetry"], ["no_learning"], ["sgd"])[-2:]
    ['sign_symmetry_fixed_random+sgd', 'no_learning']
    """
    known = list(dict.fromkeys(one.family for one in CREDIT_ASSIGNMENTS.values()))
    for family in families:
        one_of("families", family, known)
    for name in credit_assignments:
        one_of("credit_assignments", name, CREDIT_ASSIGNMENTS)
    for name in optimizers:
        one_of("optimizers", name, OPTIMIZERS)
    rules = []
    for one in CREDIT_ASSIGNMENTS.values():
        if one.family in families or one.name in credit_assignments:
            rules += _with(one, optimizers)
    return rules


def _with(credit_assignment: CreditAssignment, optimizers: Sequence[str]) -> list[str]:
    possible = combine(credit_assignment)
    names = [
        rule.name
        for rule in possible
        if rule.optimizer is None or rule.optimizer_name in optimizers
    ]
    if not names:
        allowed = ", ".join(rule.optimizer_name for rule in possible)
        raise InputError(
            f"optimizers must hold one that goes with {credit_assignment.name}, {allowed}; "
            f"got {', '.join(optimizers) or 'none'}"
        )
    return names
