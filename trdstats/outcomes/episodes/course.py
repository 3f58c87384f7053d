"""A treatment course as a covariate that changes: in it, or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import DataWarning, Problem, SpecError, count_of, unknown_name, warn
from trdstats.study import Study


@checked
@dataclass(frozen=True, slots=True)
class InCourse:
    """Whether a subject is in a course of a treatment: 1 after its first day up to its last.

    Episodes are spans (start, stop]: a course from day 10 to day 20 is 1 in (10, 20]. A course
    without an end goes on, up to the end of the next one of the treatment if there is one.

    Parameters
    ----------
    treatment : str
        As the courses of the study name it, e.g. ``"lithium"``.

    Examples
    --------
    >>> InCourse("lithium").treatment
    'lithium'
    """

    treatment: str

    def changes(self, study: Study) -> pd.DataFrame:
        """Return the days on which it changes: subject, day, value (from after that day on).

        Raises
        ------
        SpecError, UnknownNameError
            When the study has no courses, or none of the treatment.

        Warns
        -----
        DataWarning
            When courses end on the day on which they begin: no time is in them.
        """
        courses = study.courses
        if not len(courses):
            raise SpecError(
                "The study has no courses of treatment: give them with Study(..., courses=...)."
            )
        of_treatment = courses[courses["treatment"].astype(str) == self.treatment]
        if not len(of_treatment):
            raise unknown_name(
                "treatment of a course", self.treatment, courses["treatment"].unique()
            )
        _check_spelling(courses["treatment"].astype(str), self.treatment)
        end = _known_ends(of_treatment)
        _warn_of_one_day(of_treatment, end)
        begins = pd.DataFrame(
            {"subject": of_treatment["subject"], "day": of_treatment["start"], "step": 1}
        )
        ends = pd.DataFrame({"subject": of_treatment["subject"], "day": end, "step": -1})
        steps = pd.concat([begins, ends[np.isfinite(end)]], ignore_index=True)
        # Courses of one treatment may overlap: a subject is in one while the count is above 0.
        daily = steps.groupby(["subject", "day"], observed=True, sort=True)["step"].sum()
        count = daily.groupby(level="subject", observed=True).cumsum()
        frame = count.rename("count").reset_index()
        return pd.DataFrame(
            {"subject": frame["subject"], "day": frame["day"],
             "value": (frame["count"] > 0).astype(float)}
        )  # fmt: skip


def _check_spelling(names: pd.Series[str], treatment: str) -> None:
    """Refuse a treatment that other courses spell otherwise: they would count as without it."""
    folded = names.str.strip().str.casefold() == treatment.strip().casefold()
    other = sorted(set(names[folded]) - {treatment})
    if other:
        raise SpecError(
            f"Courses name {treatment!r} in other ways too: {', '.join(map(repr, other))}. Give "
            "all of them one name, or they count as another treatment."
        )


def _warn_of_one_day(courses: pd.DataFrame, end: FloatArray) -> None:
    """Warn of courses of one day, such as single infusions: (start, end] holds no time."""
    at_once = courses["start"].to_numpy(dtype=float) == end
    if at_once.any():
        name = courses["treatment"].iloc[0]
        many = count_of(int(at_once.sum()), f"course of {name} ends", f"courses of {name} end")
        problem = Problem(
            "course_of_one_day",
            f"{many} on the day of the start: no time counts as in them.",
            tuple(str(s) for s in courses.loc[at_once, "subject"].drop_duplicates()),
            "A course is the time after its first day up to its last. Give as its end the last "
            "day on which it is to count.",
            "warning",
        )
        warn(problem.describe(), DataWarning)


def _known_ends(courses: pd.DataFrame) -> FloatArray:
    """Return the ends of courses of one treatment: an open one ends where the next begins."""
    ordered = courses.sort_values(["subject", "start"], kind="stable")
    following = ordered.groupby("subject", observed=True, sort=False)["start"].shift(-1)
    end = ordered["end"].astype(float).fillna(following)
    return np.asarray(end.reindex(courses.index), dtype=np.float64)
