"""Optimizers: from a pseudo-gradient to a weight change.

All parameters of a network lie side by side, so that each formula is one line for (E, P) tensors.
Conventions, weight decay included, are those of `torch.optim`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rule_id.rules.contract import Hyperparameters, Optimizer, State

__all__ = ["ADAM", "MOMENTUM"]

BETA2, EPSILON = 0.999, 1e-8


def _init_momentum(parameters: Tensor) -> State:
    return {"velocity": torch.zeros_like(parameters)}


def _step_momentum(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    gradient = _with_decay(gradient, parameters, hyperparameters)
    velocity = hyperparameters["momentum"][:, None] * state["velocity"] + gradient
    return -hyperparameters["learning_rate"][:, None] * velocity, {"velocity": velocity}


def _init_adam(parameters: Tensor) -> State:
    return {
        "first": torch.zeros_like(parameters),
        "second": torch.zeros_like(parameters),
        "count": 0,
    }


def _step_adam(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    gradient = _with_decay(gradient, parameters, hyperparameters)
    beta1 = hyperparameters["momentum"][:, None]
    count = state["count"] + 1
    first = torch.lerp(gradient, state["first"], beta1)
    second = BETA2 * state["second"] + (1 - BETA2) * gradient * gradient
    scale = (second / (1 - BETA2**count)).sqrt_().add_(EPSILON)
    rate = hyperparameters["learning_rate"][:, None] / (1 - beta1**count)
    return -rate * first / scale, {"first": first, "second": second, "count": count}


def _with_decay(gradient: Tensor, parameters: Tensor, hyperparameters: Hyperparameters) -> Tensor:
    return torch.addcmul(gradient, hyperparameters["weight_decay"][:, None], parameters)


MOMENTUM = Optimizer(
    "momentum",
    _init_momentum,
    _step_momentum,
    {"learning_rate": {"log_uniform": [3e-3, 1e-1]}, "momentum": {"uniform": [0.5, 0.95]}},
)
"""v <- mu v + G + lambda w; w <- w - eta v. Heavy ball (Polyak 1964) as in `torch.optim.SGD`.

eta is `learning_rate`, mu `momentum`, lambda `weight_decay`.
"""

ADAM = Optimizer(
    "adam",
    _init_adam,
    _step_adam,
    {"learning_rate": {"log_uniform": [3e-4, 1e-2]}, "momentum": {"uniform": [0.8, 0.95]}},
)
"""m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g², with g = G + lambda w;
w <- w - eta m^ / (sqrt(s^) + epsilon), m^ and s^ corrected for starting at 0.

eta is `learning_rate`, beta1 `momentum`, beta2 0.999, epsilon 1e-8, lambda `weight_decay`.
Source: Kingma & Ba 2015, as in `torch.optim.Adam`.
"""
