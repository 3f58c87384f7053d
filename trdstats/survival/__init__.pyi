from .curves.aalen_johansen import AalenJohansen, AalenJohansenResult
from .curves.kaplan_meier import KaplanMeier, KaplanMeierResult
from .curves.landmark import landmark
from .curves.mean_cumulative import MeanCumulative, MeanCumulativeResult
from .curves.origin_sensitivity import OriginSensitivity, impute_origin
from .curves.potential_follow_up import potential_follow_up
from .curves.rmst import RMST, RMSTResult
from .curves.time_lost import TimeLost, TimeLostResult
from .doubly.duration_curve import DurationCurve
from .doubly.duration_curve_result import DurationCurveResult
from .doubly.duration_npmle import DurationNPMLE
from .doubly.duration_npmle_result import DurationNPMLEResult
from .doubly.duration_ph import DurationPH, DurationPHResult
from .doubly.duration_test import DurationTest, DurationTestResult
from .doubly_censored import DoublyCensored
from .extrapolation.extrapolation import Extrapolation
from .extrapolation.extrapolation_result import ExtrapolationResult
from .interval.interval_ph import IntervalPH
from .interval.interval_ph_result import IntervalPHResult
from .interval.turnbull import Turnbull
from .interval.turnbull_result import TurnbullResult
from .parametric.aft import AFT
from .parametric.aft_result import AFTResult
from .parametric.mixture_cure import MixtureCure
from .parametric.mixture_cure_result import MixtureCureResult
from .prediction.dynamic_prediction import DynamicPrediction
from .prediction.prediction_result import DynamicPredictionResult
from .regression.cox import CoxPH
from .regression.cox_curves import MarginalCurves
from .regression.cox_result import CoxResult
from .regression.fine_gray import FineGray, FineGrayResult
from .regression.frailty import SharedFrailty, SharedFrailtyResult
from .regression.joint_frailty import JointFrailty
from .regression.joint_frailty_result import JointFrailtyResult
from .regression.proportional import ProportionalHazardsTest
from .schedule.audit_result import ScheduleAudit
from .schedule.audit_schedule import audit_schedule
from .states.interval_response_state import (
    IntervalResponseState,
    IntervalResponseStateResult,
)
from .states.recurrent_response import RecurrentResponse
from .states.recurrent_result import RecurrentResponseResult
from .states.response_state import ResponseState, ResponseStateResult
from .tests.gray import GrayTest, GrayTestResult
from .tests.interval_log_rank import IntervalLogRank, IntervalLogRankResult
from .tests.log_rank import LogRank, LogRankResult
from .tests.max_combo import MaxCombo, MaxComboResult

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
