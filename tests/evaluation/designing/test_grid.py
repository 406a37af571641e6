from __future__ import annotations

import numpy as np
import pytest

from rule_id.evaluation.designing.grid import CHECKPOINTS, looks
from rule_id.features.material import Material, read_material
from rule_id.models import PATTERNS
from rule_id.models.cuts import Cut
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="module")
def material(gridded: Trajectories) -> Material:
    return read_material(gridded)


def test_each_measurement_is_looked_at_with_few_and_with_all_checkpoints(
    material: Material,
) -> None:
    total, every = looks(material, "summary")
    seen = list(every)
    assert len(seen) == total == 6 * 3
    assert [look.checkpoints for look in seen] == [2, 3, 4] * 6
    assert {look.n_units for look in seen} == {1, 16, 64}
    for look in seen:
        spikes = look.seeing.observation == "poisson"
        assert list(look.patterns) == (["activation"] if spikes else list(PATTERNS))
        assert set(look.table.meta["measurement"]) == {look.seeing.measurement}


def test_what_sees_the_same_is_looked_at_once(material: Material) -> None:
    twice = {**material.panels, 9: material.panels[2]}
    same = Material(material.networks, twice, material.loss, material.performance, "twice", 0)
    total, every = looks(same, "summary")
    assert total == 6 * 3 and 9 not in {look.seeing.measurement for look in every}


@pytest.mark.parametrize("n", [4, 9, 20, 21, 50])
def test_checkpoints_are_evenly_spread_with_the_first_and_the_last(n: int) -> None:
    for number in [k for k in CHECKPOINTS if k < n]:
        kept = Cut(number=number, spread=True).draw(n, np.random.default_rng(0))
        assert len(kept) == number and (kept[0], kept[-1]) == (0, n - 1)
        assert np.ptp(np.diff(kept)) <= 1
    assert len(Cut(number=n + 1, spread=True).draw(n, np.random.default_rng(0))) == n
