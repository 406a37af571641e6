from __future__ import annotations

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from rule_id.evaluation.style import FAMILIES, OPTIMIZERS, STYLE, class_colours, look_of
from rule_id.rules import CREDIT_ASSIGNMENTS, RULES
from rule_id.rules import OPTIMIZERS as REGISTERED

# Machado, Oliveira, Fernandes, IEEE TVCG 2009, severity 1, on linear RGB.
SEEN = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", SEEN)
def test_families_can_be_told_apart_by_the_colour_blind(seen: str) -> None:
    places = [lab(np.array(SEEN[seen]) @ linear(colour)) for colour, _ in FAMILIES.values()]
    # A difference of 2.3 is just noticeable.
    assert min(np.linalg.norm(a - b) for a, b in combinations(places, 2)) > 15


def test_colours_can_be_seen_on_white() -> None:
    for colour, _ in FAMILIES.values():
        assert 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05) > 2.25


def test_what_is_registered_has_a_look() -> None:
    listed = {name: family for family, (_, names) in FAMILIES.items() for name in names}
    assert listed == {name: one.family for name, one in CREDIT_ASSIGNMENTS.items()}
    assert list(OPTIMIZERS) == list(REGISTERED)


def test_no_two_rules_look_alike_and_a_rule_looks_the_same_beside_any_others() -> None:
    looks = {name: look_of(name) for name in RULES}
    assert len({look.colour for look in looks.values()}) == len(RULES)
    few = ["oja+adam", "backprop+sgd"]
    assert class_colours(few) == {name: looks[name].colour for name in few}


def test_shade_marker_and_line_say_credit_assignment_and_optimizer() -> None:
    for name, rule in RULES.items():
        look = look_of(name)
        assert look.marker == look_of(rule.credit_assignment.name + "+sgd").marker or (
            rule.optimizer is None
        )
        if rule.optimizer is not None:
            assert look.line == OPTIMIZERS[rule.optimizer_name][1]
    assert look_of("kolen_pollack+sgd").marker != look_of("weight_mirror+sgd").marker


def test_a_shade_is_nearer_to_its_family_than_to_any_other_hue() -> None:
    # Shades of grey have no hue, and darker orange is brown.
    for name in ("backprop+sgd", "feedback_alignment+adam", "equilibrium_propagation+adamw"):
        own = lab(linear(look_of(name).colour))
        near = min(
            FAMILIES, key=lambda family: np.linalg.norm(own - lab(linear(FAMILIES[family][0])))
        )
        assert near == CREDIT_ASSIGNMENTS[name.split("+")[0]].family


def test_rules_that_count_as_one_look_like_the_first() -> None:
    assert look_of("backprop+adam/adamw") == look_of("backprop+adam")
    assert look_of("oja/bcm+momentum") == look_of("oja+momentum")
    assert look_of("no_learning / oja+momentum") == look_of("no_learning")


def test_rules_of_ones_own_differ_and_stay_the_same() -> None:
    mine, other = look_of("random_feedback+adam"), look_of("my_rule+adam")
    assert mine != other and mine == look_of("random_feedback+adam")


def test_the_style_sheet_is_of_settings_that_matplotlib_knows() -> None:
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context(STYLE):
        assert matplotlib.rcParams["svg.fonttype"] == "none"
        assert matplotlib.rcParams["font.size"] == 9
    assert dict(matplotlib.rcParams) == before
