"""What was found, as tables, figures and HTML pages."""

from rule_id.reports.design_page import design_page
from rule_id.reports.figures import importance_figure
from rule_id.reports.html import Page
from rule_id.reports.identification_page import identification_page
from rule_id.reports.importance import importance
from rule_id.reports.page import evaluation_page, report

__all__ = [
    "Page",
    "design_page",
    "evaluation_page",
    "identification_page",
    "importance",
    "importance_figure",
    "report",
]
