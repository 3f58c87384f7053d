"""CDISC ADaM: datasets into the tables of a study, and back."""

from trdstats.intake.adam.read import tables_from_adam
from trdstats.intake.adam.study_days import days_since_first, study_days
from trdstats.intake.adam.write import AdamTables, adam_tables

__all__ = ["AdamTables", "adam_tables", "days_since_first", "study_days", "tables_from_adam"]
