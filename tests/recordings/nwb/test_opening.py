from __future__ import annotations

import shutil
import sys
import warnings

import h5py
import numpy as np
import pynwb
import pytest
from nwb_files import start_of, write_imaging

from rule_id.errors import InputError
from rule_id.recordings.nwb import read_nwb
from rule_id.recordings.nwb.opening import opened

SERIES = "processing/ophys/DfOverF/plane0"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("nwb") / "day.nwb"
    return write_imaging(path, np.random.default_rng(0).random((4, 3)))


def refused(path, message) -> None:
    with pytest.raises(InputError, match=message) as caught, opened(path):
        pass
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text


def edited(whole, folder, edit):
    path = folder / "day.nwb"
    shutil.copy(whole, path)
    with h5py.File(path, "a") as file:
        edit(file)
    return path


def test_a_file_opens_with_its_start_as_it_is_written(whole, tmp_path):
    with opened(whole) as file:
        assert file.start == start_of(0) and file.nwb.session_start_time == start_of(0)
        assert file.warnings == ()

    def without_zone(file) -> None:
        del file["session_start_time"]
        file["session_start_time"] = "2024-03-02T09:00:00"

    naive = edited(whole, tmp_path, without_zone)
    with opened(naive) as file:
        assert file.start.tzinfo is None and file.nwb.session_start_time.tzinfo is not None
        assert file.warnings == ()
    with pytest.raises(
        InputError, match="must have a time zone, .*; that of day has none: 2024-03"
    ):
        read_nwb([shutil.copy(whole, tmp_path / "first.nwb"), naive])


def test_what_pynwb_warns_of_is_said(whole, monkeypatch):
    def warn(*_) -> None:
        for text in ("odd values\nmore", "odd values", "Ignoring cached namespace x"):
            warnings.warn(text, stacklevel=1)

    monkeypatch.setattr(pynwb.NWBHDF5IO, "read", warn)
    with opened(whole) as file:
        assert file.warnings == ("pynwb warns: odd values",)


def link_outside(file) -> None:
    del file[SERIES + "/data"]
    file[SERIES + "/data"] = h5py.ExternalLink("other.nwb", "x")


def group_outside(file) -> None:
    file["processing/more"] = h5py.ExternalLink("other.nwb", "/")


def values_outside(file) -> None:
    file.create_dataset("scratch/raw", (4,), "i4", external=[("secret.bin", 0, 16)])


def view_outside(file) -> None:
    layout = h5py.VirtualLayout((4,), "i4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("scratch/view", layout)


def unknown_extension(file) -> None:
    file[SERIES].attrs["namespace"] = "ndx-odd"
    file[SERIES].attrs["neurodata_type"] = "OddSeries"


def without(*keys, attribute=None):
    def edit(file) -> None:
        for key in keys:
            del file[key]
        if attribute:
            del file.attrs[attribute]

    return edit


def version_one(file) -> None:
    without(attribute="nwb_version")(file)
    file["nwb_version"] = "NWB-1.0.6"


def no_date(file) -> None:
    without("session_start_time")(file)
    file["session_start_time"] = "yesterday"


OUTSIDE = "must hold its data itself; "
BAD = {
    "an external link": (link_outside, OUTSIDE + "processing/.*/data is a link to other.nwb"),
    "a group elsewhere": (group_outside, OUTSIDE + "processing/more is a link to other.nwb"),
    "external values": (values_outside, OUTSIDE + "scratch/raw has its values elsewhere"),
    "a virtual array": (view_outside, OUTSIDE + "scratch/view has its values elsewhere"),
    "an unknown extension": (unknown_extension, "are installed: 'ndx-odd' not a namespace"),
    "NWB 1": (version_one, "must be of NWB version 2, .*; got 1.0.6"),
    "HDF5 of another kind": (
        without(attribute="nwb_version"), "must be an NWB file; this is HDF5 of another kind",
    ),
    "no start": (without("session_start_time"), "must have a session_start_time; it is missing"),
    "no date": (no_date, "session_start_time must be an ISO 8601 date and time; got 'yesterday'"),
    "no ROIs": (
        without(SERIES + "/rois"), "that pynwb can read, .*: .*RoiResponseSeries.*missing.*rois",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_refused(whole, tmp_path, edit, message):
    refused(edited(whole, tmp_path, edit), message)


def test_what_is_no_whole_hdf5_is_refused(whole, tmp_path):
    text = tmp_path / "day.nwb"
    text.write_text("start_time,stimulus")
    refused(text, "must be an NWB file, which is HDF5; this is not one")
    content = whole.read_bytes()
    text.write_bytes(content[: len(content) // 2])
    refused(text, "must be a complete NWB file: .*truncated file")
    text.write_bytes(content.replace(b"session_start_time", b"session_start\x80time"))
    refused(text, "must have names in UTF-8; one is not")
    # The library calls what it cannot open a missing key.
    shape = np.array([80, 3]).tobytes()
    text.write_bytes(content.replace(shape, np.array([2**61, 3]).tobytes(), 1))
    refused(text, "must be a complete NWB file: Unable to .*open object")
    refused(tmp_path / "none.nwb", "must be an NWB file; there is no such file")
    refused(tmp_path, "must be an NWB file; it is a folder")


def test_of_several_files_the_one_that_cannot_be_read_is_named(whole, tmp_path):
    def damage(file) -> None:
        data = file[SERIES + "/data"][:]
        attributes = dict(file[SERIES + "/data"].attrs)
        del file[SERIES + "/data"]
        packed = file.create_dataset(SERIES + "/data", data=data, compression="gzip")
        packed.attrs.update(attributes)
        packed.id.write_direct_chunk((0, 0), b"no gzip")
        del file["session_start_time"]
        file["session_start_time"] = start_of(1).isoformat()

    bad = edited(whole, tmp_path, damage)
    last = shutil.copy(whole, tmp_path / "last.nwb")
    with pytest.raises(InputError, match="/day.nwb cannot be read whole: ") as caught:
        read_nwb([bad, last])
    assert "\n" not in str(caught.value)


def test_without_pynwb_the_extra_is_named(whole, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with (
        pytest.raises(InputError, match=r"needs pynwb, .*: pip install rule-id\[nwb\]"),
        opened(whole),
    ):
        pass
