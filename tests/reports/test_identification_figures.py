from __future__ import annotations

import numpy as np

from rule_id.models.network_map import Place
from rule_id.reports.identification_figures import map_figure, map_numbers


def drawn(place: Place) -> np.ndarray:
    lines = map_figure(place, "a").axes[0].lines
    return np.concatenate([line.get_xydata() for line in lines if line.get_marker() != "*"])


def test_networks_far_from_the_others_are_drawn_at_the_edge_and_keep_their_numbers() -> None:
    others = np.random.default_rng(0).normal(size=(100, 2))
    near = drawn(Place(np.zeros(2), others, ["no_learning"] * 100))
    np.testing.assert_array_equal(near, others)
    others[7] = (1e3, -1e3)
    place = Place(np.array([50.0, 0.0]), others, ["no_learning"] * 100)
    points = drawn(place)
    assert points[7, 0] == 50 and -5 < points[7, 1] == points[:, 1].min()
    np.testing.assert_array_equal(np.delete(points, 7, 0), np.delete(others, 7, 0))
    assert map_numbers(place)["first"].max() == 1e3
