"""Analyses of one outcome a subject at one time: regressions, ranks and proportions of time."""

from trdstats.endpoint.category_margins import CategoryMargins
from trdstats.endpoint.factorial import Factorial
from trdstats.endpoint.factorial_result import FactorialResult
from trdstats.endpoint.logistic import Logistic
from trdstats.endpoint.logistic_result import LogisticResult
from trdstats.endpoint.margins import EndpointMargins
from trdstats.endpoint.proportional_odds import ProportionalOdds
from trdstats.endpoint.proportional_odds_result import ProportionalOddsResult
from trdstats.endpoint.rank_comparison import RankComparison
from trdstats.endpoint.rank_result import RankResult
from trdstats.endpoint.time_share import TimeShare
from trdstats.endpoint.time_share_result import TimeShareResult

__all__ = [
    "CategoryMargins",
    "EndpointMargins",
    "Factorial",
    "FactorialResult",
    "Logistic",
    "LogisticResult",
    "ProportionalOdds",
    "ProportionalOddsResult",
    "RankComparison",
    "RankResult",
    "TimeShare",
    "TimeShareResult",
]
