from __future__ import annotations

import zlib

import h5py
import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import read_recording, recording_from_arrays

T = 3
STEPS = np.array([0, 5, 9])
X = np.random.default_rng(0).normal(size=(T, 12, 15))


def write(path, arrays, *, track_order=True, **attributes):
    with h5py.File(path, "w") as file:
        for group in {key.partition("/")[0] for key in arrays if "/" in key}:
            file.create_group(group, track_order=track_order)
        for key, array in arrays.items():
            file[key] = array
        file.attrs.update(attributes)
    return path


def refused(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text


def layers_of(recording):
    return recording.trajectories.rows["layer_name"][::T].tolist()


@pytest.mark.parametrize("as_attributes", [False, True])
def test_a_file_reads_as_its_arrays_do(tmp_path, as_attributes):
    said = {
        "signal": "rate", "tracked": False, "checkpoints": "sessions",
        "activity_change_source": "stimulation",
    }  # fmt: skip
    arrays = {"steps": STEPS, "weights/b": X, "activations/a": X, "activity_change/a": X[..., 0]}
    if as_attributes:
        path = write(tmp_path / "mouse.h5", arrays, **said, layers=["a", "b"], author="me")
    else:
        path = write(tmp_path / "mouse.h5", {**arrays, **said, "layers": ["a", "b"]})
    recording = read_recording(path)
    expected = recording_from_arrays(
        "mouse", STEPS, {"a": X}, {"b": X}, {"a": X[..., 0]}, "stimulation", "rate",
        layers=["a", "b"], tracked=False, checkpoints="sessions",
    )  # fmt: skip
    pd.testing.assert_frame_equal(recording.trajectories.rows, expected.trajectories.rows)
    assert (recording.name, recording.signal) == ("mouse", "rate")
    assert (recording.tracked, recording.checkpoints) == (False, "sessions")
    assert recording.warnings == expected.warnings


def test_layers_stand_in_the_order_in_which_they_were_made(tmp_path):
    arrays = {"steps": STEPS} | {f"activations/{layer}": X for layer in ("l9", "l10", "l1")}
    made = read_recording(write(tmp_path / "a.h5", arrays))
    assert layers_of(made) == ["l9", "l10", "l1"] and made.warnings == ()
    by_name = read_recording(write(tmp_path / "b.h5", arrays, track_order=False))
    assert layers_of(by_name) == ["l1", "l9", "l10"]
    assert by_name.warnings == (
        "nothing says which layer comes first; taken by name: l1, l9, l10 (name them in "
        "order in layers)",
    )
    one = {"steps": STEPS, "activations/a": X, "weights/a": X}
    assert read_recording(write(tmp_path / "c.h5", one, track_order=False)).warnings == ()


def packed(**options):
    def make(file):
        file["activations"].create_dataset("a", data=X, **options)

    return make


def external(file):
    file["activations"].create_dataset("a", X.shape, "f8", external=[("other.bin", 0, X.nbytes)])


def virtual(file):
    layout = h5py.VirtualLayout(X.shape, "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", X.shape)
    file["activations"].create_virtual_dataset("a", layout)


def set_to(value):
    def make(file):
        file["activations/a"] = value(file) if callable(value) else value

    return make


def claiming(shape, dtype="f8", **options):
    return lambda file: file["activations"].create_dataset("a", shape, dtype, **options)


def nested(file):
    file.create_group("activations/a/b")


BAD = {
    "a link to another file": (
        set_to(h5py.ExternalLink("other.h5", "/x")),
        "activations/a must be in its place; it is a link elsewhere",
    ),
    "a link within the file": (set_to(h5py.SoftLink("/steps")), "it is a link elsewhere"),
    "a virtual array": (virtual, "activations/a must be in this file; it points to another"),
    "an array in another file": (external, "activations/a must be in this file"),
    "references": (
        set_to(lambda file: file["steps"].ref),
        "activations/a must hold integers, floats or texts; got dtype object",
    ),
    "arrays of any length": (
        claiming((2,), h5py.vlen_dtype("f8")), "floats or texts; got dtype object",
    ),
    "records": (claiming((2,), [("x", "f8")]), "floats or texts; got dtype"),
    "nothing": (set_to(h5py.Empty("f8")), "activations/a must hold something; it is empty"),
    "a group for an array": (nested, "activations/a must be an array; it is a group"),
    "a type for an array": (set_to(np.dtype("f8")), "must be an array; it is a datatype"),
    "an array for a group": (
        lambda file: file.__setitem__("weights", X), "alone; got 'weights'",
    ),
    "an unknown key": (lambda file: file.__setitem__("loss", STEPS), "alone; got 'loss'"),
    "a name of two lines": (
        lambda file: file.__setitem__("weights/a\nb", X), r"characters; got 'weights/a\\nb'",
    ),
    "a name that is no text": (
        lambda file: file["activations"].create_group(b"\xff"), r"names in UTF-8; got b'\\xff'",
    ),
    "more than memory": (claiming((T, 2**20, 2**20)), "at most 8 GiB; its arrays claim 24576"),
    "a plug-in": (packed(scaleoffset=2), r"packed by gzip, .*, each once; got the filters \[6"),
    "too many texts": (claiming((1001,), h5py.string_dtype()), "at most 1000 texts; got 1001"),
    "a long text": (claiming((1,), "S100000"), "texts of at most 65536 bytes"),
    "texts for numbers": (set_to(["a", "b", "c"]), "activations/a must hold integers or floats"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_what_is_no_plain_array_is_refused(tmp_path, make, message):
    path = write(tmp_path / "m.h5", {"steps": STEPS})
    with h5py.File(path, "r+") as file:
        file.create_group("activations")
        make(file)
    refused(path, message)


@pytest.mark.parametrize("options", [{"compression": "gzip", "shuffle": True, "fletcher32": True},
                                     {"compression": "lzf"}, {"chunks": (1, 5, 5)}])  # fmt: skip
def test_packed_arrays_are_read(tmp_path, options):
    path = write(tmp_path / "m.h5", {"steps": STEPS, "weights/b": X})
    with h5py.File(path, "r+") as file:
        file.create_dataset("activations/a", data=X, **options)
    expected = recording_from_arrays("m", STEPS, {"a": X}, {"b": X})
    rows = read_recording(path).trajectories.rows
    pd.testing.assert_frame_equal(rows, expected.trajectories.rows)


def test_what_a_chunk_unpacks_to_is_bounded(tmp_path, monkeypatch):
    path = write(tmp_path / "m.h5", {"steps": STEPS})
    with h5py.File(path, "r+") as file:
        a = file.create_dataset("activations/a", (T, 2, 2), "f8", chunks=(T, 2, 2),
                                compression="gzip")  # fmt: skip
        a.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(2**25), 9))
    monkeypatch.setattr("rule_id.recordings.keyed.MAX_BYTES", 2**24)
    refused(path, "activations/a must be packed in chunks of at most 0 MiB")


def test_a_chunk_counts_whole(tmp_path, monkeypatch):
    path = write(tmp_path / "m.h5", {"steps": STEPS})
    with h5py.File(path, "r+") as file:
        file.create_dataset("activations/a", X.shape, "f8", chunks=(T, 2**10, 2**10),
                            maxshape=(None, None, None))  # fmt: skip
    monkeypatch.setattr("rule_id.recordings.keyed.MAX_BYTES", 2**24)
    refused(path, "at most .* GiB; its arrays claim")


def test_texts_of_an_attribute_are_bounded(tmp_path, monkeypatch):
    arrays = {"steps": STEPS, "activations/a": X}
    path = write(tmp_path / "m.h5", arrays, layers=["a"] * 50)
    monkeypatch.setattr("rule_id.recordings.keyed.MAX_BYTES", 50_000)
    refused(path, "layers must be a dataset, not an attribute, in a file of this size")


def test_an_attribute_that_is_no_text_is_refused(tmp_path):
    arrays = {"steps": STEPS, "activations/a": X}
    refused(write(tmp_path / "m.h5", arrays, signal=1.0), "signal must be one text; got float64")
    refused(
        write(tmp_path / "n.h5", arrays, signal=np.zeros(2, [("x", "f8")])),
        "signal must hold integers, floats or texts",
    )


@pytest.mark.parametrize("part", [0.01, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = write(tmp_path / "m.h5", {"steps": STEPS, "activations/a": X})
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(path, "must be a complete HDF5 file: ")


def test_damage_is_refused(tmp_path):
    path = write(tmp_path / "m.h5", {"steps": STEPS})
    with h5py.File(path, "r+") as file:
        data = file.create_dataset("activations/a", data=X, compression="gzip", chunks=X.shape)
        at = data.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[at + 50 : at + 60] = bytes(10)
    path.write_bytes(content)
    refused(path, "must be a complete HDF5 file: ")
