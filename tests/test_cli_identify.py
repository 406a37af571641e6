"""Identifying and watching from the command line: folders, pages, menus, and bad recordings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic_trajectories
from typer.testing import CliRunner

from rule_id.cli import app, main
from rule_id.trajectories import write_manifest, write_part

RUNNER = CliRunner()


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A corpus, a menu trained on it, and a recording of an animal."""
    folder = tmp_path_factory.mktemp("identify")
    made = synthetic_trajectories(12, 1, 7, signal=4.0)
    write_manifest(folder / "corpus", {"plan": {}})
    write_part(folder / "corpus", "a", made.networks, made.rows)
    said = run("train", folder / "corpus", "--menu", "--model", "linear", "--no-tune",
               "--held-out", "0.4", "--out", folder / "menu")  # fmt: skip
    assert [line.split(":")[0].rpartition("/")[2] for line in said.splitlines()] == [
        "summary", "summary-activation", "invariant", "invariant-activation",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(6, 12, 20)) * np.linspace(1, 2, 6)[:, None, None]
    np.savez(folder / "mouse.npz", steps=np.arange(6), **{"activations/V1": x, "activations/A": x})
    return folder


def test_a_page_and_the_level_asked_for(folder):
    page = folder / "pages" / "mouse.html"
    said = run("identify", folder / "mouse.npz", "--model", folder / "menu", "--level", "0.8",
               "--signal", "rate", "--report", page)  # fmt: skip
    assert "80% set" in said or "None of these" in said
    assert said.endswith(f"Report: {page}\n")
    html = page.read_text()
    verdict = said.splitlines()[1]
    assert verdict.split(":")[0] in html and "arousal, movement" in html
    assert html.count("<script") == 1 and "script-src 'sha256-" in html


def test_names_in_a_page_are_text(folder):
    rng = np.random.default_rng(0)
    named = folder / "<script>alert(1)<script>.npz"
    np.savez(named, steps=[0, 1], **{"activations/<script>": rng.normal(size=(2, 12, 12))})
    page = folder / "page.html"
    run("identify", named, "--model", folder / "menu", "--report", page)
    assert page.read_text().count("<script") == 1 and "&lt;script&gt;" in page.read_text()


def test_what_the_user_says_goes_before_the_file_that_says_how_to_read(folder):
    how = folder / "how.toml"
    how.write_text('signal = "rate"\ntracked = false\n')
    options = ("--model", folder / "menu", "--json")
    told = [
        json.loads(run("identify", folder / "mouse.npz", *options, *more))
        for more in ((), ("--reading", how), ("--reading", how, "--signal", "calcium"))
    ]
    assert [one["signal"] for one in told] == ["model", "rate", "calcium"]
    assert [one["view"]["tracked"] for one in told] == [True, False, False]
    assert told[1]["target"] == "credit_assignment"


def test_watching_says_a_line_a_checkpoint(folder):
    said = run("watch", folder / "mouse.npz", "--model", folder / "menu", "--once", "--rate", "0.2")
    first, *lines = said.splitlines()
    assert first.startswith("A class is announced at a probability of ")
    assert [line.split(",")[0] for line in lines] == [f"{k} checkpoints" for k in range(2, 7)]
    told = run("watch", folder / "mouse.npz", "--model", folder / "menu", "--once", "--json",
               "--rate", "0.2")  # fmt: skip
    looks = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert [one["checkpoint"] for one in looks] == [2, 3, 4, 5, 6]


class Payload:
    def __reduce__(self):
        return os.system, ("touch run",)


def bad(name: str, folder: Path) -> Path:
    """Write a recording that cannot be read."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 12, 12))
    path = folder / f"{name}.npz"
    arrays = {
        "transposed": {"steps": np.arange(4), "activations/a": x.transpose(2, 1, 0)},
        "missing": {"steps": np.arange(4), "activations/a": np.full_like(x, np.nan)},
        "z-scored": {"steps": np.arange(4), "signal": np.array("rate"),
                     "activations/a": (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)},
        "payload": {"steps": np.array([Payload()], dtype=object)},
    }  # fmt: skip
    if name == "renamed":
        path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    else:
        np.savez(path, **arrays[name])
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("transposed", "transposed?"),
        ("missing", "free of NaN"),
        ("z-scored", "z-scored"),
        ("payload", "pickled objects, never read"),
        ("renamed", "HDF5"),
    ],
)
def test_a_bad_recording_is_one_clear_line(folder, tmp_path, monkeypatch, capsys, name, message):
    monkeypatch.chdir(tmp_path)
    path = bad(name, tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["rule-id", "identify", str(path), "--model", str(folder / "menu")]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr()
    assert stopped.value.code == 2 and said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("rule-id: ") and path.name in line and message in line
    assert not (tmp_path / "run").exists()


def test_a_job_scheduler_s_signal_ends_what_waits_with_its_own_status(folder, tmp_path):
    command = [sys.executable, "-m", "rule_id.cli", "watch", str(tmp_path / "later.npz"),
               "--model", str(folder / "menu"), "--rate", "0.2"]  # fmt: skip
    heeded = partial(signal.signal, signal.SIGTERM, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heeded)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("waiting: ")
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM and "Traceback" not in said
