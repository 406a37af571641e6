"""The published dataset: what was in the file is in the corpus, and all commands take it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from published import FIELDS, LAYERS, OBS_KEYS, RULES, TASKS, published, write_published

from rule_id.errors import InputError
from rule_id.evaluation import evaluate
from rule_id.features import features
from rule_id.models import train
from rule_id.networks import ARCHITECTURES as BUILT
from rule_id.recordings import dataset2020_content, dataset2020_tables
from rule_id.recordings.dataset2020 import convert_dataset, read_columns
from rule_id.recordings.dataset2020_content import statistic_of
from rule_id.rules import get_rule
from rule_id.tasks import TASKS as OURS
from rule_id.trajectories import (
    ACTIVITY_STATISTICS,
    STATISTICS,
    Trajectories,
    depth_group,
    read_corpus,
)

T = 6


def changed(content: dict, **changes: object) -> dict:
    return {k: v for k, v in (content | changes).items() if v is not None}


@pytest.fixture(scope="module")
def content() -> dict:
    return published(n_checkpoints=T)


@pytest.fixture(scope="module")
def folder(content: dict, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    convert_dataset(write_published(folder / "dataset.pkl", content), folder / "corpus")
    return folder


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Trajectories:
    return read_corpus(folder / "corpus")


def converted(tmp_path: Path, content: dict, **columns: str) -> Trajectories:
    path = write_published(tmp_path / "dataset.pkl", content, protocol=4)
    return read_corpus(convert_dataset(path, tmp_path / "corpus", columns=columns))


def test_every_published_statistic_is_one_of_ours() -> None:
    assert sorted(map(statistic_of, OBS_KEYS)) == sorted(STATISTICS)
    assert statistic_of("weightraw_norm") == "weight_raw_norm"


def test_names_are_those_of_the_tables() -> None:
    for name in dataset2020_content.RULES.values():
        rule = get_rule(name)
        assert dataset2020_tables.FAMILIES[name.partition("+")[0]] == rule.family
    assert set(dataset2020_tables.ARCHITECTURES.values()) <= set(BUILT)
    known = {(task.group, task.loss.name) for task in OURS.values()}
    assert set(dataset2020_tables.TASKS.values()) <= known


def test_every_value_is_that_of_its_layer(content: dict, corpus: Trajectories) -> None:
    keys = ["rule", "task", "architecture", "seed", "layer_name"]
    table = corpus.rows.merge(corpus.networks, on="network").set_index(keys).sort_index()
    meta = content["meta"]
    assert len(corpus.rows) == len(meta) * T
    for place in range(0, len(meta), 37):
        one = meta[place]
        rule = dataset2020_content.RULES[one["learning_rule"]]
        architecture = dataset2020_tables.ARCHITECTURES[one["architecture"]]
        seed = np.nan if one["model_seed"] is None else 0.0
        own = table.loc[(rule, one["task"], architecture, seed, one["layer"])]
        for key, values in zip(OBS_KEYS, content["X"][place].T, strict=True):
            np.testing.assert_array_equal(own[statistic_of(key)], values.astype(np.float32))
        assert list(own["checkpoint"]) == list(range(T))
        (group,) = own["depth_group"].unique()
        assert content["X_cat"][place, 0].argmax() == ("early", "middle", "deep").index(group)


def test_layers_stand_from_first_to_last(corpus: Trajectories) -> None:
    first = corpus.rows[corpus.rows["checkpoint"] == 0].merge(corpus.networks, on="network")
    ours = {dataset2020_tables.ARCHITECTURES[name]: layers for name, layers in LAYERS.items()}
    for _, own in first.groupby("network"):
        layers = ours[own["architecture"].iloc[0]]
        assert list(own["layer_name"]) == layers and list(own["layer"]) == list(range(len(layers)))
        np.testing.assert_allclose(own["depth"], np.linspace(0, 1, len(layers)))


def test_networks_are_what_they_were_trained_as(corpus: Trajectories) -> None:
    networks = corpus.networks
    assert len(networks) == len(RULES) * len(TASKS) * len(LAYERS) * 2
    pairs = networks.groupby("block")[["architecture", "task"]].nunique()
    assert len(pairs) == len(TASKS) * len(LAYERS) and (pairs == 1).all(axis=None)
    assert (networks.groupby("block")["rule"].value_counts() == 2).all()
    assert (networks["credit_assignment"] + "+" + networks["optimizer"] == networks["rule"]).all()
    assert not networks["diverged"].any() and (networks["batch_size"] == 128).all()
    assert set(networks["loss"][networks["task"] == "simclr"]) == {"nt_xent"}
    missing = ["final_loss", "chance", "width", "n_parameters", "learning_rate", "steps"]
    assert networks[missing].isna().all(axis=None)
    assert corpus.rows[["loss", "performance", "n_units"]].isna().all(axis=None)


def test_the_manifest_says_where_it_is_from(folder: Path) -> None:
    manifest = json.loads((folder / "corpus" / "manifest.json").read_text())
    assert manifest["source"] == "nayebi2020" and manifest["unused_fields"] == ["note"]
    assert "not to be pooled" in manifest["weight_norms"]
    assert len(manifest["parts"]) == 9


def test_the_corpus_is_the_same_whatever_the_protocol(
    tmp_path: Path, content: dict, corpus: Trajectories
) -> None:
    path = write_published(tmp_path / "dataset.pkl", content, protocol=5)
    again = read_corpus(convert_dataset(path, tmp_path / "corpus"))
    pd.testing.assert_frame_equal(again.rows, corpus.rows)


def few(content: dict, kept: np.ndarray) -> dict:
    rows = {name: content[name][kept] for name in ("X", "Y", "X_cat", "meta")}
    return {"obs_keys": content["obs_keys"], **rows}


def test_what_is_not_there_is_missing(tmp_path: Path, content: dict) -> None:
    x = content["X"].copy()
    x[0, 2, OBS_KEYS.index("actsq_kurtosis")] = np.inf
    x[1, 2, OBS_KEYS.index("weightraw_mean")] = np.nan
    x[2, 2, OBS_KEYS.index("actsq_norm")] = 1e300
    kept = [k for k, key in enumerate(OBS_KEYS) if not key.startswith("gradavg")]
    # Without flags of depth, layers are divided into thirds as everywhere else.
    given = changed(content, X=x[:, :, kept], obs_keys=content["obs_keys"][kept], X_cat=None)
    found = converted(tmp_path, given)
    assert found.rows[list(ACTIVITY_STATISTICS)].isna().all(axis=None)
    for name in ("activation_sq_kurtosis", "weight_raw_mean", "activation_sq_norm"):
        assert found.rows[name].isna().sum() == 1, name
    (lost,) = found.networks["network"][found.networks["diverged"]]
    assert found.rows.loc[found.rows["weight_raw_mean"].isna(), "network"].item() == lost
    n_layers = found.rows.groupby("network")["layer"].transform("max") + 1
    groups = [depth_group(k, n) for k, n in zip(found.rows["layer"], n_layers, strict=True)]
    assert list(found.rows["depth_group"]) == groups


def test_other_names_of_fields_are_found_or_said(tmp_path: Path, content: dict) -> None:
    others = {"architecture": "arch", "task": "curious"}
    meta = content["meta"].astype([(others.get(name, name), kind) for name, kind in FIELDS])
    with pytest.raises(InputError, match="must have a field for task; .* --column task=FIELD"):
        converted(tmp_path, changed(content, meta=meta))
    found = converted(tmp_path, changed(content, meta=meta), task="curious")
    assert set(found.networks["task"]) == set(TASKS)
    assert read_columns(["task=curious", "network=id"]) == {"task": "curious", "network": "id"}


def test_labels_may_be_numbers_and_text_bytes(tmp_path: Path, content: dict) -> None:
    kept = content["meta"]["task"] == "cifar10"
    given = few(content, kept)
    numbers = np.unique(given["Y"], return_inverse=True)[1]
    fields = [(name, "S16" if kind == "U16" else kind) for name, kind in FIELDS]
    found = converted(tmp_path, changed(given, Y=numbers, meta=given["meta"].astype(fields)))
    assert set(found.networks["rule"]) == set(dataset2020_content.RULES.values())


def test_residual_networks_and_heads_have_their_order(tmp_path: Path) -> None:
    made = published(seeds=(0,), n_checkpoints=2)
    kept = (made["meta"]["architecture"] == "alexnet") & (made["meta"]["task"] == "simclr")
    given = few(made, kept)
    layers = [
        "conv0", "block_group1_0/conv0", "block_group1_0/conv1", "block_group2_0/conv1",
        "block_group2_10/conv1", "dense", "head_contrastive/nl_0", "head_contrastive/nl_1",
    ]  # fmt: skip
    names = dict(zip(LAYERS["alexnet"], layers, strict=True))
    given["meta"]["layer"] = [names[layer] for layer in given["meta"]["layer"]]
    given["meta"]["architecture"] = "ResNet18"
    found = converted(tmp_path, given)
    assert list(found.rows["layer_name"][:16:2]) == layers
    assert set(found.networks["architecture_group"]) == {"residual"}


def with_field(content: dict, field: str, values: object) -> dict:
    meta = content["meta"].copy()
    meta[field] = values
    return changed(content, meta=meta)


REFUSED = {
    "a list": (lambda c: [c], "a dataset must be a dictionary with X, obs_keys, Y, meta; got list"),
    "no meta": (lambda c: changed(c, meta=None), "must be a dictionary with"),
    "flat X": (lambda c: changed(c, X=c["X"][:, 0]), r"X must be numbers \(examples, .* float64"),
    "X of text": (lambda c: changed(c, X=c["X"].astype("U4")), "X must be numbers"),
    "one checkpoint": (lambda c: changed(c, X=c["X"][:, :1]), "X must have 2 checkpoints or more"),
    "unknown key": (
        lambda c: changed(c, obs_keys=np.array(["loss_mean", *OBS_KEYS[1:]])),
        "obs_keys must be names of statistics such as weightabs_mean; got 'loss_mean'",
    ),
    "key twice": (
        lambda c: changed(c, obs_keys=np.array([OBS_KEYS[1], *OBS_KEYS[1:]])), "one is repeated"
    ),
    "few keys": (lambda c: changed(c, obs_keys=c["obs_keys"][:3]), "45 entries, as X has; got 3"),
    "few labels": (lambda c: changed(c, Y=c["Y"][:3]), "Y must have .* entries, as X has; got 3"),
    "one label": (lambda c: changed(c, Y="adam"), "Y must be a list of names; got str"),
    "other labels": (
        lambda c: changed(c, Y=np.roll(c["Y"], 1)), "Y must have a label of its own for each learn"
    ),
    "meta no records": (lambda c: changed(c, meta=c["Y"]), "meta must be an array of records"),
    "unknown rule": (
        lambda c: with_field(c, "learning_rule", "hebb"),
        "learning_rule must be one of sgdm, adam, feedback, information; got 'hebb'",
    ),
    "no name": (lambda c: with_field(c, "layer", ""), r"meta\['layer'\] must hold names of 1 to"),
    "lines": (lambda c: with_field(c, "layer", "a\nb"), r"letters; got 'a\\nb'"),
    "copies": (
        lambda c: with_field(c, "model_seed", 0),
        r"meta must tell networks apart; .* stands there more than once: .* not read \(note\)",
    ),
    "flags of text": (lambda c: changed(c, X_cat=c["Y"]), "X_cat must be numbers"),
    "few flags": (lambda c: changed(c, X_cat=c["X_cat"][:, :, :2]), "X_cat must have the shape"),
    "no flag": (lambda c: changed(c, X_cat=0 * c["X_cat"]), "X_cat must say one of early, middle"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_another_structure_is_refused(case: str, content: dict, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    path = write_published(tmp_path / "dataset.pkl", change(content))
    with pytest.raises(InputError, match=message) as caught:
        convert_dataset(path, tmp_path / "corpus")
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert not (tmp_path / "corpus").exists()


def test_nothing_is_written_over(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out must be a new or empty folder; .* something else"):
        convert_dataset(folder / "dataset.pkl", folder / "corpus")
    for wrong in ("task", "=a", "task="):
        with pytest.raises(InputError, match=f"must have the form KEY=FIELD; got '{wrong}'"):
            read_columns([wrong])
    with pytest.raises(InputError, match="column must be one of learning_rule, architecture, "):
        convert_dataset(folder / "dataset.pkl", tmp_path / "c", columns={"optimizer": "note"})
    with pytest.raises(InputError, match="field of meta for task must be one of .*; got 'tasks'"):
        convert_dataset(folder / "dataset.pkl", tmp_path / "c", columns={"task": "tasks"})


def test_features_models_and_protocols_take_it(folder: Path) -> None:
    paper = features(folder / "corpus", feature_set="trajectory", paper=True)
    assert len(paper.names) == 24 * T + 3
    assert np.isfinite(paper.matrix()).all()
    table = features(folder / "corpus", folder / "features.parquet")
    assert len(table) == 408
    bundle = train(folder / "features.parquet", folder / "model", model="linear", tune=False)
    assert bundle.target == "rule"
    found = evaluate(
        folder / "corpus", folder / "evaluation", models=["linear"],
        protocols=["paper", "grouped"], splits=2,
    )  # fmt: skip
    scores = found.results.query("metric == 'accuracy' and target == 'rule' and level == 'layer'")
    means = scores.groupby("protocol")["value"].mean()
    assert (means[["paper", "grouped"]] > 0.4).all()
    assert found.info["n_learned"] is None
