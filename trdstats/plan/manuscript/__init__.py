"""The files of a run from which a paper is written: Word document, LaTeX tables, workbook."""

from trdstats.plan.manuscript.write import check_packages, write_manuscript

__all__ = ["check_packages", "write_manuscript"]
