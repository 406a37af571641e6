"""Sizes of ensembles: measured where it matters, kept, and the same for whoever goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rule_id.errors import InputError
from rule_id.simulation import read_plan, simulate, sizes
from rule_id.simulation.ensembles import Ensemble
from rule_id.simulation.resolve import resolve
from rule_id.simulation.sizes import CANDIDATES, Sizes, class_of, machine_name, usual_size

OWN = {
    "rules": ["backprop+sgd"], "blocks": 1, "networks_per_rule": 9, "architecture": "dense1",
    "width": 4, "task": "wine", "steps": 20, "batch_size": 4,
}  # fmt: skip
PLAN = {"schema": 1, "seed": 1, "checkpoints": 2, "ensembles": [OWN]}


def nine(**further: object) -> Ensemble:
    plan = read_plan({**PLAN, "ensembles": [OWN | further]})
    (whole,) = resolve(plan, size_of=lambda ensemble: 100)
    return whole


def speeds(monkeypatch: pytest.MonkeyPatch, of_size: dict[int, float]) -> list[int]:
    asked: list[int] = []

    def speed(ensemble: Ensemble, size: int, device: str) -> float:
        asked.append(size)
        return of_size[size]

    monkeypatch.setattr(sizes, "_speed", speed)
    return asked


def test_a_size_that_a_machine_has_measured_is_one_of_the_candidates(tmp_path: Path) -> None:
    choose = Sizes("cpu", cache=tmp_path / "sizes.json")
    size = choose(nine())
    assert size in CANDIDATES["cpu"] and choose.chosen == {class_of(nine()): size}
    assert json.loads((tmp_path / "sizes.json").read_text()) == {
        machine_name("cpu"): {class_of(nine()): size}
    }


@pytest.mark.parametrize(
    ("of_size", "expected"),
    [
        ({4: 1.0, 8: 2.0, 16: 3.0}, 16),  # no more than there are networks, rounded up
        ({4: 1.0, 8: 1.02, 16: 1.01}, 4),  # a smaller one will do
        ({4: 1.0, 8: 0.5}, 4),  # and nothing larger is tried
    ],
)
def test_the_smallest_of_the_fast(monkeypatch, tmp_path, of_size, expected) -> None:
    asked = speeds(monkeypatch, of_size)
    assert Sizes("cpu", cache=tmp_path / "sizes.json")(nine()) == expected
    assert asked == list(of_size)


def test_each_class_is_measured_once_a_machine(monkeypatch, tmp_path) -> None:
    asked = speeds(monkeypatch, {4: 1.0, 8: 0.5})
    for _ in range(2):
        choose = Sizes("cpu", cache=tmp_path / "deep" / "sizes.json")
        choose(nine())
        choose(nine(width=5))  # of the same class
    assert asked == [4, 8]
    choose(nine(width=200))
    assert asked == [4, 8, 4, 8] and len(choose.chosen) == 2


def test_what_a_corpus_was_begun_with_holds_and_a_fixed_size_before_all(tmp_path) -> None:
    name, cache = class_of(nine()), tmp_path / "sizes.json"
    assert Sizes("cpu", {name: 5}, cache=cache)(nine()) == 5
    assert Sizes("cpu", {name: 5}, fixed=3, cache=cache)(nine()) == 3
    assert not cache.exists()


def test_few_networks_are_not_measured(tmp_path) -> None:
    assert Sizes("cpu", cache=tmp_path / "sizes.json")(nine(networks_per_rule=4)) == 4
    assert not (tmp_path / "sizes.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"other": 3}', "{"])
def test_a_damaged_cache_is_measured_again(monkeypatch, tmp_path, text: str) -> None:
    cache = tmp_path / "sizes.json"
    cache.write_text(text)
    asked = speeds(monkeypatch, {4: 1.0, 8: 0.5})
    for value in (0, "4", None):
        assert Sizes("cpu", {class_of(nine()): value}, cache=cache)(nine()) == 4
    assert asked == [4, 8]


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path) -> None:
    speeds(monkeypatch, {4: 1.0, 8: 0.5})
    (tmp_path / "file").write_text("")
    assert Sizes("cpu", cache=tmp_path / "file" / "sizes.json")(nine()) == 4


def test_a_user_without_a_home_measures_each_time(monkeypatch) -> None:
    monkeypatch.delenv("RULE_ID_CACHE")

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    asked = speeds(monkeypatch, {4: 1.0, 8: 0.5})
    assert [Sizes("cpu")(nine()), Sizes("cpu")(nine())] == [4, 4] and asked == [4, 8, 4, 8]
    assert Sizes("cpu", fixed=3)(nine()) == 3


def limited(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    def speed(ensemble: Ensemble, size: int, device: str) -> float:
        if size > most:
            raise torch.OutOfMemoryError
        return float(size)

    monkeypatch.setattr(sizes, "_speed", speed)


@pytest.mark.parametrize(("most", "expected"), [(8, 8), (4, 4), (3, 2), (1, 1)])
def test_no_more_than_the_device_has_memory_for(monkeypatch, tmp_path, most, expected) -> None:
    limited(monkeypatch, most)
    assert Sizes("cpu", cache=tmp_path / "sizes.json")(nine()) == expected


def test_a_network_that_does_not_fit_is_refused(monkeypatch, tmp_path) -> None:
    limited(monkeypatch, 0)
    with pytest.raises(InputError, match="device must have memory for one dense1; cpu has not"):
        Sizes("cpu", cache=tmp_path / "sizes.json")(nine())


def test_a_folder_that_will_not_do_is_refused_before_timing(monkeypatch, tmp_path) -> None:
    asked = speeds(monkeypatch, {4: 1.0, 8: 0.5})
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="out must be a folder"):
        simulate(PLAN, tmp_path / "file", workers=1)
    assert asked == []


def test_the_manifest_names_the_sizes_and_whoever_goes_on_keeps_them(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RULE_ID_CACHE", str(tmp_path / "first"))
    speeds(monkeypatch, {4: 1.0, 8: 0.5})
    simulate(PLAN, tmp_path / "corpus", workers=1)
    manifest = json.loads((tmp_path / "corpus" / "manifest.json").read_text())
    assert manifest["ensemble_sizes"] == {class_of(nine()): 4}
    assert len(manifest["parts"]) == 3
    # Another machine, on which another size would be best.
    monkeypatch.setenv("RULE_ID_CACHE", str(tmp_path / "second"))
    speeds(monkeypatch, {4: 1.0, 8: 2.0, 16: 1.0})
    simulate(PLAN, tmp_path / "corpus", workers=1)
    assert json.loads((tmp_path / "corpus" / "manifest.json").read_text()) == manifest


def test_a_plan_may_fix_the_size(tmp_path) -> None:
    estimate = simulate({**PLAN, "ensemble_size": 2}, tmp_path / "corpus", workers=1)
    assert len(list((estimate / "networks").glob("*.parquet"))) == 5
    with pytest.raises(InputError, match="ensemble_size"):
        read_plan({**PLAN, "ensemble_size": 0})


def test_without_measuring_there_is_a_usual_size() -> None:
    assert usual_size(nine()) == 16
    assert usual_size(nine(architecture="knet4", task="digits")) == 8
