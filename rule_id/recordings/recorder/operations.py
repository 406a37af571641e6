"""What a call of torch does to a layer's response: bend it, normalise it, pool it, or end it.

A call is judged by the operators that it runs, which torch itself marks as elementwise or not, so
that `F.relu(x)`, `nn.ReLU(inplace=True)`, `x.clamp_(min=0)` and `x * torch.sigmoid(x)` are all seen
for what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Kind", "TorchCall", "tensors_in"]


class Kind(Enum):
    """What a call does."""

    MAP = "products with weights, or of activities: another layer begins"
    NORMALISATION = "normalisation"
    STRAIGHT = "elementwise and affine: sums, copies"
    SCALED = "elementwise products and quotients"
    BENT = "elementwise and not affine: a nonlinearity"
    POOL = "pooling"
    REORDER = "the same entries on the same axes in another order"
    RESHAPE = "the same entries in the same order on other axes"
    OTHER = "anything else"
    NOTHING = "no operator ran"


NORMALISATIONS = {
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
}

MAPS = {"addbmm", "addmm", "addmv", "baddbmm", "bmm", "dot", "embedding", "mm", "mv"}
PARTS_OF_MAPS = ("attention", "conv", "gru", "linear", "lstm", "rnn")

STRAIGHT = {"add", "copy", "neg", "rsub", "sub"}
SCALED = {"div", "mul"}

NEUTRAL = {"_to_copy", "alias", "clone", "detach", "empty", "empty_like", "scalar_tensor"}
"""What runs beside an elementwise operator, or leaves everything as it is."""

RESHAPES = {"_unsafe_view", "expand", "squeeze", "unsqueeze", "view"}
REORDERS = {"permute", "t", "transpose"}

UNMARKED = {"_prelu_kernel", "hardswish", "log_sigmoid_forward", "rrelu_with_noise"}
"""Elementwise operators that torch 2.13 does not mark as such."""


class _Operators(TorchDispatchMode):
    """Notes the operators that run."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[OpOverload] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # It would import the compiler, which takes seconds; what is compiled runs eagerly here.
        return False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


class TorchCall(NamedTuple):
    """A function of torch with its arguments."""

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def run(self) -> Any:
        """Return what it returns."""
        return self.func(*self.args, **self.kwargs)

    def judged(self) -> tuple[Any, Kind]:
        """Return what it returns, and what it does."""
        with _Operators() as operators:
            result = self.run()
        return result, _kind(getattr(self.func, "__name__", ""), operators.seen)

    def on(self, others: dict[int, Tensor]) -> TorchCall:
        """Return the same call with other tensors in place of those with these ids."""
        return TorchCall(self.func, _replaced(self.args, others), _replaced(self.kwargs, others))


def _kind(function: str, operators: list[OpOverload]) -> Kind:
    if not operators:
        return Kind.NOTHING
    names = {_name(operator) for operator in operators}
    if any(name in MAPS or any(part in name for part in PARTS_OF_MAPS) for name in names):
        return Kind.MAP
    if function in NORMALISATIONS:
        return Kind.NORMALISATION
    if "pool" in function:
        return Kind.POOL
    if names <= NEUTRAL | RESHAPES | REORDERS and names - NEUTRAL:
        return Kind.REORDER if names & REORDERS else Kind.RESHAPE
    elementwise = {_name(operator) for operator in operators if _is_elementwise(operator)}
    if not names <= elementwise | NEUTRAL | RESHAPES:
        return Kind.OTHER
    does = elementwise - NEUTRAL
    if does - STRAIGHT - SCALED:
        return Kind.BENT
    return Kind.SCALED if does and does <= SCALED else Kind.STRAIGHT


def _name(operator: OpOverload) -> str:
    """Return its name without namespace, and without what marks it as working in place."""
    name = str(operator._schema.name).partition("::")[2]
    return name.removesuffix("_")


def _is_elementwise(operator: OpOverload) -> bool:
    return torch.Tag.pointwise in operator.tags or _name(operator) in UNMARKED


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from tensors_in(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from tensors_in(one)


def _replaced(value: Any, others: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return others.get(id(value), value)
    if isinstance(value, dict):
        return {key: _replaced(one, others) for key, one in value.items()}
    if isinstance(value, tuple | list):
        replaced = [_replaced(one, others) for one in value]
        return replaced if isinstance(value, list) else tuple(replaced)
    return value
