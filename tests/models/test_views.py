from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_measurements

from rule_id.features import FeatureTable, Panel, extract, with_deviations
from rule_id.features.material import Material, read_material
from rule_id.models import PATTERNS
from rule_id.models.mix import Mix
from rule_id.models.patterns import feature_observables
from rule_id.models.views import (
    ALL_OBSERVABLES,
    randomised_views,
    seeing_of,
    seeings_of,
)
from rule_id.observables.measurement import n_kept
from rule_id.simulation import read_plan
from rule_id.trajectories import OBSERVABLES, STATISTICS, Trajectories

FEW = {"unit_fraction": 0.1, "n_units": 6}
CALCIUM = {"observation": "calcium", "unit_fraction": 0.5, "n_units": 32}
SIZES = (24, 64, 400, 2000, 10)


def features_of(trajectories: Trajectories, feature_set: str = "summary") -> FeatureTable:
    """What a classifier is given of complete trajectories."""
    return with_deviations(extract(trajectories, feature_set))


def panel_of(
    units: Sequence[float | int], sizes: Sequence[int] = SIZES, **further: object
) -> Panel:
    """Layers of some sizes, each seen through as many units as a measurement of it would."""
    kept = np.array([n_kept(one, size) for one in units for size in sizes])
    n = len(kept)
    meta = pd.DataFrame(
        {
            "network": [f"n{k}" for k in range(n)], "layer": 0, "n_units": kept,
            "unit_fraction": kept / np.tile(sizes, len(units)), "observation": "exact",
            "noise_std": 0.0, "tracked": True,
        }
    ).assign(**further)  # fmt: skip
    nothing = np.zeros((n, 2, len(STATISTICS)), np.float32)
    return Panel(meta, np.tile([0.0, 1.0], (n, 1)), nothing, np.full(n, 2))


@pytest.mark.parametrize(
    ("panel", "units", "name"),
    [
        (panel_of([1.0]), np.inf, "all units, noise 0"),
        (panel_of([1.0], noise_std=4.0, observation="gaussian"), np.inf, "all units, noise 4"),
        (panel_of([10]), 10, "10 units, noise 0"),
        (panel_of([1]), 1, "1 unit, noise 0"),
        (panel_of([1000], noise_std=1.0), 1000, "1000 units, noise 1"),
        (panel_of([5000]), np.inf, "all units, noise 0"),
        (panel_of([0.1], [100, 200, 300]), -0.1, "0.1 of the units, noise 0"),
        (panel_of([0.01], [100, 1000, 5000]), -0.01, "0.01 of the units, noise 0"),
        (panel_of([1.0], observation="calcium"), np.inf, "all units, calcium, noise 0"),
        (panel_of([32], observation="poisson"), 32, "32 units, poisson, noise 0"),
        (
            panel_of([32], observation="poisson", tracked=False),
            32,
            "32 units, untracked, poisson, noise 0",
        ),
        (panel_of([16, 32], [64]), -0.375, "0.375 of the units, noise 0"),  # drawn, one or other
    ],
)
def test_what_a_measurement_sees_is_told_by_its_rows(panel, units: float, name: str) -> None:
    found = seeing_of(panel, 3)
    assert (found.measurement, found.units, found.name) == (3, pytest.approx(units), name)
    assert found.share == pytest.approx(panel.meta["unit_fraction"].mean())
    assert found.tracked == panel.meta["tracked"].all()


def test_where_noise_was_drawn_the_mean_is_told() -> None:
    panel = panel_of([1.0, 1.0], noise_std=np.repeat([0.0, 0.5], len(SIZES)))
    panel.meta["observation"] = np.repeat(["exact", "gaussian"], [len(SIZES) - 1, len(SIZES) + 1])
    found = seeing_of(panel, 0)
    assert (found.observation, found.noise_std) == ("gaussian", 0.25)


def grid(sizes: Sequence[int]) -> dict[int, Panel]:
    plan = read_plan("demo", "grid")
    panels = {}
    for number, one in enumerate(plan.measurements):
        (units,), (noise,) = one.units.support(), one.noise_std.support()
        panels[number] = panel_of(
            [units], sizes, noise_std=float(noise), observation=one.observation,
            tracked=one.tracked,
        )  # fmt: skip
    return panels


def test_measurements_of_the_grid_have_a_name_each() -> None:
    names = [seeing_of(panel, number).name for number, panel in grid(SIZES).items()]
    assert len(names) == len(set(names)) == 28
    assert len(seeings_of(grid(SIZES))) == 28


def test_of_measurements_that_see_the_same_one_counts() -> None:
    """Layers of 64 have neither 100 units nor more: 3 numbers x 3 levels of noise are all units."""
    found = seeings_of(grid([24, 64]))
    names = [one.name for one in found.values()]
    assert len(names) == len(set(names)) == 28 - 9 - 1
    assert names[0] == "all units, noise 0" and list(found)[0] == 0
    # Of one of a hundred units there is 1 of each layer, as of 1 unit.
    assert "1 unit, noise 0" in names and "0.01 of the units, noise 0" not in names


@pytest.fixture(scope="module")
def trajectories() -> Trajectories:
    plain = synthetic_trajectories(n_blocks=12, networks_per_rule=3, n_checkpoints=21)
    return with_measurements(plain, FEW, CALCIUM)


@pytest.fixture(scope="module")
def material(trajectories: Trajectories) -> Material:
    return read_material(trajectories)


@pytest.fixture(scope="module")
def views(material: Material):
    return randomised_views(material, "summary", seed=1)


def patterns(views) -> pd.Series:
    """The observables that each row has features of."""
    observables = feature_observables(views.names)
    seen = {
        name: views.values.loc[:, observables == name].notna().any(axis=1) for name in OBSERVABLES
    }
    return pd.DataFrame(seen).apply(lambda row: "+".join(sorted(row.index[row])), axis=1)


def test_the_first_copy_is_complete(trajectories: Trajectories, views) -> None:
    first = views.rows(views.meta["copy"] == 0)
    exact = trajectories.rows[trajectories.rows["measurement"] == 0].reset_index(drop=True)
    plain = features_of(Trajectories(trajectories.networks, exact))
    pd.testing.assert_frame_equal(first.values, plain.values)
    pd.testing.assert_frame_equal(
        first.meta[["network", "layer"]], plain.meta[["network", "layer"]]
    )


def test_each_network_is_seen_once_in_each_copy_in_half_of_them_with_all_layers(
    material, views
) -> None:
    n_layers = material.networks.set_index("network")["n_layers"]
    by_view = views.meta.groupby(["network", "measurement"])
    assert by_view.ngroups == len(n_layers) * (1 + Mix().random)
    assert (views.meta.groupby("network")["measurement"].nunique() == 1 + Mix().random).all()
    sizes = by_view["layer"].nunique()
    assert (sizes == by_view.size()).all()
    whole = sizes.to_numpy() == n_layers[sizes.index.get_level_values(0)].to_numpy()
    first = by_view["copy"].first().to_numpy() == 0
    assert whole[first].all() and sizes.min() == 1
    # Of those that may lack some, one in as many as there are layers happens to lack none.
    expected = 0.5 + 0.5 * (1 / n_layers).mean()
    assert whole[~first].mean() == pytest.approx(expected, abs=0.07)


def test_a_layer_differs_from_those_that_are_seen_beside_it(views) -> None:
    """Where one layer is seen alone it has nothing to differ from."""
    keys = [views.meta["network"], views.meta["measurement"]]
    alone = views.meta.groupby(["network", "measurement"])["layer"].transform("size") == 1
    deviations = views.values.filter(regex=r"\.deviation$")
    assert deviations[alone].isna().all(axis=None) and alone.any()
    sums = deviations["activation_abs_mean.end.deviation"].groupby(keys).sum()
    np.testing.assert_allclose(sums, 0, atol=1e-4)


def test_what_rows_are_of_stays_as_it_was(material: Material, views) -> None:
    known = material.networks.set_index("network")
    for column in ("block", "rule", "family", "task", "learned"):
        assert (views.meta[column].to_numpy() == known.loc[views.meta["network"], column]).all()
    depth = views.values[["depth.early", "depth.middle", "depth.deep"]].idxmax(axis=1)
    assert (depth.str.removeprefix("depth.") == views.meta["depth_group"]).all()


def test_gaps_are_those_of_a_network_and_half_have_none(views) -> None:
    seen = patterns(views)
    keys = [views.meta["network"], views.meta["measurement"]]
    assert (seen.groupby(keys).nunique() == 1).all()
    drawn = seen.groupby(keys).first()[views.meta.groupby(keys)["copy"].first() == 1]
    whole = (drawn == "+".join(sorted(OBSERVABLES))).mean()
    assert len(drawn) == 144 * Mix().random and 0.4 < whole < 0.6
    assert set(drawn) == {"+".join(sorted(one)) for one in PATTERNS.values()}


def test_measurements_and_checkpoints_are_drawn_for_each_network(views) -> None:
    drawn = views.meta[views.meta["copy"] == 1].drop_duplicates(["network", "measurement"])
    # Rows still say through what they were seen.
    assert drawn["observation"].value_counts(normalize=True)["calcium"] == pytest.approx(
        1 / 3, abs=0.08
    )
    assert (drawn["unit_fraction"] < 1).mean() == pytest.approx(2 / 3, abs=0.08)
    start = views.values["weight_abs_mean.start"].to_numpy()
    exact = (views.meta["copy"] == 1) & (views.meta["unit_fraction"] == 1) & np.isfinite(start)
    first = views.rows(views.meta["copy"] == 0)
    whole = first.values.set_index([first.meta["network"], first.meta["layer"]])
    index = pd.MultiIndex.from_frame(views.meta.loc[exact, ["network", "layer"]])
    same = np.isclose(start[exact], whole.loc[index, "weight_abs_mean.start"])
    assert 0.2 < same.mean() < 0.9  # of some the first checkpoint is seen, of others not


def test_a_view_of_which_nothing_is_left_is_none() -> None:
    """Fluorescence has activations alone, so that a view without them would be empty."""
    plain = synthetic_trajectories(n_blocks=8, networks_per_rule=2, n_checkpoints=6)
    both = with_measurements(plain, CALCIUM)
    rows = both.rows
    weights = [name for name in STATISTICS if not name.startswith("activation")]
    rows.loc[rows["measurement"] == 1, weights] = np.nan
    views = randomised_views(read_material(both), "summary", seed=0)
    measured = feature_observables(views.names) != ""
    assert views.values.loc[:, measured].notna().any(axis=1).all()
    n_views = views.meta.groupby(["network", "measurement"]).ngroups
    assert len(plain.networks) < n_views < (1 + Mix().random) * len(plain.networks)
    assert list(views.meta.index) == list(views.values.index) == list(range(len(views)))


def test_views_are_a_function_of_the_seed(material: Material, views) -> None:
    again = randomised_views(material, "summary", seed=1)
    pd.testing.assert_frame_equal(again.values, views.values)
    pd.testing.assert_frame_equal(again.meta, views.meta)
    other = randomised_views(material, "summary", seed=2, mix=Mix(random=1))
    one = randomised_views(material, "summary", seed=1, mix=Mix(random=1))
    assert len(one) <= 2 * len(material.panel)
    assert not other.values.equals(one.values)
    # The copies that both have are the same.
    n = len(one)
    np.testing.assert_array_equal(one.matrix(), views.matrix()[:n])


def test_without_random_copies_the_complete_one_is_left(material: Material) -> None:
    assert len(randomised_views(material, "invariant", seed=0, mix=Mix(random=0))) == len(
        material.panel
    )


def test_a_mix_says_how_often_and_in_which_ways_networks_are_seen(material: Material) -> None:
    mix = Mix(2, 2, ("calcium",), ("weight",))
    views = randomised_views(material, "summary", seed=0, mix=mix)
    n = len(material.panel)
    np.testing.assert_array_equal(views.values[:n], views.values[n : 2 * n])
    assert views.meta["copy"].tolist() == [0] * n + [1] * (len(views) - n)
    # As often as they are learned each is a network of its own.
    assert views.meta[: 2 * n].groupby("network")["measurement"].agg(set).eq({0, 1}).all()
    random = views.rows(np.arange(len(views)) >= 2 * n)
    assert (random.meta["observation"] == "calcium").all()
    assert random.meta.groupby("network")["measurement"].nunique().eq(2).all()
    seen = patterns(random)
    assert seen.str.contains("weight").all() and seen.nunique() == 4


def test_where_all_is_always_seen_there_are_no_gaps(material: Material) -> None:
    views = randomised_views(material, "summary", seed=0, mix=Mix(always=tuple(OBSERVABLES)))
    assert set(patterns(views)) == {"+".join(sorted(OBSERVABLES))}


def test_all_observables_is_a_pattern() -> None:
    assert set(PATTERNS[ALL_OBSERVABLES]) == set(OBSERVABLES)
