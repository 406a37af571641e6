"""Contrastive Hebbian learning and equilibrium propagation."""

from __future__ import annotations

import pytest
import torch
from small import N_OUT, hyperparameters, noise, small, start

from rule_id.rules import get_rule
from rule_id.rules.settling import largest_gain, settle


def strength(made, coupling: float = 0.15) -> torch.Tensor:
    rule = get_rule("equilibrium_propagation+sgd")
    given = hyperparameters(rule, len(made.vector), coupling=coupling)
    return start(rule, made, given).assignment["strength"]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("architecture", ["dense1", "dense4"])
def test_units_settle(architecture: str, activation: str) -> None:
    made = small(architecture, activation, scale=0.8)
    g = strength(made)
    states, drives = settle(made.network, made.parameters, made.batch.x, g, iterations=200)
    for layer, s, z in zip(made.network.layers, states, drives, strict=True):
        torch.testing.assert_close(layer.activate(z), s, rtol=1e-6, atol=1e-8)
    weights = [own["weight"] for own in made.parameters]
    z = made.network.layers[0].preactivation(made.parameters[0], made.batch.x)
    torch.testing.assert_close(drives[0], z + g[:, None, None] * (states[1] @ weights[1]))


def test_settled_states_are_stationary_points_of_the_energy() -> None:
    """dF/ds_l = 0 for tanh units, whose integral of f^{-1} is s artanh(s) + log(1 - s²) / 2."""
    made = small("dense2", "tanh")
    g = strength(made)
    states, _ = settle(made.network, made.parameters, made.batch.x, g, iterations=200)
    states = [s.detach().requires_grad_() for s in states]
    below, total = made.batch.x, 0.0
    for index, (layer, own, s) in enumerate(
        zip(made.network.layers, made.parameters, states, strict=True)
    ):
        inverse = s**2 / 2
        if layer.nonlinearity == "tanh":
            inverse = s * torch.atanh(s) + torch.log(1 - s**2) / 2
        term = (inverse - s * layer.preactivation(own, below)).sum((1, 2))
        total = total + (g ** (index - 2) * term).sum()
        below = s
    for slope in torch.autograd.grad(total, states):
        assert float(slope.abs().max()) < 1e-6


def test_the_gain_is_that_of_the_largest_singular_value() -> None:
    made = small("dense4", networks=5)
    activity = made.network.forward(made.parameters, made.batch.x)
    expected = torch.stack(
        [torch.linalg.matrix_norm(own["weight"], ord=2) ** 2 for own in made.parameters[1:]]
    ).amax(0)
    found = largest_gain(made.network, made.parameters, activity.inputs)
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0)


def gradient_of_the_free_phase(made, g) -> torch.Tensor:
    """Through 200 iterations of settling, by autograd."""
    vector = made.vector.clone().requires_grad_()
    states, _ = settle(
        made.network, made.network.unflatten(vector), made.batch.x, g, iterations=200
    )
    made.batch.losses(states[-1]).sum().backward()
    return vector.grad


def pseudo_gradient(made, beta: float, coupling: float = 0.15) -> torch.Tensor:
    rule = get_rule("equilibrium_propagation+sgd")
    given = hyperparameters(rule, 3, nudging=beta, coupling=coupling)
    state = start(rule, made, given).assignment
    found = rule.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    )
    return made.network.flatten(found.gradients)


@pytest.mark.parametrize("architecture", ["dense1", "dense2"])
def test_equilibrium_propagation_tends_to_the_gradient_as_beta_goes_to_0(architecture) -> None:
    made = small(architecture)
    true = gradient_of_the_free_phase(made, strength(made))
    errors = []
    for beta in (1.0, 0.1, 0.01):
        found = pseudo_gradient(made, beta)
        errors.append(float((found - true).norm() / true.norm()))
    assert errors[0] > 3 * errors[1] > 9 * errors[2] * 0.5
    assert errors[2] < 0.01


def test_contrastive_hebbian_by_hand() -> None:
    """One hidden layer, the output clamped: G_2 = -(y - o) h^T of the two phases."""
    made = small("dense1")
    rule = get_rule("contrastive_hebbian+sgd")
    given = hyperparameters(rule, 3)
    state = start(rule, made, given).assignment
    g = state["strength"]
    found = rule.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    ).gradients
    (free, output), _ = settle(made.network, made.parameters, made.batch.x, g, iterations=200)
    wanted = torch.nn.functional.one_hot(made.batch.y, N_OUT).double()
    first, second = made.parameters
    drive = made.network.layers[0].preactivation(first, made.batch.x)
    clamped = torch.tanh(drive + g[:, None, None] * (wanted @ second["weight"]))
    n = made.batch.x.shape[1]
    top = -(wanted.mT @ clamped - output.mT @ free) / n
    bottom = -(clamped - free).mT @ made.batch.x / n / g[:, None, None]
    torch.testing.assert_close(found[1]["weight"], top, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[0]["weight"], bottom, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["equilibrium_propagation", "contrastive_hebbian"])
def test_what_is_measured_is_the_free_phase(name: str) -> None:
    made, rule = small(), get_rule(f"{name}+sgd")
    state = start(rule, made, hyperparameters(rule, 3))
    activity = rule.respond(made.network, made.parameters, state, made.batch.x)
    g = state.assignment["strength"]
    states, _ = settle(made.network, made.parameters, made.batch.x, g)
    for found, expected in zip(activity.outputs, states, strict=True):
        torch.testing.assert_close(found, expected)
    forward = made.network.forward(made.parameters, made.batch.x)
    assert not torch.allclose(activity.outputs[0], forward.outputs[0])
