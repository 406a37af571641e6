from __future__ import annotations

import numpy as np
import pytest

from rule_id.features.rows import rows_of_times, summarise_rows
from rule_id.features.summaries import summarise, summary_names
from rule_id.features.time_axis import time_axis

T = np.linspace(0, 1, 12)[:, None] ** 1.2


@pytest.fixture
def values() -> np.ndarray:
    """5 trajectories of 3 statistics, some constant, some huge, some tiny."""
    walks = np.random.default_rng(0).normal(size=(5, 12, 3)).cumsum(axis=1)
    walks[0, :, 0], walks[1, :, 1] = 2.5, 0
    return walks * np.array([1, 1e38, 1e-42])


def alone(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The summaries of one series of the points that were measured."""
    kept = np.isfinite(x)
    if kept.sum() < 2:
        return np.full(len(summary_names()), np.nan)
    t = (t[kept] - t[kept][0]) / (t[kept][-1] - t[kept][0])
    return np.array([value[0] for value in summarise(t[:, None], x[kept][:, None]).values()])


def test_rows_share_their_times_when_all_are_equal_or_missing():
    time = np.array([[0, 0.5, 1], [0, 1, np.nan], [0, 0.5, 1], [0, 0.6, 1], [0, 1, np.nan]])
    assert [rows.tolist() for rows in rows_of_times(time)] == [[0, 2], [1, 4], [3]]
    (rows,) = rows_of_times(time[:1].repeat(4, axis=0))
    assert rows.tolist() == [0, 1, 2, 3]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_each_series_is_summarised_as_if_it_were_alone(values, share):
    gone = np.random.default_rng(1).random(values.shape) < share
    values = np.where(gone, [[np.nan, np.inf, np.nan]], values)
    found = summarise_rows(time_axis(T), values)
    expected = np.array([[alone(T[:, 0], series) for series in row.T] for row in values])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_what_was_never_measured_is_missing(values):
    values[:, :, 1] = np.nan
    found = summarise_rows(time_axis(T), values)
    assert np.isnan(found[:, 1]).all()
    assert not np.isnan(found[2:, [0, 2]]).any()
    assert np.isnan(summarise_rows(time_axis(T), np.full((2, 12, 3), np.nan))).all()


def test_the_values_are_left_as_they_were(values):
    values[1, 3, 2] = np.nan
    before = values.copy()
    summarise_rows(time_axis(T), values)
    np.testing.assert_array_equal(values, before)
