from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings.no_pickle import kind_of_no_pickle
from rule_id.recordings.plain_pickle import read_plain_pickle


def npz() -> bytes:
    held = io.BytesIO()
    np.savez(held, a=np.arange(3))
    return held.getvalue()


OTHERS = {
    "npz": (npz(), "an npz file or another zip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file"),
    "MATLAB": (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
    "gzip": (gzip.compress(b"N."), "compressed, by gzip"),
    # Their first letters are opcodes of protocol 0.
    "a sentence": ("It is a dataset – really.\n".encode(), "a text"),
    "a table": (b"a,b\n1,2\n", "a text"),
    "JSON": (b'{"a": 1}', "a text"),
    "a name that is asked for": (b"class A\nB\n", "a text"),
}


@pytest.mark.parametrize(("content", "kind"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_pickle_is_named(tmp_path, content, kind) -> None:
    path = tmp_path / "dataset.pkl"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=f"dataset.pkl: a dataset must be a pickle; this is {kind}"
    ):
        read_plain_pickle(path)


@pytest.mark.parametrize("content", [b"cos\nsystem\n(S'ls'\ntR.", b"", b"\x80\x04X", b"I1\nI2\na."])
def test_what_is_a_pickle_or_its_beginning_is_not(content) -> None:
    assert kind_of_no_pickle(content) is None
