from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rule_id.recordings.texts import as_texts


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.0, 2.5, np.nan]), ["1", "2.5", ""]),
        (np.array([1, -2], dtype=np.int8), ["1", "-2"]),
        (np.array([True, False]), ["True", "False"]),
        (["a", b"b", None, ""], ["a", "b", "", ""]),
        ([SimpleNamespace(name="shank 1")], ["shank 1"]),
        ([], []),
    ],
)
def test_values_as_texts(values, expected):
    assert as_texts(values).tolist() == expected


def test_one_condition_has_one_name_whatever_its_type():
    values = (
        [1, 2],
        [1.0, 2.0],
        np.array([1, 2], np.uint8),
        np.array([1, 2], np.float32),
        ["1", "2"],
    )
    assert {tuple(as_texts(some)) for some in values} == {("1", "2")}
