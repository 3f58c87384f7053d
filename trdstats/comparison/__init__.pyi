from .adjusted.aipw import AIPW
from .adjusted.aipw_result import AIPWResult
from .adjusted.matched_estimates import MatchedEstimates
from .adjusted.matching import Matching
from .adjusted.matching_result import MatchingResult
from .adjusted.standardisation import Standardisation
from .adjusted.standardisation_result import StandardisationResult
from .adjusted.stratified import compare_strata, stratified_rates
from .adjusted.stratified_result import StratifiedRates
from .censoring.censoring_result import CensoringWeightsResult
from .censoring.censoring_weights import CensoringWeights
from .censoring.ipcw import IPCW
from .censoring.ipcw_result import IPCWResult
from .changing.changing_weights import ChangingWeights, ChangingWeightsResult
from .changing.clone_censor import CloneCensorWeight
from .changing.clone_censor_result import CloneCensorWeightResult
from .changing.decisions import Decisions, decision_intervals
from .changing.sequential_trials import SequentialTrials, SequentialTrialsResult
from .changing.strategies import (
    Continue,
    ContinueUntil,
    Discontinue,
    RuleStrategy,
    TreatmentStrategy,
)
from .cohorts.compare import compare
from .cohorts.comparison_result import Comparison
from .indirect.bucher import Bucher
from .indirect.effect import Effect
from .indirect.effect_rows import read_effect
from .indirect.maic import MAIC
from .indirect.maic_result import MAICResult
from .indirect.meta_analysis import meta_analysis
from .indirect.meta_result import PooledEffect
from .indirect.published_trial import PublishedArm, PublishedTrial
from .indirect.result import IndirectComparison
from .indirect.stc import STC
from .sensitivity.e_values import EValue, e_value
from .sensitivity.negative_controls import NegativeControl, negative_control
from .sensitivity.noninferiority import NoninferiorityTest
from .sensitivity.noninferiority_result import NoninferiorityResult
from .sensitivity.principal_stratum import (
    PrincipalStratumBounds,
    PrincipalStratumResult,
)
from .sensitivity.unmeasured import UnmeasuredConfounder, unmeasured_confounder
from .weighting.propensity import PropensityWeights
from .weighting.propensity_result import PropensityResult
from .weighting.weight_bootstrap import WeightedBootstrapResult

__all__ = [
    "AIPW",
    "IPCW",
    "MAIC",
    "STC",
    "AIPWResult",
    "Bucher",
    "CensoringWeights",
    "CensoringWeightsResult",
    "ChangingWeights",
    "ChangingWeightsResult",
    "CloneCensorWeight",
    "CloneCensorWeightResult",
    "Comparison",
    "Continue",
    "ContinueUntil",
    "Decisions",
    "Discontinue",
    "EValue",
    "Effect",
    "IPCWResult",
    "IndirectComparison",
    "MAICResult",
    "MatchedEstimates",
    "Matching",
    "MatchingResult",
    "NegativeControl",
    "NoninferiorityResult",
    "NoninferiorityTest",
    "PooledEffect",
    "PrincipalStratumBounds",
    "PrincipalStratumResult",
    "PropensityResult",
    "PropensityWeights",
    "PublishedArm",
    "PublishedTrial",
    "RuleStrategy",
    "SequentialTrials",
    "SequentialTrialsResult",
    "Standardisation",
    "StandardisationResult",
    "StratifiedRates",
    "TreatmentStrategy",
    "UnmeasuredConfounder",
    "WeightedBootstrapResult",
    "compare",
    "compare_strata",
    "decision_intervals",
    "e_value",
    "meta_analysis",
    "negative_control",
    "read_effect",
    "stratified_rates",
    "unmeasured_confounder",
]
