"""How well every rule learns, how it sends its teaching signal, and what a step costs.

`make rules-table` runs it: it writes docs/rules-table.md and docs/rules-table.csv from parts in
corpora/rules-table/, one a rule, and goes on where it was stopped.
"""

from __future__ import annotations

import csv
import statistics
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from study import (
    DOCS,
    final_accuracy,
    gradient_angle,
    large_batch,
    markdown_table,
    mean_and_sem,
    part,
    train,
    versions,
    weight_angle,
)

from rule_id.rules import CREDIT_ASSIGNMENTS, RULES, Noise
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.plan import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.trajectories import atomic_write

SEED, NETWORKS, STEPS = 2026, 12, 400
TASKS = ("digits", "breast_cancer", "teacher_student")
ANGLES_ON = "digits"
NO_GRADIENT = ("no_learning", "weight_fluctuation")
"""Rules whose step is no estimate of anything: none, and one that moves the weights by itself."""

TIMED_NETWORKS, ROUNDS, STEPS_A_ROUND = 16, 15, 10
BARELY = 0.1
"""Accuracy above chance, below which the text says that a rule barely learns."""

Results = dict[str, dict[str, Any]]


def main() -> None:
    """Compute what is missing and write the tables."""
    torch.set_num_threads(1)
    results = {name: result_of(name) for name in RULES}
    chance = part("rules-table", "chance", [SEED, NETWORKS, STEPS], chance_levels)
    names = [main_rule(one) for one in CREDIT_ASSIGNMENTS]
    settings = [names, TIMED_NETWORKS, ROUNDS, STEPS_A_ROUND]
    times = part("rules-table", "time", settings, lambda: relative_times(names))
    text = page(results, chance, times)
    atomic_write(DOCS / "rules-table.md", lambda target: target.write_text(text))
    atomic_write(DOCS / "rules-table.csv", lambda target: write_csv(target, results, times))


def main_rule(credit_assignment: str) -> str:
    """Return the rule that stands for a credit assignment: with momentum, or alone.

    >>> main_rule("backprop"), main_rule("no_learning")
    ('backprop+momentum', 'no_learning')
    """
    name = f"{credit_assignment}+momentum"
    return name if name in RULES else credit_assignment


def ensembles_of(rule: str, task: str) -> list[Ensemble]:
    """Return the networks of a rule on a task, one a block."""
    plan = {
        "schema": 1,
        "seed": SEED,
        "checkpoints": 2,
        "ensembles": [
            {
                "rules": [rule],
                "blocks": NETWORKS,
                "networks_per_rule": 1,
                "architecture": "dense2",
                "width": 64,
                "task": task,
                "steps": STEPS,
            }
        ],
    }
    return resolve(read_plan(plan))


def result_of(rule: str) -> dict[str, Any]:
    """Return what is known of a rule, read or computed."""
    ensembles = {task: ensembles_of(rule, task) for task in TASKS}
    settings = {task: [asdict(e) for e in some] for task, some in ensembles.items()}
    return part("rules-table", rule, settings, lambda: measure_rule(ensembles))


def measure_rule(ensembles: dict[str, list[Ensemble]]) -> dict[str, Any]:
    """Train the networks of a rule; return accuracies by task, and angles."""
    accuracies: dict[str, list[float | None]] = {}
    angles: dict[str, list[list[float]]] = {"feedback": [[], [], []], "gradient": [[], [], []]}
    for task, some in ensembles.items():
        accuracies[task] = []
        for ensemble in some:
            watch = partial(_watch, ensemble, angles) if task == ANGLES_ON else None
            learner, _ = train(ensemble, watch)
            accuracies[task] += final_accuracy(learner, ensemble.shape.steps)
    return {"accuracy": accuracies, **angles}


def _watch(
    ensemble: Ensemble,
    angles: dict[str, list[list[float]]],
    learner: Learner,
    data: EnsembleData,
    step: int,
) -> None:
    steps = ensemble.shape.steps
    place = 2 * step // steps
    # Steps after the last: training draws none of these numbers.
    seeds = [draw.seed for draw in ensemble.networks]
    noise = Noise(seeds, "cpu", torch.float32).at(steps + 1 + place)
    feedback = weight_angle(learner, noise)
    if feedback is not None:
        angles["feedback"][place] += feedback.tolist()
    if learner.rule.credit_assignment.name not in NO_GRADIENT:
        batch = large_batch(learner, data)
        angles["gradient"][place] += gradient_angle(learner, batch, noise).tolist()


def chance_levels() -> dict[str, float]:
    """Return the mean share of the commonest class of each task's held-out examples."""
    levels = {}
    for task in TASKS:
        shares = []
        for ensemble in ensembles_of("no_learning", task):
            shares += EnsembleData(ensemble, "cpu", torch.float32).chance.tolist()
        levels[task] = statistics.mean(shares)
    return levels


def relative_times(rules: list[str]) -> dict[str, float]:
    """Return the median time of a step over that of backprop's, in interleaved rounds."""
    prepared = {rule: _prepare(rule) for rule in rules}
    seconds: dict[str, list[float]] = {rule: [] for rule in rules}
    for index in range(ROUNDS + 1):
        for rule, (learner, data) in prepared.items():
            begin = time.perf_counter()
            for step in range(STEPS_A_ROUND):
                learner.step(data.batch(step), step)
            if index > 0:  # the first round warms up
                seconds[rule].append(time.perf_counter() - begin)
    medians = {rule: statistics.median(some) for rule, some in seconds.items()}
    return {rule: one / medians["backprop+momentum"] for rule, one in medians.items()}


def _prepare(rule: str) -> tuple[Learner, EnsembleData]:
    plan = {
        "schema": 1,
        "seed": SEED,
        "checkpoints": 2,
        "ensembles": [
            {
                "rules": [rule],
                "blocks": TIMED_NETWORKS,
                "networks_per_rule": 1,
                "architecture": "dense2",
                "width": 64,
                "task": "digits",
                "activation": "relu",
            }
        ],
    }
    (ensemble,) = resolve(read_plan(plan))
    data = EnsembleData(ensemble, "cpu", torch.float32)
    return Learner(ensemble, data, "cpu", torch.float32), data


def page(results: Results, chance: dict[str, float], times: dict[str, float]) -> str:
    """Return the page."""
    first = [main_rule(one) for one in CREDIT_ASSIGNMENTS]
    others = [name for name in RULES if name not in first]
    tasks = [f"{task} ({chance[task]:.2f})" for task in TASKS]
    main_table = markdown_table(
        ["rule", "family", *tasks, "diverged", "B^T to W, °", "to the gradient, °", "step"],
        [
            [
                f"`{name}`",
                RULES[name].family,
                *accuracy_cells(results[name]),
                angle_cell(results[name]["feedback"]),
                angle_cell(results[name]["gradient"]),
                f"{times[name]:.1f}",
            ]
            for name in first
        ],
    )
    second_table = markdown_table(
        ["rule", *tasks, "diverged"],
        [[f"`{name}`", *accuracy_cells(results[name])] for name in others],
    )
    return TEXT.format(
        networks=NETWORKS,
        all=NETWORKS * len(TASKS),
        steps=STEPS,
        seed=SEED,
        timed=TIMED_NETWORKS,
        rounds=ROUNDS,
        per_round=STEPS_A_ROUND,
        versions=versions(),
        n_rules=len(RULES),
        main_table=main_table,
        second_table=second_table,
        stands_out=stands_out(results, chance),
    )


def accuracy_cells(result: dict[str, Any]) -> list[str]:
    """Return a cell for each task, and how many networks diverged in all.

    >>> accuracy_cells({"accuracy": {"digits": [0.9, 0.8], "breast_cancer": [1.0, None]}})
    ['0.85 ± 0.05', '1.00', '1']
    """
    cells, diverged = [], 0
    for values in result["accuracy"].values():
        mean, sem, missing = mean_and_sem(values)
        diverged += missing
        spread = f" ± {sem:.2f}" if sem == sem else ""
        cells.append("" if mean != mean else f"{mean:.2f}{spread}")
    return [*cells, str(diverged)]


def angle_cell(angles: list[list[float]]) -> str:
    """Return the mean angles at the three times, or nothing where there are none.

    >>> angle_cell([[90.0, 88.0], [60.0], [50.4]])
    '89, 60, 50'
    """
    if not angles[0]:
        return ""
    return ", ".join(f"{mean_and_sem(some)[0]:.0f}" for some in angles)


def stands_out(results: Results, chance: dict[str, float]) -> str:
    """Return what the numbers say about rules that barely learn or diverge, as a list."""
    above = {
        name: {task: mean_and_sem(v)[0] - chance[task] for task, v in one["accuracy"].items()}
        for name, one in results.items()
        if RULES[name].family != "no learning"
    }
    lines = [
        f"- Above chance by less than {BARELY} on {task}: "
        + _listed([f"`{name}` ({gain[task]:+.2f})" for name, gain in above.items()
                   if not gain[task] >= BARELY])
        for task in TASKS
    ]  # fmt: skip
    diverged = {name: sum(map(_missing, one["accuracy"].values())) for name, one in results.items()}
    lines.append(
        "- Diverged networks: "
        + _listed([f"`{name}` ({n})" for name, n in diverged.items() if n > 0])
    )
    return "\n".join(lines)


def _missing(values: list[float | None]) -> int:
    return mean_and_sem(values)[2]


def _listed(items: list[str]) -> str:
    return (", ".join(items) or "none") + "."


def write_csv(path: Path, results: Results, times: dict[str, float]) -> None:
    """Write one row a rule, with more digits than the page."""
    header = ["rule", "credit_assignment", "optimizer", "family"]
    header += [f"{task}_{what}" for task in TASKS for what in ("mean", "sem", "diverged")]
    moments = ("0", "50", "100")
    header += [f"{kind}_angle_{m}" for kind in ("feedback", "gradient") for m in moments]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "relative_step_time"])
        for name, one in results.items():
            rule = RULES[name]
            row = [name, rule.credit_assignment.name, rule.optimizer_name, rule.family]
            for values in one["accuracy"].values():
                mean, sem, missing = mean_and_sem(values)
                row += [f"{mean:.4f}", f"{sem:.4f}", str(missing)]
            for kind in ("feedback", "gradient"):
                row += [f"{mean_and_sem(some)[0]:.2f}" if some else "" for some in one[kind]]
            writer.writerow([*row, f"{times[name]:.2f}" if name in times else ""])


TEXT = """# Every rule: accuracy, angles, cost

<!-- Written by `make rules-table`; change docs/studies/rules_table.py instead. -->

{n_rules} learning rules, each by {networks} networks a task: two hidden layers of 64 units, relu or
tanh, {steps} steps of 32 examples, initial weights and all hyperparameters drawn from the ranges
that a plan uses when it names none. The same blocks, hence the same data and activation functions,
serve every rule. Nothing is tuned: a number says how a rule does over its range, not how well it
can do, and differences between rules are partly differences between ranges.

## How to read it

- Accuracy is that on held-out examples after the last step, mean ± s.e.m. over networks that did
  not diverge. Chance stands beside the task's name: the share of the commonest class.
- Diverged: networks, of {all} on all three tasks, whose loss, output or weights were not finite at
  the end. They are in no mean.
- B^T to W: the angle between feedback weights and the weights that they stand for, at 0%, 50% and
  100% of training on digits; mean over layers (not the first, which sends nothing back) and
  networks. Empty for rules that have no feedback weights of this shape: direct feedback alignment
  sends the error from the output, the others send none or send it through W. For target
  propagation B is an inverse of the layer, which W^T is not.
- To the gradient: the angle between the pseudo-gradient of all hidden layers together, biases
  included, and the gradient of the loss on the same 256 training examples, at the same times.
  90° is what an unrelated direction has. Perturbation rules are estimates from one draw of noise
  (an example, or for weight perturbation a batch), so that an angle near 90° is right for them:
  their mean over many draws is what learns. Energy based rules are held against the gradient of
  the forward pass, which is not quite the activity that they settle to. Hebbian rules know no
  target in hidden layers. Empty for `no_learning`, which has no pseudo-gradient, and for
  `weight_fluctuation`, whose weights move by their own oscillation and not by a pseudo-gradient.
- Step: time of a training step relative to `backprop+momentum`, for {timed} networks on digits with
  relu on one thread; medians of {rounds} interleaved rounds of {per_round} steps in one run.

Seed {seed}; {versions}. The same numbers for every rule, more digits and all s.e.m.:
[rules-table.csv](rules-table.csv).

## Every credit assignment, with momentum or alone

{main_table}

## The other optimizers

{second_table}

## What stands out

{stands_out}
"""


if __name__ == "__main__":
    main()
