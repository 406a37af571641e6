"""The table of tasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rule_id.errors import one_of
from rule_id.tasks.classification import breast_cancer, digits, teacher_student
from rule_id.tasks.data import TaskData

__all__ = ["TASKS", "draw_task", "task_shape"]

TASKS: dict[str, Callable[[np.random.Generator], TaskData]] = {
    "digits": digits,
    "breast_cancer": breast_cancer,
    "teacher_student": teacher_student,
}
"""Name to a function that draws the task's examples (and its teacher, if it has one)."""

_SHAPES = {"digits": (64, 10), "breast_cancer": (30, 2), "teacher_student": (32, 5)}


def draw_task(task: str, generator: np.random.Generator) -> TaskData:
    """Draw the data of a task.

    Args:
        task: One of `TASKS`.
        generator: Draws the split into training and test examples, and a teacher.

    Raises:
        InputError: `task` is unknown.
    """
    return TASKS[one_of("task", task, TASKS)](generator)


def task_shape(task: str) -> tuple[int, int]:
    """Return (input units, classes) of a task without drawing it.

    Raises:
        InputError: `task` is unknown.
    """
    return _SHAPES[one_of("task", task, TASKS)]
