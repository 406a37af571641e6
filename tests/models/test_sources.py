from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract, features, usable_features
from rule_id.models import Bundle, identify, read_bundle, train, train_menu
from rule_id.models.menu import MENU
from rule_id.models.mix import Mix
from rule_id.models.opening import open_source
from rule_id.models.patterns import feature_observables
from rule_id.models.sources import CorpusSource, TableSource, with_observables
from rule_id.recordings import Recording
from rule_id.trajectories import Trajectories, write_manifest, write_part

FEW = {"unit_fraction": 0.25, "n_units": 16}
CALCIUM = FEW | {"observation": "calcium", "tracked": False}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources") / "corpus"
    made = with_measurements(synthetic_trajectories(15, 1, 9, signal=2.5), FEW, CALCIUM)
    made = Trajectories(
        made.networks.assign(diverged=made.networks["network"] == made.networks["network"][0]),
        made.rows,
        "corpus",
    )
    write_manifest(folder, {"plan": {}})
    write_part(folder, "a", made.networks, made.rows)
    return folder


@pytest.fixture(scope="module")
def source(corpus) -> CorpusSource:
    return open_source(corpus, "invariant", 0)


@pytest.fixture(scope="module")
def trained(corpus) -> Bundle:
    return train(corpus, model="linear", feature_set="invariant", tune=False, held_out=0.4)


def test_nothing_named_is_the_corpus_that_ships(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("rule_id.models.opening.reference_path", lambda name: tmp_path / name)
    with pytest.raises(InputError, match="features must be given: this installation has no"):
        open_source(None, "summary", 0)
    with pytest.raises(InputError, match="features must be given: this installation has no"):
        train_menu(None, tmp_path / "menu")
    (tmp_path / "corpus").symlink_to(corpus)
    assert isinstance(open_source(None, "summary", 0), CorpusSource)
    made = train_menu(None, tmp_path / "menu", model="linear", tune=False, held_out=0.4)
    assert sorted(made) == sorted(path.name for path in (tmp_path / "menu").iterdir())
    # All are linear already.
    assert sorted(made) == sorted(name for name, entry in MENU.items() if not entry.linear)


def test_what_a_menu_has_already_is_kept_if_it_would_be_the_same(corpus, tmp_path, monkeypatch):
    kept = {"invariant": MENU["invariant"], "linear-invariant": MENU["linear-invariant"]}
    monkeypatch.setattr("rule_id.models.training.MENU", kept)
    options = {"tune": False, "held_out": 0.4}
    made = train_menu(corpus, tmp_path, **options)
    assert _models(made) == {"invariant": "xgboost", "linear-invariant": "linear"}

    def times():
        return {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}

    before = times()
    # What a bundle learned from is part of what it is.
    mixes = {name: entry.mix.to_dict() for name, entry in kept.items()}
    assert {name: read_bundle(tmp_path / name).info["mix"] for name in kept} == mixes
    again = train_menu(corpus, tmp_path, **options)
    assert times() == before
    assert again["invariant"].scores == made["invariant"].scores
    # What was cut short, and what another seed asks for, is trained anew.
    (tmp_path / "invariant" / "manifest.json").write_text("{")
    train_menu(corpus, tmp_path, **options)
    changed = {path.parent.name for path, time in times().items() if before[path] != time}
    assert changed == {"invariant"}
    before = times()
    train_menu(corpus, tmp_path, seed=1, **options)
    assert all(time != before[path] for path, time in times().items())
    before = times()
    monkeypatch.setitem(kept, "invariant", dataclasses.replace(kept["invariant"], mix=Mix(2, 1)))
    train_menu(corpus, tmp_path, seed=1, **options)
    changed = {path.parent.name for path, time in times().items() if before[path] != time}
    assert changed == {"invariant"}


def test_a_corpus_is_learned_in_the_ways_of_the_mix(corpus):
    mixed = open_source(corpus, "invariant", 0, mix=Mix(2, 1, ("calcium",))).table.meta
    seen = mixed.groupby("measurement")["observation"].agg(set)
    assert mixed.groupby("network")["measurement"].nunique().eq(3).all()
    assert seen[[0, 1]].eq({"exact"}).all() and seen.drop([0, 1]).eq({"calcium"}).all()


def test_a_table_is_learned_as_it_is_and_refuses_a_mix(tmp_path):
    made = extract(synthetic_trajectories(4, 1, 3))
    made.write(tmp_path / "features.parquet")
    for table in (made, tmp_path / "features.parquet"):
        with pytest.raises(InputError, match="mix must be left out for a feature table"):
            train(table, mix=Mix())


def test_beside_what_is_not_linear_a_menu_has_linear_ones(corpus, tmp_path, monkeypatch):
    kept = {
        name: dataclasses.replace(MENU[name], mix=Mix())
        for name in ("invariant", "linear-invariant")
    }
    monkeypatch.setattr("rule_id.models.training.MENU", kept)
    made = train_menu(corpus, tmp_path, model="combined", tune=False, held_out=0.4)
    assert _models(made) == {"invariant": "combined", "linear-invariant": "linear"}
    both, alone = made.values()
    # One half of the one is the other.
    np.testing.assert_array_equal(both.classifier.linear_.coef_, alone.classifier.coef_)


def _models(made: dict[str, Bundle]) -> dict[str, str]:
    return {name: bundle.model for name, bundle in made.items()}


def test_unseen_networks_are_seen_under_each_measurement_at_several_numbers_of_checkpoints(source):
    found = [one.view for one in source.held_out([0, 1])]
    assert [(one.kind, one.units, one.tracked) for one in found[::3]] == [
        ("exact", 64.0, True), ("exact", 16.0, True), ("calcium", 16.0, False),
    ]  # fmt: skip
    assert [one.checkpoints for one in found[:3]] == [9, 5, 3]
    for one in source.held_out([0, 1]):
        assert set(one.table.meta["block"]) == {0, 1}
        # The network that diverged is not among them.
        assert one.table.meta["network"].nunique() == 7


def test_of_fluorescence_only_what_an_offset_leaves_is_trained_on_and_tested(source):
    held_out = list(source.held_out([0]))[-1]
    seen = source.table.meta["observation"] == "calcium"
    levels = ~usable_features(held_out.table.names, "calcium")
    levels &= feature_observables(held_out.table.names) == "activation"
    assert levels.any()
    for table in (held_out.table, source.table.rows(seen)):
        values = table.matrix()[:, levels]
        assert len(values) and np.isnan(values).all()


def test_a_bundle_of_a_corpus_knows_every_way_to_see_and_times_to_a_decision(
    trained, corpus, tmp_path
):
    views = {(c.view.kind, c.view.units, c.view.checkpoints) for c in trained.cells}
    assert len(views) == 9
    assert set(trained.conformal) == set(trained.distances) == {"exact", "calcium"}
    assert set(trained.decisions) == {"exact", "calcium"}
    assert set(trained.decisions["exact"]) == {"class", "credit_assignment"}
    assert set(trained.decisions["exact"]["class"]) == set(trained.patterns)
    deciding = trained.decisions["exact"]["class"]["activation+weight+activity_change"]
    n = 24 - (0 in trained.test_blocks)  # one of block 0 diverged
    assert (deciding.looks, deciding.blocks, deciding.networks) == (8, 6, n)
    # A network counts once in what sets are made of, however often it was seen.
    assert sum(len(s) for s in trained.conformal["exact"]["activation"].values()) == n
    assert trained.info["n_diverged"] == 1
    # A report knows by this that a feature table is of the same networks.
    assert trained.info["features"] == features(corpus, feature_set="invariant").info
    trained.write(tmp_path / "b")
    again = read_bundle(tmp_path / "b")
    np.testing.assert_equal(again.cells, trained.cells)
    assert again.decisions == trained.decisions and again.distances == trained.distances


def test_fewer_checkpoints_cost_what_the_nearest_cell_says(trained):
    made = synthetic_trajectories(1, 1, 4, signal=2.5, seed=7)
    rows = made.rows.assign(n_units=70)
    rows = rows[rows["network"] == made.networks["network"][0]]
    one = Recording("n", "model", Trajectories(made.networks[:1], rows, "n"), ("activation",))
    (answer,) = identify(one, trained)
    assert (answer.cell.view.checkpoints, answer.cell.view.units) in ((3, 64.0), (5, 64.0))
    assert answer.cell in trained.cells
    more = dict(answer.costs).get("9 checkpoints", 1.0)
    assert more > answer.held_out_accuracy


def test_held_out_networks_of_a_table_are_those_of_each_measurement(corpus):
    made = with_measurements(synthetic_trajectories(4, 1, 9), FEW)
    table = extract(made)
    found = list(TableSource(table).held_out([0, 2]))
    assert [(one.view.units, one.view.checkpoints) for one in found] == [(64.0, 9), (16.0, 9)]
    assert all(set(one.table.meta["block"]) == {0, 2} for one in found)
    assert TableSource(table).growing([0]) == {}


def test_only_the_observables_asked_for_are_kept(table: FeatureTable):
    some = with_observables(table, ["activation"])
    assert set(feature_observables(some.names)) == {"", "activation"}
    assert len(some) == len(table) and with_observables(table, None) is table
    gone = table.values.copy()
    gone.loc[:, feature_observables(table.names) == "activation"] = np.nan
    assert len(with_observables(dataclasses.replace(table, values=gone), ["activation"])) == 0


def test_what_cannot_be_trained_on_is_named(corpus, table):
    with pytest.raises(InputError, match="feature set must be one of summary, invariant; got 'tr"):
        train(corpus, feature_set="trajectory")
    with pytest.raises(InputError, match="observable must be one of activation, weight, act"):
        train(table, observables=["smell"])
    with pytest.raises(InputError, match="observables must name one or more of activation"):
        train(table, observables=[])
