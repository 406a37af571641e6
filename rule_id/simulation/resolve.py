"""From a plan to ensembles: every network, its draws and its seed, before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rule_id.observables.measurement import Measurement
from rule_id.rules import get_rule, source_of
from rule_id.simulation.distributions import Distribution, parse_distribution
from rule_id.simulation.draws import generator, seed_of
from rule_id.simulation.measurements import draw_measurements
from rule_id.simulation.plan import EnsemblePlan, Plan
from rule_id.trajectories import SCHEMA_VERSION

__all__ = ["MAX_NETWORKS", "Ensemble", "NetworkDraw", "resolve"]

MAX_NETWORKS = 64
"""Networks simulated together at most: more gained nothing on a CPU."""


@dataclass(frozen=True)
class NetworkDraw:
    """What one network draws for itself.

    Attributes:
        network: Its id, unique in the corpus.
        block: The block that it belongs to.
        block_seed: Seed of what its block shares: data, and the teacher if there is one.
        seed: Seed of its weights, feedback, batches, noise and measurements.
        init: How weights are drawn.
        init_scale: Factor on them.
        bias_init: How biases are drawn.
        schedule: How the learning rate goes over training.
        update_noise: Standard deviation of the noise added to every update, in units of weights.
        hyperparameters: Those of its rule, by name.
    """

    network: str
    block: int
    block_seed: int
    seed: int
    init: str
    init_scale: float
    bias_init: str
    schedule: str
    update_noise: float
    hyperparameters: dict[str, float]


@dataclass(frozen=True)
class Ensemble:
    """Networks simulated together: one rule, the same shapes and steps.

    `source` is the hash of the user's file that the rule comes from, empty for one that ships.
    """

    rule: str
    source: str
    architecture: str
    task: str
    width: int
    activation: str
    steps: int
    batch_size: int
    checkpoints: int
    stimuli: int
    measurements: tuple[Measurement, ...]
    networks: tuple[NetworkDraw, ...]

    @property
    def key(self) -> str:
        """A hash of all that its result depends on; names its part of the corpus."""
        text = json.dumps([SCHEMA_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_SHARED = ("architecture", "task", "width", "activation", "steps", "batch_size")


def resolve(plan: Plan) -> list[Ensemble]:
    """Resolve a plan into its ensembles.

    Networks of one rule whose blocks drew the same shapes and measurements share an ensemble.

    Args:
        plan: A checked plan.

    Returns:
        The ensembles, in an order that depends on the plan alone.
    """
    grouped: dict[tuple[Any, ...], list[NetworkDraw]] = defaultdict(list)
    for block, ensemble_plan in _blocks(plan):
        shared = _draw_shared(plan, block, ensemble_plan)
        for rule in ensemble_plan.named_rules:
            grouped[rule, *shared] += [
                _draw_network(plan.seed, block, rule, copy, ensemble_plan)
                for copy in range(ensemble_plan.networks_per_rule)
            ]
    return [
        Ensemble(
            **dict(zip(("rule", *_SHARED, "measurements"), shape, strict=True)),
            source=source_of(shape[0]),
            checkpoints=plan.checkpoints,
            stimuli=plan.stimuli,
            networks=tuple(networks[start : start + MAX_NETWORKS]),
        )
        for shape, networks in grouped.items()
        for start in range(0, len(networks), MAX_NETWORKS)
    ]


def _blocks(plan: Plan) -> Iterator[tuple[int, EnsemblePlan]]:
    block = 0
    for ensemble_plan in plan.ensembles:
        for _ in range(ensemble_plan.blocks):
            yield block, ensemble_plan
            block += 1


def _draw_shared(plan: Plan, block: int, own: EnsemblePlan) -> tuple[Any, ...]:
    shapes = [
        getattr(own, name).draw(generator(plan.seed, "block", block, name)) for name in _SHARED
    ]
    return (*shapes, draw_measurements(plan.seed, block, plan))


def _draw_network(root: int, block: int, rule: str, copy: int, plan: EnsemblePlan) -> NetworkDraw:
    def draw(name: str, distribution: Distribution) -> Any:
        return distribution.draw(generator(root, "network", block, rule, copy, name))

    ranges = get_rule(rule).ranges
    given: dict[str, Distribution | None] = {
        "learning_rate": plan.learning_rate,
        "momentum": plan.momentum,
        "weight_decay": plan.weight_decay,
        **plan.hyperparameters,
    }
    # What a rule does not have it does not draw.
    ranges |= {name: one for name, one in given.items() if one is not None and name in ranges}
    return NetworkDraw(
        network=f"b{block:05d}.{rule}.{copy}",
        block=block,
        block_seed=seed_of(root, "block", block, "task"),
        seed=seed_of(root, "network", block, rule, copy),
        init=draw("init", plan.init),
        init_scale=draw("init_scale", plan.init_scale),
        bias_init=draw("bias_init", plan.bias_init),
        schedule=draw("schedule", plan.schedule),
        update_noise=float(draw("update_noise", plan.update_noise)),
        hyperparameters={
            name: float(draw(name, parse_distribution(written))) for name, written in ranges.items()
        },
    )
