from .combined import CombinedSites, combine
from .files import summarise_files
from .rounds import (
    Answer,
    Question,
    SiteEstimates,
    answer_sites,
    ask_sites,
    next_round,
    read_round,
)
from .site_summary import SiteSummary
from .stored import read_summary
from .summarise import summarise_site

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
