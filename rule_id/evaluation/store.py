"""What was fitted is kept on disk, so that an interrupted evaluation goes on where it stopped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rule_id.evaluation.costs import Cost
from rule_id.features import FeatureTable
from rule_id.trajectories import atomic_write

__all__ = ["Fingerprints", "Kept", "Store"]

_SECONDS = "seconds"


@dataclass(frozen=True)
class Kept:
    """What was found, and what it took.

    Attributes:
        arrays: What was found.
        seconds: The time of one core that it took, in s.
    """

    arrays: list[np.ndarray]
    seconds: float


class Store:
    """Arrays by key, one NumPy archive each; without a folder nothing is kept.

    Args:
        folder: Where they lie; made when the first is kept.

    Attributes:
        costs: What each took that was asked for, now or when it was kept, by key.
    """

    def __init__(self, folder: Path | None) -> None:
        """Keep the folder."""
        self.folder = folder
        self.costs: dict[str, Cost] = {}

    def get(self, key: str) -> Kept | None:
        """Return what was kept, or None; a damaged file, or one without arrays, counts as none."""
        if self.folder is None or not self._path(key).is_file():
            return None
        # Opened here: when an archive is damaged, NumPy does not close it.
        with self._path(key).open("rb") as file:
            try:
                kept = np.load(file, allow_pickle=False)
                arrays = [kept[name] for name in _names(len(kept.files) - 1)]
                return Kept(arrays, float(kept[_SECONDS])) if arrays else None
            except Exception:  # a damaged archive raises many types
                return None

    def put(self, key: str, kept: Kept) -> None:
        """Keep something under a key, complete or not at all."""
        if self.folder is not None:
            named = dict(zip(_names(len(kept.arrays)), kept.arrays, strict=True))
            named[_SECONDS] = np.array(kept.seconds)
            atomic_write(self._path(key), partial(_save, arrays=named))

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.npz"


def _names(n: int) -> list[str]:
    """Return names that tell, when some arrays are lost, that they are not all."""
    return [f"{place} of {n}" for place in range(n)]


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:  # NumPy would add an ending to a name
        np.savez(file, **arrays)  # type: ignore[arg-type]


class Fingerprints:
    """Hashes of tables, each taken once."""

    def __init__(self) -> None:
        """Begin with no table."""
        self._known: dict[int, tuple[FeatureTable, str]] = {}

    def of(self, table: FeatureTable) -> str:
        """Return a hash of a table's features, their names, and whose they are."""
        if id(table) not in self._known:
            digest = hashlib.blake2b(digest_size=16)
            digest.update("\n".join(table.names).encode())
            for column in ("network", "layer", "measurement", "rule", "block"):
                digest.update("\n".join(table.meta[column].astype(str)).encode())
            digest.update(np.ascontiguousarray(table.matrix()).tobytes())
            # The table is kept, so that its id stays its own.
            self._known[id(table)] = table, digest.hexdigest()
        return self._known[id(table)][1]
