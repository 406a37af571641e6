"""Whether all of a corpus is there and as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rule_id.batches import read_batches
from rule_id.compact_parts import changed_files, is_compact_part, read_part
from rule_id.errors import InputError
from rule_id.folders import unfinished
from rule_id.part_files import FOLDERS, damage_of, key_of, part_name
from rule_id.storage import local_copy
from rule_id.trajectories import listed_hashes, missing_parts, read_manifest

__all__ = ["Check", "check"]


@dataclass(frozen=True)
class Check:
    """What is wrong with a corpus, if anything.

    Attributes:
        corpus: The folder.
        n_parts: Parts that it should have.
        missing: Keys of those that are not there, or not yet.
        damaged: For the key of a part that is there and not what was written, what is wrong.
        foreign: Parts that are there and not of its plan.
        unfinished: Files that are being written, or were when their process was killed; nothing
            reads them.
        disagreement: What is wrong between parts that are each as they were written.
        compact: Whether it is a compact copy, which `compact` made and no simulation mends.
    """

    corpus: str
    n_parts: int
    missing: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    disagreement: str = ""
    compact: bool = False

    @property
    def sound(self) -> bool:
        """Whether all is there and as it was written; unfinished files do no harm."""
        return not (self.missing or self.damaged or self.foreign or self.disagreement)

    def __str__(self) -> str:
        """Say what was found, a line for each thing that is wrong."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        good = self.n_parts - len(self.missing) - len(self.damaged)
        yield f"{self.corpus}: {good} of {self.n_parts} parts are as they were written"
        yield from (f"damaged: {why}" for why in self.damaged.values())
        if self.missing:
            yield f"missing: {len(self.missing)} parts, such as {part_name(self.missing[0])}"
        yield from (f"not of this corpus: {part_name(key)}" for key in self.foreign)
        if self.disagreement:
            yield f"disagree: {self.disagreement}"
        if self.unfinished:
            yield f"unfinished: {len(self.unfinished)} files, which nothing reads"
        if self.compact and not self.sound:
            yield "Make the compact copy again from the corpus that it was made of."
        elif self.missing or self.damaged:
            yield "Run simulate on it again: what is damaged or missing is simulated anew."


def check(corpus: str | Path) -> Check:
    """Read all of a corpus and say what is damaged or missing.

    Args:
        corpus: A folder that `simulate`, `convert` or `compact` wrote.

    Raises:
        InputError: It is no corpus, or its manifest is damaged or of another version.
    """
    folder = local_copy(corpus)
    there = {key_of(path) for path in (folder / "networks").glob("part-*")}
    manifest = read_manifest(folder)
    planned = set(manifest.get("parts") or there)
    missing = missing_parts(folder)
    damage = ((key, _damage(folder, key)) for key in sorted(planned - set(missing)))
    damaged = {key: why for key, why in damage if why}
    foreign = sorted(there - planned)
    whole = not (missing or damaged or foreign)
    return Check(
        str(folder),
        len(planned),
        missing,
        damaged,
        foreign,
        [path for name in FOLDERS for path in unfinished(folder / name)],
        _disagreement(folder) if whole else "",
        compact=manifest.get("compact") is not None,
    )


def _damage(folder: Path, key: str) -> str:
    if not is_compact_part(folder, part_name(key)):
        return damage_of(folder, key)
    for path in changed_files(folder, listed_hashes(folder), [key]):
        return f"{path} is not what was written"
    try:
        read_part(folder, part_name(key))
    except InputError as error:
        return str(error)
    return ""


def _disagreement(folder: Path) -> str:
    """Return what cannot be told from one part alone: a network twice, or without a layer."""
    try:
        read_batches(folder)
    except InputError as error:
        return str(error)
    return ""
