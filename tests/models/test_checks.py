from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.models.checks import label_codes

TWO = np.full((2, 3), 1 / 3)


def test_codes_are_columns_in_the_order_of_the_classes() -> None:
    assert label_codes(TWO, ["a", "c"], ["c", "b", "a"]).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (TWO, ["a"], "a row for each of 1 labels"),
        (TWO[:, :2], ["a", "b"], r"3 classes; got shape \(2, 2\)"),
        (np.empty((0, 3)), [], "one or more"),
        (TWO, ["a", "d"], "label must be one of a, b, c; got 'd'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    probabilities: np.ndarray, labels: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        label_codes(probabilities, labels, ["a", "b", "c"])
