"""Real data that scikit-learn carries."""

from __future__ import annotations

from functools import cache

import numpy as np

from rule_id.tasks.data import TaskData, split, standardised

__all__ = ["breast_cancer", "digits", "wine"]


def digits(generator: np.random.Generator) -> TaskData:
    """Handwritten digits, images (1, 8, 8), 10 classes, 1,797 examples.

    Pixels are centred at their mean and divided by one common standard deviation: some are always
    blank and have none of their own.

    Source: the test set of UCI's optical recognition of handwritten digits (Alpaydin & Kaynak).
    """
    x, y = _load("digits")
    data = split(x.reshape(-1, 1, 8, 8), y, generator, n_test=449)
    return standardised(data, centre=[0])


def breast_cancer(generator: np.random.Generator) -> TaskData:
    """Breast cancer Wisconsin (diagnostic): 30 features of a cell image, 2 classes, 569 examples.

    Each feature is standardised.

    Source: UCI breast cancer Wisconsin diagnostic (Wolberg, Mangasarian & Street).
    """
    data = split(*_load("breast_cancer"), generator, n_test=142)
    return standardised(data, centre=[0], scale=[0])


def wine(generator: np.random.Generator) -> TaskData:
    """Chemical analysis of wines: 13 features, 3 cultivars, 178 examples, 71 of them held out.

    Each feature is standardised.

    Source: UCI wine (Forina, Aeberhard & Leardi).
    """
    data = split(*_load("wine"), generator, n_test=71)
    return standardised(data, centre=[0], scale=[0])


@cache
def _load(name: str) -> tuple[np.ndarray, np.ndarray]:
    # scikit-learn takes a second to import, which a teacher-student corpus need not pay.
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x, y
