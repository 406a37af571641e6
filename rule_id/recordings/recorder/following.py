"""Follows each layer's response through a model, to where the simulator would take it.

A layer's response is what it sends on after the normalisation and the nonlinearity that follow it,
wherever they stand in the code. So every call of torch is watched while the model runs. From the
output of a layer on, each tensor that is still *its* response is a `Node`:

- Normalisations and elementwise functions keep it so, whether of the tensor alone, of constants, of
  the raw input, or of what was computed from it. It is straight until a nonlinearity bends it, and
  once bent takes in nothing of other layers.
- A sum with other layers' responses belongs to the layer with the most layers before it, of equal
  ones to the one that ran last, and is the end of the others'; where that one's is bent already,
  of its own too.
- A product belongs in the same way to one of those that are not bent: what scales it is a gate.
- Pooling belongs to the layer that it feeds. What follows it before the next layer (`F.relu` of
  `F.max_pool2d`) is applied to the response from before the pooling.
- Reshapes that leave the stimuli where they are keep it so.
- Products with weights, concatenations, slices, softmax, and whatever else there is end it.

What a layer sends on is seen when another layer is fed with it, or the model returns it, directly
or through calls that end a response. Of the nodes that are sent on the one furthest on counts: bent
before normalised before neither, and of equally far ones the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from rule_id.recordings.recorder.nodes import (
    BENT,
    Call,
    Node,
    Trace,
    leaves_stimuli,
    origins_of,
    taking_part,
    value_after,
)
from rule_id.recordings.recorder.operations import Kind, TorchCall, tensors_in

__all__ = ["Follower"]

STEPS = {
    Kind.NOTHING: 0,
    Kind.STRAIGHT: 0,
    Kind.SCALED: 0,
    Kind.NORMALISATION: 1,
    Kind.BENT: BENT,
}
"""How far on a response is after a call that keeps it one."""

Respond = Callable[[Call, Tensor], None]
"""What becomes of a call's response, (*stimuli, *units)."""


class Follower(TorchFunctionMode):
    """Watches one pass of a model.

    Attributes:
        calls: The calls of layers so far.
    """

    def __init__(self, stimuli: Any, respond: Respond) -> None:
        """Begin with what the model is given.

        Args:
            stimuli: Tensors in nested containers.
            respond: Called with each response that is sent on.
        """
        super().__init__()
        self.calls: list[Call] = []
        self._respond = respond
        self._traces: dict[int, Trace] = {}
        self._paused = False
        for tensor in tensors_in(stimuli):
            given = Node(Call(None, 0, 0), tensor)
            self._traces[id(tensor)] = Trace(tensor, (given,), None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let what runs inside go unseen."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    @property
    def is_paused(self) -> bool:
        """Whether what runs goes unseen."""
        return self._paused

    def begin(
        self, layer: str | None, given: Any, outputs: Iterable[Tensor], leading: int = 1
    ) -> Call:
        """Note that a layer ran.

        Args:
            layer: Its name.
            given: What it was given, tensors in nested containers.
            outputs: What it gave: its response, as it is.
            leading: First axes of it that count stimuli, positions or time steps.
        """
        origins = origins_of(self._found(given))
        for origin in origins:
            self._take(origin)
        depth = 1 + max((origin.call.depth for origin in origins), default=0)
        call = Call(layer, depth, len(self.calls), leading)
        self.calls.append(call)
        for tensor in outputs:
            self._note(tensor, Node(call, tensor))
        return call

    def end(self, returned: Any) -> None:
        """Take what the model returned, and of layers that nothing was taken of what they gave."""
        for origin in origins_of(self._found(returned)):
            self._take(origin)
        for call in self.calls:
            if call.progress < 0 and call.last is not None:
                self._take(call.last)

    def forget(self) -> None:
        """Let go of all tensors."""
        self._traces.clear()
        for call in self.calls:
            call.last = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a call of torch and note what becomes of the responses in it."""
        call = TorchCall(func, args, kwargs or {})
        found = [] if self._paused else self._found(call)
        if not found:
            return call.run()
        nodes = [trace.node for trace in found if trace.node is not None]
        if len({node.call for node in nodes}) > 1:
            # Before the call, which may write into one of them.
            for node in nodes:
                self._take(node)
        result, kind = call.judged()
        outputs = list(tensors_in(result))
        if kind is Kind.NOTHING and id(result) in self._traces:
            return result
        if kind is Kind.MAP:
            self.begin(None, call, outputs)
            return result
        response = self._next(call, kind, found, result)
        for tensor in outputs:
            if response is None or not tensor.is_floating_point():
                self._traces[id(tensor)] = Trace(tensor, origins_of(found), None)
            else:
                self._note(tensor, response)
        return result

    def _found(self, values: Any) -> list[Trace]:
        traces = (self._traces.get(id(tensor)) for tensor in tensors_in(values))
        return [trace for trace in traces if trace is not None]

    def _note(self, tensor: Tensor, node: Node) -> None:
        node.call.last = node
        self._traces[id(tensor)] = Trace(tensor, (node,), node)

    def _take(self, node: Node) -> None:
        if node.taken:
            return
        node.taken = True
        if node.call.layer is not None and node.progress >= node.call.progress:
            node.call.progress = node.progress
            with self.paused():
                self._respond(node.call, node.value)

    def _next(self, call: TorchCall, kind: Kind, found: list[Trace], result: Any) -> Node | None:
        """Return the node that the result of a call is, or None."""
        if not isinstance(result, Tensor):
            return None
        if kind in STEPS:
            taking = taking_part(kind, found, result)
            value = value_after(call, taking, result)
            nodes = [one.node for one in taking if one.node is not None]
            if value is None or not nodes:
                return None
            progress = max(STEPS[kind], *(node.progress for node in nodes))
            return Node(nodes[0].call, value, progress)
        tensor, _, node = found[0]
        if len(found) > 1 or node is None:
            return None
        if kind is Kind.POOL:
            return Node(node.call, node.value, node.progress)
        if leaves_stimuli(kind, tensor, result, node.call.leading):
            value = result if node.value is tensor else node.value
            return Node(node.call, value, node.progress)
        return None
