from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.features import FeatureTable
from rule_id.models import Bundle, network_ids
from rule_id.models.patterns import feature_matrix
from rule_id.reports.importance import (
    COLUMNS,
    DEPTH_FLAGS,
    METHODS,
    _shap_and_gain,
    feature_groups,
    held_out_rows,
    importance,
    overall,
    shap_values,
)
from rule_id.trajectories import STATISTICS, observable_of

METHODS_OF = {
    "linear": {"permutation", "coefficient"},
    "xgboost": {"permutation", "shap", "gain"},
    "combined": {"permutation", "shap", "gain"},
}


@pytest.fixture(scope="module", params=["linear", "xgboost", "combined"])
def bundle(request: pytest.FixtureRequest, bundles: dict[str, Bundle]) -> Bundle:
    return bundles[request.param]


@pytest.fixture(scope="module")
def measured(bundle: Bundle, planted: FeatureTable) -> pd.DataFrame:
    return overall(importance(bundle, planted, repeats=3))


def test_importance_is_a_tidy_table_of_every_method(bundle: Bundle, measured: pd.DataFrame) -> None:
    assert list(measured.columns) == COLUMNS
    assert set(measured["model"]) == {bundle.model}
    assert set(measured["method"]) == METHODS_OF[bundle.model] <= set(METHODS)
    assert not measured.duplicated(["method", "by", "group"]).any()
    exchanged = measured["method"] == "permutation"
    drawn = measured[["error", "low", "high"]]
    assert drawn[exchanged].notna().all(axis=None) and drawn[~exchanged].isna().all(axis=None)
    assert (drawn.loc[exchanged, "low"] <= drawn.loc[exchanged, "high"]).all()


def test_every_method_finds_the_planted_observable_and_time(measured: pd.DataFrame) -> None:
    # Of coefficients a group has the more the more features it has, whatever they tell.
    chosen = measured[measured["method"] != "coefficient"]
    for by, planted in (("observable", "activity_change"), ("time", "early")):
        for method, rows in chosen[chosen["by"] == by].groupby("method"):
            assert rows.loc[rows["value"].idxmax(), "group"] == planted, method


def test_every_method_finds_the_planted_statistics(measured: pd.DataFrame) -> None:
    statistics = measured[measured["by"] == "statistic"]
    for method, rows in statistics.groupby("method"):
        top = rows.nlargest(3, "value")["group"]
        assert {observable_of(name) for name in top} == {"activity_change"}, method


def test_groups_of_additive_methods_add_up_to_the_same_total(measured: pd.DataFrame) -> None:
    additive = measured[(measured["method"] != "permutation") & (measured["by"] != "depth")]
    totals = additive.groupby(["method", "by"])["value"].sum().unstack()
    assert (totals > 0).all(axis=None)
    np.testing.assert_allclose(totals.sub(totals["observable"], axis=0), 0, atol=1e-4)


def test_statistics_add_up_to_their_observable(measured: pd.DataFrame) -> None:
    rows = measured[(measured["method"] != "permutation") & (measured["group"] != DEPTH_FLAGS)]
    statistics = rows[rows["by"] == "statistic"]
    sums = statistics.groupby(["method", statistics["group"].map(observable_of)])["value"].sum()
    observables = rows[rows["by"] == "observable"].set_index(["method", "group"])["value"]
    np.testing.assert_allclose(sums, observables.reindex(sums.index), rtol=1e-5)


def test_depth_groups_of_shap_average_to_the_total(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    measured = overall(importance(bundles["xgboost"], planted, repeats=2))
    shap = measured[measured["method"] == "shap"]
    layers = held_out_rows(bundles["xgboost"], planted).meta["depth_group"].value_counts()
    depth = shap[shap["by"] == "depth"].set_index("group")["value"]
    average = np.average(depth, weights=layers.reindex(depth.index))
    assert average == pytest.approx(shap.loc[shap["by"] == "time", "value"].sum(), rel=1e-5)


def test_shap_values_add_up_to_the_log_probabilities(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    classifier = bundles["xgboost"].classifier
    values = feature_matrix(planted, bundles["xgboost"].feature_names)[:20]
    margins = shap_values(classifier.booster_, values).sum(axis=2)
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    expected = classifier.predict_proba(values)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, atol=1e-4)


def test_importance_depends_on_the_seed_alone(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    first, again = (importance(bundles["linear"], planted, repeats=2, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_networks_of_the_fit_are_not_looked_at(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    bundle = bundles["linear"]
    unseen = planted.meta["block"].isin(bundle.test_blocks)
    changed = planted.values.mask(~unseen, np.nan)
    blanked = FeatureTable(planted.meta, changed, planted.feature_set, planted.info)
    pd.testing.assert_frame_equal(
        importance(bundle, blanked, repeats=2), importance(bundle, planted, repeats=2)
    )


def test_networks_that_diverged_are_left_out(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    bundle = bundles["linear"]
    one = planted.meta["network"] == f"b{bundle.test_blocks[0]}.backprop+adam.0"
    meta = planted.meta.assign(diverged=one)
    table = FeatureTable(meta, planted.values, planted.feature_set, planted.info)
    assert len(held_out_rows(bundle, planted)) - len(held_out_rows(bundle, table)) == one.sum()


def test_every_feature_belongs_to_one_group_of_each_kind() -> None:
    names = [f"{statistic}.checkpoint_{k:02}" for statistic in STATISTICS for k in range(21)]
    groups = feature_groups([*names, "depth.early"], 21)
    assert set(groups["statistic"]) == {*STATISTICS, DEPTH_FLAGS}
    assert groups["time"].value_counts().to_dict() == {
        "early": 7 * 45,
        "middle": 7 * 45,
        "late": 7 * 45,
        DEPTH_FLAGS: 1,
    }


def test_progress_counts_to_the_end(bundles: dict[str, Bundle], planted: FeatureTable) -> None:
    calls: list[tuple[str, int, int]] = []
    importance(bundles["linear"], planted, repeats=2, progress=lambda *call: calls.append(call))
    assert [call[1] for call in calls] == list(range(1, calls[0][2] + 1))


def test_too_few_repeats_are_refused(bundles: dict[str, Bundle], planted: FeatureTable) -> None:
    with pytest.raises(InputError, match=r"repeats must be 2 or more; got 1"):
        importance(bundles["linear"], planted, repeats=1)


def test_another_table_is_refused(bundles: dict[str, Bundle], planted: FeatureTable) -> None:
    other = replace(planted, info=planted.info | {"content_hash": "ffff"})
    with pytest.raises(InputError, match=r"features must be the table that the linear bundle"):
        importance(bundles["linear"], other)


def test_a_table_that_lacks_features_is_refused(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    lacking = replace(planted, values=planted.values.drop(columns="weight_abs_mean.start"))
    with pytest.raises(InputError, match=r"2 are missing, such as weight_abs_mean\.start"):
        importance(bundles["xgboost"], lacking)


def test_a_table_without_held_out_networks_is_refused(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    bundle = bundles["xgboost"]
    seen = planted.rows(~planted.meta["block"].isin(bundle.test_blocks))
    with pytest.raises(InputError, match=r"3 blocks that the xgboost bundle held out; there are"):
        importance(bundle, seen)


@pytest.mark.parametrize("target", ["family", "credit_assignment", "optimizer"])
def test_every_target_has_its_importance(
    of_target: dict[str, Bundle], planted: FeatureTable, target: str
) -> None:
    measured = importance(of_target[target], planted, repeats=2)
    exchanged = measured[(measured["method"] == "permutation") & (measured["by"] == "observable")]
    assert exchanged.loc[exchanged["value"].idxmax(), "group"] == "activity_change"
    lacking = replace(planted, meta=planted.meta.drop(columns=target))
    with pytest.raises(InputError, match=f"simulated networks; no column {target}"):
        importance(of_target[target], lacking)


def test_a_table_without_blocks_is_refused(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    recorded = replace(planted, meta=planted.meta.drop(columns="block"))
    with pytest.raises(InputError, match=r"features must be of simulated networks.*block"):
        importance(bundles["linear"], recorded)


def test_classes_and_pairs_find_what_is_planted_too(planted: FeatureTable, bundle: Bundle) -> None:
    measured = importance(bundle, planted, repeats=2)
    rules = bundle.classes
    pairs = [f"{a} | {b}" for k, a in enumerate(rules) for b in rules[k + 1 :]]
    rows = measured[(measured["by"] == "observable") & (measured["method"] == "permutation")]
    assert list(rows["about"].unique()) == ["all", *rules, *pairs]
    for about, some in rows.groupby("about"):
        assert some.loc[some["value"].idxmax(), "group"] == "activity_change", about
    # All networks are those of each class together, which here are equally many.
    value = rows.set_index(["about", "group"])["value"].unstack()
    np.testing.assert_allclose(value.loc[rules].mean(), value.loc["all"], atol=1e-9)


def test_the_interval_over_blocks_holds_the_value_and_is_narrow_for_what_does_nothing(
    planted: FeatureTable, bundles: dict[str, Bundle]
) -> None:
    measured = overall(importance(bundles["linear"], planted, repeats=2))
    rows = measured[(measured["by"] == "observable") & (measured["method"] == "permutation")]
    assert ((rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])).all()
    by_group = rows.set_index("group")
    assert by_group.loc["activity_change", "low"] > by_group.loc["weight", "high"]


def test_what_features_add_of_both_halves_makes_their_log_odds(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    bundle = bundles["combined"]
    X = feature_matrix(planted, bundle.feature_names)
    held_out = replace(planted, values=pd.DataFrame(X, columns=bundle.feature_names))
    added, _ = _shap_and_gain(bundle, held_out)
    said = np.log(bundle.classifier.predict_proba(X, network_ids(planted.meta)))
    sums = added.sum(axis=2)
    # But for what no feature adds, which is the same in all rows.
    rest = (said[:, :1] - said[:, 1:]) - (sums[:, :1] - sums[:, 1:])
    np.testing.assert_allclose(rest - rest.mean(axis=0), 0, atol=1e-2)
