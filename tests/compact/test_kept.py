from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.compact_parts import DERIVED, KEPT, LOST
from rule_id.compact_parts.kept import complete, number_of_weights
from rule_id.errors import InputError
from rule_id.observables.statistics import activation_statistics, tensor_statistics
from rule_id.trajectories import ACTIVITY_STATISTICS, STATISTICS


@pytest.fixture
def statistics() -> dict[str, np.ndarray]:
    """Of 3 layers of 50 weights and 4 x 20 activations at 5 checkpoints."""
    rng = np.random.default_rng(0)
    w = (rng.normal(0.1, 1, (3, 5, 50)) * np.linspace(1, 2, 5)[:, None]).astype(np.float32)
    y = rng.normal(size=(3, 5, 4, 20)).astype(np.float32)
    made = tensor_statistics(w, "weight") | activation_statistics(y)
    return made | {name: rng.random((3, 5)).astype(np.float32) for name in ACTIVITY_STATISTICS}


def test_each_statistic_is_kept_derived_or_lost():
    assert sorted([*KEPT, *DERIVED, *LOST]) == sorted(STATISTICS)
    before = list(KEPT)
    for name, other in KEPT.items():
        assert other is None or before.index(other) < before.index(name)


def test_what_is_derived_is_what_was_measured(statistics):
    kept = {name: statistics[name] for name in KEPT}
    n = number_of_weights(statistics, "made up")
    assert n.tolist() == [50, 50, 50]
    found = complete(kept, n)
    assert list(found) == list(STATISTICS)
    for name in (*KEPT, *DERIVED):
        np.testing.assert_allclose(found[name], statistics[name], rtol=2e-5, atol=1e-6)
    assert all(np.isnan(found[name]).all() for name in LOST)


def test_silent_and_missing_weights_and_those_that_do_not_vary():
    w = np.zeros((3, 4, 10), dtype=np.float32)
    w[1] = 2.0
    w[2] = np.nan
    made = tensor_statistics(w, "weight") | activation_statistics(w[..., None, :])
    made |= {name: w[..., 0] for name in ACTIVITY_STATISTICS}
    n = number_of_weights(made, "made up")
    found = complete({name: made[name] for name in KEPT}, n)
    assert n[:2].tolist() == [0, 10] and np.isnan(n[2])
    for name in (*KEPT, *DERIVED):
        np.testing.assert_allclose(found[name], made[name], rtol=1e-6)


@pytest.mark.parametrize("name", ["weight_raw_norm", "weight_sq_median"])
def test_statistics_of_other_tensors_are_refused(statistics, name):
    other = statistics | {name: statistics[name] * np.linspace(1, 1.1, 5, dtype=np.float32)}
    with pytest.raises(InputError, match="made up: statistics of weights must be of one tensor"):
        number_of_weights(other, "made up")


def test_what_cannot_be_negative_is_not(statistics):
    kept = {name: statistics[name] - 100 for name in KEPT}
    found = pd.DataFrame({k: v.ravel() for k, v in complete(kept, np.full(3, 50.0)).items()})
    whole = [name for name in found if name.endswith(("_var", "_norm")) or "_sq_mean" in name]
    assert (found[whole].dropna(axis=1) >= 0).all(axis=None)
    assert (found["activation_raw_median"] < 0).all()
