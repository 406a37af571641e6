"""What can go wrong while a corpus is simulated, each really done to a process.

Every test ends in the same way: the message is one line, `check` finds what is wrong and nothing
else, a rerun makes the corpus that a run without fault makes, and what was complete before is not
made again.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rule_id.checking import check
from rule_id.content import content_hash
from rule_id.trajectories import read_corpus

PLAN = """
schema = 1
seed = 7
checkpoints = 3
ensemble_size = 1

[[ensembles]]
rules = ["backprop+adam", "feedback_alignment+sgd", "oja+sgd"]
blocks = 4
networks_per_rule = 1
architecture = "dense2"
width = 16
steps = 100
stimuli = 8

[[measurements]]
units = 1.0
"""
N_PARTS = 12
KILLS = int(os.environ.get("RULE_ID_KILLS", "4"))
"""How often a process is killed; `make faults` asks for 20."""


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def whole(plan: Path) -> Path:
    out = plan.parent / "whole"
    assert simulate(plan, out).returncode == 0
    return out


@pytest.fixture
def corpus(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "corpus"))


def command(plan: Path, out: Path, *further: str) -> list[str]:
    given = ["simulate", str(plan), "--out", str(out), "--workers", "1", *further]
    return [sys.executable, "-m", "rule_id.cli", *given]


def simulate(plan: Path, out: Path, *further: str, **how) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(plan, out, *further), capture_output=True, text=True, timeout=600, **how
    )


def parts(corpus: Path) -> dict[str, int]:
    """Return when each part that counts was written."""
    return {path.name: path.stat().st_mtime_ns for path in (corpus / "networks").glob("part-*")}


def require_healed(plan: Path, corpus: Path, whole: Path, kept: dict[str, int]) -> None:
    """Run it again: the corpus is what it should be, and what was complete is as it was."""
    ended = simulate(plan, corpus)
    assert ended.returncode == 0, ended.stderr
    assert content_hash(read_corpus(corpus)) == content_hash(read_corpus(whole))
    found = check(corpus)
    assert found.sound and not found.unfinished, str(found)
    now = parts(corpus)
    assert {name: now[name] for name in kept} == kept


def require_one_line(ended: subprocess.CompletedProcess, status: int = 2) -> str:
    assert ended.returncode == status, ended.stderr
    (line,) = ended.stderr.strip().splitlines()[-1:]
    assert line.startswith("rule-id: ") and "Traceback" not in ended.stderr
    return line


def test_a_process_killed_at_any_moment_loses_what_was_not_complete_and_no_more(
    plan: Path, whole: Path, tmp_path: Path
) -> None:
    begin = time.monotonic()
    assert simulate(plan, tmp_path / "timed").returncode == 0
    rng, longest = np.random.default_rng(KILLS), time.monotonic() - begin
    corpora = (tmp_path / f"corpus-{index}" for index in itertools.count())
    out, kept, killed = next(corpora), {}, 0
    while killed < KILLS:
        process = subprocess.Popen(command(plan, out), stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, longest))
        killed += process.poll() is None  # one that had come to its end was not killed
        process.kill()
        process.wait()
        assert {name: parts(out).get(name) for name in kept} == kept
        kept = parts(out)
        if (out / "manifest.json").exists():
            assert not check(out).damaged
        if len(kept) == N_PARTS:
            require_healed(plan, out, whole, kept)
            out, kept = next(corpora), {}
    require_healed(plan, out, whole, kept)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_and_it_can_be_gone_on_with(
    plan: Path, whole: Path, tmp_path: Path, number: int
) -> None:
    out = tmp_path / "corpus"
    # Not ignored, as it is in what a shell runs in the background.
    heeded = partial(signal.signal, number, signal.SIG_DFL)
    process = subprocess.Popen(
        command(plan, out), stderr=subprocess.PIPE, text=True, preexec_fn=heeded
    )
    wait_for(lambda: len(parts(out)) > 1)
    process.send_signal(number)
    begin = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - begin < 10
    assert process.returncode == 128 + number
    assert f"rule-id: interrupted; {out} keeps what is done, run it again to go on" in said
    assert "Traceback" not in said
    require_healed(plan, out, whole, parts(out))


def test_workers_end_with_the_process_that_has_them(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    process = subprocess.Popen(
        command(plan, out, "--workers", "2"), stderr=subprocess.PIPE, start_new_session=True
    )
    wait_for(lambda: len(parts(out)) > 0)
    process.terminate()
    process.communicate(timeout=60)
    wait_for(lambda: not alive(process.pid), 30)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(what: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("folder", ["networks", "trajectories"])
@pytest.mark.parametrize("how", ["truncated", "flipped", "lost"])
def test_what_is_damaged_is_found_and_simulated_anew(
    plan: Path, whole: Path, corpus: Path, folder: str, how: str
) -> None:
    path = sorted((corpus / folder).glob("part-*"))[3]
    content = bytearray(path.read_bytes())
    if how == "lost":
        path.unlink()
    else:
        content[64] ^= 1  # in the first page; of metadata a reader passes over much
        path.write_bytes(content if how == "flipped" else content[: len(content) // 2])
    found = check(corpus)
    assert not found.sound
    wrong = [*found.missing, *found.damaged]
    assert wrong == [path.stem.removeprefix("part-")] or wrong == []
    kept = {name: time for name, time in parts(corpus).items() if name != path.name}
    require_healed(plan, corpus, whole, kept)


def test_a_manifest_of_a_newer_version_is_left_alone(plan: Path, corpus: Path) -> None:
    path = corpus / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    before = path.read_bytes()
    line = require_one_line(simulate(plan, corpus))
    assert "schema_version must be 4; got 99" in line
    assert path.read_bytes() == before and len(parts(corpus)) == N_PARTS


def test_two_runs_into_one_folder_at_once_make_one_corpus(
    plan: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"
    runs = [
        subprocess.Popen(command(plan, out), stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for run in runs:
        _, said = run.communicate(timeout=600)
        assert run.returncode == 0, said
    require_healed(plan, out, whole, parts(out))


def test_a_folder_that_cannot_be_written(plan: Path, corpus: Path) -> None:
    lost = sorted((corpus / "networks").glob("part-*"))[0]
    lost.unlink()
    # A file where a folder has to be stops root too, whom permissions do not.
    shutil.rmtree(corpus / "trajectories")
    (corpus / "trajectories").write_text("")
    line = require_one_line(simulate(plan, corpus))
    assert "trajectories" in line


def test_a_full_disk(plan: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "small" / "corpus"
    script = (
        'mount -t tmpfs -o size=300k none "$1" || exit 77; shift; "$@"; status=$?;'
        'cp -r "$0" "$0.kept"; exit $status'
    )
    (tmp_path / "small").mkdir()
    # Mounted in a namespace of its own, so that nothing is left of it.
    given = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    kept = tmp_path / "kept"
    script = script.replace('"$0" "$0.kept"', f'"{out}" "{kept}"')
    ended = subprocess.run(
        [*given, "sh", "-c", script, "sh", str(out.parent), *command(plan, out)],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    line = require_one_line(ended)
    assert "No space left on device" in line
    assert not check(kept).damaged and 0 < len(parts(kept)) < N_PARTS
    require_healed(plan, kept, whole, {})


def test_a_clock_that_goes_backwards(plan: Path, whole: Path, corpus: Path) -> None:
    for path in sorted(corpus.rglob("part-*"))[::2]:
        os.utime(path, (2**31, 2**31))  # from the future
    next((corpus / "networks").glob("part-*")).unlink()
    require_healed(plan, corpus, whole, parts(corpus))


def test_a_rule_that_raises_and_one_that_gives_nan(tmp_path: Path) -> None:
    rules, plan, out = (tmp_path / name for name in ("own.py", "plan.toml", "corpus"))
    rules.write_text(RULES)
    plan.write_text(PLAN.replace('"oja+sgd"', '"raises+sgd"'))
    line = require_one_line(simulate(plan, out, "--rules", str(rules)))
    assert "rule raises+sgd raised ZeroDivisionError in line" in line and "own.py" in line
    assert "4 of 12 parts are missing for it, the others are done" in line
    found = check(out)
    assert not found.damaged and len(found.missing) == 4
    plan.write_text(PLAN.replace('"oja+sgd"', '"not_a_number+sgd"'))
    ended = simulate(plan, tmp_path / "nan", "--rules", str(rules))
    assert ended.returncode == 0, ended.stderr
    networks = read_corpus(tmp_path / "nan").networks.set_index("rule")
    assert networks.loc["not_a_number+sgd", "diverged"].all()
    assert not networks.loc["backprop+adam", "diverged"].any()


RULES = """
import dataclasses

from rule_id.rules import CREDIT_ASSIGNMENTS as KNOWN

BACKPROP = KNOWN["backprop"]


def divide(*given):
    return 1 / 0


def spoil(*given):
    made = BACKPROP.step(*given)
    spoiled = [
        {name: tensor * float("nan") for name, tensor in layer.items()}
        for layer in made.gradients
    ]
    return made._replace(gradients=spoiled)


CREDIT_ASSIGNMENTS = [
    dataclasses.replace(BACKPROP, name="raises", step=divide),
    dataclasses.replace(BACKPROP, name="not_a_number", step=spoil),
]
"""
