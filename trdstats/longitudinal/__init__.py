"""Mixed models for repeated measures, marginal means and contrasts."""

from trdstats.longitudinal.covariances import STRUCTURES, Covariance, get_covariance
from trdstats.longitudinal.lmm import LMM
from trdstats.longitudinal.lmm_result import LMMResult
from trdstats.longitudinal.margins import Contrasts, Margins
from trdstats.longitudinal.mmrm import MMRM
from trdstats.longitudinal.mmrm_result import MMRMResult
from trdstats.longitudinal.summaries import MMRMSummary

__all__ = [
    "LMM",
    "MMRM",
    "STRUCTURES",
    "Contrasts",
    "Covariance",
    "LMMResult",
    "MMRMResult",
    "MMRMSummary",
    "Margins",
    "get_covariance",
]
