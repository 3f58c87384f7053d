"""Who was studied: flow, baseline characteristics, events."""

from trdstats.participants.baseline_table import BaselineTable, baseline_table
from trdstats.participants.event_counts import EventCounts, count_events
from trdstats.participants.flow import ParticipantFlow, participant_flow

__all__ = [
    "BaselineTable",
    "EventCounts",
    "ParticipantFlow",
    "baseline_table",
    "count_events",
    "participant_flow",
]
