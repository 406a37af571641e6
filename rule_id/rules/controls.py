"""What learning is compared with: weights that stay, and weights that walk at random."""

from __future__ import annotations

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Parameters,
    State,
)
from rule_id.rules.layerwise import init_nothing
from rule_id.rules.noise import Noise
from rule_id.rules.teaching import teach, zeros_like

__all__ = ["NO_LEARNING", "RANDOM_DRIFT"]


def _step_no_learning(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    losses = batch.losses(network.forward(parameters, batch.x).output)
    return Assignment(zeros_like(parameters), state, losses)


def _step_random_drift(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    gradients, losses, _ = teach(network, parameters, batch)
    drift = []
    for index, own in enumerate(gradients):
        turned = {}
        for name, gradient in own.items():
            n = noise.normal(f"{name} {index}", gradient.shape[1:]).flatten(1)
            # A gradient of zero has no direction to lose, and n is never zero.
            size = gradient.flatten(1).norm(dim=1, keepdim=True) / n.norm(dim=1, keepdim=True)
            turned[name] = (size * n).view_as(gradient)
        drift.append(turned)
    return Assignment(drift, state, losses)


NO_LEARNING = CreditAssignment(
    "no_learning", "no learning", init_nothing, _step_no_learning, optimizers=()
)
"""The weights stay as they began."""

RANDOM_DRIFT = CreditAssignment("random_drift", "no learning", init_nothing, _step_random_drift)
"""Each tensor's gradient is turned to a random direction, new in each step, its norm kept.

A random walk with the step sizes that a learning network would have at the same place.
"""
