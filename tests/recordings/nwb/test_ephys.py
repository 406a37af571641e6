from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from nwb_files import in_memory, units_nwb, write_nwb

from rule_id.errors import InputError
from rule_id.recordings import Reading, recording_from_arrays
from rule_id.recordings.nwb import read_nwb
from rule_id.recordings.nwb.read import recording_of_files

DAYS, TRIALS, UNITS = 2, 6, 10
STIMULI = [1, 2, 2, 1, 1, 2]
AREAS = ["CA1"] * 4 + ["CA3"] * 6
COUNTS = np.random.default_rng(0).integers(1, 9, (DAYS, TRIALS, UNITS))
READING = Reading(condition="stimulus", layer="area")


def session(day, **options):
    told = {"columns": {"area": AREAS}, "electrodes": {"depth": np.arange(UNITS) * 100.0}} | options
    return units_nwb(COUNTS[day], STIMULI, day=day, **told)


def sessions(**options):
    return in_memory(*(session(day, **options) for day in range(DAYS)))


def expected(x, kept=True, layers=("CA1", "CA3")):
    of = [np.array(STIMULI)[: x.shape[1]] == stimulus for stimulus in (1, 2)]
    averages = np.stack([x[:, chosen].mean(axis=1) for chosen in of], axis=1)
    return recording_from_arrays(
        "mouse7", np.arange(DAYS),
        {layer: averages[:, :, kept & (np.array(AREAS) == layer)] for layer in layers},
        signal="rate", tracked=False, checkpoints="sessions",
    )  # fmt: skip


def assert_same(recording, other) -> None:
    pd.testing.assert_frame_equal(recording.trajectories.rows, other.trajectories.rows, rtol=1e-5)


def own_warnings(recording) -> list[str]:
    common = ("rough", "which layer comes first")
    return [one for one in recording.warnings if not any(what in one for what in common)]


def test_rates_are_spikes_a_second_averaged_by_condition(tmp_path):
    (tmp_path / "mouse7").mkdir()
    paths = [write_nwb(tmp_path / "mouse7" / f"day{k}.nwb", session(k)) for k in range(DAYS)]
    recording = read_nwb(paths, READING)
    assert (recording.signal, recording.tracked, own_warnings(recording)) == ("rate", False, [])
    assert_same(recording, expected(COUNTS))
    # Each second has as many spikes, so that twice the window has twice as many.
    twice = Reading(condition="stimulus", layer="area", window=(0, 2))
    assert_same(recording_of_files(sessions(), twice), expected(COUNTS))


def test_layers_may_be_those_of_electrodes():
    layers = {"CA1": (0, 400), "CA3": (400, 1e4)}
    depth = Reading(condition="stimulus", layer="depth", layers=layers)
    assert_same(recording_of_files(sessions(), depth), expected(COUNTS))
    place = Reading(layer="location", layers={"hippocampus": ("HPC",)})
    rows = recording_of_files(sessions(), place).trajectories.rows
    assert rows["layer_name"].unique().tolist() == ["hippocampus"]


def test_a_unit_of_several_electrodes_has_their_mean_depth_or_their_common_place():
    # The first unit spans both areas, at 450 on average.
    electrodes = {"area": AREAS, "depth": np.arange(UNITS) * 100.0}
    rows = [[0, UNITS - 1], *([k] for k in range(1, UNITS))]
    files = sessions(columns={}, electrodes=electrodes, electrodes_of=rows)
    recording = recording_of_files(files, READING)
    assert own_warnings(recording)[0] == "session day0: 1 of 10 are left out: units of no layer"
    assert_same(recording, expected(COUNTS, np.arange(UNITS) > 0))
    at_450 = Reading(layer="depth", layers={"a": (450, 451)})
    assert recording_of_files(files, at_450).trajectories.rows["n_units"].tolist() == [1, 1]


def test_groups_have_a_place_and_a_name():
    files = []
    for day in range(DAYS):
        nwb = units_nwb(COUNTS[day], day=day)
        groups = [
            nwb.create_electrode_group(name, "-", f"in {name}", nwb.create_device(name=name))
            for name in ("left", "right")
        ]
        of_unit = [groups[k % 2] for k in range(UNITS)]
        nwb.units.add_column(name="electrode_group", description="-", data=of_unit)
        files.append(nwb)
    for layer, names in (
        ("location", ["in left", "in right"]),
        ("electrode_group", ["left", "right"]),
    ):
        recording = recording_of_files(in_memory(*files), Reading(layer=layer))
        assert recording.trajectories.rows["layer_name"].unique().tolist() == names


def test_trials_in_which_no_unit_and_units_that_were_not_always_observed_are_left_out():
    observed = [(0.0, 9.9)] * (UNITS - 1) + [(2.0, 9.9)]
    recording = recording_of_files(sessions(observed=observed), READING)
    assert own_warnings(recording)[:4] == [
        "session day0: 1 of 6 trials are left out: their window leaves the recording",
        "session day1: 1 of 6 trials are left out: their window leaves the recording",
        "session day0: 1 of 10 are left out: units with NaN or infinite values",
        "session day1: 1 of 10 are left out: units with NaN or infinite values",
    ]
    assert_same(recording, expected(COUNTS[:, :5], np.arange(UNITS) < UNITS - 1))
    with pytest.raises(InputError, match="in the recording, which runs from 50 to 60 s; the first"):
        recording_of_files(sessions(observed=[(50.0, 60.0)] * UNITS), READING)


def test_tracked_units_keep_their_ids():
    columns = {"area": AREAS, "cell": [f"c{k}" for k in range(UNITS)]}
    told = Reading(condition="stimulus", layer="area", unit_id="cell")
    recording = recording_of_files(sessions(columns=columns), told)
    assert recording.tracked
    whole = expected(COUNTS).trajectories.rows.assign(tracked=True)
    pd.testing.assert_frame_equal(recording.trajectories.rows, whole)


def silent(day):
    counts = COUNTS[day] * (np.array(AREAS) != "CA3")
    return units_nwb(counts, STIMULI, day=day, columns={"area": AREAS})


def test_a_layer_that_is_silent_throughout_a_session_is_refused():
    files = in_memory(session(0), silent(1))
    with pytest.raises(InputError, match="day1: layer CA3 must have a response that is not 0; all"):
        recording_of_files(files, READING)
    nothing = in_memory(session(0), units_nwb(COUNTS[1] * 0, STIMULI, day=1))
    with pytest.raises(InputError, match="day1.nwb: a unit or more must have fired; none has a sp"):
        recording_of_files(nothing, Reading())


def test_what_is_not_in_the_tables_is_refused():
    with pytest.raises(InputError, match="or of their electrodes, .* area, .*depth; got region"):
        recording_of_files(sessions(), Reading(layer="region"))
    bare = in_memory(*(units_nwb(COUNTS[day], day=day) for day in range(DAYS)))
    with pytest.raises(InputError, match="which have spike_times; got location"):
        recording_of_files(bare, Reading(layer="location"))
