r"""Rules that learn their feedback weights by a local objective of each layer.

For one layer with input x, forward projection Wx and backward weight B (the shape of W^T), the
alignment primitives of Kunin et al. are, with E the mean over the batch,

    decay = |W|² + |B|²,   amp = -E<Wx, xB>,   null = E|BWx|².

Only B follows their gradient; W is held constant in them.

Source: Kunin et al., "Two Routes to Scalable Credit Assignment without Weight Symmetry", 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rule_id.rules.contract import (
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Parameters,
    State,
)
from rule_id.rules.layerwise import init_fixed_feedback, teach

__all__ = [
    "INFORMATION_ALIGNMENT",
    "information_alignment_fixed_point",
    "information_alignment_gradient",
]

AMP, NULL, DECAY = 2e-3, 1e-3, 1e-3
"""Coefficients a, b, c of information alignment in the authors' code."""


def information_alignment_gradient(feedback: Tensor, x: Tensor, projection: Tensor) -> Tensor:
    """Return the gradient of a amp + b null + c decay with respect to B.

    -a E[x (Wx)^T] + 2 b E[(B Wx) (Wx)^T] + 2 c B.

    Args:
        feedback: B, (E, n_in, n_out).
        x: Input of the layer, (E, batch, n_in).
        projection: Wx, without the bias, (E, batch, n_out).

    Returns:
        (E, n_in, n_out).
    """
    residual = 2 * NULL * projection @ feedback.mT - AMP * x
    return residual.mT @ projection / x.shape[1] + 2 * DECAY * feedback


def information_alignment_fixed_point(weight: Tensor, x: Tensor) -> Tensor:
    """Return the B at which its gradient vanishes while W is held.

    B = (a/2) S W^T (b W S W^T + c I)^{-1} with S = E[x x^T]: a regularised pseudo-inverse of W,
    not W^T.

    Args:
        weight: W, (E, n_out, n_in).
        x: Inputs of the layer, (E, batch, n_in).

    Returns:
        (E, n_in, n_out), NaN for a network that has diverged.
    """
    projection = x @ weight.mT
    n = x.shape[1]
    identity = torch.eye(weight.shape[1], dtype=x.dtype, device=x.device)
    inner = NULL * projection.mT @ projection / n + DECAY * identity
    target = AMP / 2 * x.mT @ projection / n
    # The checked solve refuses all networks for the sake of one that has diverged.
    solved, failed = torch.linalg.solve_ex(inner, target, left=False)
    return torch.where((failed != 0)[:, None, None], torch.nan, solved)


def _step(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    batch: Batch,
    hyperparameters: Hyperparameters,
) -> Assignment:
    gradients, losses, activity = teach(network, parameters, batch, state["feedback"])
    # The first layer sends nothing back, so its feedback weights need not learn.
    first, *later = state["feedback"]
    learned = [
        _descend(own["bias"], b, x, z, hyperparameters["feedback_rate"])
        for own, b, x, z in zip(
            parameters[1:], later, activity.inputs[1:], activity.preactivations[1:], strict=True
        )
    ]
    return Assignment(gradients, {"feedback": [first, *learned]}, losses)


def _descend(bias: Tensor, feedback: Tensor, x: Tensor, z: Tensor, rate: Tensor) -> Tensor:
    """Take one step of B, normalised by the steepest its objective can be.

    The curvature along any direction of B is at most 2 (b E|Wx|² + c), so the step is stable for
    every rate below 2 however large activity grows, as in normalised least mean squares. The
    authors descend with the forward weights' own optimizer, whose rates suit one architecture.
    """
    x, projection = x.detach(), (z - bias[:, None]).detach()
    power = (projection * projection).sum(-1).mean(-1)
    step = rate / (2 * (NULL * power + DECAY))
    return feedback - step[:, None, None] * information_alignment_gradient(feedback, x, projection)


def _angle(
    network: NetworkLike,
    parameters: Parameters,
    state: State,
    x: Tensor,
    hyperparameters: Hyperparameters,
) -> Tensor:
    activity = network.forward(parameters, x)
    angles = [
        _angle_between(b, information_alignment_fixed_point(own["weight"], inputs))
        for own, b, inputs in zip(
            parameters[1:], state["feedback"][1:], activity.inputs[1:], strict=True
        )
    ]
    return torch.stack(angles).mean(0)


def _angle_between(a: Tensor, b: Tensor) -> Tensor:
    cosine = torch.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))


INFORMATION_ALIGNMENT = CreditAssignment(
    "information_alignment",
    "learned feedback",
    init_fixed_feedback,
    _step,
    _angle,
    {"feedback_rate": {"log_uniform": [0.05, 0.5]}},
)
"""d_l = f'(z_l) * B_{l+1} d_{l+1}, and B descends a amp + b null + c decay."""
