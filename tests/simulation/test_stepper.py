"""What a CUDA graph replays, run as it is on a CPU: the same steps, in place, without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rule_id.rules import CREDIT_ASSIGNMENTS, OPTIMIZERS
from rule_id.simulation.data import EnsembleData
from rule_id.simulation.plan import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.simulation.stepper import InPlace, Stepper, _alike
from rule_id.simulation.training import Learner

STEPS = 5
RULES = [
    *(f"backprop+{name}" for name in OPTIMIZERS),
    *(
        name
        if assignment.optimizers == ()
        else f"{name}+{(assignment.optimizers or ['momentum'])[0]}"
        for name, assignment in CREDIT_ASSIGNMENTS.items()
        if name != "backprop"
    ),
]
WAITING = (
    "_local_scalar_dense", "nonzero", "lift_fresh", "is_nonzero", "equal", "masked_select",
    "_unique2", "_linalg_check_errors",
)  # fmt: skip
"""Operators for which the host waits for the device, or sends it something."""


def started(rule: str, device: str = "cpu", **further: object) -> tuple[Learner, EnsembleData]:
    given = {
        "rules": [rule], "blocks": 1, "networks_per_rule": 3, "architecture": "dense2",
        "task": "digits", "width": 6, "steps": STEPS, "batch_size": 8, "schedule": "linear",
        "update_noise": 1e-3, **further,
    }  # fmt: skip
    (ensemble,) = resolve(
        read_plan({"schema": 1, "seed": 1, "checkpoints": 2, "ensembles": [given]})
    )
    data = EnsembleData(ensemble, device, torch.float32)
    return Learner(ensemble, data, device, torch.float32), data


class Refusing(TorchDispatchMode):
    """Fails where a GPU would have to be waited for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__.split(".")[0]
        assert name not in WAITING, name
        return function(*args, **(kwargs or {}))


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch, learner: Learner, data: EnsembleData) -> None:
    """Draw noise by torch, which a GPU needs, and not by NumPy."""
    for noise in (learner._noise, data._noise):
        monkeypatch.setattr(noise, "_on_cpu", False)
        monkeypatch.setattr(noise, "_keys", {})


@pytest.mark.parametrize("rule", RULES)
def test_steps_in_place_are_the_same_steps_and_nobody_waits(rule, monkeypatch) -> None:
    learner, data = started(rule)
    as_on_a_gpu(monkeypatch, learner, data)
    for step in range(2):
        learner.step(data.batch(step), step)
    in_place = InPlace(learner, data, 2)
    assert in_place.possible
    in_place.step()
    with Refusing():
        in_place.step()
    for step in (2, 3):
        learner.step(data.batch(step), step)
    expected = learner.vector
    in_place.adopt()
    assert torch.equal(learner.vector, expected)


OTHERS = [
    {"architecture": "knet4", "width": 2, "normalisation": "batch", "dropout": 0.2},
    {"architecture": "resnet18v2", "width": 2, "normalisation": "batch"},
    {"architecture": "rate_rnn", "width": 4, "curriculum": "growing_noise"},
    {"task": "contrastive_digits"},
    {"task": "reconstruct_digits"},
    {"task": "teacher_student", "curriculum": "task_change"},
    {"task": "bandit"},
    {"task": "cursor"},
    {"task": "teacher_regression"},
]


@pytest.mark.parametrize("further", OTHERS, ids=lambda one: next(iter(one.values())))
def test_nor_for_other_architectures_tasks_and_curricula(further, monkeypatch) -> None:
    learner, data = started("feedback_alignment+momentum", **further)
    as_on_a_gpu(monkeypatch, learner, data)
    in_place = InPlace(learner, data, 0)
    assert in_place.possible
    with Refusing():
        in_place.step()
    learner.step(data.batch(0), 0)
    expected = learner.vector
    in_place.adopt()
    assert torch.equal(learner.vector, expected)


def test_a_state_that_changes_its_form_is_not_recorded() -> None:
    learner, data = started("backprop+adam")
    own = learner.rule.credit_assignment

    def counting(network, parameters, state, *rest):
        found = own.step(network, parameters, state, *rest)
        return found._replace(state={"seen": state.get("seen", 0) + 1})

    learner.rule = replace(learner.rule, credit_assignment=replace(own, step=counting))
    assert not InPlace(learner, data, 0).possible


@pytest.mark.parametrize("kept", [[3], (), {"b": 1}, "x", None, torch.zeros(2), iter(())])
def test_what_may_not_change_in_a_recorded_state(kept) -> None:
    inside = [torch.zeros(1), 1, 2.0, True, "a", None, {"b": torch.ones(2)}]
    assert _alike(inside, inside) and not _alike(inside, [*inside[:-1], kept])
    assert not _alike(iter(()), iter(()))


def test_what_a_graph_reads_lives_as_long_as_it_is_replayed(monkeypatch) -> None:
    learner, data = started("backprop+momentum")
    stepper = Stepper(learner, data)
    stepper._recordable = True

    class Graph:
        def replay(self) -> None:
            stepper._in_place.step()  # what a real one would do by itself

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: nullcontext())
    monkeypatch.setattr(InPlace, "step", once(InPlace.step))
    stepper.run(until=STEPS)
    assert stepper._in_place is not None and int(stepper._in_place._step) == STEPS
    again, same = started("backprop+momentum")
    for step in range(STEPS):
        again.step(same.batch(step), step)
    assert torch.equal(learner.vector, again.vector)


def failing(error: Exception):
    @contextmanager
    def graph(of: object) -> Iterator[None]:
        raise error
        yield

    return graph


def as_if_recording(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """A GPU whose recording fails; returns the streams that are gone back to."""
    streams: list[str] = []
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "first")
    monkeypatch.setattr(torch.cuda, "set_stream", streams.append)
    monkeypatch.setattr(torch.cuda, "graph", failing(error))
    return streams


def test_a_recording_that_fails_is_named_and_steps_go_on(monkeypatch) -> None:
    learner, data = started("backprop+momentum")
    stepper = Stepper(learner, data)
    stepper._recordable = True
    streams = as_if_recording(monkeypatch, RuntimeError("operation not permitted"))
    with pytest.warns(RuntimeWarning, match="cannot be recorded .*: operation not permitted"):
        stepper.run(until=STEPS)
    again, same = started("backprop+momentum")
    Stepper(again, same).run(until=STEPS)
    assert torch.equal(learner.vector, again.vector) and streams == ["first"]


def test_too_little_memory_is_no_reason_to_go_on_without_a_graph(monkeypatch) -> None:
    learner, data = started("backprop+momentum")
    stepper = Stepper(learner, data)
    stepper._recordable = True
    as_if_recording(monkeypatch, torch.OutOfMemoryError())
    with pytest.raises(torch.OutOfMemoryError):
        stepper.run(until=STEPS)


def once(step):
    """Recording runs nothing: the first call is left out."""
    calls = []

    def recorded(in_place: InPlace) -> None:
        calls.append(in_place)
        if len(calls) > 1:
            step(in_place)

    return recorded


def test_a_rule_that_cannot_be_recorded_is_named(monkeypatch) -> None:
    learner, data = started("backprop+momentum")
    stepper = Stepper(learner, data)
    stepper._recordable = True
    monkeypatch.setattr(InPlace, "__init__", lambda self, *given: setattr(self, "possible", False))
    with pytest.warns(RuntimeWarning, match="rule backprop.momentum cannot be recorded"):
        stepper.run(until=STEPS)


def test_tensors_that_change_places_are_not_lost() -> None:
    learner, data = started("backprop+adam")
    learner.state = {"a": torch.full((3, 1), 1.0), "b": torch.full((3, 1), 2.0)}
    learner.parameters = [{"weight": torch.zeros(3, 1)}]

    def stepped(parameters, state, batch, step):
        moved = [{"weight": parameters[0]["weight"] + state["a"]}]
        return moved, {"a": state["b"], "b": state["a"]}

    learner.stepped = stepped
    in_place = InPlace(learner, data, 0)
    for _ in range(3):
        in_place.step()
    in_place.adopt()
    assert learner.parameters[0]["weight"].unique().tolist() == [4.0]
    assert [float(learner.state[name][0]) for name in ("a", "b")] == [2.0, 1.0]


def test_the_stepper_takes_each_step_once() -> None:
    learner, data = started("feedback_alignment+momentum")
    stepper = Stepper(learner, data)
    stepper.run(until=2)
    stepper.run(until=2)
    stepper.run(until=STEPS)
    again, same = started("feedback_alignment+momentum")
    for step in range(STEPS):
        again.step(same.batch(step), step)
    assert torch.equal(learner.vector, again.vector)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_recorded_step_is_the_step() -> None:
    for rule in RULES:
        learner, data = started(rule, "cuda")
        stepper = Stepper(learner, data)
        for step in range(3, STEPS + 1):
            stepper.run(until=step)
            learner.evaluate(step)  # which takes memory that a graph might take for its own
        assert stepper._replay is not None, rule
        again, same = started(rule, "cuda")
        for step in range(STEPS):
            again.step(same.batch(step), step)
        torch.testing.assert_close(learner.vector, again.vector, msg=rule)
