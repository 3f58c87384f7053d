"""The one mechanism of estimates: influence, contrasts, covariance, multiplicity, weights."""

from trdstats.estimates.estimates import Estimates, estimates_of
from trdstats.estimates.joint import joint
from trdstats.estimates.multiplicity import SingleStep, adjust_single_step
from trdstats.estimates.p_value_families import adjust_p_values
from trdstats.estimates.procedures import Graph
from trdstats.estimates.result import EstimateResult

__all__ = [
    "EstimateResult",
    "Estimates",
    "Graph",
    "SingleStep",
    "adjust_p_values",
    "adjust_single_step",
    "estimates_of",
    "joint",
]
