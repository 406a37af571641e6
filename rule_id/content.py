"""A hash of what a corpus says, whatever order it was simulated or read in."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from rule_id.schema import pair_columns
from rule_id.trajectories import (
    NETWORK_COLUMNS,
    ROW_COLUMNS,
    STATISTICS,
    Trajectories,
    sorted_positions,
)

__all__ = ["ContentHash", "content_hash"]


class ContentHash:
    """Hash of trajectories that come some networks at a time: the same in any order.

    Covers values alone, not versions, device, times or file bytes. Each network has a hash of its
    own, of its line of the table of networks and of its sorted rows; the hash is one of theirs.
    """

    def __init__(self) -> None:
        """Begin with no network."""
        self._digests: list[bytes] = []

    def update(self, trajectories: Trajectories) -> None:
        """Add networks that were not added before."""
        networks, rows = trajectories.networks, trajectories.rows
        further = sorted(set(networks.columns) - set(NETWORK_COLUMNS))
        order = sorted_positions(rows)
        apart = sorted(name for own in pair_columns(rows.columns).values() for name in own.values())
        of_rows = _hashes(rows[[*ROW_COLUMNS, *STATISTICS, *apart]])[order]
        of_networks = _hashes(networks[[*NETWORK_COLUMNS, *further]])
        line = dict(zip(networks["network"], of_networks, strict=True))
        names = rows["network"].to_numpy()[order]
        first = np.flatnonzero(names[1:] != names[:-1]) + 1
        for name, group in zip(names[[0, *first]], np.split(of_rows, first), strict=True):
            self._digests.append(hashlib.sha256(line[name].tobytes() + group.tobytes()).digest())

    def hexdigest(self) -> str:
        """Return the hash of all that was added, 16 hexadecimal digits."""
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()[:16]


def content_hash(trajectories: Trajectories) -> str:
    """Return the hash of trajectories in memory, see `ContentHash`."""
    result = ContentHash()
    result.update(trajectories)
    return result.hexdigest()


def _hashes(table: pd.DataFrame) -> np.ndarray:
    return pd.util.hash_pandas_object(table, index=False).to_numpy()
