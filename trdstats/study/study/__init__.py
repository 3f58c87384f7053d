"""The class `Study`, one idea a file: what it holds, its parts, its rows, and the verbs on it."""

from trdstats.study.study.remembered import better_of, caveat_of, is_of_study, remembering, scale_of
from trdstats.study.study.rows import check_days
from trdstats.study.study.study import Study

__all__ = [
    "Study",
    "better_of",
    "caveat_of",
    "check_days",
    "is_of_study",
    "remembering",
    "scale_of",
]
