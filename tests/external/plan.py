"""Which networks are trained, by whose code and rule: decided once, from one seed.

What is drawn must let networks learn; whether they are then identified must never change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["SEED", "PlannedNetwork", "plan"]

SEED = 7

COUNTS = {
    "torch": {
        "backprop+sgd": 6,
        "backprop+momentum": 6,
        "backprop+rmsprop": 6,
        "backprop+adam": 6,
        "backprop+adamw": 6,
        "no_learning": 4,
    },
    "biotorch": {
        "feedback_alignment+sgd": 3,
        "feedback_alignment+momentum": 4,
        "feedback_alignment+rmsprop": 3,
        "feedback_alignment+adam": 4,
        "feedback_alignment+adamw": 3,
        "direct_feedback_alignment+momentum": 5,
        "direct_feedback_alignment+adam": 2,
        "sign_symmetry_uniform+momentum": 4,
        "sign_symmetry_uniform+adam": 2,
        "sign_symmetry_fixed_random+momentum": 4,
        "sign_symmetry_batchwise_random+momentum": 2,
    },
    "sklearn": {"backprop+sgd": 4, "backprop+momentum": 5, "backprop+adam": 5},
}
"""How many networks of each rule, by whose code trains them: 84 in all."""

ARCHITECTURES = {
    "torch": ("dense1", "conv", "dense2", "residual", "dense3", "dense4", "conv_norm"),
    "biotorch": ("dense2", "conv", "dense1", "residual", "dense3", "conv_norm"),
    # Its MLPClassifier and MLPRegressor are dense.
    "sklearn": ("dense1", "dense2", "dense3"),
}
"""Taken in turn."""

# With BioTorch a connection that skips layers carries the signal past its direct feedback.
CHAINS = ("dense2", "conv", "dense1", "dense3")

TASKS = (
    "digits", "digits", "wine", "breast_cancer", "teacher_student", "teacher_values", "friedman",
    "diabetes",
)  # fmt: skip
ONE_OUTPUT = ("friedman", "diabetes")
"""Not for BioTorch 0.0.16, of which a dense layer of one unit gives its bias no valid gradient."""
IMAGES = ("digits", "digits", "parity")

UNITS = (32, 48, 64, 100, 128)
CHANNELS = (8, 12, 16)

RATES = {
    "sgd": (0.05, 0.2),
    "momentum": (0.01, 0.05),
    "rmsprop": (1e-3, 5e-3),
    "adam": (1e-3, 1e-2),
    "adamw": (1e-3, 1e-2),
}
"""Learning rates between these, evenly in the logarithm."""


@dataclass(frozen=True)
class PlannedNetwork:
    """All that a network is made from.

    Attributes:
        name: Of its recording.
        source: Whose code trains it: `torch`, `biotorch` or `sklearn`.
        rule: Its learning rule by the name under which the package has it.
        architecture: See `external.networks.build`.
        widths: Units or channels of the hidden layers.
        activation: A key of `external.networks.ACTIVATIONS`.
        init: `default`, of the library that trains it, or a function of `torch.nn.init`.
        task: See `external.tasks.load_task`.
        steps: Steps of training.
        batch_size: Examples a step.
        learning_rate: 0 where nothing is learned.
        momentum: 0 but for the optimizer of this name.
        weight_decay: As the library takes it.
        seed: Of the data's division, initial weights, batches and what else is random.
    """

    name: str
    source: str
    rule: str
    architecture: str
    widths: tuple[int, ...]
    activation: str
    init: str
    task: str
    steps: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    seed: int

    @property
    def credit_assignment(self) -> str:
        """How its layers are taught."""
        return self.rule.partition("+")[0]

    @property
    def optimizer(self) -> str:
        """What its weights follow; empty where they stay."""
        return self.rule.partition("+")[2]


def plan(seed: int = SEED) -> list[PlannedNetwork]:
    """Return the networks; each is drawn by itself, so that another count changes no other."""
    return list(_planned(seed))


def _planned(seed: int) -> Iterator[PlannedNetwork]:
    for source_index, (source, counts) in enumerate(COUNTS.items()):
        for rule_index, (rule, count) in enumerate(counts.items()):
            for copy in range(count):
                rng = np.random.default_rng([seed, source_index, rule_index, copy])
                architectures = ARCHITECTURES[source]
                if rule.startswith("direct_feedback_alignment"):
                    architectures = CHAINS
                # Rules of few networks begin at different places.
                architecture = architectures[(copy + rule_index) % len(architectures)]
                yield _draw(f"{source}-{rule}-{copy}", source, rule, architecture, rng)


def _draw(
    name: str, source: str, rule: str, architecture: str, rng: np.random.Generator
) -> PlannedNetwork:
    optimizer = rule.partition("+")[2]
    activations = ("relu", "relu", "tanh", "sigmoid" if source == "sklearn" else "leaky_relu")
    low, high = np.log(RATES.get(optimizer, (1.0, 1.0)))
    rate = float(np.exp(rng.uniform(low, high)))
    return PlannedNetwork(
        name=name.replace("+", "-"),
        source=source,
        rule=rule,
        architecture=architecture,
        widths=_widths(architecture, rng),
        activation=str(rng.choice(activations)),
        init=_init(source, rng),
        task=_task(source, architecture, rng),
        steps=int(rng.choice([300, 400, 500, 600])),
        batch_size=int(rng.choice([16, 32, 64])),
        learning_rate=rate if optimizer else 0.0,
        momentum=float(rng.choice([0.8, 0.9, 0.9])) if optimizer == "momentum" else 0.0,
        weight_decay=_weight_decay(source, optimizer, rng),
        seed=int(rng.integers(2**31)),
    )


def _task(source: str, architecture: str, rng: np.random.Generator) -> str:
    if not architecture.startswith("dense"):
        return str(rng.choice(IMAGES))
    left_out = ONE_OUTPUT if source == "biotorch" else ()
    return str(rng.choice([task for task in TASKS if task not in left_out]))


def _widths(architecture: str, rng: np.random.Generator) -> tuple[int, ...]:
    if architecture.startswith("dense"):
        return tuple(int(n) for n in rng.choice(UNITS, size=int(architecture[-1])))
    first = int(rng.choice(CHANNELS))
    return (first, 2 * first, 64) if architecture == "conv_norm" else (first, 2 * first)


def _init(source: str, rng: np.random.Generator) -> str:
    if source == "sklearn":
        return "default"
    return str(rng.choice(["default", "default", "xavier_uniform", "kaiming_normal"]))


def _weight_decay(source: str, optimizer: str, rng: np.random.Generator) -> float:
    if source == "sklearn":
        return 1e-4  # its default, which it divides by the batch size
    if optimizer == "adamw":
        return 0.01  # torch's default
    return float(rng.choice([0.0, 0.0, 1e-4])) if optimizer else 0.0
