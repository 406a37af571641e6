"""What learning is compared with: weights that stay, and weights that walk at random."""

from __future__ import annotations

from torch import Tensor

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.layerwise import init_nothing
from rule_id.rules.noise import Noise
from rule_id.rules.teaching import teach, zeros_like
from rule_id.rules.tensors import per_network

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


def _init_random_drift(setup: Setup) -> State:
    return {"directions": zeros_like(setup.parameters)}


def _step_random_drift(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    gradients, losses, _ = teach(network, parameters, batch)
    directions = [
        {name: noise.normal(f"{name} {index}", tensor.shape[1:]) for name, tensor in own.items()}
        for index, own in enumerate(parameters)
    ]
    return Assignment(gradients, {"directions": directions}, losses)


def _follow_random_drift(
    change: Parameters, parameters: Parameters, state: State, hyperparameters: Hyperparameters
) -> tuple[Parameters, State]:
    turned = [
        {name: _turned(tensor, directions[name]) for name, tensor in own.items()}
        for own, directions in zip(change, state["directions"], strict=True)
    ]
    return turned, state


def _turned(change: Tensor, direction: Tensor) -> Tensor:
    """Return a tensor in the direction of another, its own norm kept, (E, ...)."""
    # A change of zero has no direction to lose, and a drawn one is never zero.
    size = change.flatten(1).norm(dim=1) / direction.flatten(1).norm(dim=1)
    return per_network(size, direction) * direction


NO_LEARNING = CreditAssignment(
    "no_learning", "no learning", init_nothing, _step_no_learning, optimizers=()
)
"""The weights stay as they began."""

RANDOM_DRIFT = CreditAssignment(
    "random_drift",
    "no learning",
    _init_random_drift,
    _step_random_drift,
    follow=_follow_random_drift,
)
"""Each tensor's change under backprop is turned to a random direction, new in each step, its norm
kept: what the optimizer makes of the gradients, momentum and weight decay included.

A random walk whose steps are as long as those of a learning network on the same way.
"""
