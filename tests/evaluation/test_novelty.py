from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rule_id.errors import InputError
from rule_id.evaluation.novelty import NOVELTY_SCORES, auroc, novelty_scores

DISTANCES = ["neighbours", "outside", "mahalanobis"]
FEATURES = 12
Inputs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def layers(n: int, rng: np.random.Generator, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Features of layers of two classes, with gaps, and the classes; all moved alike by a shift."""
    labels = rng.integers(2, size=n)
    values = rng.normal(size=(n, FEATURES)) + shift
    values[:, 0] += 3 * labels
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, np.array(["a", "b"])[labels]


def inputs(shift: float, seed: int = 0, per_network: int = 3) -> tuple[Inputs, np.ndarray]:
    """What is scored, and which of 80 networks are novel: every second one."""
    rng = np.random.default_rng(seed)
    features, labels = layers(600, rng)
    networks = np.repeat([f"n{number:02}" for number in range(80)], per_network)
    novel = np.arange(80) % 2 == 1
    usual, moved = layers(len(networks), rng)[0], layers(len(networks), rng, shift)[0]
    tested = np.where(np.repeat(novel, per_network)[:, None], moved, usual)
    probabilities = rng.dirichlet([2, 2], size=len(networks))
    return (features, labels, tested, networks, probabilities), novel


def test_networks_far_from_training_are_ranked_above_others() -> None:
    scored, novel = inputs(shift=2.0)
    scores = novelty_scores(*scored)
    for name in DISTANCES:
        assert auroc(scores[name], novel, np.arange(80))[0] > 0.98, name
    # Probabilities were drawn alike for all.
    assert abs(auroc(scores["entropy"], novel, np.arange(80))[0] - 0.5) < 0.2


def test_networks_like_those_of_training_are_not_told_apart() -> None:
    areas = {name: [] for name in NOVELTY_SCORES}
    for seed in range(12):
        scored, novel = inputs(shift=0.0, seed=seed)
        for name, values in novelty_scores(*scored).items():
            areas[name].append(auroc(values, novel, np.arange(80))[0])
    for name, found in areas.items():
        assert abs(np.mean(found) - 0.5) < 3.5 * np.std(found, ddof=1) / np.sqrt(12), name


def test_a_third_class_between_others_is_seen_by_distance_to_classes() -> None:
    (features, labels, tested, networks, probabilities), novel = inputs(shift=0.0)
    classes = labels == "b"
    features[:, 0] = np.where(classes, 6.0, 0.0) + 0.3 * np.random.default_rng(1).normal(size=600)
    tested[:, 0] = np.where(np.repeat(novel, 3), 3.0, 6.0)
    scores = novelty_scores(features, labels, tested, networks, probabilities)
    assert auroc(scores["mahalanobis"], novel, np.arange(80))[0] > 0.9
    # Each feature is well within its range.
    assert auroc(scores["outside"], novel, np.arange(80))[0] < 0.7


def test_scores_of_probabilities_are_those_of_combined_layers() -> None:
    (features, labels, tested, _, _), _ = inputs(shift=0.0)
    probabilities = np.array([[0.8, 0.2], [0.5, 0.5], [1.0, 0.0]])
    scores = novelty_scores(features, labels, tested[:3], ["y", "y", "x"], probabilities)
    assert scores.index.tolist() == ["x", "y"]
    np.testing.assert_allclose(scores["max_probability"], [0, 1 / 3], atol=1e-8)
    entropy = -(np.log(2 / 3) * 2 / 3 + np.log(1 / 3) / 3)
    np.testing.assert_allclose(scores["entropy"], [0, entropy], atol=1e-7)


def test_outside_is_a_share_of_what_was_recorded_in_all_layers() -> None:
    features = np.random.default_rng(0).uniform(-1, 1, size=(500, 3))
    tested = np.array([[0.0, 5.0, np.nan], [0.0, np.nan, np.nan], [np.nan] * 3])
    scores = novelty_scores(features, ["a"] * 500, tested, [1, 1, 2], np.full((3, 2), 0.5))
    np.testing.assert_allclose(scores["outside"], [1 / 3, 0])


def test_distances_are_the_closed_ones() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 1)) + np.repeat([[-50.0], [50.0]], 2000, axis=0)
    labels = np.repeat(["a", "b"], 2000)
    scores = novelty_scores(features, labels, np.array([[53.0], [51.0]]), [0, 0], np.ones((2, 1)))
    # A shared variance of 1: 3 and 1 standard deviations from the mean of b.
    assert scores["mahalanobis"].iloc[0] == pytest.approx(2, abs=0.1)
    one = novelty_scores(
        np.array([[0.0], [1.0], [2.0]]), ["a"] * 3, np.array([[4.0]]), [0], np.ones((1, 1)),
        neighbours=2,
    )  # fmt: skip
    assert one["neighbours"].iloc[0] == pytest.approx(2.5 / np.std([0, 1, 2]))


def test_units_and_order_do_not_matter() -> None:
    scored, _ = inputs(shift=0.5)
    features, labels, tested, networks, probabilities = scored
    expected = novelty_scores(*scored)
    rng = np.random.default_rng(0)
    scale, offset = rng.lognormal(size=FEATURES), rng.normal(size=FEATURES)
    train, test, columns = (rng.permutation(n) for n in (len(features), len(tested), FEATURES))
    again = novelty_scores(
        (features * scale + offset)[train][:, columns],
        labels[train],
        (tested * scale + offset)[test][:, columns],
        networks[test],
        probabilities[test],
    )
    pd.testing.assert_frame_equal(again, expected, rtol=1e-6)


def test_a_feature_that_was_never_measured_or_never_differs_says_nothing() -> None:
    scored, _ = inputs(shift=0.5)
    features, labels, tested, networks, probabilities = scored
    more = [
        np.column_stack([x, np.full(len(x), np.nan), np.ones(len(x))]) for x in (features, tested)
    ]
    again = novelty_scores(more[0], labels, more[1], networks, probabilities)
    columns = ["neighbours", "mahalanobis"]
    expected = novelty_scores(*scored)[columns]
    # As many components as features would add one of no variance.
    pd.testing.assert_frame_equal(again[columns], expected, rtol=0.05)


def test_a_layer_gone_wild_is_far_but_not_further_than_the_clip() -> None:
    (features, labels, tested, networks, probabilities), _ = inputs(shift=0.0)
    wild = [np.where(networks[:, None] == "n00", size, tested) for size in (1e3, 1e30)]
    scores = [novelty_scores(features, labels, x, networks, probabilities) for x in wild]
    pd.testing.assert_frame_equal(*scores)
    assert all(scores[0][name].idxmax() == "n00" for name in DISTANCES)


def test_area_counts_ties_half_and_turns_with_the_sign() -> None:
    scores, novel = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True])
    assert auroc(scores, novel, np.arange(4))[0] == pytest.approx(3.5 / 4)
    assert auroc(-scores, novel, np.arange(4))[0] == pytest.approx(0.5 / 4)
    assert auroc(np.exp(scores), novel, np.arange(4)) == auroc(scores, novel, np.arange(4))


def test_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, novel = rng.integers(9, size=80), rng.random(80) < 0.3
    assert auroc(scores, novel, np.arange(80))[0] == pytest.approx(roc_auc_score(novel, scores))


def test_its_error_is_how_much_it_varies_over_blocks() -> None:
    rng = np.random.default_rng(0)
    found = []
    blocks = np.repeat(np.arange(20), 6)
    novel = blocks % 2 == 0
    for _ in range(200):
        scores = novel + rng.normal(size=20)[blocks] + 0.5 * rng.normal(size=120)
        found.append(auroc(scores, novel, blocks))
    areas, errors = np.array(found).T
    assert np.mean(errors) == pytest.approx(areas.std(), rel=0.15)
    # Networks taken as independent would have it far too small.
    alone = [auroc(novel + rng.normal(size=120), novel, np.arange(120))[1] for _ in range(20)]
    assert np.mean(alone) < 0.6 * areas.std()


def test_what_is_novel_in_one_block_alone_has_no_error() -> None:
    value, error = auroc(np.arange(4.0), np.arange(4) > 1, [0, 1, 2, 2])
    assert value == 1 and np.isnan(error)


def test_bad_input_is_named() -> None:
    (features, labels, tested, networks, probabilities), _ = inputs(shift=0.0)
    with pytest.raises(InputError, match=r"each of the train_labels.*\(600, 12\) and 3 labels"):
        novelty_scores(features, labels[:3], tested, networks, probabilities)
    with pytest.raises(InputError, match=r"row or more of 12 features; got shape \(240, 5\)"):
        novelty_scores(features, labels, tested[:, :5], networks, probabilities)
    with pytest.raises(InputError, match="of 240 layers; got 240 and 7"):
        novelty_scores(features, labels, tested, networks, probabilities[:7])
    with pytest.raises(InputError, match="got 0 of 3"):
        auroc(np.arange(3.0), np.zeros(3, dtype=bool), np.arange(3))
    with pytest.raises(InputError, match="as many networks; got 3, 2 and 3"):
        auroc(np.arange(3.0), np.zeros(2, dtype=bool), np.arange(3))
