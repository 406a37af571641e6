from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.tasks import TASKS, accuracy, cross_entropy, draw_task, shuffled, task_shape


@pytest.mark.parametrize("task", TASKS)
def test_contract_of_a_task(task: str) -> None:
    data = draw_task(task, np.random.default_rng(0))
    n_in, n_classes = task_shape(task)
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert x.dtype == np.float32 and y.dtype == np.int64
        assert x.shape == (len(y), n_in)
        assert set(np.unique(y)) == set(range(n_classes))
    assert data.n_classes == n_classes
    assert abs(data.train_x.mean()) < 0.1 and 0.8 < data.train_x.std() < 1.2
    assert len(data.test_x) == pytest.approx(len(data.train_x) / 3, abs=1)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_a_function_of_its_generator(task: str) -> None:
    one, same, other = (draw_task(task, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.train_x, same.train_x)
    assert not np.array_equal(one.train_x, other.train_x)


def test_training_and_test_examples_are_apart() -> None:
    data = draw_task("breast_cancer", np.random.default_rng(0))
    both = {row.tobytes() for row in data.train_x} & {row.tobytes() for row in data.test_x}
    assert not both


def test_a_teacher_can_be_learned_from_its_examples() -> None:
    from sklearn.linear_model import LogisticRegression

    data = draw_task("teacher_student", np.random.default_rng(0))
    model = LogisticRegression(max_iter=1000).fit(data.train_x, data.train_y)
    assert model.score(data.test_x, data.test_y) > 0.4  # chance 0.2


def test_no_class_of_a_teacher_is_rare() -> None:
    for seed in range(5):
        data = draw_task("teacher_student", np.random.default_rng(seed))
        assert np.bincount(data.train_y).min() > 0.05 * len(data.train_y)


def test_loss_and_accuracy_by_hand() -> None:
    output = torch.tensor([[[0.0, 0.0], [np.log(3.0), 0.0]]])
    target = torch.tensor([[0, 1]])
    expected = torch.tensor([[np.log(2), np.log(4)]], dtype=output.dtype)
    torch.testing.assert_close(cross_entropy(output, target), expected)
    assert float(accuracy(output, target)) == 0.5
    output[0, 0, 0] = torch.inf
    assert bool(accuracy(output, target).isnan())


def test_cross_entropy_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(3, 8, 5, generator=generator)
    target = torch.randint(5, (3, 8), generator=generator)
    expected = torch.nn.functional.cross_entropy(output.mT, target, reduction="none")
    torch.testing.assert_close(cross_entropy(output, target), expected)


def test_shuffled_shows_every_example_once_an_epoch() -> None:
    batches = shuffled(np.random.default_rng(0), 12, steps=7, batch_size=4)
    assert batches.shape == (7, 4)
    assert sorted(batches[:3].ravel()) == sorted(batches[3:6].ravel()) == list(range(12))
    assert not np.array_equal(batches[:3], batches[3:6])


def test_unknown_task() -> None:
    with pytest.raises(InputError, match="task must be one of digits.*got 'mnist'"):
        draw_task("mnist", np.random.default_rng(0))
    with pytest.raises(InputError, match="task must be one of digits.*got 'mnist'"):
        task_shape("mnist")
