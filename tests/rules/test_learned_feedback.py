"""Rules that learn their feedback weights."""

from __future__ import annotations

import math

import pytest
import torch
from small import hyperparameters, noise, run, small, start

from rule_id.rules import CREDIT_ASSIGNMENTS, Setup, get_rule
from rule_id.rules.learned_feedback import AUTHORS, learned_feedback
from rule_id.rules.schedules import SCHEDULES, Schedule

LEARNED = [n for n, one in CREDIT_ASSIGNMENTS.items() if one.family == "learned feedback"]
BY_PRIMITIVES = list(AUTHORS)


def settle_feedback(name: str, steps: int, architecture: str = "dense2", **given: float):
    """Let feedback learn while the forward weights rest; the angle at each step."""
    made = small(architecture, scale=0.5)
    rule = get_rule(f"{name}+momentum")
    values = hyperparameters(rule, 3, **given)
    assignment = rule.credit_assignment
    state = start(rule, made, values, steps).assignment
    angles = []
    for step in range(steps):
        angles.append(assignment.angle(made.network, made.parameters, state, made.batch.x))
        _, state, _ = assignment.step(
            made.network, made.parameters, state, made.batch, values, noise(3).at(step)
        )
    return torch.stack(angles), state, made


@pytest.mark.parametrize("name", [n for n in LEARNED if n != "kolen_pollack"])
def test_feedback_comes_within_45_degrees_at_the_time_that_was_drawn(name: str) -> None:
    angles, _, _ = settle_feedback(name, 400, feedback_time=0.25)
    aligned = (angles < 45).double().argmax(0) / 400
    assert bool((angles[-1] < 45).all())
    # The mean over layers, each of which was set to be there at 0.25; noise costs some of it.
    assert bool(((aligned > 0.15) & (aligned < 0.45)).all()), aligned


@pytest.mark.parametrize("architecture", ["knet4", "resnet18", "rnn2", "rate_rnn"])
@pytest.mark.parametrize("name", ["weight_mirror", "symmetric_alignment", "information_alignment"])
def test_feedback_is_on_time_in_every_kind_of_layer(name: str, architecture: str) -> None:
    angles, _, _ = settle_feedback(name, 60, architecture, feedback_time=0.5)
    aligned = (angles < 45).double().argmax(0) / 60
    assert bool((angles[0] > 75).all())
    assert bool(((aligned > 0.46) & (aligned < 0.56)).all()), aligned


@pytest.mark.parametrize("name", ["symmetric_alignment", "activation_alignment"])
def test_symmetric_and_activation_alignment_end_at_a_multiple_of_the_weights(name: str) -> None:
    _, state, made = settle_feedback(name, 3000, feedback_time=0.005, feedback_gain=0.7)
    for own, b in zip(made.parameters[1:], state["feedback"][1:], strict=True):
        torch.testing.assert_close(b, 0.7 * own["weight"], rtol=1e-3, atol=1e-3)


def test_weight_mirror_ends_near_a_multiple_of_the_weights() -> None:
    _, state, made = settle_feedback("weight_mirror", 3000, feedback_time=0.05, feedback_gain=0.7)
    for own, b in zip(made.parameters[1:], state["feedback"][1:], strict=True):
        torch.testing.assert_close(b, 0.7 * own["weight"], rtol=0, atol=0.1)


def test_information_alignment_s_feedback_has_the_norm_that_was_drawn() -> None:
    _, state, made = settle_feedback(
        "information_alignment", 3000, feedback_time=0.01, feedback_gain=0.7
    )
    for own, b in zip(made.parameters[1:], state["feedback"][1:], strict=True):
        ratio = b.flatten(1).norm(dim=1) / own["weight"].flatten(1).norm(dim=1)
        torch.testing.assert_close(ratio, torch.full_like(ratio, 0.7), rtol=2e-2, atol=0)


@pytest.mark.parametrize("name", LEARNED)
def test_the_first_layer_s_feedback_is_never_used(name: str) -> None:
    made = small()
    before, _ = run(f"{name}+momentum", made, 5)
    made.feedback[0] = made.feedback[0] + 1
    after, _ = run(f"{name}+momentum", made, 5)
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_kolen_pollack_shrinks_the_difference_under_every_optimizer() -> None:
    for optimizer in ("sgd", "momentum", "rmsprop", "adam", "adamw"):
        made, steps = small(), 40
        rule = get_rule(f"kolen_pollack+{optimizer}")
        given = {"weight_decay": 0.0, "feedback_decay": 4.0}
        vector, state = run(rule.name, made, steps, **given)
        for index in (1, 2):
            before = made.feedback[index] - made.parameters[index]["weight"]
            weight = made.network.unflatten(vector)[index]["weight"]
            after = state.assignment["feedback"][index] - weight
            torch.testing.assert_close(after, (1 - 4.0 / steps) ** steps * before)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_kolen_pollack_decays_as_much_under_every_schedule(schedule: str) -> None:
    """Of B^T - W exp(-`feedback_decay`) is left, but for steps that are not small."""
    made, rule, steps = small(), get_rule("kolen_pollack+sgd"), 2000
    given = hyperparameters(rule, 3, learning_rate=0.01, weight_decay=0.0, feedback_decay=3.0)
    factors = Schedule([schedule] * 3, steps, "cpu", torch.float64)
    setup = Setup(made.network, made.parameters, made.feedback, made.batch.x, given, steps,
                  noise(3).at(-1), factors.mean)  # fmt: skip
    state, parameters = rule.init(setup), made.parameters
    for step in range(steps):
        now = given | {"rate_factor": factors.factor(step)}
        moved, state, _ = rule.step(
            made.network, parameters, state, made.batch, now, noise(3).at(step)
        )
        parameters = [
            {name: own[name] + change[name] for name in own}
            for own, change in zip(parameters, moved, strict=True)
        ]
    before = made.feedback[1] - made.parameters[1]["weight"]
    after = state.assignment["feedback"][1] - parameters[1]["weight"]
    torch.testing.assert_close(after, math.exp(-3) * before, rtol=0.05, atol=1e-4)


def test_kolen_pollack_leaves_the_first_layer_and_biases_to_the_optimizer() -> None:
    made = small()
    given = {"learning_rate": 0.05, "weight_decay": 0.0}
    with_decay, _ = run("kolen_pollack+sgd", made, 1, **given)
    plain, _ = run("feedback_alignment+sgd", made, 1, **given)
    difference = made.network.unflatten(with_decay - plain)
    assert not difference[0]["weight"].any()
    assert all(not own["bias"].any() for own in difference)
    assert all(bool(own["weight"].all()) for own in difference[1:])


def test_the_authors_coefficients_take_the_learning_rate_of_the_weights() -> None:
    fixed = AUTHORS["symmetric_alignment"]
    assignment = learned_feedback(
        "authors",
        lambda layer, weight, x, given: {
            k: torch.full_like(weight[:, 0, 0], v) for k, v in fixed.items()
        },
        ranges={},
        calibrated=False,
    )
    made, rule = small(), get_rule("feedback_alignment+sgd")
    given = hyperparameters(rule, 3, learning_rate=0.5)
    state = start(rule.__class__(assignment, rule.optimizer), made, given).assignment
    _, after, _ = assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    )
    for own, b, new in zip(
        made.parameters[1:], made.feedback[1:], after["feedback"][1:], strict=True
    ):
        gradient = 2e-3 * b - 2e-3 * own["weight"]
        torch.testing.assert_close(new, b - 0.5 * gradient)


@pytest.mark.parametrize("name", LEARNED)
def test_a_silent_layer_leaves_everything_a_number(name: str) -> None:
    """Units of `relu` that no input moves: nothing to align with, in single precision too."""
    made = small("dense6", "relu", scale=0.3)
    made.vector = made.vector.clone()
    made.parameters[2]["bias"].fill_(-100)
    rule = get_rule(f"{name}+momentum")
    vector, state = run(rule.name, made, 3)
    learned = rule.credit_assignment
    angle = learned.angle(
        made.network, made.network.unflatten(vector), state.assignment, made.batch.x
    )
    assert bool(torch.isfinite(angle).all() and torch.isfinite(vector).all())
    for part in state.assignment.get("coefficients", []):
        assert all(bool(torch.isfinite(value).all()) for value in part.values())
    assert all(bool(torch.isfinite(b).all()) for b in state.assignment["feedback"])


def test_feedback_of_a_layer_that_is_fed_nothing_stays_under_information_alignment() -> None:
    made = small("dense3", "relu")
    made.vector = made.vector.clone()
    made.parameters[0]["bias"].fill_(-100)
    _, state = run("information_alignment+momentum", made, 3)
    first, second, third, _ = state.assignment["feedback"]
    assert torch.equal(second, made.feedback[1])
    assert not torch.allclose(third, made.feedback[2])
