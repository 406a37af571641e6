"""Protocols (who is trained on, who is tested), metrics, and evaluations on disk."""

from rule_id.evaluation.alignment import ALIGNMENT_BINS
from rule_id.evaluation.answers import SUBSETS
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.choosing import HOLD_OUT_KEYS
from rule_id.evaluation.control import nuisance_control, read_control
from rule_id.evaluation.drawn import Drawn, all_figures
from rule_id.evaluation.figures import (
    confusion_figure,
    generalisation_figure,
    save_figure,
    truncation_figure,
)
from rule_id.evaluation.files import read_evaluation, write_evaluation
from rule_id.evaluation.floor import FLOORED, nuisance_floor
from rule_id.evaluation.metrics import (
    METRICS,
    accuracy,
    balanced_accuracy,
    chance,
    confusion_matrix,
    d_prime,
    sensitivity_specificity,
)
from rule_id.evaluation.printing import with_error
from rule_id.evaluation.protocols import PROTOCOLS, Protocol, Split, split_rows
from rule_id.evaluation.results import FURTHER, Evaluation, summarise
from rule_id.evaluation.runner import evaluate, folder_of_fits
from rule_id.evaluation.spreading import fit_shard, spread_fits
from rule_id.evaluation.style import Look, class_colours, look_of
from rule_id.evaluation.tables import PAPER_FEATURES
from rule_id.models.cuts import CUTS, Cut

__all__ = [
    "ALIGNMENT_BINS",
    "BASELINES",
    "CUTS",
    "FLOORED",
    "FURTHER",
    "HOLD_OUT_KEYS",
    "METRICS",
    "PAPER_FEATURES",
    "PROTOCOLS",
    "SUBSETS",
    "Cut",
    "Drawn",
    "Evaluation",
    "Look",
    "Protocol",
    "Split",
    "accuracy",
    "all_figures",
    "balanced_accuracy",
    "chance",
    "class_colours",
    "confusion_figure",
    "confusion_matrix",
    "d_prime",
    "evaluate",
    "fit_shard",
    "folder_of_fits",
    "generalisation_figure",
    "look_of",
    "nuisance_control",
    "nuisance_floor",
    "read_control",
    "read_evaluation",
    "save_figure",
    "sensitivity_specificity",
    "split_rows",
    "spread_fits",
    "summarise",
    "truncation_figure",
    "with_error",
    "write_evaluation",
]
