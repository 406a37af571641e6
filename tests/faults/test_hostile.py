"""Files that nobody meant well, of every kind that is read.

Each is a file that was written here and then changed at places that hypothesis draws; where a
checksum stands over it, that is made right again, so that what lies behind it is reached. It is
read in a process of its own, which may use a gibibyte and five seconds of a processor: it must be
read or refused in one line, whatever it is.
"""

from __future__ import annotations

import os
import shutil

import pytest
from hostile_kinds import NAMES, Kind, make_kinds
from hostile_reader import SECONDS, Reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("RULE_ID_HOSTILE", "200"))
"""Changed files of each kind; `make faults` asks for 10,000."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    made = Reader(tmp_path_factory.mktemp("empty"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, Kind]:
    return make_kinds(tmp_path_factory.mktemp("kinds"))


PLACE = st.floats(0, 1, exclude_max=True)
CHANGE = st.one_of(
    st.tuples(st.just("set"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("flip"), PLACE, st.integers(0, 7).map(lambda bit: bytes([1 << bit]))),
    st.tuples(st.just("insert"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), PLACE, st.integers(1, 64).map(bytes)),
    st.tuples(st.just("end"), PLACE, st.just(b"")),
    st.tuples(
        st.just("set"),
        PLACE,
        st.sampled_from([b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x00" * 8, b"99999999", b"NaN",
                         b"-1", b"1e999", b"[[[[[[[[", b"../../..", b'"']),
    ),
)  # fmt: skip


def changed(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """Return content after some changes, each at a place from 0, the begin, to 1, the end."""
    for how, place, value in changes:
        at = int(place * len(content))
        if how == "end":
            content = content[:at]
        elif how == "insert":
            content = content[:at] + value + content[at:]
        elif how == "cut":
            content = content[:at] + content[at + len(value) :]
        elif how == "flip" and content:
            content = content[:at] + bytes([content[at] ^ value[0]]) + content[at + 1 :]
        else:
            content = content[:at] + value + content[at + len(value) :]
    return content


def test_every_kind_is_tried(kinds: dict[str, Kind], reader: Reader) -> None:
    assert sorted(kinds) == sorted(NAMES)
    for name, kind in kinds.items():
        kind.file.write_bytes(kind.written(kind.plain))
        assert reader.read(kind.reader, kind.path)[0] == "read", name


@pytest.mark.parametrize("name", NAMES)
def test_what_was_changed_is_read_or_refused(
    name: str, kinds: dict[str, Kind], reader: Reader
) -> None:
    kind = kinds[name]
    outcomes: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(CHANGE, min_size=1, max_size=4))
    def run(changes: list[tuple[str, float, bytes]]) -> None:
        kind.file.write_bytes(kind.written(changed(kind.plain, changes)))
        shutil.rmtree(kind.path.parent / "converted", ignore_errors=True)
        outcome, seconds = reader.read(kind.reader, kind.path)
        outcomes.append(outcome)
        assert outcome in ("read", "refused")
        assert seconds < SECONDS
        assert not list(reader.folder.iterdir())

    try:
        run()
    finally:
        kind.file.write_bytes(kind.written(kind.plain))
    assert "refused" in outcomes
