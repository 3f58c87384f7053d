"""A treatment course as a covariate that changes: in it, or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import SpecError, unknown_name
from trdstats.study import Study


@checked
@dataclass(frozen=True, slots=True)
class InCourse:
    """Whether a subject is in a course of a treatment: 1 after its first day up to its last.

    Episodes are spans (start, stop]: a course from day 10 to day 20 is 1 in (10, 20]. A course
    without an end goes on.

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
        end = of_treatment["end"].to_numpy(dtype=float)
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
