from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.models.packing import pack, unpack


@pytest.mark.parametrize("document", [b"", b"a", b"some text" * 99, bytes(range(256))])
def test_what_is_packed_is_unpacked_and_packed_alike(document: bytes) -> None:
    packed = pack(document)
    assert unpack(packed, "a") == document
    assert pack(document) == packed


def test_flipped_bytes_are_refused_or_change_nothing() -> None:
    document = b"some text" * 99
    packed = pack(document)
    rng = np.random.default_rng(0)
    for place in range(len(packed)):
        flipped = bytearray(packed)
        flipped[place] ^= int(rng.integers(1, 256))
        try:
            assert unpack(bytes(flipped), "model.json.xz") == document
        except InputError as error:
            assert "model.json.xz must be" in str(error)


@pytest.mark.parametrize(
    "damage", [lambda p: p[:-1], lambda p: p[:-9], lambda p: b"x" + p, lambda p: p + b"x"]
)
def test_damage_is_named(damage) -> None:
    with pytest.raises(InputError, match="a must be a file in the format of xz"):
        unpack(damage(pack(b"some text" * 99)), "a")


def test_of_a_bomb_no_more_is_unpacked_than_is_allowed() -> None:
    bomb = pack(bytes(2**26))
    tracemalloc.start()
    with pytest.raises(InputError, match="must be 1000 bytes when unpacked, or fewer"):
        unpack(bomb, "a", 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24
    assert unpack(pack(bytes(1000)), "a", 1000) == bytes(1000)
