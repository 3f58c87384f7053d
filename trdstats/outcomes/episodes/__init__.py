"""Spans of follow-up, several a subject: covariates that change, and events that come again."""

from trdstats.outcomes.episodes.course import InCourse
from trdstats.outcomes.episodes.episodes import Episodes, as_episodes
from trdstats.outcomes.episodes.losses import loss_episodes
from trdstats.outcomes.episodes.start_stop import start_stop

__all__ = ["Episodes", "InCourse", "as_episodes", "loss_episodes", "start_stop"]
