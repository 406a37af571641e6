from __future__ import annotations

import h5py
import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings import Reading, read_recording, read_recordings
from rule_id.recordings.read import SESSIONS

STEPS = np.array([0, 5, 9])
X = np.random.default_rng(0).normal(size=(3, 12, 15))


def keyed(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{"steps": STEPS, "activations/a": X})
    return path


def suite2p(folder, seed=0):
    folder.mkdir(parents=True)
    np.save(folder / "spks.npy", np.random.default_rng(seed).random((12, 40)))
    return folder


def caiman(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["estimates/S"] = np.random.default_rng(0).random((12, 40))
    return path


def names(paths):
    return [(recording.name, recording.checkpoints) for recording in read_recordings(paths)]


def test_files_are_recordings_and_sessions_of_a_folder_are_one(tmp_path):
    first, last = keyed(tmp_path / "first.npz"), keyed(tmp_path / "last.npz")
    for day in (1, 2):
        suite2p(tmp_path / f"mouse/2024-01-0{day}/suite2p/plane0")
        caiman(tmp_path / f"rat/2024-01-0{day}.hdf5")
    # Neither a session nor a recording.
    (tmp_path / "mouse/notes.txt").write_text("none")
    (tmp_path / "mouse/empty").mkdir()
    assert names([first, tmp_path / "mouse", str(last), tmp_path / "rat"]) == [
        ("first", "steps"), ("mouse", "sessions"), ("last", "steps"), ("rat", "sessions"),
    ]  # fmt: skip


def test_sessions_that_are_named_are_one_recording(tmp_path):
    days = [suite2p(tmp_path / f"mouse/2024-01-0{day}") for day in (1, 2)]
    assert names(days) == [("mouse", "sessions")]
    assert names([day / "../2024-01-01" for day in days[:1]] + days[1:]) == [("mouse", "sessions")]
    # Each in a folder of its own.
    files = [caiman(tmp_path / f"rat/{day}/m_2024-01-0{day}.hdf5") for day in (1, 2)]
    (recording,) = read_recordings([file.parent for file in files])
    assert recording.trajectories.rows["step"].tolist() == [0, 1]


def test_nwb_files_of_a_folder_are_read_together(tmp_path, monkeypatch):
    for day in (2, 10):
        with h5py.File(tmp_path / f"day{day}.nwb", "w") as file:
            file.attrs["nwb_version"] = "2.6.0"
    monkeypatch.setitem(SESSIONS, "nwb", lambda paths, reading: [path.name for path in paths])
    assert read_recordings([tmp_path]) == [["day2.nwb", "day10.nwb"]]


def test_a_folder_of_recordings_is_several(tmp_path):
    for k in (10, 9):
        keyed(tmp_path / f"all/m{k}.npz")
    assert names([tmp_path / "all"]) == [("m9", "steps"), ("m10", "steps")]
    with pytest.raises(InputError, match="all must be one recording; it holds 2"):
        read_recording(tmp_path / "all")


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("a")
    for name in ("empty", "notes"):
        with pytest.raises(InputError, match=f"{name} must have a file of npz, .*; it has none"):
            read_recordings([tmp_path / name])
    with pytest.raises(InputError, match="m.npz must be a recording; there is no such file or fo"):
        read_recordings([tmp_path / "m.npz"])
    with pytest.raises(InputError, match="recordings must be one file or folder or more; got none"):
        read_recordings([])
    (tmp_path / "notes/a.npz").touch()
    with pytest.raises(InputError, match=r"notes/a.npz: a recording must have content"):
        read_recordings([tmp_path / "notes"])


def test_sessions_of_two_formats_are_refused(tmp_path):
    paths = [suite2p(tmp_path / "2024-01-01"), caiman(tmp_path / "2024-01-02.hdf5")]
    with pytest.raises(InputError, match="must be of one format; got suite2p, caiman, such as"):
        read_recordings(paths)


def test_one_session_is_no_recording(tmp_path):
    with pytest.raises(InputError, match="a recording must have 2 sessions or more; got 1"):
        read_recordings([suite2p(tmp_path / "2024-01-01")])


@pytest.mark.parametrize(
    "option", [{"condition": "image"}, {"window": (0.0, 2.0)}, {"blocks": 2}, {"unit_id": "id"}]
)
def test_options_of_sessions_are_refused_for_arrays_by_key(tmp_path, option):
    told = Reading(signal="calcium", tracked=False, checkpoints="trials", **option)
    (name,) = option
    with pytest.raises(InputError, match=f"m.npz: {name} must be left out: it is of sessions"):
        read_recording(keyed(tmp_path / "m.npz"), told)
