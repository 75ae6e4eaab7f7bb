from registry.report.content import ReportContent, StepSummary
from registry.report.page import render_report, write_report

__all__ = ["ReportContent", "StepSummary", "render_report", "write_report"]
