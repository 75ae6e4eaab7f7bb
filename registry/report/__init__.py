"""The report: one HTML file that shows a verdict, what it rests on and what was tried.

May import records and figures, never a family: what a family has to say comes as sections. Begin with `content.py`, then
`page.py`.
"""

from registry.report.content import ReportContent, StepSummary
from registry.report.page import render_report, write_report

__all__ = ["ReportContent", "StepSummary", "render_report", "write_report"]
