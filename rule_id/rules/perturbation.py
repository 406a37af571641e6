"""Rules that try a perturbation and keep what helped.

With n standard normal, s the standard deviation of the perturbation and L the loss, the
pseudo-gradient is an unbiased estimate of the gradient as s goes to 0, because
E[(L(z + s n) - L(z)) n] / s tends to dL/dz.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rule_id.rules.contract import (
    ActivityLike,
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
from rule_id.rules.refusals import needs_loss_of_each_example
from rule_id.rules.teaching import gradients_of, leaves_of
from rule_id.rules.tensors import per_network

__all__ = ["NODE_PERTURBATION", "REWARD_MODULATED_HEBBIAN", "WEIGHT_PERTURBATION"]

REWARD_AVERAGING = 0.1
"""Share of the newest batch in the expected reward."""

EXPLORATION = {"exploration_std": {"log_uniform": [0.01, 0.1]}}


def _perturbations(activity: ActivityLike, noise: Noise) -> list[Tensor]:
    return [
        noise.normal(f"node {index}", z.shape[1:])
        for index, z in enumerate(activity.preactivations)
    ]


def _scaled(perturbations: list[Tensor], std: Tensor) -> list[Tensor]:
    return [per_network(std, n) * n for n in perturbations]


def _explored(
    leaves: Parameters, activity: ActivityLike, change: Tensor, perturbations: list[Tensor],
    std: Tensor,
) -> Parameters:  # fmt: skip
    """Return the pseudo-gradient of d = change n / s, a mean over the batch.

    Args:
        leaves: Parameters as leaves.
        activity: A pass with each layer cut off from the one before.
        change: What the perturbation changed in each example's loss, (E, batch).
        perturbations: n of each layer.
        std: s of each network (E,).
    """
    weight = change / (std[:, None] * change.shape[1])
    signals = [weight.view(*weight.shape, *[1] * (n.dim() - 2)) * n for n in perturbations]
    return gradients_of(leaves, activity.preactivations, signals)


def _step_node_perturbation(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    std = hyperparameters["exploration_std"]
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        activity = network.forward(leaves, batch.x, local=True)
    perturbations = _perturbations(activity, noise)
    noisy = network.forward(parameters, batch.x, added=_scaled(perturbations, std)).output
    losses = batch.loss(activity.output.detach(), batch.y)
    change = batch.loss(noisy, batch.y) - losses
    gradients = _explored(leaves, activity, change, perturbations, std)
    return Assignment(gradients, state, losses.mean(-1))


def _step_weight_perturbation(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    std = hyperparameters["exploration_std"]
    vector = network.flatten(parameters)
    n = noise.normal("weights", vector.shape[1:])
    noisy = network.forward(network.unflatten(vector + std[:, None] * n), batch.x).output
    losses = batch.losses(network.forward(parameters, batch.x).output)
    change = batch.losses(noisy) - losses
    return Assignment(network.unflatten((change / std)[:, None] * n), state, losses)


def _init_reward(setup: Setup) -> State:
    """Keep the shapes of the perturbations, and expect nothing yet."""
    activity = setup.network.forward(setup.parameters, setup.inputs[:, :1])
    expected = torch.full_like(setup.hyperparameters["exploration_std"], torch.nan)
    return {"shapes": [z.shape[2:] for z in activity.preactivations], "expected": expected}


def _step_reward_modulated_hebbian(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    std = hyperparameters["exploration_std"]
    perturbations = [
        noise.normal(f"node {index}", (batch.x.shape[1], *shape))
        for index, shape in enumerate(state["shapes"])
    ]
    leaves = leaves_of(parameters)
    with torch.enable_grad():
        added = _scaled(perturbations, std)
        activity = network.forward(leaves, batch.x, added=added, local=True)
    reward = -batch.loss(activity.output.detach(), batch.y)
    mean = reward.mean(-1)
    expected = torch.where(state["expected"].isnan(), mean, state["expected"])
    gradients = _explored(leaves, activity, expected[:, None] - reward, perturbations, std)
    expected = torch.lerp(expected, mean, REWARD_AVERAGING)
    return Assignment(gradients, {**state, "expected": expected}, -mean)


NODE_PERTURBATION = CreditAssignment(
    "node_perturbation",
    "perturbation",
    init_nothing,
    _step_node_perturbation,
    ranges=EXPLORATION,
    learning_rates={
        "scaled": {"log_uniform": [3e-4, 4e-3]},
        "normalised": {"log_uniform": [5e-4, 1e-2]},
    },
    refuses=(needs_loss_of_each_example,),
)
"""d_l = (L_noisy - L) n_l / s: noise s n on z, one draw and one loss an example.

All layers are perturbed at once. s is `exploration_std`; with noise of standard deviation s this is
(L_noisy - L) s n / s². Source: Werfel, Xie & Seung 2005.
"""

WEIGHT_PERTURBATION = CreditAssignment(
    "weight_perturbation",
    "perturbation",
    init_nothing,
    _step_weight_perturbation,
    ranges=EXPLORATION,
    learning_rates={
        "scaled": {"log_uniform": [1e-4, 8e-4]},
        "normalised": {"log_uniform": [1e-3, 1e-2]},
    },
)
"""G = (L_noisy - L) n / s: noise s n on all weights and biases, one loss of the batch a network.

Source: Jabri & Flower 1992; Cauwenberghs 1993 for all weights at once.
"""

REWARD_MODULATED_HEBBIAN = CreditAssignment(
    "reward_modulated_hebbian",
    "perturbation",
    _init_reward,
    _step_reward_modulated_hebbian,
    ranges={"exploration_std": {"log_uniform": [0.2, 1.0]}},
    learning_rates={
        "scaled": {"log_uniform": [2e-4, 2e-3]},
        "normalised": {"log_uniform": [5e-4, 5e-3]},
    },
    refuses=(needs_loss_of_each_example,),
)
"""G = -(R - R~) n h^T / s: the exploratory noise s n is part of the only pass there is.

R is minus the loss of each example, R~ its mean over past batches, falling off by 0.9 a step, and
h what the noisy network feeds the layer. Source: Fremaux & Gerstner 2016; Miconi 2017, whose R~ is
kept for each kind of trial; ours is one a network.
"""
