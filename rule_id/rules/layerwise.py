"""Rules that pass a teaching signal down layer by layer through weights that do not learn.

    d_L = dloss/dz_L,   d_l = f'(z_l) * B_{l+1} d_{l+1},

with B the transposed weights (backprop), fixed and random (feedback alignment), or made of the
signs of the weights (sign symmetry).
"""

from __future__ import annotations

from collections.abc import Callable

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
from rule_id.rules.teaching import teach
from rule_id.rules.tensors import per_network

__all__ = [
    "BACKPROP",
    "FEEDBACK_ALIGNMENT",
    "SIGN_SYMMETRY_BATCHWISE_RANDOM",
    "SIGN_SYMMETRY_FIXED_RANDOM",
    "SIGN_SYMMETRY_UNIFORM",
    "init_nothing",
]

Feedback = Callable[[Parameters, State, Noise], list[Tensor] | None]


def init_nothing(setup: Setup) -> State:
    """Return the state of a rule that needs none."""
    return {}


def _init_feedback(setup: Setup) -> State:
    return {"feedback": list(setup.feedback)}


def _layerwise(
    name: str, family: str, feedback: Feedback, init: Callable[[Setup], State] = init_nothing
) -> CreditAssignment:
    """Return the credit assignment that sends signals back through what `feedback` gives."""

    def step(
        network: NetworkLike,
        parameters: Parameters,
        state: State,
        batch: Batch,
        hyperparameters: Hyperparameters,
        noise: Noise,
    ) -> Assignment:
        gradients, losses, _ = teach(network, parameters, batch, feedback(parameters, state, noise))
        return Assignment(gradients, state, losses)

    return CreditAssignment(name, family, init, step)


def _transposed_weights(parameters: Parameters, state: State, noise: Noise) -> None:
    return None


def _fixed(parameters: Parameters, state: State, noise: Noise) -> list[Tensor]:
    feedback: list[Tensor] = state["feedback"]
    return feedback


def _init_scales(setup: Setup) -> State:
    return {"scales": [b.flatten(1).square().mean(1).sqrt() for b in setup.feedback]}


def _signs(parameters: Parameters, state: State, noise: Noise) -> list[Tensor]:
    return [
        per_network(scale, own["weight"]) * own["weight"].sign()
        for own, scale in zip(parameters, state["scales"], strict=True)
    ]


def _signs_fixed_magnitudes(parameters: Parameters, state: State, noise: Noise) -> list[Tensor]:
    return [
        b.abs() * own["weight"].sign() for own, b in zip(parameters, state["feedback"], strict=True)
    ]


def _signs_new_magnitudes(parameters: Parameters, state: State, noise: Noise) -> list[Tensor]:
    feedback = []
    for index, (own, scale) in enumerate(zip(parameters, state["scales"], strict=True)):
        weight = own["weight"]
        # Uniform between 0 and sqrt(3) has a mean square of 1.
        magnitude = 3**0.5 * noise.uniform(f"magnitude {index}", weight.shape[1:])
        feedback.append(per_network(scale, weight) * magnitude * weight.sign())
    return feedback


BACKPROP = _layerwise("backprop", "backprop", _transposed_weights)
"""B = W^T, which makes the pseudo-gradient the gradient. Source: Rumelhart, Hinton & Williams
1986."""

FEEDBACK_ALIGNMENT = _layerwise("feedback_alignment", "fixed feedback", _fixed, _init_feedback)
"""B fixed, drawn like W^T. Source: Lillicrap et al. 2016."""

SIGN_SYMMETRY_UNIFORM = _layerwise("sign_symmetry_uniform", "sign symmetry", _signs, _init_scales)
"""B = s sign(W^T), s the root mean square of the layer's initial draw.

Source: Liao, Leibo & Poggio 2016; the scale is that of Moskovitz, Litwin-Kumar & Abbott 2018 and of
BioTorch's `usf`.
"""

SIGN_SYMMETRY_FIXED_RANDOM = _layerwise(
    "sign_symmetry_fixed_random", "sign symmetry", _signs_fixed_magnitudes, _init_feedback
)
"""B = |M| * sign(W^T), M drawn once like W^T. Source: Liao et al. 2016; BioTorch's `frsf`."""

SIGN_SYMMETRY_BATCHWISE_RANDOM = _layerwise(
    "sign_symmetry_batchwise_random", "sign symmetry", _signs_new_magnitudes, _init_scales
)
"""B = |M| * sign(W^T), M uniform with the root mean square of the initial draw, new in each step.

Source: Liao et al. 2016; BioTorch's `brsf`, which draws from its uniform initialisation.
"""
