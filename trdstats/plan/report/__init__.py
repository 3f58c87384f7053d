"""One HTML file that opens offline: the findings, each question, and how it was done."""

from trdstats.plan.report.page import build_report

__all__ = ["build_report"]
