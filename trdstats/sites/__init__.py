"""Hospitals that may not share rows: what each sends and guards, and what a centre makes of it."""

from trdstats.sites.combined import CombinedSites, combine
from trdstats.sites.files import summarise_files
from trdstats.sites.rounds import (
    Answer,
    Question,
    SiteEstimates,
    answer_sites,
    ask_sites,
    next_round,
    read_round,
)
from trdstats.sites.site_summary import SiteSummary
from trdstats.sites.stored import read_summary
from trdstats.sites.summarise import summarise_site

__all__ = [
    "Answer",
    "CombinedSites",
    "Question",
    "SiteEstimates",
    "SiteSummary",
    "answer_sites",
    "ask_sites",
    "combine",
    "next_round",
    "read_round",
    "read_summary",
    "summarise_files",
    "summarise_site",
]
