"""Tensors that are, or were computed from, layers' responses; `following` says what that means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from rule_id.recordings.recorder.operations import Kind, TorchCall

__all__ = [
    "BENT",
    "Call",
    "Node",
    "Trace",
    "leaves_stimuli",
    "origins_of",
    "taking_part",
    "value_after",
]

BENT = 2
"""How far on a response is that went through a nonlinearity."""


@dataclass(eq=False)
class Call:
    """One call of a layer, or of something like it that is not recorded.

    Attributes:
        layer: Name of the layer; None where nothing is recorded.
        depth: Most layers on a way from the input up to it, itself included.
        place: How many calls came before it.
        leading: First axes of its output that count stimuli, positions or time steps.
        progress: How far on what was taken of it is, -1 before that.
        last: What its response was last.
    """

    layer: str | None
    depth: int
    place: int
    leading: int = 1
    progress: float = -1
    last: Node | None = None


@dataclass(eq=False)
class Node:
    """A tensor that is a layer's response.

    Attributes:
        call: Whose.
        value: The response, as it is before pooling.
        progress: 0 as the layer gave it, 1 normalised, 2 bent.
        taken: Whether it was taken as sent on.
    """

    call: Call
    value: Tensor
    progress: int = 0
    taken: bool = False


class Trace(NamedTuple):
    """What is known of a tensor, which is held so that its id stays its own.

    Attributes:
        tensor: The tensor.
        origins: The nodes that it was computed from, or the one that it is.
        node: The node that it is, or None.
    """

    tensor: Tensor
    origins: tuple[Node, ...]
    node: Node | None


def origins_of(found: Iterable[Trace]) -> tuple[Node, ...]:
    """Return the nodes that tensors were computed from, each once."""
    return tuple(dict.fromkeys(origin for trace in found for origin in trace.origins))


def taking_part(kind: Kind, found: list[Trace], result: Tensor) -> list[Trace]:
    """Return the tensors, of one call, whose response goes on in the result of an elementwise call.

    Args:
        kind: What was called.
        found: What is known of what it was called with.
        result: What it returned.
    """
    whole = [trace for trace in found if trace.tensor.shape == result.shape]
    able = [trace for trace in whole if trace.node is not None]
    if len({origin.call for origin in origins_of(found)}) > 1:
        able = [trace for trace in able if trace.node is not None and trace.node.progress < BENT]
    # Who scales another's response is a gate; who is spread over it, a bias.
    rivals = origins_of(able if kind is Kind.SCALED else whole)
    owner = max(
        (one.call for one in rivals), key=lambda call: (call.depth, call.place), default=None
    )
    return [trace for trace in able if trace.node is not None and trace.node.call is owner]


def value_after(call: TorchCall, taking: list[Trace], result: Tensor) -> Tensor | None:
    """Return the response after a call: its result, or what that would be without pooling."""
    if not taking:
        return None
    before = {id(one.tensor): one.node.value for one in taking if one.node is not None}
    if all(before[id(one.tensor)] is one.tensor for one in taking):
        return result
    try:
        # Copies: the call may write into them.
        value = call.on({key: one.clone() for key, one in before.items()}).run()
    except (RuntimeError, ValueError):
        # It has others in it, that fit what was pooled or reshaped alone.
        return None
    return value if isinstance(value, Tensor) else None


def leaves_stimuli(kind: Kind, before: Tensor, after: Tensor, leading: int) -> bool:
    """Say whether the first axes are the same, so that what follows them are the units."""
    if kind not in (Kind.RESHAPE, Kind.REORDER) or after.shape[:leading] != before.shape[:leading]:
        return False
    if before.numel() != after.numel():
        return False
    return kind is Kind.RESHAPE or after.stride()[:leading] == before.stride()[:leading]
