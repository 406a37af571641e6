"""Opening what a classifier is trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rule_id.errors import InputError, one_of
from rule_id.features.material import read_material
from rule_id.features.reading import open_features, read_features
from rule_id.features.table import FeatureTable
from rule_id.models.mix import Mix
from rule_id.models.sources import CorpusSource, Source, table_source
from rule_id.models.stored_source import StoredSource
from rule_id.models.views import randomised_views
from rule_id.reference import reference_path
from rule_id.storage import local_copy

__all__ = ["REFERENCE_CORPUS", "open_source", "reference_corpus"]

REFERENCE_CORPUS = "corpus"
"""What is trained on when nothing is named."""


def open_source(
    features: FeatureTable | str | Path | None,
    feature_set: str,
    seed: int,
    most_rows: int | None = None,
    mix: Mix | None = None,
) -> Source:
    """Return what to train on.

    Args:
        features: A corpus folder, a feature table or its file; None for the reference corpus.
        feature_set: Of a corpus, `summary` or `invariant`.
        seed: Seed of the random views of a corpus, and of the networks in memory.
        most_rows: Of a feature table's file, rows that are in memory at once; all when None.
        mix: Of a corpus, the ways in which its networks are seen; `Mix()` when None.

    Raises:
        InputError: It cannot be read, an installation has no reference, or `most_rows` is given for
            what is no file, or `mix` for what is no corpus.
    """
    if isinstance(features, FeatureTable):
        _refuse(mix)
        _require_file(most_rows, "a table in memory")
        return table_source(features)
    if features is None:
        features = reference_corpus()
    features = local_copy(features)
    if not features.is_dir():
        _refuse(mix)
        if most_rows is not None:
            return StoredSource.draw(open_features(features), most_rows, seed)
        return table_source(read_features(features))
    _require_file(most_rows, "a corpus")
    one_of("feature set", feature_set, ("summary", "invariant"))
    material = read_material(features)
    views = randomised_views(material, feature_set, seed=seed, mix=mix)
    # As a feature table of the corpus says it, so that a report can tell that the two go together.
    info = {
        "paper": False,
        "corpus": Path(features).resolve().name,
        "n_checkpoints": material.n_checkpoints,
        "content_hash": material.content_hash,
    }
    return CorpusSource(material, feature_set, replace(views, info=info))


def reference_corpus() -> Path:
    """Return the corpus that ships.

    Raises:
        InputError: This installation has none.
    """
    corpus = reference_path(REFERENCE_CORPUS)
    if not (corpus / "manifest.json").is_file():
        raise InputError(
            "features must be given: this installation has no reference corpus, "
            f"rule_id/reference/{REFERENCE_CORPUS}"
        )
    return corpus


def _refuse(mix: Mix | None) -> None:
    if mix is not None:
        raise InputError(
            "mix must be left out for a feature table, whose networks are learned as it holds them"
        )


def _require_file(most_rows: int | None, what: str) -> None:
    if most_rows is not None:
        raise InputError(
            f"most_rows must be left out for {what}; write its features to a file with "
            "`rule-id features`, and train on that"
        )
