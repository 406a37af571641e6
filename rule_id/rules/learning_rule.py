"""A learning rule: a credit assignment, then an optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from rule_id.errors import InputError
from rule_id.rules.contract import (
    ActivityLike,
    Assignment,
    Batch,
    CreditAssignment,
    Hyperparameters,
    NetworkLike,
    Optimizer,
    Parameters,
    Setup,
    State,
)
from rule_id.rules.noise import Noise
from rule_id.rules.tensors import per_network

__all__ = ["NO_OPTIMIZER", "LearningRule", "RuleState"]

NO_OPTIMIZER = "none"
"""What stands for the optimizer of a rule that changes the weights itself."""


class RuleState(NamedTuple):
    """State of both halves of a rule.

    Attributes:
        assignment: That of the credit assignment.
        optimizer: That of the optimizer, for each tensor of parameters.
        updates: Steps done, a number on the device.
    """

    assignment: State
    optimizer: list[State]
    updates: Tensor


@dataclass(frozen=True)
class LearningRule:
    """A credit assignment followed by an optimizer, or by none.

    Without an optimizer the weights descend the pseudo-gradient as it is.
    """

    credit_assignment: CreditAssignment
    optimizer: Optimizer | None = None

    @property
    def name(self) -> str:
        """The registered name, `<credit assignment>+<optimizer>` or the first alone."""
        if self.optimizer is None:
            return self.credit_assignment.name
        return f"{self.credit_assignment.name}+{self.optimizer.name}"

    @property
    def optimizer_name(self) -> str:
        """The optimizer's name, `none` without one."""
        return NO_OPTIMIZER if self.optimizer is None else self.optimizer.name

    @property
    def decoupled_decay(self) -> bool:
        """Whether its weight decay is a step of its own, see `Optimizer`."""
        return self.optimizer is not None and self.optimizer.decoupled_decay

    @property
    def family(self) -> str:
        """The group of rules it belongs to."""
        return self.credit_assignment.family

    @property
    def ranges(self) -> dict[str, Any]:
        """Draws of all its hyperparameters in which it learns, as a plan writes them."""
        own = self.credit_assignment
        if self.optimizer is None:
            return dict(own.ranges)
        kind = "normalised" if self.optimizer.normalised else "scaled"
        rate = {"learning_rate": own.learning_rates[kind]} if kind in own.learning_rates else {}
        return {**self.optimizer.ranges, **rate, **own.ranges}

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Least and largest value of each hyperparameter that is not just any above 0."""
        optimizer = {} if self.optimizer is None else self.optimizer.limits
        return {**optimizer, **self.credit_assignment.limits}

    def init(self, setup: Setup) -> RuleState:
        """Return the state of both halves before the first step."""
        tensors = [tensor for own in setup.parameters for tensor in own.values()]
        init = None if self.optimizer is None else self.optimizer.init
        optimizer = [] if init is None else [init(tensor.flatten(1)) for tensor in tensors]
        return RuleState(self.credit_assignment.init(setup), optimizer, tensors[0].new_zeros(()))

    def step(
        self,
        network: NetworkLike,
        parameters: Parameters,
        state: RuleState,
        batch: Batch,
        hyperparameters: Hyperparameters,
        noise: Noise,
    ) -> tuple[Parameters, RuleState, Tensor]:
        """Learn from one batch of each network.

        Every update, of forward and of learned feedback weights, gets Gaussian noise of standard
        deviation `update_noise` when the hyperparameters hold it.

        Args:
            network: The shapes.
            parameters: Those of each layer.
            state: State of the rule; the optimizer's half of it is used up.
            batch: Inputs, targets and loss.
            hyperparameters: Those of each network, the learning rate that of this step.
            noise: The draws of this step.

        Returns:
            The changes to add to the parameters, tensors that are part of nothing else, the new
            state, and the loss before it (E,).
        """
        own = self.credit_assignment
        gradients, assigned, loss = self._checked(
            own.step(network, parameters, state.assignment, batch, hyperparameters, noise),
            parameters,
        )
        updates = state.updates + 1
        change, optimizer = self._descend(
            gradients, state.optimizer, parameters, {**hyperparameters, "updates": updates}
        )
        if own.follow is not None:
            whole, assigned = own.follow(change, parameters, assigned, hyperparameters)
            # A copy, since the new state may hold what was passed on.
            change = [{name: one.clone() for name, one in layer.items()} for layer in whole]
        if "update_noise" in hyperparameters:
            size = hyperparameters["update_noise"]
            change = self._with_noise(network, change, size, noise)
            assigned = self._with_noisy_feedback(assigned, size, noise)
        return change, RuleState(assigned, optimizer, updates), loss

    def _descend(
        self,
        gradients: Parameters,
        states: list[State],
        parameters: Parameters,
        hyperparameters: Hyperparameters,
    ) -> tuple[Parameters, list[State]]:
        """Return the change that the optimizer makes of pseudo-gradients, tensor by tensor."""
        if self.optimizer is None:
            return [{name: -one for name, one in own.items()} for own in gradients], states
        columns = {
            name: value[:, None] if value.dim() else value
            for name, value in hyperparameters.items()
        }
        given, before, after = self.optimizer.prepare(columns), iter(states), []
        changes: Parameters = [{} for _ in parameters]
        for change, gradient, own in zip(changes, gradients, parameters, strict=True):
            for name, tensor in own.items():
                flat = gradient[name].flatten(1), next(before), tensor.flatten(1)
                moved, new = self.optimizer.step(*flat, given)
                change[name] = self._own(moved, flat, new).view(tensor.shape)
                after.append(new)
        return changes, after

    def respond(
        self, network: NetworkLike, parameters: Parameters, state: RuleState, x: Tensor
    ) -> ActivityLike:
        """Return the activity that is measured and judged, a forward pass unless units settle."""
        settle = self.credit_assignment.respond
        if settle is None:
            return network.forward(parameters, x)
        return settle(network, parameters, state.assignment, x)

    def _own(self, moved: Tensor, given: tuple[Tensor, State, Tensor], new: State) -> Tensor:
        """Return an optimizer's change in memory that is part of nothing else, as it should be."""
        gradient, _, parameters = given
        if moved.shape != gradient.shape:
            raise InputError(
                f"rule {self.name}: the change that the optimizer makes must have the shape of the "
                f"pseudo-gradient, {tuple(gradient.shape)}; got {tuple(moved.shape)}"
            )
        others = [gradient, parameters, *(one for one in new.values() if isinstance(one, Tensor))]
        shared = moved.untyped_storage().data_ptr()
        alone = all(one.untyped_storage().data_ptr() != shared for one in others)
        return moved if alone else moved.clone()

    def _with_noise(
        self, network: NetworkLike, change: Parameters, size: Tensor, noise: Noise
    ) -> Parameters:
        n = sum(one[0].numel() for own in change for one in own.values())
        drawn = network.unflatten(noise.normal("update", (n,)))
        return [
            {name: one.addcmul_(per_network(size, one), n[name]) for name, one in own.items()}
            for own, n in zip(change, drawn, strict=True)
        ]

    def _with_noisy_feedback(self, state: State, size: Tensor, noise: Noise) -> State:
        key = self.credit_assignment.feedback
        if key is None:
            return state
        feedback = [
            b + per_network(size, b) * noise.normal(f"update {i}", b.shape[1:])
            for i, b in enumerate(state[key])
        ]
        return {**state, key: feedback}

    def _checked(self, result: Any, parameters: Parameters) -> Assignment:
        """Refuse what a user's credit assignment may not return."""
        if not isinstance(result, Assignment):
            raise InputError(
                f"rule {self.name}: step must return an Assignment; got {type(result).__name__}"
            )
        if _shapes(result.gradients) != _shapes(parameters):
            raise InputError(
                f"rule {self.name}: gradients must have the names and shapes of the parameters, "
                f"{_written(parameters)}; got {_written(result.gradients)}"
            )
        return result


def _shapes(layers: Parameters) -> list[dict[str, Any]]:
    return [{name: one.shape for name, one in own.items()} for own in layers]


def _written(layers: Parameters) -> str:
    return "; ".join(
        ", ".join(f"{name} {tuple(one.shape)}" for name, one in own.items()) for own in layers
    )
