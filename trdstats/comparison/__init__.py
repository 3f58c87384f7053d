"""Comparing cohorts that nobody randomised, and treatments that no trial compared."""

from trdstats.comparison.adjusted_means import AdjustedMeansResult
from trdstats.comparison.aipw import AIPW
from trdstats.comparison.bucher import Bucher
from trdstats.comparison.censored_curves import CensoredCurves
from trdstats.comparison.censoring import CensoringWeights, ObservationWeights
from trdstats.comparison.compare import compare
from trdstats.comparison.comparison_result import Comparison
from trdstats.comparison.e_values import EValue, e_value
from trdstats.comparison.effects import Effect, read_effect
from trdstats.comparison.families import adjust_p
from trdstats.comparison.indirect import IndirectComparison
from trdstats.comparison.maic import MAIC
from trdstats.comparison.maic_result import MAICResult
from trdstats.comparison.margin_result import MarginResult
from trdstats.comparison.margins import Margin
from trdstats.comparison.matching import MatchedResult, Matching
from trdstats.comparison.negative_controls import NegativeControl, negative_control
from trdstats.comparison.pool import pool
from trdstats.comparison.pooled_effect import PooledEffect
from trdstats.comparison.propensity import PropensityWeights
from trdstats.comparison.propensity_result import PropensityResult
from trdstats.comparison.published_trial import PublishedArm, PublishedTrial
from trdstats.comparison.standardisation import Standardisation
from trdstats.comparison.stc import STC
from trdstats.comparison.stratified import compare_strata, stratified_rates
from trdstats.comparison.stratified_result import StratifiedRates
from trdstats.comparison.unmeasured import UnmeasuredConfounder, unmeasured_confounder

__all__ = [
    "AIPW",
    "MAIC",
    "STC",
    "AdjustedMeansResult",
    "Bucher",
    "CensoredCurves",
    "CensoringWeights",
    "Comparison",
    "EValue",
    "Effect",
    "IndirectComparison",
    "MAICResult",
    "Margin",
    "MarginResult",
    "MatchedResult",
    "Matching",
    "NegativeControl",
    "ObservationWeights",
    "PooledEffect",
    "PropensityResult",
    "PropensityWeights",
    "PublishedArm",
    "PublishedTrial",
    "Standardisation",
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
