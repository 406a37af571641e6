from __future__ import annotations

import pytest

from rule_id.errors import InputError
from rule_id.recordings import Reading, read_reading

COMPLETE = """
signal = "calcium"
tracked = false
checkpoints = "sessions"
series = "DfOverF"
event = "go_cue"
window = [0, 0.5]
condition = "odour"
layer = "region"
blocks = 4
frame_rate = 30
unit_id = "global_id"

[layers]
late = ["V1", "LM"]
early = [100, 300.5]
"""


def test_a_file_says_what_a_call_would(tmp_path):
    path = tmp_path / "reading.toml"
    path.write_text(COMPLETE)
    read = read_reading(path)
    assert read == Reading(
        "calcium", False, "sessions", "DfOverF", "go_cue", (0, 0.5), "odour", "region",
        {"late": ("V1", "LM"), "early": (100, 300.5)}, 4, 30, "global_id",
    )  # fmt: skip
    assert list(read.layers) == ["late", "early"]


def test_an_empty_file_says_nothing(tmp_path):
    path = tmp_path / "reading.toml"
    path.touch()
    assert read_reading(path) == Reading()


BAD = {
    "no TOML": ("signal = ", "must be how to read recordings in TOML: "),
    "an unknown key": (
        'signa = "rate"\nblocks = "x"',
        "signa is not a key of a reading; the keys are signal, tracked",
    ),
    "a text for a number": ('blocks = "4"', "blocks: .*; got '4'"),
    "a number for a flag": ("tracked = 1", "tracked: .*; got 1"),
    "a list for a text": ('condition = ["a"]', "condition: "),
    "an unknown signal": ('signal = "lfp"', "signal must be one of model, .*; got 'lfp'"),
    "unknown checkpoints": ('checkpoints = "days"', "checkpoints must be one of steps, sessions"),
    "a window that falls": (
        "window = [1, 0.5]",
        "window must be two rising numbers of seconds; got 1.0, 0.5",
    ),
    "a window without end": ("window = [0, inf]", "window must be two rising numbers"),
    "a window of three": ("window = [0, 1, 2]", "window"),
    "one block": ("blocks = 1", "blocks must be 2 or more; got 1"),
    "no frame rate": ("frame_rate = 0", "frame_rate must be a number above 0; got 0"),
    "a value in two layers": (
        '[layers]\na = ["V1"]\nb = ["V1", "V2"]',
        "layers must name each value once; got 'V1' twice",
    ),
    "a layer of no values": ("[layers]\na = []", "layers must name a value or more .*; got a"),
    "a falling interval": (
        "[layers]\na = [300, 100]",
        r"texts, or two rising numbers; got \(300.0, 100.0\) for a",
    ),
    "intervals that overlap": (
        "[layers]\na = [300, 700]\nc = [700, 900]\nb = [100, 500]",
        r"overlap, .*; got b = \[100.0, 500.0\] and a = \[300.0, 700.0\]",
    ),
    "three numbers": ("[layers]\na = [1, 2, 3]", "layers.a"),
    "a number and a text": ('[layers]\na = [1, "V1"]', "layers.a"),
    "no layers": ("[layers]", "layers must name a value or more for each layer; got none"),
}


@pytest.mark.parametrize(("written", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_refused(tmp_path, written, message):
    path = tmp_path / "reading.toml"
    path.write_text(written)
    with pytest.raises(InputError, match=message) as caught:
        read_reading(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="must be how to read recordings.*no such file"):
        read_reading(tmp_path / "reading.toml")
