"""What a trained classifier looks at, summed by observable, statistic, depth and time.

Permutation and SHAP values are taken on networks that were held out of fitting; gain and
coefficients belong to the fit itself. Features that carry the same information share the credit
for it, in a way that depends on the classifier: a small value does not say that a group is
uninformative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.features import FeatureTable, split_name, time_of
from rule_id.models import Bundle
from rule_id.models.evidence import shap_values
from rule_id.models.patterns import feature_matrix, network_ids
from rule_id.reports.correlated import correlated_groups
from rule_id.reports.permutation import permutation_importance
from rule_id.trajectories import DEPTH_GROUPS, observable_of

__all__ = [
    "PAIR",
    "DEPTH_FLAGS",
    "METHODS",
    "RANKED_BY",
    "Method",
    "feature_groups",
    "held_out_rows",
    "importance",
    "overall",
    "shap_values",
]


@dataclass(frozen=True)
class Method:
    """How a way to measure importance is shown: its name, unit and meaning."""

    label: str
    unit: str
    meaning: str


METHODS = {
    "permutation": Method(
        "Permutation",
        "rise in log loss (nats)",
        "How much worse whole networks are told apart when all features of a group are exchanged "
        "between networks: rise in log loss, mean ± standard deviation over exchanges. Whole "
        "networks change places within their block, layer by layer, so that every layer keeps "
        "values that belong to its depth, architecture and task. Log loss moves with every "
        "probability, accuracy only when a network changes sides, so log loss is less noisy.",
    ),
    "shap": Method(
        "SHAP",
        "mean |SHAP value| (log odds)",
        "How far the features of a group move the log odds of a layer: mean |SHAP value| over "
        "layers and classes, summed over features. For xgboost.",
    ),
    "gain": Method(
        "Gain",
        "total gain (log loss)",
        "How much the splits on the features of a group lowered the loss of the networks fitted "
        "to. For xgboost.",
    ),
    "coefficient": Method(
        "Coefficient",
        "sum of |coefficient|",
        "Mean |coefficient| over classes, summed over the features of a group, in log odds per "
        "standard deviation of the feature. For linear.",
    ),
}
"""Name of a method to how it is shown, in the order in which methods are shown."""

RANKED_BY = ("shap", "coefficient")
"""The methods that say something of each feature, class and pair; a classifier has one of them."""

DEPTH_FLAGS = "depth flags"
GROUPINGS = ("observable", "statistic", "time")
PAIR = " | "
"""Between the two classes that importance is about."""

COLUMNS = ["model", "method", "by", "group", "about", "value", "error", "low", "high", "correlated"]


def importance(
    bundle: Bundle,
    features: FeatureTable,
    *,
    repeats: int = 8,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure how much a classifier relies on each group of features.

    Gain, SHAP values and coefficients are sums over the features of a group, so that for each of
    observable, statistic and time the groups add up to the same total; by depth, a SHAP value is
    the mean over the layers of that depth. Permutation exchanges a whole group at once and does
    not add up.

    Args:
        bundle: A trained classifier.
        features: The table that it was trained from.
        repeats: Number of exchanges for permutation, 2 or more.
        seed: Seed of the exchanges.
        progress: Called as progress(what, done, total).

    Returns:
        One row a (method, grouping, group, about): `model`, `method` (one of `METHODS`), `by`
        (observable, statistic, time, depth or correlated), `group`, `about` (`all`, a class, or
        `a | b`, how a pair of classes is told apart), `value`, and of permutation `error` (standard
        deviation over exchanges), `low` and `high` (95% bootstrap interval over blocks). About all
        classes each feature has a row too, but for permutation: `by` is feature, and `correlated`
        the group of correlated features that it is in.

    Raises:
        InputError: `repeats` is too small, or the table does not belong to the bundle.
    """
    if repeats < 2:
        raise InputError(f"repeats must be 2 or more; got {repeats}")
    held_out = held_out_rows(bundle, features)
    groups = feature_groups(held_out.names, held_out.info["n_checkpoints"])
    groups["correlated"] = correlated_groups(held_out.matrix(), held_out.names)
    parts = []
    for about, method, values in _contributions(bundle, held_out):
        if about == "all":
            parts.append(_of_features(method, values, groups))
        parts.append(_summed(method, values, held_out, groups).assign(about=about))
    exchanged = permutation_importance(
        bundle,
        held_out,
        _exchanged_groups(held_out, groups),
        repeats=repeats,
        seed=seed,
        progress=progress,
    )
    parts.append(exchanged.assign(method="permutation"))
    found = pd.concat(parts, ignore_index=True).assign(model=bundle.model)
    return found.reindex(columns=COLUMNS)


def overall(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `importance` that are about all classes together."""
    return measured[measured["about"] == "all"] if "about" in measured else measured


def held_out_rows(bundle: Bundle, features: FeatureTable) -> FeatureTable:
    """Return the rows that took no part in fitting, with the features of the bundle alone.

    Raises:
        InputError: The table is not the one the bundle was trained from, lacks features, or holds
            no network of the blocks that were held out.
    """
    lacking = [
        name for name in ("block", bundle.target, "diverged") if name not in features.meta.columns
    ]
    if lacking:
        raise InputError(f"features must be of simulated networks; no column {lacking[0]}")
    if features.info != bundle.info["features"]:
        raise InputError(
            f"features must be the table that the {bundle.model} bundle was trained from, "
            f"{bundle.info['features']}; got {features.info}"
        )
    matrix = feature_matrix(features, bundle.feature_names)
    values = pd.DataFrame(matrix, columns=bundle.feature_names)
    table = FeatureTable(features.meta, values, features.feature_set, features.info)
    rows = table.rows(_took_no_part(bundle, features.meta))
    if not len(rows):
        raise InputError(
            f"features must hold networks of the {len(bundle.test_blocks)} blocks that the "
            f"{bundle.model} bundle held out; there are none"
        )
    return rows


def _took_no_part(bundle: Bundle, meta: pd.DataFrame) -> np.ndarray:
    """Return the rows (n,) of held-out blocks; networks that diverged are left out as ever."""
    kept = meta["block"].isin(bundle.test_blocks) & meta[bundle.target].isin(bundle.classes)
    return np.asarray(kept & ~meta["diverged"].astype(bool))


def feature_groups(names: list[str], n_checkpoints: int) -> pd.DataFrame:
    """Return what each feature belongs to.

    Args:
        names: Names of features.
        n_checkpoints: Length of the trajectories, for features that are values at a checkpoint.

    Returns:
        One row a feature, in order: `observable`, `statistic` and `time`; the flags that say
        where a layer stands are a group of their own.

    >>> feature_groups(["weight_abs_mean.early_slope", "depth.deep"], 21)["observable"].tolist()
    ['weight', 'depth flags']
    """
    groups = [_groups_of(name, n_checkpoints) for name in names]
    return pd.DataFrame(groups, index=names, columns=list(GROUPINGS))


def _groups_of(name: str, n_checkpoints: int) -> tuple[str, str, str]:
    statistic, summary = split_name(name)
    if statistic == "depth":
        return DEPTH_FLAGS, DEPTH_FLAGS, DEPTH_FLAGS
    return observable_of(statistic), statistic, time_of(summary, n_checkpoints)


def _contributions(bundle: Bundle, held_out: FeatureTable) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (about, method, values (n rows or 1, n features), not negative) of additive methods.

    About a class it is what moves its log odds, about a pair what moves those of one against the
    other in layers of the two.
    """
    truth = held_out.meta[bundle.target].to_numpy()
    pairs = list(combinations(enumerate(bundle.classes), 2))
    if bundle.model == "linear":
        coefficients, by_feature = bundle.classifier.coef_, bundle.classifier.by_feature
        yield "all", "coefficient", by_feature(np.abs(coefficients)).mean(axis=0, keepdims=True)
        if len(coefficients) == 1:
            return
        for k, name in enumerate(bundle.classes):
            yield name, "coefficient", by_feature(np.abs(coefficients[[k]]))
        for (a, first), (b, second) in pairs:
            apart = by_feature(np.abs(coefficients[[a]] - coefficients[[b]]))
            yield f"{first} | {second}", "coefficient", apart
        return
    shap, gain = _shap_and_gain(bundle, held_out)
    yield "all", "shap", np.abs(shap).mean(axis=1)
    yield "all", "gain", gain
    for k, name in enumerate(bundle.classes):
        yield name, "shap", np.abs(shap[:, k]).mean(axis=0, keepdims=True)
    for (a, first), (b, second) in pairs:
        of = np.isin(truth, [first, second])
        if of.any():
            apart = np.abs(shap[of, a] - shap[of, b]).mean(axis=0, keepdims=True)
            yield f"{first} | {second}", "shap", apart


def _shap_and_gain(bundle: Bundle, held_out: FeatureTable) -> tuple[np.ndarray, np.ndarray]:
    """Return what features add to log odds (n rows, k, n features), and total gains (1, ...).

    Of trees and a linear classifier combined the first is their weighted mean; of the linear it is
    coefficients times scores, the SHAP values of a linear function. Gains are those of the trees.
    """
    # The last column is the bias, which belongs to no feature.
    if bundle.model == "xgboost":
        booster = bundle.classifier.booster_
        return shap_values(booster, held_out.matrix())[:, :, :-1], _gain(booster)
    both, networks = bundle.classifier, network_ids(held_out.meta)
    seen = both.with_deviations(held_out.matrix(), networks)
    trees = both.by_feature(shap_values(both.trees_.booster_, seen)[:, :, :-1])
    scores, index = both.linear_.scores(held_out.matrix(), networks)
    rows = (both.linear_.by_feature(scores * row) for row in both.linear_.class_coef)
    linear = np.stack([*rows], axis=1, dtype=np.float32)
    return both.log_odds(trees, linear[index]), both.by_feature(_gain(both.trees_.booster_))


def _gain(booster: Any) -> np.ndarray:
    """Return the total gain (1, n features); a feature in no split has none."""
    scores = booster.get_score(importance_type="total_gain")
    names = booster.feature_names or [f"f{place}" for place in range(booster.num_features())]
    return np.array([[scores.get(name, 0.0) for name in names]])


def _summed(
    method: str, values: np.ndarray, held_out: FeatureTable, groups: pd.DataFrame
) -> pd.DataFrame:
    mean = pd.Series(values.mean(axis=0), index=held_out.names)
    sums = {by: mean.groupby(groups[by], sort=False).sum() for by in (*GROUPINGS, "correlated")}
    if len(values) == len(held_out):
        rows = pd.Series(values.sum(axis=1))
        depth = rows.groupby(held_out.meta["depth_group"]).mean()
        sums["depth"] = depth.reindex([group for group in DEPTH_GROUPS if group in depth.index])
    tidy = [pd.DataFrame({"by": by, "group": s.index, "value": s.array}) for by, s in sums.items()]
    return pd.concat(tidy).assign(method=method, error=np.nan)


def _of_features(method: str, values: np.ndarray, groups: pd.DataFrame) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"group": groups.index, "value": values.mean(axis=0), "correlated": groups["correlated"]}
    )
    return rows.assign(method=method, by="feature", about="all", error=np.nan)


def _exchanged_groups(
    held_out: FeatureTable, groups: pd.DataFrame
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Return for each (grouping, group) its columns and rows; the depth flags stay in place.

    They say which layer a row is, which an exchange between matched layers does not change.
    """
    measured = (groups["observable"] != DEPTH_FLAGS).to_numpy()
    everywhere = np.ones(len(held_out), dtype=bool)
    exchanged = {
        (by, name): ((groups[by] == name).to_numpy(), everywhere)
        for by in (*GROUPINGS, "correlated")
        for name in groups.loc[measured, by].unique()
    }
    depth = held_out.meta["depth_group"].to_numpy()
    for name in DEPTH_GROUPS:
        if (depth == name).any():
            exchanged["depth", name] = (measured, depth == name)
    return exchanged
