"""Recordings of networks that somebody else trained, as trajectories."""

from rule_id.recordings.checks import SIGNALS
from rule_id.recordings.npz import read_recording
from rule_id.recordings.recording import (
    ACTIVITY_CHANGE_SOURCES,
    Recording,
    recording_from_arrays,
)

__all__ = [
    "ACTIVITY_CHANGE_SOURCES",
    "SIGNALS",
    "Recording",
    "read_recording",
    "recording_from_arrays",
]
