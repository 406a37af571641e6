"""MATLAB is not at hand: SciPy writes version 5; version 7.3 is laid out here as `save` does."""

from __future__ import annotations

import struct
import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from rule_id.errors import InputError
from rule_id.recordings import read_recording, recording_from_arrays
from rule_id.recordings.mat5 import read_mat5

T = 3
STEPS = np.array([0, 5, 9])
X = np.random.default_rng(0).normal(size=(T, 12, 15))
VARIABLES = {
    "steps": STEPS,
    "signal": "calcium",
    "tracked": np.array(False),
    "checkpoints": "sessions",
    "activity_change_source": "gradient",
    "activations": {"V1": X, "LM": 2 * X},
    "weights": {"V1": X[..., 0]},
    "activity_change": {"LM": X[..., 0]},
}


def matlab_class(array):
    names = {"f": "double", "i": "int64", "u": "uint8", "b": "logical", "U": "char"}
    return np.bytes_(names[array.dtype.kind])


def write_73(path, variables, fields=True):
    """Write what MATLAB's `save -v7.3` writes: HDF5 behind a text of 512 bytes, axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if not isinstance(value, dict):
                write_array(file, name, value)
                continue
            group = file.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, array in value.items():
                write_array(group, field, array)
            if fields:
                names = np.empty(len(value), object)
                names[:] = [np.array([c.encode() for c in field], "S1") for field in value]
                group.attrs.create("MATLAB_fields", names, dtype=h5py.vlen_dtype("S1"))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def write_array(group, name, value):
    array = np.atleast_2d(np.asarray(value))
    stored = array.astype("u1") if array.dtype.kind == "b" else array
    if array.dtype.kind == "U":
        width = max(len(row) for row in array[0])
        stored = np.array([[ord(c) for c in row.ljust(width)] for row in array[0]], "u2")
    group[name] = stored.T
    group[name].attrs["MATLAB_class"] = matlab_class(array)


def refused(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text


def write(path, variables, version):
    if version == "7.3":
        return write_73(path, variables)
    savemat(path, variables, do_compression=version == "7")
    return path


@pytest.mark.parametrize("version", ["6", "7", "7.3"])
def test_a_file_reads_as_its_arrays_do(tmp_path, version):
    recording = read_recording(write(tmp_path / "mouse.mat", VARIABLES, version))
    expected = recording_from_arrays(
        "mouse", STEPS, VARIABLES["activations"], VARIABLES["weights"],
        VARIABLES["activity_change"], "gradient", "calcium", tracked=False, checkpoints="sessions",
    )  # fmt: skip
    pd.testing.assert_frame_equal(recording.trajectories.rows, expected.trajectories.rows)
    assert (recording.name, recording.signal) == ("mouse", "calcium")
    assert (recording.tracked, recording.checkpoints) == (False, "sessions")
    assert recording.warnings == expected.warnings


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8", "?"])
def test_version_5_reads_as_scipy_does(tmp_path, dtype, compressed):
    x = (np.arange(24).reshape(2, 3, 4) % 7).astype(dtype)
    savemat(tmp_path / "x.mat", {"x": x, "s": {"a": x[0], "b": "text", "c": []}, "t": ["à", "bc"]},
            do_compression=compressed)  # fmt: skip
    read, scipy = read_mat5(tmp_path / "x.mat"), loadmat(tmp_path / "x.mat")
    assert list(read) == ["x", "s/a", "s/b", "s/c", "t"]
    for key, theirs in (("x", scipy["x"]), *((f"s/{f}", scipy["s"][f][0, 0]) for f in "abc")):
        assert read[key].dtype == theirs.dtype
        np.testing.assert_array_equal(read[key], theirs)
    assert [text.strip() for text in scipy["t"]] == read["t"].tolist() == ["à", "bc"]


@pytest.mark.parametrize("version", ["7", "7.3"])
def test_steps_may_be_a_column_and_layers_may_be_named(tmp_path, version):
    said = {"steps": STEPS[:, None], "layers": np.array(["LM", "V1"])}
    recording = read_recording(write(tmp_path / "m.mat", {**VARIABLES, **said}, version))
    assert recording.trajectories.rows["layer_name"][::T].tolist() == ["LM", "V1"]


def test_fields_of_unknown_order_stand_by_name_with_a_warning(tmp_path):
    recording = read_recording(write_73(tmp_path / "m.mat", VARIABLES, fields=False))
    assert recording.trajectories.rows["layer_name"][::T].tolist() == ["LM", "V1"]
    assert "which layer comes first; taken by name: LM, V1" in recording.warnings[0]


FOREIGN = "must be an array of numbers, a text in single quotes or a struct of arrays; it is a "
BAD = {
    "steps that are missing": ({"activations": {"a": X}}, "steps must be given"),
    "activations without layers": ({"steps": STEPS, "activations": X}, "alone; got 'activations'"),
    "an unknown variable": ({"steps": STEPS, "ans": 1}, "alone; got 'ans'"),
}
BAD_5 = {
    "a cell": ({"steps": STEPS, "layers": np.array(["a", 1], object)}, FOREIGN + "cell array"),
    "a complex array": ({"steps": STEPS * 1j}, "steps " + FOREIGN + "complex array"),
    "a struct in a struct": ({"weights": {"a": {"b": X}}}, "weights/a " + FOREIGN + "struct"),
    "a struct array": (
        {"weights": np.zeros((1, 2), [("a", object)])}, r"weights must be one struct; .* \(1, 2\)",
    ),
    "a long text": ({"signal": "a" * 70_000}, "signal " + FOREIGN + "long text"),
}  # fmt: skip


@pytest.mark.parametrize("version", ["7", "7.3"])
@pytest.mark.parametrize(("variables", "message"), BAD.values(), ids=BAD)
def test_bad_variables_are_refused(tmp_path, variables, message, version):
    refused(write(tmp_path / "m.mat", variables, version), message)


@pytest.mark.parametrize(("variables", "message"), BAD_5.values(), ids=BAD_5)
def test_what_no_recording_has_is_refused_in_version_5(tmp_path, variables, message):
    refused(write(tmp_path / "m.mat", variables, "7"), message)


def cell(file):
    file["layers"] = np.zeros((2, 1), dtype="u8")
    file["layers"].attrs["MATLAB_class"] = np.bytes_("cell")


def empty(file):
    file["weights/a"] = np.zeros(2, dtype="u8")
    file["weights/a"].attrs.update(MATLAB_empty=1, MATLAB_class=np.bytes_("double"))


def huge(file):
    file.create_dataset("weights/a", (2**40,), "f8", chunks=True)
    file["weights/a"].attrs["MATLAB_class"] = np.bytes_("double")


def sparse(file):
    file.create_group("weights/a").attrs["MATLAB_sparse"] = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cell, "layers " + FOREIGN + "cell"),
        (empty, "weights/a must have an entry or more; it is empty"),
        (sparse, "weights/a " + FOREIGN + "group"),
        (huge, "at most 8 GiB; its arrays claim"),
    ],
)
def test_what_no_recording_has_is_refused_in_version_7_3(tmp_path, make, message):
    path = write_73(tmp_path / "m.mat", {"steps": STEPS})
    with h5py.File(path, "r+") as file:
        make(file)
    refused(path, message)


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(kind, shape, name, content):
    start = element(6, struct.pack("<II", kind, 0))
    dims = b"" if kind == 17 else element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, start + dims + element(1, name) + content)


def nested(depth):
    content = matrix(6, (1, 1), b"", element(9, bytes(8)))
    for _ in range(depth):
        content = matrix(1, (1, 1), b"", content)
    return content


def bomb(n):
    return element(15, zlib.compress(struct.pack("<II", 14, n) + bytes(n), 9)).rstrip(b"\x00")


CRAFTED = {
    # The first three end or exhaust a process that reads them by SciPy.
    "a type that does not exist": (
        matrix(6, (1, 3), b"steps", element(25, bytes(24))), "complete MATLAB file: .* type 25",
    ),
    "cells in cells": (nested(300), FOREIGN + "cell array"),
    "a text of claimed length": (
        matrix(4, (1, 2**31 - 1), b"signal", element(16, b"")), "signal .* long text",
    ),
    "fewer numbers than claimed": (
        matrix(6, (2**20, 2**20), b"steps", element(9, bytes(24))), "there are 3 values for",
    ),
    "a string object": (matrix(17, (), b"signal", b""), FOREIGN + "string or object"),
    "no matrix": (element(9, bytes(8)), "an element of type 9 where a variable should be"),
    "a field that is no matrix": (
        matrix(2, (1, 1), b"weights",
               element(5, struct.pack("<i", 8)) + element(1, b"a".ljust(8, b"\0"))
               + element(9, bytes(8))),
        "weights/a is an element of type 9",
    ),
    "too many fields": (
        matrix(2, (1, 1), b"weights", element(5, struct.pack("<i", 8)) + element(1, bytes(70_000))),
        "weights must have fewer fields",
    ),
    "packed content that is too short": (
        element(15, zlib.compress(struct.pack("<II", 14, 64))), "64 bytes is cut short",
    ),
    "damaged packing": (element(15, b"no zlib stream!!"), "complete MATLAB file: Error -3"),
}  # fmt: skip
HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize(("content", "message"), CRAFTED.values(), ids=CRAFTED)
def test_files_made_to_harm_are_refused(tmp_path, content, message):
    path = tmp_path / "m.mat"
    path.write_bytes(HEADER + content)
    refused(path, message)


def test_what_variables_unpack_to_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / "m.mat"
    path.write_bytes(HEADER + bomb(2**21) + bomb(2**21))
    monkeypatch.setattr("rule_id.recordings.keyed.MAX_BYTES", 2**21)
    refused(path, "at most .* GiB; its arrays claim")


@pytest.mark.parametrize("version", ["6", "7", "7.3"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, version, part):
    path = write(tmp_path / "m.mat", VARIABLES, version)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(path, "must be a complete (MATLAB|HDF5) file: ")
