from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import Session, recording_from_arrays, recording_from_sessions

DAY_ONE = datetime(2024, 3, 1, 9, tzinfo=UTC)
CONDITIONS = np.repeat(["a", "b", "c"], 4)
LAYERS = np.repeat(["V1", "V2"], 12)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def session(day, responses, conditions=CONDITIONS, layers=LAYERS, **more) -> Session:
    start = more.pop("start", DAY_ONE + timedelta(days=day))
    return Session(
        f"day {day}", responses, np.asarray(conditions), np.asarray(layers), start, **more
    )


def random_sessions(rng, n=3) -> list[Session]:
    return [session(day, rng.random((12, 24)) + 0.1 * day) for day in range(n)]


def averages(sessions, conditions="abc") -> np.ndarray:
    """Of the units of layer V1, then V2 where all have them: (T, conditions, units)."""
    n = min(len(s.layers) for s in sessions)
    return np.stack(
        [[s.responses[s.conditions == c, :n].mean(axis=0) for c in conditions] for s in sessions]
    )


def assert_same(recording, expected) -> None:
    pd.testing.assert_frame_equal(recording.trajectories.rows, expected.trajectories.rows)
    assert recording.observables == expected.observables


def by_layer(x) -> dict[str, np.ndarray]:
    return {layer: x[:, :, layer == LAYERS] for layer in ("V1", "V2")}


def own_warnings(recording) -> list[str]:
    common = ("rough", "which layer comes first")
    return [one for one in recording.warnings if not any(what in one for what in common)]


def test_an_order_of_layers_that_is_a_guess_is_said_to_be_one(rng):
    sessions = random_sessions(rng)
    guessed = recording_from_sessions("m", sessions, "rate")
    (said,) = [one for one in guessed.warnings if "comes first" in one]
    assert said == (
        "nothing says which layer comes first; taken by name: V1, V2 (name them in order in layers)"
    )
    for layers in (["V2", "V1"], ["V1"]):
        told = recording_from_sessions("m", sessions, "rate", layers=layers)
        assert not any("comes first" in one for one in told.warnings)


def test_a_checkpoint_is_a_session_of_trials_averaged_by_condition(rng):
    sessions = random_sessions(rng)
    recording = recording_from_sessions("m", sessions[::-1], "rate")
    expected = recording_from_arrays(
        "m", [0, 1, 2], by_layer(averages(sessions)), signal="rate", tracked=False,
        checkpoints="sessions",
    )  # fmt: skip
    assert_same(recording, expected)
    assert (recording.signal, recording.tracked, recording.checkpoints) == (
        "rate", False, "sessions",
    )  # fmt: skip
    assert own_warnings(recording) == []


def test_steps_are_days_or_numbers(rng):
    sessions = random_sessions(rng)
    late = session(9, sessions[0].responses, start=DAY_ONE + timedelta(days=2, hours=36))
    timed = recording_from_sessions("m", [*sessions, late], "rate")
    assert timed.trajectories.rows["step"].tolist()[:4] == [0, 1, 2, 3.5]
    numbered = recording_from_sessions(
        "m", [session(k, s.responses, start=None) for k, s in enumerate(sessions)], "rate"
    )
    assert numbered.trajectories.rows["step"].tolist()[:3] == [0, 1, 2]


def test_layers_stand_as_they_are_given_or_by_name(rng):
    sessions = random_sessions(rng)
    for layers, expected in ((None, ["V1", "V2"]), (["V2", "V1"], ["V2", "V1"]), (["V2"], ["V2"])):
        recording = recording_from_sessions("m", sessions, "rate", layers=layers)
        assert recording.trajectories.rows["layer_name"].unique().tolist() == expected


def test_only_conditions_and_layers_of_every_session_are_used(rng):
    sessions = random_sessions(rng)
    sessions[1] = session(1, sessions[1].responses, np.repeat(["a", "d", "c"], 4))
    sessions[2] = session(2, sessions[2].responses[:, :12], layers=LAYERS[:12])
    recording = recording_from_sessions("m", sessions, "rate")
    x = averages(sessions, "ac")
    expected = recording_from_arrays(
        "m", [0, 1, 2], {"V1": x}, signal="rate", tracked=False, checkpoints="sessions"
    )
    assert_same(recording, expected)
    assert own_warnings(recording) == [
        "layer V2 is left out: it has no units in 1 of 3 sessions, such as day 2",
        "2 conditions are left out, for they are not in every session: b, d",
    ]


def test_every_session_has_the_same_number_of_trials_and_units_whatever_there_are():
    # Each trial's response is a power of two, so that a mean tells which trials it is of.
    powers = np.tile(2.0 ** np.arange(8)[:, None], (1, 30))
    many = session(0, powers, ["a"] * 8, ["V1"] * 30)
    few = session(1, powers[:3, :20] + np.arange(20), ["a"] * 3, ["V1"] * 20)
    seen = set()
    for seed in range(10):
        recording = recording_from_sessions("m", [many, few], "rate", seed=seed)
        rows = recording.trajectories.rows
        total = 3 * rows["activation_raw_mean"].iloc[0]
        assert int(round(total)).bit_count() == 3
        assert rows["n_units"].tolist() == [20, 20]
        seen.add(round(total))
    assert len(seen) > 5
    assert own_warnings(recording) == [
        "5 of 11 trials are left out, drawn at random, so that every session has the same number "
        "of each condition",
        "layer V1: 20 units of each session are used, drawn at random; there are up to 30",
    ]
    assert_same(recording_from_sessions("m", [many, few], "rate", seed=9), recording)


def test_the_units_drawn_do_not_depend_on_the_trials():
    # A unit's response is its number in every trial, so that only the units drawn matter.
    x = np.tile(np.arange(24.0), (12, 1))
    few = session(1, x[:, :16], layers=["V1"] * 16)
    once, twice = (
        session(0, np.tile(x, (n, 1)), np.tile(CONDITIONS, n), ["V1"] * 24) for n in (1, 2)
    )
    rows = [
        recording_from_sessions("m", [first, few], "rate", seed=3).trajectories.rows
        for first in (once, twice)
    ]
    pd.testing.assert_frame_equal(*rows)


def test_tracked_units_are_those_of_every_session_in_one_order(rng):
    x = rng.random((3, 12, 24))
    ids = np.array([f"u{k:02}" for k in range(24)])
    shuffles = [rng.permutation(24) for _ in range(3)]
    sessions = [
        session(day, x[day][:, order], layers=LAYERS[order], units=ids[order])
        for day, order in enumerate(shuffles)
    ]
    lost = sessions[2].units.copy()
    lost[lost == "u05"] = ""
    sessions[2] = session(2, sessions[2].responses, layers=sessions[2].layers, units=lost)
    recording = recording_from_sessions("m", sessions, "calcium", tracked=True)
    kept = np.arange(24) != 5
    average = np.stack([[one[c == CONDITIONS].mean(axis=0) for c in "abc"] for one in x])
    expected = recording_from_arrays(
        "m", [0, 1, 2],
        {layer: average[:, :, kept & (layer == LAYERS)] for layer in ("V1", "V2")},
        signal="calcium", tracked=True, checkpoints="sessions",
    )  # fmt: skip
    pd.testing.assert_frame_equal(recording.trajectories.rows, expected.trajectories.rows)
    assert recording.tracked
    assert own_warnings(recording) == [
        "layer V1: 11 units that are in every session are used; there are up to 12 in one"
    ]


def test_blocks_cut_the_trials_of_one_session_in_order_of_time(rng):
    x = rng.random((24, 24)) + np.repeat([0, 1], 12)[:, None]
    whole = session(0, x, np.tile(CONDITIONS, 2), start=None)
    recording = recording_from_sessions("m", [whole], "rate", blocks=2)
    halves = [session(0, x[:12]), session(1, x[12:])]
    expected = recording_from_arrays(
        "m", [0, 1], by_layer(averages(halves)), signal="rate", checkpoints="trials"
    )
    assert_same(recording, expected)
    assert recording.tracked and recording.checkpoints == "trials"


def test_gaps_cost_the_trials_in_which_no_unit_was_recorded_and_then_units(rng):
    sessions = random_sessions(rng)
    gappy = np.concatenate([sessions[0].responses, np.full((1, 24), np.nan)])
    gappy[2, [3, 4]] = np.nan, np.inf
    layers = np.where(np.arange(24) == 11, "", LAYERS)
    sessions[0] = session(0, gappy, [*CONDITIONS, "a"], layers)
    recording = recording_from_sessions("m", sessions, "rate")
    assert own_warnings(recording)[:3] == [
        "session day 0: 1 of 13 are left out: trials in which no unit was recorded",
        "session day 0: 1 of 24 are left out: units of no layer",
        "session day 0: 2 of 24 are left out: units with NaN or infinite values",
    ]
    assert recording.trajectories.rows["n_units"].unique().tolist() == [9, 12]
    assert np.isfinite(recording.trajectories.rows["activation_raw_mean"]).all()


def test_what_was_left_out_on_reading_is_said_with_the_session(rng):
    sessions = random_sessions(rng)
    sessions[1] = session(1, sessions[1].responses, warnings=("2 trials are left out",))
    assert recording_from_sessions("m", sessions, "rate").warnings[0] == (
        "session day 1: 2 trials are left out"
    )


def test_daylight_saving_time_is_one_zone_and_z_scored_blocks_still_compare(rng):
    x = rng.random((12, 24))
    winter, summer = (timezone(timedelta(hours=h)) for h in (1, 2))
    spring = [
        session(0, x, start=datetime(2024, 3, 30, 9, tzinfo=winter)),
        session(1, x + 1, start=datetime(2024, 3, 31, 9, tzinfo=summer)),
    ]
    rows = recording_from_sessions("m", spring, "rate").trajectories.rows
    assert rows["step"].tolist()[:2] == [0, pytest.approx(23 / 24)]
    scaled = session(0, x, np.tile(["a", "b"], 6), z_scored=True)
    recording_from_sessions("m", [scaled], "rate", blocks=2)


def at_hours(*offsets):
    return [
        session(k, np.ones((12, 24)), start=datetime(
            2024, 3, 1 + k, 9, tzinfo=None if hours is None else timezone(timedelta(hours=hours))
        ))
        for k, hours in enumerate(offsets)
    ]  # fmt: skip


def changed(**changes):
    """Two sessions; the second with other fields."""
    x = np.random.default_rng(0).random((12, 24))
    fields = {"responses": x, "conditions": CONDITIONS, "layers": LAYERS} | changes
    return [session(0, x, units=np.array([f"u{k}" for k in range(24)])), session(1, **fields)]


SILENT = np.where(LAYERS == "V2", 0.0, 1.0) * np.ones((12, 1))

BAD = {
    "one session": (changed()[:1], {}, "must have 2 sessions or more; got 1; with blocks the tri"),
    "none": ([], {}, "must have 2 sessions or more; got 0"),
    "one name": ([*changed(), changed()[1]], {}, "different names; day 1 is there twice"),
    "one start": (
        changed(start=DAY_ONE),
        {},
        "must start at different times; day 0 and day 1 both start at 2024-03-01 09:00",
    ),
    "no zone": (at_hours(1, None), {}, "must have a time zone, .*; that of day 1 has none: 2024"),
    "no start": (changed(start=None), {}, "must have a time zone, .* of day 1 has none: None"),
    "two zones": (
        at_hours(1, -5),
        {},
        "must be of one time zone, .*; day 1 starts at .*-05:00, day 0 starts at .*01:00",
    ),
    "several with blocks": (changed(), {"blocks": 2}, "blocks must come with one session; got 2"),
    "one block": (changed()[:1], {"blocks": 1}, "blocks must be 2 or more; got 1"),
    "many blocks": (changed()[:1], {"blocks": 13}, "number of trials of day 0, 12; got 13"),
    "untracked blocks": (
        changed()[:1],
        {"blocks": 2, "tracked": False},
        "tracked must be true with blocks",
    ),
    "blocks without a common condition": (
        changed()[:1],
        {"blocks": 3},
        "condition or more must be in every session; none of a, b, c is in all of day 0, block 0",
    ),
    "no ids": (changed(), {"tracked": True}, "tracked must be false: session day 1 does not say"),
    "other ids": (
        changed(units=np.array([f"v{k}" for k in range(24)])),
        {"tracked": True},
        "tracked must be false: no unit of layer V1 is in every session",
    ),
    "ids twice": (
        changed(units=np.full(24, "u")),
        {"tracked": True},
        "session day 1: the ids of tracked units must differ within V1",
    ),
    "a silent layer": (
        changed(responses=SILENT),
        {},
        "session day 1: layer V2 must have a response that is not 0; all its units are silent",
    ),
    "no common layer": (
        changed(layers=["V3"] * 24),
        {},
        "a layer or more must have units in every session; none has: layer V1 is left out: it has "
        "no units in 1 of 2 sessions, such as day 1; layer V2",
    ),
    "no layers": (changed(), {"layers": []}, "none has: no layer is named"),
    "NaN": (
        changed(responses=np.full((12, 24), np.nan)),
        {},
        "session day 1 must have a unit or more .* of 24 units and 12 trials none is left",
    ),
    "no layered unit": (changed(layers=[""] * 24), {}, "session day 1 must have a unit or more"),
}


@pytest.mark.parametrize(("sessions", "arguments", "message"), BAD.values(), ids=BAD)
def test_bad_sessions_are_refused(sessions, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        recording_from_sessions("m", sessions, "rate", **arguments)
    assert "\n" not in str(caught.value)


def test_sessions_that_are_all_z_scored_are_refused(rng):
    x = rng.random((12, 24))
    one, two = (session(day, x + day, z_scored=True) for day in range(2))
    recording_from_sessions("m", [one, session(1, x + 1)], "rate")
    with pytest.raises(InputError, match="z-scored and its trajectory is lost"):
        recording_from_sessions("m", [one, two], "rate")


@pytest.mark.parametrize(
    ("trials", "units", "ids"), [(11, 24, None), (12, 23, None), (12, 24, np.array(["a"]))]
)
def test_arrays_of_a_session_must_fit(trials, units, ids):
    with pytest.raises(InputError, match=r"session day 0: .*, \(12, 24\); got"):
        session(0, np.ones((trials, units)), units=ids)
