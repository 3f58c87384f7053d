"""Time to response and durability: curves, tests, restricted means."""

from trdstats.survival.curves.aalen_johansen import AalenJohansen, AalenJohansenResult
from trdstats.survival.curves.kaplan_meier import KaplanMeier, KaplanMeierResult
from trdstats.survival.curves.landmark import landmark
from trdstats.survival.curves.mean_cumulative import MeanCumulative, MeanCumulativeResult
from trdstats.survival.curves.origin_sensitivity import OriginSensitivity, impute_origin
from trdstats.survival.curves.potential_follow_up import potential_follow_up
from trdstats.survival.curves.rmst import RMST, RMSTResult
from trdstats.survival.curves.time_lost import TimeLost, TimeLostResult
from trdstats.survival.doubly.duration_curve import DurationCurve
from trdstats.survival.doubly.duration_curve_result import DurationCurveResult
from trdstats.survival.doubly.duration_npmle import DurationNPMLE
from trdstats.survival.doubly.duration_npmle_result import DurationNPMLEResult
from trdstats.survival.doubly.duration_ph import DurationPH, DurationPHResult
from trdstats.survival.doubly.duration_test import DurationTest, DurationTestResult
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.extrapolation.extrapolation import Extrapolation
from trdstats.survival.extrapolation.extrapolation_result import ExtrapolationResult
from trdstats.survival.interval.interval_ph import IntervalPH
from trdstats.survival.interval.interval_ph_result import IntervalPHResult
from trdstats.survival.interval.turnbull import Turnbull
from trdstats.survival.interval.turnbull_result import TurnbullResult
from trdstats.survival.parametric.aft import AFT
from trdstats.survival.parametric.aft_result import AFTResult
from trdstats.survival.parametric.mixture_cure import MixtureCure
from trdstats.survival.parametric.mixture_cure_result import MixtureCureResult
from trdstats.survival.prediction.dynamic_prediction import DynamicPrediction
from trdstats.survival.prediction.prediction_result import DynamicPredictionResult
from trdstats.survival.regression.cox import CoxPH
from trdstats.survival.regression.cox_curves import MarginalCurves
from trdstats.survival.regression.cox_result import CoxResult
from trdstats.survival.regression.fine_gray import FineGray, FineGrayResult
from trdstats.survival.regression.frailty import SharedFrailty, SharedFrailtyResult
from trdstats.survival.regression.joint_frailty import JointFrailty
from trdstats.survival.regression.joint_frailty_result import JointFrailtyResult
from trdstats.survival.regression.proportional import ProportionalHazardsTest
from trdstats.survival.schedule.audit_result import ScheduleAudit
from trdstats.survival.schedule.audit_schedule import audit_schedule
from trdstats.survival.states.interval_response_state import (
    IntervalResponseState,
    IntervalResponseStateResult,
)
from trdstats.survival.states.recurrent_response import RecurrentResponse
from trdstats.survival.states.recurrent_result import RecurrentResponseResult
from trdstats.survival.states.response_state import ResponseState, ResponseStateResult
from trdstats.survival.tests.gray import GrayTest, GrayTestResult
from trdstats.survival.tests.interval_log_rank import IntervalLogRank, IntervalLogRankResult
from trdstats.survival.tests.log_rank import LogRank, LogRankResult
from trdstats.survival.tests.max_combo import MaxCombo, MaxComboResult

__all__ = [
    "AFT",
    "RMST",
    "AFTResult",
    "AalenJohansen",
    "AalenJohansenResult",
    "CoxPH",
    "CoxResult",
    "DoublyCensored",
    "DurationCurve",
    "DurationCurveResult",
    "DurationNPMLE",
    "DurationNPMLEResult",
    "DurationPH",
    "DurationPHResult",
    "DurationTest",
    "DurationTestResult",
    "DynamicPrediction",
    "DynamicPredictionResult",
    "Extrapolation",
    "ExtrapolationResult",
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
    "JointFrailty",
    "JointFrailtyResult",
    "KaplanMeier",
    "KaplanMeierResult",
    "LogRank",
    "LogRankResult",
    "MarginalCurves",
    "MaxCombo",
    "MaxComboResult",
    "MeanCumulative",
    "MeanCumulativeResult",
    "MixtureCure",
    "MixtureCureResult",
    "OriginSensitivity",
    "ProportionalHazardsTest",
    "RMSTResult",
    "RecurrentResponse",
    "RecurrentResponseResult",
    "ResponseState",
    "ResponseStateResult",
    "ScheduleAudit",
    "SharedFrailty",
    "SharedFrailtyResult",
    "TimeLost",
    "TimeLostResult",
    "Turnbull",
    "TurnbullResult",
    "audit_schedule",
    "impute_origin",
    "landmark",
    "potential_follow_up",
]
