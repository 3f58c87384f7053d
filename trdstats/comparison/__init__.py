"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.aipw import AIPW
from trdstats.comparison.aipw_result import AIPWResult
from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.standardisation_result import StandardisationResult

__all__ = ["AIPW", "AIPWResult", "Standardisation", "StandardisationResult"]
