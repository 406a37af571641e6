"""What learning is compared with."""

from __future__ import annotations

import torch
from small import hyperparameters, noise, run, small

from rule_id.rules import get_rule, teach


def test_without_learning_weights_stay() -> None:
    made = small()
    vector, _ = run("no_learning", made, 10)
    assert torch.equal(vector, made.vector)


def test_random_drift_has_the_size_of_the_gradient_and_not_its_direction() -> None:
    made, rule = small(networks=200), get_rule("random_drift+sgd")
    found, _, losses = rule.credit_assignment.step(
        made.network, made.parameters, {}, made.batch, hyperparameters(rule, 200), noise(200).at(0)
    )
    true, expected, _ = teach(made.network, made.parameters, made.batch)
    torch.testing.assert_close(losses, expected)
    for ours, theirs in zip(found, true, strict=True):
        for name in ours:
            a, b = ours[name].flatten(1), theirs[name].flatten(1)
            torch.testing.assert_close(a.norm(dim=1), b.norm(dim=1))
            assert abs(float(torch.cosine_similarity(a, b, dim=1).mean())) < 0.15


def test_a_gradient_of_zero_drifts_nowhere() -> None:
    made, rule = small("dense1", "relu"), get_rule("random_drift+sgd")
    made.vector = made.vector.clone()
    made.parameters[0]["weight"].zero_()
    made.parameters[0]["bias"].fill_(-1)  # every unit is silent, so no gradient reaches layer 1
    found = rule.credit_assignment.step(
        made.network, made.parameters, {}, made.batch, hyperparameters(rule, 3), noise(3).at(0)
    ).gradients
    assert not found[0]["weight"].any()
