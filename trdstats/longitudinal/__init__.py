"""Models of repeated measures, marginal means and contrasts."""

from trdstats.longitudinal.covariances.covariances import Covariance
from trdstats.longitudinal.covariances.structures import STRUCTURES, get_covariance
from trdstats.longitudinal.gaussian.calibration import Calibration
from trdstats.longitudinal.gaussian.lmm import LMM
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.longitudinal.gaussian.margins import Margins
from trdstats.longitudinal.gaussian.mixed.contrasts import Contrasts
from trdstats.longitudinal.gaussian.mmrm import MMRM
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.normal_fit import NormalFit
from trdstats.longitudinal.gaussian.probability_result import ProbabilityResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary
from trdstats.longitudinal.gee.dropout_result import DropoutWeightsResult
from trdstats.longitudinal.gee.dropout_weights import DropoutWeights
from trdstats.longitudinal.gee.gee import GEE
from trdstats.longitudinal.gee.gee_margins import GEEMargins
from trdstats.longitudinal.gee.gee_result import GEEResult
from trdstats.longitudinal.glmm.glmm import GLMM
from trdstats.longitudinal.glmm.glmm_margins import GLMMMargins
from trdstats.longitudinal.glmm.glmm_result import GLMMResult

__all__ = [
    "GEE",
    "GLMM",
    "LMM",
    "MMRM",
    "STRUCTURES",
    "Calibration",
    "Contrasts",
    "Covariance",
    "DropoutWeights",
    "DropoutWeightsResult",
    "GEEMargins",
    "GEEResult",
    "GLMMMargins",
    "GLMMResult",
    "LMMResult",
    "MMRMResult",
    "MMRMSummary",
    "Margins",
    "NormalFit",
    "ProbabilityResult",
    "get_covariance",
]
