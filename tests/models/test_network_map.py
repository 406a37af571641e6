from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rule_id.models import Bundle, read_bundle
from rule_id.models.network_map import MOST_POINTS, NetworkMap, map_networks, place_on

NAMES = [f"{o}_abs_mean.{k}" for o in ("activation", "weight", "activity_change") for k in "abc"]
NAMES.append("depth.early")
CLASSES = ["first", "second", "third"]


def layers(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two layers a network; classes differ in the first weight and the first activation."""
    rng = np.random.default_rng(seed)
    place = np.repeat(rng.integers(3, size=n), 2)
    X = rng.normal(size=(2 * n, len(NAMES)))
    X[:, 3] += 4 * (place == 0)
    X[:, 0] += 4 * (place == 1)
    return X, np.array(CLASSES)[place], np.repeat(np.arange(n), 2)


@pytest.fixture(scope="module")
def quantiles() -> np.ndarray:
    return np.quantile(layers(300, 0)[0], [0.005, 0.5, 0.995], axis=0)


@pytest.fixture(scope="module")
def found(quantiles: np.ndarray) -> NetworkMap:
    return map_networks(layers(300, 0), layers(500, 1), quantiles, NAMES, 0)


def test_classes_that_differ_lie_apart_among_networks_not_fitted_to(found: NetworkMap) -> None:
    points, labels = found.points.sum(axis=1), np.array(found.labels)
    assert len(points) == MOST_POINTS
    middles = np.stack([points[labels == name].mean(axis=0) for name in CLASSES])
    nearest = np.linalg.norm(points[:, None] - middles, axis=2).argmin(axis=1)
    assert (np.array(CLASSES)[nearest] == labels).mean() > 0.9


def test_a_network_lies_where_its_point_is_seen_through_what_was_recorded(
    quantiles: np.ndarray,
) -> None:
    tested = layers(1, 2)
    own = map_networks(layers(300, 0), tested, quantiles, NAMES, 0)
    for recorded in (["activation"], ["activation", "weight", "activity_change"]):
        place = place_on(own, tested[0], quantiles, NAMES, recorded)
        np.testing.assert_allclose(place.point, place.others[0], atol=1e-9)
    blind = np.where([name.startswith("weight") for name in NAMES], np.nan, tested[0])
    seen = place_on(own, blind, quantiles, NAMES, ["activation", "activity_change"])
    np.testing.assert_allclose(seen.point, seen.others[0], atol=1e-9)


def test_what_is_stored_is_small_and_read_again(found: NetworkMap) -> None:
    text = json.dumps(found.to_dict())
    assert len(text) < 40_000
    again = NetworkMap.from_dict(json.loads(text), len(NAMES), CLASSES)
    np.testing.assert_allclose(again.points, found.points, rtol=0.01)
    assert again.labels == found.labels


@pytest.mark.parametrize(
    "broken", [{"axes": [[0, 0]]}, {"labels": ["first"]}, {"labels": ["x"] * MOST_POINTS}]
)
def test_a_map_of_something_else_is_refused(found: NetworkMap, broken: dict) -> None:
    with pytest.raises(ValueError, match="map must "):
        NetworkMap.from_dict(found.to_dict() | broken, len(NAMES), CLASSES)


def test_bundles_without_a_map_are_read(linear: Bundle, tmp_path: Path) -> None:
    assert linear.map is not None
    replace(linear, map=None).write(tmp_path / "old")
    manifest = json.loads((tmp_path / "old" / "manifest.json").read_text())
    del manifest["map"]
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(manifest))
    assert read_bundle(tmp_path / "old").map is None
    linear.write(tmp_path / "new")
    assert read_bundle(tmp_path / "new").map is not None
