r"""Losses of each example and performance of each network of an ensemble.

Outputs are o, (E, batch, n_out); the network axis comes first in every tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "CROSS_ENTROPY",
    "CURSOR_ERROR",
    "EXPECTED_REWARD",
    "NT_XENT",
    "SQUARED_ERROR",
    "TEMPERATURE",
    "Loss",
    "accuracy",
    "cross_entropy",
    "cursor",
    "cursor_error",
    "determination",
    "expected_reward",
    "greedy_reward",
    "nt_xent",
    "partner_found",
    "squared_error",
]

TEMPERATURE = 0.5
"""Of the contrastive loss, dimensionless; the best of the source's for CIFAR-10."""

SMALLEST = 1e-6
"""Added to squared lengths, so that an output of zero has a direction and a finite gradient."""


@dataclass(frozen=True)
class Loss:
    """What outputs are judged by.

    Attributes:
        name: As in tables.
        of_examples: From outputs (E, B, n_out) and targets (E, B, ...) to the loss of each example
            (E, B), the smaller the better.
        performance: From the same to how good each network is (E,), the larger the better, 1 at
            best; NaN for a network with an output that is not finite: what has diverged has none.
        chance: From test targets (n, ...) to the performance of guessing.
        separable: Whether an example's loss depends on its own output alone.
    """

    name: str
    of_examples: Callable[[Tensor, Tensor], Tensor]
    performance: Callable[[Tensor, Tensor], Tensor]
    chance: Callable[[np.ndarray], float]
    separable: bool = True


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    r"""Return -log softmax(o)[target] of each example, in nats.

    Args:
        output: Logits (E, batch, classes).
        target: Class of each example (E, batch), int64.

    Returns:
        (E, batch).
    """
    rows = output.flatten(0, -2), target.flatten()
    return functional.cross_entropy(*rows, reduction="none").view(target.shape)


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Return the fraction of examples whose largest logit is the target's, (E,)."""
    fraction = (output.argmax(-1) == target).to(output.dtype).mean(-1)
    return _where_finite(output, fraction)


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean over outputs of (o - y)^2 / 2, whose curvature by the output is 1 / n_out.

    Args:
        output: (E, batch, n_out).
        target: (E, batch, n_out).

    Returns:
        (E, batch).
    """
    return (output - target).square().mean(-1) / 2


def determination(output: Tensor, target: Tensor) -> Tensor:
    """Return R^2 = 1 - sum (o - y)^2 / sum (y - mean y)^2 over examples and outputs, (E,).

    The mean of y is that of each output over the given examples; to answer it always gives 0.
    """
    residual = (output - target).square().sum((-2, -1))
    total = (target - target.mean(-2, keepdim=True)).square().sum((-2, -1))
    return _where_finite(output, 1 - residual / total)


def nt_xent(output: Tensor, target: Tensor) -> Tensor:
    r"""Return the normalised, temperature-scaled cross entropy of each view, in nats.

    With s_ij the cosine between the outputs of views i and j, p(i) the other view of the example
    that i shows, and T = `TEMPERATURE`: -s_{i p(i)} / T + log sum_{j != i} exp(s_ij / T).

    Args:
        output: (E, 2 n, n_out): first views of n examples, then their second ones in this order.
        target: Ignored.

    Returns:
        (E, 2 n).

    Source: Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of
    visual representations", equation 1.
    """
    similarity = _cosines(output) / TEMPERATURE
    partners = _partners(output)
    to_partner = similarity.gather(-1, partners.expand(similarity.shape[:-1])[..., None])
    return torch.logsumexp(similarity, -1) - to_partner.squeeze(-1)


def partner_found(output: Tensor, target: Tensor) -> Tensor:
    """Return the share of views whose most similar other view is of the same example, (E,).

    Args:
        output: (E, 2 n, n_out), as for `nt_xent`; similar by the cosine.
        target: Ignored.
    """
    nearest = _cosines(output).argmax(-1)
    share = (nearest == _partners(output)).to(output.dtype).mean(-1)
    return _where_finite(output, share)


def expected_reward(output: Tensor, target: Tensor) -> Tensor:
    """Return minus the reward that the softmax policy expects, -sum_a softmax(o)_a r_a.

    Args:
        output: Preference of each arm (E, batch, arms).
        target: Reward r of each arm (E, batch, arms).

    Returns:
        (E, batch).
    """
    return -(output.softmax(-1) * target).sum(-1)


def greedy_reward(output: Tensor, target: Tensor) -> Tensor:
    """Return the reward of always taking the preferred arm, on a scale of 0 to 1, (E,).

    0 is the mean over arms, which an arm at random gets, 1 the best arm of each example.

    Args:
        output: (E, batch, arms).
        target: Reward of each arm (E, batch, arms); of test examples, the mean reward.
    """
    taken = target.gather(-1, output.argmax(-1, keepdim=True)).squeeze(-1).mean(-1)
    guessed, best = target.mean((-2, -1)), target.amax(-1).mean(-1)
    return _where_finite(output, (taken - guessed) / (best - guessed))


def cursor(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the cursor ends and where it should, each (E, batch, 2).

    Args:
        output: o (E, batch, n_out).
        target: The position to reach, two numbers, then the decoder D (2, n_out) row by row,
            (E, batch, 2 + 2 n_out). The cursor ends at D o.
    """
    decoder = target[..., 2:].unflatten(-1, (2, output.shape[-1]))
    return (decoder * output[..., None, :]).sum(-1), target[..., :2]


def cursor_error(output: Tensor, target: Tensor) -> Tensor:
    """Return |D o - target|^2 / 2 of each example (E, batch); arguments as for `cursor`."""
    reached, wanted = cursor(output, target)
    return (reached - wanted).square().sum(-1) / 2


def _cursor_determination(output: Tensor, target: Tensor) -> Tensor:
    return _where_finite(output, determination(*cursor(output, target)))


def _cosines(output: Tensor) -> Tensor:
    """Return the cosine of each pair (E, n, n), minus infinity for a view with itself."""
    direction = output * (output.square().sum(-1, keepdim=True) + SMALLEST).rsqrt()
    itself = torch.eye(output.shape[-2], dtype=torch.bool, device=output.device)
    return (direction @ direction.mT).masked_fill(itself, -math.inf)


def _partners(output: Tensor) -> Tensor:
    """Return which view shows the same example as each one, (2 n,)."""
    n_views = output.shape[-2]
    return torch.arange(n_views, device=output.device).roll(n_views // 2)


def _where_finite(output: Tensor, performance: Tensor) -> Tensor:
    return torch.where(torch.isfinite(output).all(-1).all(-1), performance, torch.nan)


def _largest_class(target: np.ndarray) -> float:
    return float(np.bincount(target).max() / len(target))


def _zero(target: np.ndarray) -> float:
    return 0.0


def _one_of_the_others(target: np.ndarray) -> float:
    return 1 / (len(target) - 1)


CROSS_ENTROPY = Loss("cross_entropy", cross_entropy, accuracy, _largest_class)
SQUARED_ERROR = Loss("squared_error", squared_error, determination, _zero)
NT_XENT = Loss("nt_xent", nt_xent, partner_found, _one_of_the_others, separable=False)
EXPECTED_REWARD = Loss("expected_reward", expected_reward, greedy_reward, _zero)
CURSOR_ERROR = Loss("cursor_error", cursor_error, _cursor_determination, _zero)
