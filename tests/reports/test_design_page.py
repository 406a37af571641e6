from __future__ import annotations

import re

from designed import made_design

from rule_id.reports import design_page


def test_the_answer_comes_first_and_names_are_text() -> None:
    page = design_page(made_design(True))
    assert "Cheapest that reaches 0.80:" in page.html
    assert "noise 0: 16 units, 2 checkpoints, activation: 0.90 ± 0.02" in page.html
    assert page.html.count("<script>") == 1 and "&lt;script&gt;mine" in page.html
    assert [picture.name for picture in page.pictures] == ["design-checkpoints"]
    assert page.html.index("Cheapest that") < page.html.index("<figure")
    assert "One note." in page.html and re.search(r"in 4 folds\. Versions: rule-id 0\.", page.html)


def test_what_is_not_reached_is_said() -> None:
    assert (
        "No measurement of this corpus reaches 0.80 with an s.e.m. to spare; the best"
        in design_page(made_design(False)).html
    )
