"""Hashes of the files of a compact corpus, which its manifest lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rule_id.folders import file_hash
from rule_id.part_files import part_name

__all__ = ["changed_files", "hashes_of"]

PLACES = ("checkpoints", "networks", "trajectories")


def hashes_of(folder: Path, keys: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file of these parts, by its path in the corpus."""
    names = [f"{place}/{part_name(key)}" for key in sorted(keys) for place in PLACES]
    return {name: file_hash(folder / name) for name in names}


def changed_files(folder: Path, listed: Mapping[str, str], keys: Iterable[str]) -> list[Path]:
    """Return the files of these parts that are not, or no longer, those that were listed.

    Args:
        folder: The corpus.
        listed: What `hashes_of` found when it was written. Copies of before hashes were written
            list none, and nothing is compared.
        keys: Names of the parts.
    """
    if not listed:
        return []
    names = [f"{place}/{part_name(key)}" for key in keys for place in PLACES]
    return [folder / name for name in names if not _same(folder / name, listed.get(name))]


def _same(path: Path, expected: str | None) -> bool:
    return path.is_file() and file_hash(path) == expected
