"""Pickles are read, and none of them can run anything, make anything or take what it likes."""

from __future__ import annotations

import pickle
import pickletools
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.recordings import plain_arrays, plain_pickle
from rule_id.recordings.plain_pickle import NAMES, read_plain_pickle

RECORDS = np.array([(1, "é", 2.5), (2, "bb", -1.0)], dtype="i8, U3, f4")
ARRAYS = {
    "double": np.arange(24.0).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6, dtype="f4").reshape(2, 3)),
    "strided": np.arange(10)[::3],
    "big endian": np.array([1, -2], dtype=">i2"),
    "flags": np.array([True, False]),
    "texts": np.array(["a", "Ω"]),
    "bytes": np.array([b"a", b"\xff"]),
    "empty": np.zeros((0, 3)),
    "one": np.array(3.0),
    "objects": np.array(["a", None, 2, 0.5, True], dtype=object),
    "records": RECORDS,
    "recarray": RECORDS.view(np.recarray),
    "records of objects": np.array([(1, "a"), (2, None)], dtype=[("x", "i8"), ("y", "O")]),
}
VALUES = {
    "numbers": [0, 1, -1, 300, 2**40, -(2**70), 1.5, True, False, None],
    "texts": ("", "a", "é", "Ω" * 300), "bytes": [b"", b"\x00\xff", b"a" * 300],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "nested": {"a": [{"b": {}}], 3: []},
}  # fmt: skip
SCALARS = {"double": np.float64(0.5), "text": np.str_("a"), "flag": np.bool_(True)}


def read(tmp_path: Path, content: bytes):
    path = tmp_path / "dataset.pkl"
    path.write_bytes(content)
    return read_plain_pickle(path)


def refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    text = str(caught.value)
    assert text.startswith(str(tmp_path)) and "\n" not in text and len(text) < 500


def same(found: dict[str, np.ndarray]) -> None:
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert type(found[name]) is np.ndarray, name
        np.testing.assert_array_equal(found[name], np.asarray(array), err_msg=name)
        plain = array.dtype.names is None
        assert found[name].dtype == array.dtype if plain else found[name].dtype.names, name


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_plain_is_read_as_it_was_written(tmp_path: Path, protocol: int) -> None:
    same(read(tmp_path, pickle.dumps(ARRAYS, protocol)))
    assert read(tmp_path, pickle.dumps(VALUES, protocol)) == VALUES
    scalars = read(tmp_path, pickle.dumps(SCALARS, protocol))
    assert scalars == SCALARS and [type(value) for value in scalars.values()] == [float, str, bool]
    ordered = read(tmp_path, pickle.dumps(OrderedDict(b=1, a=2), protocol))
    assert list(ordered.items()) == [("b", 1), ("a", 2)]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_numpy_1_wrote_the_same_under_other_names(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps(ARRAYS, protocol)
    for new, old in ((b"numpy._core", b"numpy.core"), (b"numpy.rec", b"numpy")):
        # Short texts begin with their length.
        for suffix in (b".multiarray", b".numeric", b""):
            lengths = bytes([len(new + suffix)]), bytes([len(old + suffix)])
            content = content.replace(
                b"\x8c" + lengths[0] + new + suffix, b"\x8c" + lengths[1] + old + suffix
            )
        content = content.replace(b"c" + new, b"c" + old)
    assert b"numpy.core" in content and b"numpy._core" not in content
    same(read(tmp_path, _unframed(content)))


def _unframed(content: bytes) -> bytes:
    """Without frames, whose lengths are those of other names."""
    at = [place for opcode, _, place in pickletools.genops(content) if opcode.name == "FRAME"]
    for place in reversed(at):
        content = content[:place] + content[place + 9 :]
    return content


PYTHON_2_ARRAY = (
    b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\ntRp5\n"
    b"(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'f4'\np8\nI0\nI1\ntRp9\n"
    b"(I3\nS'<'\np10\nNNNI-1\nI-1\nI0\ntbI00\n"
    b"S'\\x00\\x00\\x80?\\x00\\x00 \\xc0'\np11\ntb."
)
"""What Python 2.7 and NumPy 1.16 write of [1, -2.5] in single precision, protocol 0."""


def test_python_2_wrote_bytes_as_text(tmp_path: Path) -> None:
    array = read(tmp_path, PYTHON_2_ARRAY)
    assert array.dtype == np.float32 and array.tolist() == [1, -2.5]
    ordered = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI7\naatR."
    assert read(tmp_path, ordered) == {"a": 7}
    # Protocol 2 has the same bytes without escapes.
    assert read(tmp_path, b"\x80\x02U\x02\xe9\xff.") == "é\xff"


def call(name: str, argument: bytes = b"touch marker", protocol_4: bool = False) -> bytes:
    """A pickle that calls a function with one text."""
    module, function = (part.encode() for part in name.split(" "))
    text = b"\x8c" + bytes([len(argument)]) + argument
    if not protocol_4:
        return b"c" + module + b"\n" + function + b"\n(" + text + b"tR."
    names = [b"\x8c" + bytes([len(part)]) + part for part in (module, function)]
    return b"\x80\x04" + b"".join(names) + b"\x93(" + text + b"tR."


class Touch:
    """Touches a file when an ordinary unpickler reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


OBJECT = b"cnumpy\ndtype\n(VO8\nI00\nI01\ntR(I3\nV|\nNNNI-1\nI-1\nI63\ntb"
BLANK = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"
MALICIOUS = {
    "a command": (call("posix system"), "asks for 'posix.system', which is refused"),
    "a command, protocol 4": (call("os system", protocol_4=True), "asks for 'os.system'"),
    "a process": (call("subprocess Popen"), "'subprocess.Popen'"),
    "code": (call("builtins eval", b"open('marker', 'w')"), "'builtins.eval'"),
    "code of Python 2": (call("__builtin__ execfile"), "'__builtin__.execfile'"),
    "an attribute": (call("builtins getattr"), "'builtins.getattr'"),
    "an import": (call("importlib import_module"), "'importlib.import_module'"),
    "an inner name": (call("numpy dtype.__init__", protocol_4=True), "'numpy.dtype.__init__'"),
    "a name of two lines": (call("os\nsys system", protocol_4=True), r"for 'os\\nsys.system'"),
    "a name that is no text": (b"\x80\x04I1\nI2\n\x93.", "str expected where there is int"),
    "copyreg": (call("copyreg _reconstructor"), "'copyreg._reconstructor'"),
    "NumPy's own unpickling": (call("numpy load"), "'numpy.load'"),
    "NumPy's runner": (call("numpy.testing._private.utils runstring"), "runstring'"),
    "a registered extension": (b"\x82\x01.", "asks for 'EXT1 1'"),
    "a persistent id": (b"Pmarker\n.", "asks for 'PERSID marker'"),
    "a persistent id on the stack": (b"Vmarker\nQ.", "asks for 'BINPERSID'"),
    "an instance": (b"(Vtouch marker\nios\nsystem\n.", "asks for 'INST os system'"),
    "an object": (b"(cnumpy\nndarray\nVa\no.", "asks for 'OBJ'"),
    "a new object": (b"cnumpy\nndarray\n(I3\nt\x81.", "asks for 'NEWOBJ'"),
    "a new object with keywords": (b"cnumpy\nndarray\n(I3\nt}\x92.", "asks for 'NEWOBJ_EX'"),
    "a buffer from outside": (b"\x97.", "asks for 'NEXT_BUFFER'"),
    "a set": (pickle.dumps({1}, 4), "asks for 'EMPTY_SET'"),
    "an array class": (b"cnumpy\nndarray\n((I3\nttR.", "'numpy.ndarray with such arguments'"),
    "another class of array": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy.ma.core\nMaskedArray\n(I0\ntVb\ntR.",
        "'numpy.ma.core.MaskedArray'",
    ),
    "a type as class of array": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntVb\ntR.",
        "'numpy.core.multiarray._reconstruct with such arguments'",
    ),
    "a pickle in a scalar": (
        b"cnumpy.core.multiarray\nscalar\n(" + OBJECT + b"C\x03I1.tR.",
        "a NumPy scalar must be a number or text; got object",
    ),
    "a type of NumPy's": (call("numpy dtype"), "'numpy.dtype with such arguments'"),
    "another coding": (
        b"c_codecs\nencode\n(Va\nVzip\ntR.", "'_codecs.encode with such arguments'"
    ),
    "attributes of a name": (
        b"cnumpy\ndtype\n(N}Vtype\nI1\nstb.", "Pending expected where there is Name"
    ),
    "attributes of a dictionary": (b"}(I1\ntb.", "Pending expected where there is dict"),
    "a name alone": (b"cnumpy\nndarray\n.", "asks for 'numpy.ndarray'"),
    "a name in an array": (
        BLANK + b"(I1\n(I1\nt" + OBJECT + b"I00\n(lcnumpy\nndarray\natb.",
        "an array of objects must hold numbers and text alone; got type Name",
    ),
    "a list in an array": (
        BLANK + b"(I1\n(I1\nt" + OBJECT + b"I00\n(l(latb.", "numbers and text alone; got type list"
    ),
    "an array without content": (BLANK + b".", "must be complete; an array of it has no content"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALICIOUS)
def test_nothing_is_run(case: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = MALICIOUS[case]
    refused(tmp_path, content, message)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.pkl"]


@pytest.mark.parametrize("protocol", range(6))
def test_a_payload_beside_arrays_is_not_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "marker"
    content = pickle.dumps({"X": ARRAYS["double"], "meta": [Touch(marker)]}, protocol)
    refused(
        tmp_path, content, "asks for '(__builtin__.getattr|builtins.getattr|pathlib.Path.touch)'"
    )
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists()


def test_what_is_known_is_never_looked_up(tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("looked up")

    content = pickle.dumps(ARRAYS, 2)
    monkeypatch.setattr(np.rec, "recarray", fail)
    monkeypatch.setattr("_codecs.encode", fail)
    monkeypatch.setattr(pickle, "loads", fail)
    same(read(tmp_path, content))
    assert not any(hasattr(plain_pickle, name.split(" ")[1]) for name in NAMES)


def nested(depth: int) -> bytes:
    return b"I1\n" + b"\x85" * depth + b"."


DAMAGED = {
    "nothing": (b"", "must be a complete pickle: it is cut off"),
    "another file": (b"\x93NUMPY\x01\x00", "must be a pickle; this is a npy file"),
    "no opcode": (b"\xff.", "there is no opcode"),
    "an end too soon": (b".", "complete pickle"),
    "half an array": (pickle.dumps(ARRAYS, 2)[:-40], "complete pickle"),
    "a later protocol": (b"\x80\x06.", "protocol 0 to 5; got 6"),
    "nothing to append to": (b"I1\nI2\na.", "list expected where there is int"),
    "no such memory": (b"h\x05.", "asks for what it does not remember"),
    "no quotes": (b"\x80\x02Sa\n.", "a text without quotes"),
    "a key that takes long": (b"}I1\n\x85I2\ns.", "a key of a dictionary is neither"),
    "a large key": (b"}L1" + b"0" * 20 + b"L\nI2\ns.", "a key of a dictionary is neither"),
    "a type of objects of NumPy": (
        b"cnumpy\ndtype\n(VM8\nI00\nI01\ntR(I4\nV<\nNNNI-1\nI-1\nI0\n}tb.", "version 3"
    ),
    "dates": (b"cnumpy\ndtype\n(VM8\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb.", "got 'M8'"),
    "another size": (
        b"cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nNNNI4\nI-1\nI0\ntb.", "8 bytes; got type int"
    ),
    "a record without fields": (
        b"cnumpy\ndtype\n(VV8\nI00\nI01\ntR(I3\nV|\nN)}I8\nI1\nI0\ntb.", "1 to 100 named fields"
    ),
    "a field that is no type": (
        b"cnumpy\ndtype\n(VV8\nI00\nI01\ntR(I3\nV|\nNVa\n\x85}Va\nI3\nI0\n\x86sI8\nI1\nI0\ntb.",
        "each a type and an offset; got type int",
    ),
    "no type": (BLANK + b"(I1\n(I1\ntI5\nI00\nC\x01atb.", "a type; got type int"),
    "a shape below nothing": (
        BLANK + b"(I1\n(I-1\nt" + OBJECT + b"I00\n]tb.", "a shape of at most 16 lengths"
    ),
    "too few objects": (
        BLANK + b"(I1\n(I3\nt" + OBJECT + b"I00\n]tb.", "as many elements as it claims; got type l"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_said(case: str, tmp_path: Path) -> None:
    refused(tmp_path, *DAMAGED[case])


def array_of(shape: bytes, content: bytes) -> bytes:
    double = b"cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
    return BLANK + b"(I1\n(" + shape + b"t" + double + b"I00\n" + content + b"tb."


GREEDY = {
    "an array of nothing": (
        array_of(b"L100000000000000L\n", b"C\x01a"),
        r"must hold what it claims, 8e\+14 bytes; it holds 1",
    ),
    "many bytes": (b"\x8e" + (2**62).to_bytes(8, "little") + b"a.", "complete pickle"),
    "a buffer": (b"\x96" + (2**40).to_bytes(8, "little") + b"a.", "complete pickle"),
    "a large memory": (b"I1\nr\xff\xff\xff\x7f.", "remembers more than it has"),
    "a long number": (b"\x80\x02I" + b"9" * 10_000 + b"\n.", "complete pickle"),
}


@pytest.mark.parametrize("case", GREEDY)
def test_what_a_small_file_claims_is_not_taken(case: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        refused(tmp_path, *GREEDY[case])
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", ["<", ">"])
def test_text_is_of_characters(tmp_path: Path, order: str) -> None:
    largest = chr(0x10FFFF).encode("utf-32-le" if order == "<" else "utf-32-be")
    record = np.dtype([("x", "i1"), ("y", f"{order}U1")])
    for dtype, before in ((np.dtype(f"{order}U1"), b""), (record, b"\x01")):
        good = pickle.dumps(np.frombuffer(before + largest, dtype), 4)
        assert read(tmp_path, good).tolist() == np.frombuffer(before + largest, dtype).tolist()
        bad = pickle.dumps(np.frombuffer(before + largest.replace(b"\x10", b"\x11"), dtype), 4)
        refused(tmp_path, bad, "must hold characters; it holds other numbers")


def test_copies_count(tmp_path: Path, monkeypatch) -> None:
    # One text of 1000 letters, made into bytes again and again.
    text = b"X" + (1000).to_bytes(4, "little") + b"a" * 1000 + b"q\x00"
    content = b"(" + text + b"c_codecs\nencode\n(h\x00Vlatin1\ntR" * 40 + b"l."
    assert len(read(tmp_path, content)) == 41
    monkeypatch.setattr(plain_arrays, "MAX_BYTES", 30_000)
    refused(tmp_path, content, "must take at most .* GiB; got more")


def test_steps_are_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plain_arrays, "MAX_STEPS", 1000)
    assert read(tmp_path, b"(" + b"N" * 900 + b"l.") == 900 * [None]
    refused(tmp_path, b"(" + b"N" * 1100 + b"l.", "must take at most 1000 steps to read; got more")


def test_a_large_file_is_not_opened(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 10)
    refused(tmp_path, pickle.dumps(VALUES), "GiB; it has more")


def test_depth_and_circles_do_no_harm(tmp_path: Path) -> None:
    found = read(tmp_path, nested(20_000))
    for _ in range(20_000):
        (found,) = found
    assert found == 1
    circle = read(tmp_path, b"]q\x00h\x00a.")
    assert circle[0] is circle


def test_a_folder_or_nothing_is_no_dataset(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "it is a folder"), (tmp_path / "no.pkl", "no such file")):
        with pytest.raises(InputError, match=message):
            read_plain_pickle(path)
