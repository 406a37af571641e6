"""Whether probabilities and labels go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rule_id.errors import InputError, one_of

__all__ = ["label_codes"]


def label_codes(
    probabilities: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    classes: Sequence[str],
    what: str = "probabilities",
) -> np.ndarray:
    """Return the column of each label, of probabilities and labels that go together.

    Args:
        probabilities: Shape (n, k), n at least 1.
        labels: Shape (n,).
        classes: The k classes, in the order of the columns.
        what: What the probabilities are, for the message.

    Returns:
        Shape (n,), whole numbers.

    Raises:
        InputError: Shapes do not agree, there is no network, or a label is not one of `classes`.

    >>> label_codes(np.array([[0.1, 0.9]]), ["b"], ["a", "b"])
    array([1])
    """
    if np.shape(probabilities) != (len(labels), len(classes)) or len(labels) == 0:
        raise InputError(
            f"{what} must have a row for each of {len(labels)} labels, one or more, and a column "
            f"for each of {len(classes)} classes; got shape {np.shape(probabilities)}"
        )
    position = {name: column for column, name in enumerate(classes)}
    names, index = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    for name in names:
        one_of("label", str(name), classes)
    return np.array([position[str(name)] for name in names])[index]
