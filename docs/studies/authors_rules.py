"""The learned-feedback rules with constant coefficients, as Kunin et al. (2020) set them.

A file of rules for `rule_id.rules.load_rules`: each coefficient is a hyperparameter of its own
name, and the authors' default when a plan does not give it. One deviation: B follows plain gradient
descent at the learning rate of W, theirs the optimizer of W.
"""

from __future__ import annotations

from torch import Tensor

from rule_id.rules import CreditAssignment, Hyperparameters
from rule_id.rules.learned_feedback import AUTHORS, learned_feedback


def _with_constants(name: str, like: str, noisy_input: bool = False) -> CreditAssignment:
    defaults = AUTHORS[like]

    def coefficients(weight: Tensor, s: Tensor, given: Hyperparameters) -> dict[str, Tensor]:
        return {primitive: given[primitive] for primitive in defaults}

    return learned_feedback(
        name, coefficients, ranges=defaults, noisy_input=noisy_input, calibrated=False
    )


CREDIT_ASSIGNMENTS = [
    _with_constants("constant_symmetric_alignment", "symmetric_alignment"),
    _with_constants("constant_activation_alignment", "activation_alignment"),
    _with_constants("constant_weight_mirror", "weight_mirror", noisy_input=True),
    _with_constants("constant_weight_mirror_activity", "weight_mirror"),
    _with_constants("constant_information_alignment", "information_alignment"),
]
