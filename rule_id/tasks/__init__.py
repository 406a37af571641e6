"""Data, loss and curriculum of what networks learn."""

from rule_id.tasks.curriculum import shuffled
from rule_id.tasks.data import TaskData
from rule_id.tasks.loss import accuracy, cross_entropy
from rule_id.tasks.table import TASKS, draw_task, task_shape

__all__ = [
    "TASKS",
    "TaskData",
    "accuracy",
    "cross_entropy",
    "draw_task",
    "shuffled",
    "task_shape",
]
