"""Running a model without leaving a trace in it, or in the training around it."""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rule_id.errors import InputError

__all__ = ["eager_model", "undisturbed"]


def eager_model(model: object) -> nn.Module:
    """Return the model itself where it was compiled, or wrapped for several devices.

    Raises:
        InputError: It is no `torch.nn.Module` that runs in Python.
    """
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(model, wrappers):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[attr-defined]
        else:
            break
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            f"model must be a torch.nn.Module that runs in Python; got {type(model).__name__}"
        )
    return model


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and afterwards everything back to where it was.

    Training modes, parameters, buffers (such as running statistics) and the states of all
    generators of random numbers are restored, whatever happens inside. Backward hooks, autocast and
    inference mode do not reach inside: autocast keeps copies of weights, and no gradient goes
    through what inference mode makes.
    """
    with ExitStack() as stack:
        stack.enter_context(_generators_kept())
        stack.enter_context(_tensors_kept(model))
        stack.enter_context(_evaluating(model))
        stack.enter_context(_without_backward_hooks(model))
        for device in {tensor.device.type for tensor in model.parameters()}:
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        if "torch._dynamo" in sys.modules:
            # What was compiled runs as written, without hooks being lost or code compiled anew.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Set the flag of each module: `model.eval()` may do more, such as merging weights."""
    modes = {module: module.training for module in model.modules()}
    try:
        for module in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _without_backward_hooks(model: nn.Module) -> Iterator[None]:
    """Keep hooks from the gradients that are taken: they may count, change or replace them."""
    kept = [
        (module, name, getattr(module, name))
        for module in model.modules()
        for name in ("_backward_hooks", "_backward_pre_hooks")
    ]
    try:
        for module, name, _ in kept:
            setattr(module, name, OrderedDict())
        yield
    finally:
        for module, name, hooks in kept:
            setattr(module, name, hooks)


@contextmanager
def _tensors_kept(model: nn.Module) -> Iterator[None]:
    """Restore parameters and buffers: some models learn, or count, whenever they run."""
    kept = [
        (
            table,
            name,
            tensor,
            None if tensor is None else (tensor._version, tensor.detach().clone()),
        )
        for module in model.modules()
        for table in _tables(module)
        for name, tensor in table.items()
    ]
    try:
        yield
    finally:
        for table, name, tensor, before in kept:
            if before is not None:
                _restore(tensor, *before)
            table[name] = tensor


def _restore(tensor: Tensor, version: int, copy: Tensor) -> None:
    # Only what changed: a write would spoil a backward pass that the tensor still serves.
    if tensor._version != version or not torch.equal(tensor, copy):
        with torch.no_grad():
            tensor.copy_(copy)


def _tables(module: nn.Module) -> tuple[dict[str, Any], ...]:
    return module._parameters, module._buffers


@contextmanager
def _generators_kept() -> Iterator[None]:
    # Asking for the state of a GPU that nobody uses would take memory on it.
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
