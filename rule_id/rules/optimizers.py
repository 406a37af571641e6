"""Optimizers: from a pseudo-gradient to a weight change.

Each tensor of parameters takes its step by itself, its entries side by side, so that a formula is
one line for (E, n) tensors and hyperparameters (E, 1). Steps write over their state, which saves
memory traffic, most of what they cost. Conventions, weight decay included, are those of
`torch.optim`. Symbols: G pseudo-gradient, w parameters, eta `learning_rate`, lambda `weight_decay`,
mu or beta1 `momentum`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rule_id.rules.contract import Hyperparameters, Optimizer, State

__all__ = ["ADAM", "ADAMW", "MOMENTUM", "RMSPROP", "SGD"]

BETA2, EPSILON = 0.999, 1e-8

LIMITS = {
    "momentum": (0.0, 1 - 1e-9),
    "rms_decay": (0.0, 1 - 1e-9),
    "weight_decay": (0.0, math.inf),
}

DECAY = {"choice": [0.0, {"log_uniform": [1e-5, 1e-3]}]}
# Never 0, for without it the rule is Adam; of what others use, what a few hundred steps can show.
DECOUPLED_DECAY = {"log_uniform": [1e-2, 1.0]}


def _downhill(hyperparameters: Hyperparameters) -> Hyperparameters:
    return {**hyperparameters, "step": -hyperparameters["learning_rate"]}


def _corrected(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Draw the corrections for starting at 0 together into one factor and one epsilon."""
    updates, beta1 = hyperparameters["updates"], hyperparameters["momentum"]
    # 1 - beta2^n by expm1: in single precision the difference itself keeps five digits of it.
    late = (-torch.expm1(updates * math.log(BETA2))).sqrt()
    step = -hyperparameters["learning_rate"] * late / (1 - beta1**updates)
    return {**hyperparameters, "step": step, "epsilon": EPSILON * late}


def _init_sgd(parameters: Tensor) -> State:
    return {}


def _step_sgd(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    gradient = _with_decay(gradient, parameters, hyperparameters)
    return gradient.mul_(hyperparameters["step"]), state


def _init_momentum(parameters: Tensor) -> State:
    return {"velocity": torch.zeros_like(parameters)}


def _step_momentum(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    gradient = _with_decay(gradient, parameters, hyperparameters)
    velocity = state["velocity"].mul_(hyperparameters["momentum"]).add_(gradient)
    return torch.mul(velocity, hyperparameters["step"], out=gradient), {"velocity": velocity}


def _init_rmsprop(parameters: Tensor) -> State:
    return {"second": torch.zeros_like(parameters)}


def _step_rmsprop(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    gradient = _with_decay(gradient, parameters, hyperparameters)
    second = torch.lerp(gradient * gradient, state["second"], hyperparameters["rms_decay"])
    scale = second.sqrt().add_(EPSILON)
    return gradient.div_(scale).mul_(hyperparameters["step"]), {"second": second}


def _init_adam(parameters: Tensor) -> State:
    return {"first": torch.zeros_like(parameters), "second": torch.zeros_like(parameters)}


def _step_adam(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    return _adaptive(_with_decay(gradient, parameters, hyperparameters), state, hyperparameters)


def _step_adamw(
    gradient: Tensor, state: State, parameters: Tensor, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    change, state = _adaptive(gradient, state, hyperparameters)
    shrinking = hyperparameters["learning_rate"] * hyperparameters["weight_decay"]
    return change.addcmul_(parameters, shrinking, value=-1), state


def _adaptive(
    gradient: Tensor, state: State, hyperparameters: Hyperparameters
) -> tuple[Tensor, State]:
    first = state["first"].lerp_(gradient, 1 - hyperparameters["momentum"])
    second = state["second"].mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
    scale = second.sqrt().add_(hyperparameters["epsilon"])
    change = torch.div(first, scale, out=scale).mul_(hyperparameters["step"])
    return change, {"first": first, "second": second}


def _with_decay(gradient: Tensor, parameters: Tensor, hyperparameters: Hyperparameters) -> Tensor:
    """Return G + lambda w, in memory of its own."""
    return torch.addcmul(gradient, hyperparameters["weight_decay"], parameters)


SGD = Optimizer(
    "sgd",
    _init_sgd,
    _step_sgd,
    {"learning_rate": {"log_uniform": [1e-2, 3e-1]}, "weight_decay": DECAY},
    LIMITS,
    prepare=_downhill,
)
"""w <- w - eta (G + lambda w), as in `torch.optim.SGD`. Source: Robbins & Monro 1951."""

MOMENTUM = Optimizer(
    "momentum",
    _init_momentum,
    _step_momentum,
    {
        "learning_rate": {"log_uniform": [3e-3, 5e-2]},
        "momentum": {"uniform": [0.5, 0.95]},
        "weight_decay": DECAY,
    },
    LIMITS,
    prepare=_downhill,
)
"""v <- mu v + G + lambda w; w <- w - eta v. Heavy ball (Polyak 1964) as in `torch.optim.SGD`."""

RMSPROP = Optimizer(
    "rmsprop",
    _init_rmsprop,
    _step_rmsprop,
    {
        "learning_rate": {"log_uniform": [3e-4, 1e-2]},
        "rms_decay": {"uniform": [0.9, 0.99]},
        "weight_decay": DECAY,
    },
    LIMITS,
    normalised=True,
    prepare=_downhill,
)
"""s <- alpha s + (1 - alpha) g², with g = G + lambda w; w <- w - eta g / (sqrt(s) + epsilon).

alpha is `rms_decay`, epsilon 1e-8. Source: Tieleman & Hinton 2012, as in `torch.optim.RMSprop`.
"""

ADAM = Optimizer(
    "adam",
    _init_adam,
    _step_adam,
    {
        "learning_rate": {"log_uniform": [3e-4, 1e-2]},
        "momentum": {"uniform": [0.8, 0.95]},
        "weight_decay": DECAY,
    },
    LIMITS,
    normalised=True,
    prepare=_corrected,
)
"""m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g², with g = G + lambda w;
w <- w - eta m^ / (sqrt(s^) + epsilon), m^ and s^ corrected for starting at 0.

beta2 is 0.999, epsilon 1e-8. Source: Kingma & Ba 2015, as in `torch.optim.Adam`.
"""

ADAMW = Optimizer(
    "adamw",
    _init_adam,
    _step_adamw,
    {
        "learning_rate": {"log_uniform": [3e-4, 1e-2]},
        "momentum": {"uniform": [0.8, 0.95]},
        "weight_decay": DECOUPLED_DECAY,
    },
    LIMITS,
    normalised=True,
    decoupled_decay=True,
    prepare=_corrected,
)
"""As `ADAM` with g = G, and w <- w - eta lambda w beside it.

Source: Loshchilov & Hutter 2019, as in `torch.optim.AdamW`.
"""
