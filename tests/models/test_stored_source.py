from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.features import FeatureTable, open_features
from rule_id.models import CLASSIFIERS, read_bundle, train
from rule_id.models.opening import open_source
from rule_id.models.sources import Rows, TrainingPart, with_observables
from rule_id.models.stored_source import StoredSource


class Kept:
    """A classifier that keeps what it is fitted to."""

    def fit_batches(self, batches, folder: str, some: np.ndarray) -> Kept:
        passes = [list(batches()) for _ in range(2)]
        for one, other in zip(*passes, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
        self.X, self.y = (np.concatenate(parts) for parts in zip(*passes[0], strict=True))
        assert Path(folder).is_dir()
        return self


@pytest.fixture(scope="module")
def marked(table) -> FeatureTable:
    """Some networks diverged, some the plan set apart."""
    networks = table.meta["network"].unique()
    meta = table.meta.assign(
        diverged=table.meta["network"].isin(networks[:2]), held_out=table.meta["block"] == 3
    )
    return dataclasses.replace(table, meta=meta)


@pytest.fixture
def path(marked, tmp_path):
    marked.write(tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def in_order(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return rows sorted, with labels as a column."""
    codes = np.unique(y, return_inverse=True)[1]
    both = np.column_stack([codes, np.nan_to_num(X, nan=-1e9)])
    return both[np.lexsort(both.T)]


@pytest.mark.parametrize("observables", [None, ["activation"], ["activation", "weight"]])
def test_it_is_fitted_to_the_rows_that_a_table_in_memory_would_give(path, observables):
    """The same gaps too, though they are drawn before the features are read."""
    whole = open_source(path, "summary", 0)
    some = with_observables(whole.table, observables)
    meta = some.meta
    fitted = some.rows(~meta["diverged"] & ~meta["held_out"] & ~meta["block"].isin([0, 5]))
    X, y, _, _ = whole.training_rows(fitted, "rule", 7)
    source = open_source(path, "summary", 0, 100)
    part = TrainingPart(some.names, "rule", observables, [0, 5], 7)
    nothing: Rows = (np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    kept = source.fit(Kept(), nothing, part)
    np.testing.assert_allclose(in_order(kept.X, kept.y), in_order(X, y), rtol=1e-6)


def test_as_many_networks_are_in_memory_as_may_be_and_none_that_is_not_usable(path, marked):
    stored = open_features(path)
    source = StoredSource.draw(stored, 100, 0)
    assert 100 - marked.meta["network"].value_counts().max() < len(source.table) <= 100
    assert not source.table.meta["diverged"].any() and not source.table.meta["held_out"].any()
    usable = marked.meta[~marked.meta["diverged"] & ~marked.meta["held_out"]]
    sizes = source.table.meta["network"].value_counts()
    pd.testing.assert_series_equal(
        sizes.sort_index(), usable["network"].value_counts().reindex(sizes.index).sort_index()
    )
    other = StoredSource.draw(stored, 100, 1)
    assert set(other.table.meta["network"]) != set(source.table.meta["network"])
    assert len(StoredSource.draw(stored, 10**6, 0).table) == len(usable)


def test_where_all_may_be_in_memory_the_bundle_is_the_same_but_for_the_order_of_rows(
    path, tmp_path
):
    whole = train(path, tune=False, held_out=0.4)
    read = train(path, tmp_path / "bundle", tune=False, held_out=0.4, most_rows=10**6)
    assert (read.classes, read.feature_names) == (whole.classes, whole.feature_names)
    assert (read.test_blocks, read.families) == (whole.test_blocks, whole.families)
    np.testing.assert_array_equal(read.quantiles, whole.quantiles)
    for name in ("training", "testing", "n_diverged", "n_set_apart"):
        assert read.info[name] == whole.info[name]
    assert read.info["most_rows"] == 10**6
    accuracies = [
        bundle.scores["activation+weight+activity_change"]["network"]["accuracy"]
        for bundle in (whole, read)
    ]
    assert abs(accuracies[0] - accuracies[1]) < 0.1 and min(accuracies) > 0.8
    assert read_bundle(tmp_path / "bundle").info == read.info


def test_few_rows_in_memory_are_scored_and_all_are_fitted(path, marked):
    bundle = train(path, tune=False, held_out=0.4, most_rows=200)
    usable = marked.meta[~marked.meta["diverged"] & ~marked.meta["held_out"]]
    fitted = usable[~usable["block"].isin(bundle.test_blocks)]
    assert bundle.info["training"]["networks"] == fitted["network"].nunique()
    assert bundle.info["training"]["rows"] == len(fitted)
    assert bundle.info["testing"]["rows"] < 200
    assert (bundle.info["n_diverged"], bundle.info["n_set_apart"]) == (2, 8)
    assert bundle.scores["activation+weight"]["network"]["accuracy"] > 0.5


def test_what_cannot_be_trained_in_batches_is_refused(path, table, tmp_path):
    with pytest.raises(InputError, match="must be left out for model linear"):
        train(path, model="linear", most_rows=1000)
    with pytest.raises(InputError, match="must be left out for a table in memory"):
        train(table, most_rows=1000)
    with pytest.raises(InputError, match="must be 100 or more; got 5"):
        train(path, most_rows=5)
    lost = table.meta.drop(columns="block")
    FeatureTable(lost, table.values, "summary").write(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column block"):
        train(tmp_path / "other.parquet", most_rows=1000)


@pytest.mark.parametrize("most", [None, 8])
def test_batches_fit_nearly_what_all_rows_at_once_fit(tmp_path, most):
    rng = np.random.default_rng(0)
    y = rng.choice(list("abc"), 600)
    X = rng.normal(size=(600, 20)).astype(np.float32)
    X[:, 0] += 3.0 * (y == "b") - 3.0 * (y == "a")
    X[rng.random(X.shape) < 0.1] = np.nan
    whole = CLASSIFIERS["xgboost"](n_estimators=10, most_features=most).fit(X, y)
    read = CLASSIFIERS["xgboost"](n_estimators=10, most_features=most).fit_batches(
        lambda: ((X[k : k + 130], y[k : k + 130]) for k in range(0, 600, 130)), tmp_path, X
    )
    np.testing.assert_array_equal(read.classes_, whole.classes_)
    # Edges are weighted quantiles in memory and plain ones here.
    named = [fitted.predict(X) for fitted in (read, whole)]
    assert (named[0] == named[1]).mean() > 0.9
    with pytest.raises(ValueError, match="2 classes or more; got 1"):
        CLASSIFIERS["xgboost"]().fit_batches(lambda: iter([(X, np.full(600, "a"))]), tmp_path, X)


def test_a_network_of_more_rows_than_may_be_in_memory_is_said_to_be_one(tmp_path, table):
    many = [table.rows((table.meta["network"] == table.meta["network"].iloc[0]).to_numpy())] * 60
    meta = pd.concat([one.meta for one in many], ignore_index=True)
    values = pd.concat([one.values for one in many], ignore_index=True)
    FeatureTable(meta, values, "summary").write(tmp_path / "one.parquet")
    with pytest.raises(InputError, match=f"most_rows must be {len(meta)} or more, the rows of one"):
        train(tmp_path / "one.parquet", most_rows=100)
