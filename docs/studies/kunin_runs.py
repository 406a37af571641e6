"""The simulations behind docs/kunin.md, each a function that returns numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from study import final_accuracy, part, train, weight_angle

from rule_id.networks import ARCHITECTURES, Architecture
from rule_id.networks.dense import dense
from rule_id.rules import Noise, get_rule, load_rules
from rule_id.rules.learned_feedback import AUTHORS
from rule_id.simulation.draws import generator, seed_of
from rule_id.simulation.ensembles import Ensemble, NetworkDraw, Shape
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.tasks import get_task

__all__ = [
    "CONSTANT",
    "DEPTHS",
    "FAST",
    "LEVELS",
    "LIKE",
    "LINES",
    "SETTINGS",
    "SOURCE",
    "Line",
    "Setting",
    "best_draw",
    "depth_accuracy",
    "draws_of",
    "learner_of",
    "noise_accuracy",
    "register",
    "scored",
    "transfer",
    "tune_learning_rate",
    "tuned",
    "update_size",
]

SEED, STEPS, BATCH, MOMENTUM = 2026, 400, 32, 0.9
LEARNING_RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
CARE = 0.005
DRAWS, COPIES, NETWORKS = 36, 3, 8
FACTOR, SPREAD = (0.1, 1e4), (0.1, 10.0)
"""Ranges, log-uniform, of the factor that a draw's coefficients share and of each one's own."""

FAST = 0.005
DEPTHS = (1, 2, 3, 4, 6, 8)
LEVELS = (0.0, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Standard deviations of the noise in every update."""

LIKE = {
    "constant_symmetric_alignment": "symmetric_alignment",
    "constant_activation_alignment": "activation_alignment",
    "constant_weight_mirror": "weight_mirror",
    "constant_weight_mirror_activity": "weight_mirror",
    "constant_information_alignment": "information_alignment",
}
"""Rules with constant coefficients, and the rule of the package that each is the authors' form of.

The fourth is a weight mirror that learns from the layer's own activity and not from noise.
"""
CONSTANT = tuple(LIKE)

Hyperparameters = dict[str, float]
Runs = dict[str, list[float | None]]


def register() -> None:
    """Add what the study needs to the tables: deeper networks, rules with constant coefficients."""
    # The table ends at six hidden layers.
    ARCHITECTURES.update({f"dense{n}": Architecture("dense", partial(dense, n)) for n in DEPTHS})
    load_rules(Path(__file__).with_name("authors_rules.py"))


class Setting(NamedTuple):
    """Where a network learns."""

    name: str
    architecture: str = "dense2"
    width: int = 64
    task: str = "digits"
    activation: str = "relu"


SOURCE = Setting("source")
SETTINGS = (
    SOURCE,
    Setting("1 hidden layer", architecture="dense1"),
    Setting("3 hidden layers", architecture="dense3"),
    Setting("4 hidden layers", architecture="dense4"),
    Setting("width 32", width=32),
    Setting("width 128", width=128),
    Setting("tanh", activation="tanh"),
    Setting("teacher-student", task="teacher_student"),
)


@dataclass(frozen=True)
class Line:
    """A rule with its hyperparameters, as one line in a figure.

    Attributes:
        rule: The credit assignment.
        form: `reference`, `calibrated` (the package's rule), `fast` (the same with B within 45
            degrees of its fixed point after `FAST` of training), `tuned` or `default` (constant
            coefficients, tuned on the source setting or the authors' default).
    """

    rule: str
    form: str


_LEARNED = CONSTANT[:3] + CONSTANT[4:]
LINES = (
    Line("backprop", "reference"),
    Line("feedback_alignment", "reference"),
    *(Line(LIKE[rule], form) for form in ("calibrated", "fast") for rule in _LEARNED),
    *(Line(rule, form) for form in ("tuned", "default") for rule in _LEARNED),
)


def run(
    rule: str,
    setting: Setting,
    seeds: Sequence[int],
    hyperparameters: Sequence[Hyperparameters],
    noise: Sequence[float] | None = None,
) -> Runs:
    """Train one network a seed; return accuracies, and angles of B^T to W, at the end.

    Args:
        rule: The credit assignment; momentum follows it.
        setting: Where.
        seeds: Numbers of networks; the same number has the same data, order of examples, weights
            and initial feedback under every rule.
        hyperparameters: Of each network, those of the optimizer included.
        noise: Standard deviation of the noise in every update of each network.
    """
    ensemble = ensemble_of(rule, setting, seeds, hyperparameters, noise)
    learner, _ = train(ensemble)
    draws = Noise([draw.seed for draw in ensemble.networks], "cpu", torch.float32)
    angle = weight_angle(learner, draws.at(STEPS + 1))
    angles = [None] * len(seeds) if angle is None else angle.tolist()
    finite = [a if a is not None and math.isfinite(a) else None for a in angles]
    return {"accuracy": final_accuracy(learner, STEPS), "angle": finite}


def ensemble_of(
    rule: str,
    setting: Setting,
    seeds: Sequence[int],
    hyperparameters: Sequence[Hyperparameters],
    noise: Sequence[float] | None = None,
) -> Ensemble:
    """Return the networks of a run; He-normal weights and no biases at the start."""
    amounts = noise if noise is not None else [0.0] * len(seeds)
    networks = tuple(
        NetworkDraw(
            network=f"{place}",
            block=seed,
            block_seed=seed_of(SEED, "block", seed),
            seed=seed_of(SEED, "network", seed),
            init="he_normal",
            init_scale=1.0,
            bias_init="zero",
            schedule="constant",
            update_noise=amount,
            hyperparameters={"momentum": MOMENTUM, "weight_decay": 0.0, **own},
        )
        for place, (seed, own, amount) in enumerate(
            zip(seeds, hyperparameters, amounts, strict=True)
        )
    )
    return Ensemble(
        rule=f"{rule}+momentum",
        source="",
        shape=Shape(
            setting.architecture,
            setting.task,
            setting.width,
            setting.activation,
            steps=STEPS,
            batch_size=BATCH,
        ),
        checkpoints=2,
        measurements=(),
        networks=networks,
    )


def learner_of(rule: str, setting: Setting, own: Hyperparameters) -> tuple[Learner, EnsembleData]:
    """Return `NETWORKS` networks before they learn, and their data."""
    ensemble = ensemble_of(rule, setting, fresh_seeds(), [own] * NETWORKS)
    data = EnsembleData(ensemble, "cpu", torch.float32)
    return Learner(ensemble, data, "cpu", torch.float32), data


def fresh_seeds() -> list[int]:
    """Return the numbers of networks that nothing was tuned on."""
    return list(range(COPIES, COPIES + NETWORKS))


def tune_learning_rate() -> dict[str, Any]:
    """Return accuracies of backprop at each learning rate, the best one and the careful one.

    The careful one is the smallest whose mean accuracy is within `CARE` of the best.
    """

    def compute() -> Runs:
        pairs = [(seed, rate) for rate in LEARNING_RATES for seed in range(NETWORKS)]
        own = [{"learning_rate": rate} for _, rate in pairs]
        return run("backprop", SOURCE, [seed for seed, _ in pairs], own)

    found = part("kunin", "learning-rate", [_budget(), LEARNING_RATES, NETWORKS], compute)
    by_rate = np.array(scored(found["accuracy"], SOURCE)).reshape(-1, NETWORKS)
    best, careful = choose_rates(LEARNING_RATES, by_rate.mean(1).tolist())
    accuracy = dict(zip(LEARNING_RATES, by_rate.tolist(), strict=True))
    return {"accuracy": accuracy, "best": best, "careful": careful}


def choose_rates(rates: Sequence[float], accuracies: Sequence[float]) -> tuple[float, float]:
    """Return the rate of the highest accuracy, and the smallest within `CARE` of it.

    >>> choose_rates([0.01, 0.03, 0.1], [0.973, 0.976, 0.5])
    (0.03, 0.01)
    """
    highest = max(accuracies)
    best = rates[accuracies.index(highest)]
    return best, min(r for r, a in zip(rates, accuracies, strict=True) if a >= highest - CARE)


def draws_of(rule: str) -> list[Hyperparameters]:
    """Return the draws of a rule's coefficients: the same for every setting."""
    source = generator(SEED, "coefficients", rule)
    defaults = AUTHORS[LIKE[rule]]
    draws = []
    for _ in range(DRAWS):
        factor = _log_uniform(source, FACTOR)
        own = {name: _log_uniform(source, SPREAD) for name in defaults}
        draws.append({name: factor * own[name] * value for name, value in defaults.items()})
    return draws


def _log_uniform(source: np.random.Generator, ends: tuple[float, float]) -> float:
    low, high = np.log(ends)
    return float(np.exp(source.uniform(low, high)))


def tuned(rule: str, setting: Setting, rate: float) -> list[list[float]]:
    """Return the scored accuracies of each draw's networks, (draws, copies)."""
    draws = draws_of(rule)

    def compute() -> Runs:
        own = [{"learning_rate": rate, **draw} for draw in draws for _ in range(COPIES)]
        return run(rule, setting, list(range(COPIES)) * DRAWS, own)

    settings = [_budget(), list(setting), rate, draws, COPIES]
    found = part("kunin", f"tune-{rule}-{slug(setting.name)}", settings, compute)
    scores = np.array(scored(found["accuracy"], setting)).reshape(DRAWS, COPIES)
    return scores.tolist()


def best_draw(scores: Sequence[Sequence[float]]) -> int:
    """Return the draw of the highest mean.

    >>> best_draw([[0.1, 0.2], [0.3, 0.2], [0.2, 0.2]])
    1
    """
    return int(np.mean(scores, 1).argmax())


def scored(accuracies: Sequence[float | None], setting: Setting) -> list[float]:
    """Return accuracies, 1 / classes for a network that has diverged: it tells nothing.

    >>> scored([0.9, None], SOURCE)
    [0.9, 0.1]
    """
    n_classes = get_task(setting.task).n_out
    return [1 / n_classes if a is None else a for a in accuracies]


def transfer(setting: Setting, rate: float) -> dict[str, dict[str, list[float]]]:
    """Return the scored accuracies of every rule in a setting, on fresh networks.

    For constant coefficients by how they were chosen (`own`: tuned in this setting, `transferred`:
    tuned on the source, `default`: the authors'), for the others under `fixed`.
    """
    results: dict[str, dict[str, list[float]]] = {}
    for rule in ("backprop", "feedback_alignment", *dict.fromkeys(LIKE.values())):
        own = {"learning_rate": rate, **middle_hyperparameters(rule)}
        results[rule] = _fresh(rule, setting, {"fixed": own})
    for rule in CONSTANT:
        draws = draws_of(rule)
        chosen = {
            "own": draws[best_draw(tuned(rule, setting, rate))],
            "transferred": draws[best_draw(tuned(rule, SOURCE, rate))],
            "default": dict(AUTHORS[LIKE[rule]]),
        }
        given = {form: {"learning_rate": rate, **own} for form, own in chosen.items()}
        results[rule] = _fresh(rule, setting, given)
    return results


def _fresh(
    rule: str, setting: Setting, given: dict[str, Hyperparameters]
) -> dict[str, list[float]]:
    """Return the scored accuracies of fresh networks with each choice of hyperparameters."""

    def compute() -> Runs:
        own = [one for one in given.values() for _ in range(NETWORKS)]
        return run(rule, setting, fresh_seeds() * len(given), own)

    settings = [_budget(), list(setting), given, NETWORKS]
    found = part("kunin", f"transfer-{rule}-{slug(setting.name)}", settings, compute)
    scores = np.array(scored(found["accuracy"], setting)).reshape(len(given), NETWORKS)
    return dict(zip(given, scores.tolist(), strict=True))


def middle_hyperparameters(rule: str) -> Hyperparameters:
    """Return the middle of the range of each hyperparameter that a credit assignment has."""
    ranges = get_rule(f"{rule}+momentum").credit_assignment.ranges
    return {name: middle(written) for name, written in ranges.items()}


def middle(written: Any) -> float:
    """Return the middle of a range as a plan writes it, of its logarithm where it draws that.

    >>> middle({"uniform": [0.5, 1.5]}), round(middle({"log_uniform": [0.01, 1.0]}), 6)
    (1.0, 0.1)
    """
    if not isinstance(written, dict):
        return float(written)
    (kind, (low, high)) = next(iter(written.items()))
    return math.sqrt(low * high) if kind == "log_uniform" else (low + high) / 2


def hyperparameters_of(line: Line, rate: float) -> Hyperparameters:
    """Return the hyperparameters of a line's networks."""
    if line.form == "tuned":
        draw = best_draw(tuned(line.rule, SOURCE, rate))
        return {"learning_rate": rate, **draws_of(line.rule)[draw]}
    own = {"learning_rate": rate, **middle_hyperparameters(line.rule)}
    return {**own, "feedback_time": FAST} if line.form == "fast" else own


def depth_accuracy(line: Line, depth: int, rate: float) -> Runs:
    """Return scored accuracies and angles of a line's networks of `depth` hidden layers."""
    setting = Setting(f"depth {depth}", architecture=f"dense{depth}")
    own = hyperparameters_of(line, rate)
    found = part(
        "kunin",
        f"depth-{depth}-{rate}-{line.rule}-{line.form}",
        [_budget(), asdict(line), depth, own, NETWORKS],
        lambda: run(line.rule, setting, fresh_seeds(), [own] * NETWORKS),
    )
    return {**found, "accuracy": scored(found["accuracy"], setting)}


def noise_accuracy(line: Line, rate: float) -> list[Runs]:
    """Return scored accuracies and angles of a line's networks at each level of noise."""
    own = hyperparameters_of(line, rate)

    def compute() -> Runs:
        amounts = [level for level in LEVELS for _ in range(NETWORKS)]
        return run(line.rule, SOURCE, fresh_seeds() * len(LEVELS), [own] * len(amounts), amounts)

    settings = [_budget(), asdict(line), LEVELS, own, NETWORKS]
    found = part("kunin", f"noise-{line.rule}-{line.form}", settings, compute)
    accuracy = np.array(scored(found["accuracy"], SOURCE)).reshape(-1, NETWORKS).tolist()
    angle = np.array(found["angle"], dtype=object).reshape(-1, NETWORKS).tolist()
    return [{"accuracy": a, "angle": b} for a, b in zip(accuracy, angle, strict=True)]


def update_size(rate: float) -> float:
    """Return the root mean square of backprop's updates, noise absent, over all of training."""

    def compute() -> float:
        learner, data = learner_of("backprop", SOURCE, {"learning_rate": rate})
        squares = []
        before = learner.network.flatten(learner.parameters)
        for step in range(STEPS):
            learner.step(data.batch(step), step)
            now = learner.network.flatten(learner.parameters)
            squares.append(float((now - before).square().mean()))
            before = now
        return math.sqrt(sum(squares) / len(squares))

    return part("kunin", "update-size", [_budget(), rate, NETWORKS], compute)


def slug(name: str) -> str:
    """Return a name as part of a file's name."""
    return name.replace(" ", "-")


def _budget() -> list[Any]:
    return [SEED, STEPS, BATCH, MOMENTUM]
