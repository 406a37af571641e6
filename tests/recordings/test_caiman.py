"""CaImAn is not at hand: files are laid out here as its `save` does, None being a text."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import Reading, read_recording, read_recordings, recording_from_arrays

DAYS, CONDITIONS, UNITS, RATE = 2, 4, 12, 10
RESPONSES = np.random.default_rng(0).gamma(2.0, size=(DAYS, CONDITIONS, UNITS)) + 0.1
NAMES = ["m_2024-01-30", "m_2024-01-31"]
TOLD = Reading(condition="odour")


def traces_of(responses):
    seconds = np.zeros((2 * CONDITIONS + 1, UNITS))
    seconds[1::2] = responses
    return np.repeat(seconds, RATE, axis=0).T


def save(path, estimates, rate=RATE):
    with h5py.File(path, "w") as file:
        for name, value in estimates.items():
            file[f"estimates/{name}"] = "NoneType" if value is None else value
        file["estimates/A/shape"] = np.array([4096, UNITS])
        file["params/data/fr"] = rate
        file["params/data"].attrs["var_name_hdf5"] = "mov"


def write(root, **estimates):
    root.mkdir()
    for name, responses in zip(NAMES, RESPONSES, strict=True):
        traces = traces_of(responses)
        own = {"C": 2 * traces, "S": traces, "F_dff": None, "idx_components": None} | estimates
        save(root / f"{name}.hdf5", own)
        at = 2 * np.arange(CONDITIONS) + 1
        table = pd.DataFrame({"start_time": at, "odour": list("abcd")})
        table.to_csv(root / f"{name}.trials.csv", index=False)
    return root


def agree(recording, activations, signal):
    expected = recording_from_arrays("mouse", [0, 1], {"all": activations}, signal=signal,
                                     tracked=False, checkpoints="sessions")  # fmt: skip
    rows = recording.trajectories.rows
    pd.testing.assert_frame_equal(rows, expected.trajectories.rows, rtol=1e-5, atol=1e-5)
    assert recording.signal == signal


@pytest.mark.parametrize(
    ("series", "factor", "signal"),
    [(None, 1, "deconvolved"), ("S", 1, "deconvolved"), ("C", 2, "calcium")],
)
def test_files_are_sessions_of_one_recording(tmp_path, series, factor, signal):
    recording = read_recording(write(tmp_path / "mouse"), Reading(condition="odour", series=series))
    agree(recording, factor * RESPONSES, signal)
    assert (recording.name, recording.checkpoints) == ("mouse", "sessions")


def test_only_chosen_components_are_used(tmp_path):
    root = write(tmp_path / "mouse", idx_components=np.array([3, 1, 11]))
    recording = read_recording(root, TOLD)
    agree(recording, RESPONSES[..., [1, 3, 11]], "deconvolved")
    assert "session m_2024-01-30: 9 of 12 components are left out" in recording.warnings[0]


def test_components_have_a_table_too(tmp_path):
    root = write(tmp_path / "mouse")
    for name in NAMES:
        table = pd.DataFrame({"layer": ["a"] * 5 + ["b"] * 7})
        table.to_csv(root / f"{name}.layers.csv", index=False)
    (recording,) = read_recordings([root / f"{name}.hdf5" for name in NAMES], TOLD)
    assert recording.trajectories.rows["n_units"].tolist() == [5, 5, 7, 7]


def refused(root, message, told=TOLD):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(root, told)
    assert "\n" not in str(caught.value)


BAD = {
    "transposed traces": (
        {"S": traces_of(RESPONSES[0]).T},
        r"estimates/S must have .* the 12 components of A; got \(90, 12\); transposed\?",
    ),
    "another number": ({"S": np.ones((5, 90))}, r"the 12 components of A; got \(5, 90\)$"),
    "one trace": ({"S": np.ones(90)}, r"the shape \(components, frames\); got \(90,\)"),
    "no traces": ({"S": None, "C": None}, "one of S, F_dff, C .*m_2024-01-30: none;"),
    "no components": (
        {"idx_components": np.array([], dtype=int)}, r"one or more of the 12 components; got \[\]",
    ),
    "unknown components": (
        {"idx_components": np.array([12])}, r"one or more of the 12 components; got \[12\]",
    ),
    "a link": ({"C": h5py.ExternalLink("other.h5", "/C")}, "estimates/C must be in its place"),
}  # fmt: skip


@pytest.mark.parametrize(("estimates", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_refused(tmp_path, estimates, message):
    refused(write(tmp_path / "mouse", **estimates), message)


def test_claims_beyond_memory_are_refused(tmp_path):
    path = write(tmp_path / "mouse") / f"{NAMES[0]}.hdf5"
    with h5py.File(path, "r+") as file:
        del file["estimates/S"]
        file.create_dataset("estimates/S", (UNITS, 2**40), "f4", chunks=(1, 2**20))
    refused(tmp_path / "mouse", "a recording must take at most 8 GiB")


@pytest.mark.parametrize("part", [0.1, 0.9])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = write(tmp_path / "mouse") / f"{NAMES[0]}.hdf5"
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(tmp_path / "mouse", f"{NAMES[0]}.hdf5 must be a complete HDF5 file: ")
