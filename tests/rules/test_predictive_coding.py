"""Predictive coding."""

from __future__ import annotations

import pytest
import torch
from small import hyperparameters, noise, small, start

from rule_id.rules import get_rule, teach
from rule_id.rules.predictive_coding import energy, infer, values_of

RULE = get_rule("predictive_coding+sgd")


def gradients(made, rate: float = 0.5):
    given = hyperparameters(RULE, len(made.vector), inference_rate=rate)
    state = start(RULE, made, given).assignment
    found = RULE.credit_assignment.step(
        made.network, made.parameters, state, made.batch, given, noise(len(made.vector)).at(0)
    )
    return found.gradients


def test_the_forward_pass_leaves_the_loss_alone_in_the_energy() -> None:
    made = small("dense4")
    activity = made.network.forward(made.parameters, made.batch.x)
    found = energy(made.network, made.parameters, made.batch, activity.outputs[:-1])
    torch.testing.assert_close(found, made.batch.loss(activity.output, made.batch.y))


def inferred(made) -> list[torch.Tensor]:
    rate = torch.ones(3, dtype=torch.float64)
    errors = infer(made.network, made.parameters, made.batch, rate)
    return values_of(made.network, made.parameters, made.batch.x, errors)[0]


def slope_of_energy(made, values: list[torch.Tensor]) -> torch.Tensor:
    """By the values themselves, whose minimum it is, for each example."""
    values = [v.detach().requires_grad_() for v in values]
    total = energy(made.network, made.parameters, made.batch, values).sum()
    slopes = torch.autograd.grad(total, values)
    return torch.cat([slope.flatten(2) for slope in slopes], 2).norm(dim=2)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("architecture", ["dense1", "dense2", "dense4"])
def test_values_settle_in_networks_of_any_depth(architecture: str, activation: str) -> None:
    made = small(architecture, activation, scale=0.7)
    start = made.network.forward(made.parameters, made.batch.x).outputs[:-1]
    before, after = (slope_of_energy(made, v) for v in (start, inferred(made)))
    assert float((after / before.clamp(min=1e-6)).median()) < 0.1
    energies = [
        energy(made.network, made.parameters, made.batch, v) for v in (start, inferred(made))
    ]
    assert bool((energies[1] <= energies[0] + 1e-9).all())


def test_every_layer_learns_from_its_own_error() -> None:
    """G_l = -(f'(z_l) * e_l) v_{l-1}^T at the settled values, and the loss's own in the readout."""
    made = small("dense2", scale=0.7)
    found, values = gradients(made, rate=1.0), inferred(made)
    n = made.batch.x.shape[1]
    below = [made.batch.x, *values]
    for index in (0, 1):
        own = made.parameters[index]
        prediction = torch.tanh(below[index] @ own["weight"].mT + own["bias"][:, None])
        signal = -(1 - prediction**2) * (values[index] - prediction)
        torch.testing.assert_close(found[index]["weight"], signal.mT @ below[index] / n)
    readout = made.parameters[2]
    output = values[1] @ readout["weight"].mT + readout["bias"][:, None]
    e = torch.softmax(output, -1) - torch.nn.functional.one_hot(made.batch.y, 4)
    torch.testing.assert_close(found[2]["weight"], e.mT @ values[1] / n)


def test_small_errors_make_it_backprop() -> None:
    """Where the loss barely pulls, settled errors are the gradient's signals, scaled alike."""
    made = small("dense2", scale=0.3)
    loss = made.batch.loss
    gentle = made.batch._replace(loss=lambda output, y: 1e-3 * loss(output, y))
    true = teach(made.network, made.parameters, gentle)[0]
    made.batch = gentle
    found = gradients(made, rate=1.0)
    for ours, theirs in zip(found, true, strict=True):
        cosine = torch.cosine_similarity(
            ours["weight"].flatten(1), theirs["weight"].flatten(1), dim=1
        )
        assert float(cosine.min()) > 0.99


def test_it_is_not_backprop_where_errors_are_large() -> None:
    made = small("dense2", scale=1.5)
    true = teach(made.network, made.parameters, made.batch)[0]
    found = gradients(made)
    cosine = torch.cosine_similarity(
        found[0]["weight"].flatten(1), true[0]["weight"].flatten(1), dim=1
    )
    assert float(cosine.min()) < 0.99
