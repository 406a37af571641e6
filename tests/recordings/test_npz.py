from __future__ import annotations

import io
import re
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import Reading, read_recording, recording_from_arrays

T = 3
STEPS = np.array([0, 5, 9])
X = np.random.default_rng(0).normal(size=(T, 4, 7))


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(shape, descr="<f8") -> bytes:
    """An npy file that claims to hold an array and holds nothing."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def write_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def refused(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_reads_as_its_arrays_do(tmp_path, save):
    arrays = {"signal": "rate", "steps": STEPS, "activity_change_source": "stimulation"}
    layers = {"weights/in/1": X, "activations/in/1": X, "activity_change/out": X[:, 0]}
    save(tmp_path / "mouse.npz", **arrays, **layers)
    recording = read_recording(str(tmp_path / "mouse.npz"))
    expected = recording_from_arrays(
        "mouse", STEPS, {"in/1": X}, {"in/1": X}, {"out": X[:, 0]}, "stimulation", "rate"
    )
    pd.testing.assert_frame_equal(recording.trajectories.rows, expected.trajectories.rows)
    assert (recording.name, recording.signal) == ("mouse", "rate")
    assert recording.observables == expected.observables


def test_layers_stand_in_file_order_whatever_was_recorded_of_them(tmp_path):
    keys = ["activations/c", "weights/a", "activations/b", "weights/c", "activations/a"]
    np.savez(tmp_path / "m.npz", steps=STEPS, **dict.fromkeys(keys, X))
    rows = read_recording(tmp_path / "m.npz").trajectories.rows
    assert rows["layer_name"][::T].tolist() == ["c", "a", "b"]


def test_a_file_without_signal_is_of_a_model(tmp_path):
    np.savez(tmp_path / "m.npz", **{"steps": STEPS, "weights/a": X})
    assert read_recording(tmp_path / "m.npz").signal == "model"


def test_what_a_file_says_goes_before_defaults_and_a_reading_before_the_file(tmp_path):
    said = {"signal": "rate", "tracked": False, "checkpoints": "trials", "layers": ["b", "a"]}
    np.savez(tmp_path / "m.npz", **{"steps": STEPS, "weights/a": X, "weights/b": X}, **said)
    file = read_recording(tmp_path / "m.npz")
    assert (file.signal, file.tracked, file.checkpoints) == ("rate", False, "trials")
    assert file.trajectories.rows["layer_name"][::T].tolist() == ["b", "a"]
    told = read_recording(tmp_path / "m.npz", Reading("calcium", True, "sessions"))
    assert (told.signal, told.tracked, told.checkpoints) == ("calcium", True, "sessions")


def test_warnings_come_with_the_recording(tmp_path):
    x = X.copy()
    x[0, 0, 0] = np.nan
    np.savez(tmp_path / "m.npz", **{"steps": STEPS, "activations/a": x})
    assert read_recording(tmp_path / "m.npz").warnings[0].startswith("activations/a has NaN")


BAD_CONTENT = {
    "missing steps": ({"activations/a": X}, "steps must be given, .* it is missing"),
    "no layer": ({"steps": STEPS}, "a recording must have a layer or more"),
    "an unknown key": ({"steps": STEPS, "loss": STEPS}, "the keys steps, .* alone; got 'loss'"),
    "a group without a layer": ({"steps": STEPS, "activations": X}, "alone; got 'activations'"),
    "a layer without a name": ({"steps": STEPS, "weights/": X}, "alone; got 'weights/'"),
    "an unknown signal": (
        {"steps": STEPS, "weights/a": X, "signal": "lfp"},
        "signal must be one of model, .*; got 'lfp'",
    ),
    "a recurrent layer of which nothing says what feeds it": (
        {"steps": STEPS, "weights/a": X, "recurrent": ["a"]},
        "fed_by must have a text for each of the 1 names in recurrent; got 0",
    ),
    "a signal that is no text": (
        {"steps": STEPS, "weights/a": X, "signal": 1.0},
        r"signal must be one text; got float64 of shape \(\)",
    ),
    "two sources": (
        {"steps": STEPS, "weights/a": X, "activity_change_source": ["gradient", "gradient"]},
        r"activity_change_source must be one text; got <U8 of shape \(2,\)",
    ),
    "layers that are no texts": (
        {"steps": STEPS, "weights/a": X, "layers": [1]},
        r"layers must be a list of texts; got int64 of \(1,\)",
    ),
    "a doubtful flag": (
        {"steps": STEPS, "weights/a": X, "tracked": 2},
        "tracked must be true or false; got int64",
    ),
    "pickled objects": (
        {"steps": STEPS, "weights/a": np.array([{}, {}, {}], dtype=object)},
        "weights/a must be a plain array; it holds pickled objects",
    ),
    "one checkpoint": ({"steps": [0], "weights/a": X[:1]}, "steps must hold 2 checkpoints"),
    "a wrong shape": ({"steps": STEPS, "activations/a": X[0]}, "activations/a must have the sh"),
    "NaN everywhere": ({"steps": STEPS, "activations/a": X * np.nan}, "free of NaN"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_bad_content_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "m.npz", **arrays)
    refused(tmp_path / "m.npz", message)


def test_z_scored_activations_are_refused(tmp_path):
    z = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    np.savez(tmp_path / "m.npz", **{"steps": STEPS, "activations/a": z, "signal": "calcium"})
    refused(tmp_path / "m.npz", "z-scored and their trajectory is lost")


@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = tmp_path / "m.npz"
    np.savez(path, **{"steps": STEPS, "activations/a": X})
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(path, "must be a complete npz file; this is not one")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_in_the_middle_is_refused(tmp_path, save):
    path = tmp_path / "m.npz"
    save(path, **{"steps": STEPS, "activations/a": X})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "must be a complete npz file: ")


BAD_ENTRIES = {
    "no array": ({"readme.txt": b"hello"}, "npy arrays alone; got 'readme.txt'"),
    "a name of two lines": (
        {"steps.npy": npy(STEPS), "weights/a\nb.npy": npy(X)},
        r"keys of printable characters; got 'weights/a\\nb'",
    ),
    "no magic": ({"steps.npy": b"hello, this is no array"}, "must be a complete npz file: .*magic"),
    "nothing": ({"steps.npy": b""}, "must be a complete npz file: "),
    "a later format": (
        {"steps.npy": b"\x93NUMPY\x03\x00" + bytes(100)},
        "must be a complete npz file: npy format 3.0 is not one of 1.0, 2.0",
    ),
    "a header that is code": (
        {"steps.npy": b"\x93NUMPY\x01\x00\x10\x00" + b"__import__('os')"},
        "must be a complete npz file: ",
    ),
    "a header that is cut short": (
        {"steps.npy": b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': (((((('"},
        "must be a complete npz file: ",
    ),
    "fewer bytes than claimed": (
        {"steps.npy": npy(STEPS), "weights/a.npy": header((T, 10**6))},
        "weights/a must hold what its header claims; 24000000 bytes are not there",
    ),
    "a negative axis": (
        {"steps.npy": npy(STEPS), "weights/a.npy": header((T, -1))},
        "weights/a must hold what its header claims",
    ),
    "more than memory": (
        {"steps.npy": npy(STEPS), "weights/a.npy": header((T, 2**40))},
        r"at most 8 GiB; its arrays claim 24576.0 GiB",
    ),
    "objects that are claimed": (
        {"steps.npy": header((3,), "|O")},
        "steps must be a plain array; it holds pickled objects",
    ),
}


@pytest.mark.parametrize(("entries", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_bad_entries_are_refused(tmp_path, entries, message):
    refused(write_zip(tmp_path / "m.npz", entries), message)


def test_what_arrays_claim_counts_together(tmp_path, monkeypatch):
    monkeypatch.setattr("rule_id.recordings.keyed.MAX_BYTES", 1000)
    np.savez(tmp_path / "m.npz", **{"steps": STEPS, "weights/a": X, "weights/b": X})
    assert X.nbytes < 1000
    refused(tmp_path / "m.npz", "at most .* GiB; its arrays claim")


def test_an_encrypted_file_is_refused(tmp_path):
    path = write_zip(tmp_path / "m.npz", {"steps.npy": npy(STEPS)})
    # Bit 0 of the flags, 6 bytes into the local header and 8 into the central one.
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[re.search(re.escape(signature), bytes(content)).start() + offset] |= 1
    path.write_bytes(content)
    refused(path, "must be a complete npz file: .*password")
