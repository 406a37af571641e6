"""Which layers of a model are recorded, and what their weights are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from rule_id.errors import InputError

__all__ = [
    "FOUND",
    "Layer",
    "chosen_answers",
    "chosen_layers",
    "listed",
    "recurrent_layers",
    "weights_of",
]

RECURRENT = (nn.RNNBase, nn.RNNCellBase)

FOUND = (nn.Linear, _ConvNd, *RECURRENT)
"""What is recorded where no layers are named: linear, convolutional (transposed ones too) and
recurrent layers."""

SHOWN = 30
"""Most names that a message lists."""


@dataclass(frozen=True)
class Layer:
    """A layer to be recorded.

    Attributes:
        name: Its name in the model.
        module: The layer.
        weights: By the name that it is recorded under, the attribute that holds its weights; of a
            recurrent layer the recurrent matrices, one for each layer of a stack.
    """

    name: str
    module: nn.Module
    weights: dict[str, str]


def chosen_layers(model: nn.Module, names: Sequence[str] | None) -> list[Layer]:
    """Return the layers that are named, or all that are found.

    Args:
        model: The model.
        names: Names as in `model.named_modules()`.

    Raises:
        InputError: There is none, a name is not there or given twice, or a module has no weights.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    # A module of several names is found under the first.
    found = [name for name, module in model.named_modules() if isinstance(module, FOUND)]
    if names is None:
        if not found:
            raise InputError(
                "model must have a linear, convolutional or recurrent layer, or layers must name "
                f"modules with weights; {type(model).__name__} has none"
            )
        return [_layer(name, modules[name]) for name in found]
    if isinstance(names, str) or not names:
        raise InputError(f"layers must be a list of names of modules; got {names!r}")
    for name in names:
        if name not in modules:
            raise InputError(
                f"layers must name modules of the model, {listed(found)}; got {name!r}"
            )
    if len({id(modules[name]) for name in names}) < len(names):
        raise InputError(f"layers must name each module once; got {', '.join(names)}")
    return [_layer(name, modules[name]) for name in names]


def listed(names: Sequence[str]) -> str:
    """Return names side by side, the first of them where there are many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _layer(name: str, module: nn.Module) -> Layer:
    # The model itself has an empty name, which no recording may have.
    shown = name or "model"
    if any(is_lazy(parameter) for parameter in module.parameters(recurse=False)):
        raise InputError(f"model must have all its weights; {shown} has none before its first call")
    if isinstance(module, nn.RNNBase):
        several = module.num_layers > 1
        keys = [f"{shown}.l{index}" if several else shown for index in range(module.num_layers)]
        return Layer(name, module, {key: f"weight_hh_l{index}" for index, key in enumerate(keys)})
    if isinstance(module, nn.RNNCellBase):
        return Layer(name, module, {shown: "weight_hh"})
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() < 2 or not weight.is_floating_point():
        raise InputError(
            "layers must name modules with a matrix of weights called weight; "
            f"{shown} ({type(module).__name__}) has none"
        )
    return Layer(name, module, {shown: "weight"})


def recurrent_layers(layers: Sequence[Layer]) -> dict[str, None]:
    """Return the names of torch's recurrent layers; nothing of what feeds them is recorded."""
    return {key: None for one in layers if isinstance(one.module, RECURRENT) for key in one.weights}


def weights_of(layers: Sequence[Layer]) -> dict[str, Tensor]:
    """Return copies of the weights by the name that they are recorded under, as they are now."""
    with torch.no_grad():
        return {
            key: getattr(layer.module, attribute).detach().clone()
            for layer in layers
            for key, attribute in layer.weights.items()
        }


def chosen_answers(
    model: nn.Module, layers: Sequence[Layer], answers: Mapping[str, str]
) -> dict[str, str]:
    """Return, by layer, the module whose output is its activation.

    Args:
        model: The model.
        layers: Those that are recorded.
        answers: What is asked for.

    Raises:
        InputError: A layer is not recorded or is recurrent, or a module is not there.
    """
    able = [key for one in layers if not isinstance(one.module, RECURRENT) for key in one.weights]
    modules = dict(model.named_modules(remove_duplicate=False))
    for layer, answer in answers.items():
        if layer not in able:
            raise InputError(
                "activations must be given for layers that are recorded and not recurrent, "
                f"{listed(able) or 'of which there is none'}; got {layer!r}"
            )
        if answer not in modules:
            raise InputError(
                f"activations must name modules of the model, {listed([n for n in modules if n])}; "
                f"got {answer!r}"
            )
    return dict(answers)
