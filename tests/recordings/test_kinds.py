from __future__ import annotations

import io
import os
import pickle

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from rule_id.errors import InputError
from rule_id.recordings import read_recording

STEPS = np.array([0, 5, 9])
X = np.random.default_rng(0).normal(size=(3, 12, 15))


def refused(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read_recording(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text


class Payload:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def pickled(path):
    return pickle.dumps({"steps": Payload(path)})


def npy(path):
    stream = io.BytesIO()
    np.save(stream, np.array([Payload(path)], dtype=object))
    return stream.getvalue()


def npz(path):
    stream = io.BytesIO()
    np.savez(stream, steps=STEPS, **{"activations/a": np.array([Payload(path)], dtype=object)})
    return stream.getvalue()


def torch_like(path):
    stream = io.BytesIO()
    np.savez(stream, a=STEPS)
    return stream.getvalue().replace(b"a.npy", b"b.pkl")


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".npy", ".pkl", ".h5", ".nwb", ""])
@pytest.mark.parametrize("make", [pickled, npy, npz, torch_like])
def test_a_pickle_is_never_run(tmp_path, make, suffix):
    path, trap = tmp_path / f"m{suffix}", tmp_path / "trap"
    path.write_bytes(make(trap))
    refused(path, "pickle|one array|named for what it holds")
    assert not trap.exists()
    # The trap works.
    pickle.loads(pickled(trap))
    assert trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a recording must have content; the file is empty"),
        (b"steps,1,2,3\n", "a file of npz, MATLAB, HDF5, CaImAn, NWB; it starts with b'steps,1,'"),
        (pickle.dumps([1], protocol=0), "a file of npz, .*; it starts with"),
    ],
)
def test_a_file_of_no_known_kind_is_refused(tmp_path, content, message):
    for name in ("m.npz", "m.mat", "m.h5", "m.nwb", "m.csv"):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, message)


def write_npz(path):
    # An open file: numpy gives names an extension of its own.
    with path.open("wb") as file:
        np.savez(file, **{"steps": STEPS, "activations/a": X})


def write_mat(path):
    savemat(path, {"steps": STEPS, "activations": {"a": X}}, appendmat=False)


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        file["steps"] = STEPS
        file["activations/a"] = X


def write_nwb_like(path):
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.6.0"


@pytest.mark.parametrize(
    ("write", "wrong", "right"),
    [
        (write_mat, ".npz", "this is MATLAB, so m.mat; got m.npz"),
        (write_npz, ".mat", "this is npz, so m.npz; got m.mat"),
        (write_npz, ".H5", "this is npz, so m.npz; got m.H5"),
        (write_hdf5, ".mat", "this is HDF5, so m.h5; got m.mat"),
        (write_hdf5, ".nwb", "this is HDF5, so m.h5; got m.nwb"),
        (write_nwb_like, ".npz", "this is NWB, so m.nwb; got m.npz"),
    ],
)
def test_a_wrong_extension_is_named(tmp_path, write, wrong, right):
    path = tmp_path / f"m{wrong}"
    write(path)
    refused(path, f"a file must be named for what it holds: {right}")


@pytest.mark.parametrize("write", [write_npz, write_mat, write_hdf5])
def test_a_name_that_says_nothing_is_no_matter(tmp_path, write):
    write(tmp_path / "mouse.data")
    assert read_recording(tmp_path / "mouse.data").name == "mouse"
