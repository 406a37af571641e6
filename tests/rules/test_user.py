"""Rules of the user's own, from a file or a module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rule_id.errors import InputError
from rule_id.rules import CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, get_rule, load_rules, source_of
from rule_id.rules import user as module

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "random_feedback.py"


@pytest.fixture(autouse=True)
def _tables_as_they_were():
    tables = (CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, module._sources)
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
    return -hyperparameters["learning_rate"][:, None] * gradient.sign(), state

OPTIMIZERS = [Optimizer("sign", lambda parameters: {}, step, {"learning_rate": 1e-3}, True)]
"""


def test_an_optimizer_goes_with_every_credit_assignment(tmp_path: Path) -> None:
    load_rules(write(tmp_path, SIGN))
    assert get_rule("oja+sign").optimizer_name == "sign"
    assert "no_learning+sign" not in RULES


def test_another_text_is_another_source(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("random_feedback", "other_feedback")
    first = load_rules(write(tmp_path, text))
    text = text.replace("other_feedback", "third_feedback")
    assert load_rules(write(tmp_path, text)) != first


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
        load_rules("no_such_package.rules")
