"""Comparing cohorts that were not randomised, and treatments that no trial compared."""

from trdstats.comparison.adjusted.aipw import AIPW
from trdstats.comparison.adjusted.aipw_result import AIPWResult
from trdstats.comparison.adjusted.matched_estimates import MatchedEstimates
from trdstats.comparison.adjusted.matching import Matching
from trdstats.comparison.adjusted.matching_result import MatchingResult
from trdstats.comparison.adjusted.standardisation import Standardisation
from trdstats.comparison.adjusted.standardisation_result import StandardisationResult
from trdstats.comparison.adjusted.stratified import compare_strata, stratified_rates
from trdstats.comparison.adjusted.stratified_result import StratifiedRates
from trdstats.comparison.censoring.censoring_result import CensoringWeightsResult
from trdstats.comparison.censoring.censoring_weights import CensoringWeights
from trdstats.comparison.censoring.ipcw import IPCW
from trdstats.comparison.censoring.ipcw_result import IPCWResult
from trdstats.comparison.changing.changing_weights import ChangingWeights, ChangingWeightsResult
from trdstats.comparison.changing.clone_censor import CloneCensorWeight
from trdstats.comparison.changing.clone_censor_result import CloneCensorWeightResult
from trdstats.comparison.changing.decisions import Decisions, decision_intervals
from trdstats.comparison.changing.sequential_trials import SequentialTrials, SequentialTrialsResult
from trdstats.comparison.changing.strategies import (
    Continue,
    ContinueUntil,
    Discontinue,
    RuleStrategy,
    TreatmentStrategy,
)
from trdstats.comparison.cohorts.compare import compare
from trdstats.comparison.cohorts.comparison_result import Comparison
from trdstats.comparison.indirect.bucher import Bucher
from trdstats.comparison.indirect.effect import Effect
from trdstats.comparison.indirect.effect_rows import read_effect
from trdstats.comparison.indirect.maic import MAIC
from trdstats.comparison.indirect.maic_result import MAICResult
from trdstats.comparison.indirect.meta_analysis import meta_analysis
from trdstats.comparison.indirect.meta_result import PooledEffect
from trdstats.comparison.indirect.published_trial import PublishedArm, PublishedTrial
from trdstats.comparison.indirect.result import IndirectComparison
from trdstats.comparison.indirect.stc import STC
from trdstats.comparison.sensitivity.e_values import EValue, e_value
from trdstats.comparison.sensitivity.negative_controls import NegativeControl, negative_control
from trdstats.comparison.sensitivity.noninferiority import NoninferiorityTest
from trdstats.comparison.sensitivity.noninferiority_result import NoninferiorityResult
from trdstats.comparison.sensitivity.principal_stratum import (
    PrincipalStratumBounds,
    PrincipalStratumResult,
)
from trdstats.comparison.sensitivity.unmeasured import UnmeasuredConfounder, unmeasured_confounder
from trdstats.comparison.weighting.propensity import PropensityWeights
from trdstats.comparison.weighting.propensity_result import PropensityResult
from trdstats.comparison.weighting.weight_bootstrap import WeightedBootstrapResult
from trdstats.estimates.p_value_families import adjust_p_values

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
    "adjust_p_values",
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
