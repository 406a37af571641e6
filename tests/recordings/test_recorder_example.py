"""The example in docs/examples: a ResNet that learns to read digits."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
from examples import FOLDER, load_example

from rule_id import Recorder
from rule_id.observables.feedback import AHEAD_PAIRS
from rule_id.recordings import read_recording
from rule_id.schema import PAIRS
from rule_id.trajectories import STATISTICS

PAGE = (FOLDER.parent / "recording-torch.md").read_text()


def test_the_example_records_its_network(tmp_path: Path) -> None:
    load_example("record_resnet").train_and_record(tmp_path / "resnet.npz", steps=12, checkpoints=4)
    recording = read_recording(tmp_path / "resnet.npz")
    rows = recording.trajectories.rows
    assert recording.observables == ("weight", "activation", "activity_change")
    assert rows["step"].unique().tolist() == [0, 4, 8, 12]
    assert rows["layer_name"].unique().tolist() == [
        "conv1",
        "layer1.0.conv1",
        "layer1.0.conv2",
        "layer2.0.conv1",
        "layer2.0.conv2",
        "layer2.0.downsample.0",
        "layer3.0.conv1",
        "layer3.0.conv2",
        "layer3.0.downsample.0",
        "fc",
    ]
    assert np.isfinite(rows[list(STATISTICS)].to_numpy()).all()
    # Each checkpoint with itself and the one before; of the way down there is nothing behind.
    last = rows[rows["checkpoint"] == 3].set_index("layer_name")
    for pair in set(PAIRS) - {*AHEAD_PAIRS, "activation_agreement"}:
        assert last[[f"{pair}_02", f"{pair}_03"]].notna().all(axis=None)
    assert last.loc["conv1", "weight_gain_00"] > 0
    assert rows.groupby("layer")["weight_raw_norm"].nunique().eq(4).all()


def test_the_page_explains_every_argument() -> None:
    for name in inspect.signature(Recorder).parameters:
        assert name in ("model", "stimuli") or f"`{name}`" in PAGE or f"{name}=" in PAGE, name
