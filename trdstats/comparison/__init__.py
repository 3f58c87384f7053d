"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.aipw import AIPW
from trdstats.comparison.aipw_result import AIPWResult
from trdstats.comparison.bucher import Bucher
from trdstats.comparison.censoring_result import CensoringWeightsResult
from trdstats.comparison.censoring_weights import CensoringWeights
from trdstats.comparison.chain import ChainBootstrap
from trdstats.comparison.compare import compare
from trdstats.comparison.comparison_result import Comparison
from trdstats.comparison.e_values import EValue, e_value
from trdstats.comparison.effects import Effect, read_effect
from trdstats.comparison.families import adjust_p
from trdstats.comparison.indirect import IndirectComparison
from trdstats.comparison.ipcw import IPCW
from trdstats.comparison.ipcw_result import IPCWResult
from trdstats.comparison.maic import MAIC
from trdstats.comparison.maic_result import MAICResult
from trdstats.comparison.margin_result import MarginResult
from trdstats.comparison.margins import Margin
from trdstats.comparison.matched_estimates import MatchedEstimates
from trdstats.comparison.matching import Matching
from trdstats.comparison.matching_result import MatchingResult
from trdstats.comparison.negative_controls import NegativeControl, negative_control
from trdstats.comparison.pool import pool
from trdstats.comparison.pooled_effect import PooledEffect
from trdstats.comparison.propensity import PropensityWeights
from trdstats.comparison.propensity_result import PropensityResult
from trdstats.comparison.published_trial import PublishedArm, PublishedTrial
from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.standardisation_result import StandardisationResult
from trdstats.comparison.stc import STC
from trdstats.comparison.stratified import compare_strata, stratified_rates
from trdstats.comparison.stratified_result import StratifiedRates
from trdstats.comparison.unmeasured import UnmeasuredConfounder, unmeasured_confounder

__all__ = [
    "AIPW",
    "IPCW",
    "MAIC",
    "STC",
    "AIPWResult",
    "Bucher",
    "CensoringWeights",
    "CensoringWeightsResult",
    "ChainBootstrap",
    "Comparison",
    "EValue",
    "Effect",
    "IPCWResult",
    "IndirectComparison",
    "MAICResult",
    "Margin",
    "MarginResult",
    "MatchedEstimates",
    "Matching",
    "MatchingResult",
    "NegativeControl",
    "PooledEffect",
    "PropensityResult",
    "PropensityWeights",
    "PublishedArm",
    "PublishedTrial",
    "Standardisation",
    "StandardisationResult",
    "StratifiedRates",
    "UnmeasuredConfounder",
    "adjust_p",
    "compare",
    "compare_strata",
    "e_value",
    "negative_control",
    "pool",
    "read_effect",
    "stratified_rates",
    "unmeasured_confounder",
]
