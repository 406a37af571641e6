from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.tasks import (
    CURRICULA,
    TASKS,
    Presentation,
    needs_difficulty,
    present,
    refusal,
    shuffled,
)

N, STEPS, BATCH = 60, 40, 9
GROUPS = np.array([0] * 30 + [1] * 20 + [2] * 10)
DIFFICULTY = np.random.default_rng(1).permutation(N).astype(float)


def shown(curriculum: str, seed: int = 0, steps: int = STEPS, batch: int = BATCH) -> Presentation:
    return present(
        curriculum,
        np.random.default_rng(seed),
        groups=GROUPS,
        difficulty=DIFFICULTY,
        steps=steps,
        batch_size=batch,
    )


@pytest.mark.parametrize("curriculum", CURRICULA)
@pytest.mark.parametrize(("steps", "batch"), [(STEPS, BATCH), (1, 1), (1, 100), (3, 2), (200, 1)])
def test_contract_of_a_curriculum(curriculum: str, steps: int, batch: int) -> None:
    one, same, other = (shown(curriculum, seed, steps, batch) for seed in (0, 0, 1))
    assert one.order.shape == (steps, batch) and one.order.dtype == np.int64
    assert one.order.min() >= 0 and one.order.max() < N
    assert one.noise.shape == (steps,) and one.noise.dtype == np.float64
    assert one.switched.shape == (steps,) and one.switched.dtype == bool
    assert one.noise.min() >= 0 and one.noise.max() <= 1
    assert np.array_equal(one.order, same.order)
    assert one.order.size < 50 or not np.array_equal(one.order, other.order)


@pytest.mark.parametrize("curriculum", CURRICULA)
def test_every_example_is_shown(curriculum: str) -> None:
    assert set(shown(curriculum, steps=200).order.ravel()) == set(range(N))


@pytest.mark.parametrize("curriculum", CURRICULA)
def test_noise_and_switch_are_one_curriculums_own(curriculum: str) -> None:
    presentation = shown(curriculum)
    assert presentation.noise.any() == (curriculum == "growing_noise")
    assert presentation.switched.any() == (curriculum == "task_change")


def test_shuffled_shows_every_example_once_an_epoch() -> None:
    batches = shuffled(np.random.default_rng(0), 12, steps=7, batch_size=4)
    assert batches.shape == (7, 4)
    assert sorted(batches[:3].ravel()) == sorted(batches[3:6].ravel()) == list(range(12))
    assert not np.array_equal(batches[:3], batches[3:6])


@pytest.mark.parametrize("curriculum", ["shuffled", "growing_noise", "task_change"])
def test_the_order_is_that_of_shuffled(curriculum: str) -> None:
    expected = shuffled(np.random.default_rng(0), N, STEPS, BATCH)
    assert np.array_equal(shown(curriculum).order, expected)


def test_easy_to_hard_begins_with_a_fifth_and_ends_with_all() -> None:
    steps = 1000
    hardest = DIFFICULTY[shown("easy_to_hard", steps=steps, batch=50).order].max(1) + 1
    allowed = np.ceil(N * np.minimum(0.2 + np.arange(steps) / steps, 1))
    assert (hardest <= allowed).all()
    assert hardest[0] <= N // 5 and hardest[-200:].max() == N
    assert (hardest == allowed).mean() > 0.5  # none of the allowed is left out


def test_examples_that_no_network_could_judge_are_the_hardest() -> None:
    difficulty = np.where(np.arange(N) < 20, np.nan, 1.0)
    order = present(
        "easy_to_hard",
        np.random.default_rng(0),
        groups=GROUPS,
        difficulty=difficulty,
        steps=100,
        batch_size=8,
    ).order
    assert order[:40].min() >= 20 and order[-20:].min() < 20


def test_class_by_class_gives_every_group_one_stretch() -> None:
    groups = GROUPS[shown("class_by_class").order].ravel()
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    assert begins.tolist() == [0, 120, 240] and set(groups[begins]) == {0, 1, 2}
    assert (
        len({tuple(GROUPS[shown("class_by_class", seed).order[:, 0]]) for seed in range(20)}) == 6
    )


def test_class_by_class_shows_a_group_epoch_after_epoch() -> None:
    order = shown("class_by_class").order.ravel()
    for members in (order[:120], order[120:240], order[240:]):
        counts = np.bincount(members, minlength=N)[np.unique(members)]
        assert counts.max() - counts.min() <= 1


def test_replay_is_half_a_batch_of_groups_that_were_seen() -> None:
    batches = GROUPS[shown("blocked_with_replay", steps=300).order]
    order = list(dict.fromkeys(batches[:, 0]))
    assert set(batches[:100].ravel()) == {order[0]}
    assert (batches[100:200, 0::2] == order[1]).all() and (batches[100:200, 1::2] == order[0]).all()
    assert (batches[200:, 0::2] == order[2]).all()
    replayed = batches[200:, 1::2]
    assert replayed.shape[1] == BATCH // 2 and set(replayed.ravel()) == set(order[:2])


def test_more_groups_than_steps_all_get_their_share() -> None:
    for curriculum in ("class_by_class", "blocked_with_replay"):
        order = present(
            curriculum,
            np.random.default_rng(0),
            groups=np.arange(N),
            difficulty=None,
            steps=10,
            batch_size=12,
        ).order
        assert set(order.ravel()) == set(range(N)), curriculum


def test_noise_grows_linearly_to_that_of_the_inputs() -> None:
    np.testing.assert_allclose(shown("growing_noise").noise, np.linspace(0, 1, STEPS))
    assert shown("growing_noise", steps=1).noise.tolist() == [0]


@pytest.mark.parametrize(("steps", "before"), [(40, 20), (5, 3), (1, 1)])
def test_the_task_changes_halfway(steps: int, before: int) -> None:
    expected = [False] * before + [True] * (steps - before)
    assert shown("task_change", steps=steps).switched.tolist() == expected


@pytest.mark.parametrize("curriculum", CURRICULA)
@pytest.mark.parametrize("name", TASKS)
def test_tasks_are_refused_for_a_reason(name: str, curriculum: str) -> None:
    task = TASKS[name]
    reason = refusal(curriculum, task)
    if curriculum == "task_change" and task.group == "self-supervised":
        assert reason == f"{name} has no targets that could change"
    elif curriculum == "easy_to_hard" and name.startswith("contrastive"):
        assert reason is not None and "the loss of one depends on the others" in reason
    else:
        assert reason is None


def test_only_easy_to_hard_needs_difficulty() -> None:
    assert [name for name in CURRICULA if needs_difficulty(name)] == ["easy_to_hard"]


@pytest.mark.parametrize("given", [None, np.zeros(3)])
def test_missing_difficulty(given: np.ndarray | None) -> None:
    with pytest.raises(InputError, match="easy_to_hard needs the difficulty of 60 .* got (none|3)"):
        present(
            "easy_to_hard",
            np.random.default_rng(0),
            groups=GROUPS,
            difficulty=given,
            steps=3,
            batch_size=2,
        )


def test_nothing_to_show() -> None:
    with pytest.raises(InputError, match="must be at least 1; got 60 examples, 0 steps of 9"):
        shown("shuffled", steps=0)


def test_unknown_curriculum() -> None:
    message = "curriculum must be one of shuffled.*got 'random'"
    with pytest.raises(InputError, match=message):
        shown("random")
    with pytest.raises(InputError, match=message):
        needs_difficulty("random")
    with pytest.raises(InputError, match=message):
        refusal("random", TASKS["digits"])
