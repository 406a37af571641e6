"""The page on architectures says what the code does."""

from __future__ import annotations

import doctest
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "studies"))

import architectures
from small import run, small

from rule_id.networks import ACTIVATIONS, ARCHITECTURE_GROUPS, ARCHITECTURES, NORMALISATIONS
from rule_id.networks.layer import EPSILON
from rule_id.networks.network import TIME_STEPS
from rule_id.networks.recurrent import LEAK
from rule_id.rules import CREDIT_ASSIGNMENTS, Conditions
from rule_id.simulation.plan import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.simulation.training import POPULATION

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "architectures.md").read_text()


def table(name: str) -> list[list[str]]:
    (inside,) = re.findall(f"<!-- {name}: begin -->(.*)<!-- {name}: end -->", TEXT, re.DOTALL)
    lines = [line for line in inside.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_tables_are_those_that_the_code_makes() -> None:
    assert architectures.written(TEXT) == TEXT


def test_every_architecture_has_its_row() -> None:
    _, _, *rows = table("architectures")
    found = {row[0].strip("`"): (row[1], tuple(row[4].split(", "))) for row in rows}
    assert len(rows) == len(found)
    assert found == {name: (one.group, one.normalisations) for name, one in ARCHITECTURES.items()}


def test_every_rule_says_where_it_works_and_why_not_elsewhere() -> None:
    header, _, *rows = table("rules")
    reasons = dict(re.findall(r"^(\d+)\. It (.*)\.$", TEXT, re.MULTILINE))
    assert {row[0].strip("`") for row in rows} == set(CREDIT_ASSIGNMENTS)
    assert header[1:5] == list(ARCHITECTURE_GROUPS)
    for row in rows:
        refusal = CREDIT_ASSIGNMENTS[row[0].strip("`")].refusal
        expected = [refusal(Conditions(group)) for group in ARCHITECTURE_GROUPS]
        expected += [refusal(Conditions(normalisation=one)) for one in NORMALISATIONS[1:]]
        expected.append(refusal(Conditions(dropout=0.5)))
        numbers = [re.findall(r"no \((\d+)\)", cell) for cell in row[1:8]]
        assert [reasons[n[0]] if n else None for n in numbers] == expected


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the marks <!-- architectures: begin --> and"):
        architectures.written("nothing")


def test_examples_in_docstrings_hold() -> None:
    result = doctest.testmod(architectures)
    assert result.failed == 0 < result.attempted


def test_names_and_constants_are_those_of_the_code() -> None:
    assert all(f"`{name}`" in TEXT for name in ACTIVATIONS)
    text = " ".join(TEXT.split())
    assert f"dt / tau = {LEAK:g} in `rate_rnn`" in text
    assert f"shown a vector for {TIME_STEPS} time steps" in text
    assert f"statistics of {POPULATION} inputs of training" in text
    assert EPSILON == 1e-5  # torch's, hence not told


def test_the_example_is_shown_as_it_is_and_runs() -> None:
    path = DOCS / "examples" / "narrowing.py"
    assert f"```python\n{path.read_text()}```" in TEXT
    try:
        runpy.run_path(str(path))
        made = small("narrowing", width=8)
        assert [layer.n_out for layer in made.network.layers] == [8, 4, 2, 4]
        for rule in ("backprop+adam", "information_alignment+momentum", "predictive_coding+sgd"):
            assert bool(torch.isfinite(run(rule, made, 3)[0]).all())
        own = {
            "rules": ["backprop+sgd"], "blocks": 1, "networks_per_rule": 2,
            "architecture": "narrowing", "task": "wine",
        }  # fmt: skip
        (ensemble,) = resolve(read_plan({"schema": 1, "seed": 1, "ensembles": [own]}))
        assert ensemble.shape.architecture == "narrowing"
    finally:
        ARCHITECTURES.pop("narrowing", None)
