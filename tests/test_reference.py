from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rule_id.reference import MEASUREMENTS, PLANS, plan_path, reference_path
from rule_id.simulation import read_plan


@pytest.mark.parametrize("name", [*PLANS, *MEASUREMENTS])
def test_what_ships_is_found_by_name(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan_path(name) == plan_path(Path(name)) == reference_path(f"{name}.toml")
    assert plan_path(name).is_file()
    assert {"merging", "demo", "reference", "paper"} == set(PLANS) and MEASUREMENTS == ("grid",)


@pytest.mark.parametrize("name", ["grid", "merging"])
def test_a_file_of_that_name_comes_first(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("")
    assert plan_path(name) == Path(name)


def test_other_names_are_files(tmp_path: Path) -> None:
    for path in ("mine.toml", "grid.toml", "merging.toml", tmp_path / "grid"):
        assert plan_path(path) == Path(path)


@pytest.mark.parametrize("name", PLANS)
def test_plans_that_ship_are_plans(name: str) -> None:
    plan = read_plan(name)
    assert plan.ensembles and plan.measurements


def test_what_decides_on_merging_measures_everything_without_noise() -> None:
    """600 networks of each of 30 rules."""
    plan = read_plan("merging")
    (ensemble,), (one,) = plan.ensembles, plan.measurements
    assert one.units.support() == [1.0] and one.noise_std.support() == [0.0]
    assert one.observation == "exact"
    assert len(ensemble.rules) == 30
    assert ensemble.blocks * ensemble.networks_per_rule == 600


def test_measurements_that_ship_are_measurements_alone() -> None:
    assert set(tomllib.loads(plan_path("grid").read_text())) == {"measurements"}
