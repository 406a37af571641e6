from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from rule_id.errors import InputError
from rule_id.tasks import TASKS, pretraining_task
from rule_id.tasks.teacher import bins, gaussian_inputs, random_teacher

SHAPES = [(13,), (1, 8, 8), (3, 16, 12), (1, 28, 28)]


def test_outputs_of_a_teacher_are_standardised() -> None:
    generator = np.random.default_rng(0)
    y = random_teacher(gaussian_inputs(generator, 500, 20), 3, generator)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(0), 1)


def test_a_regression_can_be_learned_but_is_not_linear() -> None:
    for seed in range(3):
        data = TASKS["teacher_regression"].draw(np.random.default_rng(seed))
        score = Ridge().fit(data.train_x, data.train_y).score(data.test_x, data.test_y)
        assert 0.2 < score < 0.99
        np.testing.assert_allclose(data.train_y.std(0), 1, atol=0.1)


def test_bins_are_fifths_in_order() -> None:
    values = np.random.default_rng(0).normal(size=100)
    groups = bins(values)
    assert np.bincount(groups).tolist() == [20] * 5
    assert all(values[groups == g].max() < values[groups == g + 1].min() for g in range(4))


@pytest.mark.parametrize("shape", SHAPES)
def test_contract_of_a_pretraining_task(shape: tuple[int, ...]) -> None:
    task = pretraining_task(shape, 4)
    data = task.draw(np.random.default_rng(0))
    assert data.train_x.shape == (task.n_train, *shape) == (1800, *shape)
    assert data.test_x.shape == (task.n_test, *shape)
    assert data.train_x.dtype == np.float32 and data.train_y.dtype == np.int64
    assert abs(data.train_x.mean()) < 0.1 and 0.8 < data.train_x.std() < 1.2
    assert set(data.train_y) == set(range(task.n_out)) == set(range(4))
    again = task.draw(np.random.default_rng(0))
    assert np.array_equal(data.train_x, again.train_x)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pretraining_task_can_be_learned(shape: tuple[int, ...]) -> None:
    data = pretraining_task(shape, 4).draw(np.random.default_rng(0))
    train, test = (x.reshape(len(x), -1) for x in (data.train_x, data.test_x))
    model = LogisticRegression(max_iter=500, C=0.01).fit(train, data.train_y)
    assert model.score(test, data.test_y) > 0.4  # chance 0.25


def test_pretraining_images_are_smooth() -> None:
    x = pretraining_task((1, 16, 16), 2).draw(np.random.default_rng(0)).train_x
    assert (x[..., 1:] * x[..., :-1]).mean() > 0.5  # neighbours correlate


def test_pretraining_on_large_images_takes_fewer() -> None:
    task = pretraining_task((3, 128, 128), 5)
    assert task.n_train + task.n_test == 2**25 // (3 * 128 * 128)
    assert pretraining_task((3, 512, 512), 5).n_test == 64


def test_shapes_that_no_pretraining_task_has() -> None:
    with pytest.raises(InputError, match=r"input_shape must have 1 or 3 axes; got \(8, 8\)"):
        pretraining_task((8, 8), 2)
    with pytest.raises(InputError, match="n_out .* must be at least 2; got 1"):
        pretraining_task((8,), 1)
