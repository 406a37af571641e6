"""Training of one ensemble: draws, batches, steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from rule_id.networks import Network, build_network, draw_bias, draw_weight
from rule_id.rules import Batch, LearningRule, Noise, RuleState, Schedule, Setup, get_rule
from rule_id.rules.contract import ActivityLike, Parameters
from rule_id.simulation.draws import generator
from rule_id.simulation.resolve import Ensemble, NetworkDraw
from rule_id.tasks import accuracy, cross_entropy, draw_task, shuffled, task_shape

__all__ = ["EnsembleData", "Learner"]

SETUP_EXAMPLES = 256
"""Inputs of training that a rule may look at before the first step."""


class EnsembleData:
    """The examples of each network's task, and the order in which it sees them.

    Networks of one block share their task; each has batches of its own.
    """

    def __init__(self, ensemble: Ensemble, device: str, dtype: torch.dtype) -> None:
        """Draw tasks and batches, and move them to the device once."""
        seeds = list(dict.fromkeys(draw.block_seed for draw in ensemble.networks))
        tasks = [draw_task(ensemble.task, generator(seed, "data")) for seed in seeds]
        which = [seeds.index(draw.block_seed) for draw in ensemble.networks]
        self._which = torch.tensor(which, device=device)[:, None]
        self._x = torch.as_tensor(np.stack([t.train_x for t in tasks])).to(device, dtype)
        self._y = torch.as_tensor(np.stack([t.train_y for t in tasks])).to(device)
        test_x = torch.as_tensor(np.stack([t.test_x for t in tasks])).to(device, dtype)
        test_y = torch.as_tensor(np.stack([t.test_y for t in tasks])).to(device)
        self.test_x, self.test_y = test_x[self._which[:, 0]], test_y[self._which[:, 0]]
        order = np.stack(
            [
                shuffled(
                    generator(draw.seed, "batches"),
                    self._x.shape[1],
                    ensemble.steps,
                    ensemble.batch_size,
                )
                for draw in ensemble.networks
            ],
            axis=1,
        )
        self._order = torch.as_tensor(order, device=device)

    def batch(self, step: int) -> Batch:
        """Return the batch of each network at a step."""
        rows = self._order[step]
        return Batch(self._x[self._which, rows], self._y[self._which, rows], cross_entropy)

    def examples(self, n: int) -> Tensor:
        """Return the first n inputs of training, or as many as there are, of each network."""
        return self._x[self._which[:, 0], :n]


class Learner:
    """The networks of an ensemble while they learn; all state in one place."""

    def __init__(
        self, ensemble: Ensemble, data: EnsembleData, device: str, dtype: torch.dtype
    ) -> None:
        """Draw the networks' weights, feedback and hyperparameters."""
        n_in, n_out = task_shape(ensemble.task)
        self.network: Network = build_network(
            ensemble.architecture,
            n_in=n_in,
            n_out=n_out,
            width=ensemble.width,
            activation=ensemble.activation,
        )
        self.rule: LearningRule = get_rule(ensemble.rule)
        drawn = draw_parameters(self.network, ensemble.networks, "weights")
        vector = self.network.flatten([_to(own, device, dtype) for own in drawn])
        self._vector = vector
        self.parameters: Parameters = self.network.unflatten(vector)
        self.hyperparameters = _to(_columns(ensemble.networks), device, dtype)
        schedules = [draw.schedule for draw in ensemble.networks]
        self._schedule = Schedule(schedules, ensemble.steps, device, dtype)
        self._noise = Noise([draw.seed for draw in ensemble.networks], device, dtype)
        self.state: RuleState = self._init(ensemble, data, device, dtype)

    def _init(
        self, ensemble: Ensemble, data: EnsembleData, device: str, dtype: torch.dtype
    ) -> RuleState:
        feedback = [
            own["weight"].to(device, dtype)
            for own in draw_parameters(self.network, ensemble.networks, "feedback")
        ]
        # Step -1: no step of training draws the same numbers.
        setup = Setup(
            self.network,
            self.parameters,
            feedback,
            data.examples(SETUP_EXAMPLES),
            self.hyperparameters,
            ensemble.steps,
            self._noise.at(-1),
        )
        with torch.no_grad():
            return self.rule.init(setup)

    def step(self, batch: Batch, step: int) -> None:
        """Learn from one batch of each network."""
        factor = self._schedule.factor(step)
        given = {**self.hyperparameters, "rate_factor": factor}
        if "learning_rate" in given:
            given["learning_rate"] = given["learning_rate"] * factor
        with torch.no_grad():
            change, self.state, _ = self.rule.step(
                self.network, self._vector, self.state, batch, given, self._noise.at(step)
            )
        # Not in place: a rule may have kept what it was given in its state.
        self._vector = self._vector + change
        self.parameters = self.network.unflatten(self._vector)

    def respond(self, x: Tensor) -> ActivityLike:
        """Return the activity for inputs (E, n, ...): a forward pass, or what units settle to."""
        with torch.no_grad():
            return self.rule.respond(self.network, self.parameters, self.state, x)

    def evaluate(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the accuracy of each network on held-out examples, each (E,)."""
        output = self.respond(x).output
        return cross_entropy(output, y).mean(-1), accuracy(output, y)

    def angle(self, x: Tensor) -> Tensor:
        """Return the angle of learned feedback to its fixed point, degrees (E,); NaN without."""
        angle = self.rule.credit_assignment.angle
        if angle is None:
            return torch.full((len(x),), torch.nan)
        with torch.no_grad():
            return angle(self.network, self.parameters, self.state.assignment, x)


def draw_parameters(
    network: Network, networks: tuple[NetworkDraw, ...], purpose: str
) -> Parameters:
    """Draw weights and biases of each network from its own generator, float64 on the CPU.

    Args:
        network: The shapes.
        networks: What each network drew.
        purpose: `weights`, or `feedback` for tensors drawn like them.
    """
    parameters = []
    for index, layer in enumerate(network.layers):
        own = list(_draw_layer(networks, purpose, index, layer.n_out, layer.n_in))
        parameters.append(
            {
                "weight": torch.as_tensor(np.stack([weight for weight, _ in own])),
                "bias": torch.as_tensor(np.stack([bias for _, bias in own])),
            }
        )
    return parameters


def _draw_layer(
    networks: tuple[NetworkDraw, ...], purpose: str, index: int, n_out: int, n_in: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for draw in networks:
        source = generator(draw.seed, purpose, index)
        weight = draw_weight(source, draw.init, draw.init_scale, n_out, n_in)
        yield weight, draw_bias(source, draw.bias_init, n_out, n_in)


def _columns(networks: tuple[NetworkDraw, ...]) -> dict[str, Tensor]:
    values = {
        name: [draw.hyperparameters[name] for draw in networks]
        for name in networks[0].hyperparameters
    }
    noise = [draw.update_noise for draw in networks]
    if any(noise):  # else no step draws it
        values["update_noise"] = noise
    return {name: torch.tensor(column, dtype=torch.float64) for name, column in values.items()}


def _to(tensors: dict[str, Tensor], device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: tensor.to(device, dtype) for name, tensor in tensors.items()}
