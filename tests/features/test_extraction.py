from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.features import (
    FEATURE_SETS,
    PAPER_STATISTICS,
    extract,
    extract_panel,
    features,
    read_features,
    split_name,
    summary_names,
)
from rule_id.features.panel import join_panels, pivot
from rule_id.trajectories import STATISTICS, Trajectories, write_manifest, write_part


@pytest.fixture(scope="module")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=3, networks_per_rule=1)


@pytest.fixture
def corpus(small, tmp_path):
    folder = tmp_path / "corpus"
    write_manifest(folder, {})
    write_part(folder, "a", small.networks, small.rows)
    return folder


def values(trajectories, rows, feature_set="summary"):
    return extract(Trajectories(trajectories.networks, rows), feature_set).values


def test_the_paper_has_24_statistics_and_507_features(small):
    table = extract(small, "trajectory", paper=True)
    assert len(PAPER_STATISTICS) == len(set(PAPER_STATISTICS)) == 24
    assert set(PAPER_STATISTICS) <= set(STATISTICS)
    assert len(table.names) == 24 * 21 + 3 == 507
    assert table.info["paper"] is True


def test_a_trajectory_is_the_values_at_the_checkpoints(small):
    table = extract(small, "trajectory")
    assert len(table.names) == 45 * 21 + 3
    for index in (0, len(table) - 1):
        network, layer = table.meta[["network", "layer"]].iloc[index]
        expected = small.rows[(small.rows["network"] == network) & (small.rows["layer"] == layer)]
        names = [f"activation_sq_var.checkpoint_{k:02}" for k in range(21)]
        np.testing.assert_array_equal(table.values[names].iloc[index], expected.activation_sq_var)


def test_infinite_values_count_as_missing(small):
    rows = small.rows.copy()
    rows.loc[5, "weight_raw_norm"] = np.inf
    found = extract(Trajectories(small.networks, rows), "trajectory").values
    assert np.isnan(found["weight_raw_norm.checkpoint_05"][0])
    assert found.isna().to_numpy().sum() == 1


@pytest.mark.parametrize(("feature_set", "n"), [("summary", 45), ("invariant", 46)])
def test_summaries_have_one_column_a_statistic_and_summary(small, feature_set, n):
    table = extract(small, feature_set)
    assert len(table.names) == n * len(summary_names()) + 3
    assert {split_name(name)[1] for name in table.names[:-3]} == set(summary_names())
    assert table.names[-3:] == ["depth.early", "depth.middle", "depth.deep"]
    assert set(table.values.dtypes) == {np.dtype("float32")}
    assert np.isfinite(table.matrix()).all()


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_depth_flags_name_the_depth_group(small, feature_set):
    table = extract(small, feature_set)
    flags = table.values[["depth.early", "depth.middle", "depth.deep"]]
    assert (flags.sum(axis=1) == 1).all()
    assert (flags.idxmax(axis=1).str.removeprefix("depth.") == table.meta["depth_group"]).all()


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_no_feature_is_made_from_what_is_not_a_statistic(small, feature_set):
    rng = np.random.default_rng(0)
    n = len(small.rows)
    rows = small.rows.assign(
        loss=rng.normal(size=n), performance=rng.normal(size=n), progress=rng.normal(size=n),
        step=7 * small.rows["step"] + 1000, noise_std=3.0, unit_fraction=0.1, tracked=False,
        observation="poisson", layer_name="x", layer_kind="conv", depth=0.5,
    )  # fmt: skip
    if feature_set != "invariant":
        rows["n_units"] = 5
    networks = small.networks.assign(final_loss=9.0, learning_rate=1.0, steps=3, width=8)
    other = extract(Trajectories(networks, rows), feature_set).values
    # Time is a ratio of steps, rounded anew.
    pd.testing.assert_frame_equal(other, extract(small, feature_set).values, rtol=1e-5, atol=1e-6)


def test_the_number_of_units_changes_the_norms_of_activations_alone(small):
    plain = extract(small, "invariant").values
    other = values(small, small.rows.assign(n_units=5), "invariant")
    changed = {name for name in plain if not np.allclose(plain[name], other[name])}
    functions = ("raw", "abs", "sq")
    levels = ("start", "mean", "end")
    assert changed == {f"activation_{f}_norm.{level}" for f in functions for level in levels}


@pytest.mark.parametrize("feature_set", ["summary", "invariant"])
def test_a_missing_observable_is_missing_in_the_features(small, feature_set):
    rows = small.rows.copy()
    rows[[name for name in STATISTICS if name.startswith("weight")]] = np.nan
    found, plain = values(small, rows, feature_set), extract(small, feature_set).values
    weights = [name for name in plain if name.startswith("weight")]
    assert found[weights].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop(columns=weights), plain.drop(columns=weights))


@pytest.mark.parametrize("feature_set", ["summary", "invariant"])
def test_gaps_count_as_checkpoints_that_are_not_there(small, feature_set):
    gone = np.isin(small.rows["checkpoint"], [3, 8, 20])
    rows = small.rows.copy()
    rows.loc[gone, list(STATISTICS)] = np.nan
    pd.testing.assert_frame_equal(
        values(small, rows, feature_set),
        values(small, small.rows[~gone], feature_set),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_single_finite_point_is_not_a_trajectory(small):
    rows = small.rows.copy()
    rows.loc[rows["checkpoint"] > 0, "weight_raw_mean"] = np.nan
    found = values(small, rows)
    assert found.filter(like="weight_raw_mean.").isna().all(axis=None)


def test_trajectories_of_several_lengths_are_summarised_each_by_itself(small):
    name = small.networks["network"][4]
    rows = small.rows[(small.rows["network"] != name) | (small.rows["checkpoint"] < 9)]
    mixed = extract(Trajectories(small.networks, rows))
    alone = extract(Trajectories(small.networks, rows).select([name]))
    found = mixed.rows(mixed.meta["network"] == name)
    pd.testing.assert_frame_equal(found.values, alone.values)
    assert (mixed.info["n_checkpoints"], alone.info["n_checkpoints"]) == (21, 9)


def test_trajectories_measured_at_several_times_are_summarised_each_by_itself(small):
    name = small.networks["network"][4]
    own = small.rows["network"] == name
    rows = small.rows.assign(step=np.where(own, small.rows["step"] ** 2, small.rows["step"]))
    mixed = extract(Trajectories(small.networks, rows))
    alone = extract(Trajectories(small.networks, rows).select([name]))
    found = mixed.rows(mixed.meta["network"] == name)
    pd.testing.assert_frame_equal(found.values, alone.values)
    plain = extract(small).rows(mixed.meta["network"] == name)
    assert not np.allclose(found.values, plain.values)


def test_many_rows_are_summarised_as_few_are(small, monkeypatch):
    plain = extract(small).values
    monkeypatch.setattr("rule_id.features.extraction.CHUNK", 7)
    pd.testing.assert_frame_equal(extract(small).values, plain)


def test_a_trajectory_of_several_lengths_is_refused(small):
    rows = small.rows[(small.rows["layer"] != 0) | (small.rows["checkpoint"] < 9)]
    trajectories = Trajectories(small.networks, rows, "corpus")
    with pytest.raises(InputError, match="corpus: .* of one length; got 9 to 21 checkpoints"):
        extract(trajectories, "trajectory")


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_a_panel_has_the_features_of_its_trajectories_row_by_row(small, feature_set):
    paper = feature_set == "trajectory"
    plain = extract(small, feature_set, paper=paper)
    found = extract_panel(pivot(small), feature_set, paper=paper, source="a/corpus")
    pd.testing.assert_frame_equal(found.values, plain.values)
    pd.testing.assert_frame_equal(found.meta, plain.meta)
    assert found.info == plain.info | {"corpus": "corpus"}
    order = np.random.default_rng(0).permutation(len(plain))
    mixed = extract_panel(pivot(small).rows(order), feature_set, paper=paper)
    np.testing.assert_array_equal(mixed.matrix(), plain.matrix()[order])
    assert (mixed.meta["network"].to_numpy() == plain.meta["network"].to_numpy()[order]).all()


def test_a_panel_of_several_lengths_is_no_trajectory(small):
    panel = pivot(small)
    short = panel.rows(np.arange(3)).seen(np.arange(9))
    with pytest.raises(InputError, match="here: .* of one length; got 9 to 21 checkpoints"):
        extract_panel(join_panels([short, panel]), "trajectory", source="here")


def test_an_unknown_feature_set_is_refused(small):
    with pytest.raises(InputError, match="feature set must be one of trajectory, .*; got 'mean'"):
        extract_panel(pivot(small), "mean")
    with pytest.raises(InputError, match="feature set must be one of trajectory, .*; got 'mean'"):
        extract(small, "mean")


@pytest.mark.parametrize("feature_set", ["summary", "invariant"])
def test_the_paper_goes_with_its_own_set_alone(corpus, feature_set):
    with pytest.raises(InputError, match=f"must go with .* trajectory; got '{feature_set}'"):
        features(corpus, feature_set=feature_set, paper=True)


def test_features_of_a_corpus_say_where_they_come_from(corpus, small, tmp_path):
    out = tmp_path / "features" / "x.parquet"
    table = features(corpus, out, feature_set="invariant")
    assert table.info == {
        "paper": False, "corpus": "corpus", "n_checkpoints": 21,
        "content_hash": content_hash(small),
    }  # fmt: skip
    again = read_features(out)
    pd.testing.assert_frame_equal(again.values, extract(small, "invariant").values)
    assert (again.info, again.feature_set) == (table.info, "invariant")


def test_a_damaged_corpus_leaves_no_table(corpus, tmp_path):
    (corpus / "trajectories" / "part-a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="must be a complete Parquet file"):
        features(corpus, tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_one_measurement_alone(tmp_path) -> None:
    made = with_measurements(synthetic_trajectories(2, 1, 5), {"n_units": 8})
    write_manifest(tmp_path / "corpus", {"plan": {}})
    write_part(tmp_path / "corpus", "a", made.networks, made.rows)
    every = features(tmp_path / "corpus")
    some = features(tmp_path / "corpus", measurement=1)
    assert set(some.meta["measurement"]) == {1} and len(some) == len(every) / 2
    same = every.rows(every.meta["measurement"] == 1)
    np.testing.assert_array_equal(some.matrix(), same.matrix())
    features(tmp_path / "corpus", tmp_path / "f.parquet", measurement=1)
    np.testing.assert_array_equal(read_features(tmp_path / "f.parquet").matrix(), some.matrix())
    with pytest.raises(InputError, match="measurement must be one of the corpus, 0, 1; got 2"):
        features(tmp_path / "corpus", measurement=2)
