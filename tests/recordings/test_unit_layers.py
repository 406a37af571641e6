from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings.unit_layers import unit_layers

REGIONS = np.array(["V1", "LM", "", "AL", "V1"], dtype=object)
DEPTHS = np.array([100.0, 299.9, 300.0, np.nan, 700.0])


@pytest.mark.parametrize(
    ("values", "layers", "expected"),
    [
        (REGIONS, None, ["V1", "LM", "", "AL", "V1"]),
        (REGIONS, {"early": ("V1",), "late": ("LM", "AL")}, ["early", "late", "", "late", "early"]),
        (REGIONS, {"early": ("V1", "RL")}, ["early", "", "", "", "early"]),
        (DEPTHS, {"L23": (100, 300), "L5": (300, 700)}, ["L23", "L23", "L5", "", ""]),
        (np.array([2, 3, 5]), {"upper": ("2", "3"), "L5": ("5",)}, ["upper", "upper", "L5"]),
    ],
)
def test_units_are_in_the_layer_that_their_value_says(values, layers, expected):
    assert unit_layers(values, "where", layers).tolist() == expected


@pytest.mark.parametrize(
    ("values", "layers", "message"),
    [
        (DEPTHS, None, r"layers must say which numbers of the column where .* L23 = \[100, 300\]"),
        (REGIONS, {"a": (0, 1)}, "are texts such as V1; a is an interval"),
        (REGIONS, {"a": ("PM",), "b": ("RL",)}, "which holds , AL, LM, V1; no unit is in a, b"),
        (DEPTHS, {"a": (800, 900)}, "no unit is in a"),
    ],
)
def test_layers_that_do_not_fit_the_column_are_refused(values, layers, message):
    with pytest.raises(InputError, match=message) as caught:
        unit_layers(values, "where", layers)
    assert "\n" not in str(caught.value)
