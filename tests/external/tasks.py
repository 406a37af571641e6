"""Tasks for networks that are not ours: data that scikit-learn carries or makes, and a teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn import datasets
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split

__all__ = ["LEARNED", "Task", "load_task"]

LEARNED = {
    "digits": 0.8,
    "parity": 0.8,
    "wine": 0.85,
    "breast_cancer": 0.88,
    "teacher_student": 0.6,
    "teacher_values": 0.6,
    "friedman": 0.6,
    "diabetes": 0.3,
}
"""From which held-out accuracy on (R squared for numbers) a task counts as learned.

Guessing has 0.10, 0.51, 0.40, 0.63, about 0.2, and 0 for numbers; of diabetes, a linear regression
gets 0.5.
"""

N_STIMULI = 100
SIDE = 8
"""Of the images of digits, in pixels."""


@dataclass(frozen=True)
class Task:
    """Examples to learn from, and others.

    Attributes:
        name: A key of `LEARNED`.
        x_train: Inputs (n, features), float32; images are rows of pixels.
        y_train: Classes (n,) as int64, or float32 numbers (n, n_out), of mean 0 and variance 1.
        x_test: Inputs that no network learns from.
        y_test: What belongs to them.
        n_out: Classes, or how many numbers.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    n_out: int

    @property
    def has_classes(self) -> bool:
        """Whether it is to tell classes apart rather than to give numbers."""
        return self.y_train.dtype.kind == "i"

    @property
    def stimuli(self) -> np.ndarray:
        """What is shown to a network at every checkpoint: held-out inputs, 100 at most."""
        return self.x_test[:N_STIMULI]

    def score(self, outputs: np.ndarray) -> float:
        """Return accuracy or R squared of the last layer's `outputs` (n, n_out) to `x_test`.

        One output for two classes is the logit of the second.
        """
        if not self.has_classes:
            return float(r2_score(self.y_test, outputs))
        named = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return float(accuracy_score(self.y_test, named))


def load_task(name: str, seed: int) -> Task:
    """Return a task; `seed` draws what is held out, and examples where they are made."""
    x, y = _MADE[name](seed) if name in _MADE else _LOADED[name](return_X_y=True)
    if name == "parity":
        y = y % 2
    classes = y.dtype.kind == "i"
    y = y if classes or y.ndim > 1 else y[:, None]
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.4 if len(x) < 200 else 0.25, random_state=seed,
        stratify=y if classes else None,
    )  # fmt: skip
    if not classes:
        y_train, y_test = _scaled(y_train, y_test, axis=0)
    # Pixels share one scale: some are always blank and have none of their own.
    x_train, x_test = _scaled(x_train, x_test, axis=None if x.shape[1] == SIDE**2 else 0)
    dtype = np.int64 if classes else np.float32
    return Task(
        name, x_train, y_train.astype(dtype), x_test, y_test.astype(dtype),
        int(y.max()) + 1 if classes else y.shape[1],
    )  # fmt: skip


def _scaled(train: np.ndarray, test: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    mean, std = train.mean(axis), train.std(axis)
    return ((train - mean) / std).astype(np.float32), ((test - mean) / std).astype(np.float32)


def _teacher_values(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gaussian inputs and the outputs of a random network of one hidden layer."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2000, 20))
    hidden = np.maximum(0, x @ rng.normal(size=(20, 30)))
    outputs = (hidden - hidden.mean(axis=0)) @ rng.normal(size=(30, 5))
    return x, outputs / outputs.std(axis=0)


def _teacher_student(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Label the same inputs with the largest output, so that no class is rare."""
    x, values = _teacher_values(seed)
    return x, values.argmax(axis=1)


def _friedman(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return datasets.make_friedman1(n_samples=1500, n_features=10, noise=0.5, random_state=seed)


_LOADED = {
    "digits": datasets.load_digits,
    "parity": datasets.load_digits,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}
_MADE = {
    "teacher_student": _teacher_student,
    "teacher_values": _teacher_values,
    "friedman": _friedman,
}
