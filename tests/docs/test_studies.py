"""The small functions of the studies in docs/studies."""

from __future__ import annotations

import doctest
import importlib
import json
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic import RULES as RULES_PLANTED
from synthetic import synthetic_trajectories, with_measurements

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "studies"))

import authors_rules
import baselines_elsewhere
import kunin_runs
import kunin_theory
import merging
import mixes
import rules_table
import study

from rule_id.evaluation.fitting import fit_all
from rule_id.evaluation.store import Store
from rule_id.features.material import gather
from rule_id.models.menu import MENU, Entry
from rule_id.models.mix import Mix
from rule_id.models.view import Cell
from rule_id.networks import DenseMap, Layer
from rule_id.rules import RULES, LearningRule, Noise
from rule_id.rules.alignment import descend
from rule_id.rules.learned_feedback import AUTHORS

MODULES = (
    "study",
    "rules_table",
    "kunin",
    "kunin_runs",
    "kunin_theory",
    "alignment_times",
    "merging",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert result.attempted > 0


def test_importing_a_study_adds_nothing_to_the_tables() -> None:
    assert not any(name.startswith("constant_") for name in RULES)


def test_a_part_is_computed_once_and_again_for_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "CORPORA", tmp_path)
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    assert [study.part("x", "a", settings, compute) for settings in ([1], [1], [2])] == [1, 1, 2]
    assert len(list((tmp_path / "x").iterdir())) == 2


def test_mean_and_sem_say_how_many_are_missing() -> None:
    assert study.mean_and_sem([None, float("nan")])[2] == 2
    assert np.isnan(study.mean_and_sem([None])[0])


def _learner(rule: str) -> Any:
    networks = [{"learning_rate": 0.05, **kunin_runs.middle_hyperparameters(rule)}] * 2
    ensemble = kunin_runs.ensemble_of(rule, kunin_runs.SOURCE, [0, 1], networks)
    data = study.EnsembleData(ensemble, "cpu", torch.float32)
    return study.Learner(ensemble, data, "cpu", torch.float32), data


@pytest.mark.parametrize(("rule", "expected"), [("backprop", 0.0), ("random_drift", 90.0)])
def test_angle_to_the_gradient(rule: str, expected: float) -> None:
    learner, data = _learner(rule)
    angle = study.gradient_angle(
        learner, study.large_batch(learner, data), Noise([1, 2], "cpu", torch.float32)
    )
    assert angle.numpy() == pytest.approx([expected] * 2, abs=3)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("feedback_alignment", 90.0),
        ("sign_symmetry_uniform", 37.1),  # E|w| / sqrt(E w^2) is sqrt(2 / pi) for normal weights
        ("sign_symmetry_fixed_random", 50.5),  # 2 / pi
        ("sign_symmetry_batchwise_random", 46.3),  # sqrt(2 / pi) sqrt(3) / 2
    ],
)  # fmt: skip
def test_angle_to_the_weights_before_learning(rule: str, expected: float) -> None:
    learner, _ = _learner(rule)
    angle = study.weight_angle(learner, Noise([1, 2], "cpu", torch.float32))
    assert angle is not None
    assert angle.numpy() == pytest.approx([expected] * 2, abs=3)


def test_no_angle_without_layerwise_feedback() -> None:
    noise = Noise([1, 2], "cpu", torch.float32)
    assert study.weight_angle(_learner("backprop")[0], noise) is None


def test_draws_are_the_same_each_time_and_name_the_authors_primitives() -> None:
    for rule in kunin_runs.CONSTANT:
        draws = kunin_runs.draws_of(rule)
        assert draws == kunin_runs.draws_of(rule)
        assert all(draw.keys() == AUTHORS[kunin_runs.LIKE[rule]].keys() for draw in draws)


def test_constant_coefficients_are_the_authors_and_take_full_steps() -> None:
    rules = {one.name: one for one in authors_rules.CREDIT_ASSIGNMENTS}
    assert set(rules) == set(kunin_runs.CONSTANT)
    for name, own in rules.items():
        assert own.ranges == AUTHORS[kunin_runs.LIKE[name]]
        assert LearningRule(own).family == "learned feedback"


def test_eigenvalues_say_where_the_authors_rule_moves_away_from_its_fixed_point() -> None:
    torch.manual_seed(0)
    x, w, start = torch.randn(1, 500, 6), torch.randn(1, 4, 6), torch.randn(1, 4, 6)
    layer = Layer("layer", DenseMap(6, 4), -1)
    spectra = kunin_theory.spectra_of([(layer, w.double(), x.double())])
    for own in ({"amp": 2.0, "null": 1.0, "decay": 1.0}, {"amp": 2.0, "sparse": 1.0}):
        largest = kunin_theory.eigenvalue_range(own, spectra)[2]
        for eta, grows in ((1.9 / largest, False), (2.1 / largest, True)):
            amounts = {k: torch.full((1,), eta * v) for k, v in own.items()}
            end = kunin_theory.fixed_point(layer, w, x, amounts)
            b = start
            for _ in range(200):
                b = descend(layer, b, w, x, amounts, shortened=False)
            assert bool((b - end).norm() > (start - end).norm()) is grows


def test_cells_of_the_rules_table_leave_out_what_is_not_there() -> None:
    assert rules_table.angle_cell([[], [], []]) == ""
    assert rules_table.accuracy_cells({"accuracy": {"digits": [None]}}) == ["", "1"]


def test_every_credit_assignment_has_one_row_in_the_main_table() -> None:
    names = [rules_table.main_rule(one) for one in rules_table.CREDIT_ASSIGNMENTS]
    assert len(set(names)) == len(names)
    assert set(names) <= set(RULES)


def test_the_page_of_merged_rules_says_what_the_list_says() -> None:
    corpus = synthetic_trajectories(n_blocks=2, networks_per_rule=1)
    table = pd.DataFrame(
        [
            (a, b, 2, 2, linear, np.nan if linear > 0.7 else 0.58, max(linear, 0.58))
            for (a, b), linear in zip(
                combinations(sorted(RULES_PLANTED), 2),
                (0.55, 0.9, 0.66, 0.9, 0.9, 0.9),
                strict=True,
            )
        ],
        columns=merging.pairs.PAIR_COLUMNS,
    )
    document = json.loads(json.dumps(merging.document_of(corpus, table)))
    assert document["groups"] == {"backprop+adam/momentum": ["backprop+adam", "backprop+momentum"]}
    assert [pair["accuracy"] for pair in document["pairs"]] == [0.58, 0.66]
    text = merging.page(document)
    assert "2 of 4 rules are merged, into 1 group; what was 4 classes is 3." in text
    assert "| `backprop+adam`, `backprop+momentum` | 0.580 | 0.550 | 0.580 | 2 + 2 | yes |" in text
    assert text.count("| no |") == 1


def test_a_baseline_is_right_about_a_family_by_its_sum_or_by_its_best_rule() -> None:
    said = np.array([[0.3, 0.3, 0.4], [0.3, 0.3, 0.4]])
    of = {"rule": ["a+x", "a+y", "b+x"], "family": ["a", "a", "b"]}
    true = pd.DataFrame({"true_rule": ["b+x", "c+x"], "true_family": ["b", "c"]})
    summed = baselines_elsewhere._right(said, of, true, np.sum)
    best = baselines_elsewhere._right(said, of, true, np.max)
    assert list(summed.loc[0]) == [True, False]
    assert list(best.loc[0]) == [True, True]
    assert summed.loc[1].isna().all()  # nobody could have named it


def test_baselines_are_compared_under_noise_on_activations_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    columns: set[str] = set()

    def noting(trials: list[Any], *options: Any) -> list[list[np.ndarray]]:
        columns.update(name for trial in trials for name in trial.table.names)
        return fit_all(trials, *options)

    monkeypatch.setattr(baselines_elsewhere, "fit_all", noting)
    material = gather([synthetic_trajectories(n_blocks=6, n_checkpoints=21)])
    settings = {"random_forest": {"n_estimators": 10}}
    table = baselines_elsewhere.noise(material, 0, settings, 2, Store(None))
    assert set(table["model"]) == {"linear", "xgboost", "combined", "random_forest"}
    assert set(table["feature_set"]) == {"invariant", "paper-24"}
    assert set(table["level"]) == {"network"}
    shown = baselines_elsewhere._shown(table)
    assert shown.count("random_forest") == 1 and "guessing" in shown
    assert columns and all(name.startswith(("activation_", "depth.")) for name in columns)


@pytest.mark.parametrize(
    ("feature_set", "seen", "observables"),
    [("summary", "exact", ("activation",)), ("invariant", "noisy", None)],
)
def test_mixes_are_compared_by_networks_that_are_seen_as_those_asked_for(
    feature_set: str, seen: str, observables: tuple[str, ...] | None, monkeypatch
) -> None:
    monkeypatch.setattr(mixes, "MODEL", "linear")
    noise = {"observation": "gaussian", "noise_std": 1.0}
    material = gather([with_measurements(synthetic_trajectories(15, 1, 9, signal=5.0), noise)])
    entry = Entry(feature_set, observables)
    (found,) = mixes.accuracies(material, entry, Mix(random=1, kinds=(seen,)), [0, 1, 2])
    cells = [Cell.from_dict(one) for one in found]
    assert {cell.view.kind for cell in cells} == {seen}
    assert {cell.view.checkpoints for cell in cells} == {9, 5, 3}
    assert len({cell.view.observables for cell in cells}) == (3 if observables is None else 1)
    # A quarter of twelve blocks, one network a rule each.
    assert {cell.n for cell in cells} == {3 * len(RULES_PLANTED)}
    assert np.mean([cell.accuracy["class"] - cell.chance["class"] for cell in cells]) > 0.1
    table = mixes.shown({str(Mix(random=1)): cells})
    assert len(table.splitlines()) == 3 and "| 1 complete, 1 random |" in table


def test_what_has_weights_is_tried_with_weights_in_each_view() -> None:
    tried = {name: mixes.mixes_of(entry) for name, entry in MENU.items()}
    assert {mix.always for mix in tried["summary"]} == {(), ("weight",)}
    assert {mix.always for mix in tried["summary-activation"]} == {()}
    assert all(len(some) == len(set(some)) for some in tried.values())
