from __future__ import annotations

import dataclasses

from rule_id.models.advice import advise, costs
from rule_id.models.bundle import Bundle
from rule_id.models.view import Cell, View

ENOUGH = {"a": [0.1] * 20, "b": [0.1] * 20}
VIEW = View("activation", "exact", 32.0, 0.0, True, 5)


def test_nothing_is_said_of_a_set_that_says_something() -> None:
    assert advise("rule", ENOUGH, ["a"], 0.9) == []
    assert advise("rule", ENOUGH, None, 0.9) == []


def test_an_empty_set_is_said_to_be_one() -> None:
    assert advise("family", ENOUGH, [], 0.9) == [
        "No family fits at 90%: the network is unlike those of training."
    ]


def test_too_few_networks_to_exclude_a_class_are_said_to_be_so() -> None:
    (warning,) = advise("rule", ENOUGH | {"b": [0.1] * 8}, ["a"], 0.9)
    assert "takes 9 held-out networks of each class, and the bundle has 8 of one" in warning
    assert advise("rule", ENOUGH | {"b": [0.1] * 8}, ["a"], 0.8) == []


def cell(accuracy: float, **changes) -> Cell:
    return Cell(
        dataclasses.replace(VIEW, **changes),
        {"class": accuracy, "family": 2 * accuracy},
        {"class": 0.1, "family": 0.2},
        30,
    )


def test_what_was_not_recorded_is_named_with_what_it_would_bring(linear: Bundle) -> None:
    here = cell(0.2)
    richer = "activation+weight"
    cells = [here, cell(0.3, observables=richer), cell(0.25, checkpoints=20), cell(0.1, units=99.0)]
    menu = [dataclasses.replace(linear, cells=cells)]
    assert costs(menu, here, "rule") == [("weight", 0.3), ("20 checkpoints", 0.25)]
    assert costs(menu, here, "family") == [("weight", 0.6), ("20 checkpoints", 0.5)]
    assert costs(menu, cells[1], "rule") == []
    # All that was not recorded is named also where it does not help.
    cells[1] = cell(0.1, observables=richer)
    assert costs([dataclasses.replace(linear, cells=cells)], here, "rule")[-1] == ("weight", 0.1)


def test_another_classifier_of_the_menu_may_bring_it(linear: Bundle) -> None:
    here = cell(0.2)
    menu = [
        dataclasses.replace(linear, cells=[here]),
        dataclasses.replace(linear, cells=[cell(0.15), cell(0.4, observables="activation+weight")]),
    ]
    assert costs(menu, here, "rule") == [("weight", 0.4)]
