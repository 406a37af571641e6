"""The commands as a user meets them: what they print, and what they say when input is bad."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic_trajectories
from typer.testing import CliRunner

from rule_id.cli import app
from rule_id.example_recording import write_example_recording
from rule_id.trajectories import write_manifest, write_part

PLAN = """
schema = 1
seed = 1
checkpoints = 5
[[ensembles]]
rules = ["backprop+momentum", "backprop+adam"]
blocks = 2
networks_per_rule = 1
width = 8
steps = 10
"""


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "rule-id"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def refused(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One line on standard error, exit status 2, nothing on standard output."""
    lines = result.stderr.splitlines()
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert len(lines) == 1 and lines[0].startswith("rule-id: "), result.stderr
    for part in parts:
        assert part in lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a plan, a made-up corpus and a recording."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "plan.toml").write_text(PLAN)
    made = synthetic_trajectories(n_blocks=8, n_checkpoints=9)
    write_manifest(folder / "corpus", {"plan": {}})
    write_part(folder / "corpus", "a", made.networks, made.rows)
    write_example_recording(folder / "recording.npz", steps=40, checkpoints=5)
    return folder


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Path:
    """The same folder after features, train, evaluate and report, with default paths."""
    for command in (
        ("features", "corpus"),
        ("train", "features/corpus-summary.parquet", "--model", "linear", "--no-tune"),
        ("evaluate", "corpus", "--model", "linear", "--protocol", "grouped", "--splits", "2"),
        ("report", "reports/corpus/evaluation", "--features", "features/corpus-summary.parquet",
         "--model", "models/corpus-summary-linear"),
        ("train", "features/corpus-summary.parquet", "--model", "linear", "--no-tune",
         "--target", "family", "--out", "family"),
    ):  # fmt: skip
        result = run(*command, cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


def test_every_command_has_help() -> None:
    for command in (
        "simulate", "describe", "convert", "features", "train", "evaluate", "report", "identify",
        "watch",
        "demo",
    ):  # fmt: skip
        result = run(command, "--help")
        assert result.returncode == 0 and "Usage" in result.stdout
        # An evaluation is of every target.
        assert ("--target" in result.stdout) == (command in ("train", "report"))
        if command == "train":
            text = " ".join(result.stdout.replace("│", " ").split())
            assert "rule, family, credit_assignment or optimizer" in text


def test_each_arrow_writes_where_the_layout_says(pipeline: Path) -> None:
    for path in (
        "features/corpus-summary.parquet",
        "models/corpus-summary-linear/manifest.json",
        "reports/corpus/evaluation/table.csv",
        "reports/corpus/index.html",
    ):
        assert (pipeline / path).is_file(), path


@pytest.mark.parametrize("target", ["family", "credit_assignment"])
def test_another_target_stands_beside_the_rule(pipeline: Path, target: str) -> None:
    name = target.replace("_", "-")
    table, model = "features/corpus-summary.parquet", ("--model", "linear")
    page = (pipeline / "reports/corpus/index.html").read_bytes()
    outputs = [
        run(*command, cwd=pipeline)
        for command in (
            ("train", table, *model, "--no-tune", "--target", target),
            # The target is that of the bundle.
            ("report", "reports/corpus/evaluation", "--features", table,
             "--model", f"models/corpus-summary-{name}-linear"),
            ("identify", "recording.npz", "--json", "--model",
             f"models/corpus-summary-{name}-linear"),
        )
    ]  # fmt: skip
    assert [result.returncode for result in outputs] == [0] * 3, [r.stderr for r in outputs]
    trained, reported, identified = (result.stdout for result in outputs)
    assert trained.startswith(f"models/corpus-summary-{name}-linear: linear on 588 summary ")
    assert reported == f"reports/corpus/{name}/index.html\n"
    # The page about rules is still there.
    assert (pipeline / "reports/corpus/index.html").read_bytes() == page
    answer = json.loads(identified)
    assert answer["target"] == target
    assert bool(answer["families"]) == (target == "credit_assignment")


def test_a_page_may_be_about_another_target_without_a_bundle(pipeline: Path) -> None:
    result = run("report", "reports/corpus/evaluation", "--target", "optimizer", cwd=pipeline)
    assert result.stdout == "reports/corpus/optimizer/index.html\n", result.stderr
    text = (pipeline / "reports/corpus/optimizer/index.html").read_text()
    assert "<h1>Which optimizer made these networks?</h1>" in text


def test_what_an_evaluation_fitted_is_gone_when_it_is_written_or_kept_where_asked(
    pipeline: Path, tmp_path: Path
) -> None:
    assert {path.name for path in (pipeline / "reports/corpus").iterdir()} >= {"evaluation"}
    assert not list((pipeline / "reports/corpus").glob("*-fits"))
    short = ("--model", "linear", "--protocol", "grouped", "--splits", "2")
    command = ("evaluate", "corpus", *short, "--fits", tmp_path / "fits")
    first, again = (run(*command, "--out", tmp_path / name, cwd=pipeline) for name in "ab")
    assert first.returncode == again.returncode == 0, first.stderr
    assert first.stdout.splitlines()[:-1] == again.stdout.splitlines()[:-1]
    assert list((tmp_path / "fits").glob("*.npz"))


def test_what_is_held_out_by_name_is_tested_and_said(pipeline: Path, tmp_path: Path) -> None:
    result = run(
        "evaluate", "corpus", "--model", "linear", "--protocol", "grouped", "--splits", "2",
        "--hold-out", "task=digits", "--hold-out", "architecture=dense2", "--out", tmp_path / "out",
        cwd=pipeline,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    words = [line.split()[:2] for line in result.stdout.splitlines()]
    for row in (["held-out-task:", "digits"], ["held-out-architecture:", "dense2"]):
        assert row in words
    assert "Nuisances alone: grouped " in result.stdout
    assert (tmp_path / "out" / "control.csv").is_file()


def test_simulate_says_what_it_would_cost_and_then_does_it(folder: Path) -> None:
    dry = run("simulate", "plan.toml", "--out", "made", "--dry-run", cwd=folder)
    assert dry.stdout.startswith("4 networks (0 done), ") and " MB" in dry.stdout
    assert not (folder / "made").exists()
    done = run("simulate", "plan.toml", "--out", "made", "--workers", "1", cwd=folder)
    assert done.stdout.startswith("made: 4 networks (0 diverged), "), done.stderr
    described = run("describe", "made", cwd=folder)
    assert described.returncode == 0 and "networks a minute" in described.stdout
    tenth = run("simulate", "reference", "--scale", "0", "--out", "tenth", cwd=folder)
    refused(tenth, "scale must be a number above 0; got 0")


def test_identify_prints_one_json_object_a_line(pipeline: Path) -> None:
    model = ("--model", "models/corpus-summary-linear")
    result = run("identify", "recording.npz", "recording.npz", "--json", *model, cwd=pipeline)
    lines = result.stdout.splitlines()
    assert len(lines) == 2 and lines[0] == lines[1]
    answer = json.loads(lines[0])
    assert {"target", "ranked", "families", "layers", "set", "warnings"} <= answer.keys()
    assert answer["target"] == "rule"
    for kind in ("ranked", "families"):
        assert all(set(entry) == {"name", "probability"} for entry in answer[kind])
        probabilities = [entry["probability"] for entry in answer[kind]]
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities == sorted(probabilities, reverse=True)
    assert [layer["name"] for layer in answer["layers"]] == ["layer1", "layer2", "layer3"]


def test_identify_works_without_any_other_file_of_ours(folder: Path, tmp_path: Path) -> None:
    """With the bundle that ships, from an unrelated folder."""
    result = run("identify", folder / "recording.npz", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    rules = {entry["name"] for entry in answer["ranked"]}
    assert len(rules) == 30
    assert {"backprop+momentum", "feedback_alignment+adam", "oja+momentum", "no_learning"} <= rules


@pytest.mark.parametrize("keep", ["activations", "weights"])
def test_whatever_is_not_recorded_is_missing_and_still_gets_an_answer(
    folder: Path, tmp_path: Path, keep: str
) -> None:
    with np.load(folder / "recording.npz") as whole:
        part = {k: whole[k] for k in whole if k == "steps" or k.startswith(keep)}
    np.savez(tmp_path / "part.npz", **part)
    answer = json.loads(run("identify", tmp_path / "part.npz", "--json").stdout)
    assert sum(entry["probability"] for entry in answer["ranked"]) == pytest.approx(1)
    missing = {"activations": "weight and activity_change",
               "weights": "activation and activity_change"}  # fmt: skip
    assert missing[keep] in {entry["without"] for entry in answer["costs"]}


def write_recording(path: Path, **changes: object) -> Path:
    arrays = {"steps": np.arange(3), "activations/a": np.random.default_rng(0).random((3, 4, 5))}
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": np.arange(4)}, "activations/a must have the 4 checkpoints of steps"),
        ({"activations/a": np.ones((3, 4))}, "must have the shape (checkpoints, stimuli, units)"),
        ({"steps": np.array([1]), "activations/a": np.ones((1, 4, 5))}, "2 checkpoints or more"),
        ({"activations/a": np.full((3, 4, 5), np.nan)}, "free of NaN"),
        ({"activations/a": np.array([None], dtype=object)}, "pickled objects, never read"),
        ({"signal": "fmri"}, "signal must be one of model, rate, calcium, deconvolved"),
        ({"steps": None}, "steps must be given"),
    ],
)
def test_a_bad_recording(tmp_path: Path, changes: dict, message: str) -> None:
    path = write_recording(tmp_path / "bad.npz", **changes)
    refused(run("identify", path), "bad.npz", message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed = 1", "seed = 1\nextra = 2"), "extra is not a key of a plan"),
        (("backprop+adam", "hebb"), "rule must begin with a credit assignment such as backprop"),
        (("width = 8", "width = 8\ntask = 'chess'"), "task must be one of digits"),
        (("width = 8", "learning_rate = { uniform = [2, 1] }"), "low < high; got [2, 1]"),
    ],
)
def test_a_bad_plan(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace(*change))
    refused(run("simulate", "plan.toml", "--out", "out", cwd=tmp_path), "plan.toml", message)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_a_bad_corpus(tmp_path: Path, folder: Path) -> None:
    for command in ("features", "evaluate"):
        refused(run(command, tmp_path), "must be a corpus folder")
    write_manifest(tmp_path, {"plan": {}})
    refused(
        run("features", tmp_path, "--out", tmp_path / "x.parquet"), "holds no simulated network"
    )
    for part in ("networks", "trajectories"):
        (tmp_path / part).mkdir()
        whole = (folder / "corpus" / part / "part-a.parquet").read_bytes()
        (tmp_path / part / "part-a.parquet").write_bytes(whole[:2000])
    refused(
        run("features", tmp_path, "--out", tmp_path / "x.parquet"),
        "must be a complete Parquet file",
    )
    assert not (tmp_path / "x").exists()


def test_a_bad_table(tmp_path: Path, pipeline: Path) -> None:
    whole = (pipeline / "features/corpus-summary.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:5000])
    out = ("--out", tmp_path / "out")
    refused(run("train", tmp_path / "cut.parquet", *out), "must be a complete Parquet file")
    refused(run("train", tmp_path / "none.parquet", *out), "there is no such file")
    refused(
        run("train", pipeline / "corpus/networks/part-a.parquet", *out),
        "must be a feature table written by `rule-id features`",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["cut.parquet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("features", "corpus", "--set", "best"), "must be one of trajectory, summary, invariant"),
        (("features", "corpus", "--out", "x.csv"), "--out must be a file that ends in .parquet"),
        (("train", "features/corpus-summary.parquet", "--set", "summary"), "--set is of a corpus"),
        (("features", "corpus", "--paper"), "paper"),
        (("train", "features/corpus-summary.parquet", "--model", "svm"), "model must be one of"),
        (("train", "features/corpus-summary.parquet", "--held-out", "2"), "held_out must lie"),
        (("train", "features/corpus-summary.parquet", "--target", "task"), "target must be one of"),
        (("evaluate", "corpus", "--baseline", "knn"), "models must be one of linear, xgboost"),
        (("report", "reports/corpus/evaluation", "--target", "task"), "target must be one of rule"),
        (("report", "reports/corpus/evaluation", "--target", "rule", "--model", "family"),
         "models must have the target of the evaluation, rule"),
        (("evaluate", "corpus", "--protocol", "best"), "must be one of paper, "),
        (("evaluate", "corpus", "--hold-out", "task=mnist"), "hold_out task must be one of those"),
        (("evaluate", "corpus", "--hold-out", "loss=mse"), "hold_out must be KEY=NAME with a key"),
        (("evaluate", "corpus", "--splits", "1"), "splits must be 2 or more"),
        (("evaluate", "corpus", "--model", "svm"), "linear, xgboost, combined; got svm"),
        (("report", "corpus"), "evaluation"),
        (("identify", "recording.npz", "--model", "corpus"), "manifest.json"),
        (("identify", "none.npz"), "none.npz must be a recording; there is no such file"),
        (("simulate", "plan.toml", "--out", "corpus"), "holds a corpus of another plan"),
        (("demo", "--out", "plan.toml"), "out must be a folder; plan.toml is a file"),
    ],
)  # fmt: skip
def test_a_bad_option(pipeline: Path, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(pipeline.rglob("*"))
    refused(run(*arguments, cwd=pipeline), message)
    assert sorted(pipeline.rglob("*")) == before


def test_a_recording_in_arbitrary_units_needs_the_invariant_set(pipeline: Path) -> None:
    path = write_recording(pipeline / "rate.npz", signal="rate")
    refused(
        run("identify", path, "--model", "models/corpus-summary-linear", cwd=pipeline),
        "the signal rate has arbitrary units", "invariant",
    )  # fmt: skip
    assert run("identify", path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (("simulate", "demo", "--out", "corpora/x"), "corpora/x"),
        (("evaluate", "corpora/x"), "reports/x/evaluation-fits"),
        (("evaluate", "corpora/x", "--out", "y"), "y-fits"),
        (("evaluate", "corpora/x", "--fits", "z"), "z"),
    ],
)
def test_an_interruption_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], kept: str
) -> None:
    def interrupted(*given: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rule_id.simulation.simulate", interrupted)
    monkeypatch.setattr("rule_id.evaluation.evaluate", interrupted)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    said = f"rule-id: interrupted; {kept} keeps what is done, run it again to go on\n"
    assert result.stderr == said
