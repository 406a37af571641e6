"""Classifiers of learning rules, their bundles on disk, and identification."""

from rule_id.models.boosted import BoostedClassifier
from rule_id.models.bundle import Bundle, read_bundle
from rule_id.models.classifiers import CLASSIFIERS, inputs_of, learns_networks
from rule_id.models.combine import (
    combine_layers,
    fit_networks,
    geometric_mean,
    layer_probabilities,
    name_networks,
)
from rule_id.models.combined import COMBINED, TREES_SHARE, CombinedClassifier
from rule_id.models.conformal import calibrate, prediction_set
from rule_id.models.hyperparameters import GRIDS, choose_hyperparameters
from rule_id.models.identification import CAVEATS, Identification, LayerIdentification
from rule_id.models.identify import identify
from rule_id.models.linear import LinearClassifier
from rule_id.models.patterns import PATTERNS, hide, network_ids
from rule_id.models.scores import counted_layers
from rule_id.models.training import train, train_menu
from rule_id.models.watching import Look, Watch, watch

__all__ = [
    "CAVEATS",
    "CLASSIFIERS",
    "COMBINED",
    "GRIDS",
    "PATTERNS",
    "TREES_SHARE",
    "BoostedClassifier",
    "Bundle",
    "CombinedClassifier",
    "Identification",
    "LayerIdentification",
    "LinearClassifier",
    "Look",
    "Watch",
    "calibrate",
    "choose_hyperparameters",
    "combine_layers",
    "counted_layers",
    "fit_networks",
    "geometric_mean",
    "hide",
    "identify",
    "inputs_of",
    "layer_probabilities",
    "learns_networks",
    "name_networks",
    "network_ids",
    "prediction_set",
    "read_bundle",
    "train",
    "train_menu",
    "watch",
]
