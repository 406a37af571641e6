"""What an evaluation found and what classifiers look at, as tables, figures and an HTML page."""

from rule_id.reports.figures import importance_figure
from rule_id.reports.importance import importance
from rule_id.reports.page import report
from rule_id.reports.verdicts import write_verdicts

__all__ = ["importance", "importance_figure", "report", "write_verdicts"]
