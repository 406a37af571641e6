"""What every task keeps to."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from rule_id.errors import InputError
from rule_id.tasks import FILE_TASKS, TASK_GROUPS, TASKS, Task, TaskData, get_task, noisy_targets
from rule_id.tasks.data import split, standardised

CLASSES = [task.name for task in TASKS.values() if task.loss.name == "cross_entropy"]
SWITCHED = [task.name for task in TASKS.values() if task.switched is not None]


def drawn(name: str, seed: int = 0) -> TaskData:
    return TASKS[name].draw(np.random.default_rng(seed))


def judged(task: Task, data: TaskData, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.as_tensor(data.test_y).expand(len(output), *data.test_y.shape)
    return task.loss.of_examples(output, target), task.loss.performance(output, target)


@pytest.mark.parametrize("name", TASKS)
def test_examples_are_as_the_task_says(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    assert task.name == name and task.group in TASK_GROUPS and task.n_test >= 64
    assert data.train_x.shape == (task.n_train, *task.input_shape)
    assert data.test_x.shape == (task.n_test, *task.input_shape)
    assert data.train_x.dtype == data.test_x.dtype == np.float32
    assert len(data.train_y) == task.n_train and len(data.test_y) == task.n_test
    assert data.train_y.shape[1:] == data.test_y.shape[1:]
    assert data.train_y.dtype == data.test_y.dtype
    assert data.train_y.dtype == (np.int64 if data.train_y.ndim == 1 else np.float32)
    assert abs(data.train_x.mean()) < 0.1 and 0.8 < data.train_x.std() < 1.2
    assert all(np.isfinite(x).all() for x in (data.train_x, data.test_x, data.train_y))


@pytest.mark.parametrize("name", TASKS)
def test_groups_count_from_zero_and_none_is_rare(name: str) -> None:
    groups = drawn(name).train_groups
    counts = np.bincount(groups)
    assert groups.dtype == np.int64 and groups.shape == (TASKS[name].n_train,)
    assert len(counts) > 1 and counts.min() > 0.25 * counts.mean()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_a_function_of_its_generator(name: str) -> None:
    one, same, other = drawn(name), drawn(name), drawn(name, seed=1)
    for field in ("train_x", "train_y", "test_x", "test_y", "train_groups"):
        assert np.array_equal(getattr(one, field), getattr(same, field)), field
    assert not np.array_equal(one.train_x, other.train_x)


@pytest.mark.parametrize("name", TASKS)
def test_training_and_test_examples_are_apart(name: str) -> None:
    data = drawn(name)
    rows = {row.tobytes() for row in data.train_x}
    # Two of scikit-learn's digits are alike to the pixel or nearly so.
    assert len(rows & {row.tobytes() for row in data.test_x}) <= 1


@pytest.mark.parametrize("name", TASKS)
def test_losses_and_performance_are_each_networks_own(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    source = torch.Generator().manual_seed(0)
    output = torch.randn(3, task.n_test, task.n_out, generator=source).requires_grad_()
    losses, performance = judged(task, data, output)
    assert losses.shape == (3, task.n_test) and performance.shape == (3,)
    losses.sum().backward()
    assert output.grad is not None and torch.isfinite(output.grad).all()
    alone = [judged(task, data, output[[index]].detach()) for index in range(3)]
    torch.testing.assert_close(losses.detach(), torch.cat([one for one, _ in alone]))
    torch.testing.assert_close(performance.detach(), torch.cat([one for _, one in alone]))


@pytest.mark.parametrize("name", TASKS)
def test_what_diverges_has_no_performance(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    output = torch.zeros(3, task.n_test, task.n_out)
    output[1, 0, 0], output[2, -1, -1] = torch.inf, torch.nan
    _, performance = judged(task, data, output)
    assert torch.isfinite(performance).tolist() == [True, False, False]


@pytest.mark.parametrize("name", TASKS)
def test_guessing_gets_no_more_than_chance(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    chance = task.loss.chance(data.test_y)
    _, performance = judged(task, data, torch.zeros(1, task.n_test, task.n_out))
    assert 0 <= chance < 0.7
    assert float(performance) < chance + 0.08


@pytest.mark.parametrize("name", TASKS)
def test_whether_a_loss_depends_on_other_examples(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    source = torch.Generator().manual_seed(0)
    output = torch.randn(1, task.n_test, task.n_out, generator=source)
    losses, _ = judged(task, data, output)
    output[0, 0] += 1
    changed, _ = judged(task, data, output)
    assert torch.equal(losses[0, 1:], changed[0, 1:]) == task.loss.separable


@pytest.mark.parametrize("name", SWITCHED)
def test_a_switch_changes_every_target_and_no_scale(name: str) -> None:
    task, data = TASKS[name], drawn(name)
    assert task.switched is not None
    switched = task.switched(data, np.random.default_rng(0))
    for before, after in zip((data.train_y, data.test_y), switched, strict=True):
        assert before.shape == after.shape and before.dtype == after.dtype
        assert (before != after).reshape(len(before), -1).any(1).all()
        assert after.max() == pytest.approx(before.max(), rel=0.5)


@pytest.mark.parametrize("name", CLASSES)
def test_a_switch_renames_every_class(name: str) -> None:
    data = drawn(name)
    assert TASKS[name].switched is not None
    train_y, test_y = TASKS[name].switched(data, np.random.default_rng(0))
    pairs = {*zip(data.train_y, train_y, strict=True), *zip(data.test_y, test_y, strict=True)}
    assert len(pairs) == TASKS[name].n_out == len({new for _, new in pairs})


@pytest.mark.parametrize("name", CLASSES)
def test_classes_can_be_learned(name: str) -> None:
    from sklearn.neural_network import MLPClassifier

    data, task = drawn(name), TASKS[name]
    chance = task.loss.chance(data.test_y)
    model = MLPClassifier((64,), max_iter=25, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: it need not be
        model.fit(data.train_x.reshape(task.n_train, -1), data.train_y)
    score = model.score(data.test_x.reshape(task.n_test, -1), data.test_y)
    assert score > chance + 0.25
    if name not in ("digits", "breast_cancer", "wine"):
        assert score < 0.97


def test_noisy_targets_are_those_of_others() -> None:
    y = np.arange(1000)
    noisy = noisy_targets(y, 0.3, np.random.default_rng(0))
    assert (noisy != y).sum() == 300 and np.isin(noisy, y).all()
    assert np.array_equal(y, np.arange(1000))
    assert np.array_equal(noisy_targets(y, 0, np.random.default_rng(0)), y)
    assert (noisy_targets(y, 1, np.random.default_rng(0)) != y).all()


def test_noisy_targets_keep_the_cursors_decoder() -> None:
    y = drawn("cursor").train_y
    noisy = noisy_targets(y, 0.5, np.random.default_rng(0))
    assert np.array_equal(noisy[:, 2:], y[:, 2:])
    assert 0.4 < (noisy[:, :2] != y[:, :2]).any(1).mean() < 0.6


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_beyond_its_limits(share: float) -> None:
    with pytest.raises(InputError, match=f"share .* must be from 0 to 1; got {share}"):
        noisy_targets(np.arange(3), share, np.random.default_rng(0))


def test_inputs_that_never_vary_stay_at_zero() -> None:
    x = np.array([[1.0, 5.0], [3.0, 5.0], [1.0, 5.0], [3.0, 5.0]])
    data = split(x, np.array([0, 1, 0, 1]), np.random.default_rng(0), n_test=1)
    scaled = standardised(data, centre=[0], scale=[0])
    assert np.array_equal(scaled.train_x[:, 1], np.zeros(3))
    assert np.array_equal(scaled.test_x[:, 1], np.zeros(1))


def test_a_task_by_its_name() -> None:
    assert get_task("digits") is TASKS["digits"]
    with pytest.raises(InputError, match="task must be one of digits.*image_folder; got 'mnst'"):
        get_task("mnst")
    with pytest.raises(InputError, match="digits reads no files .* got folder 'here'"):
        get_task("digits", "here")
    with pytest.raises(InputError, match="digits reads no files .* got size 8"):
        get_task("digits", size=8)
    assert not set(FILE_TASKS) & set(TASKS)
