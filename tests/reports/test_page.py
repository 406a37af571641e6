from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation import Evaluation, write_evaluation
from rule_id.features import FeatureTable
from rule_id.models import CLASSIFIERS, Bundle
from rule_id.reports import Page as Document
from rule_id.reports import report

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Elements of a page; refuses one that is closed in the wrong order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def attributes(self, name: str) -> list[str]:
        return [
            value or "" for _, given in self.found for key, value in given.items() if key == name
        ]


@pytest.fixture(scope="module")
def folder(
    evaluation: Evaluation,
    planted: FeatureTable,
    bundles: dict[str, Bundle],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("reports") / "page"
    page = report(evaluation, features=planted, models=bundles.values(), out=out)
    assert page.html == (out / "index.html").read_text(encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_its_ids_are_unique(text: str) -> None:
    ids = Page(text).attributes("id")
    assert len(ids) == len(set(ids))


def test_links_within_the_page_lead_somewhere(text: str) -> None:
    page = Page(text)
    targets = page.attributes("href") + page.attributes("xlink:href")
    assert {link[1:] for link in targets if link.startswith("#")} <= set(page.attributes("id"))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(page.attributes("id"))
    assert set(page.attributes("aria-labelledby")) <= set(page.attributes("id"))


def test_headings_descend_one_level_at_a_time(text: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(text).found if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 == levels[0]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_figures_say_what_they_show_and_tables_have_captions(text: str) -> None:
    page = Page(text)
    drawings = [given for tag, given in page.found if tag == "svg"]
    assert len(drawings) == 9 + 6 * len(CLASSIFIERS)
    assert all(given["role"] == "img" and given["aria-label"] for given in drawings)
    tags = [tag for tag, _ in page.found]
    assert tags.count("caption") == tags.count("table") > 10


def test_nothing_is_asked_of_the_network(text: str) -> None:
    page = Page(text)
    links = [given["href"] for tag, given in page.found if tag == "a" and given["href"][0] != "#"]
    assert links and all(link.startswith("https://arxiv.org/abs/") for link in links)
    assert set(re.findall(r"https?://\S+?(?=[\"<])", text)) == set(links)
    assert all(source.startswith("data:") for source in page.attributes("src"))
    assert "default-src 'none'" in text


def test_the_page_stays_small_and_names_no_folder(folder: Path, text: str) -> None:
    assert len(text.encode()) < 5e6
    assert str(folder) not in text and str(Path.cwd()) not in text


def test_numbers_methods_and_sources_are_there(text: str, evaluation: Evaluation) -> None:
    rows = evaluation.table
    scores = rows[(rows["protocol"] == "grouped") & (rows["level"] == "network")]
    assert f"{scores['accuracy'].iloc[0]:.2f} ± " in text
    for expected in ("Nayebi", "Kunin", "corpus hash 0123abcd", "no confidence interval"):
        assert expected in text
    for name, number in evaluation.info["versions"].items():
        assert f"{name} {number}" in text


def test_files_beside_the_page_hold_the_same(folder: Path) -> None:
    values = pd.read_csv(folder / "importance.csv")
    assert set(values["model"]) == set(CLASSIFIERS)
    assert not values["about"].str.contains(" | ", regex=False).any()
    pairs = pd.read_csv(folder / "importance-pairs.csv.gz")
    assert list(pairs.columns) == list(values.columns)
    assert pairs["about"].str.fullmatch(r"\S+ \| \S+").all() and pairs["about"].nunique() == 6
    overall = pd.read_csv(folder / "figures" / "importance-linear-time.csv")
    assert set(overall["about"]) == {"all"}
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert {"generalisation.svg", "importance-linear-time.csv", "reliability.csv"} <= drawn
    assert {name for name in drawn if name.endswith(".svg")} == {
        name.replace(".csv", ".svg") for name in drawn if name.endswith(".csv")
    }
    assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]


def test_the_page_is_the_same_when_written_again(
    folder: Path, text: str, evaluation: Evaluation, planted: FeatureTable,
    bundles: dict[str, Bundle], tmp_path: Path,
) -> None:  # fmt: skip
    write_evaluation(evaluation, tmp_path / "evaluation")
    planted.write(tmp_path / "features.parquet")
    for name, bundle in bundles.items():
        bundle.write(tmp_path / name)
    again = report(
        tmp_path / "evaluation",
        features=tmp_path / "features.parquet",
        models=[tmp_path / name for name in bundles],
        out=tmp_path / "page",
    )
    assert again.html == text


def test_trajectories_behind_important_features_are_drawn(
    full_report: Document, text: str, planted: FeatureTable, bundles: dict[str, Bundle],
    evaluation: Evaluation, tmp_path: Path,
) -> None:  # fmt: skip
    Page(full_report.html)
    (picture,) = [one for one in full_report.pictures if one.name == "trajectories-linear"]
    features = list(picture.numbers["feature"].unique())
    assert 1 < len(features) <= 6 and len(picture.numbers) == len(features) * 4 * 21
    assert all(name in picture.label and name in full_report.html for name in features)
    assert "The two classes that each feature separates best" in full_report.html
    assert "plan hash " in full_report.html and "plan hash " not in text
    assert "Not shown: it needs the corpus" in text
    given = {"features": planted, "models": [bundles["linear"]], "corpus": tmp_path / "none"}
    with pytest.raises(InputError, match="must be a corpus folder"):
        report(evaluation, **given, out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_without_models_the_page_says_what_is_missing(
    evaluation: Evaluation, planted: FeatureTable, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    cases = {
        "a feature table and a trained classifier": {},
        "a trained classifier": {"features": planted},
        "a feature table": {"models": [bundles["linear"]]},
    }
    for missing, given in cases.items():
        page = report(evaluation, **given, out=tmp_path)
        assert f"Not shown: it needs {missing}." in page.html
        assert pd.read_csv(tmp_path / "importance.csv").empty


def test_one_protocol_alone_is_reported(evaluation: Evaluation) -> None:
    for protocol in evaluation.info["protocols"]:
        few = Evaluation(
            *(
                table[table["protocol"] == protocol].reset_index(drop=True)
                for table in (evaluation.results, evaluation.table, evaluation.confusions)
            ),
            evaluation.info,
        )
        Page(report(few).html)


def test_names_are_escaped(evaluation: Evaluation) -> None:
    hostile = replace(evaluation, info=evaluation.info | {"corpus": "<script>alert(1)</script>"})
    text = report(hostile).html
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_a_file_in_the_way_is_refused(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match=r"out must be a folder; .*taken is a file"):
        report(evaluation, out=tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_evaluation_that_does_not_say_what_it_is_of_is_refused(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    info = {key: value for key, value in evaluation.info.items() if key != "n_blocks"}
    with pytest.raises(InputError, match=r"evaluation must say.*info has no n_blocks"):
        report(replace(evaluation, info=info), out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_bundles_of_other_rules_are_refused(
    evaluation: Evaluation, planted: FeatureTable, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    other = replace(bundles["linear"], classes=["a", "b"])
    with pytest.raises(InputError, match=r"models must tell apart .*the linear bundle has a, b"):
        report(evaluation, features=planted, models=[other], out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_bundle_of_another_target_is_refused(
    evaluation: Evaluation, planted: FeatureTable, of_target: dict[str, Bundle], tmp_path: Path
) -> None:
    with pytest.raises(
        InputError, match="target of the evaluation, rule; the linear bundle has optimizer"
    ):
        report(
            evaluation, features=planted, models=[of_target["optimizer"]], target="rule",
            out=tmp_path / "page",
        )  # fmt: skip
    with pytest.raises(InputError, match="target must be one of rule, family, .*; got 'task'"):
        report(evaluation, target="task", out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(
    ("target", "subject", "many"),
    [("family", "family of learning rules", "Families"),
     ("credit_assignment", "credit assignment", "Credit assignments"),
     ("optimizer", "optimizer", "Optimizers")],
)  # fmt: skip
def test_the_page_says_what_is_identified(
    evaluation: Evaluation, planted: FeatureTable, of_target: dict[str, Bundle],
    tmp_path: Path, target: str, subject: str, many: str,
) -> None:  # fmt: skip
    given = {"features": planted, "models": [of_target[target]], "out": tmp_path}
    text = report(evaluation, **given).html
    Page(text)
    one = target.replace("_", " ")
    assert f"<h1>Which {subject} made these networks?</h1>" in text
    assert f"Which {one} is taken for which</h2>" in text
    assert f"<dt>{many}</dt><dd>{', '.join(of_target[target].classes)}</dd>" in text
    assert f"True {one}</th>" in text
    assert "true rule" not in text and "whose rule" not in text
    values = pd.read_csv(tmp_path / "importance.csv")
    assert {"permutation", "coefficient"} == set(values["method"])


def test_accuracy_against_learned_feedback_is_shown_where_there_is_some(
    text: str, evaluation: Evaluation
) -> None:
    heading = "Accuracy against how fast feedback is learned</h2>"
    assert heading in text and 'href="#alignment"' in text
    for row in evaluation.further["alignment"].itertuples():
        assert f">{row.bin}</td>" in text
    # It says how often the rule was named.
    without = report(evaluation, target="family").html
    assert heading not in without and 'href="#alignment"' not in without


def test_two_bundles_of_one_kind_are_refused(
    evaluation: Evaluation, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"one bundle of each kind; got linear, linear"):
        report(evaluation, models=[bundles["linear"]] * 2, out=tmp_path / "page")


def test_a_table_that_does_not_fit_leaves_nothing_behind(
    evaluation: Evaluation, planted: FeatureTable, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    lacking = replace(planted, values=planted.values.iloc[:, 1:])
    with pytest.raises(InputError, match=r"are missing, such as weight_raw_norm\.start"):
        report(evaluation, features=lacking, models=[bundles["xgboost"]], out=tmp_path / "page")
    assert not (tmp_path / "page").exists()
