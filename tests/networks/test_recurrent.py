"""Recurrent networks: time, and teaching signals on their way back through it."""

from __future__ import annotations

import pytest
import torch
from small import small
from torch import Tensor

from rule_id.networks.recurrent import LEAK


def test_a_vector_held_for_long_brings_a_rate_network_to_rest() -> None:
    """At rest v = W f(v) + U x + b; weights this small have one such state."""
    made = small("rate_rnn", "tanh", scale=0.2)
    x = made.batch.x[:, :, :1].expand(-1, -1, 200, -1)
    activity = made.network.forward(made.parameters, x)
    v, own = activity.preactivations[1][:, :, -1], made.parameters
    drive = x[:, :, -1] @ own[0]["weight"].mT
    arriving = torch.tanh(v) @ own[1]["weight"].mT + own[1]["bias"][:, None] + drive
    torch.testing.assert_close(v, arriving)


def test_a_leak_is_the_time_step_over_the_time_constant() -> None:
    """Without weights v goes to the drive as 1 - (1 - dt / tau)^t."""
    made = small("rate_rnn", "tanh")
    vector = made.vector.clone()
    own = made.network.unflatten(vector)
    own[1]["weight"].zero_()
    own[1]["bias"].zero_()
    activity = made.network.forward(own, made.batch.x)
    drive, steps = activity.outputs[0], torch.arange(1, 9, dtype=torch.float64)
    share = (1 - (1 - LEAK) ** steps)[:, None]
    torch.testing.assert_close(activity.preactivations[1], share * drive)


def signals_by_hand(leak: float, z: Tensor, last: Tensor, feedback: Tensor) -> Tensor:
    """d_t = f'(z_t) (leak B d_{t+1}) + (1 - leak) d_{t+1}, backward from the last time step."""
    slope = 1 - torch.tanh(z) ** 2
    signals = [slope[:, :, -1] * last]
    for t in range(z.shape[2] - 2, -1, -1):
        later = signals[0]
        now = slope[:, :, t] * (leak * (later @ feedback)) + (1 - leak) * later
        signals.insert(0, now)
    return torch.stack(signals, 2)


@pytest.mark.parametrize(("architecture", "leak"), [("rnn", 1.0), ("rate_rnn", LEAK)])
@pytest.mark.parametrize("tied", [True, False])
def test_signals_go_back_through_feedback_weights_at_every_time_step(
    architecture: str, leak: float, tied: bool
) -> None:
    made = small(architecture, "tanh")
    vector = made.vector.clone().requires_grad_()
    own = made.network.unflatten(vector)
    feedback = [one["weight"].detach() for one in own] if tied else made.feedback
    activity = made.network.forward(own, made.batch.x, feedback=None if tied else feedback)
    e = torch.randn(activity.output.shape, generator=torch.Generator().manual_seed(1)).double()
    (found,) = torch.autograd.grad(activity.output, vector, e)
    gradients = made.network.unflatten(found)
    z, h = activity.preactivations[1].detach(), activity.inputs[1].detach()
    d = leak * signals_by_hand(leak, z, e @ feedback[2], feedback[1])
    for name, place, expected in (
        ("weight", 2, e.mT @ activity.outputs[1][:, :, -1].detach()),
        ("weight", 1, torch.einsum("ebto,ebti->eoi", d, h)),
        ("bias", 1, d.sum((1, 2))),
        ("weight", 0, torch.einsum("ebto,ebti->eoi", d, made.batch.x)),
    ):
        torch.testing.assert_close(gradients[place][name], expected)


def test_two_stages_hand_on_their_output_at_every_time_step() -> None:
    made = small("rnn2")
    activity = made.network.forward(made.parameters, made.batch.x)
    assert [one.name for one in made.network.layers] == [
        "input1", "recurrent1", "input2", "recurrent2", "output",
    ]  # fmt: skip
    assert torch.equal(activity.inputs[2], activity.outputs[1])
    assert torch.equal(activity.inputs[4], activity.outputs[3][:, :, -1])
