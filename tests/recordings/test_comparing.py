"""What two checkpoints of a recording say together, as of a simulated network."""

from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.features import extract
from rule_id.features.paths import is_of_path
from rule_id.observables.feedback import AHEAD_PAIRS, ahead_tables, stage
from rule_id.observables.pairs import (
    agreement_table,
    distance_table,
    evenness_table,
    shape_tables,
    similarity,
)
from rule_id.recordings import recording_from_arrays
from rule_id.recordings.comparing import compared
from rule_id.schema import MOST_COMPARED, PAIRS, pair_column

T = 5
SIZES = {"a": (6, 4), "b": (3, 6), "c": (2, 3)}


def walk(*shape: int, seed: int = 0, n: int = T) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, *shape)).cumsum(axis=0)


def arrays(n: int = T, sizes=SIZES):
    """Activations (T, stimuli, units) and weights (T, out, in) by layer."""
    activations, weights = {}, {}
    for k, (name, (out, inputs)) in enumerate(sizes.items()):
        activations[name] = walk(10, out, seed=k, n=n)
        weights[name] = walk(out, inputs, seed=9 + k, n=n)
    return activations, weights


def table(columns: dict[str, np.ndarray], name: str, n: int = T) -> np.ndarray:
    return np.stack([columns[pair_column(name, k)] for k in range(n)], axis=1)


def test_pairs_of_arrays_are_those_of_their_tensors() -> None:
    activations, weights = arrays()
    found = compared(list(SIZES), activations, weights, T, tracked=True)
    for layer, behind in (("a", "b"), ("b", "c"), ("c", None)):
        w = weights[layer]
        kernels = np.stack([similarity(x) for x in activations[layer]])
        expected = {
            "weight_distance": distance_table(w.reshape(T, -1)),
            "weight_entry_evenness": evenness_table(w.reshape(T, -1)),
            "activation_distance": distance_table(kernels),
            **shape_tables(w),
        }
        if behind:
            expected |= ahead_tables(w, weights[behind], w.shape[1])
            other = np.stack([similarity(x) for x in activations[behind]])
            expected["activation_agreement"] = agreement_table(kernels, other)
        for name in PAIRS:
            own = expected.get(name, np.full((T, T), np.nan))
            np.testing.assert_allclose(table(found[layer], name), own, rtol=1e-6)


def test_units_that_run_in_time_are_compared_with_what_feeds_them_and_themselves() -> None:
    sizes = {"u": (6, 4), "w": (6, 6), "out": (3, 6)}
    activations, weights = arrays(sizes=sizes)
    u, w, v = weights.values()
    ahead, own = stage(u, w, v[..., None])
    known = ahead_tables(own, ahead, 6)
    found = compared(list(sizes), activations, weights, T, True, {"w": "u"})
    unfed = compared(list(sizes), activations, weights, T, True, {"w": None})
    for name in AHEAD_PAIRS:
        for layer in ("u", "w"):
            np.testing.assert_allclose(table(found[layer], name), known[name], rtol=1e-6)
            assert np.isnan(table(unfed[layer], name)).all()
        assert np.isnan(table(found["out"], name)).all()
    assert np.isfinite(table(unfed["w"], "weight_effective_rank")[-1]).all()


def test_a_recurrent_layer_is_one_of_the_layers_and_fed_by_the_one_before() -> None:
    activations, weights = arrays()
    for wrong, message in (
        ({"x": "a"}, "recurrent must be one of a, b, c; got 'x'"),
        ({"c": "a"}, "recurrent must give the layer before c, b, or None; got 'a'"),
        ({"a": "c"}, "recurrent must give the layer before a, none, or None; got 'c'"),
    ):
        with pytest.raises(InputError, match=message):
            recording_from_arrays("net", np.arange(T), activations, weights, recurrent=wrong)


def test_many_checkpoints_are_compared_without_a_warning() -> None:
    """Which pandas gives of many columns that are added one by one."""
    activations, weights = arrays(MOST_COMPARED)
    recording = recording_from_arrays("net", np.arange(MOST_COMPARED), activations, weights)
    rows = recording.trajectories.rows
    assert rows["activation_distance_00"].notna().all() and rows["tracked"].all()


def test_weights_written_the_other_way_round_are_turned() -> None:
    """As scikit-learn writes them; a square matrix goes as the others do."""
    sizes = {"a": (6, 4), "b": (6, 6), "c": (2, 6)}
    activations, weights = arrays(sizes=sizes)
    turned = {name: np.swapaxes(w, 1, 2) for name, w in weights.items()}
    one, other = (compared(list(sizes), activations, w, T, True) for w in (weights, turned))
    for layer in sizes:
        for name in set(PAIRS) - {"weight_distance"}:
            np.testing.assert_allclose(table(other[layer], name), table(one[layer], name))


OF_SIMILARITY = {"activation_distance", "activation_agreement"}


def test_of_weights_in_a_row_nothing_is_known_but_how_far_they_went() -> None:
    activations, weights = arrays()
    flat = {name: w.reshape(T, -1) for name, w in weights.items()}
    found = compared(list(SIZES), activations, flat, T, True)["a"]
    known = {name for name in PAIRS if np.isfinite(table(found, name)).any()}
    assert known == {"weight_distance", "weight_entry_evenness"} | OF_SIMILARITY


def test_units_that_are_others_each_time_have_no_weights_to_follow() -> None:
    activations, weights = arrays()
    found = compared(list(SIZES), activations, weights, T, tracked=False)["a"]
    known = {name for name in PAIRS if np.isfinite(table(found, name)).any()}
    assert known == OF_SIMILARITY


def test_a_recording_has_features_of_paths() -> None:
    activations, weights = arrays()
    recording = recording_from_arrays("net", np.arange(T), activations, weights)
    values = extract(recording.trajectories).values
    paths = values[[name for name in values if is_of_path(name)]]
    assert len(paths.columns) == 57 * 13
    assert paths.loc[0, "weight_gain_step.start"] > 0
    assert np.isfinite(paths["activation_path_speed.end"]).all()


def test_of_very_many_checkpoints_nothing_is_compared_and_that_is_said() -> None:
    n = MOST_COMPARED + 1
    activations, weights = arrays(n)
    recording = recording_from_arrays("net", np.arange(n), activations, weights)
    assert any("65 checkpoints are more than the 64" in one for one in recording.warnings)
    assert not any(is_of_path(name) for name in extract(recording.trajectories).names)
    few = recording_from_arrays("net", np.arange(T), *arrays())
    assert not any("compared" in one for one in few.warnings)


def test_a_checkpoint_that_is_not_finite_is_left_out() -> None:
    activations, weights = arrays()
    weights["a"][2, 0, 0] = np.nan
    found = compared(list(SIZES), activations, weights, T, True)
    for name in ("weight_distance", "weight_gain", "weight_effective_rank"):
        own = table(found["a"], name)
        assert np.isnan(own[2]).all() and np.isnan(own[:, 2]).all()
        assert np.isfinite(own[np.ix_([3, 4], [0, 1, 3])]).all()


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_what_single_precision_cannot_hold_is_missing(scale: float) -> None:
    activations, weights = arrays()
    tall = {name: x * scale for name, x in activations.items()}
    found = compared(list(SIZES), tall, weights, T, True)["a"]
    own = table(found, "activation_distance")[np.tril_indices(T)]
    assert not np.isinf(own).any()
