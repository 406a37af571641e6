"""The card of the classifiers that ship says what they and their evaluation say."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "studies"))

import model_card

from rule_id.evaluation import read_evaluation
from rule_id.models.menu import read_menu

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models" / "reference"
EVALUATION = ROOT / "reports" / "shipped"


def test_the_card_that_ships_is_that_of_the_classifiers_that_ship() -> None:
    text = model_card.card(read_menu(MODELS), read_evaluation(EVALUATION))
    assert text == (MODELS / "README.md").read_text()


def test_its_numbers_are_those_of_the_bundles(tmp_path: Path) -> None:
    bundles = read_menu(MODELS)
    text = model_card.card(bundles, read_evaluation(EVALUATION))
    for bundle in bundles:
        scores = bundle.scores[bundle.patterns[-1]]["network"]
        assert f"| {scores['accuracy']:.2f} | {scores['balanced_accuracy']:.2f} |" in text
        assert all(f"`{name}`" in text for name in bundle.classes)
