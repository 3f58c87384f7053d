"""Time to response and durability: curves, tests, restricted means."""

from trdstats.survival.aalen_johansen import AalenJohansen, AalenJohansenResult
from trdstats.survival.aft import AFT
from trdstats.survival.aft_result import AFTResult
from trdstats.survival.interval_log_rank import IntervalLogRank, IntervalLogRankResult
from trdstats.survival.interval_ph import IntervalPH
from trdstats.survival.interval_ph_result import IntervalPHResult
from trdstats.survival.kaplan_meier import KaplanMeier, KaplanMeierResult
from trdstats.survival.log_rank import LogRank, LogRankResult
from trdstats.survival.max_combo import MaxCombo, MaxComboResult
from trdstats.survival.mixture_cure import MixtureCure
from trdstats.survival.mixture_cure_result import MixtureCureResult
from trdstats.survival.origin import OriginSensitivity, impute_origin
from trdstats.survival.rmst import RMST, RMSTResult
from trdstats.survival.turnbull import Turnbull
from trdstats.survival.turnbull_result import TurnbullResult

__all__ = [
    "AFT",
    "RMST",
    "AFTResult",
    "AalenJohansen",
    "AalenJohansenResult",
    "IntervalLogRank",
    "IntervalLogRankResult",
    "IntervalPH",
    "IntervalPHResult",
    "KaplanMeier",
    "KaplanMeierResult",
    "LogRank",
    "LogRankResult",
    "MaxCombo",
    "MaxComboResult",
    "MixtureCure",
    "MixtureCureResult",
    "OriginSensitivity",
    "RMSTResult",
    "Turnbull",
    "TurnbullResult",
    "impute_origin",
]
