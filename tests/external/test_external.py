"""Networks that are not ours: they learn by the rules that they are said to, and are recorded."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from external.plan import PlannedNetwork, plan
from external.sklearn_learner import SklearnLearner
from external.tasks import LEARNED, load_task
from external.torch_learner import MODES, TorchLearner
from external.training import CHECKPOINTS, batches, record

from rule_id.recordings import read_recording
from rule_id.rules import RULES
from rule_id.trajectories import STATISTICS

pytest.importorskip("biotorch.module.biomodule")


def short(name: str, **changes: object) -> PlannedNetwork:
    """A planned network, of few units and steps."""
    (network,) = (one for one in plan() if one.name == name)
    small = {"steps": 20, "widths": tuple(range(4, 4 + len(network.widths)))}
    return dataclasses.replace(network, **{**small, **changes})


def test_what_is_planned() -> None:
    networks = plan()
    assert len(networks) >= 60 and networks == plan()
    assert len({one.name for one in networks}) == len(networks)
    assert all(one.rule in RULES for one in networks)
    assert {one.task for one in networks} == set(LEARNED)
    architectures = Counter(one.architecture for one in networks)
    assert len(architectures) == 7 and min(architectures.values()) >= 4


def test_a_draw_does_not_depend_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [one for one in plan() if one.source == "torch" and one.rule == "backprop+sgd"]
    monkeypatch.setattr("external.plan.COUNTS", {"torch": {"backprop+sgd": 2}})
    assert plan() == whole[:2]


@pytest.mark.parametrize("task", LEARNED)
def test_scores_of_perfect_and_of_constant_outputs(task: str) -> None:
    made = load_task(task, 0)
    right = np.eye(made.n_out)[made.y_test] if made.has_classes else made.y_test
    assert made.score(right) == 1
    assert made.score(np.zeros_like(right)) < LEARNED[task] - 0.2
    assert len(made.stimuli) >= 70 and made.x_train.mean() == pytest.approx(0, abs=0.05)


def test_one_output_is_the_logit_of_the_second_of_two_classes() -> None:
    made = load_task("breast_cancer", 0)
    assert made.score(made.y_test[:, None] - 0.5) == 1


def test_batches_pass_through_all_examples_before_any_comes_again() -> None:
    seen = np.concatenate(list(batches(10, 3, 7, seed=0)))
    assert [len(set(seen[start : start + 9])) for start in (0, 9)] == [9, 9] and len(seen) == 21


@pytest.mark.parametrize(
    "name",
    [
        "torch-backprop-adam-4",
        "torch-no_learning-2",
        "biotorch-feedback_alignment-momentum-0",
        "biotorch-direct_feedback_alignment-momentum-2",
        "biotorch-sign_symmetry_batchwise_random-momentum-0",
        "sklearn-backprop-sgd-0",
    ],
)
def test_a_network_is_trained_and_recorded_once(name: str, tmp_path: Path) -> None:
    network = short(name)
    before = torch.random.get_rng_state()
    known = record(network, tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.isfinite(known["score"]) and known["rule"] == network.rule
    recording = read_recording(tmp_path / f"{name}.npz")
    assert {"activation", "weight"} <= set(recording.observables)
    rows = recording.trajectories.rows
    assert rows.groupby("layer")["checkpoint"].count().eq(CHECKPOINTS).all()
    moved = rows.groupby("layer")["weight_raw_norm"].nunique()
    assert (moved == 1).all() if "no_learning" in name else (moved == CHECKPOINTS).all()

    written = (tmp_path / f"{name}.npz").stat().st_mtime_ns
    assert record(network, tmp_path) == known
    assert (tmp_path / f"{name}.npz").stat().st_mtime_ns == written
    record(dataclasses.replace(network, seed=1), tmp_path)
    assert (tmp_path / f"{name}.npz").stat().st_mtime_ns > written


def test_training_is_the_same_each_time(tmp_path: Path) -> None:
    network = short("biotorch-sign_symmetry_batchwise_random-momentum-0")
    scores = [record(network, tmp_path / folder)["score"] for folder in ("a", "b")]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("task", ["digits", "teacher_values"])
def test_scikit_learn_takes_the_steps_of_torch(optimizer: str, task: str) -> None:
    """So that a label that is right for one is right for the other."""
    network = short(
        f"sklearn-backprop-{optimizer}-0",
        architecture="dense2",
        widths=(12, 8),
        task=task,
        activation="tanh",
        weight_decay=0.0,
    )
    made = load_task(task, 0)
    theirs = SklearnLearner(network, made)
    plain = TorchLearner(dataclasses.replace(network, source="torch"), made)
    start = theirs.as_it_begins()
    linear = [module for module in plain.model if isinstance(module, torch.nn.Linear)]
    for module, weight, bias in zip(linear, start.coefs_, start.intercepts_, strict=True):
        module.weight.data = torch.tensor(weight.T.copy())
        module.bias.data = torch.tensor(bias)
    if not made.has_classes:  # half the sum over outputs, where torch takes the mean
        plain.loss = lambda outputs, y: 0.5 * (outputs - y).square().sum(1).mean()
    for index in batches(len(made.x_train), 16, 6, seed=0):
        theirs.step(made.x_train[index], made.y_train[index])
        plain.step(made.x_train[index], made.y_train[index])
    np.testing.assert_allclose(
        theirs.outputs(made.x_test), plain.outputs(made.x_test), rtol=1e-3, atol=1e-4
    )
    if made.has_classes:
        z = theirs.outputs(made.x_test)
        softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(softmax, theirs.model.predict_proba(made.x_test), rtol=1e-4)


def gradients(learner: TorchLearner, n: int = 8) -> list[torch.Tensor]:
    """Of the weights, layer by layer, in a step."""
    made = learner.task
    learner.step(made.x_train[:n], made.y_train[:n])
    return [
        parameter.grad.clone()
        for parameter in learner.model.parameters()
        if parameter.dim() > 1 and parameter.requires_grad
    ]


@pytest.mark.parametrize("architecture", ["dense2", "conv"])
@pytest.mark.parametrize("assignment", ["feedback_alignment", "direct_feedback_alignment"])
def test_what_teaches_the_first_layer_is_fixed_feedback(assignment: str, architecture: str) -> None:
    """Twice the feedback is twice its gradient, whatever the weights."""
    network = short(
        f"biotorch-{assignment}-momentum-0",
        architecture=architecture,
        widths=(4, 8),
        task="digits",
        learning_rate=0.0,
    )
    learner = TorchLearner(network, load_task("digits", 0))
    once = gradients(learner)[0]
    second = [one for one in learner.model.modules() if hasattr(one, "weight_backward")][1]
    with torch.no_grad():
        second.weight_backward.mul_(2)
    torch.testing.assert_close(gradients(learner)[0], 2 * once)
    assert once.abs().sum() > 0


def pair(assignment: str) -> tuple[TorchLearner, TorchLearner]:
    """A network of BioTorch's layers, and one of torch's with the same weights."""
    made = load_task("digits", 0)
    network = short(
        f"biotorch-{assignment}-momentum-0",
        architecture="conv",
        widths=(4, 8),
        activation="relu",
        init="default",
        task="digits",
        learning_rate=0.0,
    )
    theirs = TorchLearner(network, made)
    plain = TorchLearner(dataclasses.replace(network, source="torch"), made)
    kept = [one for one in theirs.model.state_dict().items() if "backward" not in one[0]]
    plain.model.load_state_dict({name.removeprefix("module."): value for name, value in kept})
    return theirs, plain


@pytest.mark.parametrize("assignment", MODES)
def test_biotorch_teaches_otherwise_than_backprop(assignment: str) -> None:
    theirs, plain = map(gradients, pair(assignment))
    torch.testing.assert_close(theirs[-1], plain[-1])
    cosine = torch.nn.functional.cosine_similarity(theirs[0].ravel(), plain[0].ravel(), dim=0)
    assert abs(float(cosine)) < 0.99


@pytest.mark.parametrize("assignment", MODES)
def test_what_is_recorded_does_not_depend_on_what_teaches(assignment: str) -> None:
    theirs, plain = pair(assignment)
    for step in (0, 1):
        for learner in (theirs, plain):
            learner.checkpoint(step)
    recorded = [learner.recorder.recording().trajectories.rows for learner in (theirs, plain)]
    assert len(recorded[0]) == 3 * 2
    names = list(STATISTICS)
    np.testing.assert_allclose(
        recorded[0][names].astype(float), recorded[1][names].astype(float), rtol=1e-4, atol=1e-6
    )
    assert recorded[0]["activity_change_raw_mean"].notna().all()
    assert gradients(theirs)[0].abs().sum() > 0


def test_feedback_stays_as_it_was_drawn() -> None:
    network = short("biotorch-feedback_alignment-momentum-1", weight_decay=0.1)
    learner = TorchLearner(network, load_task(network.task, 0))

    def drawn() -> list[torch.Tensor]:
        own = learner.model.state_dict()
        return [value.clone() for name, value in own.items() if "weight_backward" in name]

    before = drawn()
    gradients(learner)
    assert before and all(torch.equal(a, b) for a, b in zip(before, drawn(), strict=True))
