from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from nwb_files import RATE, TRIAL, events_of, imaging_nwb, in_memory, write_nwb

from rule_id.errors import InputError
from rule_id.recordings import Reading, keyed, read_recordings, recording_from_arrays
from rule_id.recordings.nwb import read_nwb
from rule_id.recordings.nwb.read import recording_of_files

DAYS, TRIALS, ROIS = 3, 8, 12
STIMULI = ["a", "b"] * 4
REGIONS = np.array(["V1"] * 5 + ["LM"] * 7)
READING = Reading(condition="stimulus", layer="region")
RESPONSES = np.random.default_rng(0).random((DAYS, TRIALS, ROIS))
# A mouse of which day k is (k + 1) times what day 0 was.
LEARNING = np.arange(1, DAYS + 1)[:, None, None] * RESPONSES[0]
SERIES = "processing/ophys/DfOverF/plane0"


def learning(day):
    return imaging_nwb(
        LEARNING[day], STIMULI, day=day, timestamps=day == 1,
        columns={"region": REGIONS, "depth": np.arange(ROIS) * 50.0},
        trials={"outcome": [np.nan, *range(TRIALS - 1)], "late": events_of(TRIALS) + 1},
    )  # fmt: skip


@pytest.fixture(scope="module")
def days():
    return in_memory(*(learning(day) for day in range(DAYS)))


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mouse") / "mouse7"
    folder.mkdir()
    return [write_nwb(folder / f"day{day}.nwb", learning(day)) for day in range(DAYS)]


def sessions(**options):
    """Two days of random responses in memory."""
    return in_memory(*(imaging_nwb(RESPONSES[k], STIMULI, day=k, **options) for k in range(2)))


def expected(x, layers=("LM", "V1"), kept=True, members=REGIONS, **more):
    """The recording of responses (days, trials, ROIs), averaged by stimulus."""
    averages = np.stack([x[:, ::2].mean(axis=1), x[:, 1::2].mean(axis=1)], axis=1)
    of_layer = {layer: averages[:, :, kept & (members == layer)] for layer in layers}
    told = {"signal": "calcium", "tracked": False, "checkpoints": "sessions"} | more
    return recording_from_arrays("mouse7", np.arange(len(x)), of_layer, **told)


def assert_same(recording, other) -> None:
    pd.testing.assert_frame_equal(
        recording.trajectories.rows, other.trajectories.rows, rtol=1e-5, atol=1e-6
    )


def own_warnings(recording) -> list[str]:
    common = ("rough", "which layer comes first")
    return [one for one in recording.warnings if not any(what in one for what in common)]


def edited(source: Path, folder: Path, edit) -> Path:
    """A copy of a file, changed with h5py."""
    path = Path(shutil.copy(source, folder / source.name))
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def replaced(key, change):
    """Replace a dataset by what `change` makes of it, and keep its attributes."""

    def edit(file) -> None:
        attributes, values = dict(file[key].attrs), change(file[key][:])
        del file[key]
        file[key] = values
        file[key].attrs.update(attributes)

    return edit


def test_days_of_imaging_are_one_recording_of_condition_averages(paths, days):
    (recording,) = read_recordings([paths[0].parent], READING)
    assert (recording.name, recording.signal) == ("mouse7", "calcium")
    assert (recording.tracked, recording.checkpoints) == (False, "sessions")
    assert own_warnings(recording) == []
    assert_same(recording, expected(LEARNING))
    assert_same(read_nwb(paths[::-1], READING), recording)
    assert_same(recording_of_files(days, READING), recording)


def test_learning_over_days_survives(days):
    rows = recording_of_files(days, READING).trajectories.rows
    for layer in (0, 1):
        of_layer = rows[rows["layer"] == layer]
        for name, power in {
            "activation_raw_mean": 1, "activation_abs_norm": 1, "activation_raw_var": 2,
            "activation_sq_third_quartile": 2, "activation_raw_kurtosis": 0,
        }.items():  # fmt: skip
            growth = of_layer[name].to_numpy() / of_layer[name].iloc[0]
            np.testing.assert_allclose(growth, np.arange(1, DAYS + 1) ** power, rtol=1e-4)


def test_the_window_is_about_the_event(days):
    # From a second before `late` to a second after is the trial itself.
    late = Reading(condition="stimulus", layer="region", event="late", window=(-1, 1))
    assert_same(recording_of_files(days, late), expected(LEARNING))
    # Half of each window is the next trial, and the last trial's leaves the recording.
    half = Reading(condition="stimulus", layer="region", window=(1, 3))
    recording = recording_of_files(days, half)
    assert_same(recording, expected((LEARNING[:, :-1] + LEARNING[:, 1:]) / 2))
    assert own_warnings(recording)[0] == (
        "session day0: 1 of 8 trials are left out: their window leaves the recording"
    )


def test_layers_are_values_intervals_or_the_place_of_the_plane(days):
    named = Reading(condition="stimulus", layer="region", layers={"L": ("LM",), "V": ("V1",)})
    by_depth = Reading(condition="stimulus", layer="depth", layers={"L": (250, 1e9), "V": (0, 250)})
    recording = recording_of_files(days, named)
    assert_same(recording, recording_of_files(days, by_depth))
    assert recording.trajectories.rows["layer_name"].unique().tolist() == ["L", "V"]
    place = recording_of_files(days, Reading(layer="location")).trajectories.rows
    whole = recording_of_files(days, Reading()).trajectories.rows
    assert place["layer_name"].unique().tolist() == ["V1"]
    assert whole["layer_name"].unique().tolist() == ["all"]
    pd.testing.assert_series_equal(whole["activation_raw_var"], place["activation_raw_var"])


def test_planes_are_put_side_by_side():
    recording = recording_of_files(
        sessions(places=("V1", "LM")), Reading(condition="stimulus", layer="location")
    )
    halves = np.array(["V1"] * 6 + ["LM"] * 6)
    assert_same(recording, expected(RESPONSES[:2], members=halves))


def test_trials_without_the_event_or_the_condition_are_left_out(days):
    for told, why in (
        (Reading(event="late", condition="outcome"), "they have no condition"),
        (Reading(event="outcome", window=(0, 0.5)), "they lack the event"),
    ):
        warnings = recording_of_files(days, told).warnings
        assert f"session day0: 1 of 8 trials are left out: {why}" in warnings


def test_a_transposed_series_is_turned_and_said_so(paths, tmp_path):
    turned = edited(paths[2], tmp_path, replaced(SERIES + "/data", np.transpose))
    recording = read_nwb([*paths[:2], turned], READING)
    assert own_warnings(recording) == [
        "session day2: plane0 is stored as ROIs by samples, (12, 160), and was turned: NWB has "
        "samples by ROIs"
    ]
    assert_same(recording, expected(LEARNING))


def test_as_many_samples_as_rois_are_read_as_the_standard_has_it():
    n = int(TRIAL * RATE)
    x = np.random.default_rng(0).random((2, n, n))
    square = in_memory(*(imaging_nwb(np.ones((1, n)), day=k, traces=x[k]) for k in range(2)))
    recording = recording_of_files(square, Reading())
    assert "as many samples as ROIs, 20; it was read as samples by ROIs" in recording.warnings[0]
    mean = recording.trajectories.rows["activation_raw_mean"]
    np.testing.assert_allclose(mean, x[:, :10].mean(axis=(1, 2)), rtol=1e-6)


def test_conversion_and_offset_are_applied():
    plain, scaled = (learning(0) for _ in range(2)), [learning(1), learning(2)]
    for nwb in scaled:
        series = nwb.processing["ophys"]["DfOverF"]["plane0"]
        series.fields["conversion"], series.fields["offset"] = 2.0, 1.0
    recording = recording_of_files(in_memory(next(plain), *scaled), READING)
    assert_same(recording, expected(np.stack([LEARNING[0], *(2 * LEARNING[1:] + 1)])))


def test_gaps_and_what_is_no_cell_are_left_out_and_counted():
    traces = np.repeat(RESPONSES[0], int(TRIAL * RATE), axis=0)
    traces[5, 3] = np.nan
    cells = np.stack([np.arange(ROIS) != 4, np.full(ROIS, 0.4)], axis=1).astype(float)
    recording = recording_of_files(
        sessions(traces=traces, columns={"region": REGIONS, "iscell": cells}, subject="m1"), READING
    )
    assert recording.name == "m1"
    assert own_warnings(recording)[:4] == [
        "session day0: 1 of 12 ROIs are left out: they are no cells",
        "session day1: 1 of 12 ROIs are left out: they are no cells",
        "session day0: 1 of 11 are left out: units with NaN or infinite values",
        "session day1: 1 of 11 are left out: units with NaN or infinite values",
    ]
    kept = ~np.isin(np.arange(ROIS), [3, 4])
    whole = expected(RESPONSES[[0, 0]], kept=kept).trajectories.rows.assign(network="m1")
    pd.testing.assert_frame_equal(recording.trajectories.rows, whole, rtol=1e-5)


def test_units_with_ids_are_tracked_in_whatever_order():
    rng = np.random.default_rng(1)
    nwbs = []
    for day in range(DAYS):
        order = rng.permutation(ROIS)
        ids = np.where(np.arange(ROIS) == 2 + day, -1, np.arange(ROIS))
        columns = {"region": REGIONS[order].tolist(), "global_id": ids[order]}
        nwbs.append(imaging_nwb(RESPONSES[day][:, order], STIMULI, day=day, columns=columns))
    told = Reading(condition="stimulus", layer="region", unit_id="global_id")
    recording = recording_of_files(in_memory(*nwbs), told)
    assert recording.tracked
    kept = ~np.isin(np.arange(ROIS), [2, 3, 4])
    assert_same(recording, expected(RESPONSES, kept=kept, tracked=True))
    assert "layer V1: 2 units that are in every session are used; there are up to 5 in one" in (
        recording.warnings
    )


def test_one_session_can_be_cut_into_blocks(days):
    told = Reading(condition="stimulus", layer="region", blocks=2)
    recording = recording_of_files(days[:1], told)
    assert (recording.name, recording.checkpoints, recording.tracked) == ("day0", "trials", True)
    halves = expected(LEARNING[0].reshape(2, 4, ROIS), tracked=True)
    for name in ("activation_raw_mean", "activation_raw_var"):
        np.testing.assert_allclose(
            recording.trajectories.rows[name], halves.trajectories.rows[name], rtol=1e-5
        )


def test_traces_z_scored_in_every_session_are_refused():
    x = np.random.default_rng(0).random((160, ROIS))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    with pytest.raises(InputError, match="is z-scored and its trajectory is lost"):
        recording_of_files(sessions(traces=z), Reading())
    one = in_memory(learning(0), imaging_nwb(RESPONSES[0], STIMULI, day=1, traces=z))
    recording_of_files(one, Reading())


@pytest.mark.parametrize(
    ("series", "signal"), [("Fluorescence", "calcium"), ("Deconvolved", "deconvolved")]
)
def test_the_series_says_the_signal_unless_it_is_told(series, signal):
    files = sessions(series=series)
    assert recording_of_files(files, Reading()).signal == signal
    for name in (series, "plane0"):
        assert recording_of_files(files, Reading(signal="rate", series=name)).signal == "rate"
    with pytest.raises(InputError, match="series must be one of DfOverF, .*; got plane0"):
        recording_of_files(files, Reading(series="plane0"))


BAD_READINGS = {
    "an unknown event": (
        {"event": "go"},
        "day0.nwb: go is not a column of trials; it has start_time, stop_time, outcome, late, stim",
    ),
    "an unknown condition": ({"condition": "odour"}, "odour is not a column of trials; it has "),
    "an event of texts": (
        {"event": "stimulus"},
        "event must be a column of times in seconds; stim",
    ),
    "an unknown series": (
        {"series": "Deconvolved"},
        "day0.nwb: series Deconvolved is not there; it has DfOverF, plane0",
    ),
    "no units": ({"series": "units"}, "day0.nwb: it must have units with spike_times; it has none"),
    "an unknown layer": (
        {"layer": "area"},
        r"be location \(of the imaging plane\) or a column of rois0, .* region, depth; got area",
    ),
    "layers of nothing": ({"layers": {"a": ("V1",)}}, "layers must come with layer, the column"),
    "a layer of lists": ({"layer": "pixel_mask"}, "pixel_mask of rois0 must have one value a row"),
    "tracked without ids": ({"tracked": True}, "tracked must be false: session day0 does not say"),
    "other checkpoints": ({"checkpoints": "steps"}, "checkpoints must be sessions, .* got steps"),
    "a window beyond": (
        {"window": (100, 101)},
        "must lie in the recording, which runs from 0 to 16 s; the first .* from 100 to 101 s",
    ),
}


@pytest.mark.parametrize(("told", "message"), BAD_READINGS.values(), ids=BAD_READINGS)
def test_what_is_not_in_the_file_is_refused(days, told, message):
    with pytest.raises(InputError, match=message) as caught:
        recording_of_files(days, Reading(**told))
    assert "\n" not in str(caught.value)


def refused(path, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_nwb([path], Reading(blocks=2))
    assert "\n" not in str(caught.value)


def no_trials(file) -> None:
    del file["intervals/trials"]


def no_series(file) -> None:
    del file["processing/ophys"]


BAD_FILES = {
    "no trials": (
        no_trials,
        "day1.nwb: it must have a table of trials, .* start_time .* it has no",
    ),
    "no series": (no_series, "each session must have one of DfOverF, .*; got day1.nwb: none"),
    "ROIs that do not fit": (
        replaced(SERIES + "/data", lambda x: x[:, :11]),
        r"plane0 must have the shape \(samples, ROIs\), with 12 ROIs; got \(160, 11\)",
    ),
    "timestamps that do not fit": (
        replaced(SERIES + "/timestamps", lambda times: times[:7]),
        r"plane0 must have one timestamp a sample, 160; got \(7,\)",
    ),
    "timestamps of two axes": (
        replaced(SERIES + "/timestamps", lambda times: np.stack([times, times])),
        r"that pynwb can read, .*incorrect shape for timestamps: got \(2, 160\)",
    ),
    "ROIs that are not there": (
        replaced(SERIES + "/rois", lambda rows: rows + 5),
        "rois must refer to the 12 rows of rois0; got row 16",
    ),
    "NaN throughout": (
        replaced(SERIES + "/data", lambda x: x * np.nan),
        "session day1 must have a unit or more that is of a layer and free of NaN",
    ),
    "zero throughout": (
        replaced(SERIES + "/data", lambda x: x * 0),
        "layer all must have a response that is not 0; all its units are silent in every trial",
    ),
}


@pytest.mark.parametrize(("edit", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files_are_refused(paths, tmp_path, edit, message):
    refused(edited(paths[1], tmp_path, edit), message)


def test_a_file_that_claims_too_much_is_refused(days, monkeypatch):
    monkeypatch.setattr(keyed, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="day0.nwb: a recording must take at most"):
        recording_of_files(days, Reading())


def test_series_of_the_same_rois_are_refused():
    nwb = learning(0)
    ophys = nwb.processing["ophys"]
    ophys["DfOverF"].create_roi_response_series(
        name="smoothed", data=np.ones((160, ROIS)), unit="a.u.", rate=RATE,
        rois=ophys["ImageSegmentation"]["rois0"].create_roi_table_region(
            region=list(range(ROIS)), description="-"
        ),
    )  # fmt: skip
    with pytest.raises(InputError, match="that are DfOverF; got plane0 and smoothed"):
        recording_of_files(in_memory(nwb, learning(1)), READING)
    told = Reading(condition="stimulus", layer="region", series="plane0", signal="calcium")
    assert_same(
        recording_of_files(in_memory(nwb, *(learning(k) for k in (1, 2))), told), expected(LEARNING)
    )


def test_no_cell_at_all_is_refused():
    with pytest.raises(InputError, match="a ROI or more must be a cell; none is"):
        recording_of_files(sessions(columns={"Accepted": [False] * ROIS}), Reading())


def test_files_of_several_subjects_are_refused():
    files = in_memory(*(imaging_nwb(RESPONSES[k], day=k, subject=f"m{k}") for k in range(2)))
    with pytest.raises(InputError, match="of one subject; .*day0.nwb is of m0, .*day1.nwb of m1"):
        recording_of_files(files, Reading())


def test_days_that_do_not_compare_are_refused(days):
    with pytest.raises(InputError, match="2 sessions or more; got 1; with blocks the trials of"):
        recording_of_files(days[:1], Reading())
    twice = in_memory(learning(0), learning(0))
    with pytest.raises(InputError, match="day0 and day1 both start at 2024-03-01 09:00"):
        recording_of_files(twice, Reading())


def test_some_files_of_a_folder_do_not_have_its_name_alone(paths) -> None:
    assert read_nwb(paths[:2], READING).name == "mouse7 (2 files)"
    assert read_nwb(paths, READING).name == "mouse7"
