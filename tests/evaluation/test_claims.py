"""Every verdict on a table of results for which it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation.claims import claims_of
from rule_id.evaluation.results import FURTHER, RESULT_COLUMNS
from rule_id.trajectories import OBSERVABLES

ALL = "activation+weight+activity_change"
CHANCE, FLOOR = 0.2, 0.25
ROBUST = "activations are more robust than weights"
UNITS = "several hundred units suffice"
INTERVALS = "wider intervals between measurements suffice"
ALONE = "each observable alone separates the rules"


def rows(protocol: str, values: list[float], variant: str = "all", **further: object) -> list[dict]:
    given = {
        "feature_set": "summary", "model": "xgboost", "level": "network", "target": "rule",
        "subset": "all", "metric": "accuracy", "chance": CHANCE, "floor": FLOOR,
        "n_train_networks": 9, "n_test_networks": 9, "n_classes": 5,
    }  # fmt: skip
    return [
        {"protocol": protocol, "variant": variant, "split": split, "value": value} | given | further
        for split, value in enumerate(values)
    ]


def above(*shares: float) -> list[float]:
    """Accuracies of which these shares lie above chance."""
    return [CHANCE + share * (1 - CHANCE) for share in shares]


def results(*tables: list[dict]) -> pd.DataFrame:
    return pd.DataFrame([row for table in tables for row in table], columns=list(RESULT_COLUMNS))


SEEN = {
    "all units, noise 0": {"units": np.inf, "share": 1.0, "noise_std": 0.0},
    "10 units, noise 0": {"units": 10.0, "share": 0.1, "noise_std": 0.0},
    "0.1 of the units, noise 0": {"units": -0.1, "share": 0.1, "noise_std": 0.0},
    "300 units, noise 0": {"units": 300.0, "share": 0.3, "noise_std": 0.0},
    "300 units, noise 1": {"units": 300.0, "share": 0.3, "noise_std": 1.0},
    "all units, noise 1": {"units": np.inf, "share": 1.0, "noise_std": 1.0},
    "300 units, calcium, noise 0": {
        "units": 300.0,
        "share": 0.9,
        "noise_std": 0.0,
        "observation": "calcium",
    },
}


def measured(*names: str, **changes: object) -> pd.DataFrame:
    made = [
        {"name": name, "observation": "exact", "target": "rule", "observables": ALL}
        | SEEN[name] | changes
        for name in names
    ]  # fmt: skip
    return pd.DataFrame(made, columns=list(FURTHER["measured"]))


NOTHING = measured()


def found(table: pd.DataFrame, seen: pd.DataFrame = NOTHING, about: str = "rule") -> pd.DataFrame:
    claims = claims_of(table, seen, "summary")
    assert tuple(claims.columns) == FURTHER["claims"]
    return claims[claims["about"] == about].set_index("measure")


def test_a_corpus_without_the_networks_tests_nothing() -> None:
    claims = found(results(rows("grouped", [0.9, 0.9])))
    assert len(claims) == 3 + 2 + 1 + 2 + 3
    assert set(claims["verdict"]) == {"not tested"}
    assert claims[["value", "sem", "threshold"]].isna().all(axis=None)


def test_what_was_not_asked_has_no_claims() -> None:
    claims = claims_of(results(rows("grouped", [0.9], target="family")), NOTHING, "summary")
    assert set(claims["about"]) == {"family"}
    assert claims_of(results(rows("grouped", [0.9], target="optimizer")), NOTHING, "summary").empty


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.30, 0.30, 0.30], "reproduced"),
        ([0.25, 0.25, 0.25], "not reproduced"),  # the floor itself
        ([0.24, 0.24, 0.24], "not reproduced"),  # above chance, and below what can be looked up
        # Means of 0.30 are 2 standard errors above 0.25 where these are below 0.025.
        ([0.30 - 0.04, 0.30, 0.30 + 0.04], "reproduced"),  # s.e.m. 0.0231
        ([0.30 - 0.05, 0.30, 0.30 + 0.05], "not reproduced"),  # s.e.m. 0.0289
    ],
)
@pytest.mark.parametrize("observable", OBSERVABLES)
def test_an_observable_separates_rules_two_errors_above_the_floor(
    observable: str, values: list[float], verdict: str
) -> None:
    claims = found(results(rows("alone", values, observable)))
    claim = claims.loc[f"{observable} alone"]
    assert claim["claim"] == ALONE and claim["verdict"] == verdict
    assert claim["value"] == pytest.approx(np.mean(values))
    assert claim["sem"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert claim["threshold"] == FLOOR and "2 s.e.m." in claim["criterion"]
    others = claims.loc[[f"{name} alone" for name in OBSERVABLES if name != observable]]
    assert set(others["verdict"]) == {"not tested"}


def test_chance_counts_where_it_is_above_the_floor() -> None:
    claims = found(results(rows("alone", [0.3, 0.3], "weight", chance=0.4, floor=0.2)))
    assert claims.loc["weight alone", ["threshold", "verdict"]].tolist() == [0.4, "not reproduced"]


def test_the_model_is_the_best_on_new_blocks_not_the_best_of_each_row() -> None:
    table = results(
        rows("grouped", [0.6, 0.6], model="linear"), rows("grouped", [0.7, 0.7]),
        rows("alone", [0.9, 0.9], "weight", model="linear"), rows("alone", [0.5, 0.5], "weight"),
    )  # fmt: skip
    assert found(table).loc["weight alone", "value"] == 0.5


def test_only_whole_networks_of_all_kinds_seen_through_our_features_count() -> None:
    good, bad = [0.9, 0.9], [0.1, 0.1]
    table = results(
        rows("alone", good, "weight"),
        rows("alone", bad, "weight", level="layer"),
        rows("alone", bad, "weight", subset="learned"),
        rows("alone", bad, "weight", metric="balanced_accuracy"),
        rows("alone", bad, "weight", feature_set="paper-24"),
        rows("alone", bad, "weight", target="optimizer"),
    )
    assert found(table).loc["weight alone", "value"] == 0.9


@pytest.mark.parametrize(
    "protocol", ["held-out-architecture", "held-out-architecture-group", "held-out-curriculum"]
)
def test_what_is_held_out_is_one_claim_over_all_its_groups(protocol: str) -> None:
    table = results(rows(protocol, [0.5], "a"), rows(protocol, [0.2], "b"))
    claim = found(table).loc[protocol]
    assert claim["value"] == pytest.approx(0.35) and claim["verdict"] == "not reproduced"
    table = results(rows(protocol, [0.5], "a"), rows(protocol, [0.45], "b"))
    assert found(table).loc[protocol, "verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        (above(0.451, 0.541), "reproduced"),  # a little more than 0.9 of both
        (above(0.45, 0.53), "not reproduced"),
        (above(0.55, 0.60), "reproduced"),
        (above(-0.1, 0.0), "not reproduced"),
    ],
)
@pytest.mark.parametrize("variant", ["every 4th", "every 10th"])
def test_nine_tenths_of_what_lies_above_chance_must_be_left(variant, left, verdict) -> None:
    whole = rows("truncated", above(0.5, 0.6), "all checkpoints")
    claims = found(results(whole, rows("truncated", left, variant)))
    claim = claims.loc[f"checkpoints, {variant}"]
    assert (claim["claim"], claim["threshold"], claim["verdict"]) == (INTERVALS, 0.9, verdict)
    some, whole_of = np.array(left) - CHANCE, np.array(above(0.5, 0.6)) - CHANCE
    shares = some / whole_of
    # Of means, not the mean of ratios: where there is little to lose, little is known of the share.
    assert claim["value"] == pytest.approx(some.sum() / whole_of.sum())
    assert claim["sem"] == pytest.approx(abs(shares[0] - shares[1]) / 2)
    assert set(claims.drop(claim.name)["verdict"]) == {"not tested"}


@pytest.mark.parametrize("whole", [above(0.0, 0.0), above(-0.2, -0.1), above(0.1, -0.1)])
def test_where_nothing_lies_above_chance_nothing_can_be_kept(whole: list[float]) -> None:
    """Less than chance divided by less than chance would be a share that is kept."""
    table = results(
        rows("truncated", whole, "all checkpoints"),
        rows("truncated", above(-0.3, -0.3), "every 4th"),
    )
    claim = found(table).loc["checkpoints, every 4th"]
    assert claim["verdict"] == "not tested" and np.isnan(claim["value"])


def units(share_left: float) -> pd.DataFrame:
    return results(
        rows("measured", above(0.5, 0.6), f"all units, noise 0 | {ALL}"),
        rows("measured", above(0.5 * share_left, 0.6 * share_left), f"300 units, noise 0 | {ALL}"),
    )


def test_several_hundred_units_suffice_when_nine_tenths_are_left() -> None:
    seen = measured("all units, noise 0", "300 units, noise 0")
    for share_left, verdict in ((0.91, "reproduced"), (0.89, "not reproduced")):
        claim = found(units(share_left), seen).loc["300 units, which are 30% of a layer's"]
        assert claim["verdict"] == verdict and claim["value"] == pytest.approx(share_left)
        assert claim["claim"] == UNITS


def test_several_hundred_of_hardly_more_are_no_test() -> None:
    seen = measured("all units, noise 0", "300 units, noise 0").assign(share=[1.0, 0.6])
    claim = found(units(0.95), seen).loc["300 units, which are 60% of a layer's"]
    assert claim["verdict"] == "not tested" and claim["value"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    "names",
    [
        ["all units, noise 0", "10 units, noise 0"],
        ["300 units, noise 0"],
        ["all units, noise 0", "300 units, noise 1"],
        ["all units, noise 0", "300 units, calcium, noise 0"],
    ],
)
def test_without_several_hundred_or_all_to_compare_with_nothing_is_tested(names) -> None:
    claims = found(units(0.95), measured(*names))
    claim = claims[claims["claim"] == UNITS]
    assert list(claim["verdict"]) == ["not tested"]


def robustness(kept: dict[str, tuple[float, ...]], other: str) -> pd.DataFrame:
    """What is left under another measurement of 0.5 above chance, for each observable."""
    return results(
        *[
            table
            for name, shares in kept.items()
            for table in (
                rows("measured", above(*[0.5] * len(shares)), f"all units, noise 0 | {name}"),
                rows("measured", above(*[0.5 * s for s in shares]), f"{other} | {name}"),
            )
        ]
    )


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("fewer units", "10 units, noise 0"),
        ("fewer units", "0.1 of the units, noise 0"),
        ("noise", "all units, noise 1"),
    ],
)
@pytest.mark.parametrize(
    ("weights", "verdict"),
    [
        ((0.5, 0.5, 0.5), "reproduced"),
        ((0.9, 0.9, 0.9), "not reproduced"),
        ((0.8, 0.8, 0.8), "not reproduced"),  # as robust
        # Differences of 0.1 on average: errors of 0.04 and of 0.06.
        ((0.7 - 0.07, 0.7, 0.7 + 0.07), "reproduced"),
        ((0.7 - 0.11, 0.7, 0.7 + 0.11), "not reproduced"),
    ],
)
def test_activations_are_more_robust_by_two_errors(what, name, weights, verdict) -> None:
    table = robustness({"activation": (0.8, 0.8, 0.8), "weight": weights}, name)
    claims = found(table, measured("all units, noise 0", name))
    claim = claims.loc[f"share kept, activations less weights, {what}"]
    assert (claim["claim"], claim["verdict"]) == (ROBUST, verdict)
    assert claim["value"] == pytest.approx(0.8 - np.mean(weights))
    other = "noise" if what == "fewer units" else "fewer units"
    assert claims.loc[f"share kept, activations less weights, {other}", "verdict"] == "not tested"


def test_robustness_is_the_mean_over_the_grid() -> None:
    tables = [
        robustness({"activation": (a, a), "weight": (0.5, 0.5)}, name)
        for a, name in ((0.6, "10 units, noise 0"), (0.9, "300 units, noise 0"))
    ]
    table = pd.concat([tables[0], tables[1][~tables[1]["variant"].str.startswith("all")]])
    seen = measured("all units, noise 0", "10 units, noise 0", "300 units, noise 0",
                    "300 units, noise 1", "300 units, calcium, noise 0")  # fmt: skip
    claim = found(table, seen).loc["share kept, activations less weights, fewer units"]
    assert claim["value"] == pytest.approx(0.25)


def test_without_weights_nothing_can_be_more_robust() -> None:
    name = "all units, noise 1"
    claims = found(
        robustness({"activation": (0.8, 0.8)}, name), measured("all units, noise 0", name)
    )
    assert claims.loc["share kept, activations less weights, noise", "verdict"] == "not tested"
