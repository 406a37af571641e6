"""The page on files of recordings does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from rule_id.recordings import Reading, read_reading, read_recordings
from rule_id.recordings.keyed import TOP_KEYS
from rule_id.recordings.scale import KEYS

PAGE = (Path(__file__).parents[2] / "docs/recording-files.md").read_text()


def shown(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for code in shown("python"):
        exec(compile(code, "page", "exec"), names)
    assert names["recording"].signal == "deconvolved"
    npz, hdf5 = read_recordings(["mouse.npz", "mouse.h5"])
    pd.testing.assert_frame_equal(npz.trajectories.rows, hdf5.trajectories.rows)
    assert npz.warnings == hdf5.warnings == ()
    assert not npz.tracked and npz.checkpoints == hdf5.checkpoints == "sessions"
    assert npz.trajectories.rows["layer_name"].unique().tolist() == ["V1", "LM"]


def test_every_key_is_explained(tmp_path):
    assert all(f"| `{key}` |" in PAGE for key in TOP_KEYS)
    assert all(f"| `{group}/<layer>` |" in PAGE for group in KEYS.values())
    (tmp_path / "reading.toml").write_text(shown("toml")[0].replace("# blocks", "blocks"))
    read = read_reading(tmp_path / "reading.toml")
    assert not [key for key in Reading.__dataclass_fields__ if getattr(read, key) is None]


def test_the_tables_shown_are_of_a_session(tmp_path):
    for day in ("2024-01-30", "2024-01-31"):
        plane = tmp_path / "mouse7" / day / "suite2p/plane0"
        plane.mkdir(parents=True)
        np.save(plane / "spks.npy", np.random.default_rng(0).random((12, 80)))
        (tmp_path / "mouse7" / day / "trials.csv").write_text(shown("csv")[0])
    (recording,) = read_recordings([tmp_path / "mouse7"], Reading(condition="odour", frame_rate=10))
    assert "activations/all has 2 stimuli" in " ".join(recording.warnings)
