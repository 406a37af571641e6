"""Data, loss and curriculum of what networks learn."""

from rule_id.tasks.augmentation import NoiseLike, two_views
from rule_id.tasks.curriculum import (
    CURRICULA,
    Presentation,
    needs_difficulty,
    present,
    refusal,
    shuffled,
)
from rule_id.tasks.data import TaskData, noisy_targets
from rule_id.tasks.files import FILE_TASKS
from rule_id.tasks.loss import Loss, accuracy, cross_entropy
from rule_id.tasks.table import TASKS, get_task
from rule_id.tasks.task import TASK_GROUPS, Task
from rule_id.tasks.teacher import pretraining_task

__all__ = [
    "CURRICULA",
    "FILE_TASKS",
    "TASKS",
    "TASK_GROUPS",
    "Loss",
    "NoiseLike",
    "Presentation",
    "Task",
    "TaskData",
    "accuracy",
    "cross_entropy",
    "get_task",
    "needs_difficulty",
    "noisy_targets",
    "present",
    "pretraining_task",
    "refusal",
    "shuffled",
    "two_views",
]
