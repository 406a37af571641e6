"""The pages in docs/ say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rule_id.observables.measurement import OBSERVATIONS
from rule_id.observables.observation import BASELINE, GAIN_DRIFT, HALF_SATURATION
from rule_id.recordings import Reading, read_reading
from rule_id.rules import CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, SCHEDULES
from rule_id.simulation.plan import EnsemblePlan, MeasurementPlan, Plan

DOCS = Path(__file__).parents[1] / "docs"


def test_every_credit_assignment_has_its_row_with_its_family_and_module() -> None:
    text = (DOCS / "rules.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| .*\| `(\w+)` \|$", text, re.MULTILINE)
    expected = {
        (one.name, one.family, one.step.__module__.removeprefix("rule_id.rules."))
        for one in CREDIT_ASSIGNMENTS.values()
    }
    assert set(rows) == expected and len(rows) == len(expected)
    assert f"{len(RULES)} in all" in text
    assert all(f"`{name}`" in text for name in (*OPTIMIZERS, *SCHEDULES))


def test_the_example_is_shown_as_it_is() -> None:
    example = (DOCS / "examples" / "random_feedback.py").read_text()
    assert f"```python\n{example}```" in (DOCS / "rules.md").read_text()


def test_every_key_of_a_plan_is_explained() -> None:
    text = (DOCS / "plans.md").read_text()
    for model in (Plan, EnsemblePlan, MeasurementPlan):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in text or f"`[[{name}]]`" in text, name


def test_the_measurements_shown_can_be_made() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (DOCS / "plans.md").read_text(), re.DOTALL)
    for table in tomllib.loads(shown)["measurements"]:
        MeasurementPlan.model_validate(table)


def test_the_page_on_measurements_has_every_model_and_its_constants() -> None:
    text = (DOCS / "measurements.md").read_text()
    assert all(f"| `{name}` |" in text for name in OBSERVATIONS)
    constants = f"K = {HALF_SATURATION:g} ", f"F_0 = {BASELINE:g} ", f"exp({GAIN_DRIFT:g} ("
    assert all(constant in text for constant in constants)


def test_the_readings_shown_can_be_read_and_every_key_of_nwb_is_explained(tmp_path) -> None:
    text = (DOCS / "recording-brains.md").read_text()
    shown = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    for number, written in enumerate(shown):
        (tmp_path / f"{number}.toml").write_text(written)
        assert list(read_reading(tmp_path / f"{number}.toml").layers)
    elsewhere = {"checkpoints", "frame_rate"}
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert keys == set(Reading.__dataclass_fields__) - elsewhere


def test_every_link_and_make_target_that_is_named_is_there() -> None:
    root = DOCS.parent
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    for page in [*DOCS.glob("*.md"), root / "README.md", root / "CHANGELOG.md"]:
        text = page.read_text()
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert "://" in link or (page.parent / link).exists(), (page.name, link)
        for target in re.findall(r"`make ([a-z-]+)`", text):
            assert target in targets, (page.name, target)
