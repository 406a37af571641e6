"""Layers with a leading network axis, and the architectures made of them."""

from rule_id.networks.dense import NONLINEARITIES, Activity, DenseLayer, Network, Parameters, dense
from rule_id.networks.initialisation import BIAS_INITS, INITS, draw_bias, draw_weight
from rule_id.networks.linear_map import linear_map
from rule_id.networks.table import ARCHITECTURES, build_network

__all__ = [
    "ARCHITECTURES",
    "BIAS_INITS",
    "INITS",
    "NONLINEARITIES",
    "Activity",
    "DenseLayer",
    "Network",
    "Parameters",
    "build_network",
    "dense",
    "draw_bias",
    "draw_weight",
    "linear_map",
]
