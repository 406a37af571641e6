"""Corpora and bundles at a URL, by way of a copy on this machine.

A URL is whatever fsspec opens: `s3://bucket/corpora/x` with s3fs, `gs://` with gcsfs, and so on.
What is read is fetched first, files that are there already excepted; what is written is written
here and then sent, the file that vouches for the others last.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from rule_id.errors import InputError, first_line
from rule_id.folders import atomic_write, cache_folder, file_hash

__all__ = ["Remote", "local_copy", "remote_of", "sent_to"]

T = TypeVar("T")

_URL = re.compile(r"([a-z][a-z0-9+.-]+):(/{1,3})(.*)")
"""A path has lost all slashes of a URL but one."""

_NO_HOST = ("file", "local")
"""Protocols of which the third slash begins the path."""

_LAST = ("networks", "manifest.json")
"""What vouches for other files, in the order in which it is sent after them."""


def remote_of(place: str | Path) -> Remote | None:
    """Return what is at a URL, or None of a path.

    Args:
        place: A URL, as text or as the path that a command made of it; or a path.

    >>> remote_of("corpora/x") is None, remote_of("s3://bucket/x")
    (True, Remote(url='s3://bucket/x'))
    """
    found = _URL.fullmatch(str(place).rstrip("/"))
    if found is None or os.path.exists(place):
        return None
    protocol, slashes, rest = found.groups()
    third = "/" if protocol in _NO_HOST or len(slashes) == 3 else ""
    return Remote(f"{protocol}://{third}{rest}")


def local_copy(place: str | Path) -> Path:
    """Return a path as it is, and of a URL the copy on this machine, brought up to date.

    Raises:
        InputError: There is nothing at the URL, or it cannot be read.
    """
    remote = remote_of(place)
    return Path(place) if remote is None else remote.fetched()


@contextmanager
def sent_to(place: str | Path, *, new: bool = False) -> Iterator[Path]:
    """Give the path to write; of a URL one on this machine, sent when the block ends well.

    Args:
        place: A path or a URL, whose content is replaced.
        new: Whether there must be nothing yet at a URL.

    Raises:
        InputError: There is something all the same, or the URL cannot be written.
    """
    remote = remote_of(place)
    if remote is None:
        yield Path(place)
        return
    if new and remote.holds():
        raise InputError(f"out must be a new or empty folder; {remote} holds something")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / remote.local.name
        yield made
        remote.replace(made)


@dataclass(frozen=True)
class Remote:
    """A folder at a URL.

    Attributes:
        url: `protocol://path`.
    """

    url: str

    def __str__(self) -> str:
        """Return the URL."""
        return self.url

    @property
    def local(self) -> Path:
        """The copy on this machine, in `RULE_ID_CACHE` or the user's folder for caches."""
        base = cache_folder()
        if base is None:
            raise InputError(f"{self.url} needs a folder for its copy: set RULE_ID_CACHE to one")
        key = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        return base / key / PurePosixPath(self.url).name

    def holds(self) -> bool:
        """Say whether there is any file at the URL."""
        return bool(self._files())

    def fetched(self, *, missing_ok: bool = False) -> Path:
        """Bring the copy up to date and return it.

        Of all that use one copy, one at a time does it. What is not at the URL any more is removed,
        what was changed here is fetched again.

        Args:
            missing_ok: Whether there may be nothing at the URL.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        with self._alone():
            there = self._files()
            if not (there or missing_ok):
                raise InputError(f"{self.url} must be a corpus or a bundle; there is nothing")
            known = self._known()
            for path in _files_of(self.local):
                if path.relative_to(self.local).as_posix() not in there:
                    path.unlink(missing_ok=True)
            for name in sorted(there, key=_turn):
                known[name] = self._updated(name, there[name], known.get(name, ["", ""]))
            text = json.dumps({name: known[name] for name in there})
            atomic_write(self._index, lambda path: path.write_text(text))
        return self.local

    def _updated(self, name: str, stamp: str, known: list[str]) -> list[str]:
        """Fetch a file, unless it is as it was fetched before; return its stamp and its hash."""
        path = self.local / name
        if stamp and known[0] == stamp and path.is_file() and file_hash(path) == known[1]:
            return known
        atomic_write(path, partial(self._get, name))
        return [stamp, file_hash(path)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process or thread brings this copy up to date."""
        try:
            import filelock
        except ImportError:
            raise InputError(f'{self.url} needs filelock: pip install "rule-id[remote]"') from None
        lock = self.local.with_name(f"{self.local.name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock):
            yield

    def send(self, folder: Path) -> None:
        """Send the files of a folder, what vouches for others last.

        Args:
            folder: A folder of this machine, of which each file is sent to its place.

        Raises:
            InputError: They cannot be written.
        """
        names = (path.relative_to(folder).as_posix() for path in _files_of(folder))
        for name in sorted(names, key=_turn):
            self._do(partial(_put, folder / name, name))

    def replace(self, folder: Path) -> None:
        """Send the files of a folder and remove what else is there."""
        self.send(folder)
        kept = {path.relative_to(folder).as_posix() for path in _files_of(folder)}
        for name in set(self._files()) - kept:
            self._do(partial(_remove, name))

    def create(self, name: str, content: bytes) -> bool:
        """Write a file that must not be there yet; say whether it was not.

        Of several that create it at the same moment one does, where the storage can tell.

        Args:
            name: The file's.
            content: What it is to hold.
        """

        def create(fs: Any, root: str) -> bool:
            if fs.exists(f"{root}/{name}"):
                return False
            try:
                fs.pipe_file(f"{root}/{name}", content, mode="create")
            except FileExistsError:
                return False
            return True

        return self._do(create)

    def _files(self) -> dict[str, str]:
        """Return what tells the contents of each file from others, by its name."""

        def find(fs: Any, root: str) -> dict[str, str]:
            found = fs.find(root, detail=True)
            return {_name(path, root): _stamp(info) for path, info in found.items()}

        return self._do(find)

    def _get(self, name: str, path: Path) -> None:
        self._do(lambda fs, root: fs.get_file(f"{root}/{name}", str(path)))

    def _do(self, what: Callable[[Any, str], T]) -> T:
        try:
            import fsspec
        except ImportError:
            raise InputError(f'{self.url} needs fsspec: pip install "rule-id[remote]"') from None
        try:
            fs, root = fsspec.url_to_fs(self.url)
            fs.invalidate_cache()  # others write there too
            return what(fs, root)
        except InputError:
            raise
        except Exception as error:  # each storage raises types of its own
            raise InputError(
                f"{self.url} must be a place that can be read or written: {first_line(error)}"
            ) from None

    def _known(self) -> dict[str, list[str]]:
        """Return the stamp and the hash of each file that was fetched."""
        try:
            found = json.loads(self._index.read_text())
            return {name: [str(stamp), str(mark)] for name, (stamp, mark) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    @property
    def _index(self) -> Path:
        return self.local.with_name(f"{self.local.name}.index.json")


def _files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp"]


def _stamp(info: dict[str, Any]) -> str:
    """Return what a storage says of a file that changes with its content, or nothing."""
    marks = (info.get(name) for name in ("ETag", "etag", "LastModified", "mtime", "created"))
    mark = next((str(one) for one in marks if one is not None), "")
    return mark and f"{info['size']} {mark}"


def _put(path: Path, name: str, fs: Any, root: str) -> None:
    fs.put_file(str(path), f"{root}/{name}")


def _remove(name: str, fs: Any, root: str) -> None:
    fs.rm_file(f"{root}/{name}")


def _turn(name: str) -> tuple[int, str]:
    first = name.split("/")[0]
    return (_LAST.index(first) + 1 if first in _LAST else 0), name


def _name(path: str, root: str) -> str:
    """Return a file's name below a folder, which must lead nowhere else."""
    name = path.lstrip("/").removeprefix(root.strip("/")).lstrip("/")
    if not name or ".." in PurePosixPath(name).parts or "\\" in name:
        raise InputError(f"{path} must be the name of a file below {root}")
    return name
