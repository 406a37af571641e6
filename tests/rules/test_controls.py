"""What learning is compared with."""

from __future__ import annotations

import pytest
import torch
from small import hyperparameters, noise, run, small, start

from rule_id.rules import get_rule


def test_without_learning_weights_stay() -> None:
    made = small()
    vector, _ = run("no_learning", made, 10)
    assert torch.equal(vector, made.vector)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_random_drift_has_steps_as_long_as_the_optimizer_s_and_no_direction(optimizer) -> None:
    made, rule = small(networks=200), get_rule(f"random_drift+{optimizer}")
    backprop = get_rule(f"backprop+{optimizer}")
    given = hyperparameters(rule, 200)
    states = [start(one, made, given) for one in (rule, backprop)]
    parameters = made.parameters
    for step in range(4):
        draws = noise(200).at(step)
        (ours, states[0], losses), (theirs, states[1], expected) = (
            one.step(made.network, parameters, state, made.batch, given, draws)
            for one, state in zip((rule, backprop), states, strict=True)
        )
        torch.testing.assert_close(losses, expected)
        for one, other in zip(ours, theirs, strict=True):
            for name in one:
                a, b = one[name].flatten(1), other[name].flatten(1)
                torch.testing.assert_close(a.norm(dim=1), b.norm(dim=1))
                assert abs(float(torch.cosine_similarity(a, b, dim=1).mean())) < 0.15
        parameters = [
            {name: own[name] + moved[name] for name in own}
            for own, moved in zip(parameters, ours, strict=True)
        ]


def test_a_gradient_of_zero_drifts_nowhere() -> None:
    made = small("dense1", "relu")
    made.vector = made.vector.clone()
    made.parameters[0]["weight"].zero_()
    made.parameters[0]["bias"].fill_(-1)  # every unit is silent, so no gradient reaches layer 1
    vector, _ = run("random_drift+sgd", made, 3, weight_decay=0.0)
    assert not made.network.unflatten(vector)[0]["weight"].any()
