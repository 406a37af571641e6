from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.forced_choice import forced_choice, value_choice
from rule_id.evaluation.matching import matched_pairs, unmatched_pairs

CLASSES = ["a", "b", "c"]
ONE_PAIR = pd.DataFrame({"i": [0], "j": [1], "weight": [1.0]})


def networks(n_blocks: int, seed: int, spread: float = 0.0, apart: float = 3.0) -> pd.DataFrame:
    """Blocks of 24 networks of two classes, whose values are normal and `apart` from each other.

    Values of different blocks differ by `spread` beside.
    """
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(n_blocks), 24)
    labels = np.tile(np.repeat(["a", "b"], 12), n_blocks)
    values = rng.normal(size=len(blocks)) + apart * (labels == "b")
    values += spread * rng.normal(size=n_blocks)[blocks]
    return pd.DataFrame({"block": blocks, "rule": labels, "final_performance": values})


def from_value(table: pd.DataFrame, apart: float = 3.0) -> np.ndarray:
    """The posterior of the two classes given the value, which is all there is to know."""
    odds = np.exp(apart * (table["final_performance"].to_numpy() - apart / 2))
    return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)


def choose(table: pd.DataFrame, probabilities: np.ndarray, pairs: pd.DataFrame) -> float:
    blocks = table["block"].to_numpy()
    return forced_choice(probabilities, table["rule"].to_numpy(), ["a", "b"], pairs, blocks)[0]


def test_what_only_the_value_tells_is_lost_on_matched_pairs() -> None:
    trained, tested = networks(40, 0), networks(500, 1)
    everything, matched = unmatched_pairs(tested), matched_pairs(tested, caliper=0.02)
    assert len(matched) > 100
    assert choose(tested, from_value(tested), everything) > 0.95
    by_value, error, n = value_choice(trained, tested, everything)
    assert by_value > 0.95 and error < 0.01 and n == len(everything)
    by_value, error, _ = value_choice(trained, tested, matched)
    assert abs(by_value - 0.5) < 3 * error < 0.15
    assert abs(choose(tested, from_value(tested), matched) - 0.5) < 3 * error


def test_what_another_feature_tells_is_kept_on_matched_pairs() -> None:
    tested = networks(60, 0)
    seen = np.where(tested["rule"] == "b", 0.9, 0.1)
    probabilities = np.stack([1 - seen, seen], axis=1)
    assert choose(tested, probabilities, unmatched_pairs(tested)) == 1
    assert choose(tested, probabilities, matched_pairs(tested)) == 1


@pytest.mark.parametrize("caliper", [0.1, 0.3, 100])
def test_what_a_caliper_leaves_is_seen_as_well_as_it_can_be(caliper: float) -> None:
    trained, tested = networks(40, 0), networks(250, 1)
    pairs = matched_pairs(tested, caliper=caliper)
    by_value, error, _ = value_choice(trained, tested, pairs)
    assert by_value > 0.5 + 3 * error
    assert by_value == pytest.approx(choose(tested, from_value(tested), pairs), abs=0.02)


def test_values_within_a_block_tell_where_blocks_differ_more() -> None:
    trained, tested = networks(60, 0, spread=50.0), networks(60, 1, spread=50.0)
    pairs = unmatched_pairs(tested)
    assert value_choice(trained, tested, pairs)[0] > 0.95
    assert value_choice(trained, tested, pairs, relative=False)[0] < 0.75


@pytest.mark.parametrize("prior", [[1, 1, 1], [1, 50, 1000]])
def test_chance_is_a_half_whatever_the_sizes_and_the_prior(prior: list[float]) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(CLASSES, size=1200, p=[0.7, 0.2, 0.1])
    table = pd.DataFrame(
        {"block": np.arange(1200) // 15, "rule": labels, "final_performance": rng.random(1200)}
    )
    said = rng.dirichlet([1, 1, 1], size=1200) * prior
    blocks = table["block"].to_numpy()
    pairs = unmatched_pairs(table)
    found, error, _ = forced_choice(said, labels, CLASSES, pairs, blocks)
    assert error < 0.02 and abs(found - 0.5) < 3 * error
    # A prior, hence how probabilities are scaled class by class, changes no decision.
    plain = forced_choice(said / prior, labels, CLASSES, pairs, blocks)
    assert found == pytest.approx(plain[0])


@pytest.mark.parametrize(
    ("second", "right"),
    [
        ([0.3, 0.7, 0.0], 1.0),
        ([0.55, 0.45, 0.0], 1.0),
        ([0.6, 0.4, 0.0], 0.5),
        ([0.9, 0.1, 0], 0.0),
    ],
)
def test_the_likelier_of_the_two_ways_round_is_chosen(second: list[float], right: float) -> None:
    said = np.array([[0.6, 0.4, 0.0], second])
    assert forced_choice(said, ["a", "b"], CLASSES, ONE_PAIR, [0, 0])[0] == right
    turned = ONE_PAIR.rename(columns={"i": "j", "j": "i"})
    assert forced_choice(said, ["a", "b"], CLASSES, turned, [0, 0])[0] == right


def test_pairs_weigh_what_they_weigh_and_errors_are_over_blocks() -> None:
    said = np.array([[0.9, 0.1], [0.1, 0.9]] * 2 + [[0.1, 0.9], [0.9, 0.1]])
    pairs = pd.DataFrame({"i": [0, 2, 4], "j": [1, 3, 5], "weight": [1.0, 1.0, 2.0]})
    labels, blocks = ["a", "b"] * 3, [0, 0, 0, 0, 1, 1]
    share, error, n = forced_choice(said, labels, ["a", "b"], pairs, blocks)
    # Two blocks of the same weight, all right and all wrong.
    assert (share, error, n) == (0.5, pytest.approx(0.5), 3)


def test_without_a_pair_there_is_no_answer() -> None:
    said = np.full((2, 3), 1 / 3)
    share, error, n = forced_choice(said, ["a", "b"], CLASSES, ONE_PAIR.iloc[:0], [0, 0])
    assert np.isnan(share) and np.isnan(error) and n == 0


def test_networks_without_a_value_take_no_part() -> None:
    trained, tested = networks(20, 0), networks(20, 1)
    pairs = unmatched_pairs(tested)
    expected = value_choice(trained, tested, pairs)
    lost = pd.DataFrame(
        {"block": [0, 1], "rule": ["a", "b"], "final_performance": [np.nan, np.inf]}
    )
    more = [pd.concat([table, lost], ignore_index=True) for table in (trained, tested)]
    assert value_choice(*more, unmatched_pairs(more[1])) == expected


def test_values_are_ranked_so_that_their_scale_does_not_matter() -> None:
    trained, tested = networks(20, 0), networks(20, 1)
    pairs = unmatched_pairs(tested)
    cubes = [t.assign(final_performance=t["final_performance"] ** 3) for t in (trained, tested)]
    plain, cubed = (
        value_choice(*both, pairs, relative=False) for both in ((trained, tested), cubes)
    )
    assert plain == cubed


def test_bad_input_is_named() -> None:
    said = np.full((2, 3), 1 / 3)
    for labels, blocks in ((["a", "a"], [0, 0]), (["a", "b"], [0, 1])):
        with pytest.raises(InputError, match="networks of one block and two classes"):
            forced_choice(said, labels, CLASSES, ONE_PAIR, blocks)
    trained, tested = networks(3, 0), networks(3, 1)
    pairs = unmatched_pairs(tested)
    with pytest.raises(InputError, match="must have a column loss"):
        value_choice(trained, tested, pairs, value="loss")
    with pytest.raises(InputError, match="must have a final_performance; none has"):
        value_choice(trained.assign(final_performance=np.nan), tested, pairs)
    with pytest.raises(InputError, match="label must be one of a; got 'b'"):
        value_choice(trained[trained["rule"] == "a"], tested, pairs)
