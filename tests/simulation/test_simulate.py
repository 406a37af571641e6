"""A corpus is a function of its plan: for any workers, order, interruption and ensemble."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.features import extract
from rule_id.rules import CREDIT_ASSIGNMENTS, FAMILIES
from rule_id.schema import PAIRS, pair_columns
from rule_id.simulation import Estimate, Shard, read_plan, simulate
from rule_id.simulation.ensemble import ALIGNED, _first_below, run_ensemble
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.resolve import resolve
from rule_id.simulation.simulate import _Part
from rule_id.simulation.sizes import Sizes
from rule_id.simulation.training import EnsembleData, Learner
from rule_id.trajectories import (
    NETWORK_COLUMNS,
    STATISTICS,
    Trajectories,
    read_corpus,
    read_manifest,
    write_manifest,
)

PAPER = [
    "backprop+momentum",
    "backprop+adam",
    "feedback_alignment+momentum",
    "information_alignment+momentum",
]

PLAN = {
    "schema": 1,
    "seed": 7,
    "checkpoints": 5,
    "ensembles": [
        {
            "rules": PAPER,
            "blocks": 3,
            "networks_per_rule": 2,
            "architecture": {"choice": ["dense1", "dense2"]},
            "width": 16,
            "steps": 20,
            "stimuli": 16,
        }
    ],
    "measurements": [{"units": 1.0}, {"units": 8, "noise_std": 0.5, "tracked": False}],
}
N_NETWORKS = 3 * 4 * 2


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return simulate(PLAN, tmp_path_factory.mktemp("simulated") / "corpus", workers=1)


def test_a_corpus_is_complete_and_self_describing(corpus: Path) -> None:
    trajectories = read_corpus(corpus)
    networks, rows = trajectories.networks, trajectories.rows
    assert len(networks) == N_NETWORKS and networks["network"].is_unique
    assert set(networks["rule"]) == set(PAPER)
    assert (networks.groupby("block")["rule"].nunique() == len(PAPER)).all()
    assert len(rows) == (networks["n_layers"] * 5 * 2).sum()
    assert not rows.duplicated(["network", "layer", "measurement", "checkpoint"]).any()
    exact = rows[rows["measurement"] == 0]
    assert exact["weight_raw_norm"].notna().all() and exact["activity_change_sq_mean"].notna().all()
    assert (rows.loc[rows["measurement"] == 1, "n_units"] <= 8).all()
    assert rows["progress"].max() == 1 and rows["step"].min() == 0
    manifest = json.loads((corpus / "manifest.json").read_text())
    assert manifest["plan"]["seed"] == 7 and "torch" in manifest["versions"]
    plain = pd.read_parquet(corpus / "trajectories")
    assert set(STATISTICS) < set(plain.columns)


def test_what_a_block_shares_and_what_each_network_draws(corpus: Path) -> None:
    networks = read_corpus(corpus).networks
    shared = ["architecture", "task", "width", "activation", "steps", "batch_size"]
    assert (networks.groupby("block")[shared].nunique() == 1).all().all()
    assert networks["learning_rate"].is_unique and networks["seed"].is_unique
    # What only one rule has is a column of its own, the last, and missing elsewhere.
    assert networks["feedback_time"].notna().sum() == N_NETWORKS / 4
    assert list(networks.columns[: len(NETWORK_COLUMNS)]) == list(NETWORK_COLUMNS)
    assert {"feedback_gain", "feedback_damping"} < set(networks.columns[len(NETWORK_COLUMNS) :])


def test_first_checkpoint_is_before_learning(corpus: Path) -> None:
    rows = read_corpus(corpus).rows.query("measurement == 0")
    by_layer = rows.groupby(["network", "layer"])["weight_raw_norm"]
    assert (by_layer.nunique() > 1).all()
    first = rows[rows["checkpoint"] == 0]
    assert (first["step"] == 0).all()


@pytest.mark.parametrize("workers", [2, 3])
def test_rows_do_not_depend_on_the_number_of_workers(corpus: Path, tmp_path, workers) -> None:
    other = simulate(PLAN, tmp_path / "corpus", workers=workers)
    assert content_hash(read_corpus(other)) == content_hash(read_corpus(corpus))


def test_an_interrupted_simulation_goes_on_where_it_stopped(corpus: Path, tmp_path) -> None:
    copy = simulate(PLAN, tmp_path / "corpus", workers=1)
    parts = sorted((copy / "networks").glob("*.parquet"))
    kept = parts[0].stat().st_mtime_ns
    for part in parts[1:3]:
        part.unlink()  # the commit mark is missing: that part does not count
    (copy / "trajectories" / parts[3].name).unlink()  # and neither does a mark of nothing
    with pytest.raises(InputError, match=r"must be complete.*; 3 of \d+ parts are missing: run"):
        read_corpus(copy)
    seen: list[int] = []
    simulate(PLAN, copy, workers=1, progress=lambda what, done, total: seen.append(done))
    assert len(seen) == 3 and seen[-1] == N_NETWORKS
    assert parts[0].stat().st_mtime_ns == kept
    assert content_hash(read_corpus(copy)) == content_hash(read_corpus(corpus))


def test_a_killed_process_leaves_a_corpus_that_can_be_finished(corpus: Path, tmp_path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    code = (
        "import json, sys; from rule_id.simulation import simulate;"
        "simulate(json.load(open(sys.argv[1])), sys.argv[2], workers=1)"
    )
    target = tmp_path / "corpus"
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "plan.json", target])
    deadline = time.monotonic() + 60
    while not list(target.glob("networks/part-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    simulate(PLAN, target, workers=1)
    assert content_hash(read_corpus(target)) == content_hash(read_corpus(corpus))


def test_another_seed_gives_other_networks(corpus: Path, tmp_path) -> None:
    other = simulate(PLAN | {"seed": 8}, tmp_path / "corpus", workers=1)
    assert content_hash(read_corpus(other)) != content_hash(read_corpus(corpus))


def test_a_network_alone_is_the_network_in_its_ensemble() -> None:
    plan = copy_with_steps(20)
    ensemble = next(e for e in resolve(read_plan(plan)) if e.rule.startswith("information"))
    _, together = run_ensemble(ensemble, dtype=torch.float64)
    last = ensemble.networks[-1]
    _, alone = run_ensemble(dataclasses.replace(ensemble, networks=(last,)), dtype=torch.float64)
    same = together[together["network"] == last.network].reset_index(drop=True)
    np.testing.assert_allclose(
        alone[list(STATISTICS)].to_numpy(), same[list(STATISTICS)].to_numpy(), rtol=2e-7
    )


def copy_with_steps(steps: int) -> dict:
    return PLAN | {"ensembles": [PLAN["ensembles"][0] | {"steps": steps}]}


def test_a_network_that_diverges_is_flagged_and_kept() -> None:
    ensembles = [PLAN["ensembles"][0] | {"learning_rate": 1e30, "steps": 40, "blocks": 1}]
    ensemble = resolve(read_plan(PLAN | {"ensembles": ensembles}))[0]
    networks, rows = run_ensemble(ensemble)
    assert networks["diverged"].all() and networks["final_performance"].isna().all()
    last = rows[rows["checkpoint"] == rows["checkpoint"].max()]
    assert last["weight_raw_norm"].isna().all()
    assert rows.loc[rows["checkpoint"] == 0, "weight_raw_norm"].notna().all()


def test_a_measurement_that_overflows_counts_as_diverged() -> None:
    noisy = PLAN | {"measurements": [{"noise_std": 1e30}]}
    networks, rows = run_ensemble(resolve(read_plan(noisy))[0])
    assert rows["weight_sq_mean"].isna().any() and networks["diverged"].all()


def test_what_each_two_checkpoints_say_is_columns_of_rows(tmp_path: Path) -> None:
    """Of measurements that ask for it; it changes nothing else."""
    measurements = [{"pairs": True}, {**PLAN["measurements"][1], "pairs": True}, {"units": 4}]
    corpus = simulate(PLAN | {"measurements": measurements}, tmp_path / "corpus", workers=1)
    compared, plain = read_corpus(corpus), simulate(
        PLAN | {"measurements": [{}, PLAN["measurements"][1], {"units": 4}]}, tmp_path / "plain",
        workers=1,
    )  # fmt: skip
    columns = pair_columns(compared.rows.columns)
    assert set(columns) == set(PAIRS) and all(set(own) == set(range(5)) for own in columns.values())
    without = read_corpus(plain).rows
    pd.testing.assert_frame_equal(compared.rows[without.columns], without)
    names = [name for own in columns.values() for name in own.values()]
    seen = compared.rows[names].notna().groupby(compared.rows["measurement"]).any()
    # Untracked units have no weights to follow.
    by_pair = {pair: seen[list(own.values())].any(axis=1).tolist() for pair, own in columns.items()}
    for name in ("activation_distance", "activation_agreement"):
        assert by_pair.pop(name) == [True, True, False]
    assert set(map(tuple, by_pair.values())) == {(True, False, False)}
    last = compared.rows.query("measurement == 0 and checkpoint == 4 and layer == 0")
    np.testing.assert_allclose(last["weight_distance_04"], last["weight_raw_norm"], rtol=1e-5)
    assert (last["weight_distance_00"] > 0).all()


def test_the_hash_of_a_corpus_is_of_pairs_too() -> None:
    plan = PLAN | {"measurements": [{"pairs": True}]}
    networks, rows = run_ensemble(resolve(read_plan(plan))[0])
    whole = Trajectories(networks, rows)
    other = Trajectories(networks, rows.assign(weight_gain_01=rows["weight_gain_01"] + 1))
    assert content_hash(other) != content_hash(whole)
    turned = rows[[*rows.columns[:62], *rows.columns[62:][::-1]]]
    assert content_hash(Trajectories(networks, turned)) == content_hash(whole)


def test_a_dry_run_writes_nothing_and_counts_everything(tmp_path) -> None:
    estimate = simulate(PLAN, tmp_path / "corpus", dry_run=True)
    assert isinstance(estimate, Estimate)
    assert (estimate.networks, estimate.done) == (N_NETWORKS, 0)
    assert estimate.seconds > 0
    assert str(estimate).startswith(f"{N_NETWORKS} networks (0 done), ")
    assert not (tmp_path / "corpus").exists()


def test_a_dry_run_counts_what_is_done(corpus: Path) -> None:
    estimate = simulate(PLAN, corpus, dry_run=True)
    assert isinstance(estimate, Estimate)
    assert estimate.done == N_NETWORKS and estimate.seconds == 0
    assert estimate.rows == len(read_corpus(corpus).rows)
    on_disk = sum(path.stat().st_size for path in corpus.rglob("*.parquet")) / 1e6
    assert 0.6 < estimate.megabytes / on_disk < 1.6


def test_what_simulate_refuses(corpus: Path, tmp_path) -> None:
    with pytest.raises(InputError, match="holds a corpus of another plan; choose another folder"):
        simulate(PLAN | {"seed": 8}, corpus)
    whole = PLAN | {"measurements": [{"units": 1}, PLAN["measurements"][1]]}
    with pytest.raises(InputError, match="holds a corpus of another"):
        simulate(whole, corpus)  # one unit is not all of them, though 1 == 1.0
    with pytest.raises(InputError, match="device must be one of auto, cpu, cuda; got 'tpu'"):
        simulate(PLAN, tmp_path / "x", device="tpu")
    with pytest.raises(InputError, match="workers must be 1 or more; got 0"):
        simulate(PLAN, tmp_path / "x", workers=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="out must be a folder; .*file is a file"):
        simulate(PLAN, tmp_path / "file")
    with pytest.raises(InputError, match="out must be an empty folder or a corpus; .* is neither"):
        simulate(PLAN, tmp_path)
    assert not (tmp_path / "x").exists()


def test_parts_of_other_versions_are_told_apart(tmp_path) -> None:
    simulate(PLAN, tmp_path, workers=1, shard=Shard(1, 2))
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"]["torch"] = "0.1"
    path.write_text(json.dumps(manifest))
    before = {part.name for part in (tmp_path / "networks").iterdir()}
    with pytest.warns(UserWarning, match=r"was begun with torch 0\.1 \(now 2"):
        simulate(PLAN, tmp_path, workers=1)
    for part in (tmp_path / "networks").iterdir():
        said = pq.read_metadata(part).metadata.get(b"rule_id.versions")
        assert (said is None) == (part.name in before)
        assert said is None or json.loads(said) == {"torch": importlib.metadata.version("torch")}
    simulate(PLAN, tmp_path, workers=1)  # nothing is left, so that nothing is said


def test_a_folder_that_another_job_begins_is_an_empty_one(tmp_path) -> None:
    """One that was killed when it did has left a file as well."""
    mine = tmp_path / f".{socket.gethostname()}-999999999-a.tmp"
    others = tmp_path / ".elsewhere-1-a.tmp"
    for path in (mine, others):
        path.touch()
    assert len(read_corpus(simulate(PLAN, tmp_path, workers=1)).networks)
    assert not mine.exists() and others.exists()


def test_cuda_is_refused_where_there_is_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch sees no CUDA device; got 'cuda'"):
        simulate(PLAN, tmp_path / "x", device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_makes_the_same_networks(tmp_path, corpus: Path) -> None:
    on_gpu = read_corpus(simulate(PLAN, tmp_path / "corpus", device="cuda"))
    on_cpu = read_corpus(corpus)
    first = [t.rows[t.rows["checkpoint"] == 0][list(STATISTICS)] for t in (on_gpu, on_cpu)]
    np.testing.assert_allclose(*first, rtol=1e-4, atol=1e-5)


EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "random_feedback.py"
OWN_RULE = """
schema = 1
seed = 1
checkpoints = 3
[[ensembles]]
rules = ["random_feedback+sgd", "oja+sgd"]
blocks = 2
networks_per_rule = 1
steps = 4
width = 8
"""


def simulate_in_a_process(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Rules of one's own stay in the tables, so they are loaded in another process."""
    (tmp_path / "plan.toml").write_text(OWN_RULE)
    command = [Path(sys.executable).parent / "rule-id", "simulate", "plan.toml", *arguments]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)


def test_a_rule_of_one_s_own_is_simulated_by_every_worker(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "mine.py")
    given = ("--rules", "mine.py", "--out", "corpus", "--workers", "2")
    result = simulate_in_a_process(tmp_path, *given)
    assert result.returncode == 0, result.stderr
    networks = read_corpus(tmp_path / "corpus").networks
    assert set(networks["rule"]) == {"random_feedback+sgd", "oja+sgd"}
    own = networks[networks["credit_assignment"] == "random_feedback"]
    assert (own["family"] == "fixed feedback").all() and not own["delta_readout"].any()
    assert networks[networks["rule"] == "oja+sgd"]["delta_readout"].all()
    manifest = json.loads((tmp_path / "corpus/manifest.json").read_text())
    assert list(manifest["rules"].values()) == ["mine.py"]
    # The rule's text is part of what the corpus is: another text is another corpus.
    (tmp_path / "mine.py").write_text(EXAMPLE.read_text().replace(".std(1)", ".mean(1)"))
    again = simulate_in_a_process(tmp_path, *given)
    assert again.returncode == 2 and "a corpus of another version of the rules" in again.stderr


def test_a_rule_of_one_s_own_must_be_named(tmp_path: Path) -> None:
    result = simulate_in_a_process(tmp_path, "--out", "corpus")
    assert result.returncode == 2
    assert "rule must begin with a credit assignment such as" in result.stderr
    assert "--rules" in result.stderr
    result = simulate_in_a_process(tmp_path, "--out", "corpus", "--rules", "none.py")
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert "none.py must be a Python file that adds rules; there is no such file" in result.stderr
    assert not (tmp_path / "corpus").exists()


def test_a_network_that_settles_is_measured_in_its_free_phase() -> None:
    own = {
        "rules": ["equilibrium_propagation+sgd"], "blocks": 1, "hyperparameters": {"coupling": 0.2},
    }  # fmt: skip
    ensembles = [PLAN["ensembles"][0] | own]
    ensemble = resolve(read_plan(PLAN | {"ensembles": ensembles}))[0]
    data = EnsembleData(ensemble, "cpu", torch.float64)
    learner = Learner(ensemble, data, "cpu", torch.float64)
    stimuli = data.stimuli(ensemble.shape.stimuli)
    free = learner.respond(stimuli).outputs[0].mean((1, 2))
    arranged = learner.network.arrange(stimuli)
    forward = learner.network.forward(learner.parameters, arranged).outputs[0].mean((1, 2))
    _, rows = run_ensemble(ensemble, dtype=torch.float64)
    first = rows.query("checkpoint == 0 and layer == 0 and measurement == 0")
    np.testing.assert_allclose(first["activation_raw_mean"], free, rtol=1e-3)
    assert not np.allclose(first["activation_raw_mean"], forward, rtol=1e-2)


def test_every_credit_assignment_makes_a_corpus_that_features_can_be_made_of(tmp_path) -> None:
    """One small network of each, with noisy updates and a schedule, from plan to features."""
    plan = PLAN | {"ensembles": [{
        "families": list(FAMILIES), "blocks": 1, "networks_per_rule": 1, "width": 8, "steps": 8,
        "architecture": "dense2", "task": "digits", "schedule": "cosine", "update_noise": 1e-4,
    }]}  # fmt: skip
    corpus = read_corpus(simulate(plan, tmp_path / "corpus", workers=1))
    networks = corpus.networks
    assert set(networks["credit_assignment"]) == set(CREDIT_ASSIGNMENTS)
    assert set(networks["family"]) == set(FAMILIES)
    assert not networks["diverged"].any()
    assert set(networks.loc[networks["optimizer"] == "none", "credit_assignment"]) == {
        "no_learning", "weight_fluctuation",
    }  # fmt: skip
    table = extract(corpus, "summary")
    assert np.isfinite(table.matrix()).any(axis=1).all()


def learner_of(rule: str, **given) -> tuple[Learner, EnsembleData]:
    keys = {"rules": [rule], "blocks": 1, "architecture": "dense2", "task": "digits"}
    plan = PLAN | {"ensembles": [PLAN["ensembles"][0] | keys | given]}
    (ensemble,) = resolve(read_plan(plan))
    data = EnsembleData(ensemble, "cpu", torch.float64)
    return Learner(ensemble, data, "cpu", torch.float64), data


def trained(rule: str, steps: int = 20, **given) -> torch.Tensor:
    learner, data = learner_of(rule, **given)
    for step in range(steps):
        learner.step(data.batch(step), step)
    return learner.network.flatten(learner.parameters)


def test_the_schedule_shrinks_the_steps() -> None:
    """At step 16 of 20 the schedule `steps` takes a hundredth of the rate: plain SGD moves so."""
    changes = {}
    for schedule in ("constant", "steps"):
        learner, data = learner_of("backprop+sgd", schedule=schedule, weight_decay=0.0)
        before = learner.network.flatten(learner.parameters)
        learner.step(data.batch(16), 16)
        changes[schedule] = learner.network.flatten(learner.parameters) - before
    torch.testing.assert_close(changes["steps"], changes["constant"] / 100)


def test_kolen_pollack_s_decay_follows_the_schedule() -> None:
    """And comes to the same over training, whatever the schedule: 20 steps here."""
    sizes = {}
    for schedule in ("constant", "steps"):
        learner, data = learner_of("kolen_pollack+sgd", schedule=schedule, learning_rate=1e-12)
        before = learner.parameters[1]["weight"]
        learner.step(data.batch(16), 16)
        sizes[schedule] = 1 - learner.parameters[1]["weight"] / before
    mean = (10 * 1 + 5 * 0.1 + 5 * 0.01) / 20
    expected = sizes["constant"] / 100 / mean
    torch.testing.assert_close(sizes["steps"], expected, rtol=1e-4, atol=1e-9)


def test_what_a_rule_keeps_of_the_parameters_stays_as_it_was() -> None:
    learner, data = learner_of("backprop+sgd")
    kept = learner.parameters[0]["weight"]
    was = kept.clone()
    learner.step(data.batch(0), 0)
    assert torch.equal(kept, was)
    assert not torch.equal(learner.parameters[0]["weight"], was)


def test_the_weight_change_is_the_way_that_weights_moved_by_what_they_were() -> None:
    """|W - W_0| / |W_0| over the weights of all layers, without biases, network by network."""
    pretrained = {"pretrained_by": "backprop+adam", "pretraining_steps": 20}
    for further in ({}, pretrained):
        keys = {"rules": ["backprop+momentum"], "blocks": 1, "architecture": "dense2"}
        plan = PLAN | {"ensembles": [PLAN["ensembles"][0] | keys | further]}
        (ensemble,) = resolve(read_plan(plan))
        data = EnsembleData(ensemble, "cpu", torch.float64)
        learner = Learner(ensemble, data, "cpu", torch.float64)
        before = [own["weight"].numpy().copy() for own in learner.parameters]
        for step in range(ensemble.shape.steps):
            learner.step(data.batch(step), step)
        moved, length = np.zeros((2, len(ensemble.networks)))
        for was, own in zip(before, learner.parameters, strict=True):
            axes = tuple(range(1, was.ndim))
            moved += ((own["weight"].numpy() - was) ** 2).sum(axes)
            length += (was**2).sum(axes)
        networks, _ = run_ensemble(ensemble, dtype=torch.float64)
        assert (moved > 0).all()
        np.testing.assert_allclose(networks["weight_change"], np.sqrt(moved / length), rtol=1e-9)


def test_weights_that_do_not_learn_do_not_change_and_those_that_are_finite_have_a_change() -> None:
    ensembles = [PLAN["ensembles"][0] | {"rules": ["no_learning", "backprop+adam"], "blocks": 1}]
    for ensemble in resolve(read_plan(PLAN | {"ensembles": ensembles})):
        networks, _ = run_ensemble(ensemble)
        still = networks["rule"] == "no_learning"
        assert (networks.loc[still, "weight_change"] == 0).all()
        assert (networks.loc[~still, "weight_change"] > 0).all()
    rate = ensembles[0] | {"learning_rate": 1e30, "steps": 40, "rules": ["backprop+sgd"]}
    networks, _ = run_ensemble(resolve(read_plan(PLAN | {"ensembles": [rate]}))[0])
    assert networks["diverged"].all() and not np.isinf(networks["weight_change"]).any()


def test_noisy_updates_make_other_networks() -> None:
    assert not torch.equal(trained("backprop+sgd"), trained("backprop+sgd", update_noise=1e-3))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([90, 60, 40, 30], 0.25 + 0.25 * 15 / 20),
        ([90, 45.0, 44.0, 30], 0.25 + 0.25 * 0.0),
        ([40, 60, 80, 90], 0.0),
        ([90, 80, 70, 60], np.nan),
    ],
)
def test_the_alignment_time_is_when_45_degrees_are_passed(curve, expected: float) -> None:
    times = np.array([0.0, 0.25, 0.5, 0.75])
    found = _first_below(np.array([curve], dtype=float), times, ALIGNED)
    np.testing.assert_allclose(found, [expected])


def test_a_file_that_changes_while_it_is_simulated_is_noticed(tmp_path: Path, monkeypatch) -> None:
    ensemble = dataclasses.replace(resolve(read_plan(PLAN))[0], source="of an earlier text")
    with pytest.raises(InputError, match="comes from must stay as it is while it is simulated"):
        _Part(tmp_path, None, "cpu", [], [])(ensemble)


def test_where_memory_is_short_halves_are_simulated_and_it_is_said(
    corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    most = {"networks": 1}

    def short(ensemble, device):
        if len(ensemble.networks) > most["networks"]:
            raise torch.OutOfMemoryError
        return run_ensemble(ensemble, device)

    # Not by its dotted name: that of the module is the function's too.
    monkeypatch.setattr(sys.modules["rule_id.simulation.simulate"], "run_ensemble", short)
    found = read_corpus(simulate(PLAN, tmp_path / "halves", workers=1))
    whole = read_corpus(corpus)
    pd.testing.assert_frame_equal(found.networks, whole.networks, rtol=1e-3)
    marks = {
        pq.read_metadata(path).metadata.get(b"rule_id.ensembles")
        for path in (tmp_path / "halves" / "networks").iterdir()
    }
    assert b"2" in marks and b"1" not in marks
    most["networks"] = 0
    with pytest.raises(InputError, match="the device must have memory for one network of dense"):
        simulate(PLAN, tmp_path / "none", workers=1)


def test_what_begins_at_the_same_moment_takes_over_what_the_first_one_measured(
    corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    measured = iter([2, 1])

    def size(self: Sizes, ensemble: Ensemble) -> int:
        if "all" not in self.chosen:
            self.chosen["all"] = next(measured)
        return self.chosen["all"]

    def begun_by_another(folder: Path, manifest: dict) -> bool:
        monkeypatch.setattr(module, "write_manifest", write_manifest)
        simulate(PLAN, folder, workers=1)
        return write_manifest(folder, manifest)

    module = sys.modules["rule_id.simulation.simulate"]
    monkeypatch.setattr(Sizes, "__call__", size)
    monkeypatch.setattr(module, "write_manifest", begun_by_another)
    out = simulate(PLAN, tmp_path / "corpus", workers=1)
    assert read_manifest(out)["ensemble_sizes"] == {"all": 1} and list(measured) == []
    assert len(list((out / "networks").iterdir())) == N_NETWORKS
    found = read_corpus(out)
    pd.testing.assert_frame_equal(found.networks, read_corpus(corpus).networks, rtol=1e-3)
