"""What counts as response, remission, relapse; states by visit, event times, rates."""

from trdstats.outcomes.assess import assess
from trdstats.outcomes.counts import CountComparison, compare_counts
from trdstats.outcomes.derive_history import response_history
from trdstats.outcomes.episodes import (
    Episodes,
    InCourse,
    as_episodes,
    loss_episodes,
    start_stop,
)
from trdstats.outcomes.event_times import EventTimes, as_event_times
from trdstats.outcomes.needed_to_treat import NeededToTreat, number_needed_to_treat
from trdstats.outcomes.rates import rates
from trdstats.outcomes.rates_result import Rates
from trdstats.outcomes.response_history import ResponseHistory, as_history
from trdstats.outcomes.rules.at_days import AtDays, WithoutEvent, remission_at, response_at
from trdstats.outcomes.rules.beside import Items, OnScale, functional_remission
from trdstats.outcomes.rules.change import CGIResponse, Deterioration, ReliableChange
from trdstats.outcomes.rules.definition import AllOf, AnyOf, Complement, Definition
from trdstats.outcomes.rules.failure import FailureIf
from trdstats.outcomes.rules.from_mapping import definition_from_mapping
from trdstats.outcomes.rules.lasting import InResponse, KOfLast
from trdstats.outcomes.rules.onset import Onset
from trdstats.outcomes.rules.published import PublishedDefinition, PublishedDefinitions, definitions
from trdstats.outcomes.rules.relapse import Event, Relapse
from trdstats.outcomes.rules.states import (
    EarlyImprovement,
    LossOfResponse,
    PartialResponse,
    Remission,
    Response,
)
from trdstats.outcomes.rules.sustained import Sustained
from trdstats.outcomes.scores import change_from_baseline, day_by_treatment, mean_scores
from trdstats.outcomes.switching import SwitchCounts
from trdstats.outcomes.time_to import time_to
from trdstats.study import LEFT_FOLLOW_UP

__all__ = [
    "LEFT_FOLLOW_UP",
    "AllOf",
    "AnyOf",
    "AtDays",
    "CGIResponse",
    "Complement",
    "CountComparison",
    "Definition",
    "Deterioration",
    "EarlyImprovement",
    "Episodes",
    "Event",
    "EventTimes",
    "FailureIf",
    "InCourse",
    "InResponse",
    "Items",
    "KOfLast",
    "LossOfResponse",
    "NeededToTreat",
    "OnScale",
    "Onset",
    "PartialResponse",
    "PublishedDefinition",
    "PublishedDefinitions",
    "Rates",
    "Relapse",
    "ReliableChange",
    "Remission",
    "Response",
    "ResponseHistory",
    "Sustained",
    "SwitchCounts",
    "WithoutEvent",
    "as_episodes",
    "as_event_times",
    "as_history",
    "assess",
    "change_from_baseline",
    "compare_counts",
    "day_by_treatment",
    "definition_from_mapping",
    "definitions",
    "functional_remission",
    "loss_episodes",
    "mean_scores",
    "number_needed_to_treat",
    "rates",
    "remission_at",
    "response_at",
    "response_history",
    "start_stop",
    "time_to",
]
