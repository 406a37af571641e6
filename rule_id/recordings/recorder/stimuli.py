"""What a model is shown at every checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rule_id.errors import InputError

__all__ = ["Batch", "Stimuli"]

Batch = tuple[tuple[Tensor, ...], dict[str, Tensor]]
"""Arguments and named arguments of a model."""

KINDS = "a tensor or an array, a tuple of them (the model's arguments) or a dict (by their names)"


class Stimuli:
    """The stimuli, as they were when they were given."""

    def __init__(self, stimuli: Any, batch_size: int | None, what: str = "stimuli") -> None:
        """Copy them.

        Args:
            stimuli: A tensor or array, or a tuple or a dictionary of them.
            batch_size: How many of them, along first axes, a pass takes; None for all.
            what: What they are called, for messages.

        Raises:
            InputError: They are of another kind, empty or NaN, or do not go together.
        """
        plain = not isinstance(stimuli, tuple | dict)
        named = stimuli if isinstance(stimuli, dict) else {}
        in_order = () if isinstance(stimuli, dict) else (stimuli,) if plain else stimuli
        self._args = tuple(_tensor(one, what) for one in in_order)
        self._kwargs = {name: _tensor(one, what) for name, one in named.items()}
        everything = [*self._args, *self._kwargs.values()]
        if not everything:
            raise InputError(f"{what} must be {KINDS}; got an empty {type(stimuli).__name__}")
        self._batch_size = _checked_batch_size(batch_size)
        self._n = len(everything[0])
        sizes = [len(tensor) for tensor in everything]
        if batch_size is not None and len(set(sizes)) > 1:
            raise InputError(
                f"{what} must have as many on each first axis to be shown in batches; got "
                f"{', '.join(map(str, sizes))}"
            )

    def batches(self, model: nn.Module) -> Iterator[Batch]:
        """Yield arguments and named arguments of the model, where it is and as precise as it is."""
        like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
        step = self._batch_size or max(1, self._n)

        def part(tensor: Tensor, start: int) -> Tensor:
            cut = tensor if self._batch_size is None else tensor[start : start + step]
            dtype = like.dtype if tensor.is_floating_point() else tensor.dtype
            # A copy: a model may write into what it is given.
            return cut.to(like.device, dtype, copy=True)

        for start in range(0, self._n, step):
            named = {name: part(tensor, start) for name, tensor in self._kwargs.items()}
            yield tuple(part(tensor, start) for tensor in self._args), named


def _tensor(value: Any, what: str) -> Tensor:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        value = torch.as_tensor(value)
    if not isinstance(value, Tensor):
        raise InputError(f"{what} must be {KINDS}; got a {type(value).__name__}")
    if value.dim() == 0 or value.numel() == 0:
        raise InputError(f"{what} must hold a number or more; got shape {tuple(value.shape)}")
    if value.is_floating_point() and value.isnan().any():
        raise InputError(f"{what} must be free of NaN; got {int(value.isnan().sum())} of them")
    return value.detach().clone()


def _checked_batch_size(batch_size: int | None) -> int | None:
    if batch_size is None or (type(batch_size) is int and batch_size >= 1):
        return batch_size
    raise InputError(f"batch_size must be a whole number, 1 or more, or None; got {batch_size!r}")
