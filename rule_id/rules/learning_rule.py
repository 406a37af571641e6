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
    """State of both halves of a rule."""

    assignment: State
    optimizer: State


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
        vector = setup.network.flatten(setup.parameters)
        optimizer = {} if self.optimizer is None else self.optimizer.init(vector)
        return RuleState(self.credit_assignment.init(setup), optimizer)

    def step(
        self,
        network: NetworkLike,
        vector: Tensor,
        state: RuleState,
        batch: Batch,
        hyperparameters: Hyperparameters,
        noise: Noise,
    ) -> tuple[Tensor, RuleState, Tensor]:
        """Learn from one batch of each network.

        Every update, of forward and of learned feedback weights, gets Gaussian noise of standard
        deviation `update_noise` when the hyperparameters hold it.

        Args:
            network: The shapes.
            vector: All parameters side by side (E, P).
            state: State of the rule.
            batch: Inputs, targets and loss.
            hyperparameters: Those of each network, the learning rate that of this step.
            noise: The draws of this step.

        Returns:
            The change to add to `vector` (E, P), a tensor that is part of nothing else, the new
            state, and the loss before it (E,). The optimizer's half of `state` is used up.
        """
        own = self.credit_assignment
        parameters = network.unflatten(vector)
        gradients, assigned, loss = self._checked(
            own.step(network, parameters, state.assignment, batch, hyperparameters, noise),
            parameters,
        )
        gradient = network.flatten(gradients)
        if self.optimizer is None:
            change, optimizer = gradient.neg_(), state.optimizer
        else:
            change, optimizer = self.optimizer.step(
                gradient, state.optimizer, vector, hyperparameters
            )
        if own.follow is not None:
            whole, assigned = own.follow(
                network.unflatten(change), parameters, assigned, hyperparameters
            )
            change = network.flatten(whole)
        if "update_noise" in hyperparameters:
            size = hyperparameters["update_noise"]
            change = change.addcmul_(size[:, None], noise.normal("update", change.shape[1:]))
            assigned = self._with_noisy_feedback(assigned, size, noise)
        return change, RuleState(assigned, optimizer), loss

    def respond(
        self, network: NetworkLike, parameters: Parameters, state: RuleState, x: Tensor
    ) -> ActivityLike:
        """Return the activity that is measured and judged, a forward pass unless units settle."""
        settle = self.credit_assignment.respond
        if settle is None:
            return network.forward(parameters, x)
        return settle(network, parameters, state.assignment, x)

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


def _shapes(layers: Parameters) -> list[tuple[str, Any]]:
    return [(name, one.shape) for own in layers for name, one in own.items()]


def _written(layers: Parameters) -> str:
    return "; ".join(
        ", ".join(f"{name} {tuple(one.shape)}" for name, one in own.items()) for own in layers
    )
