"""How hard examples are: their loss under a reference network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rule_id.networks import build_network, draw_weight
from rule_id.rules import Batch, Noise, Setup, get_rule
from rule_id.simulation.draws import generator
from rule_id.tasks import Task, TaskData, shuffled

__all__ = ["difficulty_of"]

STEPS, BATCH_SIZE, WIDTH, RATE = 150, 32, 32, 3e-3


def difficulty_of(task: Task, blocks: Sequence[TaskData], seeds: Sequence[int]) -> np.ndarray:
    """Return the loss of each training example, (blocks, n_train).

    The reference network has one hidden layer of 32 relu units and learns 150 batches of 32 by
    backprop with Adam at a rate of 0.003; each block has one of its own.

    Args:
        task: A task whose loss is told for each example by itself.
        blocks: Examples of each block.
        seeds: A seed for each block.
    """
    network = build_network(
        "dense1", input_shape=task.input_shape, n_out=task.n_out, width=WIDTH, activation="relu"
    )
    sources = [generator(seed, "difficulty") for seed in seeds]
    x = network.arrange(torch.as_tensor(np.stack([block.train_x for block in blocks])))
    y = torch.as_tensor(np.stack([block.train_y for block in blocks]))
    shapes = [layer.shapes for layer in network.layers]
    parameters = network.unflatten(
        torch.as_tensor(np.stack([_start(s, shapes) for s in sources]), dtype=torch.float32)
    )
    order = np.stack([shuffled(s, x.shape[1], STEPS, BATCH_SIZE) for s in sources], 1)
    rule, which = get_rule("backprop+adam"), torch.arange(len(seeds))[:, None]
    given = {
        "learning_rate": torch.full((len(seeds),), RATE),
        "momentum": torch.full((len(seeds),), 0.9),
        "weight_decay": torch.zeros(len(seeds)),
    }
    noise = Noise(seeds, "cpu", torch.float32)
    with torch.no_grad():
        state = rule.init(Setup(network, parameters, [], x, given, STEPS, noise))
        for step, rows in enumerate(torch.as_tensor(order)):
            batch = Batch(x[which, rows], y[which, rows], task.loss.of_examples)
            change, state, _ = rule.step(network, parameters, state, batch, given, noise.at(step))
            parameters = network.unflatten(network.flatten(parameters) + network.flatten(change))
        output = network.forward(parameters, x).output
        return np.asarray(task.loss.of_examples(output, y))


def _start(source: np.random.Generator, shapes: Sequence[dict[str, tuple[int, ...]]]) -> np.ndarray:
    drawn = [
        part
        for own in shapes
        for part in (
            draw_weight(source, "he_normal", 1.0, own["weight"]).ravel(),
            np.zeros(own["bias"]),
        )
    ]
    return np.concatenate(drawn)
