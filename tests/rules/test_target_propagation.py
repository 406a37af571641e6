"""Difference target propagation."""

from __future__ import annotations

import torch
from small import hyperparameters, noise, run, small, start

from rule_id.networks import DenseMap, Layer
from rule_id.rules import get_rule, teach
from rule_id.rules.target_propagation import (
    RIDGE,
    _reconstructions,
    learn_inverse,
    linear_inverse,
)


def first_step(made, feedback):
    rule = get_rule("target_propagation+sgd")
    given = hyperparameters(rule, len(made.vector))
    state = start(rule, made, given).assignment | {"feedback": feedback}
    return rule.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(len(made.vector)).at(0)
    )


def test_displacements_go_through_the_inverses() -> None:
    """With W^T for V it is backprop but for the slope of the layers above: s_{l-1} = V_l s_l."""
    made = small("dense2")
    found = first_step(made, made.feedback).gradients
    activity = made.network.forward(made.parameters, made.batch.x)
    output = activity.output.detach().requires_grad_()
    (e,) = torch.autograd.grad(made.batch.losses(output).sum(), output)
    displacements = {2: e, 1: e @ made.feedback[2]}
    displacements[0] = displacements[1] @ made.feedback[1]
    for index, s in displacements.items():
        slope = 1 if index == 2 else 1 - activity.outputs[index] ** 2
        torch.testing.assert_close(found[index]["weight"], (slope * s).mT @ activity.inputs[index])


def test_the_readout_gets_its_gradient() -> None:
    made = small("dense2")
    true = teach(made.network, made.parameters, made.batch)[0]
    torch.testing.assert_close(first_step(made, made.feedback).gradients[-1], true[-1])


def test_the_linear_inverse_has_the_least_error_of_all() -> None:
    source = torch.Generator().manual_seed(0)
    x = torch.randn(2, 100, 6, generator=source, dtype=torch.float64)
    y = torch.tanh(x @ torch.randn(2, 6, 4, generator=source, dtype=torch.float64))
    layer = Layer("layer", DenseMap(6, 4), -1)
    inverse = linear_inverse(layer, x, y)

    def objective(v: torch.Tensor) -> torch.Tensor:
        xc, yc = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
        ridge = RIDGE * yc.square().mean((1, 2))
        return (yc @ v - xc).square().sum(-1).mean(1) + ridge * v.square().sum((1, 2))

    best = objective(inverse)
    for _ in range(20):
        other = inverse + 0.01 * torch.randn(inverse.shape, generator=source, dtype=torch.float64)
        assert bool((objective(other) > best).all())


def test_learning_ends_at_the_linear_inverse_of_noisy_inputs() -> None:
    """Many small steps with W at rest; what the noise adds to Cov(x, y) is in the end."""
    made = small("dense1", networks=1)
    layer, own = made.network.layers[1], made.parameters[1]
    h = made.network.forward(made.parameters, made.batch.x).inputs[1]
    inverse = made.feedback[1]
    xs, ys = [], []
    for step in range(4000):
        inputs = [made.batch.x, h]
        ((x, y),) = _reconstructions(made.network, made.parameters, inputs, noise(1).at(step))
        xs.append(x)
        ys.append(y)
        centred = (x - h.mean(1, keepdim=True), y - layer.activate(
            layer.preactivation(own, h)).mean(1, keepdim=True))  # fmt: skip
        rate = torch.full((1,), 0.05, dtype=torch.float64)
        inverse = learn_inverse(layer, inverse, *centred, rate)
    expected = linear_inverse(layer, torch.cat(xs, 1), torch.cat(ys, 1))
    assert float((inverse - expected).norm() / expected.norm()) < 0.1
    # Without the noise it would have ended elsewhere.
    clean = linear_inverse(layer, h, layer.activate(layer.preactivation(own, h)))
    assert float((clean - expected).norm() / expected.norm()) > 0.02


def test_single_examples_are_enough_for_the_inverses_to_learn() -> None:
    made = small("dense2")
    made.batch = made.batch._replace(x=made.batch.x[:, :1], y=made.batch.y[:, :1])
    before = made.feedback[1]
    _, state = run("target_propagation+sgd", made, 5)
    assert float((state.assignment["feedback"][1] - before).abs().max()) > 1e-6


def test_a_step_of_an_inverse_is_as_long_as_is_best_along_its_gradient_at_most() -> None:
    source = torch.Generator().manual_seed(0)
    layer = Layer("layer", DenseMap(6, 4), -1)
    y = torch.randn(3, 50, 4, generator=source, dtype=torch.float64)
    x = y @ torch.randn(3, 4, 6, generator=source, dtype=torch.float64)
    before = torch.randn(3, 4, 6, generator=source, dtype=torch.float64)

    def objective(v: torch.Tensor) -> torch.Tensor:
        ridge = RIDGE * y.square().mean((1, 2))
        return (y @ v - x).square().sum(-1).mean(1) + ridge * v.square().sum((1, 2))

    best = learn_inverse(layer, before, x, y, torch.full((3,), 1e6, dtype=torch.float64))
    for share in (0.5, 0.9, 1.1, 1.5):
        other = before + share * (best - before)
        assert bool((objective(other) > objective(best)).all())
    small_rate = torch.full((3,), 1e-3, dtype=torch.float64)
    moved = learn_inverse(layer, before, x, y, small_rate) - before
    cosine = torch.cosine_similarity(moved.flatten(1), (best - before).flatten(1), dim=1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    assert bool((moved.flatten(1).norm(dim=1) < (best - before).flatten(1).norm(dim=1)).all())


def test_the_angle_is_to_the_inverse_of_noisy_inputs() -> None:
    made = small("dense2")
    rule = get_rule("target_propagation+sgd")
    state = start(rule, made, hyperparameters(rule, 3)).assignment
    inputs = made.network.forward(made.parameters, made.batch.x).inputs
    pairs = _reconstructions(made.network, made.parameters, inputs, noise(3))
    above = made.network.layers[1:]
    ends = [linear_inverse(one, *pair) for one, pair in zip(above, pairs, strict=True)]
    at_end = state | {"feedback": [made.feedback[0], *ends]}
    angle = rule.credit_assignment.angle
    assert float(angle(made.network, made.parameters, at_end, made.batch.x).max()) < 1e-3
    assert float(angle(made.network, made.parameters, state, made.batch.x).min()) > 45
