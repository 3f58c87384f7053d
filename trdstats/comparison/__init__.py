"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.standardisation_result import StandardisationResult

__all__ = ["Standardisation", "StandardisationResult"]
