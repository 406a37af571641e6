from __future__ import annotations

import numpy as np

from rule_id.evaluation.baselines.drawing import draw_networks


def test_networks_are_whole_and_of_each_class_as_many_as_there_are() -> None:
    y = np.repeat(np.repeat(["a", "b", "c"], [30, 12, 3]), 4)
    networks = np.repeat(np.arange(45), 4)
    kept = draw_networks(y, networks, 83, 0)
    assert (np.unique(networks[kept], return_counts=True)[1] == 4).all()
    counts = {label: int((y[kept] == label).sum()) // 4 for label in "abc"}
    # 20 networks: all three of c, and of the others the same number, but for one.
    assert counts["c"] == 3 and {counts["a"], counts["b"]} == {8, 9}
    assert not np.array_equal(kept, draw_networks(y, networks, 83, 1))
    np.testing.assert_array_equal(draw_networks(y, networks, 1000, 0), np.arange(len(y)))
