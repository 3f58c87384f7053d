"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.aipw import AIPW
from trdstats.comparison.aipw_result import AIPWResult
from trdstats.comparison.matched_estimates import MatchedEstimates
from trdstats.comparison.matching import Matching
from trdstats.comparison.matching_result import MatchingResult
from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.standardisation_result import StandardisationResult

__all__ = [
    "AIPW",
    "AIPWResult",
    "MatchedEstimates",
    "Matching",
    "MatchingResult",
    "Standardisation",
    "StandardisationResult",
]
