"""Files and folders that are written complete or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rule_id.errors import InputError

__all__ = [
    "atomic_write",
    "cache_folder",
    "file_hash",
    "remove_abandoned",
    "replaced_folder",
    "require_replaceable",
    "unfinished",
    "write_once",
]


FIGURES, RESULTS = "figures", (".csv", ".json", ".html", ".svg")
"""What folders of results hold: a folder, and files of these kinds in it and beside it."""

_BLOCK = 2**20
"""Bytes of a file that are read at once."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside `path` and rename it when it is complete.

    It is on the disk before it has its name: no loss of power leaves a name without content.
    """
    with _temporary(path) as unfinished_file:
        write(unfinished_file)
        _to_disk(unfinished_file)
        os.replace(unfinished_file, path)
        _to_disk(path.parent)


def write_once(path: Path, text: str) -> bool:
    """Write a file that must not be there yet, complete or not at all.

    Of several processes that write it at the same moment one does.

    Args:
        path: The file.
        text: What it is to hold.

    Returns:
        Whether it was written here; False when it is there already.
    """
    with _temporary(path) as unfinished_file:
        unfinished_file.write_text(text, encoding="utf-8")
        _to_disk(unfinished_file)
        try:
            # Unlike a renamed file, a linked one never takes the place of another.
            os.link(unfinished_file, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            os.replace(unfinished_file, path)
        _to_disk(path.parent)
    return True


def _to_disk(path: Path) -> None:
    """Wait until what a file or a folder holds is on the disk, where the system can tell."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # a folder, of a system that opens none
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise  # as of a full disk
    finally:
        os.close(handle)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def cache_folder() -> Path | None:
    """Return where to keep what can be made again: `RULE_ID_CACHE`, or in the home if any."""
    own = os.environ.get("RULE_ID_CACHE")
    try:
        return Path(own) if own else Path.home() / ".cache" / "rule-id"
    except RuntimeError:  # a user without a home
        return None


def unfinished(folder: Path) -> list[Path]:
    """Return the files of a folder that are being written, or were when their process was killed.

    Args:
        folder: A folder, or nothing.
    """
    return sorted(folder.glob(".*.tmp"))


def remove_abandoned(folder: Path) -> None:
    """Remove unfinished files of a folder whose process, on this machine, is no more."""
    for path in unfinished(folder):
        host, pid = _writer_of(path.name)
        if host == socket.gethostname() and not _runs(pid):
            path.unlink(missing_ok=True)


def _writer_of(name: str) -> tuple[str, int]:
    """Return the machine and the process that an unfinished file is of; "" and 0 of others."""
    found = re.fullmatch(r"\.(.+)-([0-9]{1,9})-[^-]*\.tmp", name)
    return (found[1], int(found[2])) if found else ("", 0)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as somebody else's
        return True
    return True


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` that is gone when the block ends, unless it was renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = f".{socket.gethostname()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=mine, suffix=".tmp")
    os.close(handle)
    try:
        # mkstemp makes private files; what we write is as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def require_replaceable(out: Path, mark: str, what: str) -> None:
    """Refuse to write over anything but a folder of the same kind or an empty one.

    Args:
        out: The folder to write.
        mark: The file that every folder of this kind has.
        what: What the kind is called, such as `an evaluation`.

    Raises:
        InputError: `out` is a file, or a folder that holds something else, or something else as
            well: what is replaced is gone.
    """
    held = sorted(out.rglob("*")) if out.is_dir() else []
    if not out.exists() or (out.is_dir() and not held):
        return
    if not (out / mark).is_file():
        raise InputError(
            f"out must be a new or empty folder, or {what} to replace; {out} is something else"
        )
    for path in held:
        if not _ours(path.relative_to(out)):
            raise InputError(
                f"out must hold nothing but {what}, which is replaced; {path} is something else: "
                "move it elsewhere"
            )


def _ours(name: Path) -> bool:
    """Say whether folders of results hold such a thing: tables, pages, and a folder of figures."""
    if str(name) in (FIGURES, ".DS_Store"):  # the second is what a Mac leaves everywhere
        return True
    within = len(name.parts) == 1 or (len(name.parts) == 2 and name.parts[0] == FIGURES)
    return within and name.suffix in RESULTS


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
        old = Path(temporary) / "old"
        try:
            if folder.exists():
                os.replace(folder, old)
            os.replace(new, folder)
        except BaseException:  # an interrupt between the two
            if old.exists() and not folder.exists():
                os.replace(old, folder)
            raise
