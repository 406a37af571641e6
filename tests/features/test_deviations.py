"""How layers differ from the others of their network."""

from __future__ import annotations

import numpy as np
import pandas as pd
from synthetic import synthetic_trajectories

from rule_id.features import (
    DEVIATION,
    FeatureTable,
    extract,
    has_deviations,
    time_of,
    with_deviations,
)


def table_of(values: dict[str, list[float]], networks: str, measurement=None) -> FeatureTable:
    meta = pd.DataFrame({"network": list(networks)})
    if measurement is not None:
        meta["measurement"] = measurement
    return FeatureTable(meta, pd.DataFrame(values, dtype=np.float32), "summary")


def test_a_layer_less_the_mean_of_its_network() -> None:
    table = table_of({"weight_raw_mean.end": [1, 2, 6, 10, 20]}, "aabab")
    found = with_deviations(table).values["weight_raw_mean.end" + DEVIATION]
    np.testing.assert_allclose(found, [-10 / 3, -7 / 3, -7, 17 / 3, 7], rtol=1e-6)


def test_each_measurement_is_a_network_of_its_own() -> None:
    table = table_of({"weight_raw_mean.end": [1, 3, 10, 30]}, "aaaa", [0, 0, 1, 1])
    found = with_deviations(table).values.iloc[:, -1]
    np.testing.assert_array_equal(found, [-1, 1, -10, 10])


def test_what_was_not_measured_takes_no_part_and_one_layer_has_nothing_to_differ_from() -> None:
    nan = np.nan
    table = table_of({"weight_raw_mean.end": [1, 3, nan, 5, 7, nan]}, "aaabcc")
    found = with_deviations(table).values.iloc[:, -1]
    np.testing.assert_array_equal(found, [-1, 1, nan, nan, nan, nan])


def test_flags_of_depth_have_none_and_a_table_that_has_them_stays_as_it_is() -> None:
    table = extract(synthetic_trajectories(n_blocks=2, networks_per_rule=1), "summary")
    once = with_deviations(table)
    assert len(once.names) == 2 * len(table.names) - 3
    assert once.names[: len(table.names)] == table.names
    assert not has_deviations(table.names) and has_deviations(once.names)
    assert with_deviations(once) is once
    sums = once.values.filter(regex=r"\.end\.deviation$").groupby(table.meta["network"]).sum()
    np.testing.assert_allclose(sums, 0, atol=1e-4)


def test_the_order_of_rows_does_not_matter() -> None:
    table = extract(synthetic_trajectories(n_blocks=2, networks_per_rule=1), "summary")
    order = np.random.default_rng(0).permutation(len(table))
    shuffled = FeatureTable(
        table.meta.iloc[order].reset_index(drop=True),
        table.values.iloc[order].reset_index(drop=True),
        "summary",
    )
    expected = with_deviations(table).values.iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(with_deviations(shuffled).values, expected, rtol=1e-5, atol=1e-6)


def test_a_deviation_speaks_of_the_time_of_what_deviates() -> None:
    assert time_of("early_slope" + DEVIATION) == time_of("early_slope") == "early"
