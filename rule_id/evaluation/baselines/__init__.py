"""Other people's classifiers, which ours are compared with on the features of the 2020 paper."""

from rule_id.evaluation.baselines.choosing import choose
from rule_id.evaluation.baselines.drawing import MOST_ROWS, draw_networks
from rule_id.evaluation.baselines.table import BASELINES, Baseline

__all__ = ["BASELINES", "MOST_ROWS", "Baseline", "choose", "draw_networks"]
