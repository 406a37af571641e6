"""Predictive coding."""

from __future__ import annotations

import torch
from small import hyperparameters, noise, small, start

from rule_id.rules import get_rule, teach
from rule_id.rules.predictive_coding import energy

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


def test_every_layer_learns_from_its_own_error() -> None:
    """G_1 = -(f'(z_1) * (v_1 - f(z_1))) x^T, with v_1 settled by hand."""
    made = small("dense1")
    given = hyperparameters(RULE, 3, inference_rate=0.5)
    rate = 0.5 * start(RULE, made, given).assignment["rate"][:, None, None]
    first, second = made.parameters
    prediction = torch.tanh(made.batch.x @ first["weight"].mT + first["bias"][:, None])
    v = prediction.clone()
    for _ in range(20):
        output = v @ second["weight"].mT + second["bias"][:, None]
        wanted = torch.nn.functional.one_hot(made.batch.y, 4)
        e = torch.softmax(output, -1) - wanted
        v = v - rate * (v - prediction + e @ second["weight"])
    signal = -(1 - prediction**2) * (v - prediction)
    n = made.batch.x.shape[1]
    torch.testing.assert_close(gradients(made)[0]["weight"], signal.mT @ made.batch.x / n)


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
