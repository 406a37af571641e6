from __future__ import annotations

from typing import Any

import pytest

from rule_id.errors import InputError
from rule_id.observables.measurement import OBSERVATIONS, Measurement, n_kept


@pytest.mark.parametrize(
    ("units", "n", "kept"),
    [
        (1.0, 7, 7),
        (0.5, 7, 4),
        (1, 7, 1),
        (100, 7, 7),
        (0.01, 7, 1),
        (0.07, 100, 7),
        (0.55, 100, 55),
    ],
)
def test_how_many_units(units: float | int, n: int, kept: int) -> None:
    assert n_kept(units, n) == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"units": 0.0}, "units must be a fraction above 0 .* 1 or more; got 0.0"),
        ({"units": 1.5}, "units must be a fraction above 0 .*; got 1.5"),
        ({"units": 0}, "units must be a fraction above 0 .*; got 0"),
        ({"units": True}, "units must be a fraction above 0 .*; got True"),
        ({"units": "half"}, "units must be a fraction above 0 .*; got 'half'"),
        ({"noise_std": -0.1}, "noise_std must be a number, 0 or more; got -0.1"),
        ({"noise_std": float("nan")}, "noise_std must be a number, 0 or more; got nan"),
        ({"observation": "spikes"}, "observation must be one of exact, .*; got 'spikes'"),
        ({"observation": "gaussian"}, "noise_std must be above 0 with the observation gaussian"),
        (
            {"observation": "poisson", "noise_std": 0.5},
            "noise_std must be 0 with the observation poisson, .*; got 0.5",
        ),
        ({"observation": "poisson", "counts": 0.0}, "counts must be a number above 0; got 0.0"),
        (
            {"observation": "calcium", "counts": 3.0},
            "counts must come with the observation poisson; got calcium",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Measurement(**given)


def test_noise_alone_is_gaussian_and_explicit_names_stay() -> None:
    assert Measurement().observation == "exact"
    assert Measurement(noise_std=0.5) == Measurement(noise_std=0.5, observation="gaussian")
    assert Measurement(noise_std=0.5, observation="calcium").observation == "calcium"
    assert Measurement(observation="poisson", counts=3).counts == 3


def test_weights_are_seen_without_a_recording_only() -> None:
    noise = {"gaussian": 0.5}
    complete = [
        name
        for name in OBSERVATIONS
        if Measurement(observation=name, noise_std=noise.get(name, 0.0)).complete
    ]
    assert complete == ["exact", "gaussian"]


def test_one_unit_is_not_all_of_them() -> None:
    assert Measurement(units=1) != Measurement(units=1.0)
    assert len({Measurement(units=1), Measurement(units=1.0), Measurement()}) == 2
