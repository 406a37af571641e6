"""The tables beside results and confusions, from what was fitted once."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from rule_id.evaluation.alignment import accuracy_by_alignment
from rule_id.evaluation.answers import Answers, answers_of, classes_of, targets_of
from rule_id.evaluation.claims import claims_of
from rule_id.evaluation.compared import compared_of
from rule_id.evaluation.control import nuisance_control, nuisances_of
from rule_id.evaluation.headline import headline_of, measured_of
from rule_id.evaluation.matched import matched_table
from rule_id.evaluation.no_learning import no_learning_table
from rule_id.evaluation.novel import NovelTrial, score_novel
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.tables import CURVES
from rule_id.evaluation.trials import Trial
from rule_id.evaluation.uncertainty import Halves, calibration_tables, coverage_table
from rule_id.features.material import Material
from rule_id.models.views import seeings_of

__all__ = ["further_tables"]

UNCERTAIN = ("rule", "merged_rule", "family")
"""The targets whose probabilities and sets are put to the test."""


def further_tables(
    material: Material,
    trials: list[Trial],
    found: list[list[np.ndarray]],
    novel: list[NovelTrial],
    unseen: list[list[np.ndarray]],
    results: pd.DataFrame,
    table: pd.DataFrame,
    feature_set: str,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Return the tables of `FURTHER`, without rows where a protocol was not run.

    Args:
        material: The corpus.
        trials: What was fitted.
        found: For each its probabilities, one array a test.
        novel: Trials on kinds never trained on.
        unseen: For each what it gave.
        results: `Evaluation.results`.
        table: `Evaluation.table`.
        feature_set: The features of ours.
        seed: Seed of the control.
    """
    grouped = _networks(trials, found, "grouped", feature_set)
    curves = _networks(trials, found, "curves", CURVES)
    calibration, reliability = calibration_tables(halves := _halves(material, trials, found))
    seeings = seeings_of(material.panels).values()
    named = {one.name: asdict(one) | {"name": one.name} for one in seeings}
    measured = measured_of(table, named)
    return {
        "headline": headline_of(table),
        "compared": compared_of(results, feature_set),
        "control": _control(material.networks, seed),
        "alignment": accuracy_by_alignment(
            material.networks, [(trial.model, a) for trial, a in grouped]
        ),
        "no_learning": no_learning_table(grouped, classes_of(material.networks, "family")),
        "matched": matched_table(material.networks, grouped, curves),
        "calibration": calibration,
        "reliability": reliability,
        "coverage": coverage_table(halves),
        "novelty": score_novel(novel, unseen),
        "measured": measured,
        "claims": claims_of(results, measured, feature_set),
    }


def _networks(
    trials: list[Trial], found: list[list[np.ndarray]], protocol: str, feature_set: str
) -> list[tuple[Trial, Answers]]:
    """Return what was found of whole networks under a protocol."""
    return [
        (trial, answers)
        for trial, arrays in zip(trials, found, strict=True)
        for test, probabilities in zip(trial.tests, arrays, strict=True)
        if test.protocol == protocol and trial.feature_set == feature_set
        for answers in answers_of(trial, test, probabilities)
        if answers.level == "network"
    ]


def _halves(material: Material, trials: list[Trial], found: list[list[np.ndarray]]) -> Halves:
    """Return what was found of both halves of the blocks that calibrate for each other."""
    networks = material.networks
    class_of = {t: classes_of(networks, t) for t in targets_of(networks) if t in UNCERTAIN}
    halves: Halves = {}
    for trial, arrays in zip(trials, found, strict=True):
        for test, probabilities in zip(trial.tests, arrays, strict=True):
            if test.protocol != "calibrated":
                continue
            (answers,) = (a for a in answers_of(trial, test, probabilities) if a.level == "network")
            for target, names in class_of.items():
                key = (trial.model, target, trial.split.number)
                halves.setdefault(key, []).append(answers.about(names))
    return halves


def _control(networks: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the control for each target; without a row where nothing is known of the making."""
    if not nuisances_of(networks):
        return pd.DataFrame(columns=list(FURTHER["control"]))
    tables = []
    for target in targets_of(networks):
        class_of = classes_of(networks, target)
        some = networks[networks["rule"].isin(list(class_of))]
        some = some.assign(**{target: some["rule"].map(class_of)})
        tables.append(nuisance_control(some, target=target, seed=seed).assign(target=target))
    return pd.concat(tables, ignore_index=True)[list(FURTHER["control"])]
