"""`rule-id convert` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from published import published, write_published
from typer.testing import CliRunner

from rule_id.cli import app, main


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    content = published(seeds=(0,), n_checkpoints=2)
    source = write_published(tmp_path / "dataset.pkl", content)
    out = tmp_path / "corpora" / "paper2020"
    command = ["convert", str(source), "--out", str(out), "--column", "network=note"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    rows = len(content["X"]) * 2
    expected = f"{out}: 36 networks (0 diverged), 9 blocks, {rows} rows"
    assert result.stdout.replace("\n", "") == expected


def test_a_payload_is_one_line(tmp_path: Path, monkeypatch, capsys) -> None:
    bad = tmp_path / "dataset.pkl"
    bad.write_bytes(b"cposix\nsystem\n(Vtouch marker\ntR.")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["rule-id", "convert", "dataset.pkl", "--out", "corpus"])
    with pytest.raises(SystemExit, match="2"):
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rule-id: dataset.pkl: ") and "'posix.system', which is refused" in line
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.pkl"]
