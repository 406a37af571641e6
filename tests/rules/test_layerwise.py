"""Backprop, fixed feedback and sign symmetry."""

from __future__ import annotations

import pytest
import torch
from small import BATCH, N_OUT, hyperparameters, moved, noise, run, small, start

from rule_id.rules import get_rule, teach
from rule_id.rules.tensors import angle_between


def gradients(name: str, made, step: int = 0, **given: float):
    """Pseudo-gradients of a rule's first step, and the state it starts from."""
    rule = get_rule(name)
    values = hyperparameters(rule, len(made.vector), **given)
    state = start(rule, made, values)
    draws = noise(len(made.vector)).at(step)
    own = rule.credit_assignment
    assigned = own.step(made.network, made.parameters, state.assignment, made.batch, values, draws)
    return assigned, state.assignment


@pytest.mark.parametrize("architecture", ["dense1", "dense2", "dense4"])
def test_feedback_tied_to_the_weights_is_backprop(architecture: str) -> None:
    made = small(architecture)
    tied = [own["weight"] for own in made.parameters]
    by_feedback, true = (
        teach(made.network, made.parameters, made.batch, b)[0] for b in (tied, None)
    )
    torch.testing.assert_close(
        made.network.flatten(by_feedback), made.network.flatten(true), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    "architecture", ["dense2", "lenet", "knet5_lrn", "resnet18", "resnet18v2", "rnn2", "rate_rnn"]
)
def test_feedback_alignment_retied_at_every_step_is_backprop(architecture: str) -> None:
    made = small(architecture)
    rule = get_rule("feedback_alignment+momentum")
    given = hyperparameters(rule, 3)
    expected, _ = run("backprop+momentum", made, 10, **{k: float(v[0]) for k, v in given.items()})
    state, parameters = start(rule, made, given), made.parameters
    for step in range(10):
        tied = [own["weight"] for own in parameters]
        state = state._replace(assignment={"feedback": tied})
        change, state, _ = rule.step(
            made.network, parameters, state, made.batch, given, noise(3).at(step)
        )
        parameters = moved(parameters, change)
    vector = made.network.flatten(parameters)
    torch.testing.assert_close(vector, expected, rtol=1e-9, atol=1e-10)
    assert not torch.allclose(vector, made.vector)


def test_fixed_feedback_changes_all_layers_but_the_last() -> None:
    made = small()
    fixed = gradients("feedback_alignment+sgd", made)[0].gradients
    true = gradients("backprop+sgd", made)[0].gradients
    torch.testing.assert_close(fixed[-1]["weight"], true[-1]["weight"])
    for layer in (0, 1):
        assert not torch.allclose(fixed[layer]["weight"], true[layer]["weight"])


def test_teaching_signal_goes_through_the_feedback_weights() -> None:
    """One hidden layer by hand: d_1 = f'(z_1) * (B e)."""
    made = small("dense1")
    found = gradients("feedback_alignment+sgd", made)[0].gradients
    x, (first, second) = made.batch.x, made.parameters
    hidden = torch.tanh(x @ first["weight"].mT + first["bias"][:, None])
    output = hidden @ second["weight"].mT + second["bias"][:, None]
    wanted = torch.nn.functional.one_hot(made.batch.y, N_OUT)
    e = (torch.softmax(output, -1) - wanted) / BATCH
    d = (1 - hidden**2) * (e @ made.feedback[1])
    torch.testing.assert_close(found[0]["weight"], d.mT @ x)
    torch.testing.assert_close(found[0]["bias"], d.sum(1))


def test_fixed_feedback_does_not_move() -> None:
    made = small()
    _, state = run("feedback_alignment+momentum", made, 5)
    assert all(
        torch.equal(a, b) for a, b in zip(state.assignment["feedback"], made.feedback, strict=True)
    )


@pytest.mark.parametrize("kind", ["uniform", "fixed_random", "batchwise_random"])
def test_sign_symmetric_feedback_has_the_signs_of_the_weights(kind: str) -> None:
    from rule_id.rules import layerwise

    made = small()
    _, state = gradients(f"sign_symmetry_{kind}+sgd", made)
    make = {
        "uniform": layerwise._signs,
        "fixed_random": layerwise._signs_fixed_magnitudes,
        "batchwise_random": layerwise._signs_new_magnitudes,
    }[kind]
    first, second = (make(made.parameters, state, noise(3).at(step)) for step in (0, 1))
    for own, drawn, b, later in zip(made.parameters, made.feedback, first, second, strict=True):
        assert torch.equal(b.sign(), own["weight"].sign())
        assert torch.equal(b, later) == (kind != "batchwise_random")
        # The size is that of the draw, on average over entries.
        ratio = b.flatten(1).square().mean() / drawn.flatten(1).square().mean()
        assert float(ratio) == pytest.approx(1, abs=1e-9 if kind != "batchwise_random" else 0.25)


def test_sign_symmetry_follows_weights_that_change_sign() -> None:
    made = small()
    before = gradients("sign_symmetry_uniform+sgd", made)[0].gradients
    made.vector = made.vector.clone()
    made.parameters[2]["weight"].neg_()
    made.parameters[2]["bias"].neg_()
    after = gradients("sign_symmetry_uniform+sgd", made)[0].gradients
    assert not torch.allclose(before[0]["weight"], after[0]["weight"])


def test_the_angle_of_feedback_alignment_falls_below_90() -> None:
    made = small("dense1", networks=12, scale=0.3)
    angles = []
    for steps in (0, 400):
        vector, state = run("feedback_alignment+sgd", made, steps, learning_rate=0.1)
        weight = made.network.unflatten(vector)[1]["weight"]
        angles.append(angle_between(weight, state.assignment["feedback"][1]))
    assert bool((angles[1] < angles[0]).all()) and float(angles[1].max()) < 80
