"""Rules whose feedback weights learn: by alignment primitives, or as their weights do.

The teaching signal is d_l = f'(z_l) * B_{l+1} d_{l+1}, as in feedback alignment, and B descends an
objective of its own layer (`rule_id.rules.alignment`).

How fast B learns defines the rule: where it hardly moves, the network is one of feedback alignment
under another name; where it moves at once, one of backprop. A network therefore draws
`feedback_time`, the share of training after which its B would come within 45 degrees of the fixed
point if W rested, and the learning rate of each layer's B follows from the layer as it begins. The
authors give every layer the same rate and coefficients, which suit one architecture and activity
of unit variance; theirs are `AUTHORS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rule_id.rules.alignment import Coefficients, alignment_time, descend, fixed_point
from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    LayerLike,
    NetworkLike,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.noise import Noise
from rule_id.rules.teaching import teach
from rule_id.rules.tensors import angle_between, per_network

__all__ = [
    "ACTIVATION_ALIGNMENT",
    "AUTHORS",
    "FEEDBACK_TIME",
    "INFORMATION_ALIGNMENT",
    "KOLEN_POLLACK",
    "SYMMETRIC_ALIGNMENT",
    "WEIGHT_MIRROR",
    "feedback_angle",
    "learned_feedback",
]

FEEDBACK_TIME = {"log_uniform": [0.08, 0.4]}

AUTHORS: Mapping[str, Mapping[str, float]] = {
    "symmetric_alignment": {"decay": 1e-3, "self": 2e-3},
    "activation_alignment": {"sparse": 1e-3, "amp": 2e-3},
    "weight_mirror": {"decay": 1e-3, "amp": 1e-3},
    "information_alignment": {"amp": 2e-3, "null": 1e-3, "decay": 1e-3},
}
"""Default coefficients in the code of Kunin et al. (2020)."""

Coefficient = Callable[[LayerLike, Tensor, Tensor, Hyperparameters], Coefficients]


def learned_feedback(
    name: str,
    coefficients: Coefficient,
    *,
    ranges: Mapping[str, object],
    noisy_input: bool = False,
    calibrated: bool = True,
    substeps: int = 1,
) -> CreditAssignment:
    """Return a credit assignment whose B descends alignment primitives.

    Args:
        name: Its name.
        coefficients: From layer, W, inputs x and hyperparameters to the coefficients of that
            layer, up to a common factor.
        ranges: Draws of its hyperparameters.
        noisy_input: Feed the layer standard normal noise while B learns, so that S = E[x x^T] is
            the identity.
        calibrated: Set that factor by `feedback_time`, and shorten steps that would overshoot;
            False takes the learning rate of W and full steps, as the authors do.
        substeps: Parts that each step of B is taken in.
    """

    def init(setup: Setup) -> State:
        inputs = setup.network.forward(setup.parameters, setup.inputs).inputs
        amounts: list[Coefficients] = [{}]
        layers, parameters = setup.network.layers[1:], setup.parameters[1:]
        for layer, own, b, x in zip(
            layers, parameters, setup.feedback[1:], inputs[1:], strict=True
        ):
            weight = own["weight"]
            amount = coefficients(layer, weight, x, setup.hyperparameters)
            if calibrated:
                time = alignment_time(layer, b, weight, x, amount, white=noisy_input)
                rate = time / (setup.hyperparameters["feedback_time"] * setup.steps)
            else:
                rate = setup.hyperparameters["learning_rate"]
            amounts.append({primitive: rate * value for primitive, value in amount.items()})
        return {"feedback": list(setup.feedback), "coefficients": amounts}

    def step(
        network: NetworkLike,
        parameters: Parameters,
        state: State,
        batch: Batch,
        hyperparameters: Hyperparameters,
        noise: Noise,
    ) -> Assignment:
        feedback, amounts = state["feedback"], state["coefficients"]
        gradients, losses, activity = teach(network, parameters, batch, feedback)
        # The first layer sends nothing back, so its feedback weights need not learn.
        learned = [feedback[0]]
        for index in range(1, len(feedback)):
            x = activity.inputs[index].detach()
            if noisy_input:
                x = noise.normal(f"layer input {index}", x.shape[1:])
            layer, weight, b = network.layers[index], parameters[index]["weight"], feedback[index]
            share = (1.0 if calibrated else hyperparameters["rate_factor"]) / substeps
            amount = {name: share * value for name, value in amounts[index].items()}
            for _ in range(substeps):
                b = descend(layer, b, weight, x, amount, shortened=calibrated)
            learned.append(b)
        return Assignment(gradients, {**state, "feedback": learned}, losses)

    def angle(network: NetworkLike, parameters: Parameters, state: State, x: Tensor) -> Tensor:
        inputs = network.forward(parameters, x).inputs
        ends: list[Tensor | None] = [None]
        for layer, own, h, amount in zip(
            network.layers[1:], parameters[1:], inputs[1:], state["coefficients"][1:], strict=True
        ):
            ends.append(fixed_point(layer, own["weight"], h, amount, white=noisy_input))
        return feedback_angle(state["feedback"], ends)

    return CreditAssignment(
        name, "learned feedback", init, step, angle=angle, feedback="feedback", ranges=ranges
    )


def feedback_angle(feedback: list[Tensor], ends: list[Tensor | None]) -> Tensor:
    """Return the mean over layers of the angle between feedback and where it leads, degrees (E,).

    Args:
        feedback: B^T of each layer.
        ends: The fixed point of each, or None for a layer that sends nothing back.
    """
    angles = [
        angle_between(b, end) for b, end in zip(feedback, ends, strict=True) if end is not None
    ]
    return torch.stack(angles).mean(0)


def _symmetric(
    layer: LayerLike, weight: Tensor, x: Tensor, hyperparameters: Hyperparameters
) -> Coefficients:
    gain = hyperparameters["feedback_gain"]
    return {"decay": torch.full_like(gain, 0.5), "self": gain}


def _activation(
    layer: LayerLike, weight: Tensor, x: Tensor, hyperparameters: Hyperparameters
) -> Coefficients:
    gain = hyperparameters["feedback_gain"]
    return {"sparse": torch.full_like(gain, 0.5), "amp": gain}


def _mirror(
    layer: LayerLike, weight: Tensor, x: Tensor, hyperparameters: Hyperparameters
) -> Coefficients:
    """Take the amp for one position: sums over many would make B as many times W."""
    gain = hyperparameters["feedback_gain"]
    positions = layer.map.white_power(x).max()
    return {"decay": torch.full_like(gain, 0.5), "amp": gain / positions}


def _information(
    layer: LayerLike, weight: Tensor, x: Tensor, hyperparameters: Hyperparameters
) -> Coefficients:
    """Take the decay in units of the mean power of Wx, and the amp that gives B* its norm."""
    fed = layer.map.fed(layer.project(weight, x))
    power = fed.square().sum(1).mean(1) / x.shape[1]
    # A silent layer has no power, and nothing to align with: its B stays. So little decay moves
    # nothing, but keeps the fixed point, which is then zero, a number.
    numbers = torch.finfo(weight.dtype)
    silent = power <= numbers.tiny / numbers.eps
    null = torch.where(silent, 0.0, torch.full_like(power, 0.5))
    decay = 0.5 * hyperparameters["feedback_damping"] * power.clamp(min=numbers.tiny)
    amount = {"null": null, "decay": decay}
    end = fixed_point(layer, weight, x, {**amount, "amp": torch.ones_like(power)})
    norms = weight.flatten(1).norm(dim=1) / end.flatten(1).norm(dim=1)
    amp = hyperparameters["feedback_gain"] * torch.where(silent, 0.0, norms)
    return {**amount, "amp": amp}


_GAIN = {"uniform": [0.5, 1.5]}
_RANGES = {"feedback_time": FEEDBACK_TIME, "feedback_gain": _GAIN}

SYMMETRIC_ALIGNMENT = learned_feedback("symmetric_alignment", _symmetric, ranges=_RANGES)
"""B descends a decay + b self and ends at g W^T, g = b / 2a `feedback_gain`. Source: Kunin 2020."""

ACTIVATION_ALIGNMENT = learned_feedback(
    "activation_alignment", _activation, ranges=_RANGES, substeps=4
)
"""B descends a sparse + b amp and ends at g W^T, g = b / 2a `feedback_gain`.

The directions in which activity varies little are learned slowly: at the rate at which they come in
time a whole step would overshoot in the others, hence four parts a step. Source: Kunin 2020.
"""

WEIGHT_MIRROR = learned_feedback("weight_mirror", _mirror, ranges=_RANGES, noisy_input=True)
"""B descends a decay + b amp while the layer is fed standard normal noise, and ends at g W^T.

In a convolution outer taps, which lie outside at the margin, end at as much less as they see less.
Source: Akrout et al. 2019 in the form of Kunin 2020. Theirs alternate between noise and task; here
each step does both.
"""

INFORMATION_ALIGNMENT = learned_feedback(
    "information_alignment",
    _information,
    ranges={**_RANGES, "feedback_damping": {"log_uniform": [0.1, 3.0]}},
)
"""B descends a amp + b null + c decay and ends at (a/2) S W^T (b W S W^T + c I)^{-1}.

c / b is `feedback_damping` times the mean power of Wx, and a gives that fixed point
`feedback_gain` times the norm of W, both as the layer begins. With the authors' a = 2b = 2c and
activity of less than unit variance B would end at a small fraction of that norm, and the teaching
signal would fade from layer to layer. Source: Kunin 2020.
"""


def _init_kolen_pollack(setup: Setup) -> State:
    rate = setup.hyperparameters["feedback_decay"] / setup.steps
    if setup.mean_rate_factor is not None:
        rate = rate / setup.mean_rate_factor
    return {"feedback": list(setup.feedback), "decay": rate}


def _step_kolen_pollack(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
    noise: Noise,
) -> Assignment:
    gradients, losses, _ = teach(network, parameters, batch, state["feedback"])
    return Assignment(gradients, state, losses)


def _follow_kolen_pollack(
    change: Parameters, parameters: Parameters, state: State, hyperparameters: Hyperparameters
) -> tuple[Parameters, State]:
    first, *later = state["feedback"]
    rate = state["decay"] * hyperparameters["rate_factor"]
    both = [dict(own) for own in change]
    feedback = [first]
    for index, b in enumerate(later, start=1):
        decay = per_network(rate, b)
        own = change[index]["weight"]
        both[index]["weight"] = own - decay * parameters[index]["weight"]
        feedback.append(b + own - decay * b)
    return both, {**state, "feedback": feedback}


def _angle_kolen_pollack(
    network: NetworkLike, parameters: Parameters, state: State, x: Tensor
) -> Tensor:
    ends: list[Tensor | None] = [None, *(own["weight"] for own in parameters[1:])]
    return feedback_angle(state["feedback"], ends)


KOLEN_POLLACK = CreditAssignment(
    "kolen_pollack",
    "learned feedback",
    _init_kolen_pollack,
    _step_kolen_pollack,
    follow=_follow_kolen_pollack,
    angle=_angle_kolen_pollack,
    feedback="feedback",
    ranges={"feedback_decay": {"log_uniform": [3.0, 6.0]}},
    learning_rates={
        "scaled": {"log_uniform": [1e-2, 5e-2]},
        "normalised": {"log_uniform": [1e-3, 1e-2]},
    },
)
"""B gets the transposed change of W, and both decay: B^T - W shrinks by 1 - k in every step.

k follows the schedule, and comes to `feedback_decay` over all of training. The change is the
optimizer's, whichever it is, and the decay is taken beside it, so that the difference shrinks under
every optimizer; as part of an adaptive optimizer's gradient it would not. Source: Kolen & Pollack
1994; Akrout et al. 2019, who add the decay to the gradient and use momentum.
"""
