"""Oja's and BCM's rules."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from small import hyperparameters, noise, run, small, start

from rule_id.networks import DenseMap, Layer
from rule_id.rules import get_rule, teach
from rule_id.rules.hebbian import oja_gradient


def test_oja_s_weights_span_the_leading_subspace_of_a_known_covariance() -> None:
    source = torch.Generator().manual_seed(0)
    n_in, n_out = 8, 3
    layer = Layer("linear", DenseMap(n_in, n_out), -1)
    axes = torch.linalg.qr(torch.randn(n_in, n_in, generator=source, dtype=torch.float64))[0]
    spread = torch.tensor([3.0, 2.5, 2.0, 0.7, 0.6, 0.5, 0.4, 0.3], dtype=torch.float64)
    weight = 0.3 * torch.randn(1, n_out, n_in, generator=source, dtype=torch.float64)
    for _ in range(3000):
        h = (torch.randn(1, 64, n_in, generator=source, dtype=torch.float64) * spread) @ axes.mT
        weight = weight - 0.01 * oja_gradient(layer, weight, h, layer.project(weight, h))
    angles = scipy.linalg.subspace_angles(weight[0].mT.numpy(), axes[:, :n_out].numpy())
    assert np.rad2deg(angles).max() < 5
    torch.testing.assert_close(
        weight[0] @ weight[0].mT, torch.eye(n_out, dtype=torch.float64), rtol=0, atol=0.1
    )


def test_oja_s_pseudo_gradient_by_hand() -> None:
    """G = -k (y h^T - y y^T W), k the hidden rate over E|h|²; the readout descends its gradient."""
    made = small()
    rule = get_rule("oja+sgd")
    given = hyperparameters(rule, 3, hidden_rate=2.0)
    state = start(rule, made, given).assignment
    found = rule.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    ).gradients
    activity = made.network.forward(made.parameters, made.batch.x)
    for index in (0, 1):
        h, y, w = activity.inputs[index], activity.outputs[index], made.parameters[index]["weight"]
        k = 2.0 / (h**2).sum(-1).mean(1)
        expected = -k[:, None, None] * (y.mT @ h - y.mT @ y @ w) / h.shape[1]
        torch.testing.assert_close(found[index]["weight"], expected)
        assert not found[index]["bias"].any()
    true = teach(made.network, made.parameters, made.batch)[0]
    torch.testing.assert_close(found[-1], true[-1])


def test_bcm_s_pseudo_gradient_by_hand() -> None:
    """G = -k y (y - theta) h^T, k the hidden rate over E|h|²; then theta moves to E[y²]."""
    made = small()
    rule = get_rule("bcm+sgd")
    given = hyperparameters(rule, 3, hidden_rate=0.2)
    state = start(rule, made, given).assignment
    found = rule.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(3).at(0)
    )
    activity = made.network.forward(made.parameters, made.batch.x)
    for index in (0, 1):
        h, y = activity.inputs[index], activity.outputs[index]
        theta = (y**2).mean(1, keepdim=True)
        k = 0.2 / (h**2).sum(-1).mean(1)
        expected = -k[:, None, None] * (y * (y - theta)).mT @ h / h.shape[1]
        torch.testing.assert_close(found.gradients[index]["weight"], expected)
        torch.testing.assert_close(found.state["thresholds"][index], theta)


def test_bcm_s_threshold_follows_the_mean_square() -> None:
    made = small()
    _, state = run("bcm+sgd", made, 60, learning_rate=0.05, weight_decay=0.0)
    vector, _ = run("bcm+sgd", made, 60, learning_rate=0.05, weight_decay=0.0)
    y = made.network.forward(made.network.unflatten(vector), made.batch.x).outputs
    for index, theta in enumerate(state.assignment["thresholds"]):
        torch.testing.assert_close(
            theta, (y[index] ** 2).mean(1, keepdim=True), rtol=0.2, atol=0.02
        )


@pytest.mark.parametrize("architecture", ["rnn", "rate_rnn2"])
def test_a_bcm_unit_has_one_threshold_for_all_time_steps(architecture: str) -> None:
    made = small(architecture)
    state = start(get_rule("bcm+sgd"), made, hyperparameters(get_rule("bcm+sgd"), 3)).assignment
    outputs = made.network.forward(made.parameters, made.batch.x).outputs
    for theta, y in zip(state["thresholds"], outputs, strict=False):
        assert y.dim() == 4 and theta.shape == (3, 1, 1, y.shape[-1])
        torch.testing.assert_close(theta, (y**2).mean((1, 2), keepdim=True))


def test_one_bcm_unit_becomes_selective() -> None:
    """Two patterns, one unit: the rule's stable states answer to one of them alone, at y = 2.

    y (y - theta) = 0 for both, with theta = E[y²]: y is theta for one and 0 for the other, hence
    theta = theta² / 2.
    """
    made = small("dense1", "relu", networks=6, scale=0.3)
    patterns = torch.eye(6, dtype=torch.float64)[:2].repeat(8, 1).expand(6, -1, -1)
    made.batch = made.batch._replace(x=patterns)
    made.vector = made.vector.abs()
    made.parameters[0]["bias"].zero_()
    vector, _ = run("bcm+sgd", made, 4000, learning_rate=0.1, hidden_rate=0.2, weight_decay=0.0)
    y = made.network.forward(made.network.unflatten(vector), patterns).outputs[0][:, :2]
    best, other = y.amax(1), y.amin(1)
    torch.testing.assert_close(best, torch.full_like(best, 2.0), rtol=0, atol=0.05)
    assert float(other.max()) < 0.05
