"""Recordings of networks that somebody else trained, as trajectories."""

from rule_id.recordings.checks import CHECKPOINTS, SIGNALS
from rule_id.recordings.pynapple import recording_from_pynapple
from rule_id.recordings.read import read_recording, read_recordings
from rule_id.recordings.reading import Reading, read_reading
from rule_id.recordings.recording import (
    ACTIVITY_CHANGE_SOURCES,
    Recording,
    recording_from_arrays,
)
from rule_id.recordings.sessions import Session, recording_from_sessions

__all__ = [
    "ACTIVITY_CHANGE_SOURCES",
    "CHECKPOINTS",
    "SIGNALS",
    "Reading",
    "Recording",
    "Session",
    "read_reading",
    "read_recording",
    "read_recordings",
    "recording_from_arrays",
    "recording_from_pynapple",
    "recording_from_sessions",
]
