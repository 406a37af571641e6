from __future__ import annotations

import json

import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.errors import InputError
from rule_id.features.material import read_material
from rule_id.models.mix import Mix
from rule_id.models.patterns import PATTERNS, TRAINED_GAPS
from rule_id.trajectories import OBSERVABLES

NOISE = {"observation": "gaussian", "noise_std": 1.0}
SPIKES = {"observation": "poisson"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"complete": 0}, "complete must be 1 or more; got 0"),
        ({"random": -1}, "random must be 0 or more; got -1"),
        (
            {"kinds": ("spikes",)},
            "kind must be one of exact, noisy, poisson, calcium; got 'spikes'",
        ),
        ({"kinds": ()}, "kinds must name one or more of exact, noisy, poisson, calcium; got none"),
        ({"always": ("weights",)}, "observable must be one of .*; got 'weights'"),
    ],
)
def test_what_is_not_allowed_is_refused(values: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Mix(**values)


def test_gaps_leave_what_is_always_seen_and_are_all_that_do() -> None:
    assert Mix().gaps == list(TRAINED_GAPS)
    for always in PATTERNS.values():
        gaps = Mix(always=always).gaps
        left = [{*OBSERVABLES} - {*gap} for gap in gaps]
        assert all({*always} <= kept for kept in left)
        assert len(gaps) == 2 ** (len(OBSERVABLES) - len(always)) - 1


def test_views_are_drawn_from_measurements_of_its_kinds() -> None:
    plain = synthetic_trajectories(n_blocks=2, n_checkpoints=3)
    panels = read_material(with_measurements(plain, NOISE, {}, SPIKES)).panels
    assert Mix().of(panels) == [0, 1, 2, 3]
    assert Mix(kinds=("exact",)).of(panels) == [0, 2]
    assert Mix(kinds=("noisy", "poisson")).of(panels) == [1, 3]
    # There is none, and a classifier must learn from something.
    assert Mix(kinds=("calcium",)).of(panels) == [0, 1, 2, 3]


def test_it_is_said_in_json() -> None:
    mix = Mix(2, 1, ("exact",), ("weight",))
    said = {"complete": 2, "random": 1, "kinds": ["exact"], "always": ["weight"]}
    assert json.loads(json.dumps(mix.to_dict())) == mix.to_dict() == said
    assert Mix.from_dict(mix.to_dict()) == mix
