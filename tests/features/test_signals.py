from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.features import extract, mask_signal, split_name, usable_features

CALCIUM = {
    "activation_raw_var", "activation_raw_skew", "activation_raw_kurtosis",
    "activation_raw_spread", "depth",
}  # fmt: skip


@pytest.mark.parametrize("signal", ["model", "rate", "deconvolved"])
def test_signals_without_an_offset_give_all_features(signal):
    assert usable_features(["weight_abs_mean.start", "depth.deep"], signal).tolist() == [True, True]


def test_calcium_gives_offset_free_features_and_the_depth(trajectories):
    table = mask_signal(extract(trajectories, "invariant"), "calcium")
    left = {split_name(name)[0] for name in table.values if table.values[name].notna().any()}
    assert left == CALCIUM
    assert (table.feature_set, len(table.names)) == ("invariant", 46 * 13 + 3)


def test_masking_keeps_the_usable_values_and_the_table_it_was_given(trajectories):
    table = extract(trajectories, "invariant")
    before = table.values.copy()
    masked = mask_signal(table, "calcium")
    usable = usable_features(table.names, "calcium")
    np.testing.assert_array_equal(masked.matrix()[:, usable], table.matrix()[:, usable])
    assert table.values.equals(before)
    assert masked.matrix().dtype == np.float32


def test_an_unknown_signal_is_refused():
    with pytest.raises(InputError, match="signal must be one of model, rate, .*; got 'spikes'"):
        usable_features(["depth.deep"], "spikes")
