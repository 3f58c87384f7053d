"""Tabular data in: column roles, checks, visit windows, readers, sample studies."""

from trdstats.intake.files import read_table, register_reader
from trdstats.study.caveats import UNADJUSTED
from trdstats.study.divided import DividedStudy
from trdstats.study.load import (
    load_sample,
    sample_exports,
    sample_folder,
    sample_names,
    sample_tables,
    study_files,
    study_from_mapping,
)
from trdstats.study.readers import read_export, read_redcap, read_study
from trdstats.study.review.asked_days import note_asked_day, warn_of_asked_days
from trdstats.study.review.propose_windows import ProposedWindows, propose_windows
from trdstats.study.review.quality import RatingQuality, check_ratings
from trdstats.study.roles import EVENT_KINDS, LEFT_FOLLOW_UP
from trdstats.study.study import Study
from trdstats.study.study.rated import Rated
from trdstats.study.windows import VisitWindows

__all__ = [
    "EVENT_KINDS",
    "LEFT_FOLLOW_UP",
    "UNADJUSTED",
    "DividedStudy",
    "ProposedWindows",
    "Rated",
    "RatingQuality",
    "Study",
    "VisitWindows",
    "check_ratings",
    "load_sample",
    "note_asked_day",
    "propose_windows",
    "read_export",
    "read_redcap",
    "read_study",
    "read_table",
    "register_reader",
    "sample_exports",
    "sample_folder",
    "sample_names",
    "sample_tables",
    "study_files",
    "study_from_mapping",
    "warn_of_asked_days",
]
