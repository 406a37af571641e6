"""Layers with a leading network axis, and the architectures made of them."""

from rule_id.networks.initialisation import BIAS_INITS, INITS, draw_bias, draw_weight
from rule_id.networks.layer import ACTIVATIONS, NORMALISATIONS, Hidden, Layer
from rule_id.networks.linear_map import convolve, linear_map
from rule_id.networks.maps import ConvolutionMap, DenseMap
from rule_id.networks.network import Activity, Network, Parameters
from rule_id.networks.table import (
    ARCHITECTURE_GROUPS,
    ARCHITECTURES,
    Architecture,
    build_network,
    get_architecture,
)

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "ARCHITECTURE_GROUPS",
    "BIAS_INITS",
    "INITS",
    "NORMALISATIONS",
    "Activity",
    "Architecture",
    "ConvolutionMap",
    "DenseMap",
    "Hidden",
    "Layer",
    "Network",
    "Parameters",
    "build_network",
    "convolve",
    "draw_bias",
    "draw_weight",
    "get_architecture",
    "linear_map",
]
