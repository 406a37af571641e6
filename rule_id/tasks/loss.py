"""Losses of each example and performance of each network of an ensemble."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["accuracy", "cross_entropy"]


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    r"""Return -log softmax(output)[target] of each example, in nats.

    Args:
        output: Logits (E, batch, classes).
        target: Class of each example (E, batch), int64.

    Returns:
        (E, batch).
    """
    chosen = output.gather(-1, target[..., None]).squeeze(-1)
    return torch.logsumexp(output, -1) - chosen


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Return the fraction of examples whose largest logit is the target's, (E,).

    NaN for a network with a logit that is not finite: what has diverged has no performance.
    """
    fraction = (output.argmax(-1) == target).to(output.dtype).mean(-1)
    finite = torch.isfinite(output).all(-1).all(-1)
    return torch.where(finite, fraction, torch.nan)
