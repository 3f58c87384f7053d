"""The packaged exports: one small clinic as REDCap, SPSS, Stata, Excel, ADaM, ... give it."""

from trdstats.simulate.exports.cohort import ExportCohort, simulate_export_cohort
from trdstats.simulate.exports.write import write_exports

__all__ = ["ExportCohort", "simulate_export_cohort", "write_exports"]
