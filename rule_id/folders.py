"""Files and folders that are written complete or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rule_id.errors import InputError

__all__ = ["atomic_write", "replaced_folder", "require_replaceable"]


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside `path` and rename it when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    os.close(handle)
    # mkstemp makes private files; what we write is as readable as any other new file.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)
    try:
        write(Path(name))
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def require_replaceable(out: Path, mark: str, what: str) -> None:
    """Refuse to write over anything but a folder of the same kind or an empty one.

    Args:
        out: The folder to write.
        mark: The file that every folder of this kind has.
        what: What the kind is called, such as `an evaluation`.

    Raises:
        InputError: `out` is a file, or a folder that holds something else.
    """
    if out.is_dir() and (not any(out.iterdir()) or (out / mark).is_file()):
        return
    if out.exists():
        raise InputError(
            f"out must be a new or empty folder, or {what} to replace; {out} is something else"
        )


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` when the block ends well.

    Args:
        folder: What is there is replaced; folders above it are made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", suffix=".tmp") as temporary:
        # A folder within, as that of tempfile is private; this one is like any other new one.
        new = Path(temporary) / "new"
        new.mkdir()
        yield new
        if folder.exists():
            os.replace(folder, Path(temporary) / "old")
        os.replace(new, folder)
