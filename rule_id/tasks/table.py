"""The table of tasks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rule_id.errors import InputError, one_of
from rule_id.tasks import real_data, reward, teacher
from rule_id.tasks.files import FILE_TASKS, file_task
from rule_id.tasks.loss import CURSOR_ERROR, EXPECTED_REWARD, SQUARED_ERROR
from rule_id.tasks.self_supervised import contrastive, reconstruction
from rule_id.tasks.shapes import SHAPES, shapes
from rule_id.tasks.task import Task, classification, permuted_targets
from rule_id.tasks.words import N_WORDS, words

__all__ = ["TASKS", "get_task"]

_TRAIN, _TEST = teacher.N_EXAMPLES - teacher.N_TEST, teacher.N_TEST

_DIGITS = classification("digits", real_data.digits, (1, 8, 8), 10, 1348, 449)
_SHAPES16, _SHAPES32 = (
    classification(
        f"shapes{side}",
        partial(shapes, side=side),
        (1, side, side),
        len(SHAPES),
        _TRAIN,
        _TEST,
    )
    for side in (16, 32)
)
_WORDS = classification("words", words, (1, 16, 16), N_WORDS, _TRAIN, _TEST)

_BUILT_IN = (
    _DIGITS,
    classification("breast_cancer", real_data.breast_cancer, (30,), 2, 427, 142),
    classification("wine", real_data.wine, (13,), 3, 107, 71),
    classification("teacher_student", teacher.teacher_student, (32,), 5, _TRAIN, _TEST),
    _SHAPES16,
    _SHAPES32,
    _WORDS,
    Task(
        name="teacher_regression",
        group="supervised",
        loss=SQUARED_ERROR,
        input_shape=(32,),
        n_out=4,
        n_train=_TRAIN,
        n_test=_TEST,
        draw=teacher.teacher_regression,
        switched=permuted_targets,
    ),
    *(contrastive(base) for base in (_DIGITS, _SHAPES16, _WORDS)),
    *(reconstruction(base) for base in (_DIGITS, _SHAPES16, _WORDS)),
    Task(
        name="bandit",
        group="reward",
        loss=EXPECTED_REWARD,
        input_shape=(reward.N_CONTEXT,),
        n_out=reward.N_ARMS,
        n_train=_TRAIN,
        n_test=_TEST,
        draw=reward.bandit,
        switched=permuted_targets,
    ),
    Task(
        name="cursor",
        group="reward",
        loss=CURSOR_ERROR,
        input_shape=(reward.N_TUNED,),
        n_out=reward.N_MOVING,
        n_train=_TRAIN,
        n_test=_TEST,
        draw=reward.cursor_task,
        switched=reward.turned_decoder,
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in _BUILT_IN}
"""Name to task, of those that need no files."""


def get_task(name: str, folder: str | Path | None = None, size: int | None = None) -> Task:
    """Return a task by its name.

    Args:
        name: One of `TASKS` or of `FILE_TASKS`.
        folder: Where the files of one of `FILE_TASKS` are; None for the others.
        size: Side of the images of `image_folder`, pixels, 8 to 256; None for 32, and for the
            others.

    Raises:
        InputError: The name is unknown, a folder or size is missing or not the task's to have, or
            the files are not what they should be.
    """
    one_of("task", name, (*TASKS, *FILE_TASKS))
    if name in FILE_TASKS:
        return file_task(name, folder, size)
    if folder is not None or size is not None:
        got = f"folder {str(folder)!r}" if folder is not None else f"size {size}"
        raise InputError(f"task {name} reads no files and takes no folder or size; got {got}")
    return TASKS[name]
