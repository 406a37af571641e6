"""The tables, and what is refused by name."""

from __future__ import annotations

import pytest

from rule_id.errors import InputError
from rule_id.rules import CREDIT_ASSIGNMENTS, FAMILIES, OPTIMIZERS, RULES, get_rule, rules_of

DESIGN = {
    "backprop": ["backprop"],
    "fixed feedback": ["feedback_alignment", "direct_feedback_alignment"],
    "sign symmetry": [
        "sign_symmetry_uniform",
        "sign_symmetry_batchwise_random",
        "sign_symmetry_fixed_random",
    ],
    "learned feedback": [
        "kolen_pollack",
        "weight_mirror",
        "symmetric_alignment",
        "activation_alignment",
        "information_alignment",
        "target_propagation",
    ],
    "perturbation": [
        "node_perturbation",
        "weight_perturbation",
        "reward_modulated_hebbian",
        "weight_fluctuation",
    ],
    "Hebbian": ["oja", "bcm"],
    "energy based": ["contrastive_hebbian", "equilibrium_propagation", "predictive_coding"],
    "no learning": ["no_learning", "random_drift"],
}


def test_the_table_is_that_of_the_design() -> None:
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for one in CREDIT_ASSIGNMENTS.values():
        found[one.family].append(one.name)
    assert found == DESIGN
    assert set(OPTIMIZERS) == {"sgd", "momentum", "rmsprop", "adam", "adamw"}


def test_the_papers_rules_and_every_pair_have_their_names() -> None:
    for name in ("backprop+momentum", "backprop+adam", "feedback_alignment+momentum",
                 "information_alignment+momentum"):  # fmt: skip
        assert get_rule(name).name == name
    assert all(name == rule.name for name, rule in RULES.items())
    assert len(RULES) == (len(CREDIT_ASSIGNMENTS) - 2) * len(OPTIMIZERS) + 2
    assert RULES["no_learning"].optimizer_name == "none"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hebb", "rule must begin with a credit assignment such as .*; got 'hebb'"),
        ("backprob+sgd", "credit assignment such as backprop; got 'backprob.sgd' .one of your own"),
        ("backprop", r"rule must be one of backprop\+sgd, backprop\+momentum, .*; got 'backprop'"),
        ("backprop+lion", r"rule must be one of backprop\+sgd, .*; got 'backprop\+lion'"),
        ("no_learning+sgd", r"rule must be no_learning alone, .* got 'no_learning\+sgd'"),
        ("weight_fluctuation+adam", "rule must be weight_fluctuation alone, for it changes"),
    ],
)
def test_what_is_no_rule_is_refused_by_name(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_rule(name)


def test_rules_of_families_and_credit_assignments() -> None:
    assert rules_of(["Hebbian"], ["backprop"], ["sgd", "adam"]) == [
        "backprop+sgd", "backprop+adam", "oja+sgd", "oja+adam", "bcm+sgd", "bcm+adam",
    ]  # fmt: skip
    assert rules_of(["no learning"], ["no_learning"], ["sgd"]) == [
        "no_learning",
        "random_drift+sgd",
    ]
    assert len(rules_of(FAMILIES, [], list(OPTIMIZERS))) == len(RULES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["magic"], [], ["sgd"]), "families must be one of backprop, .*; got 'magic'"),
        (([], ["magic"], ["sgd"]), "credit_assignments must be one of backprop, .*got 'magic'"),
        (([], ["oja"], ["magic"]), "optimizers must be one of sgd, .*got 'magic'"),
        (([], ["oja"], []), "optimizers must hold one that goes with oja, sgd, .*; got none"),
    ],
)
def test_unknown_parts_are_refused(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rules_of(*arguments)
