"""The search for the best learning rate of a rule, on one architecture and one task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rule_id.errors import InputError
from rule_id.rules import NO_OPTIMIZER, get_rule, source_of
from rule_id.simulation.draws import seed_of
from rule_id.simulation.ensembles import Ensemble, NetworkDraw, Shape
from rule_id.simulation.rates import RateKey
from rule_id.simulation.resolve import draw_hyperparameters
from rule_id.simulation.training import EnsembleData, Learner

__all__ = ["RATES", "REPRESENTATIVES", "STEPS", "rates_tried", "search_rate"]

STEPS, RATES = 100, 8

COPIES = {"dense": 2, "convolutional": 2, "residual": 1, "recurrent": 2}
"""Networks at each rate, by group of architectures."""

NEAR = 0.05
"""Difference in performance that counts as none."""

REPRESENTATIVES: dict[str, tuple[str, int, str]] = {
    "dense": ("dense3", 64, "relu"),
    "convolutional": ("knet4", 8, "relu"),
    "residual": ("resnet18", 4, "relu"),
    "recurrent": ("rnn", 32, "tanh"),
}
"""The architecture, its width and its activation that stand for a group."""

SPANS = {"scaled": (1e-4, 3.0), "normalised": (1e-5, 1e-1), NO_OPTIMIZER: (1e-5, 1e-1)}
"""Smallest and largest rate tried: of optimizers whose step grows with the pseudo-gradient, of
those whose step does not, and of rules without one."""


def rates_tried(rule: str) -> np.ndarray:
    """Return the rates that are tried, evenly spaced in their logarithm, (`RATES`,)."""
    optimizer = get_rule(rule).optimizer
    kind = NO_OPTIMIZER
    if optimizer is not None:
        kind = "normalised" if optimizer.normalised else "scaled"
    return np.geomspace(*SPANS[kind], RATES)


def search_rate(
    key: RateKey, *, folder: str | None = None, image_size: int | None = None, seed: int = 0
) -> float:
    """Return the best rate after `STEPS` steps, by the mean over its copies.

    Of those whose held-out performance is within `NEAR` of the best, it is the one with the lowest
    held-out loss: loss alone would choose the smallest rate where a rule's outputs grow faster
    than they improve, performance alone any rate where nothing is learned yet. A rate at which a
    network diverges is none. Random drift, which has no best rate, takes that of
    backprop, whose step sizes it has.

    Args:
        key: Rule, group of architectures and task.
        folder: Where the task's files are, if it has any.
        image_size: Side of the images of an image folder, pixels.
        seed: Seed of task, weights and batches.

    Raises:
        InputError: The rule diverged at every rate, or the task's files are not what they should
            be.
    """
    rule = get_rule(key.rule)
    if rule.family == "no learning":
        key = key._replace(rule=f"backprop+{rule.optimizer_name}")
    ensemble = _ensemble(key, rates_tried(key.rule), folder, image_size, seed)
    data = EnsembleData(ensemble, "cpu", torch.float32)
    learner = Learner(ensemble, data, "cpu", torch.float32)
    for step in range(STEPS):
        learner.step(data.batch(step), step)
    losses, performances = learner.evaluate(STEPS)
    return float(rates_tried(key.rule)[_best(key.rule, losses, performances)])


def _best(rule: str, losses: Tensor, performances: Tensor) -> int:
    """Return which rate is best, of losses and performances of all its copies in a row."""
    loss = losses.double().nan_to_num(torch.inf, torch.inf).view(RATES, -1).mean(1)
    performance = performances.double().nan_to_num(-torch.inf).view(RATES, -1).mean(1)
    if not torch.isfinite(loss).any():
        raise InputError(
            f"rule {rule} diverged at every learning rate that was tried, "
            f"{', '.join(f'{rate:.2g}' for rate in rates_tried(rule))}; write a range in the plan"
        )
    near = performance >= performance.max() - NEAR
    return int(torch.where(near, loss, torch.inf).argmin())


def _ensemble(
    key: RateKey, rates: Sequence[float] | np.ndarray, folder: str | None, image_size: int | None,
    seed: int,
) -> Ensemble:  # fmt: skip
    architecture, width, activation = REPRESENTATIVES[key.architecture_group]
    copies = range(COPIES[key.architecture_group])
    networks = [_draw(key.rule, float(rate), seed, copy) for rate in rates for copy in copies]
    shape = Shape(architecture, key.task, width, activation, steps=STEPS)
    return Ensemble(
        rule=key.rule,
        source=source_of(key.rule),
        shape=shape,
        checkpoints=2,
        measurements=(),
        networks=tuple(networks),
        folder=folder,
        image_size=image_size,
    )


def _draw(rule: str, rate: float, seed: int, copy: int) -> NetworkDraw:
    drawn = draw_hyperparameters(get_rule(rule).ranges, seed, "rate search", copy)
    return NetworkDraw(
        network=f"{rate:.3g}.{copy}",
        block=copy,
        block_seed=seed_of(seed, "rate search", copy, "task"),
        # The same weights and batches for every rate.
        seed=seed_of(seed, "rate search", copy),
        init="he_normal",
        init_scale=1.0,
        bias_init="zero",
        schedule="constant",
        update_noise=0.0,
        hyperparameters={**drawn, "learning_rate": rate},
    )
