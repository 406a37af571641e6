"""Drawn shapes, spoken words, and the tasks without labels on them."""

from __future__ import annotations

import numpy as np
import pytest

from rule_id.tasks import TASKS
from rule_id.tasks.shapes import SHAPES
from rule_id.tasks.words import FEWEST, MOST, N_WORDS, _vocabulary

CONTRASTIVE = [name for name in TASKS if name.startswith("contrastive")]
RECONSTRUCTION = [name for name in TASKS if name.startswith("reconstruct")]


def base(name: str) -> str:
    return name.split("_", 1)[1]


@pytest.mark.parametrize("kind", SHAPES)
def test_a_shape_is_around_its_centre_and_within_reach(kind: str) -> None:
    u, v = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
    inside = SHAPES[kind](u, v) < 0
    assert 0.15 < inside.mean() * 16 < np.pi
    assert np.hypot(u, v)[inside].max() < 1.25
    # A distance grows by no more than the way.
    assert np.abs(np.diff(SHAPES[kind](u, v), axis=1)).max() < 0.05 * 1.01


def test_every_shape_differs_from_the_others() -> None:
    u, v = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))
    drawn = [shape(u, v) < 0 for shape in SHAPES.values()]
    for index, one in enumerate(drawn):
        assert all((one != other).mean() > 0.05 for other in drawn[:index])


@pytest.mark.parametrize("name", ["shapes16", "shapes32", "words"])
def test_classes_are_about_as_frequent(name: str) -> None:
    data = TASKS[name].draw(np.random.default_rng(0))
    counts = np.bincount(np.concatenate([data.train_y, data.test_y]))
    assert len(set(counts)) == 1 and len(counts) == TASKS[name].n_out


def test_words_of_a_vocabulary_are_different_sequences() -> None:
    one, other = (_vocabulary(np.random.default_rng(seed)) for seed in (0, 1))
    assert len({tuple(word) for word in one.words}) == N_WORDS >= 10
    lengths = (one.words >= 0).sum(1)
    assert lengths.min() >= FEWEST and lengths.max() <= MOST
    assert not np.array_equal(one.words, other.words)


def test_a_word_keeps_its_sound_across_speakers() -> None:
    data = TASKS["words"].draw(np.random.default_rng(0))
    means = np.stack([data.train_x[data.train_y == word].mean(0) for word in range(N_WORDS)])
    nearest = ((data.test_x[:, None] - means) ** 2).sum((2, 3, 4)).argmin(1)
    assert (nearest == data.test_y).mean() > 0.3  # chance 1/12


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_held_out_views_are_of_the_same_images(name: str) -> None:
    data = TASKS[name].draw(np.random.default_rng(0))
    plain = TASKS[base(name)].draw(np.random.default_rng(0))
    half = TASKS[name].n_test // 2
    assert np.array_equal(data.train_x, plain.train_x)
    assert np.array_equal(data.test_y[:half], plain.test_y[:half])
    assert np.array_equal(data.test_y[half:], plain.test_y[:half])
    one, two = (x.reshape(half, -1) for x in np.split(data.test_x, 2))
    correlation = np.corrcoef(one, two)[:half, half:]
    partner = np.diagonal(correlation)
    assert partner.mean() > correlation.mean() + 0.2 and partner.max() < 0.999


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_pixels_alone_find_some_partners_and_not_all(name: str) -> None:
    import torch

    task = TASKS[name]
    x = torch.as_tensor(task.draw(np.random.default_rng(0)).test_x).flatten(1)[None]
    found = float(task.loss.performance(x, torch.zeros(1, len(x))))
    assert 5 / (task.n_test - 1) < found < 0.9


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_what_is_reconstructed_is_the_input(name: str) -> None:
    data = TASKS[name].draw(np.random.default_rng(0))
    assert np.array_equal(data.train_y, data.train_x.reshape(len(data.train_x), -1))
    assert np.array_equal(data.test_y, data.test_x.reshape(len(data.test_x), -1))
    assert TASKS[name].n_out == data.train_y.shape[1]


@pytest.mark.parametrize("name", RECONSTRUCTION)
def test_few_components_reconstruct_more_than_chance(name: str) -> None:
    from sklearn.decomposition import PCA

    data = TASKS[name].draw(np.random.default_rng(0))
    model = PCA(16, random_state=0).fit(data.train_y)
    residual = data.test_y - model.inverse_transform(model.transform(data.test_y))
    assert 0.3 < 1 - residual.var() / data.test_y.var() < 0.99
