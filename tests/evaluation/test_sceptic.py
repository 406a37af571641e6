"""What a sceptic would try: leaks that are planted, controls, sums, and what is taken from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES, synthetic_trajectories, with_variety

from rule_id.evaluation import PROTOCOLS, Evaluation, evaluate
from rule_id.evaluation.answers import answers_of, classes_of
from rule_id.evaluation.apart import Leak
from rule_id.evaluation.choosing import choose_protocols
from rule_id.evaluation.fitting import fit_all
from rule_id.evaluation.novel import NovelTrial, novel_trials
from rule_id.evaluation.store import Store
from rule_id.evaluation.tables import Tables
from rule_id.evaluation.trials import Trial, trials_of
from rule_id.features import TARGETS
from rule_id.features.material import Material, gather
from rule_id.models import LinearClassifier
from rule_id.trajectories import STATISTICS, Trajectories

NOT_BY_BLOCK = {"paper", "network"}
BY_BLOCK = sorted(set(PROTOCOLS) - NOT_BY_BLOCK)


def accuracy(evaluation: Evaluation, protocol: str, target: str = "rule") -> float:
    rows = evaluation.of(target).table.query("protocol == @protocol and level == 'network'")
    ours = rows[rows["feature_set"].isin([evaluation.info["feature_set"], "curves"])]
    return float(ours["accuracy"].mean())


# Leaks


def fingerprinted(trajectories: Trajectories) -> Trajectories:
    """Every rule of every block has levels of its own, which say nothing of other blocks."""
    networks, rows = trajectories.networks, trajectories.rows.copy()
    rng = np.random.default_rng(0)
    kinds = networks.groupby(["block", "rule"]).ngroup().set_axis(networks["network"])
    levels = np.exp(2 * rng.normal(size=(kinds.nunique(), len(STATISTICS)))).astype(np.float32)
    rows[list(STATISTICS)] *= levels[kinds[rows["network"]]]
    return Trajectories(networks, rows, "fingerprinted")


@pytest.mark.usefixtures("results_alone")
def test_the_same_block_on_both_sides_is_worth_a_lot() -> None:
    made = synthetic_trajectories(n_blocks=8, networks_per_rule=12, n_checkpoints=7, signal=0)
    found = evaluate(
        fingerprinted(made), models=["linear"], protocols=["network", "grouped"], splits=3
    )
    assert accuracy(found, "network") > 0.9
    assert accuracy(found, "grouped") < 0.45


@pytest.fixture(scope="module")
def tables(small: Trajectories) -> Tables:
    """Networks of all kinds under two measurements, with two blocks that the plan set apart."""
    material = gather([with_variety(small)])
    few = replace(material.panel, meta=material.panel.meta.assign(n_units=9, unit_fraction=0.5))
    return Tables(replace(material, panels={0: material.panel, 1: few}), "summary", 0)


def all_trials(
    tables: Tables, protocols: list[str] | None = None, hold_out: Iterable[str] = ()
) -> list[Trial | NovelTrial]:
    choice = choose_protocols(protocols, hold_out, tables.material, "summary")
    trials = list(trials_of(tables, choice, ["linear", "xgboost"], 4, 0))
    if "novel" in choice.protocols:
        trials += novel_trials(tables.main, ("linear", "xgboost"), 0, 3)
    return trials


def sharing(trials: list[Trial | NovelTrial], column: str) -> set[str]:
    """Return the protocols that train on a block, or a network, that they test."""
    found = set()
    for trial in trials:
        train = trial.split.train if isinstance(trial, NovelTrial) else trial.rows
        trained = set(trial.table.meta[column][train])
        tests = (
            [("novel", trial.table, trial.split.test)]
            if isinstance(trial, NovelTrial)
            else [(test.protocol, test.table, test.rows) for test in trial.tests]
        )
        found |= {name for name, table, rows in tests if trained & set(table.meta[column][rows])}
    return found


def test_nothing_that_is_fitted_is_tested_on_blocks_that_it_saw(tables: Tables) -> None:
    trials = all_trials(tables, hold_out=["task=digits", "architecture=recurrent"])
    of_tests = {test.protocol for t in trials if isinstance(t, Trial) for test in t.tests}
    assert {*of_tests, "novel"} == set(PROTOCOLS)
    # The two that say so share blocks: the check sees it where it is.
    assert sharing(trials, "block") == NOT_BY_BLOCK
    assert sharing(trials, "network") == {"paper"}


def test_what_the_plan_set_apart_is_never_fitted(tables: Tables) -> None:
    for trial in all_trials(tables):
        train = trial.split.train if isinstance(trial, NovelTrial) else trial.rows
        assert not trial.table.meta["held_out"][train].any()


def test_halves_that_calibrate_for_each_other_share_no_block(tables: Tables) -> None:
    for trial in all_trials(tables, ["calibrated"]):
        first, second = (set(test.table.meta["block"][test.rows]) for test in trial.tests)
        assert first and second and not first & second


def leaky(draw: Callable) -> Callable:
    """The same, but that one of the tested networks is trained on."""

    def drawn(meta: pd.DataFrame, *given: object) -> tuple[np.ndarray, np.ndarray]:
        train, test = draw(meta, *given)
        moved = (meta["network"] == meta["network"][test].min()).to_numpy()
        return train | moved, test & ~moved

    return drawn


@pytest.mark.parametrize("protocol", BY_BLOCK)
def test_a_planted_leak_is_caught(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    # Novel trials have the splits of grouped.
    drawn = "grouped" if protocol == "novel" else protocol
    monkeypatch.setitem(
        PROTOCOLS, drawn, replace(PROTOCOLS[drawn], draw=leaky(PROTOCOLS[drawn].draw))
    )
    with pytest.raises(Leak, match=f"protocol {protocol} must have no block on both sides"):
        all_trials(tables, [protocol])
    # Without the guard the check above would have seen it.
    for room in ("trials", "novel"):
        monkeypatch.setattr(f"rule_id.evaluation.{room}.require_apart", lambda *given: None)
    assert sharing(all_trials(tables, [protocol]), "block") == {protocol}


@pytest.mark.parametrize("protocol", ["truncated", "measured", "curves"])
def test_a_leak_between_the_split_and_other_tables_is_caught(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(
        "rule_id.evaluation.trials._of_networks",
        lambda context, table, rows: np.ones(len(table), dtype=bool),
    )
    with pytest.raises(Leak, match=f"protocol {protocol} must have no block on both sides"):
        all_trials(tables, [protocol])


def test_an_evaluation_with_a_leak_ends_without_a_number(
    small: Trajectories, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak = replace(PROTOCOLS["grouped"], draw=leaky(PROTOCOLS["grouped"].draw))
    monkeypatch.setitem(PROTOCOLS, "grouped", leak)
    with pytest.raises(Leak):
        evaluate(small, tmp_path / "out", models=["linear"], protocols=["grouped"], splits=2)
    assert not list(tmp_path.iterdir())


# Controls


def with_curves(trajectories: Trajectories, signal: float) -> Trajectories:
    """The same with losses that fall at a speed of the network, and of the rule if any signal."""
    networks, rows = trajectories.networks, trajectories.rows
    rng = np.random.default_rng(0)
    place = networks["rule"].map({rule: k for k, rule in enumerate(RULES)})
    speed = np.exp(signal * place + 0.2 * rng.normal(size=len(networks)))
    fallen = rows["progress"] * speed.set_axis(networks["network"])[rows["network"]].to_numpy()
    changed = rows.assign(loss=np.exp(-fallen), performance=1 - np.exp(-fallen))
    return Trajectories(networks, changed, "with curves")


@pytest.fixture(scope="module")
def in_weights(trajectories: Trajectories) -> Evaluation:
    """A strong signal in the statistics and none in the curves."""
    return controlled(with_curves(trajectories, signal=0))


@pytest.fixture(scope="module")
def in_curves() -> Evaluation:
    """The other way round."""
    without = synthetic_trajectories(n_checkpoints=9, signal=0)
    return controlled(with_curves(without, signal=0.8))


def controlled(trajectories: Trajectories) -> Evaluation:
    protocols = ["grouped", "curves", "shuffled"]
    return evaluate(trajectories, models=["linear"], protocols=protocols, splits=3)


def test_shuffled_rules_are_at_chance_however_strong_the_signal(in_weights: Evaluation) -> None:
    assert accuracy(in_weights, "grouped") > 0.9
    assert abs(accuracy(in_weights, "shuffled") - 0.25) < 0.15
    assert abs(accuracy(in_weights, "shuffled", "optimizer") - 0.75) < 0.15


def test_nuisances_alone_are_at_chance_however_strong_the_signal(in_weights: Evaluation) -> None:
    for target, floor in (("rule", 0.25), ("family", 0.5), ("optimizer", 0.75)):
        control = in_weights.of(target).further["control"]
        assert set(control["protocol"]) == {"grouped", "within-blocks"}
        np.testing.assert_allclose(control["accuracy_floor"], floor)
        assert (control["accuracy"] <= floor + 1e-9).all()


def test_curves_find_what_is_in_curves_and_nothing_else(
    in_weights: Evaluation, in_curves: Evaluation
) -> None:
    assert accuracy(in_curves, "curves") > 0.9
    assert accuracy(in_curves, "grouped") < 0.45
    assert accuracy(in_weights, "curves") < 0.45


def test_the_controls_stand_in_the_headline(in_weights: Evaluation) -> None:
    rows = in_weights.further["headline"].query("level == 'network' and subset == 'all'")
    rows = rows[rows["target"] == "rule"].set_index("features")["accuracy"]
    assert rows["curves"] == accuracy(in_weights, "curves")
    assert rows["shuffled rules"] == accuracy(in_weights, "shuffled")
    assert rows["summary"] == accuracy(in_weights, "grouped")


# Sums


@pytest.fixture(scope="module")
def fitted(material: Material) -> list[tuple[Trial, list[np.ndarray]]]:
    tables = Tables(material, "summary", 0)
    choice = choose_protocols(["grouped", "truncated"], (), material, "summary")
    trials = list(trials_of(tables, choice, ["linear"], 2, 0))
    return list(zip(trials, fit_all(trials, False, 0, Store(None), None), strict=True))


@pytest.mark.parametrize("target", TARGETS)
def test_probabilities_of_a_target_are_sums_of_those_of_rules(
    fitted: list, material: Material, target: str
) -> None:
    class_of = classes_of(material.networks, target)
    for trial, arrays in fitted:
        for answers in answers_of(trial, trial.tests[0], arrays[0]):
            about = answers.about(class_of)
            for column, name in enumerate(about.classes):
                rules = [k for k, rule in enumerate(answers.classes) if class_of[rule] == name]
                expected = answers.probabilities[:, rules].sum(axis=1)
                np.testing.assert_allclose(about.probabilities[:, column], expected, rtol=1e-6)
            assert set(about.classes) == set(class_of.values())
            np.testing.assert_allclose(about.probabilities.sum(axis=1), 1)
            true = material.networks.set_index("network")[target][answers.networks]
            np.testing.assert_array_equal(about.true, true)


@pytest.mark.usefixtures("results_alone")
def test_what_is_scored_are_these_sums(fitted: list, small: Trajectories) -> None:
    found = evaluate(small, models=["linear"], protocols=["grouped"], splits=2)
    of_networks = found.results.query(
        "feature_set == 'summary' and level == 'network' and metric == 'accuracy' "
        "and subset == 'all'"
    ).set_index(["target", "split"])["value"]
    ours = [
        one
        for one in fitted
        if one[0].feature_set == "summary" and "network" in one[0].tests[0].levels
    ]
    for trial, arrays in (one for one in ours if one[0].tests[0].protocol == "grouped"):
        (answers,) = (
            a for a in answers_of(trial, trial.tests[0], arrays[0]) if a.level == "network"
        )
        for target in TARGETS:
            about = answers.about(classes_of(small.networks, target))
            hits = (about.predicted == about.true).mean()
            assert of_networks[target, trial.split.number] == pytest.approx(hits)


# Going on


OPTIONS = {"models": ["linear"], "protocols": ["grouped", "calibrated", "novel"], "splits": 2}
N_NOVEL = 3 + 2
"""Families, and rules of the one that has several."""
N_FITS = 2 * (2 + 2 + 1) + N_NOVEL
"""Also of grouped on our features and the paper's (networks, and layers), and of calibrated."""


class Refit(Exception):
    """A classifier was fitted."""


@pytest.fixture
def unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be fitted."""

    def fit(*given: object, **options: object) -> None:
        raise Refit

    monkeypatch.setattr(LinearClassifier, "fit", fit)


@pytest.fixture(scope="module")
def kept(small: Trajectories, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    """A folder of fits, and what was found with it."""
    folder = tmp_path_factory.mktemp("kept")
    found = evaluate(small, fits=folder, **OPTIONS)
    assert len(list(folder.glob("*.npz"))) == N_FITS
    return folder, found


def assert_same(one: Evaluation, other: Evaluation) -> None:
    for name in ("results", "table", "confusions"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    for name, table in one.further.items():
        # What a fit takes is not the same twice.
        tables = (
            found.drop(columns="seconds", errors="ignore") for found in (table, other.further[name])
        )
        pd.testing.assert_frame_equal(*tables)
    assert one.info == other.info


@pytest.mark.usefixtures("unfit")
def test_what_was_fitted_is_not_fitted_again(
    small: Trajectories, kept: tuple[Path, Evaluation]
) -> None:
    folder, first = kept
    assert_same(evaluate(small, fits=folder, **OPTIONS), first)


@pytest.mark.usefixtures("unfit")
@pytest.mark.parametrize("change", ["seed", "features", "rules", "tune", "measured"])
def test_what_was_fitted_on_something_else_is_not_taken(
    small: Trajectories, kept: tuple[Path, Evaluation], change: str
) -> None:
    networks, rows, options = small.networks, small.rows, {}
    if change in ("seed", "tune"):
        options = {change: 1}
    elif change == "features":
        options = {"feature_set": "invariant"}
    elif change == "rules":
        # Two networks of a block change places.
        networks = networks.assign(
            rule=networks["rule"].iloc[[1, 0, *range(2, len(networks))]].array
        )
    else:
        rows = rows.assign(weight_raw_mean=rows["weight_raw_mean"] * np.float32(1.001))
    with pytest.raises(Refit):
        evaluate(Trajectories(networks, rows, small.source), fits=kept[0], **OPTIONS, **options)


def test_an_interrupted_evaluation_goes_on_where_it_stopped(
    small: Trajectories, kept: tuple[Path, Evaluation], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out, fits = tmp_path / "out", tmp_path / "out-fits"

    def end(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr("rule_id.evaluation.runner.run_all", end)  # where novel ones begin
        evaluate(small, out, **OPTIONS)
    done = sorted(fits.glob("*.npz"))
    assert len(done) == N_FITS - N_NOVEL and not out.exists()
    # One of them is cut short, as where a disk was full.
    done[0].write_bytes(done[0].read_bytes()[:100])
    fitted = []
    fit = LinearClassifier.fit
    monkeypatch.setattr(LinearClassifier, "fit", lambda *given: (fitted.append(1), fit(*given))[1])
    monkeypatch.setattr("rule_id.evaluation.files.all_figures", lambda evaluation: {})
    assert_same(evaluate(small, out, **OPTIONS), kept[1])
    assert len(fitted) == N_NOVEL + 1
    # What was fitted is no part of what is found.
    assert (out / "results.csv").is_file() and not fits.exists()
