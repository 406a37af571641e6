"""Recordings in NWB 2 files, one a session, read with pynwb."""

from rule_id.recordings.nwb.read import read_nwb
from rule_id.recordings.nwb.series import SERIES

__all__ = ["SERIES", "read_nwb"]
