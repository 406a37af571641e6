from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES, synthetic_trajectories

from rule_id.compact import compact
from rule_id.errors import InputError
from rule_id.features import FeatureTable, features
from rule_id.reports.feature_trajectories import (
    class_trajectories,
    important_features,
    shown_of,
)
from rule_id.trajectories import STATISTICS, Trajectories, write_manifest, write_part

CLASSES = list(RULES)
LEVEL, SHAPE = "weight_abs_mean.end", "activation_abs_mean.early_slope"
LOST = "activation_abs_skew.start"


def planted() -> Trajectories:
    """Curves that are known: of layer l of copy c by rule k, (1 + l + 10 c) (1 + (k + 1) t)."""
    made = synthetic_trajectories(n_blocks=4, n_checkpoints=5)
    networks = made.networks.assign(diverged=made.networks["block"] == 3)
    rows = made.rows.merge(networks[["network", "rule"]], on="network")
    size = 1 + rows["layer"] + 10 * rows["network"].str[-1].astype(int)
    slope = rows["rule"].map(CLASSES.index) + 1
    for feature in (LEVEL, SHAPE, LOST):
        rows[feature.split(".")[0]] = (size * (1 + slope * rows["progress"])).astype(np.float32)
    return Trajectories(networks, rows.drop(columns="rule"), "planted")


def written(made: Trajectories, folder: Path) -> Path:
    write_manifest(folder, {"plan": {}})
    write_part(folder, "a", made.networks, made.rows)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(planted(), tmp_path_factory.mktemp("planted") / "corpus")


@pytest.fixture(scope="module")
def table(corpus: Path) -> FeatureTable:
    return features(corpus)


def curve(found: pd.DataFrame, feature: str, rule: str) -> pd.DataFrame:
    return found[(found["feature"] == feature) & (found["class"] == rule)]


def test_levels_are_medians_over_networks_of_medians_over_layers(
    corpus: Path, table: FeatureTable
) -> None:
    found = class_trajectories(corpus, table, [LEVEL], "rule", CLASSES)
    assert list(found["class"].unique()) == CLASSES
    assert found["progress"].unique().tolist() == [0, 0.25, 0.5, 0.75, 1]
    # Blocks 0, 1 and 2 have 2, 3 and 4 layers, and block 3 diverged.
    sizes = np.array([1.5, 2, 2.5, 11.5, 12, 12.5])
    for k, rule in enumerate(CLASSES):
        rows = curve(found, LEVEL, rule)
        growth = 1 + (k + 1) * rows["progress"]
        for column, q in (("first_quartile", 0.25), ("median", 0.5), ("third_quartile", 0.75)):
            np.testing.assert_allclose(rows[column], np.quantile(sizes, q) * growth, rtol=1e-5)
        assert (rows["n_networks"] == 6).all() and (rows["unit"] == "value").all()


def test_shapes_are_free_of_size(corpus: Path, table: FeatureTable) -> None:
    found = class_trajectories(corpus, table, [SHAPE], "rule", CLASSES)
    for k, rule in enumerate(CLASSES):
        rows = curve(found, SHAPE, rule)
        expected = (k + 1) * rows["progress"] / (1 + (k + 1) / 2)
        for column in ("first_quartile", "median", "third_quartile"):
            np.testing.assert_allclose(rows[column], expected, atol=1e-5)


def test_a_deviation_is_the_last_layer_less_the_mean(corpus: Path, table: FeatureTable) -> None:
    names = [f"{LEVEL}.deviation", f"{SHAPE}.deviation"]
    found = class_trajectories(corpus, table, names, "rule", CLASSES[:1])
    level, shape = (curve(found, name, CLASSES[0]) for name in names)
    # Layers differ by factors, which are differences of logarithms, and not in shape.
    sizes = [(1, 2), (1, 2, 3), (1, 2, 3, 4), (11, 12), (11, 12, 13), (11, 12, 13, 14)]
    decades = [np.log10(of[-1]) - np.mean(np.log10(of)) for of in sizes]
    np.testing.assert_allclose(level["median"], np.median(decades), atol=1e-4)
    np.testing.assert_allclose(shape["median"], 0, atol=1e-5)


def test_what_checkpoints_say_together_is_drawn_over_the_middle_of_its_points(
    tmp_path: Path,
) -> None:
    made = planted()
    rule = made.rows.merge(made.networks[["network", "rule"]], on="network")["rule"]
    t, k = made.rows["checkpoint"], rule.map(CLASSES.index)
    gains = {f"weight_gain_{s:02}": np.where(s <= t, 1 + k + t - s, np.nan) for s in range(5)}
    rows = made.rows.assign(**gains)
    corpus = written(Trajectories(made.networks, rows, "planted"), tmp_path / "corpus")
    table = features(corpus)
    step, since = "weight_gain_step.end", "weight_gain_since.end"
    found = class_trajectories(corpus, table, [step, since], "rule", CLASSES)
    for place, one in enumerate(CLASSES):
        # From a step to the next 1 + k + 1, of which no network departs.
        np.testing.assert_allclose(curve(found, step, one)["median"], place + 2)
        of_first = curve(found, since, one)
        np.testing.assert_allclose(of_first["median"], 2 + place + 3 * of_first["progress"])
    without = class_trajectories(
        written(made, tmp_path / "without"), features(tmp_path / "without"), [step, LEVEL],
        "rule", CLASSES,
    )  # fmt: skip
    assert set(without["feature"]) == {LEVEL}


def test_classes_of_another_target_are_drawn(corpus: Path, table: FeatureTable) -> None:
    found = class_trajectories(corpus, table, [LEVEL], "optimizer", ["adam"])
    assert found["class"].unique() == ["adam"] and len(found) == 5


def test_a_compact_copy_shows_what_it_holds(tmp_path: Path) -> None:
    # Made-up statistics of weights are not of one tensor, which compact refuses.
    weights = [name for name in STATISTICS if name.startswith("weight_")]
    made = planted()
    rows = made.rows.assign(**dict.fromkeys(weights, np.float32("nan")))
    corpus = written(Trajectories(made.networks, rows, "planted"), tmp_path / "corpus")
    table = features(corpus)
    compact(corpus, tmp_path / "small")
    full = class_trajectories(corpus, table, [SHAPE, LOST], "rule", CLASSES)
    some = class_trajectories(tmp_path / "small", table, [SHAPE, LOST], "rule", CLASSES)
    assert set(full["feature"]) == {SHAPE, LOST} and set(some["feature"]) == {SHAPE}
    kept = full[full["feature"] == SHAPE]
    np.testing.assert_allclose(some["median"], kept["median"], atol=0.01)
    none = class_trajectories(tmp_path / "small", table, [LOST], "rule", CLASSES)
    assert none.empty and list(none.columns) == list(some.columns)


def test_another_corpus_is_refused(corpus: Path, table: FeatureTable) -> None:
    table.info["content_hash"], right = "0123", table.info["content_hash"]
    with pytest.raises(InputError, match=r"corpus must be the one .* hash 0123; .* has " + right):
        class_trajectories(corpus, table, [LEVEL], "rule", CLASSES)
    table.info["content_hash"] = right
    with pytest.raises(InputError, match="must hold networks of mine under measurement 0"):
        class_trajectories(corpus, table, [LEVEL], "rule", ["mine"])


def test_windows_are_what_features_speak_of() -> None:
    windows = {
        "weight_abs_mean.start": (0, 0), "weight_abs_mean.end.deviation": (1, 1),
        "weight_abs_mean.checkpoint_05": (0.25, 0.25), "weight_abs_mean.early_slope": (0, 0.25),
        "weight_abs_mean.late_slope.deviation": (0.75, 1), "weight_abs_mean.half_time": (0, 1),
    }  # fmt: skip
    for name, window in windows.items():
        shown = shown_of(name, 21)
        assert shown.window == window and shown.statistic == "weight_abs_mean"
        assert shown.deviation == name.endswith("deviation")
        assert shown.level == (window[0] == window[1])


def test_important_features_are_not_copies_of_each_other() -> None:
    rows = [
        ("weight_abs_mean.start", 9, "a"), ("weight_abs_mean.end", 8, "b"),
        ("weight_raw_var.start", 7, "a"), ("activation_sq_mean.end", 6, "b"),
        ("depth.deep", 5, "depth flags"), ("weight_sq_mean.end", 4, "c"),
        ("activation_raw_var.end", 0, "d"),
    ]  # fmt: skip
    measured = pd.DataFrame(rows, columns=["group", "value", "correlated"])
    measured = measured.assign(by="feature", method="shap")
    other = measured.assign(method="gain", value=range(7))
    both = pd.concat([measured, other])
    # The second is of the statistic of the first, the third in its group.
    assert important_features(both) == [
        "weight_abs_mean.start", "activation_sq_mean.end", "weight_sq_mean.end",
    ]  # fmt: skip
    assert important_features(both, 1) == ["weight_abs_mean.start"]
