from __future__ import annotations

import numpy as np
import pytest
from nwb_files import imaging_nwb, in_memory, units_nwb

from rule_id.errors import InputError
from rule_id.recordings import Reading
from rule_id.recordings.nwb.read import recording_of_files

RESPONSES = np.random.default_rng(0).random((2, 8, 12))
SAID = "every trial counts as one condition; trials have the columns stimulus: name one with"


@pytest.mark.parametrize(
    ("conditions", "reading", "said"),
    [
        (["a", "b"] * 4, Reading(), True),
        (["a", "b"] * 4, Reading(condition="stimulus"), False),
        (None, Reading(), False),
    ],
)
def test_what_could_be_a_condition_is_named(conditions, reading, said) -> None:
    more = {"go_time": np.arange(8.0)}
    files = in_memory(
        *(imaging_nwb(RESPONSES[day], conditions, day=day, trials=more) for day in (0, 1))
    )
    warnings = recording_of_files(files, reading).warnings
    assert [SAID in warning for warning in warnings].count(True) == said


def test_cells_are_no_model() -> None:
    counts = np.random.default_rng(0).integers(1, 5, (8, 12))
    for kind, make in (("units", units_nwb), ("DfOverF", imaging_nwb)):
        files = in_memory(*(make(counts, day=day) for day in (0, 1)))
        with pytest.raises(InputError, match=f"signal must be one of cells, .* for {kind} of NWB"):
            recording_of_files(files, Reading(signal="model"))
