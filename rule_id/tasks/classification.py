"""Classification tasks: real data that scikit-learn carries, and a random teacher."""

from __future__ import annotations

from functools import cache

import numpy as np

from rule_id.tasks.data import TaskData, split

__all__ = ["breast_cancer", "digits", "teacher_student"]


def digits(generator: np.random.Generator) -> TaskData:
    """Handwritten digits, 8 x 8 pixels, 10 classes, 1,797 examples.

    Pixels are centred at their mean and divided by one common standard deviation: some are always
    blank and have none of their own.

    Source: the test set of UCI's optical recognition of handwritten digits (Alpaydin & Kaynak).
    """
    train_x, train_y, test_x, test_y = split(*_load("digits"), generator)
    mean = train_x.mean(0)
    std = (train_x - mean).std()
    return TaskData((train_x - mean) / std, train_y, (test_x - mean) / std, test_y, 10)


def breast_cancer(generator: np.random.Generator) -> TaskData:
    """Breast cancer Wisconsin (diagnostic): 30 features of a cell image, 2 classes, 569 examples.

    Each feature is standardised on the training examples.

    Source: UCI breast cancer Wisconsin diagnostic (Wolberg, Mangasarian & Street).
    """
    train_x, train_y, test_x, test_y = split(*_load("breast_cancer"), generator)
    mean, std = train_x.mean(0), train_x.std(0)
    return TaskData((train_x - mean) / std, train_y, (test_x - mean) / std, test_y, 2)


def teacher_student(
    generator: np.random.Generator, n_in: int = 32, n_classes: int = 5, n_examples: int = 2400
) -> TaskData:
    r"""Gaussian inputs labelled by a random two-layer teacher network.

    x_i ~ N(0, i^{-p}) with the power p uniform in 0 to 1 and the axes rotated at random; hidden
    units tanh(g A x), A standard normal / sqrt(n_in), the gain g uniform in 1 to 3, 16 to 64 of
    them; the label is the largest of `n_classes` random readouts, each standardised over the
    examples so that no class is rare.

    Args:
        generator: Draws the teacher and the examples.
        n_in: Input units.
        n_classes: Classes, 2 or more.
        n_examples: Training and test examples together.
    """
    spectrum = np.arange(1, n_in + 1) ** (-generator.uniform(0, 1) / 2)
    rotation = np.linalg.qr(generator.normal(size=(n_in, n_in)))[0]
    x = (generator.normal(size=(n_examples, n_in)) * spectrum) @ rotation
    x /= x.std()
    hidden = int(generator.integers(16, 65))
    first = generator.normal(size=(n_in, hidden)) / np.sqrt(n_in)
    readout = np.tanh(generator.uniform(1, 3) * x @ first) @ generator.normal(
        size=(hidden, n_classes)
    )
    y = np.argmax((readout - readout.mean(0)) / readout.std(0), axis=1)
    return TaskData(*split(x, y, generator), n_classes)


@cache
def _load(name: str) -> tuple[np.ndarray, np.ndarray]:
    # scikit-learn takes a second to import, which a teacher-student corpus need not pay.
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x, y
