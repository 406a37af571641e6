from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings import keyed
from rule_id.recordings.one_session import session_of_responses
from rule_id.recordings.trials import Trials, aligned_trials, window_means, window_rates

TIMES = np.arange(100) / 10
X = np.stack([TIMES, TIMES**2], axis=1)


def trials_at(*events, window=(0.0, 1.0)) -> Trials:
    return aligned_trials(np.array(events, dtype=float), None, window)


def means(trials, times=TIMES):
    return window_means(times, lambda start, stop: X[start:stop], 2, trials)


def test_trials_are_sorted_by_the_event_and_lose_those_without_event_or_condition():
    events = np.array([3.0, 1.0, np.nan, 2.0, 4.0])
    trials = aligned_trials(events, ["a", "b", "c", "", "a"], (-0.5, 0.5))
    assert trials.starts.tolist() == [0.5, 2.5, 3.5] and trials.stops.tolist() == [1.5, 3.5, 4.5]
    assert trials.conditions.tolist() == ["b", "a", "a"]
    assert trials.warnings == (
        "1 of 5 trials are left out: they lack the event",
        "1 of 5 trials are left out: they have no condition",
    )


def test_trials_without_conditions_are_of_one():
    assert trials_at(1, 2).conditions.tolist() == ["all", "all"]
    assert trials_at(1, 2).warnings == ()


@pytest.mark.parametrize("events", [[], [np.nan]])
def test_no_trial_is_refused(events):
    with pytest.raises(InputError, match="a trial or more must have an event and a condition; of"):
        aligned_trials(np.array(events), None, (0.0, 1.0))


@pytest.mark.parametrize("window", [(0.0, 1.0), (-0.3, 0.2), (0.25, 0.55)])
def test_means_are_over_the_samples_from_the_start_to_below_the_end(window):
    responses = means(trials_at(2, 3.7, window=window))
    for got, event in zip(responses.values, (2, 3.7), strict=True):
        start, stop = (event + edge - 1e-9 for edge in window)
        chosen = (start <= TIMES) & (stop > TIMES)
        np.testing.assert_allclose(got, X[chosen].mean(axis=0))
    assert responses.inside.all()


def test_windows_that_leave_the_recording_or_lie_in_a_gap_have_no_response():
    # The last sample, at 9.9, lasts until 10.
    responses = means(trials_at(-0.1, 0, 9, 9.1))
    assert responses.inside.tolist() == [False, True, True, False]
    assert np.isnan(responses.values[[0, 3]]).all() and np.isfinite(responses.values[1:3]).all()
    paused = np.where(TIMES < 5, TIMES, TIMES + 10)
    assert means(trials_at(4, 7, 16), paused).inside.tolist() == [True, False, True]


def test_a_missing_sample_is_a_missing_response():
    x = X.copy()
    x[25, 1] = np.nan
    responses = window_means(TIMES, lambda start, stop: x[start:stop], 2, trials_at(2, 3))
    assert np.isnan(responses.values).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("times", [TIMES[::-1], TIMES * 0, TIMES * np.nan, TIMES[:1]])
def test_times_that_do_not_rise_are_refused(times):
    with pytest.raises(InputError, match="timestamps must be 2 or more and rise strictly"):
        means(trials_at(2), times)


def test_a_window_shorter_than_a_sample_is_refused():
    with pytest.raises(InputError, match="window must be as long as a sample .* 0.1 s; got 0.01 s"):
        means(trials_at(2.05, window=(0, 0.01)))


def test_rates_are_spikes_a_second_from_the_start_to_below_the_end():
    spikes = [np.array([5.0, 0.0, 1.0, 1.5, 1.999, 2.0]), np.array([1.25]), np.empty(0)]
    responses = window_rates(spikes, trials_at(1, window=(0, 1)))
    assert responses.values.tolist() == [[3, 1, 0]]
    assert window_rates(spikes, trials_at(1, window=(0, 0.5))).values.tolist() == [[2, 2, 0]]


def test_a_recording_of_spikes_reaches_a_little_beyond_the_first_and_the_last():
    spikes = [np.arange(1000) / 100]  # From 0 to 9.99 s, one each 0.01 s.
    responses = window_rates(spikes, trials_at(-0.2, -0.05, 9.05, 9.2))
    assert responses.inside.tolist() == [False, True, True, False]
    assert np.isnan(responses.values[:, 0]).tolist() == [True, False, False, True]
    told = window_rates(spikes, trials_at(-0.2, -0.05, 9.05, 9.2), (-1, 9.99))
    assert told.inside.tolist() == [True, True, False, False]


def test_units_that_never_fire_are_refused():
    with pytest.raises(InputError, match="a unit or more must have fired; none has a spike"):
        window_rates([np.empty(0)], trials_at(1))


def test_too_many_responses_are_refused(monkeypatch):
    monkeypatch.setattr(keyed, "MAX_BYTES", 8 * 3)
    with pytest.raises(InputError, match="a recording must take at most"):
        means(trials_at(1, 2))


def test_a_session_keeps_the_trials_that_lie_in_the_recording():
    trials = trials_at(-3, 2, 30, np.nan)
    session = session_of_responses("day", trials, means(trials), np.array(["a", "b"]))
    np.testing.assert_allclose(session.responses, means(trials_at(2)).values)
    assert session.warnings == (
        "1 of 4 trials are left out: they lack the event",
        "2 of 3 trials are left out: their window leaves the recording",
    )
    outside = trials_at(30, 40)
    with pytest.raises(InputError, match="runs from 0 to 10 s; the first trial's .* 30 to 31 s"):
        session_of_responses("day", outside, means(outside), np.array(["a", "b"]))


def test_windows_that_overlap_are_counted() -> None:
    events = np.array([0.0, 0.3, 1.3, 2.0, 3.0])
    (warning,) = aligned_trials(events, None, (-0.5, 0.5)).warnings
    assert warning.startswith("the windows of 2 of 5 trials begin before")
    assert "lasts 1 s and the smallest gap between events is 0.3 s" in warning
    assert aligned_trials(events, None, (0.0, 0.3)).warnings == ()
