from __future__ import annotations

from pathlib import Path

import pytest

from rule_id.errors import InputError
from rule_id.folders import replaced_folder, require_replaceable


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
    require_replaceable(tmp_path, "mark.json", "a kind")
