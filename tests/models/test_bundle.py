from __future__ import annotations

import hashlib
import json
import lzma
import subprocess
import sys

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.features import FeatureTable
from rule_id.models import Bundle, read_bundle
from rule_id.models.bundle import _KEYS
from rule_id.models.packing import pack
from rule_id.reference import reference_path

FILES = {"linear": "linear.json.xz", "xgboost": "model.json.xz", "combined": "combined.json.xz"}


def edit(folder, **changes) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replace_model(folder, name: str, document: bytes, *, packed: bool = True) -> None:
    """Put another classifier in place, as somebody would who can compute a hash."""
    file = pack(document) if packed else document
    (folder / name).write_bytes(file)
    edit(folder, sha256=hashlib.sha256(file).hexdigest())


@pytest.fixture
def folder(bundle: Bundle, tmp_path):
    bundle.write(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_what_is_written_is_read(bundle, table, folder):
    read = read_bundle(folder)
    for key in _KEYS:
        np.testing.assert_equal(getattr(read, key), getattr(bundle, key))
    np.testing.assert_array_equal(read.predict_proba(table), bundle.predict_proba(table))
    assert read.classifier.classes_.tolist() == bundle.classes


def test_its_text_has_the_accuracy_beside_chance(bundle):
    accuracy = bundle.scores["activation+weight+activity_change"]["network"]["accuracy"]
    assert f"unseen blocks: accuracy {accuracy:.2f}, from activations alone" in str(bundle)
    count = {"linear": 588, "xgboost": 1173, "combined": 588}[bundle.model]
    assert str(bundle).startswith(f"{bundle.model} on {count} summary features, 4 rules")
    assert str(bundle).endswith("(chance 0.25)")


@pytest.mark.parametrize("target", ["family", "credit_assignment", "optimizer"])
def test_a_bundle_of_any_target_is_written_and_read(of_target, table, target, tmp_path):
    bundle = of_target[target]
    bundle.write(tmp_path / "bundle")
    read = read_bundle(tmp_path / "bundle")
    for key in _KEYS:
        np.testing.assert_equal(getattr(read, key), getattr(bundle, key))
    np.testing.assert_array_equal(read.predict_proba(table), bundle.predict_proba(table))


def test_its_text_says_what_it_tells_apart(of_target):
    assert "summary features, 3 families; 48 networks" in str(of_target["family"])
    balanced = of_target["family"].scores["activation+weight+activity_change"]["network"]
    assert str(of_target["family"]).endswith(
        f"(chance 0.50); balanced accuracy {balanced['balanced_accuracy']:.2f} (chance 0.33)"
    )
    assert "summary features, 3 credit assignments; 48" in str(of_target["credit_assignment"])
    assert "summary features, 2 optimizers; 48 networks" in str(of_target["optimizer"])


def test_families_above_families_are_refused(of_target, tmp_path):
    of_target["family"].write(tmp_path / "b")
    edit(tmp_path / "b", families={name: name for name in of_target["family"].classes})
    with pytest.raises(InputError, match="and be empty for other targets"):
        read_bundle(tmp_path / "b")


@pytest.mark.parametrize(
    "name", ["summary", "summary-activation", "invariant", "invariant-activation"]
)
def test_bundles_that_ship_identify_rules(name):
    assert read_bundle(reference_path(name)).target == "rule"


def test_files_are_json_and_nothing_else_is_left(bundle, folder):
    model = FILES[bundle.model]
    assert {file.name for file in folder.iterdir()} == {"manifest.json", model}
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]
    assert (folder.stat().st_mode & 0o777) == (folder.parent / "bundle").stat().st_mode & 0o777
    json.loads(lzma.decompress((folder / model).read_bytes()))


def test_a_read_bundle_can_be_written_again(folder, tmp_path):
    read_bundle(folder).write(tmp_path / "again")
    again = (tmp_path / "again" / "manifest.json").read_text()
    assert (
        json.loads(again)["scores"] == json.loads((folder / "manifest.json").read_text())["scores"]
    )
    read_bundle(tmp_path / "again")


def test_a_bundle_is_replaced_also_by_one_of_the_other_kind(linear, xgboost, tmp_path):
    linear.write(tmp_path / "bundle")
    xgboost.write(tmp_path / "bundle")
    assert read_bundle(tmp_path / "bundle").model == "xgboost"
    assert not (tmp_path / "bundle" / "linear.json.xz").exists()


def test_a_folder_behind_a_link_is_replaced_not_the_link(linear, tmp_path):
    linear.write(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    linear.write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["link", "real"]


@pytest.mark.parametrize("held", [[], ["thesis.txt"], ["manifest.json", "thesis.txt"], None])
def test_nothing_but_a_bundle_is_overwritten(linear, tmp_path, held):
    target = tmp_path / "target"
    if held is None:
        target.write_text("mine")
    else:
        target.mkdir()
        for name in held:
            (target / name).write_text("mine")
    with pytest.raises(InputError, match="must be a new folder or a bundle to replace"):
        linear.write(target)
    assert (target.read_text() if held is None else len(list(target.iterdir()))) in (
        "mine",
        len(held or []),
    )


def test_a_failed_write_leaves_the_old_bundle(linear, tmp_path, monkeypatch):
    linear.write(tmp_path / "bundle")
    before = (tmp_path / "bundle" / "manifest.json").read_bytes()
    broken = Bundle(**{**vars(linear), "info": {"not JSON": object()}})
    with pytest.raises(TypeError, match="not JSON serializable"):
        broken.write(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "manifest.json").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere must be a bundle, a folder with a manifest.json"):
        read_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "manifest.json must be that of a bundle, a JSON object"),
        ("[]", "must be that of a bundle, a JSON object; got a list"),
        (
            '{"schema_version": 6}',
            "must be that of a bundle; model, target, classes, .* sha256 is missing",
        ),
    ],
)
def test_a_damaged_manifest_is_named(folder, text, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 99}, "schema_version must be 6; got 99"),
        ({"model": "svm"}, "model must be one of linear, xgboost"),
        ({"classes": ["a", "a"]}, "classes and feature_names must be texts, each once"),
        ({"target": "task"}, "target must be one of rule, family, .*; got 'task'"),
        ({"target": ["rule"]}, "target must be one of rule, family"),
        ({"classes": 3}, "must be that of a bundle: TypeError"),
        ({"families": {}}, "families must name the family of each class"),
        ({"scores": {}}, "scores must be of one or more of activation"),
        ({"scores": {"activation": {}}}, "must be that of a bundle: KeyError"),
        ({"conformal": {"exact": {"weight": {}}}}, "must be that of a bundle: KeyError"),
        ({"conformal": {"x-ray": {}}}, "kind must be one of exact, noisy, poisson, calcium"),
        ({"temperatures": {}}, "must be that of a bundle: KeyError"),
        ({"distances": {}}, "must be that of a bundle: KeyError"),
        ({"cells": []}, "cells must not be empty"),
        ({"cells": [{"view": 3}]}, "must be that of a bundle: TypeError"),
        ({"decisions": {"exact": {"class": {"smell": {}}}}}, "pattern must be one of activation"),
        ({"decisions": {"exact": {"class": {"activation": {"looks": 3}}}}}, "KeyError"),
        ({"quantiles": [[0], [1]]}, "quantiles must be 3 x"),
        ({"info": {"features": 3}}, "info must say how the features were made"),
    ],
)
def test_each_damage_of_the_manifest_is_named(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(InputError, match=message):
        read_bundle(folder)


def test_another_or_no_model_file_is_refused(folder, bundle):
    file = folder / FILES[bundle.model]
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputError, match="the sha256 differs"):
        read_bundle(folder)
    file.unlink()
    with pytest.raises(InputError, match=f"must hold the classifier as {file.name}"):
        read_bundle(folder)


def test_a_damaged_booster_is_refused(xgboost, tmp_path):
    xgboost.write(tmp_path / "b")
    replace_model(tmp_path / "b", "model.json.xz", b"{}")
    with pytest.raises(InputError, match="model.json.xz must be an undamaged XGBoost model"):
        read_bundle(tmp_path / "b")
    replace_model(tmp_path / "b", "model.json.xz", b"{}", packed=False)
    with pytest.raises(InputError, match="model.json.xz must be a file in the format of xz"):
        read_bundle(tmp_path / "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "linear.json.xz must be a stored linear classifier: JSONDecodeError"),
        ({"quantiles": [[0.0]]}, r"quantiles must be finite and of the shape \(1, 2352\)"),
        ({"quantiles": [[0.0] * 2352]}, "quantiles must be 2 or more, and must not fall"),
        ({"quantiles": [[1.0] * 2352, [0.0] * 2352]}, "quantiles must be 2 or more, and"),
        ({"pools": 1}, "pools must be true or false"),
        ({"pools": False}, r"quantiles must be finite and of the shape \(33, 588\)"),
        ({"intercepts": ["a"] * 4}, "must be a stored linear classifier: ValueError"),
        ({"coefficients": 3}, r"coefficients must be finite and of the shape \(4, 2352\)"),
        ({"quantiles": [[float("nan")] * 2352] * 2}, "quantiles must be finite"),
        ({"C": None}, "must be a stored linear classifier: TypeError"),
    ],
)
def test_what_is_no_linear_classifier_of_ours_is_refused(linear, tmp_path, changes, message):
    linear.write(tmp_path / "b")
    stored = json.loads(lzma.decompress((tmp_path / "b" / "linear.json.xz").read_bytes()))
    document = b"{" if changes is None else json.dumps(stored | changes).encode()
    replace_model(tmp_path / "b", "linear.json.xz", document)
    with pytest.raises(InputError, match=message):
        read_bundle(tmp_path / "b")


def test_a_linear_classifier_of_fewer_rules_is_refused(linear, tmp_path):
    linear.write(tmp_path / "b")
    edit(tmp_path / "b", classes=linear.classes[:3], map=None,
         families={rule: linear.families[rule] for rule in linear.classes[:3]})  # fmt: skip
    with pytest.raises(
        InputError, match=r"coefficients must be finite and of the shape \(3, 2352\)"
    ):
        read_bundle(tmp_path / "b")


def test_features_of_another_set_or_incomplete_ones_are_refused(linear, xgboost, table):
    other = FeatureTable(table.meta, table.values, "invariant")
    with pytest.raises(InputError, match="features must be of the set summary.*got invariant"):
        linear.predict_proba(other)
    fewer = FeatureTable(table.meta, table.values.iloc[:, 1:], "summary")
    with pytest.raises(InputError, match="1 are missing, such as"):
        linear.predict_proba(fewer)
    with pytest.raises(InputError, match="2 are missing, such as"):  # it, and its deviation
        xgboost.predict_proba(fewer)


def test_columns_in_another_order_change_nothing(bundle, table):
    shuffled = FeatureTable(table.meta, table.values[table.names[::-1]], "summary")
    np.testing.assert_array_equal(bundle.predict_proba(shuffled), bundle.predict_proba(table))


def test_reading_a_bundle_does_not_import_torch(folder):
    code = (
        "import sys; from rule_id.models import read_bundle; read_bundle(sys.argv[1]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
