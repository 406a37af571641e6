from __future__ import annotations

import math

import pytest

from rule_id.errors import InputError
from rule_id.evaluation.baselines import BASELINES

SIZES = {"random_forest": 15, "svm": 7, "svm_pca": 77, "conv1d": 720, "multirocket_hydra": 1}


def test_the_grids_are_those_of_the_paper_in_size_and_each_setting_is_there_once() -> None:
    assert {name: len(one.grid) for name, one in BASELINES.items()} == SIZES
    for one in BASELINES.values():
        assert len({tuple(setting.items()) for setting in one.grid}) == len(one.grid)


@pytest.mark.parametrize("name", BASELINES)
def test_a_search_stays_within_the_grid_and_starts_there(name) -> None:
    baseline = BASELINES[name]
    assert baseline.start in baseline.grid
    for key, values in baseline.searched.items():
        for value in values:
            assert baseline.start | {key: value} in baseline.grid
    assert set(baseline.meanwhile) <= set(baseline.start) - set(baseline.searched)


def test_the_kernels_of_the_paper_come_back_at_its_21_checkpoints() -> None:
    shares = {setting["kernel_share"] for setting in BASELINES["conv1d"].grid}
    assert {math.ceil(21 * share) for share in shares} == {1, 2, 6, 11, 21}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("name", BASELINES)
def test_what_is_built_has_the_setting_and_the_seed(name) -> None:
    baseline = BASELINES[name]
    for setting in (baseline.grid[0], baseline.grid[-1]):
        parameters = baseline.build(21, 5, **setting).get_params()
        assert setting.items() <= parameters.items()
        assert parameters["random_state"] == 5
        assert parameters.get("n_checkpoints", 21) == 21


@pytest.mark.usefixtures("stand_in")
def test_too_few_checkpoints_for_the_kernels_are_refused_before_anything_is_fitted() -> None:
    with pytest.raises(InputError, match="needs 10 checkpoints or more; got 9"):
        BASELINES["multirocket_hydra"].build(9, 0)
