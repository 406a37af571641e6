from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.recordings import SIGNALS, Recording, recording_from_arrays
from rule_id.schema import PAIRS, pair_column
from rule_id.trajectories import ROW_COLUMNS, STATISTICS, depth_group, observable_of

T, STIMULI, UNITS = 4, 6, 9
STEPS = np.array([0, 10, 20, 40])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def x(rng):
    return rng.normal(size=(T, STIMULI, UNITS)) + 1


@pytest.fixture
def w(rng):
    return rng.normal(size=(T, 3, 2, 5))


@pytest.fixture
def j(rng):
    return rng.normal(size=(T, STIMULI))


def gaps(recording: Recording) -> tuple[str, ...]:
    """Its warnings but for those that the few units and stimuli of these tests call for."""
    return tuple(warning for warning in recording.warnings if "rough" not in warning)


def of(recording, layer, name):
    rows = recording.trajectories.rows
    return rows.loc[rows["layer_name"] == layer, name].to_numpy()


def finite_observables(recording, layer):
    return {
        observable_of(name) for name in STATISTICS if np.isfinite(of(recording, layer, name)).all()
    }


def test_a_recording_is_one_network_with_its_layers(x, w, j):
    recording = recording_from_arrays(
        "mouse", STEPS, {"a": x, "b": x[:, :, :4]}, {"a": w}, {"b": j}, "gradient", "calcium"
    )
    assert (recording.name, recording.signal, gaps(recording)) == ("mouse", "calcium", ())
    assert recording.observables == ("weight", "activation", "activity_change")
    assert recording.trajectories.networks.to_dict("list") == {
        "network": ["mouse"], "signal": ["calcium"],
    }  # fmt: skip
    assert finite_observables(recording, "a") == {"weight", "activation"}
    assert finite_observables(recording, "b") == {"activation", "activity_change"}


def test_rows_have_the_columns_and_types_of_a_corpus(x, w):
    rows = recording_from_arrays("m", STEPS, {"a": x}, {"b": w}).trajectories.rows
    compared = [pair_column(pair, k) for pair in PAIRS for k in range(len(STEPS))]
    assert list(rows.columns) == [*ROW_COLUMNS, *STATISTICS, *compared]
    assert set(rows[list(STATISTICS)].dtypes) == {np.dtype("float32")}
    assert rows["layer"].tolist() == [0] * T + [1] * T
    assert rows["checkpoint"].tolist() == [*range(T)] * 2
    assert rows["step"].tolist() == [*STEPS] * 2
    assert rows["progress"].tolist() == [0, 0.25, 0.5, 1] * 2
    assert rows["n_units"].tolist()[:T] == [UNITS] * T and rows["n_units"][T:].isna().all()
    assert rows["tracked"].all() and set(rows["observation"]) == {"recorded"}
    unknown = ["unit_fraction", "noise_std", "loss", "performance"]
    assert rows[unknown].isna().all(axis=None)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_depth_runs_from_the_first_layer_to_the_last(x, n):
    recording = recording_from_arrays("m", STEPS, {f"l{k}": x for k in range(n)})
    rows = recording.trajectories.rows[::T]
    assert rows["depth"].tolist() == [k / max(n - 1, 1) for k in range(n)]
    assert rows["depth_group"].tolist() == [depth_group(k, n) for k in range(n)]


def test_statistics_are_over_units_then_stimuli(x, w, j):
    recording = recording_from_arrays("m", STEPS, {"a": x}, {"a": w}, {"a": j}, "stimulation")
    expected = {
        "activation_abs_norm": np.linalg.norm(x, axis=2).mean(axis=1),
        "activation_raw_var": x.var(axis=2).mean(axis=1),
        "activation_raw_median": np.median(x, axis=2).mean(axis=1),
        "weight_abs_mean": np.abs(w).mean(axis=(1, 2, 3)),
        "weight_raw_norm": np.sqrt((w**2).sum(axis=(1, 2, 3))),
        "activity_change_raw_mean": j.mean(axis=1),
        "activity_change_sq_mean": (j**2).mean(axis=1),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(of(recording, "a", name), value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int16", "uint8"])
def test_any_numbers_are_measured_in_full_precision(dtype):
    x = np.full((T, STIMULI, UNITS), 200).astype(dtype)
    recording = recording_from_arrays("m", STEPS, {"a": x})
    assert of(recording, "a", "activation_sq_mean").tolist() == [40_000] * T


def test_values_beyond_float32_are_no_warning():
    recording = recording_from_arrays("m", STEPS, {"a": np.full((T, 2, 2), 1e30)})
    assert np.isinf(of(recording, "a", "activation_sq_mean")).all()


def test_layers_stand_in_order_of_appearance_unless_given(x, w):
    appearance = recording_from_arrays("m", STEPS, {"b": x}, {"a": w, "b": w})
    assert appearance.trajectories.rows["layer_name"][::T].tolist() == ["b", "a"]
    given = recording_from_arrays("m", STEPS, {"b": x}, {"a": w, "b": w}, layers=["a", "b"])
    assert given.trajectories.rows["layer_name"][::T].tolist() == ["a", "b"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gap_is_missing_and_said_so(x, w, j, value):
    x[2, 1, 3] = w[1, 0, 0, 0] = j[3, 0] = value
    recording = recording_from_arrays("m", STEPS, {"a": x}, {"a": w}, {"a": j}, "gradient")
    for name in ("activation_abs_mean", "weight_abs_mean", "activity_change_sq_mean"):
        gap = {"activation": 2, "weight": 1, "activity_change": 3}[observable_of(name)]
        assert np.flatnonzero(np.isnan(of(recording, "a", name))).tolist() == [gap]
    assert gaps(recording) == tuple(
        f"{key}/a has NaN or infinite values at 1 of 4 checkpoints, where it counts as missing"
        for key in ("activations", "weights", "activity_change")
    )


def test_a_layer_that_is_nan_throughout_leaves_the_others(x):
    recording = recording_from_arrays("m", STEPS, {"a": x, "b": x * np.nan})
    assert finite_observables(recording, "a") == {"activation"}
    assert finite_observables(recording, "b") == set()
    assert "activations/b has NaN or infinite values at 4 of 4" in recording.warnings[0]


def z_scored(x, ddof=0):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=ddof, keepdims=True)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("signal", SIGNALS[1:])
def test_activations_z_scored_within_checkpoints_are_refused(x, signal, ddof):
    z = z_scored(x, ddof)
    z[1, 0, 0] = np.nan
    z[:, :, 4] = 0
    with pytest.raises(InputError, match="activations .* z-scored and their trajectory is lost"):
        recording_from_arrays("m", STEPS, {"a": z, "b": z}, signal=signal)
    with pytest.raises(InputError, match="activations of b must keep their scale"):
        recording_from_arrays("m", STEPS, {"a": x, "b": np.round(z, 2)}, signal=signal)


def test_what_only_looks_z_scored_is_accepted(x):
    z = z_scored(x)
    one_checkpoint_kept = np.concatenate([z[:-1], 2 * z[-1:]])
    recording_from_arrays("m", STEPS, {"a": z}, signal="model")
    recording_from_arrays("m", STEPS, {"a": one_checkpoint_kept}, signal="rate")
    recording_from_arrays("m", STEPS, {"a": np.ones_like(z)}, signal="rate")
    recording_from_arrays("m", STEPS, {"a": np.ones((T, 1, 3))}, signal="rate")
    recording_from_arrays("m", STEPS, {}, {"a": x}, signal="rate")


BAD_STEPS = {
    "two axes": ([[0, 1]], r"steps must have the shape \(checkpoints,\); got \(1, 2\)"),
    "a scalar": (3, r"steps must have the shape \(checkpoints,\); got \(\)"),
    "one": ([5], "steps must hold 2 checkpoints or more; got 1"),
    "falling": ([0, 10, 5, 20], "steps must rise strictly; got 10, then 5"),
    "equal": ([0, 10, 10, 20], "steps must rise strictly; got 10, then 10"),
    "NaN": ([0, 10, np.nan, 20], "steps must be finite; got nan"),
    "infinite": ([0, 10, 20, np.inf], "steps must be finite; got inf"),
    "text": (["a", "b"], "steps must hold integers or floats; got dtype <U1"),
    "bool": ([False, True], "steps must hold integers or floats; got dtype bool"),
}


@pytest.mark.parametrize(("steps", "message"), BAD_STEPS.values(), ids=BAD_STEPS)
def test_bad_steps_are_refused(x, steps, message):
    with pytest.raises(InputError, match=message):
        recording_from_arrays("m", steps, {"a": x})


BAD_ARRAYS = {
    "activations of two axes": (
        {"activations": {"a": np.ones((T, 3))}},
        r"activations/a must have the shape \(checkpoints, stimuli, units\); got \(4, 3\)",
    ),
    "activations of four axes": (
        {"activations": {"a": np.ones((T, 3, 2, 2))}},
        r"activations/a must have the shape .* got \(4, 3, 2, 2\)",
    ),
    "weights of one axis": (
        {"weights": {"a": np.ones(T)}},
        r"weights/a must have the shape \(checkpoints, ...\); got \(4,\)",
    ),
    "activity changes of three axes": (
        {"activity_change": {"a": np.ones((T, 3, 3))}, "activity_change_source": "gradient"},
        r"activity_change/a must have the shape \(checkpoints, stimuli\); got \(4, 3, 3\)",
    ),
    "another number of checkpoints": (
        {"activations": {"a": np.ones((5, 3, 2))}},
        r"activations/a must have the 4 checkpoints of steps on its first axis; .* \(5, 3, 2\)",
    ),
    "transposed activations": (
        {"activations": {"a": np.ones((3, 2, 4))}},
        r"got the shape \(3, 2, 4\); axis 2 \(from 0\) has them: transposed\?",
    ),
    "silence": (
        {"activations": {"a": np.ones((T, 3, 2)), "b": np.zeros((T, 3, 2))}},
        "activations/b must have a value that is not 0; all its units are silent",
    ),
    "no stimuli": (
        {"activations": {"a": np.ones((T, 0, 2))}},
        r"activations/a must have an entry or more on each axis; got \(4, 0, 2\)",
    ),
    "no units": (
        {"activations": {"a": np.ones((T, 2, 0))}},
        r"activations/a must have an entry or more on each axis; got \(4, 2, 0\)",
    ),
    "text": (
        {"activations": {"a": np.full((T, 2, 2), "x")}},
        "activations/a must hold integers or floats; got dtype <U1",
    ),
    "complex": (
        {"weights": {"a": np.ones((T, 2), dtype=complex)}},
        "weights/a must hold integers or floats; got dtype complex128",
    ),
    "NaN everywhere": (
        {"activations": {"a": np.full((T, 2, 2), np.nan)}},
        "no layer is at more than 0",
    ),
    "NaN nearly everywhere": (
        {"weights": {"a": np.where(np.arange(T)[:, None] == 1, 1.0, [np.nan, 1])}},
        "no layer is at more than 1",
    ),
    "no layer": ({}, "a recording must have a layer or more, such as activations/<layer>"),
    "an unknown signal": (
        {"activations": {"a": np.ones((T, 2, 2))}, "signal": "bold"},
        "signal must be one of model, rate, calcium, deconvolved; got 'bold'",
    ),
    "activity change of no source": (
        {"activity_change": {"a": np.ones((T, 2))}},
        "come with activity_change_source, one of gradient, stimulation; it is missing",
    ),
    "activity change of an unknown source": (
        {"activity_change": {"a": np.ones((T, 2))}, "activity_change_source": "regression"},
        "activity_change_source must be one of gradient, stimulation; got 'regression'",
    ),
    "layers that are not those recorded": (
        {"activations": {"a": np.ones((T, 2, 2))}, "layers": ["a", "b"]},
        "layers must name each recorded layer once, a; got a, b",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays_are_refused(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        recording_from_arrays("m", STEPS, **{"activations": {}, **arguments})
    assert "\n" not in str(caught.value)


def test_a_recording_without_change_or_with_few_units_carries_a_warning() -> None:
    constant = recording_from_arrays("c", [0, 1], {"a": np.ones((2, 20, 30))})
    assert constant.warnings == (
        "activations/a are the same at every checkpoint: no learning is seen in them, so what is "
        "said of this layer means nothing",
    )
    few = recording_from_arrays("f", [0, 1], {"a": np.random.default_rng(0).random((2, 20, 3))})
    assert few.warnings == ("activations/a has 3 units; statistics of fewer than 10 are rough",)


def test_activity_changes_must_be_of_the_same_stimuli() -> None:
    x = np.random.default_rng(0).random((2, 20, 30))
    with pytest.raises(InputError, match="activity_change/a must have the 20 stimuli of .*; got 7"):
        recording_from_arrays("r", [0, 1], {"a": x}, None, {"a": x[:, :7, 0]}, "gradient")


def test_values_that_overflow_are_missing_without_a_python_warning() -> None:
    x = np.random.default_rng(0).random((2, 20, 30))
    huge = recording_from_arrays("h", [0, 1], {"a": x * 1e200, "b": x})
    rows = huge.trajectories.rows.query("layer == 0")
    assert rows["activation_sq_var"].isna().all() or np.isinf(rows["activation_sq_var"]).all()


def test_a_recording_says_what_its_checkpoints_and_units_are(x):
    model = recording_from_arrays("m", STEPS, {"a": x})
    assert (model.tracked, model.checkpoints) == (True, "steps")
    days = recording_from_arrays("d", STEPS, {"a": x}, tracked=False, checkpoints="sessions")
    assert (days.tracked, days.checkpoints) == (False, "sessions")
    assert not days.trajectories.rows["tracked"].any()
    with pytest.raises(InputError, match="checkpoints must be one of steps, .*; got 'weeks'"):
        recording_from_arrays("d", STEPS, {"a": x}, checkpoints="weeks")


def test_units_that_were_lost_are_left_out_and_counted(x):
    x[2, 0, 3] = x[:, 0, 4] = x[3] = np.nan
    recording = recording_from_arrays("m", STEPS, {"a": x}, signal="calcium")
    kept = recording_from_arrays("m", STEPS, {"a": np.delete(x, (3, 4), 2)}, signal="calcium")
    rows = recording.trajectories.rows
    pd.testing.assert_frame_equal(rows, kept.trajectories.rows)
    assert rows["n_units"].tolist() == [UNITS - 2] * T
    lost, missing = gaps(recording)
    assert lost == "activations/a: 2 of 9 units are left out, for they have NaN at some checkpoint"
    assert missing.startswith("activations/a has NaN or infinite values at 1 of 4 checkpoints")


@pytest.mark.parametrize(
    ("signal", "n_lost", "value"), [("model", 1, np.nan), ("rate", 5, np.nan), ("rate", 1, np.inf)]
)
def test_what_is_no_lost_unit_costs_the_checkpoint(x, signal, n_lost, value):
    x[2, 0, :n_lost] = value
    recording = recording_from_arrays("m", STEPS, {"a": x}, signal=signal)
    assert recording.trajectories.rows["n_units"].tolist() == [UNITS] * T
    assert np.flatnonzero(np.isnan(of(recording, "a", "activation_raw_mean"))).tolist() == [2]


def test_silent_units_are_counted(x):
    x[:, :, 2:4] = 0
    x[1, 0, 3] = 1
    (warning,) = gaps(recording_from_arrays("m", STEPS, {"a": x}))
    assert warning == "activations/a: 1 of 9 units are silent: 0 at every checkpoint"


def test_a_recording_is_constant_when_nothing_of_any_layer_changes(x, w) -> None:
    still, still_w = np.repeat(x[:1], T, axis=0), np.repeat(w[:1], T, axis=0)
    gap = np.where(np.arange(T)[:, None, None] == 1, np.nan, still)
    for layers, weights, constant in (
        ({"a": still, "b": gap}, {"a": still_w}, True),
        ({"a": still, "b": x}, {}, False),
        ({"a": still}, {"a": w}, False),
    ):
        assert recording_from_arrays("m", STEPS, layers, weights).is_constant is constant


def test_statistics_beyond_single_precision_are_said_by_layer(x) -> None:
    late = np.where(np.arange(T)[:, None, None] == 3, 1e50, 1.0) * x
    (warning, *_) = gaps(recording_from_arrays("m", STEPS, {"a": late, "b": x}))
    assert warning.startswith(
        "activations/a has values too large to be described in single precision at 1 of 4"
    )
    with pytest.raises(InputError, match="activations must have values that single .* scale them"):
        recording_from_arrays("m", STEPS, {"a": x * 1e50, "b": x * 1e200}, {"a": x})


@pytest.mark.parametrize(("signal", "meaning"), [("model", "diverged"), ("calcium", "of gain")])
def test_a_jump_of_scale_is_said_with_its_checkpoint(x, w, signal, meaning) -> None:
    x[2] = np.nan
    scale = np.array([1, 1, 1, 1000])
    still = x[:1] * np.ones((T, 1, 1))
    of_a, of_w = (
        table * scale[(...,) + (None,) * (table.ndim - 1)] for table in (x, w[:1] + 0 * w)
    )
    given = {"a": of_a, "b": still * np.array([1, 1, 29, 29])[:, None, None]}
    recording = recording_from_arrays("m", STEPS, given, {"c": of_w}, signal=signal)
    one, other = (warning for warning in recording.warnings if "root mean square" in warning)
    assert one.startswith("activations/a: the root mean square at checkpoint 3 (from 0) is ")
    assert "times that at checkpoint 1: this looks like" in one and meaning in one
    assert other.startswith("weights/c") and "is 1e+03 times that at checkpoint 2" in other


def test_negative_rates_are_counted(x) -> None:
    x = np.abs(x)
    x[0, 0, 0] = -1
    said = [
        [
            w
            for w in recording_from_arrays("m", STEPS, {"a": x}, signal=signal).warnings
            if "neg" in w
        ]
        for signal in SIGNALS
    ]
    assert [len(some) for some in said] == [0, 1, 0, 1]
    assert said[1][0].startswith("activations/a: 0.0046 of the values are negative")
