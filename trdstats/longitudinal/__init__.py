"""Mixed models for repeated measures, marginal means and contrasts."""

from trdstats.longitudinal.covariances import STRUCTURES, Covariance, get_covariance
from trdstats.longitudinal.margins import Contrasts, Margins
from trdstats.longitudinal.mmrm import MMRM
from trdstats.longitudinal.result import MMRMResult

__all__ = [
    "MMRM",
    "STRUCTURES",
    "Contrasts",
    "Covariance",
    "MMRMResult",
    "Margins",
    "get_covariance",
]
