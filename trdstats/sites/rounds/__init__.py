"""Regressions over sites that share no rows: the centre asks, the sites answer with sums."""

from trdstats.sites.rounds.answer_sites import answer_sites
from trdstats.sites.rounds.ask_sites import ask_sites, next_round
from trdstats.sites.rounds.messages import Answer, Question, read_round
from trdstats.sites.rounds.results import SiteEstimates

__all__ = [
    "Answer",
    "Question",
    "SiteEstimates",
    "answer_sites",
    "ask_sites",
    "next_round",
    "read_round",
]
