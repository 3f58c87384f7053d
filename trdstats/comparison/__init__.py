"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.aipw import AIPW
from trdstats.comparison.aipw_result import AIPWResult
from trdstats.comparison.censoring_result import CensoringWeightsResult
from trdstats.comparison.censoring_weights import CensoringWeights
from trdstats.comparison.ipcw import IPCW
from trdstats.comparison.ipcw_result import IPCWResult
from trdstats.comparison.matched_estimates import MatchedEstimates
from trdstats.comparison.matching import Matching
from trdstats.comparison.matching_result import MatchingResult
from trdstats.comparison.multiply_weights import multiply_weights
from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.standardisation_result import StandardisationResult

__all__ = [
    "AIPW",
    "IPCW",
    "AIPWResult",
    "CensoringWeights",
    "CensoringWeightsResult",
    "IPCWResult",
    "MatchedEstimates",
    "Matching",
    "MatchingResult",
    "Standardisation",
    "StandardisationResult",
    "multiply_weights",
]
