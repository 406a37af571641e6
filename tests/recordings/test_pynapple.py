from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pynapple as nap
import pytest
from nwb_files import RATE, TRIAL, events_of, spikes_of

from rule_id.errors import InputError
from rule_id.recordings import recording_from_arrays, recording_from_pynapple

DAYS, TRIALS, UNITS = 2, 6, 10
STIMULI = np.array(["a", "b"] * 3)
AREAS = ["V1"] * 4 + ["LM"] * 6
EVENTS = events_of(TRIALS)
COUNTS = np.random.default_rng(0).integers(1, 9, (DAYS, TRIALS, UNITS))
WHOLE = nap.IntervalSet(0, TRIALS * TRIAL)


def frame(day, units=UNITS, **metadata):
    x = np.repeat(COUNTS[day, :, :units].astype(float), int(TRIAL * RATE), axis=0)
    metadata = {"area": AREAS[:units], **metadata}
    return nap.TsdFrame(t=np.arange(len(x)) / RATE, d=x, metadata=metadata)


def group(day):
    spikes = {10 + k: nap.Ts(spikes_of(counts)) for k, counts in enumerate(COUNTS[day].T)}
    return nap.TsGroup(spikes, time_support=WHOLE, metadata={"area": AREAS})


FRAMES, GROUPS = [frame(0), frame(1)], [group(0), group(1)]


def recording(sessions, signal, events=(EVENTS, EVENTS), conditions=(STIMULI, STIMULI), **told):
    return recording_from_pynapple(
        "m", sessions, events, signal, conditions=conditions, layer="area", **told
    )


def expected(signal, trials=slice(None), layers=("LM", "V1"), **told):
    x = COUNTS[:, trials]
    averages = np.stack(
        [x[:, STIMULI[trials] == stimulus].mean(axis=1) for stimulus in "ab"], axis=1
    )
    of_layer = {layer: averages[:, :, np.array(AREAS) == layer] for layer in layers}
    told = {"tracked": False, "checkpoints": "sessions"} | told
    return recording_from_arrays("m", np.arange(DAYS), of_layer, signal=signal, **told)


def assert_same(one, other) -> None:
    pd.testing.assert_frame_equal(one.trajectories.rows, other.trajectories.rows, rtol=1e-5)


def test_traces_and_spikes_are_averaged_about_events():
    assert_same(recording(FRAMES, "calcium"), expected("calcium"))
    assert_same(recording(GROUPS, "rate"), expected("rate"))
    # Spikes are evenly spaced throughout a trial.
    shifted = recording(GROUPS, "rate", window=(0.5, 1.5))
    assert_same(shifted, expected("rate"))
    named = recording(FRAMES, "calcium", layers={"late": ("LM",), "early": ("V1",)})
    assert named.trajectories.rows["layer_name"].unique().tolist() == ["late", "early"]


def test_events_come_as_intervals_times_or_by_condition():
    intervals = nap.IntervalSet(EVENTS, EVENTS + 1, metadata={"stimulus": STIMULI})
    named = {stimulus: nap.Ts(EVENTS[stimulus == STIMULI]) for stimulus in "ba"}
    times = nap.Ts(EVENTS)
    for events, conditions in (
        (intervals, "stimulus"),
        (times, [STIMULI] * 2),
        (list(EVENTS), [list(STIMULI)] * 2),
        (named, None),
        (nap.TsGroup(dict(enumerate(named.values()))), None),
    ):
        got = recording(FRAMES, "calcium", [events] * 2, conditions)
        assert_same(got, expected("calcium"))


def test_without_conditions_there_is_one():
    got = recording(FRAMES, "calcium", conditions=None)
    x = COUNTS.mean(axis=1, keepdims=True)[:, :, np.array(AREAS) == "V1"]
    rows = got.trajectories.rows.query("layer_name == 'V1'")
    np.testing.assert_allclose(rows["activation_raw_mean"], x.mean(axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize(("sessions", "signal"), [(FRAMES, "calcium"), (GROUPS, "rate")])
def test_trials_outside_the_time_support_are_left_out(sessions, signal):
    first = nap.IntervalSet([0, 3 * TRIAL], [2 * TRIAL, 5 * TRIAL])
    got = recording([one.restrict(first) for one in sessions], signal, window=(0, 2))
    assert got.warnings[0] == (
        "session 0: 2 of 6 trials are left out: their window leaves the recording"
    )
    assert_same(got, expected(signal, [0, 1, 3, 4]))


def test_sessions_are_sorted_by_their_start_and_tracked_by_ids():
    ids = np.arange(UNITS)
    back = frame(1)[:, ::-1]
    back.set_info(cell=ids[::-1])
    starts = [datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=k) for k in (1, 0)]
    got = recording([back, frame(0, cell=ids)], "calcium", starts=starts, unit_id="cell")
    assert_same(got, expected("calcium", tracked=True))


def test_one_session_is_cut_into_blocks():
    got = recording(FRAMES[:1], "calcium", [EVENTS], [STIMULI], blocks=2)
    assert (got.checkpoints, got.tracked) == ("trials", True)


def test_z_scored_traces_are_refused():
    x = np.random.default_rng(0).random((120, UNITS))
    z = nap.TsdFrame(
        t=np.arange(120) / RATE, d=(x - x.mean(axis=0)) / x.std(axis=0), metadata={"area": AREAS}
    )
    with pytest.raises(InputError, match="z-scored and its trajectory is lost"):
        recording([z, z], "calcium")


BAD = {
    "an array": ([np.ones((9, 2))] * 2, {}, "must be a TsdFrame or a TsGroup; got ndarray"),
    "one unit": ([frame(0)[:, 0]] * 2, {}, "must be a TsdFrame or a TsGroup; got Tsd"),
    "a signal": (
        FRAMES,
        {"signal": "spikes"},
        "signal must be one of model, rate, .* got 'spikes'",
    ),
    "calcium spikes": (GROUPS, {}, "signal must be rate of a TsGroup, of spikes; got calcium"),
    "too few events": (
        FRAMES,
        {"events": [EVENTS]},
        "events must be .* each of the 2 ses.*; got 1",
    ),
    "too few conditions": (
        FRAMES,
        {"conditions": [STIMULI]},
        "conditions must be given for each of the 2 sessions; got 1",
    ),
    "too few conditions of a session": (
        FRAMES,
        {"conditions": [STIMULI, STIMULI[1:]]},
        "conditions must be given for each of the 6 events; got 5",
    ),
    "too few starts": (FRAMES, {"starts": [None]}, "starts must be given for each .* 2 .*; got 1"),
    "no column of the events": (
        FRAMES,
        {"conditions": "odour"},
        "odour is not a metadata column of this ndarray, which has none",
    ),
    "no column of the units": (
        FRAMES,
        {"unit_id": "cell"},
        "cell is not a metadata column of this TsdFrame, which has area",
    ),
    "conditions twice": (
        FRAMES,
        {"events": [{"a": EVENTS}] * 2},
        "conditions must be left out where events are given by condition",
    ),
    "events of texts": (
        FRAMES,
        {"events": [STIMULI] * 2},
        "events must be an IntervalSet, a Ts or an array of seconds, .*; got ndarray",
    ),
}


@pytest.mark.parametrize(("sessions", "told", "message"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(sessions, told, message):
    with pytest.raises(InputError, match=message) as caught:
        recording(sessions, **{"signal": "calcium", **told})
    assert "\n" not in str(caught.value)
