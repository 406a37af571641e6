"""Tasks without labels on the images of other tasks: telling views apart, and reconstruction."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from rule_id.tasks.augmentation import augmented, held_out_views
from rule_id.tasks.data import TaskData
from rule_id.tasks.loss import NT_XENT, SQUARED_ERROR
from rule_id.tasks.task import Task

__all__ = ["contrastive", "reconstruction"]

EMBEDDING = 16
"""Outputs of a network that learns a contrastive task."""

N_TEST_IMAGES = 128
"""Held-out images, two views of each: all pairs of them are compared at every checkpoint."""


def contrastive(base: Task) -> Task:
    """Return the task of giving two views of an image similar outputs, and others different ones.

    Batches hold first views, then second ones (`two_views`). So do the test examples, whose
    views are drawn once. Targets are the classes of `base`, which the loss ignores; so are groups.

    Args:
        base: A task on images, at least 128 of them held out.
    """
    task = replace(
        base,
        name=f"contrastive_{base.name}",
        group="self-supervised",
        loss=NT_XENT,
        n_out=EMBEDDING,
        n_test=2 * N_TEST_IMAGES,
        augment=augmented,
        switched=None,
    )
    return replace(task, draw=partial(_draw_views, base=base, task=task))


def reconstruction(base: Task) -> Task:
    """Return the task of giving back the input, flattened; groups are the classes of `base`.

    Args:
        base: Any task with classes.
    """
    return replace(
        base,
        name=f"reconstruct_{base.name}",
        group="self-supervised",
        loss=SQUARED_ERROR,
        n_out=int(np.prod(base.input_shape)),
        draw=partial(_draw_reconstruction, base=base),
        switched=None,
    )


def _draw_views(generator: np.random.Generator, base: Task, task: Task) -> TaskData:
    data = base.draw(generator)
    images, classes = data.test_x[:N_TEST_IMAGES], data.test_y[:N_TEST_IMAGES]
    views = held_out_views(task, images, generator)
    return replace(data, test_x=views, test_y=np.concatenate([classes, classes]))


def _draw_reconstruction(generator: np.random.Generator, base: Task) -> TaskData:
    data = base.draw(generator)
    train_y, test_y = (x.reshape(len(x), -1) for x in (data.train_x, data.test_x))
    return replace(data, train_y=train_y, test_y=test_y)
