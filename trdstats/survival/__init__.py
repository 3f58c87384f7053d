"""Time to response and durability: curves, tests, restricted means."""

from trdstats.survival.aalen_johansen import AalenJohansen, AalenJohansenResult
from trdstats.survival.aft import AFT
from trdstats.survival.aft_result import AFTResult
from trdstats.survival.audit_schedule import audit_schedule
from trdstats.survival.cox import CoxPH
from trdstats.survival.cox_curves import MarginalCurves
from trdstats.survival.cox_result import CoxResult
from trdstats.survival.fine_gray import FineGray, FineGrayResult
from trdstats.survival.gray import GrayTest, GrayTestResult
from trdstats.survival.interval_log_rank import IntervalLogRank, IntervalLogRankResult
from trdstats.survival.interval_ph import IntervalPH
from trdstats.survival.interval_ph_result import IntervalPHResult
from trdstats.survival.interval_response_state import (
    IntervalResponseState,
    IntervalResponseStateResult,
)
from trdstats.survival.kaplan_meier import KaplanMeier, KaplanMeierResult
from trdstats.survival.landmark import landmark
from trdstats.survival.log_rank import LogRank, LogRankResult
from trdstats.survival.max_combo import MaxCombo, MaxComboResult
from trdstats.survival.mixture_cure import MixtureCure
from trdstats.survival.mixture_cure_result import MixtureCureResult
from trdstats.survival.origin import OriginSensitivity, impute_origin
from trdstats.survival.proportional import ProportionalHazardsTest
from trdstats.survival.response_state import ResponseState, ResponseStateResult
from trdstats.survival.rmst import RMST, RMSTResult
from trdstats.survival.schedule_audit import ScheduleAudit
from trdstats.survival.turnbull import Turnbull
from trdstats.survival.turnbull_result import TurnbullResult

__all__ = [
    "AFT",
    "RMST",
    "AFTResult",
    "AalenJohansen",
    "AalenJohansenResult",
    "CoxPH",
    "CoxResult",
    "FineGray",
    "FineGrayResult",
    "GrayTest",
    "GrayTestResult",
    "IntervalLogRank",
    "IntervalLogRankResult",
    "IntervalPH",
    "IntervalPHResult",
    "IntervalResponseState",
    "IntervalResponseStateResult",
    "KaplanMeier",
    "KaplanMeierResult",
    "LogRank",
    "LogRankResult",
    "MarginalCurves",
    "MaxCombo",
    "MaxComboResult",
    "MixtureCure",
    "MixtureCureResult",
    "OriginSensitivity",
    "ProportionalHazardsTest",
    "RMSTResult",
    "ResponseState",
    "ResponseStateResult",
    "ScheduleAudit",
    "Turnbull",
    "TurnbullResult",
    "audit_schedule",
    "impute_origin",
    "landmark",
]
