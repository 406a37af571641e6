"""Training of one ensemble: draws, steps, and what comes before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rule_id.networks import Layer, Network, draw_bias, draw_weight
from rule_id.rules import (
    NO_OPTIMIZER,
    Batch,
    LearningRule,
    Noise,
    RuleState,
    Schedule,
    Setup,
    get_rule,
)
from rule_id.rules.contract import ActivityLike, Parameters
from rule_id.simulation.data import EnsembleData
from rule_id.simulation.draws import generator, seed_of
from rule_id.simulation.ensembles import Ensemble, NetworkDraw
from rule_id.tasks import pretraining_task

__all__ = ["EnsembleData", "Learner"]

SETUP_EXAMPLES = {"vector": 256, "image": 64, "sequence": 64}
"""Inputs of training that a rule may look at before the first step, and that the fixed points of
learned feedback are told from, by form; an image or a sequence counts many times."""

POPULATION = 256
"""Inputs of training that batch normalisation has its statistics from outside training."""


class Learner:
    """The networks of an ensemble while they learn; all state in one place."""

    def __init__(
        self,
        ensemble: Ensemble,
        data: EnsembleData,
        device: str,
        dtype: torch.dtype,
        start: Tensor | None = None,
    ) -> None:
        """Draw the networks' weights, feedback and hyperparameters, and train them before.

        Args:
            ensemble: The networks and all that they drew.
            data: Their examples.
            device: Where they train.
            dtype: Precision.
            start: Their parameters side by side (E, P); drawn when left out, and trained on
                another task by the rule that each network drew for that.
        """
        self.data = data
        self.network: Network = ensemble.shape.network(data.task)
        self.rule: LearningRule = get_rule(ensemble.rule)
        if start is None:
            drawn = draw_parameters(self.network, ensemble.networks, "weights")
            start = self.network.flatten([_to(own, device, dtype) for own in drawn])
            start = _pretrained(ensemble, data, start, device, dtype)
        self.parameters: Parameters = [
            {name: tensor.contiguous() for name, tensor in own.items()}
            for own in self.network.unflatten(start)
        ]
        self.hyperparameters = _to(_columns(ensemble.networks), device, dtype)
        schedules = [draw.schedule for draw in ensemble.networks]
        self._schedule = Schedule(schedules, ensemble.shape.steps, device, dtype)
        self._noise = Noise([draw.seed for draw in ensemble.networks], device, dtype)
        self.state: RuleState = self._init(ensemble, device, dtype)

    def _init(self, ensemble: Ensemble, device: str, dtype: torch.dtype) -> RuleState:
        feedback = [
            own["weight"].to(device, dtype)
            for own in draw_parameters(self.network, ensemble.networks, "feedback")
        ]
        # Step -1: no step of training draws the same numbers.
        setup = Setup(
            self.network,
            self.parameters,
            feedback,
            self._examples(SETUP_EXAMPLES[self.network.form]),
            self.hyperparameters,
            ensemble.shape.steps,
            self._noise.at(-1),
            self._schedule.mean,
        )
        with torch.no_grad():
            return self.rule.init(setup)

    def _examples(self, n: int) -> Tensor:
        return self.network.arrange(self.data.examples(n))

    @property
    def device(self) -> torch.device:
        """Where they train."""
        return self.parameters[0]["weight"].device

    @property
    def vector(self) -> Tensor:
        """All parameters side by side, (E, P)."""
        return self.network.flatten(self.parameters)

    def step(self, batch: Batch, step: int) -> None:
        """Learn from one batch of each network."""
        self.parameters, self.state = self.stepped(self.parameters, self.state, batch, step)

    def stepped(
        self, parameters: Parameters, state: RuleState, batch: Batch, step: int | Tensor
    ) -> tuple[Parameters, RuleState]:
        """Return parameters and state after learning from one batch of each network.

        Args:
            parameters: Those of each layer.
            state: State of the rule, which is used up.
            batch: The batch.
            step: Steps done, or the same as a whole number on the device.
        """
        factor = self._schedule.factor(step)
        given = {**self.hyperparameters, "rate_factor": factor}
        if "learning_rate" in given:
            given["learning_rate"] = given["learning_rate"] * factor
        draws = self._noise.at(step)
        arranged = batch._replace(x=self.network.arrange(batch.x))
        with torch.no_grad():
            change, state, _ = self.rule.step(
                self.network.training(draws), parameters, state, arranged, given, draws
            )
        # Into the change, not into the parameters: a rule may have kept those in its state.
        moved = [
            {name: change[name].add_(one) for name, one in own.items()}
            for change, own in zip(change, parameters, strict=True)
        ]
        return moved, state

    def measured(self) -> Network:
        """Return the network as it is measured now: no dropout, statistics of the population."""
        batch_norm = any(layer.normalisation == "batch" for layer in self.network.layers)
        with torch.no_grad():
            examples = self._examples(POPULATION if batch_norm else 1)
            return self.network.evaluating(self.parameters, examples)

    def respond(self, x: Tensor, network: Network | None = None) -> ActivityLike:
        """Return the activity for inputs of the task (E, n, ...).

        A forward pass, or what units settle to.

        Args:
            x: The inputs.
            network: What `measured` returned, when it is known already.
        """
        network = network or self.measured()
        with torch.no_grad():
            arranged = network.arrange(x)
            return self.rule.respond(network, self.parameters, self.state, arranged)

    def evaluate(self, step: int, network: Network | None = None) -> tuple[Tensor, Tensor]:
        """Return the loss and the performance of each network on held-out examples, each (E,).

        Args:
            step: Steps done; the task may have changed on the way.
            network: What `measured` returned, when it is known already.
        """
        x, y = self.data.test(step)
        return self.judge(self.respond(x, network).output, y)

    def judge(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the performance of each network, each (E,).

        Args:
            output: What it made of inputs (E, n, n_out).
            y: Their targets.
        """
        loss = self.data.task.loss
        return loss.of_examples(output, y).mean(-1), loss.performance(output, y)

    def angle(self, network: Network) -> Tensor:
        """Return the angle of learned feedback to its fixed point, degrees (E,); NaN without."""
        x = network.arrange(self.data.examples(SETUP_EXAMPLES[network.form]))
        angle = self.rule.credit_assignment.angle
        if angle is None:
            return torch.full((len(x),), torch.nan)
        with torch.no_grad():
            return angle(network, self.parameters, self.state.assignment, x)


def _pretrained(
    ensemble: Ensemble, data: EnsembleData, start: Tensor, device: str, dtype: torch.dtype
) -> Tensor:
    """Return parameters after the training that some networks had before, by another rule.

    Args:
        ensemble: The networks.
        data: Their examples, for the shape of the task.
        start: Parameters as they were drawn (E, P).
        device: Where they train.
        dtype: Precision.
    """
    task = pretraining_task(data.task.input_shape, data.task.n_out)
    trained = start.clone()
    rules = dict.fromkeys(draw.pretrained_by for draw in ensemble.networks)
    for rule in rules:
        if rule == NO_OPTIMIZER:
            continue
        places = [i for i, draw in enumerate(ensemble.networks) if draw.pretrained_by == rule]
        before = _before(ensemble, rule, places)
        shown = EnsembleData(before, device, dtype, task)
        learner = Learner(before, shown, device, dtype, start[places])
        for step in range(before.shape.steps):
            learner.step(shown.batch(step), step)
        trained[places] = learner.vector
    return trained


def _before(ensemble: Ensemble, rule: str, places: list[int]) -> Ensemble:
    """Return the ensemble that trains these networks before, with draws of its own."""
    networks = [
        replace(
            draw,
            seed=seed_of(draw.seed, "pretraining"),
            block_seed=seed_of(draw.block_seed, "pretraining"),
            hyperparameters=draw.pretraining or {},
            schedule="constant",
            update_noise=0.0,
            curriculum="shuffled",
            input_scale=1.0,
            label_noise=0.0,
            pretrained_by=NO_OPTIMIZER,
        )
        for draw in (ensemble.networks[place] for place in places)
    ]
    shape = replace(ensemble.shape, steps=ensemble.shape.pretraining_steps)
    return replace(ensemble, rule=rule, shape=shape, networks=tuple(networks))


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
        own = [_draw_layer(draw, purpose, index, layer) for draw in networks]
        parameters.append(
            {name: torch.as_tensor(np.stack([one[name] for one in own])) for name in layer.shapes}
        )
    return parameters


def _draw_layer(draw: NetworkDraw, purpose: str, index: int, layer: Layer) -> dict[str, np.ndarray]:
    source, shape = generator(draw.seed, purpose, index), layer.shapes["weight"]
    weight = draw_weight(source, draw.init, draw.init_scale, shape)
    return {"weight": weight, "bias": draw_bias(source, draw.bias_init, shape)}


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
