"""Rules of the user's own, from a file or a module."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small import hyperparameters, noise, run, small, start

from rule_id.errors import InputError
from rule_id.rules import (
    CREDIT_ASSIGNMENTS,
    OPTIMIZERS,
    RULES,
    Assignment,
    LearningRule,
    Optimizer,
    get_rule,
    load_rules,
    source_of,
)
from rule_id.rules import user as module

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "random_feedback.py"


@pytest.fixture(autouse=True)
def _tables_as_they_were():
    tables = (CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, module._sources, module._loaded)
    kept = [dict(table) for table in tables]
    yield
    for table, before in zip(tables, kept, strict=True):
        table.clear()
        table.update(before)


def test_the_example_adds_a_rule_for_every_optimizer() -> None:
    load_rules(EXAMPLE)
    assert get_rule("random_feedback+adam").family == "fixed feedback"
    assert len([name for name in RULES if name.startswith("random_feedback+")]) == len(OPTIMIZERS)


def test_loading_twice_is_loading_once() -> None:
    first = load_rules(EXAMPLE)
    assert load_rules(EXAMPLE) == first == source_of("random_feedback+sgd")
    assert source_of("backprop+sgd") == ""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


SIGN = """
from rule_id.rules import Optimizer

def step(gradient, state, parameters, hyperparameters):
    return -hyperparameters["learning_rate"] * gradient.sign(), state

OPTIMIZERS = [Optimizer("sign", lambda parameters: {}, step, {"learning_rate": 1e-3})]
"""


def test_an_optimizer_goes_with_every_credit_assignment(tmp_path: Path) -> None:
    load_rules(write(tmp_path, SIGN))
    assert get_rule("oja+sign").optimizer_name == "sign"
    made = small()
    after, _ = run("backprop+sign", made, 3, learning_rate=0.01)
    steps = ((after - made.vector) / 0.01).round().unique()
    assert set(steps.tolist()) <= {-3.0, -1.0, 1.0, 3.0}
    assert "no_learning+sign" not in RULES


def test_a_changed_file_replaces_what_it_added(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("random_feedback", "other_feedback")
    first = load_rules(write(tmp_path, text))
    was = CREDIT_ASSIGNMENTS["other_feedback"]
    assert load_rules(write(tmp_path, text + "# changed")) != first
    assert CREDIT_ASSIGNMENTS["other_feedback"] is not was
    load_rules(write(tmp_path, text.replace("other_feedback", "third_feedback")))
    assert "third_feedback+sgd" in RULES
    assert "other_feedback" not in CREDIT_ASSIGNMENTS and "other_feedback+sgd" not in RULES


def test_a_file_may_not_take_the_name_that_another_one_added(tmp_path: Path) -> None:
    load_rules(EXAMPLE)
    with pytest.raises(InputError, match="a name must be new; random_feedback is taken"):
        load_rules(write(tmp_path, EXAMPLE.read_text() + "# copied"))


def test_a_module_is_named_by_its_dots(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a_package").mkdir()
    (tmp_path / "a_package" / "__init__.py").write_text("")
    (tmp_path / "a_package" / "rules.py").write_text(EXAMPLE.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    load_rules("a_package.rules")
    assert "random_feedback+sgd" in RULES
    for name in [name for name in sys.modules if name.startswith("a_package")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "must hold a list CREDIT_ASSIGNMENTS or OPTIMIZERS; it has none"),
        ("x = (", r"cannot be run: SyntaxError: .*, line 1"),
        ("x = 1\ny = x / 0", "cannot be run: ZeroDivisionError: division by zero, line 2"),
        ("from dataclasses import replace\nfrom rule_id.rules import CREDIT_ASSIGNMENTS as known\n"
         "CREDIT_ASSIGNMENTS = [replace(known['oja'], name='mine', ranges={'seed': 1.0})]",
         "a hyperparameter of mine must have a name that no column .*; got 'seed'"),
        ("from dataclasses import replace\nfrom rule_id.rules import CREDIT_ASSIGNMENTS as known\n"
         "CREDIT_ASSIGNMENTS = [replace(known['oja'], name='mine', optimizers=('lion',))]",
         "optimizers of mine must be one of adam, .*; got 'lion'"),
        ("CREDIT_ASSIGNMENTS = 3", "CREDIT_ASSIGNMENTS must be a list; got int"),
        ("CREDIT_ASSIGNMENTS = [3]", "must hold CreditAssignment objects; got int"),
        ("from rule_id.rules import CREDIT_ASSIGNMENTS as known\n"
         "CREDIT_ASSIGNMENTS = [known['oja']]", "a name must be new; oja is taken"),
        ("from dataclasses import replace\nfrom rule_id.rules import CREDIT_ASSIGNMENTS as known\n"
         "CREDIT_ASSIGNMENTS = [replace(known['oja'], name='a+b')]", "one word .*; got 'a\\+b'"),
        ("from dataclasses import replace\nfrom rule_id.rules import CREDIT_ASSIGNMENTS as known\n"
         "one = replace(known['oja'], name='mine')\nCREDIT_ASSIGNMENTS = [one, one]",
         "a name must be new; mine is taken"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_be(tmp_path: Path, text: str, message: str) -> None:
    before = list(RULES)
    with pytest.raises(InputError, match=message) as caught:
        load_rules(write(tmp_path, text))
    assert "\n" not in str(caught.value) and list(RULES) == before


def test_a_file_or_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a Python file that adds rules; there is no such"):
        load_rules(tmp_path / "none.py")
    with pytest.raises(InputError, match="must be a path that ends in .py or the name of a module"):
        load_rules("no_such_module")
    with pytest.raises(InputError, match="module no_such_package.rules cannot be imported: "):
        load_rules("no_such_package.rules")


def test_a_changed_module_is_read_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "changing_module.py"
    path.write_text(EXAMPLE.read_text())
    load_rules("changing_module")
    path.write_text(EXAMPLE.read_text().replace("random_feedback", "other_feedback"))
    load_rules("changing_module")
    assert "other_feedback+sgd" in RULES and "random_feedback+sgd" not in RULES
    del sys.modules["changing_module"]


def test_a_module_that_fails(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "failing_module.py").write_text("1 / 0")
    with pytest.raises(InputError, match="module failing_module cannot be imported: ZeroDivision"):
        load_rules("failing_module")


def test_a_change_that_is_part_of_the_state_is_copied() -> None:
    def step(gradient, state, parameters, hyperparameters):
        velocity = 0.9 * state["velocity"] - hyperparameters["learning_rate"] * gradient
        return velocity, {"velocity": velocity}

    plain = get_rule("backprop+momentum").optimizer
    own = Optimizer("own", plain.init, step, plain.ranges, plain.limits)
    rule, made = LearningRule(CREDIT_ASSIGNMENTS["backprop"], own), small()
    given = hyperparameters(rule, 3, learning_rate=0.05, momentum=0.9, weight_decay=0.0)
    state, parameters = start(rule, made, given), made.parameters
    for _ in range(3):
        change, state, _ = rule.step(made.network, parameters, state, made.batch, given, noise(3))
        for moved, old in zip(change, parameters, strict=True):
            for name, tensor in moved.items():
                tensor.add_(old[name])  # as training does
        parameters = change
    expected, _ = run(
        "backprop+momentum", made, 3, learning_rate=0.05, momentum=0.9, weight_decay=0.0
    )
    torch.testing.assert_close(made.network.flatten(parameters), expected)


def test_a_change_of_another_shape_is_refused() -> None:
    wrong = Optimizer("wrong", lambda p: {}, lambda g, s, p, h: (g.sum(1), s), {"learning_rate": 1})
    rule, made = LearningRule(CREDIT_ASSIGNMENTS["backprop"], wrong), small()
    given = {"learning_rate": torch.ones(3)}
    state = start(rule, made, given)
    with pytest.raises(
        InputError, match=r"change that the optimizer makes .*\(3, 30\); got \(3,\)"
    ):
        rule.step(made.network, made.parameters, state, made.batch, given, noise(3))


def test_what_a_step_may_not_return() -> None:
    made, own = small(), CREDIT_ASSIGNMENTS["backprop"]
    wrong = {
        "step must return an Assignment; got int": lambda *arguments: 3,
        r"gradients must have the names and shapes .*weight \(3, 5, 6\), bias \(3, 5\);.*; got $": (
            lambda *arguments: Assignment([], {}, torch.zeros(3))
        ),
    }
    for message, step in wrong.items():
        rule = LearningRule(replace(own, step=step), OPTIMIZERS["sgd"])
        given = hyperparameters(rule, 3)
        with pytest.raises(InputError, match=message):
            rule.step(
                made.network, made.parameters, start(rule, made, given), made.batch, given, noise(3)
            )
