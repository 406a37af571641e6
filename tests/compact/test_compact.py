"""A compact copy of a corpus that was really simulated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories
from typer.testing import CliRunner

from rule_id.batches import read_batches
from rule_id.checking import check
from rule_id.cli import app
from rule_id.compact import compact
from rule_id.compact_parts import DERIVED, KEPT, LOST
from rule_id.compact_parts.share_coding import COSINES
from rule_id.content import ContentHash, content_hash
from rule_id.errors import InputError
from rule_id.evaluation import evaluate
from rule_id.features import features
from rule_id.features.paths import is_of_path
from rule_id.models import train
from rule_id.schema import PAIRS, pair_columns
from rule_id.simulation import simulate
from rule_id.simulation.describe import describe
from rule_id.trajectories import (
    ROW_COLUMNS,
    STATISTICS,
    read_corpus,
    read_manifest,
    write_manifest,
    write_part,
)


@pytest.fixture
def original(simulated):
    corpus = read_corpus(simulated)
    return corpus.networks, corpus.rows[corpus.rows["measurement"] == 0].reset_index(drop=True)


def test_networks_and_what_rows_are_come_back_exactly(original, compacted):
    networks, rows = original
    found = read_corpus(compacted)
    pd.testing.assert_frame_equal(found.networks, networks)
    exact = [name for name in ROW_COLUMNS if name not in ("loss", "performance")]
    pd.testing.assert_frame_equal(found.rows[exact], rows[exact])
    for name in ("loss", "performance"):
        np.testing.assert_allclose(found.rows[name], rows[name], rtol=2.0**-11)
    assert (found.rows.dtypes == rows.dtypes).all()


def test_pairs_of_checkpoints_come_back_within_tolerance(original, compacted):
    _, rows = original
    found = read_corpus(compacted).rows
    columns = pair_columns(rows.columns)
    assert set(columns) == set(PAIRS)
    for pair, own in columns.items():
        for name in own.values():
            x, y = (table[name].to_numpy(float) for table in (rows, found))
            np.testing.assert_array_equal(np.isnan(x), np.isnan(y))
            if pair in COSINES:
                assert np.nanmax(np.abs(y - x)) < 0.0141, name
                continue
            error = np.abs(y / np.where(x == 0, np.nan, x) - 1)
            assert np.nanmedian(error) < 0.026 and np.nanquantile(error, 0.95) < 0.036, name


def test_statistics_come_back_within_tolerance(original, compacted):
    _, rows = original
    found = read_corpus(compacted).rows
    for name in (*KEPT, *DERIVED):
        x, y = (table[name].to_numpy(float).reshape(-1, 6) for table in (rows, found))
        assert (np.isnan(x) == np.isnan(y)).all()
        span = np.nanmax(np.abs(x - x[:, :1]), axis=1, keepdims=True)
        error = np.abs((y - y[:, :1]) - (x - x[:, :1])) / np.where(span > 0, span, np.inf)
        assert np.nanmedian(error) < 0.005, name
        assert np.nanmax(error) < (0.05 if name in KEPT else 0.6), name
    assert found[list(LOST)].isna().all(axis=None)


def test_features_are_nearly_those_of_the_original(simulated, compacted):
    for feature_set, paper in (("summary", False), ("invariant", False), ("trajectory", True)):
        before = features(simulated, feature_set=feature_set, paper=paper, measurement=0).values
        after = features(compacted, feature_set=feature_set, paper=paper).values
        there = [name for name in before if not name.startswith(LOST)]
        assert after.drop(columns=there).isna().all(axis=None)
        spread = before[there].quantile(0.75) - before[there].quantile(0.25)
        error = (after[there] - before[there]).abs().median() / spread.where(spread > 0)
        of_path = error.index.map(is_of_path).to_numpy(dtype=bool)
        assert error.median() < 0.005 and error[~of_path].max() < 0.15
        # Roughness of what hardly changes, and when it is least, are of the rounding itself.
        assert not of_path.any() or error[of_path].quantile(0.8) < 0.2


def test_batches_together_are_the_corpus_and_its_hash_is_of_what_is_read(simulated, compacted):
    whole = read_corpus(compacted)
    content = ContentHash()
    n_rows = 0
    for batch in read_batches(compacted, 1):
        content.update(batch)
        n_rows += len(batch.rows)
    assert n_rows == len(whole.rows)
    said = read_manifest(compacted)["compact"]
    assert content.hexdigest() == content_hash(whole) != said["content_hash"]
    assert said["content_hash"] == content_hash(read_corpus(simulated))


def test_it_is_small_and_says_what_it_is(simulated, compacted):
    before, said = read_manifest(simulated), read_manifest(compacted)
    assert said["plan"] == before["plan"] and said["schema_version"] == before["schema_version"]
    compact_of = said["compact"]
    assert (compact_of["version"], compact_of["measurements"], compact_of["layers"]) == (4, [0], 8)
    assert {*compact_of["kept"], *compact_of["derived"], *compact_of["missing"]} == set(STATISTICS)
    (part,) = said["parts"]
    names = [path.name for path in compacted.glob("*/*")]
    assert names == [f"part-{part}.parquet"] * 3
    layers = pd.read_parquet(compacted / "trajectories" / names[0])  # with pandas alone
    assert len(layers) == read_corpus(compacted).networks["n_layers"].sum()
    size = [sum(p.stat().st_size for p in f.rglob("*.parquet")) for f in (simulated, compacted)]
    assert size[1] < size[0] / 2


def test_it_is_the_same_whatever_the_parts_of_the_original(simulated, compacted, tmp_path):
    whole = read_corpus(simulated)
    write_manifest(tmp_path / "one", {"plan": read_manifest(simulated)["plan"]})
    write_part(tmp_path / "one", "a", whole.networks, whole.rows)
    other = compact(tmp_path / "one", tmp_path / "small").folder
    for path in compacted.glob("*/*"):
        assert (other / path.relative_to(compacted)).read_bytes() == path.read_bytes()


def test_deep_networks_keep_some_layers_with_the_first_and_the_last(simulated, tmp_path):
    made = compact(simulated, tmp_path / "small", layers=3, measurements=[1])
    found, whole = read_corpus(made.folder), read_corpus(simulated)
    deep = whole.networks.loc[whole.networks["n_layers"] == 5, "network"]
    assert len(deep)
    kept = found.rows.groupby("network")["layer"].unique()
    assert all(kept[network].tolist() == [0, 2, 4] for network in deep)
    assert made.n_layers == 3 * len(whole.networks) == kept.str.len().sum()
    rows = whole.rows.merge(found.rows[["network", "layer"]].drop_duplicates())
    rows = rows[rows["measurement"] == 1]
    assert found.rows["depth"].tolist() == rows["depth"].tolist()
    assert found.rows["depth_group"].tolist() == rows["depth_group"].tolist()
    assert found.networks["n_layers"].equals(whole.networks["n_layers"])


def test_several_measurements_are_what_each_is_alone(simulated, tmp_path):
    both = read_corpus(compact(simulated, tmp_path / "both", measurements=[1, 0]).folder)
    assert read_manifest(tmp_path / "both")["compact"]["measurements"] == [0, 1]
    for one in (0, 1):
        alone = read_corpus(compact(simulated, tmp_path / str(one), measurements=[one]).folder)
        rows = both.rows[both.rows["measurement"] == one].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone.rows)
        pd.testing.assert_frame_equal(both.networks, alone.networks)
    keys = ["network", "measurement", "layer", "checkpoint"]
    assert both.rows[keys].equals(read_corpus(simulated).rows[keys])
    with pytest.raises(InputError, match="measurements must be one or more; got none"):
        compact(simulated, tmp_path / "none", measurements=[])


def test_many_networks_are_a_few_parts(simulated, tmp_path, monkeypatch):
    monkeypatch.setattr("rule_id.compact.ROWS_PER_PART", 120)
    folder = compact(simulated, tmp_path / "small").folder
    assert len(list((folder / "networks").iterdir())) > 2
    found = pd.concat([batch.networks for batch in read_batches(folder, 1)])
    assert sorted(found["network"]) == read_corpus(folder).networks["network"].tolist()


def test_what_follows_takes_it(compacted, tmp_path):
    assert "backprop+momentum" in str(describe(compacted))
    bundle = train(compacted, model="linear", tune=False, held_out=0.4)
    assert bundle.classes == ["backprop+momentum", "feedback_alignment+adam"]
    done = evaluate(compacted, tmp_path / "e", models=["linear"], protocols=["grouped"], splits=2)
    assert "grouped" in str(done)


def test_simulation_does_not_go_on_with_it(plan, compacted):
    before = sorted(path.name for path in compacted.rglob("*"))
    with pytest.raises(InputError, match="is a compact copy of one, which cannot be gone on with"):
        simulate(plan, compacted, workers=1)
    assert sorted(path.name for path in compacted.rglob("*")) == before


def test_options_that_do_not_fit_are_refused_and_nothing_is_written(simulated, compacted, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="measurement must be one of the corpus, 0, 1; got 2"):
        compact(simulated, out, measurements=[0, 2])
    with pytest.raises(InputError, match="layers must be 2 or more, .*; got 1"):
        compact(simulated, out, layers=1)
    with pytest.raises(InputError, match="must be a full one; .* is compact already"):
        compact(compacted, out)
    with pytest.raises(InputError, match="out must be a new or empty folder; .* is something"):
        compact(simulated, simulated)
    assert not list(tmp_path.iterdir())


def test_made_up_statistics_are_refused_and_nothing_is_written(tmp_path):
    made = synthetic_trajectories(2, 1, 5)
    write_manifest(tmp_path / "corpus", {})
    write_part(tmp_path / "corpus", "a", made.networks, made.rows)
    with pytest.raises(InputError, match="corpus: statistics of weights must be of one tensor"):
        compact(tmp_path / "corpus", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("n_units", {"n_units": 3}, "n_units must be the same at all checkpoints of a layer"),
        ("loss", {"loss": 0.5}, "loss must be the same in all layers of a network"),
        ("layer_name", {"layer_name": "x" * 301}, "layer_name must be a text of at most 300"),
    ],
)
def test_what_the_format_cannot_say_is_refused(simulated, tmp_path, column, change, message):
    whole = read_corpus(simulated)
    rows = whole.rows.copy()
    rows.loc[3, column] = change[column]
    write_manifest(tmp_path / "corpus", {})
    write_part(tmp_path / "corpus", "a", whole.networks, rows)
    with pytest.raises(InputError, match=message):
        compact(tmp_path / "corpus", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote(simulated, tmp_path):
    out = tmp_path / "small"
    result = CliRunner().invoke(
        app, ["compact", str(simulated), "--out", str(out), "--layers", "4"]
    )
    assert result.exit_code == 0, result.output
    text = result.stdout.replace("\n", "")
    assert text.startswith(f"{out}: 16 networks, ") and text.endswith(" MB")
    assert json.loads((out / "manifest.json").read_text())["compact"]["layers"] == 4


def test_a_compact_corpus_is_checked_too(compacted, tmp_path):
    copy = Path(shutil.copytree(compacted, tmp_path / "compact"))
    assert check(copy).sound
    path = next((copy / "checkpoints").glob("part-*"))
    path.write_bytes(path.read_bytes()[:-1])
    found = check(copy)
    assert not found.sound and str(path) in str(found)
