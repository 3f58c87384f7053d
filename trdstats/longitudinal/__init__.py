"""Mixed models for repeated measures, marginal means and contrasts."""

from trdstats.longitudinal.gaussian.covariances import STRUCTURES, Covariance, get_covariance
from trdstats.longitudinal.gaussian.lmm import LMM
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.longitudinal.gaussian.margins import Contrasts, Margins
from trdstats.longitudinal.gaussian.mmrm import MMRM
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary

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
