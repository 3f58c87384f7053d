"""Hospitals that may not share rows: what each sends and guards, and what a centre makes of it."""

from trdstats.sites.combined import CombinedSites, combine
from trdstats.sites.files import summarise_files
from trdstats.sites.site_summary import SiteSummary, summarise_site
from trdstats.sites.stored import read_summary

__all__ = [
    "CombinedSites",
    "SiteSummary",
    "combine",
    "read_summary",
    "summarise_files",
    "summarise_site",
]
