"""Batch normalisation with the statistics of the network as it is.

The simulator has no running averages: at each checkpoint it normalises with the mean and variance
of a large batch ("precise" batch normalisation, Wu & Johnson 2021). Running averages begin at 0 and
1 whatever the network does, and lag behind it: the first checkpoints would show their start.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rule_id.recordings.recorder.stimuli import Batch

__all__ = ["normalise_precisely", "precisely_normalised"]


@dataclass
class _Moments:
    """Sums over examples and positions, by channel; numbers until something was added."""

    n: int = 0
    total: Any = 0.0
    squares: Any = 0.0

    def add(self, x: Tensor) -> None:
        """Add x (examples, channels, ...)."""
        axes = [0, *range(2, x.dim())]
        x = x.double() if x.device.type != "mps" else x.float()
        self.n += x.numel() // x.shape[1]
        self.total = self.total + x.sum(axes)
        self.squares = self.squares + (x * x).sum(axes)


def precisely_normalised(model: nn.Module, running: bool) -> list[nn.Module]:
    """Return the batch normalisations whose statistics are to be taken anew.

    Args:
        model: The model, in the mode in which it is found.
        running: Whether running averages are used where there are any.

    Returns:
        All of them, but for those that are frozen: in evaluation mode while the model trains.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [
        norm
        for norm in norms
        if norm.running_mean is None or not (running or (model.training and not norm.training))
    ]


def normalise_precisely(
    model: nn.Module, norms: Iterable[nn.Module], batches: Iterable[Batch]
) -> None:
    """Put the statistics of what they are fed with into batch normalisations.

    Args:
        model: The model, in evaluation mode.
        norms: Those of its batch normalisations that are to be set.
        batches: What the model is shown; each batch is normalised by its own statistics, and those
            of all together are left behind.
    """
    moments: dict[Any, _Moments] = {norm: _Moments() for norm in norms}

    def before(norm: Any, args: tuple[Any, ...]) -> None:
        own = _Moments()
        own.add(args[0])
        moments[norm].add(args[0])
        _set(norm, own, args[0])

    with ExitStack() as stack, torch.no_grad():
        for norm in moments:
            stack.callback(norm.register_forward_pre_hook(before).remove)
        for args, kwargs in batches:
            model(*args, **kwargs)
        for norm, all_of_them in moments.items():
            if all_of_them.n:
                _set(norm, all_of_them, norm.running_mean)


def _set(norm: Any, moments: _Moments, like: Tensor) -> None:
    mean = moments.total / moments.n
    variance = (moments.squares / moments.n - mean * mean).clamp(min=0)
    # New tensors, not the old ones changed: a backward pass may still need those.
    norm._buffers["running_mean"], norm._buffers["running_var"] = mean.to(like), variance.to(like)
