"""What counts as response, remission, relapse; states by visit, event times, rates."""

from trdstats.outcomes.assess import assess
from trdstats.outcomes.counts import CountComparison, compare_counts
from trdstats.outcomes.definition import AllOf, AnyOf, Definition
from trdstats.outcomes.event_times import EventTimes, as_event_times
from trdstats.outcomes.rates import rates
from trdstats.outcomes.rates_result import Rates
from trdstats.outcomes.relapse import Relapse
from trdstats.outcomes.scores import changes, day_by_treatment, mean_scores
from trdstats.outcomes.states import (
    EarlyImprovement,
    LossOfResponse,
    PartialResponse,
    Remission,
    Response,
)
from trdstats.outcomes.sustained import Sustained
from trdstats.outcomes.time_to import LEFT_FOLLOW_UP, time_to

__all__ = [
    "LEFT_FOLLOW_UP",
    "AllOf",
    "AnyOf",
    "CountComparison",
    "Definition",
    "EarlyImprovement",
    "EventTimes",
    "LossOfResponse",
    "PartialResponse",
    "Rates",
    "Relapse",
    "Remission",
    "Response",
    "Sustained",
    "as_event_times",
    "assess",
    "changes",
    "compare_counts",
    "day_by_treatment",
    "mean_scores",
    "rates",
    "time_to",
]
