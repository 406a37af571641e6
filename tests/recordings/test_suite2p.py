from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import Reading, read_recording, recording_from_arrays

DAYS, CONDITIONS, UNITS, RATE = 3, 4, 12, 10
RESPONSES = np.random.default_rng(0).gamma(2.0, size=(DAYS, CONDITIONS, UNITS)) + 0.1
NAMES = ["2024-01-30", "2024-01-31_late", "2024-02-03"]
STEPS = [0, 1, 4]
TOLD = Reading(condition="odour", frame_rate=RATE)


def traces_of(responses):
    """A second of each condition's response after a second of nothing."""
    seconds = np.zeros((2 * CONDITIONS + 1, UNITS))
    seconds[1::2] = responses
    return np.repeat(seconds, RATE, axis=0).T.astype(np.float32)


def trials(event="start_time", scale=1):
    at = (2 * np.arange(CONDITIONS) + 1) * scale
    return pd.DataFrame({event: at, "odour": list("abcd")})


def write_session(
    folder, responses, *, plane="suite2p/plane0", table=None, series="spks", **arrays
):
    inside = folder / plane
    inside.mkdir(parents=True)
    np.save(inside / f"{series}.npy", traces_of(responses))
    np.save(inside / "iscell.npy", np.ones((UNITS, 2)))
    # What is never to be read.
    (inside / "stat.npy").write_bytes(b"\x80\x04.")
    for name, array in arrays.items():
        np.save(inside / f"{name}.npy", array)
    if table is not None:
        table.to_csv(folder / "trials.csv", index=False)
    return inside


def write(root, *, names=NAMES, table="default", **options):
    table = trials() if isinstance(table, str) else table
    for name, responses in zip(names, RESPONSES, strict=True):
        write_session(root / name, responses, table=table, **options)
    return root


def rows(recording):
    return recording.trajectories.rows


def expected(name, activations, signal="deconvolved", steps=STEPS):
    return rows(recording_from_arrays(name, steps, activations, signal=signal, tracked=False,
                                      checkpoints="sessions"))  # fmt: skip


def agree(recording, *arguments):
    pd.testing.assert_frame_equal(rows(recording), expected(*arguments), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("event", ["start_time", "go_cue", "frame"])
def test_sessions_are_one_recording_of_mean_responses(tmp_path, event):
    table = trials(event, RATE if event == "frame" else 1)
    root = write(tmp_path / "mouse", table=table)
    told = Reading(condition="odour", frame_rate=RATE, event=event if event != "frame" else "x")
    recording = read_recording(root, told)
    agree(recording, "mouse", {"all": RESPONSES})
    assert (recording.name, recording.signal) == ("mouse", "deconvolved")
    assert (recording.tracked, recording.checkpoints) == (False, "sessions")
    # Few stimuli are all that is doubtful.
    assert all("rough" in warning for warning in recording.warnings)


def test_fluorescence_is_less_its_neuropil(tmp_path):
    root = write(tmp_path / "mouse", series="F", Fneu=traces_of(RESPONSES[0]))
    recording = read_recording(root, TOLD)
    agree(recording, "mouse", {"all": RESPONSES - 0.7 * RESPONSES[0]}, "calcium")


def test_deconvolved_traces_are_preferred_and_series_chooses(tmp_path):
    root = write(tmp_path / "mouse", F=traces_of(2 * RESPONSES[0]))
    assert read_recording(root, TOLD).signal == "deconvolved"
    told = Reading(series="F", signal="rate", condition="odour", frame_rate=RATE)
    recording = read_recording(root, told)
    agree(recording, "mouse", {"all": np.broadcast_to(2 * RESPONSES[0], RESPONSES.shape)}, "rate")


def test_only_cells_are_used(tmp_path):
    iscell = np.column_stack([np.arange(UNITS) >= 2, np.full(UNITS, 0.5)])
    recording = read_recording(write(tmp_path / "mouse", iscell=iscell), TOLD)
    agree(recording, "mouse", {"all": RESPONSES[:, :, 2:]})
    left_out = "session 2024-01-30: 2 of 12 ROIs are left out: they are no cells"
    assert left_out in recording.warnings


def test_without_iscell_every_roi_is_used(tmp_path):
    root = write(tmp_path / "mouse", plane="")
    for path in root.rglob("iscell.npy"):
        path.unlink()
    recording = read_recording(root, TOLD)
    agree(recording, "mouse", {"all": RESPONSES})
    assert any("there is no iscell.npy" in warning for warning in recording.warnings)


def test_planes_are_one_layer_or_one_each(tmp_path):
    root = write(tmp_path / "mouse")
    for name, responses in zip(NAMES, RESPONSES, strict=True):
        inside = write_session(root / name, 3 * responses, plane="suite2p/plane1")
        # Planes are imaged in turn.
        np.save(inside / "spks.npy", traces_of(3 * responses)[:, :-1])
    both = np.concatenate([RESPONSES, 3 * RESPONSES], axis=2)
    agree(read_recording(root, TOLD), "mouse", {"all": both})
    told = Reading(condition="odour", frame_rate=RATE, layer="plane")
    planes = {"plane0": RESPONSES, "plane1": 3 * RESPONSES}
    agree(read_recording(root, told), "mouse", planes)


@pytest.mark.parametrize("beside", ["", "suite2p/plane0"])
def test_a_table_says_the_layer_and_the_id_of_each_roi(tmp_path, beside):
    root = write(tmp_path / "mouse")
    of_layer = np.arange(UNITS) % 2 == 0
    for k, name in enumerate(NAMES):
        table = pd.DataFrame({"layer": np.where(of_layer, "L5", "L23"),
                              "depth": np.where(of_layer, 500.0, 200.0),
                              "cell": np.roll(np.arange(UNITS), 2 * k)})  # fmt: skip
        table.to_csv(root / name / beside / "layers.csv", index=False)
    layers = {"L23": RESPONSES[..., ~of_layer], "L5": RESPONSES[..., of_layer]}
    agree(read_recording(root, TOLD), "mouse", layers)
    told = Reading(condition="odour", frame_rate=RATE, layer="depth", unit_id="cell",
                   layers={"deep": (400, 600), "shallow": (100, 300)})  # fmt: skip
    tracked = read_recording(root, told)
    assert tracked.tracked
    assert rows(tracked)["layer_name"].unique().tolist() == ["deep", "shallow"]


def test_without_trials_frames_stand_for_the_stimuli(tmp_path):
    root = write(tmp_path / "mouse", table=None)
    long = traces_of(RESPONSES[1])
    np.save(root / NAMES[1] / "suite2p/plane0/spks.npy", np.concatenate([long, long], axis=1))
    recording = read_recording(root)
    frames = np.stack([traces_of(responses).T for responses in RESPONSES])
    n = len(frames[0])
    at = np.floor(np.linspace(0, 2 * n - 1, n)).astype(int)
    frames[1] = np.concatenate([frames[1], frames[1]])[at]
    agree(recording, "mouse", {"all": frames})
    assert recording.warnings[0] == (
        "there is no trials.csv: 90 runs of 1 frames, evenly spaced, stand for the stimuli; what "
        "was shown is unknown and may differ from checkpoint to checkpoint"
    )


def test_runs_of_frames_are_averaged(tmp_path, monkeypatch):
    monkeypatch.setattr("rule_id.recordings.roi_sessions.STIMULI", 9)
    recording = read_recording(write(tmp_path / "mouse", table=None))
    runs = np.zeros((DAYS, 9, UNITS))
    runs[:, 1::2] = RESPONSES
    agree(recording, "mouse", {"all": runs})


@pytest.mark.parametrize("with_trials", [True, False])
def test_one_session_is_cut_into_blocks(tmp_path, with_trials):
    table = pd.concat([trials(), trials().assign(start_time=2 * np.arange(4) + 9)])
    inside = write_session(tmp_path / "day", RESPONSES[0], table=table if with_trials else None)
    traces = np.concatenate([traces_of(r)[:, : 8 * RATE] for r in RESPONSES[:2]], axis=1)
    np.save(inside / "spks.npy", np.concatenate([traces, np.zeros((UNITS, RATE))], axis=1)
            if with_trials else traces)  # fmt: skip
    told = Reading(condition="odour", frame_rate=RATE, blocks=2)
    recording = read_recording(tmp_path / "day", told)
    assert (recording.name, recording.checkpoints, recording.tracked) == ("day", "trials", True)
    means = rows(recording)["activation_raw_mean"]
    share = 1 if with_trials else 0.5
    np.testing.assert_allclose(means, RESPONSES[:2].mean(axis=(1, 2)) * share, rtol=1e-4)


SAME_DAY = ["2024-01-30_a", "2024-01-30_c", "2024-01-30_b"]


@pytest.mark.parametrize("names", [["d1", "d10", "d9"], SAME_DAY])
def test_without_dates_names_say_the_order(tmp_path, names):
    recording = read_recording(write(tmp_path / "mouse", names=names), TOLD)
    agree(recording, "mouse", {"all": RESPONSES[[0, 2, 1]]}, "deconvolved", [0, 1, 2])
    assert "no date in each session's name" in recording.warnings[0]


def refused(root, message, told=TOLD):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(root, told)
    assert "\n" not in str(caught.value)


BAD_ARRAYS = {
    "transposed traces": (
        "spks", traces_of(RESPONSES[0]).T, r"with the 12 ROIs of iscell.npy; got \(90, 12\); trans",
    ),
    "another number of ROIs": ("spks", np.ones((5, 90)), r"iscell.npy; got \(5, 90\)$"),
    "one trace": ("spks", np.ones(12), r"must have the shape \(ROIs, frames\).*got \(12,\)"),
    "texts": ("spks", np.full((12, 90), "a"), "spks.npy must hold numbers; got <U1"),
    "pickled objects": (
        "spks", np.array([{}], dtype=object), "spks.npy must be a plain array, .* no pickle",
    ),
    "no cells": ("iscell", np.zeros((12, 2)), "iscell.npy must call a ROI or more a cell"),
    "NaN everywhere": ("spks", np.full((12, 90), np.nan), "session 2024-01-30 must have a unit"),
    "silence": ("spks", np.zeros((12, 90)), "layer all must have a response that is not 0"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "array", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays_are_refused(tmp_path, name, array, message):
    root = write(tmp_path / "mouse")
    np.save(root / NAMES[0] / f"suite2p/plane0/{name}.npy", array)
    refused(root, message)


def test_z_scored_traces_are_refused(tmp_path):
    root = write(tmp_path / "mouse")
    for path in root.rglob("spks.npy"):
        x = np.load(path)
        np.save(path, (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True))
    refused(root, "it is z-scored and its trajectory is lost")


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x93NUMPY\x01\x00v\x00{"])
def test_a_file_that_is_no_whole_array_is_refused(tmp_path, content):
    root = write(tmp_path / "mouse")
    (root / NAMES[0] / "suite2p/plane0/spks.npy").write_bytes(content)
    refused(root, "spks.npy must be a plain array, complete and no pickle: ")


def test_a_truncated_array_is_refused(tmp_path):
    path = write(tmp_path / "mouse") / NAMES[0] / "suite2p/plane0/spks.npy"
    path.write_bytes(path.read_bytes()[:-50])
    refused(tmp_path / "mouse", "spks.npy must be a plain array, complete")


def test_neuropil_of_another_shape_is_refused(tmp_path):
    refused(
        write(tmp_path / "mouse", series="F", Fneu=np.ones((3, 3))),
        r"Fneu.npy must have the shape of F.npy, \(12, 90\); got \(3, 3\)",
    )


BAD_TABLES = {
    "no column": (trials("onset"), "must have a column start_time in seconds or frame; it has ons"),
    "no condition": (
        trials().drop(columns="odour"), "condition must be a column of .*trials.csv, .*; got odour",
    ),
    "texts for times": (trials().assign(start_time=list("abcd")), "start_time .* must be numbers"),
    "trials elsewhere": (trials().assign(start_time=900), "session 2024-01-30: the window of"),
    "an empty table": (pd.DataFrame(), "trials.csv must be a table with a line of names: "),
}  # fmt: skip


@pytest.mark.parametrize(("table", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_trials_are_refused(tmp_path, table, message):
    refused(write(tmp_path / "mouse", table=table), message)


def test_what_nothing_says_is_asked_for(tmp_path):
    root = write(tmp_path / "mouse")
    refused(root, "frame_rate must be given, in frames a second", Reading(condition="odour"))
    refused(root, "series must be one of spks, F that each session has; got F", Reading(series="F"))
    refused(root, "series must be one of spks, F", Reading(series="DfOverF"))
    refused(root, "must be a column of layers.csv, one of plane; got depth",
            Reading(condition="odour", frame_rate=RATE, layer="depth"))  # fmt: skip
    refused(root, "checkpoints must be sessions, as read here; got trials",
            Reading(condition="odour", frame_rate=RATE, checkpoints="trials"))  # fmt: skip
    (root / NAMES[1] / "trials.csv").unlink()
    refused(root, "trials.csv must be there for each session or none; 2024-01-31_late has none")
    (root / NAMES[0] / "layers.csv").write_text("layer\nV1\n")
    refused(root, "2024-01-30/layers.csv must have a line for each of the 12 ROIs; got 1")


def test_too_few_frames_for_the_blocks_are_refused(tmp_path):
    write_session(tmp_path / "day", RESPONSES[0])
    refused(tmp_path / "day", "a frame or more in each block; got 90", Reading(blocks=100))
