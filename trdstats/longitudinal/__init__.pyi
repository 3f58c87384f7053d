from .covariances.covariances import Covariance
from .covariances.structures import STRUCTURES, get_covariance
from .gaussian.calibration import Calibration
from .gaussian.lmm import LMM
from .gaussian.lmm_result import LMMResult
from .gaussian.margins import Margins
from .gaussian.mixed.contrasts import Contrasts
from .gaussian.mmrm import MMRM
from .gaussian.mmrm_result import MMRMResult
from .gaussian.normal_fit import NormalFit
from .gaussian.probability_result import ProbabilityResult
from .gaussian.summaries import MMRMSummary
from .gee.dropout_result import DropoutWeightsResult
from .gee.dropout_weights import DropoutWeights
from .gee.gee import GEE
from .gee.gee_margins import GEEMargins
from .gee.gee_result import GEEResult
from .glmm.glmm import GLMM
from .glmm.glmm_margins import GLMMMargins
from .glmm.glmm_result import GLMMResult

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
