from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.designing.cost import (
    PRICES,
    cheapest,
    costs_of,
    lower_bounds,
    noise_levels,
    prices_of,
    read_prices,
    smoothed,
)


def line(accuracies: list[float], **others: object) -> pd.DataFrame:
    """Measurements of 1, 10, 100, ... units that differ in nothing else."""
    n_units = 10.0 ** np.arange(len(accuracies))
    table = pd.DataFrame({"accuracy": accuracies, "n_units": n_units, "accuracy_sem": 0.02})
    fixed = {
        "noise": "0", "noise_std": 0.0, "tracked": True, "observables": "activation",
        "checkpoints": 2, "units": [f"{n:.0f}" for n in n_units],
    }  # fmt: skip
    return table.assign(**(fixed | others))


def priced(table: pd.DataFrame, **prices: float) -> pd.DataFrame:
    table = table.assign(smoothed=smoothed(table), cost=costs_of(table, prices_of(prices)))
    return table.assign(lower=lower_bounds(table))


def test_cost_is_checkpoints_times_units_times_prices() -> None:
    table = line([0.5, 0.5], checkpoints=[2, 21], observables=["weight", "activation+weight"])
    prices = {"activation": 2.0, "weight": 3.0, "activity_change": 100.0}
    assert list(costs_of(table, prices)) == [2 * 1 * 3, 21 * 10 * 5]


def test_activity_changes_are_not_activations() -> None:
    only = {"activation": 1.0, "weight": 0.0, "activity_change": 0.0}
    assert costs_of(line([0.5], observables="activity_change"), only)[0] == 0


def test_prices_that_are_not_given_are_the_usual_ones() -> None:
    assert prices_of(None) == PRICES
    assert prices_of({"weight": 0}) == PRICES | {"weight": 0}


@pytest.mark.parametrize("text", ["activation", "activation=", "=", "weight=dear"])
def test_a_price_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"price must be OBSERVABLE=NUMBER; got '{text}'"):
        read_prices([text])


@pytest.mark.parametrize("text", ["weight=nan", "weight=inf", "weight=-1"])
def test_a_price_is_a_number_of_zero_or_more(text: str) -> None:
    with pytest.raises(InputError, match="price of weight must be a number, 0 or more; got "):
        prices_of(read_prices([text]))


def test_rising_accuracies_stay_and_others_are_averaged() -> None:
    rising = line([0.3, 0.5, 0.9])
    np.testing.assert_allclose(smoothed(rising), rising["accuracy"])
    np.testing.assert_allclose(smoothed(line([0.3, 0.8, 0.6, 0.9])), [0.3, 0.7, 0.7, 0.9])


def test_lines_and_shares_of_a_layer_are_smoothed_apart() -> None:
    other = line([0.8, 0.2], noise="4", noise_std=4.0)
    shares = line([0.9], units="10%").assign(n_units=5.0)
    table = pd.concat([line([0.3, 0.4]), other, shares], ignore_index=True)
    np.testing.assert_allclose(smoothed(table), [0.3, 0.4, 0.5, 0.5, 0.9])


def test_the_cheapest_reaches_the_accuracy_less_its_error() -> None:
    found = cheapest(priced(line([0.5, 0.81, 0.9])), 0.8).iloc[0]
    assert found["reached"] and (found["units"], found["cost"]) == ("100", 200)


def test_one_that_was_lucky_is_not_the_cheapest() -> None:
    """Were one unit so good, a hundred would be better."""
    table = priced(line([0.9, 0.6, 0.7, 0.95]))
    assert cheapest(table, 0.8).iloc[0]["units"] == "1000"
    # Nor is one whose own accuracy falls short, however good fewer units were.
    assert cheapest(priced(line([0.9, 0.79, 0.9])), 0.8).iloc[0]["units"] == "1"
    assert (lower_bounds(table) <= table["accuracy"] - 0.02).all()


def test_prices_decide() -> None:
    table = pd.concat([line([0.5, 0.9]), line([0.5, 0.9], observables="weight")]).reset_index()
    assert cheapest(priced(table), 0.8).iloc[0]["observables"] == "activation"
    cheap = priced(table, weight=0.1)
    assert cheapest(cheap, 0.8).iloc[0]["observables"] == "weight"


def test_of_equally_cheap_ones_the_better_is_taken() -> None:
    table = pd.concat([line([0.85], noise="1", noise_std=1.0), line([0.95])], ignore_index=True)
    found = cheapest(priced(table), 0.8)
    assert list(found["noise"]) == ["any", "0", "1"]
    assert list(found["accuracy"]) == [0.95, 0.95, 0.85]


def test_where_none_reaches_the_best_is_named() -> None:
    found = cheapest(priced(line([0.3, 0.5, 0.5])), 0.8).iloc[0]
    assert not found["reached"] and found["units"] == "10"


def test_noise_rises_and_models_with_their_own_come_last() -> None:
    noise, std = ["poisson", "10", "4", "0"], [0.0, 10.0, 4.0, 0.0]
    levels = noise_levels(pd.DataFrame({"noise": noise, "noise_std": std}))
    assert levels == ["0", "4", "10", "poisson"]
