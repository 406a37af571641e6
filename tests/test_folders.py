from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rule_id.errors import InputError
from rule_id.folders import atomic_write, replaced_folder, require_replaceable, write_once


def test_what_was_there_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "kept"
    for name in ("first", "second"):
        with replaced_folder(folder) as new:
            assert not list(new.iterdir())
            (new / name).touch()
        assert [path.name for path in folder.iterdir()] == [name]
    assert [path.name for path in folder.parent.iterdir()] == ["kept"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with replaced_folder(folder) as new:
        (new / "first").touch()
    with pytest.raises(RuntimeError), replaced_folder(folder) as new:
        (new / "second").touch()
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_anything_else_is_refused(tmp_path: Path) -> None:
    for fine in (tmp_path / "new", tmp_path):
        require_replaceable(fine, "mark.json", "a kind")
    (tmp_path / "thesis.tex").touch()
    for other in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(InputError, match="new or empty folder, or a kind to replace; .*"):
            require_replaceable(other, "mark.json", "a kind")
    (tmp_path / "mark.json").touch()
    with pytest.raises(InputError, match=r"nothing but a kind, .*thesis\.tex is something else"):
        require_replaceable(tmp_path, "mark.json", "a kind")
    (tmp_path / "thesis.tex").unlink()
    (tmp_path / "figures").mkdir()
    for name in ("table.csv", "index.html", "figures/a.svg", "figures/a.csv"):
        (tmp_path / name).touch()
    require_replaceable(tmp_path, "mark.json", "a kind")
    (tmp_path / "fits").mkdir()
    with pytest.raises(InputError, match="fits is something else: move it elsewhere"):
        require_replaceable(tmp_path, "mark.json", "a kind")


def test_an_interrupt_between_two_names_leaves_what_was_there(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "kept"
    with replaced_folder(folder) as new:
        (new / "first").touch()
    replace, calls = os.replace, []

    def interrupted(old, new) -> None:
        calls.append(old)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), replaced_folder(folder) as new:
        (new / "second").touch()
    assert [path.name for path in folder.iterdir()] == ["first"]


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch) -> None:
    done = []
    for name in ("fsync", "replace", "link"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, n=name, c=call: (done.append(n), c(*given))[1])
    atomic_write(tmp_path / "a", lambda path: path.write_text("x"))
    assert done == ["fsync", "replace", "fsync"]
    done.clear()
    assert write_once(tmp_path / "b", "x") and done == ["fsync", "link", "fsync"]


def test_a_full_disk_is_told_where_files_are_brought_to_it(tmp_path, monkeypatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(tmp_path / "a", lambda path: path.write_text("x"))
    assert not list(tmp_path.iterdir())
