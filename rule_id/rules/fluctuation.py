r"""Weights that fluctuate around centres which reward moves.

Each weight is w = c + A sin(2 pi t / P), with one amplitude A a network and a period P a weight,
redrawn at each cycle. With R the network's performance minus its running mean,

    dc/dt = alpha R (w - c),   dA/dt = -beta R,

clipped: reward moves the centre toward the current value and shrinks the fluctuation, punishment
does the opposite. w is what is measured.

Source: Yoder, Anderson & Izquierdo, 2022.
"""

from __future__ import annotations

import math

import torch
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
from rule_id.rules.noise import Noise

__all__ = ["WEIGHT_FLUCTUATION"]

MOST_AMPLITUDE = 2.0
"""A_max in multiples of the amplitude at the start."""

MOST_CENTRE = 10.0
"""Bound on |c| in multiples of the initial weights' root mean square."""

SHORTEST, LONGEST = 0.5, 1.5
"""Range of P in multiples of `fluctuation_period`."""


def _init(setup: Setup) -> State:
    vector = setup.network.flatten(setup.parameters)
    size = vector.square().mean(1).sqrt()
    hyperparameters = setup.hyperparameters
    # Half of the cycles begin half a period late, so that not all weights rise together.
    late = setup.noise.uniform("phase", vector.shape[1:]) < 0.5
    period = _periods(setup.noise, hyperparameters, vector)
    return {
        "centre": vector.clone(),
        "amplitude": hyperparameters["fluctuation"] * size,
        "initial": hyperparameters["fluctuation"] * size,
        "bound": MOST_CENTRE * size,
        "time": torch.where(late, period / 2, torch.zeros_like(period)),
        "period": period,
        "expected": torch.full_like(size, torch.nan),
    }


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    vector = network.flatten(parameters)
    losses = batch.losses(network.forward(parameters, batch.x).output)
    expected = torch.where(state["expected"].isnan(), -losses, state["expected"])
    reward = -losses - expected
    initial, bound = state["initial"], state["bound"][:, None]
    amplitude = state["amplitude"] - hyperparameters["fluctuation_shrinkage"] * reward * initial
    amplitude = torch.minimum(amplitude.clamp(min=0), MOST_AMPLITUDE * initial)
    alpha = hyperparameters["learning_rate"] / initial.square()
    moved = state["centre"] + (alpha * reward)[:, None] * (vector - state["centre"])
    centre = torch.minimum(torch.maximum(moved, -bound), bound)
    time = state["time"] + 1
    over = time >= state["period"]
    period = torch.where(over, _periods(noise, hyperparameters, vector), state["period"])
    time = torch.where(over, torch.zeros_like(time), time)
    weights = centre + amplitude[:, None] * torch.sin(2 * math.pi * time / period)
    new = {
        **state,
        "centre": centre,
        "amplitude": amplitude,
        "time": time,
        "period": period,
        "expected": torch.lerp(expected, -losses, 1 / hyperparameters["fluctuation_period"]),
    }
    return Assignment(network.unflatten(vector - weights), new, losses)


def _periods(noise: Noise, hyperparameters: Hyperparameters, vector: Tensor) -> Tensor:
    drawn = SHORTEST + (LONGEST - SHORTEST) * noise.uniform("period", vector.shape[1:])
    return hyperparameters["fluctuation_period"][:, None] * drawn


WEIGHT_FLUCTUATION = CreditAssignment(
    "weight_fluctuation",
    "perturbation",
    _init,
    _step,
    ranges={
        "learning_rate": {"log_uniform": [5e-4, 3e-3]},
        "fluctuation": {"log_uniform": [0.3, 1.0]},
        "fluctuation_period": {"uniform": [6.0, 20.0]},
        "fluctuation_shrinkage": {"log_uniform": [1e-3, 1e-1]},
    },
    limits={"fluctuation_period": (2.0, math.inf)},
    optimizers=(),
)
"""See the module. Time is in steps; performance is minus the loss of the batch.

alpha is `learning_rate` / A_0², so that it says the same at every amplitude; A_0 is `fluctuation`
times the root mean square of the initial weights, beta `fluctuation_shrinkage` times A_0, P uniform
in 0.5 to 1.5 times `fluctuation_period`, far above the delay of the reward, one step.
"""
