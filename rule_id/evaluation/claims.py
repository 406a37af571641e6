"""What the 2020 paper claims, each put to the test on blocks that were not trained on.

The thresholds were set before anything was scored: a share above chance counts as found when it is
more than two standard errors above what is known without measuring, and as kept when at least nine
tenths of what lies above chance is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from rule_id.evaluation.results import FURTHER
from rule_id.models.views import ALL_OBSERVABLES, SOME_UNITS
from rule_id.trajectories import OBSERVABLES

__all__ = ["claims_of"]

ERRORS = 2.0
KEPT = 0.9
SEVERAL_HUNDRED = 300.0
MOST_SEEN = 0.5
"""Mean share of a layer's units above which a number of units is hardly fewer than all."""

ABOUT = ("rule", "paper_rule", "family")

REPRODUCED, NOT, UNTESTED = "reproduced", "not reproduced", "not tested"


def claims_of(results: pd.DataFrame, measured: pd.DataFrame, feature_set: str) -> pd.DataFrame:
    """Return the paper's claims, each with a measure, its criterion and a verdict.

    Args:
        results: `Evaluation.results`.
        measured: `Evaluation.further["measured"]`.
        feature_set: The features whose results are wanted.

    Returns:
        One row a (claim, target, measure): `value` with `sem` over splits, the `criterion` in
        words with its `threshold`, and the `verdict`: reproduced, not reproduced, or not tested
        where the corpus has no networks for it, or nothing is found that could be lost. `about` is
        what is identified.

    Source: Nayebi et al., NeurIPS 2020, whose claims are about its four rules (`paper_rule`).
    """
    whole = results[
        (results["level"] == "network")
        & (results["subset"] == "all")
        & (results["metric"] == "accuracy")
        & (results["feature_set"] == feature_set)
    ]
    rows = [
        (claim, target, *row)
        for target in ABOUT
        if (whole["target"] == target).any()
        for claim, row in _claims(whole[whole["target"] == target], measured, target)
    ]
    return pd.DataFrame(rows, columns=list(FURTHER["claims"]))


def _claims(rows: pd.DataFrame, measured: pd.DataFrame, target: str) -> Iterator[tuple[str, tuple]]:
    for observable in OBSERVABLES:
        yield (
            "each observable alone separates the rules",
            _found(rows, "alone", observable, f"{observable} alone"),
        )
    for what in ("fewer units", "noise"):
        yield (
            "activations are more robust than weights",
            _more_robust(rows, measured, what),
        )
    yield "several hundred units suffice", _few_units(rows, measured)
    for variant in ("every 4th", "every 10th"):
        yield "wider intervals between measurements suffice", _kept(
            _series(rows, "truncated", variant), _series(rows, "truncated", "all checkpoints"),
            f"checkpoints, {variant}",
        )  # fmt: skip
    for protocol in (
        "held-out-architecture", "held-out-architecture-group", "held-out-curriculum",
    ):  # fmt: skip
        yield (
            "held-out architectures and curricula generalise",
            _found(rows, protocol, None, protocol),
        )


def _found(rows: pd.DataFrame, protocol: str, variant: str | None, measure: str) -> tuple:
    """Whether an accuracy lies above what is known without measuring."""
    tested = rows[rows["protocol"] == protocol]
    if variant is not None:
        tested = tested[tested["variant"] == variant]
    if tested.empty:
        return _untested(measure)
    # The classifier that does best on new blocks of all kinds, not the best of each row.
    tested = tested[tested["model"] == _model(rows, tested)]
    value, sem = tested["value"].mean(), tested["value"].sem()
    floor = tested[["chance", "floor"]].max(axis=1).mean()
    verdict = REPRODUCED if value - ERRORS * _finite(sem) > floor else NOT
    criterion = f"accuracy more than {ERRORS:g} s.e.m. above the floor"
    return measure, value, sem, criterion, floor, verdict


def _model(rows: pd.DataFrame, tested: pd.DataFrame) -> str:
    grouped = rows[(rows["protocol"] == "grouped") & rows["model"].isin(tested["model"])]
    if grouped.empty:
        return str(tested["model"].iloc[0])
    return str(grouped.groupby("model")["value"].mean().idxmax())


def _series(rows: pd.DataFrame, protocol: str, variant: str) -> pd.Series:
    """Return the share that lies above chance, 0 to 1, for each split."""
    some = rows[(rows["protocol"] == protocol) & (rows["variant"] == variant)].set_index("split")
    return (some["value"] - some["chance"]) / (1 - some["chance"])


def _kept(left: pd.Series, whole: pd.Series, measure: str) -> tuple:
    """Whether nine tenths of what lies above chance is left."""
    if not _is_there(left, whole):
        return _untested(measure)
    value, sem = _jackknife(left, whole)
    verdict = REPRODUCED if value >= KEPT else NOT
    return measure, value, sem, "share kept of what lies above chance", KEPT, verdict


def _is_there(*series: pd.Series) -> bool:
    """Whether all were measured, and the last of them is clearly there, so that it can be lost."""
    if any(one.empty or one.isna().any() for one in series):
        return False
    whole = series[-1]
    return bool(whole.mean() > ERRORS * _finite(whole.sem()))


def _jackknife(left: pd.Series, whole: pd.Series) -> tuple[float, float]:
    """Return the ratio of two means over splits, and its error when each split is left out once.

    A mean of ratios would be that of the split in which there was least to lose.
    """
    value, n = left.sum() / whole.sum(), len(whole)
    without = (left.sum() - left) / (whole.sum() - whole) if n > 1 else left * np.nan
    return float(value), float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def _more_robust(rows: pd.DataFrame, measured: pd.DataFrame, what: str) -> tuple:
    """Whether activations keep more than weights, in the mean over the grid."""
    measure = f"share kept, activations less weights, {what}"
    conditions = _names(measured, what)
    complete = _names(measured, "complete")
    if not conditions or not complete:
        return _untested(measure)
    pairs = []
    for observable in ("activation", "weight"):
        whole = _series(rows, "measured", f"{complete[0]} | {observable}")
        parts = [_series(rows, "measured", f"{name} | {observable}") for name in conditions]
        left = pd.concat(parts, axis=1).mean(axis=1)
        if not _is_there(left, whole):
            return _untested(measure)
        pairs.append(_jackknife(left, whole))
    value = pairs[0][0] - pairs[1][0]
    sem = float(np.hypot(pairs[0][1], pairs[1][1]))
    verdict = REPRODUCED if value > ERRORS * _finite(sem) else NOT
    return measure, value, sem, f"more than {ERRORS:g} s.e.m. above 0", 0.0, verdict


def _few_units(rows: pd.DataFrame, measured: pd.DataFrame) -> tuple:
    exact = _exact(measured)
    some = exact[(exact["units"] == SEVERAL_HUNDRED) & (exact["noise_std"] == 0)]
    complete = _names(measured, "complete")
    if some.empty or not complete:
        return _untested(f"{SEVERAL_HUNDRED:.0f} units")
    share = float(some["share"].iloc[0])
    measure = f"{SEVERAL_HUNDRED:.0f} units, which are {share:.0%} of a layer's"
    name = str(some["name"].iloc[0])
    row = _kept(
        _series(rows, "measured", f"{name} | {ALL_OBSERVABLES}"),
        _series(rows, "measured", f"{complete[0]} | {ALL_OBSERVABLES}"),
        measure,
    )
    return (*row[:-1], UNTESTED) if share > MOST_SEEN else row


def _names(measured: pd.DataFrame, which: str) -> list[str]:
    """Return the names of the measurements of one side of the grid."""
    exact = _exact(measured)
    all_units, noisy = np.isinf(exact["units"].astype(float)), exact["noise_std"] > 0
    chosen = {
        "complete": all_units & ~noisy,
        "fewer units": ~all_units & ~noisy,
        "noise": all_units & noisy,
    }[which]
    return sorted(exact.loc[chosen, "name"].unique())


def _exact(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of measurements without spikes or fluorescence."""
    return measured[measured["observation"].isin(SOME_UNITS)]


def _untested(measure: str) -> tuple:
    return measure, np.nan, np.nan, "", np.nan, UNTESTED


def _finite(sem: Any) -> float:
    return 0.0 if np.isnan(sem) else float(sem)
