from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings import keyed
from rule_id.recordings.nwb.columns import lists, loaded, rows_of


def index(ends, values=(1, 2, 3)):
    target = SimpleNamespace(name="spike_times", data=list(values))
    return SimpleNamespace(name="spike_times_index", target=target, data=np.array(ends))


def test_each_row_has_its_list():
    assert [one.tolist() for one in lists(index([2, 2, 3]))] == [[1, 2], [], [3]]
    given = lists(index([1, 3]), np.array([4, 5, 6]))
    assert [one.tolist() for one in given] == [[4], [5, 6]]


@pytest.mark.parametrize("ends", [[], [2, 1], [4], [-1, 3]])
def test_lists_that_are_not_where_the_index_says_are_refused(ends):
    with pytest.raises(
        InputError, match="the lists of spike_times must have a row or more and end"
    ):
        lists(index(ends))


def test_a_column_without_lists_is_refused():
    flat = SimpleNamespace(name="obs_intervals", data=[1, 2])
    with pytest.raises(InputError, match="the column obs_intervals must have a list in each row"):
        lists(flat)


@pytest.mark.parametrize("rows", [[0, 3], [-1]])
def test_rows_that_are_not_there_are_refused(rows):
    region = SimpleNamespace(name="mine", table=Table(), data=rows)
    with pytest.raises(InputError, match="mine must refer to the 3 rows of rois; got row"):
        rows_of(region)


class Table:
    name = "rois"

    def __len__(self):
        return 3


def test_what_is_too_large_is_never_loaded(monkeypatch):
    monkeypatch.setattr(keyed, "MAX_BYTES", 8)
    assert loaded(np.ones(1)).tolist() == [1]
    with pytest.raises(InputError, match="a recording must take at most"):
        loaded(SimpleNamespace(shape=(2,), dtype=np.dtype("f8")))
