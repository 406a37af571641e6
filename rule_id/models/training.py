"""Training a classifier and finding out how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, one_of
from rule_id.features.table import FeatureTable
from rule_id.features.targets import TARGETS, WITH_FAMILIES, wording
from rule_id.models.bundle import Bundle, check_destination, read_bundle
from rule_id.models.calibrating import calibrate_views, parts_of_classes
from rule_id.models.classifiers import CLASSIFIERS, inputs_of, learns_networks
from rule_id.models.deciding import decisions_of
from rule_id.models.hyperparameters import choose_hyperparameters
from rule_id.models.menu import MENU
from rule_id.models.mix import Mix
from rule_id.models.network_map import map_networks
from rule_id.models.opening import open_source, reference_corpus
from rule_id.models.patterns import feature_matrix, network_ids, patterns_of
from rule_id.models.ranges import feature_ranges
from rule_id.models.scores import counted_layers, score_patterns
from rule_id.models.sources import TrainingPart, texts, with_observables
from rule_id.storage import local_copy
from rule_id.trajectories import set_apart
from rule_id.version import __version__

__all__ = ["train", "train_menu"]


def train(
    features: FeatureTable | str | Path | None = None,
    out: str | Path | None = None,
    *,
    target: str = "rule",
    model: str = "xgboost",
    feature_set: str = "summary",
    observables: Sequence[str] | None = None,
    held_out: float = 0.2,
    folds: int = 5,
    tune: bool = True,
    seed: int = 0,
    most_rows: int | None = None,
    mix: Mix | None = None,
    keep: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Bundle:
    """Train a classifier, and score and calibrate it on networks of unseen blocks.

    Boosted trees learn layers, which are combined; a linear classifier learns networks; `combined`
    is both, answering together.

    From a corpus, each network is learned as it is seen completely and in random ways: under one
    of the measurements, at random checkpoints, without some observables (`randomised_views`); and
    unseen networks are named as they are seen under every measurement, at several numbers of
    checkpoints, through every pattern of observables, and while they learn. From a feature table,
    each layer is learned twice: once complete, and once without one or two observables chosen at
    random (the same for all layers of a network); fewer checkpoints and time to a decision are not
    scored then.

    Networks that diverged are left out, and so are those that the plan set apart, which take no
    part in scores and calibration either. Classes weigh the same in the fit, however many networks
    each has.

    Args:
        features: A corpus folder, a feature table of simulated networks, or its file; None for the
            reference corpus.
        out: Folder to write the bundle to.
        target: What to identify, one of `TARGETS`.
        model: `linear`, `xgboost` or `combined`, one of `CLASSIFIERS`.
        feature_set: Of a corpus, `summary` or `invariant`; a table has its own.
        observables: Those that the classifier is to take, of `activation`, `weight` and
            `activity_change`; all when None.
        held_out: Share of the blocks that are kept for scores and calibration, in (0, 1).
        folds: Folds of the cross-validation that chooses hyperparameters, 2 or more.
        tune: False to take the defaults of the classifier.
        seed: Seed of every draw.
        most_rows: Of a feature table's file, rows to have in memory at once, for one that is larger
            than memory; boosted trees are fitted to all of it, read in batches, and scored and
            calibrated on networks of unseen blocks among so many rows drawn at random, on which
            hyperparameters are chosen as well. None to have all in memory.
        mix: Of a corpus, how often and in which ways each network is seen; `Mix()` when None, once
            completely and in three random ways.
        keep: Return the bundle that `out` holds, if it is of the same networks, options and
            versions.
        progress: Called as progress(what, done, total).

    Returns:
        The bundle; the classifier in it has not seen a network of `test_blocks`.

    Raises:
        InputError: An option is not allowed, `mix` is given for a table, the table is not one of
            simulated networks, or it has too few classes or blocks.
    """
    one_of("target", target, TARGETS)
    one_of("model", model, CLASSIFIERS)
    if most_rows is not None and learns_networks(model):
        raise InputError(f"most_rows must be left out for model {model}, which is fitted in memory")
    if out is not None:
        check_destination(out)
    source = open_source(features, feature_set, seed, most_rows, mix)
    patterns = patterns_of(observables)
    table, info = _usable(with_observables(source.table, observables), target)
    table = inputs_of(model, table)
    blocks = table.meta["block"].to_numpy()
    test_blocks = _test_blocks(blocks, held_out, folds, seed)
    options: dict[str, Any] = {"seed": seed, "held_out": held_out, "folds": folds, "tune": tune}
    if most_rows is not None:
        options["most_rows"] = most_rows
    options["mix"] = mix and mix.to_dict()
    if keep and out is not None:
        same = {
            "model": model, "target": target, "feature_names": table.names,
            "feature_set": table.feature_set, "test_blocks": test_blocks, "versions": _versions(),
            "info": {"features": table.info} | options,
        }  # fmt: skip
        if standing := _standing(Path(out), same):
            return standing
    unseen = np.isin(blocks, test_blocks)
    fitted, tested = table.rows(~unseen), table.rows(unseen)
    learned = source.learned(fitted, test_blocks)
    _check_classes(learned[target], tested.meta[target])
    X, y, groups, networks = source.training_rows(fitted, target, seed)
    chosen = {}
    if tune:
        chosen = choose_hyperparameters(
            model,
            X,
            y,
            groups,
            networks=networks,
            folds=folds,
            seed=seed,
            n_jobs=-1,
            progress=progress,
        )
    names = table.names
    part = TrainingPart(names, target, observables, test_blocks, seed)
    unfitted = CLASSIFIERS[model](random_state=seed, **chosen)
    classifier = source.fit(unfitted, (X, y, groups, networks), part)
    classes = classifier.classes_.tolist()
    families = _families(learned, target)
    parts = parts_of_classes(classes, families, target)
    quantiles = feature_ranges(feature_matrix(fitted, names))
    calibration = calibrate_views(
        classifier,
        source.held_out(test_blocks),
        patterns,
        names,
        target,
        parts,
        quantiles,
        seed,
    )
    info["n_diverged"] += source.n_diverged
    info["n_set_apart"] += source.n_set_apart
    bundle = Bundle(
        model=model,
        target=target,
        classifier=classifier,
        classes=classes,
        families=families,
        feature_names=names,
        feature_set=table.feature_set,
        hyperparameters=chosen,
        test_blocks=test_blocks,
        scores=_scores(classifier, source.complete(tested), target, names, patterns),
        temperatures=calibration.temperatures,
        conformal=calibration.conformal,
        cells=calibration.cells,
        distances=calibration.distances,
        decisions=decisions_of(
            classifier,
            source.growing(test_blocks),
            table.feature_set,
            patterns,
            names,
            target,
            parts,
            calibration.temperatures,
        ),
        quantiles=quantiles,
        versions=_versions(),
        info=info | options | {"training": _sizes(learned), "testing": _sizes(tested.meta)},
        map=map_networks(
            _layers(source.complete(fitted), names, target),
            _layers(source.complete(tested), names, target),
            quantiles,
            names,
            seed,
        ),
    )
    if out is not None:
        bundle.write(out)
    return bundle


def train_menu(
    corpus: str | Path | None,
    out: str | Path,
    *,
    target: str = "rule",
    model: str = "xgboost",
    **options: Any,
) -> dict[str, Bundle]:
    """Train the classifiers of a menu on one corpus, each on what it is to take.

    What was trained before, on the same networks with the same options and versions, stays, so
    that what was interrupted goes on.

    Args:
        corpus: A corpus folder; None for the reference corpus.
        out: The folder that is to hold a bundle for each name of `MENU`.
        target: What to identify, one of `TARGETS`.
        model: One of `CLASSIFIERS`; beside those that are not linear there are linear ones of all
            observables.
        **options: As of `train`.

    Returns:
        The bundles by the name of their folder in `out`.

    Raises:
        InputError: As of `train`; also where the corpus is no folder.
    """
    one_of("model", model, CLASSIFIERS)
    if corpus is None:
        corpus = reference_corpus()
    corpus = local_copy(corpus)
    if not corpus.is_dir():
        raise InputError(f"a menu must be trained on a corpus folder; got {corpus}")
    chosen = {
        name: entry for name, entry in MENU.items() if not (entry.linear and model == "linear")
    }
    for name in chosen:
        check_destination(Path(out) / name)
    return {
        name: train(
            corpus,
            Path(out) / name,
            target=target,
            model="linear" if entry.linear else model,
            feature_set=entry.feature_set,
            observables=entry.observables,
            mix=entry.mix,
            keep=True,
            **options,
        )
        for name, entry in chosen.items()
    }


def _standing(out: Path, wanted: dict[str, Any]) -> Bundle | None:
    """Return the bundle that stands at a path, if it is what would be trained again.

    Args:
        out: The bundle's folder.
        wanted: Attributes that it must have; of `info` these entries.
    """
    try:
        bundle = read_bundle(out)
    except InputError:
        return None
    info = wanted["info"]
    own = {name: getattr(bundle, name) for name in wanted if name != "info"}
    own["info"] = {name: bundle.info.get(name) for name in info}
    return bundle if own == wanted else None


def _usable(table: FeatureTable, target: str) -> tuple[FeatureTable, dict[str, Any]]:
    """Return the networks that may be learned from, and what is to be said of the table."""
    above = ("family",) if target in WITH_FAMILIES else ()
    for column in ("network", "block", target, *above):
        if column not in table.meta.columns:
            raise InputError(f"features must be those of simulated networks; no column {column}")
    diverged = np.zeros(len(table), dtype=bool)
    if "diverged" in table.meta.columns:
        diverged = table.meta["diverged"].to_numpy(dtype=bool)
    apart = set_apart(table.meta) & ~diverged
    n_diverged, n_apart = (int(table.meta["network"][rows].nunique()) for rows in (diverged, apart))
    kept = table.rows(~diverged & ~apart)
    classes = sorted(kept.meta[target].unique())
    if len(classes) < 2:
        raise InputError(
            f"features must be of 2 {wording(target).many} or more; got "
            f"{', '.join(classes) or 'none'}, with {n_diverged} diverged networks and {n_apart} "
            "that the plan set apart left out"
        )
    info = {"features": table.info, "n_diverged": n_diverged, "n_set_apart": n_apart}
    return kept, info


def _test_blocks(blocks: np.ndarray, held_out: float, folds: int, seed: int) -> list[int]:
    """Draw the blocks that are held out."""
    if not 0 < held_out < 1:
        raise InputError(f"held_out must lie between 0 and 1; got {held_out}")
    if folds < 2:
        raise InputError(f"folds must be 2 or more; got {folds}")
    names = np.unique(blocks)
    n_test = max(1, round(held_out * len(names)))
    if len(names) - n_test < folds:
        raise InputError(
            f"features must be of {folds + n_test} blocks or more, {n_test} to hold out and one "
            f"for each of {folds} folds; got {len(names)}"
        )
    drawn = np.random.default_rng([seed, 0]).choice(names, n_test, replace=False)
    return sorted(int(block) for block in drawn)


def _check_classes(fitted: pd.Series, tested: pd.Series) -> None:
    absent = sorted(set(tested) - set(fitted))
    if absent:
        raise InputError(
            f"each {wording(str(fitted.name)).one} must occur in blocks that are not held out; "
            f"{', '.join(absent)} does not: use more blocks or another seed"
        )


def _scores(
    classifier: Any,
    complete: FeatureTable,
    target: str,
    names: list[str],
    patterns: dict[str, tuple[str, ...]],
) -> dict[str, Any]:
    X = feature_matrix(complete, names)
    labels, networks = texts(complete.meta[target]), network_ids(complete.meta)
    counted = counted_layers(complete.meta)
    return score_patterns(classifier, X, labels, networks, names, patterns, counted)


def _layers(
    complete: FeatureTable, names: list[str], target: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the features, the labels and the networks of layers."""
    meta = complete.meta
    return feature_matrix(complete, names), texts(meta[target]), network_ids(meta)


def _families(meta: pd.DataFrame, target: str) -> dict[str, str]:
    """Return the family of each class, of targets that have one above the class."""
    if target not in WITH_FAMILIES:
        return {}
    pairs = meta[[target, "family"]].drop_duplicates(target).sort_values(target)
    return {str(name): str(family) for name, family in pairs.itertuples(index=False)}


def _sizes(meta: pd.DataFrame) -> dict[str, int]:
    return {
        "blocks": int(meta["block"].nunique()),
        "networks": int(meta["network"].nunique()),
        "rows": len(meta),
    }


def _versions() -> dict[str, str]:
    import sklearn
    import xgboost

    return {
        "rule-id": __version__,
        "scikit-learn": sklearn.__version__,
        "xgboost": xgboost.__version__,
    }
