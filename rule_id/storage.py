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
from rule_id.folders import atomic_write, cache_folder

__all__ = ["Remote", "local_copy", "remote_of", "sent_to"]

T = TypeVar("T")

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,3}(.*)")
"""A path has lost one of a URL's slashes."""

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
    return Remote(f"{found[1]}://{found[2]}")


def local_copy(place: str | Path) -> Path:
    """Return a path as it is, and of a URL the copy on this machine, brought up to date.

    Raises:
        InputError: There is nothing at the URL, or it cannot be read.
    """
    remote = remote_of(place)
    return Path(place) if remote is None else remote.fetched()


@contextmanager
def sent_to(place: str | Path) -> Iterator[Path]:
    """Give the path to write; of a URL one on this machine, sent when the block ends well.

    Args:
        place: A path or a URL, whose content is replaced.
    """
    remote = remote_of(place)
    if remote is None:
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / remote.local.name
        yield new
        remote.replace(new)


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

    def fetched(self, *, missing_ok: bool = False) -> Path:
        """Bring the copy up to date and return it.

        Nothing else writes into it, so what is not at the URL any more is removed.

        Args:
            missing_ok: Whether there may be nothing at the URL.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        there = self._files()
        if not (there or missing_ok):
            raise InputError(f"{self.url} must be a corpus or a bundle; there is nothing")
        known = self._stamps()
        for path in _files_of(self.local):
            if path.relative_to(self.local).as_posix() not in there:
                path.unlink(missing_ok=True)
        for name, stamp in sorted(there.items(), key=lambda one: _turn(one[0])):
            path = self.local / name
            if not stamp or known.get(name) != stamp or not path.is_file():
                atomic_write(path, partial(self._get, name))
        atomic_write(self._index, lambda path: path.write_text(json.dumps(there)))
        return self.local

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

    def _stamps(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._index.read_text()))
        except (OSError, ValueError, TypeError):
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
