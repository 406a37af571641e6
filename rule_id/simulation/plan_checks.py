"""What a plan may draw is refused before anything is drawn, where it does not go together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from rule_id.errors import InputError
from rule_id.networks import get_architecture
from rule_id.rules import NO_OPTIMIZER, Conditions, get_rule
from rule_id.simulation.data import most_stimuli
from rule_id.simulation.distributions import Distribution
from rule_id.simulation.ensembles import Shape, task_from
from rule_id.simulation.plan import EnsemblePlan, Plan
from rule_id.tasks import FILE_TASKS, Task, refusal

__all__ = ["check_draws", "possible_shapes", "where_files_are"]


def possible_shapes(own: EnsemblePlan) -> Iterator[Shape]:
    """Yield every shape that an entry of a plan may draw, as far as anything may refuse it."""
    drawn = (own.architecture, own.task, own.normalisation, own.dropout)
    for names in product(*(dict.fromkeys(_examples(one)) for one in drawn)):
        architecture, task, normalisation, dropout = names
        size = min(own.batch_size.support())
        yield Shape(architecture, task, 1, "relu", normalisation, dropout, batch_size=size)


def _examples(distribution: Distribution) -> list[Any]:
    """Return all choices, and of a range its middle: its ends are never drawn."""
    if distribution.kind != "choice":
        return [sum(distribution.values) / 2]
    nested = [_examples(v) if isinstance(v, Distribution) else [v] for v in distribution.values]
    return [value for values in nested for value in values]


def check_draws(plan: Plan, base: Path) -> None:
    """Refuse what a plan may draw and what cannot be, whichever its draws are.

    Args:
        plan: A checked plan.
        base: The folder that folders of data are relative to.

    Raises:
        InputError: What a block may draw does not go together, or a rule works under nothing.
    """
    conditions: dict[str, list[Conditions]] = defaultdict(list)
    for own in plan.ensembles:
        shapes = list(possible_shapes(own))
        tasks = {
            shape.task: task_from(shape.task, **where_files_are(plan, shape.task, base))
            for shape in shapes
        }
        for shape in shapes:
            _check_shape(shape, tasks[shape.task])
        for task in tasks.values():
            _check_task(own, task)
        _check_training_before(own, shapes, tasks)
        for rule in own.named_rules:
            conditions[rule] += [shape.conditions(tasks[shape.task]) for shape in shapes]
    for rule, under in conditions.items():
        _check_rule(rule, under)


def _check_shape(shape: Shape, task: Task) -> None:
    architecture = get_architecture(shape.architecture)
    reason = architecture.refusal(task.input_shape, shape.own_normalisation)
    if reason is not None:
        raise InputError(
            f"architecture {shape.architecture} {reason}; the plan may draw it with task "
            f"{shape.task} and normalisation {shape.normalisation}, so give them [[ensembles]] of "
            "their own"
        )
    pairs = not task.loss.separable
    if shape.batch_size < 2 and (pairs or shape.own_normalisation == "batch"):
        why = f"task {task.name}" if pairs else "normalisation batch"
        raise InputError(f"batch_size must be 2 or more for {why}; got {shape.batch_size}")


def _check_training_before(
    own: EnsemblePlan, shapes: Sequence[Shape], tasks: dict[str, Task]
) -> None:
    """Refuse a rule of the training before where it does not work: a task of classes, any shape."""
    for rule, shape in product(own.pretrained_by.support(), shapes):
        if rule == NO_OPTIMIZER:
            continue
        conditions = shape.conditions(tasks[shape.task])
        before = conditions._replace(loss="cross_entropy", separable=True)
        reason = get_rule(rule).credit_assignment.refusal(before)
        if reason is not None:
            raise InputError(
                f"pretrained_by {rule} does not work under all that is drawn here, such as "
                f"{shape.architecture}: it {reason}"
            )


def _check_task(own: EnsemblePlan, task: Task) -> None:
    if max(own.stimuli.support()) > most_stimuli(task):
        raise InputError(
            f"stimuli must be at most {most_stimuli(task)} of the held-out examples of task "
            f"{task.name}; got {max(own.stimuli.support())}"
        )
    for curriculum in own.curriculum.support():
        reason = refusal(curriculum, task)
        if reason is not None:
            raise InputError(f"curriculum {curriculum} does not go with every task here: {reason}")


def _check_rule(rule: str, conditions: Sequence[Conditions]) -> None:
    reasons = [get_rule(rule).credit_assignment.refusal(one) for one in conditions]
    if None not in reasons:
        raise InputError(
            f"rule {rule} works under nothing that the plan may draw: it "
            f"{'; it '.join(sorted(set(filter(None, reasons))))}"
        )


def where_files_are(plan: Plan, task: str, base: Path) -> dict[str, Any]:
    """Return `folder` and `image_size` of a task, None for those that read no files.

    Raises:
        InputError: The plan names no folder for a task that reads files.
    """
    if task not in FILE_TASKS:
        return {"folder": None, "image_size": None}
    if task not in plan.data:
        raise InputError(f"task {task} needs the folder of its files under [data]; got none")
    return {"folder": str(base / plan.data[task]), "image_size": plan.image_size}
