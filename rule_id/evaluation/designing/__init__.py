"""What to record: accuracy over units, checkpoints, noise and observables, and what it costs."""

from rule_id.evaluation.designing.cost import PRICES, read_prices
from rule_id.evaluation.designing.figures import draw_designs
from rule_id.evaluation.designing.files import write_design
from rule_id.evaluation.designing.result import Design
from rule_id.evaluation.designing.runner import design

__all__ = ["PRICES", "Design", "design", "draw_designs", "read_prices", "write_design"]
