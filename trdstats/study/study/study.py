"""A study: checked tables with their roles, ready for definitions and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.errors import DataWarning, describe_problems, warn
from trdstats.partitions import is_divided
from trdstats.scales import Scale
from trdstats.study.build import Tables, build_tables
from trdstats.study.courses.shown import course_lines
from trdstats.study.roles import Roles, read_roles
from trdstats.study.study.changes import Changes
from trdstats.study.study.in_adam import InAdam
from trdstats.study.study.rated import VisitCounts, count_visits
from trdstats.study.study.rows import VisitRows
from trdstats.study.study.selection import Selection
from trdstats.study.windows import WindowsLike
from trdstats.tables import Summary, SummaryMixin, Table, format_count, format_number


@checked
class Study(SummaryMixin, VisitRows, Selection, Changes, InAdam):
    """Depression scores of patients under one or more treatments.

    Everything is checked once, here: a study that exists can be analysed. All problems of the
    tables are reported together, each with the subject, the row and the remedy.

    Parameters
    ----------
    visits : DataFrame (pandas, polars, pyarrow or dask)
        One row a subject and visit. Of a dask DataFrame the study is a `DividedStudy`.
    subjects : DataFrame, optional
        One row a subject: treatment and covariates. Without it both are taken from `visits`,
        where a column that never changes within a subject describes the subject. A column
        ``treated`` (True / False) tells who began the treatment.
    events : DataFrame, optional
        One row an event: subject, day and ``event``, one of rescue, switch, hospitalisation,
        death, withdrawal, or another word.
    courses : DataFrame, optional
        One row a course of treatment: subject, treatment, ``start`` and, where they are known,
        ``end`` (days), ``kind`` (acute, maintenance, augmentation, concomitant, or another word)
        and others such as doses or numbers of sessions. A course of another treatment than the
        assigned one that begins on day 0 or later is a switch, unless its kind is augmentation or
        concomitant.
    scale : str, Scale or sequence of them
        The instrument; of several, the first is the primary one (see `on`).
    subject, treatment, day : str
        Columns. Days count from first treatment or randomisation (day 0) and may be fractions.
    score : str or dict
        Column of the total score, or ``{scale: column}`` for several scales side by side.
    baseline : str or dict, optional
        Column with each subject's baseline. Default: the last score at day <= 0.
    windows : dict or VisitWindows, optional
        ``{scheduled day: half-width}`` or ``{scheduled day: (earlier, later)}``, such as
        ``{28: (-3, 7)}``, or one such mapping for each treatment. Within a window the closest
        visit counts, of a tie the later one; the actual day is kept. Without windows every day
        is its own scheduled day. `propose_windows` reads some from the days.
    instrument : str, optional
        Column of `visits` that names the scale of each row, when several share one column.
    duplicates : {"first", "last", "worst", "mean"} or dict, optional
        Which of several scores of a subject on one day (and scale) stands for it: the first or
        last row, the worst by the direction of the scale, the mean, or the row of one rater,
        ``{"rater": "R1"}``. What was settled is counted in `notices`. Default: they are refused
        and listed. A row without a score gives way to one that has it.
    randomised : bool, default False
        Whether treatments were allocated at random. Unless they were, every comparison is
        labelled unadjusted.

    Attributes
    ----------
    visits : pandas.DataFrame
        subject, day, visit (scheduled day, NaN when unscheduled or surplus), score, and the
        other columns of the visits; sorted by subject and day.
    subjects : pandas.DataFrame
        subject, treatment, baseline and covariates, sorted by subject.
    events : pandas.DataFrame
        subject, day, event; empty when none were given. Those that follow from the courses are
        among them: switch, augmentation, second course (of the assigned treatment).
    courses : pandas.DataFrame
        subject, treatment, start, end, kind, and the other columns of the courses; sorted by
        subject and start. Empty when none were given. Numbers and categories of these four
        tables cannot be changed in place: change a copy, and make a study of it.
    scale : Scale
        The primary instrument.
    windows : dict of str to VisitWindows, or None
        Schedule of each treatment.
    notices : tuple of Problem
        What limits the analysis without preventing it, and what is good to know; warnings among
        them are also issued as one `DataWarning`.

    Raises
    ------
    DataError
        With every problem of the tables.
    UnknownNameError, SpecError
        When an argument is not usable.

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame({
    ...     "subject": ["A", "A", "B", "B"], "treatment": ["ECT", "ECT", "TMS", "TMS"],
    ...     "day": [0, 7, 0, 7], "score": [30, 15, 32, 20],
    ... })
    >>> study = Study(visits, scale="MADRS")
    >>> study.subjects["baseline"].tolist()
    [30.0, 32.0]
    """

    __slots__ = ()
    _of_partitions: ClassVar[type[Study] | None] = None

    def __new__(cls, visits: object = None, *args: object, **roles: object) -> Study:
        """Return a study; one in partitions where the visits are a dask DataFrame."""
        divided = cls is Study and is_divided(visits)
        return object.__new__(Study._of_partitions or cls if divided else cls)

    def __init_subclass__(cls, *, of_partitions: bool = False) -> None:
        """Take note of the class of studies in partitions, which rests on this one."""
        super().__init_subclass__()
        if of_partitions:
            Study._of_partitions = cls

    def __init__(
        self,
        visits: FrameLike,
        subjects: FrameLike | None = None,
        events: FrameLike | None = None,
        *,
        courses: FrameLike | None = None,
        scale: str | Scale | Sequence[str | Scale],
        subject: str = "subject",
        treatment: str = "treatment",
        day: str = "day",
        score: str | Mapping[str, str] = "score",
        baseline: str | Mapping[str, str] | None = None,
        windows: WindowsLike | None = None,
        instrument: str | None = None,
        duplicates: str | Mapping[str, Level] | None = None,
        randomised: bool = False,
    ) -> None:
        self._roles: Roles = read_roles(
            scale=scale,
            subject=subject,
            treatment=treatment,
            day=day,
            score=score,
            baseline=baseline,
            instrument=instrument,
            duplicates=duplicates,
        )
        self._scale: Scale = self._roles.measures[0].scale
        self._randomised = bool(randomised)
        self._tables: Tables = self._build(visits, subjects, events, courses, windows)
        limits = [p for p in self.notices if p.level == "warning"]
        if limits:
            warn(describe_problems(limits), DataWarning)

    __new__.__wrapped__ = __init__  # type: ignore[attr-defined]  # so that help shows its arguments

    def _build(
        self,
        visits: FrameLike,
        subjects: FrameLike | None,
        events: FrameLike | None,
        courses: FrameLike | None,
        windows: WindowsLike | None,
    ) -> Tables:
        """Check the tables and return them as a study holds them."""
        return build_tables(visits, subjects, events, courses, self._roles, windows)

    @classmethod
    def of_tables(cls, tables: Tables, roles: Roles, scale: Scale, randomised: bool) -> Study:
        """Return a study of tables that were checked before."""
        study = object.__new__(Study)
        study._tables, study._roles = tables, roles
        study._scale, study._randomised = scale, randomised
        return study

    def _among(self, tables: Tables, *, scale: Scale | None = None) -> Study:
        """Return a study of other checked tables."""
        return Study.of_tables(tables, self._roles, scale or self._scale, self._randomised)

    def summary(self) -> Summary:
        """Return what the study holds."""
        counts = self._visit_counts()
        header = [
            (
                "Scale",
                f"{self.scale.label}, {self.scale.span}, "
                f"high is {'good' if self.scale.high_is_good else 'worse'}",
            ),
            ("Subjects", format_count(len(self.subjects))),
            ("Rated visits after baseline", format_count(sum(counts.rated))),
            ("Visits without a score", format_count(counts.unrated)),
            ("Events", format_count(len(self.events))),
            *course_lines(self.courses, self.switches(), self.subjects),
            ("Allocation", "randomised" if self.randomised else "not randomised"),
        ]
        if self.windows is not None:
            header.insert(4, ("Unscheduled or surplus visits", format_count(counts.spare)))
        if len(self.scales) > 1:
            header.insert(
                1, ("Other scales", ", ".join(s for s in self.scales if s != self.scale.label))
            )
        return Summary(
            "Study",
            tuple(header),
            (_arms(self, counts.rated),),
            tuple(f"{p.summary} {p.remedy}" for p in self.notices),
        )

    def _visit_counts(self) -> VisitCounts:
        return count_visits(self)


def _arms(study: Study, rated: Sequence[int]) -> Table:
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    baseline = study.subjects["baseline"].to_numpy()
    rows = []
    for k, name in enumerate(study.treatments):
        in_arm = arm == k
        known = baseline[in_arm & ~np.isnan(baseline)]
        rows.append(
            (
                name,
                format_count(in_arm.sum()),
                format_count(rated[k]),
                format_number(known.mean() if len(known) else np.nan),
                format_number(known.std(ddof=1) if len(known) > 1 else np.nan),
            )
        )
    return Table(("Treatment", "Subjects", "Visits", "Baseline mean", "SD"), tuple(rows))
