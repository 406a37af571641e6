from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rule_id.errors import InputError
from rule_id.evaluation.designing import PRICES, Design, design, draw_designs, write_design
from rule_id.evaluation.designing.figures import checkpoints_figure, noise_figure
from rule_id.evaluation.designing.grid import CHECKPOINTS
from rule_id.evaluation.designing.result import COLUMNS
from rule_id.trajectories import Trajectories

DOCS = Path(__file__).parents[3] / "docs"


def written(figure: Figure) -> list[list[str]]:
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_the_folder_is_complete_and_readable_alone(found: Design, tmp_path: Path) -> None:
    out = tmp_path / "design"
    write_design(found, out)
    assert {path.name for path in out.iterdir()} == {"design.csv", "design.json", "figures"}
    assert {path.name for path in (out / "figures").iterdir()} == {
        "design-checkpoints.svg", "design-noise.svg",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["design"]
    table = pd.read_csv(out / "design.csv", dtype={"units": str, "noise": str})
    pd.testing.assert_frame_equal(table, found.table, check_dtype=False)
    info = json.loads((out / "design.json").read_text())
    assert info["schema_version"] == 1 and info["accuracy"] == 0.8
    assert info["prices"] == {"activation": 1, "weight": 10, "activity_change": 10}
    assert [row["noise"] for row in info["cheapest"]] == ["any", "0", "4", "poisson"]
    assert info["cheapest"][0]["reached"] is True and info["cheapest"][0]["cost"] == 32
    assert str(tmp_path) not in (out / "design.json").read_text()
    write_design(found, out)  # A design is replaced.
    assert len(list(out.iterdir())) == 3


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_else_is_replaced_and_it_is_said_at_once(
    gridded: Trajectories, found: Design, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "mine"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").touch()
    else:
        out.touch()
    for write in (lambda: write_design(found, out), lambda: design(gridded, out)):
        with pytest.raises(InputError, match="out must be a new or empty folder, or a design to"):
            write()
    assert out.exists()


def test_a_failure_leaves_what_was_there(
    found: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "design"
    write_design(found, out)
    before = (out / "design.csv").read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("rule_id.evaluation.designing.files.save_figure", fail)
    other = replace(found, table=found.table.assign(accuracy=0.0))
    for folder in (out, tmp_path / "new"):
        with pytest.raises(OSError, match="disk full"):
            write_design(other, folder)
    assert (out / "design.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["design"]


def test_a_map_has_a_panel_for_each_observable_and_one_for_all(found: Design) -> None:
    for figure, label in (
        (checkpoints_figure(found), "checkpoints"),
        (noise_figure(found), "noise (s.d. of a layer)"),
    ):
        assert [axes.get_title() for axes in figure.axes] == [
            "activation", "weight", "activity_change", "activation +\nweight +\nactivity_change",
        ]  # fmt: skip
        assert {axes.get_xlabel() for axes in figure.axes} == {label}
        first = figure.axes[0]
        assert [text.get_text() for text in first.get_yticklabels()] == ["1", "16", "all"]


def test_the_number_in_a_cell_is_its_accuracy(found: Design) -> None:
    table = found.table
    place = table["units"].map({"1": 0.1, "16": 0.2, "all": 0.3}) + table["checkpoints"] / 100
    known = replace(found, table=table.assign(accuracy=place + table["noise_std"] / 10, lower=0.0))
    assert written(checkpoints_figure(known))[0] == [
        "0.12", "0.13", "0.14", "0.22", "0.23", "0.24", "0.32", "0.33", "0.34",
    ]  # fmt: skip
    # One unit was not measured with noise, and spikes are no level of it.
    assert written(noise_figure(known))[0] == ["0.14", "0.24", "0.64", "0.34", "0.74"]


def test_what_reaches_the_accuracy_is_outlined(found: Design) -> None:
    table = found.table.assign(lower=0.1)
    table.loc[(table["units"] == "16") & (table["checkpoints"] == 3), "lower"] = 0.9
    for axes in checkpoints_figure(replace(found, table=table)).axes:
        ((x, y),) = [patch.get_xy() for patch in axes.patches]
        assert (round(x), round(y)) == (1, 1)


def test_spikes_alone_are_drawn_too(found: Design) -> None:
    table = found.table[found.table["noise"] == "poisson"].reset_index(drop=True)
    spikes = replace(found, table=table)
    assert list(draw_designs(spikes)) == ["design-checkpoints"]
    assert "accuracy, poisson; " in checkpoints_figure(spikes).get_suptitle()


def test_figures_change_no_setting_of_the_user(found: Design) -> None:
    settings = dict(matplotlib.rcParams)
    draw_designs(found)
    assert dict(matplotlib.rcParams) == settings


def test_the_page_has_every_column_and_the_usual_prices() -> None:
    text = (DOCS / "design.md").read_text()
    prices = ", ".join(f"{name} {price:g}" for name, price in PRICES.items())
    numbers = ", ".join(map(str, CHECKPOINTS))
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    columns = {"measurement", "observables", "checkpoints"}  # What a row is of.
    assert all(f"`{name}`" in "".join(rows) for name in set(COLUMNS) - columns)
    assert prices in text and f"at {numbers} and all checkpoints" in text
