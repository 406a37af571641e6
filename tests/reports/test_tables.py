from __future__ import annotations

from dataclasses import replace

from rule_id.evaluation import Evaluation
from rule_id.reports.tables import (
    alignment_table,
    confusion_table,
    control_table,
    result_tables,
)


def test_tables_say_chance_beside_every_score(evaluation: Evaluation) -> None:
    tables = result_tables(evaluation)
    assert list(tables) == ["network", "layer", "paper", "held-out", "truncation"]
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)
        for row in table.rows:
            assert all(note for _, note in row[table.labels : -1])


def test_scores_are_those_of_the_evaluation(evaluation: Evaluation) -> None:
    table = result_tables(evaluation)["network"]
    rows = evaluation.of("rule").table
    chosen = rows[(rows["protocol"] == "grouped") & (rows["level"] == "network")].iloc[0]
    [found] = [row for row in table.rows if [t for t, _ in row[:2]] == ["grouped", "summary"]]
    expected = f"{chosen['accuracy']:.2f} ± {chosen['accuracy_sem']:.2f}"
    assert found[3] == (
        expected,
        f"{chosen['accuracy_chance']:.2f}, {chosen['accuracy_floor']:.2f}",
    )


def test_the_metric_of_the_2020_paper_is_for_its_protocol_alone(evaluation: Evaluation) -> None:
    tables = result_tables(evaluation)
    with_it = [name for name, table in tables.items() if "(Sens" in " ".join(table.columns)]
    assert with_it == ["paper"]
    assert {row[0][0] for row in tables["paper"].rows} == {"paper"}
    assert all(row[3][1] == "0.50" for row in tables["paper"].rows)


def test_rows_of_a_confusion_table_add_up_to_100(evaluation: Evaluation) -> None:
    table = confusion_table(evaluation, "grouped")
    assert table.columns == ["True rule", *evaluation.info["classes"]]
    for row in table.rows:
        assert abs(sum(float(text) for text, _ in row[1:]) - 100) <= 2


def test_a_confusion_table_names_the_target(evaluation: Evaluation) -> None:
    table = confusion_table(evaluation.of("family"), "grouped")
    assert table.columns == ["True family", "backprop", "fixed feedback", "learned feedback"]
    assert table.caption == "grouped, network level, linear: percent of the true family's networks."


def test_accuracy_against_alignment_is_that_of_the_evaluation(evaluation: Evaluation) -> None:
    table, found = alignment_table(evaluation), evaluation.further["alignment"]
    assert table is not None and len(table.rows) == len(found) > 3
    first = found.iloc[0]
    assert [text for text, _ in table.rows[0]] == [
        "linear", "information_alignment", first["bin"], f"{first['accuracy']:.2f}",
        str(first["n"]),
    ]  # fmt: skip
    # It says how often the rule was named.
    assert alignment_table(evaluation.of("optimizer")) is None


def test_the_control_stands_beside_its_floor(evaluation: Evaluation) -> None:
    table = control_table(evaluation)
    assert table is not None
    assert [row[0][0] for row in table.rows] == ["grouped", "within-blocks"]
    assert all(row[2] == ("0.25", "") and row[1][1] == "0.25" for row in table.rows)
    families = control_table(evaluation.of("family"))
    assert families is not None and all(row[2] == ("0.50", "") for row in families.rows)
    none = evaluation.further | {"control": evaluation.further["control"].head(0)}
    assert control_table(replace(evaluation, further=none)) is None
