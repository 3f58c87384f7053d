"""Exports of REDCap: events and repeating instruments into visits, choices into labels."""

from trdstats.intake.redcap.layout import RedcapLayout
from trdstats.intake.redcap.tables import redcap_tables

__all__ = ["RedcapLayout", "redcap_tables"]
