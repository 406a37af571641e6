from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import Ridge

from rule_id.tasks import TASKS, TaskData
from rule_id.tasks.reward import N_MOVING

BANDIT, CURSOR = TASKS["bandit"], TASKS["cursor"]


def drawn(name: str, seed: int = 0) -> TaskData:
    return TASKS[name].draw(np.random.default_rng(seed))


def performance(name: str, output: np.ndarray, target: np.ndarray) -> float:
    task = TASKS[name]
    return float(
        task.loss.performance(torch.as_tensor(output)[None], torch.as_tensor(target)[None])
    )


def decoder(y: np.ndarray) -> np.ndarray:
    return y[0, 2:].reshape(2, N_MOVING)


def test_contexts_tell_which_arm_pays() -> None:
    data = drawn("bandit")
    predicted = Ridge().fit(data.train_x, data.train_y).predict(data.test_x)
    assert 0.3 < performance("bandit", predicted, data.test_y) < 0.99
    assert performance("bandit", data.test_y, data.test_y) == 1


def test_no_arm_is_best_on_the_whole() -> None:
    data = drawn("bandit")
    for arm in np.eye(5, dtype=np.float32):
        always = np.tile(arm, (len(data.test_y), 1))
        assert abs(performance("bandit", always, data.test_y)) < 0.15


def test_rewards_are_noisy_in_training_alone() -> None:
    data = drawn("bandit")
    assert 1.15 < data.train_y.var() < 1.35  # 1 of the means, 0.25 of the noise
    assert 0.9 < data.test_y.var() < 1.1
    assert (data.train_groups == data.train_y.argmax(1)).mean() < 0.9


def test_tuned_units_tell_where_to_go() -> None:
    data = drawn("cursor")
    train = data.train_y[:, :2] @ np.linalg.pinv(decoder(data.train_y)).T  # some o with D o = t
    predicted = Ridge().fit(data.train_x, train).predict(data.test_x)
    assert 0.7 < performance("cursor", predicted.astype(np.float32), data.test_y) < 0.99


def test_positions_have_unit_variance_and_every_direction() -> None:
    data = drawn("cursor")
    np.testing.assert_allclose(data.train_y[:, :2].std(0), 1, atol=0.05)
    angle = np.arctan2(data.train_y[:, 1], data.train_y[:, 0]) % (2 * np.pi)
    assert np.array_equal(data.train_groups, (angle * 8 / (2 * np.pi)).astype(int))


def test_the_decoder_is_fixed_and_of_unit_gain() -> None:
    data = drawn("cursor")
    assert (data.train_y[:, 2:] == data.test_y[0, 2:]).all()
    gain = np.linalg.eigvalsh(decoder(data.train_y).T @ decoder(data.train_y)).max()
    np.testing.assert_allclose(gain, 1, rtol=1e-5)
    assert not np.allclose(decoder(data.train_y), decoder(drawn("cursor", seed=1).train_y))


def test_a_switch_turns_the_cursor_by_a_right_angle() -> None:
    data = drawn("cursor")
    assert CURSOR.switched is not None
    seen = set()
    for seed in range(8):
        train_y, test_y = CURSOR.switched(data, np.random.default_rng(seed))
        assert np.array_equal(train_y[:, :2], data.train_y[:, :2])
        assert np.array_equal(train_y[0, 2:], test_y[0, 2:])
        old, new = decoder(data.train_y), decoder(train_y)
        np.testing.assert_allclose((old * new).sum(0), 0, atol=1e-6)
        np.testing.assert_allclose(new.T @ new, old.T @ old, atol=1e-6)
        seen.add(float(np.sign(new[0] @ old[1])))
    assert seen == {-1.0, 1.0}


def test_a_switch_moves_every_arms_reward() -> None:
    data = drawn("bandit")
    assert BANDIT.switched is not None
    train_y, test_y = BANDIT.switched(data, np.random.default_rng(0))
    where = [int(np.flatnonzero(data.train_y[0] == value)[0]) for value in train_y[0]]
    assert sorted(where) == list(range(5)) and all(old != new for new, old in enumerate(where))
    assert np.array_equal(test_y, data.test_y[:, where])
