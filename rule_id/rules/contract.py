"""What a learning rule is made of: two named pairs of functions, all state explicit.

A credit assignment turns a batch into a pseudo-gradient, an optimizer turns a pseudo-gradient into
a weight change. Both have `init`, which makes the state, and `step`, which returns the new one.
Neither knows what kind of layer it works on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor

__all__ = [
    "Assignment",
    "Batch",
    "CreditAssignment",
    "Hyperparameters",
    "LearningRule",
    "NetworkLike",
    "Optimizer",
    "Parameters",
    "State",
]

Parameters = list[dict[str, Tensor]]
"""For each layer its tensors by name, (E, ...)."""

Hyperparameters = Mapping[str, Tensor]
"""One value a network, each (E,)."""

State = dict[str, Any]


class NetworkLike(Protocol):
    """What a rule asks of a network (`rule_id.networks.Network` is one)."""

    def forward(
        self, parameters: Parameters, x: Tensor, feedback: Sequence[Tensor | None] | None = None
    ) -> Any:
        """Return an object with `inputs`, `preactivations` (a list each) and `output`."""


class Batch(NamedTuple):
    """One batch of each network and the loss that it is judged by.

    Attributes:
        x: Inputs (E, batch, n_in).
        y: Targets (E, batch).
        loss: From outputs and targets to the loss of each network (E,).
    """

    x: Tensor
    y: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]


class Assignment(NamedTuple):
    """What one step of a credit assignment gives.

    Attributes:
        gradients: Pseudo-gradients, which the optimizer descends; the shapes of the parameters.
        state: The new state.
        loss: Loss of each network on the batch, before the step (E,).
    """

    gradients: Parameters
    state: State
    loss: Tensor


@dataclass(frozen=True)
class CreditAssignment:
    """How a layer's teaching signal is computed.

    Attributes:
        name: As in the table of rules.
        family: The group of rules it belongs to.
        init: From the forward weights W of each layer and tensors drawn like W^T to the state.
        step: From network, parameters, state, batch and hyperparameters to an `Assignment`.
        angle: For a rule that learns feedback, from network, parameters, state, inputs and
            hyperparameters to the angle of the feedback to its fixed point, degrees, (E,).
        ranges: Draws of its own hyperparameters, as a plan writes them.
    """

    name: str
    family: str
    init: Callable[[Sequence[Tensor]], State]
    step: Callable[[NetworkLike, Parameters, State, Batch, Hyperparameters], Assignment]
    angle: Callable[[NetworkLike, Parameters, State, Tensor, Hyperparameters], Tensor] | None = None
    ranges: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimizer:
    """How a pseudo-gradient becomes a weight change.

    Attributes:
        name: As in the table of rules.
        init: From all parameters of each network side by side (E, P) to the state.
        step: From pseudo-gradient (E, P), state, parameters (E, P) and hyperparameters to the
            change to add to the parameters (E, P) and the new state.
        ranges: Draws of its hyperparameters in which networks learn, as a plan writes them.
    """

    name: str
    init: Callable[[Tensor], State]
    step: Callable[[Tensor, State, Tensor, Hyperparameters], tuple[Tensor, State]]
    ranges: Mapping[str, Any]


@dataclass(frozen=True)
class LearningRule:
    """A credit assignment followed by an optimizer."""

    credit_assignment: CreditAssignment
    optimizer: Optimizer

    @property
    def name(self) -> str:
        """The registered name, `<credit assignment>+<optimizer>`."""
        return f"{self.credit_assignment.name}+{self.optimizer.name}"

    @property
    def family(self) -> str:
        """The group of rules it belongs to."""
        return self.credit_assignment.family

    @property
    def ranges(self) -> dict[str, Any]:
        """Draws of all its hyperparameters."""
        return {**self.optimizer.ranges, **self.credit_assignment.ranges}
