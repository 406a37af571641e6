"""What networks are shown: tasks, their noise, order and change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rule_id.simulation import read_plan
from rule_id.simulation.data import EnsembleData
from rule_id.simulation.difficulty import difficulty_of
from rule_id.simulation.draws import generator
from rule_id.simulation.resolve import resolve
from rule_id.simulation.training import Learner
from rule_id.tasks import CURRICULA, TASKS, get_task, refusal

STEPS = 20


def data_of(**given: Any) -> EnsembleData:
    return EnsembleData(ensemble_of(**given), "cpu", torch.float64)


def ensemble_of(**given: Any):
    own = {
        "rules": ["backprop+momentum"], "blocks": 1, "networks_per_rule": 3, "steps": STEPS,
        "architecture": "dense1", "activation": "relu", "width": 8, "batch_size": 8,
        "task": "digits",
    }  # fmt: skip
    (ensemble,) = resolve(read_plan({"schema": 1, "seed": 2, "ensembles": [own | given]}))
    return ensemble


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_shown_under_every_curriculum_that_it_goes_with(task: str) -> None:
    for curriculum in CURRICULA:
        if refusal(curriculum, get_task(task)) is not None:
            continue
        data = data_of(task=task, curriculum=curriculum, stimuli=16)
        batch = data.batch(STEPS - 1)
        n = 16 if data.task.augment is not None else 8
        assert batch.x.shape == (3, n, *data.task.input_shape)
        output = torch.zeros(3, n, data.task.n_out, dtype=torch.float64) + 0.1
        assert batch.loss(output, batch.y).shape == (3, n)
        assert data.stimuli(16).shape == (3, 16, *data.task.input_shape)
        assert np.isfinite(data.chance).all() and data.chance.shape == (3,)


def test_inputs_are_scaled_training_and_held_out_alike() -> None:
    plain, scaled = data_of(), data_of(input_scale=2.5)
    torch.testing.assert_close(scaled.batch(3).x, 2.5 * plain.batch(3).x)
    torch.testing.assert_close(scaled.test(0)[0], 2.5 * plain.test(0)[0])
    torch.testing.assert_close(scaled.stimuli(5), 2.5 * plain.stimuli(5))


def test_label_noise_changes_training_targets_alone() -> None:
    plain, noisy = (data_of(label_noise=share, batch_size=64) for share in (0.0, 0.5))
    changed = [(plain.batch(s).y != noisy.batch(s).y).double().mean() for s in range(STEPS)]
    assert float(torch.stack(changed).mean()) == pytest.approx(0.45, abs=0.05)  # 0.5 of 0.9
    assert torch.equal(plain.batch(3).x, noisy.batch(3).x)
    assert torch.equal(plain.test(0)[1], noisy.test(0)[1])


def test_growing_noise_is_added_to_inputs_of_training() -> None:
    plain, noisy = data_of(), data_of(curriculum="growing_noise", input_scale=3.0)
    sizes = [(noisy.batch(s).x / 3 - plain.batch(s).x).std() for s in (0, STEPS - 1)]
    assert float(sizes[0]) == pytest.approx(0, abs=1e-6)
    assert float(sizes[1]) == pytest.approx(1, abs=0.1)


def test_the_task_changes_halfway_for_training_and_test() -> None:
    plain, switched = data_of(), data_of(curriculum="task_change")
    assert torch.equal(plain.batch(0).y, switched.batch(0).y)
    assert not (plain.batch(STEPS - 1).y == switched.batch(STEPS - 1).y).any()
    assert torch.equal(switched.test(0)[1], plain.test(0)[1])
    for step in (STEPS // 2, STEPS - 1, STEPS):
        assert not (switched.test(step)[1] == plain.test(step)[1]).any()


def test_two_views_of_an_example_stand_half_a_batch_apart() -> None:
    data = data_of(task="contrastive_digits")
    first, second = data.batch(0).x.chunk(2, 1)
    across = torch.cosine_similarity(first.flatten(2), second.flatten(2), dim=-1).mean()
    apart = torch.cosine_similarity(first.flatten(2), second.flatten(2).roll(1, 1), dim=-1).mean()
    assert float(across) > float(apart) + 0.2
    assert not torch.equal(data.batch(0).x, data.batch(1).x)


def test_hard_examples_are_those_that_a_reference_network_gets_wrong() -> None:
    task = get_task("digits")
    block = task.draw(generator(0, "data"))
    found = difficulty_of(task, [block, block], [1, 2])
    assert found.shape == (2, len(block.train_y)) and np.isfinite(found).all()
    assert np.median(found) < 0.5 < np.quantile(found, 0.99)
    assert np.corrcoef(found)[0, 1] > 0.5  # which are hard is not the reference's whim
    assert np.array_equal(found[0], difficulty_of(task, [block], [1])[0])


def test_pretraining_moves_those_networks_alone_and_feedback_not_at_all() -> None:
    rule = "feedback_alignment+sgd"
    ensemble = ensemble_of(rules=[rule], pretrained_by={"choice": ["none", "backprop+sgd"]},
                           networks_per_rule=8, pretraining_steps=5)  # fmt: skip
    plain = ensemble_of(rules=[rule], networks_per_rule=8)
    before, fresh = (
        Learner(one, EnsembleData(one, "cpu", torch.float64), "cpu", torch.float64)
        for one in (ensemble, plain)
    )
    moved = (before.vector != fresh.vector).any(1)
    assert moved.tolist() == [d.pretrained_by != "none" for d in ensemble.networks]
    assert 0 < int(moved.sum()) < 8
    for mine, theirs in zip(
        before.state.assignment["feedback"], fresh.state.assignment["feedback"], strict=True
    ):
        assert torch.equal(mine, theirs)
