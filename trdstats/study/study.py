"""A study: checked tables with their roles, ready for definitions and models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.aliases import FrameLike, SubjectsLike, TableLike
from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import (
    DataWarning,
    NotEstimableError,
    Problem,
    SpecError,
    by_level,
    describe_problems,
    pick_levels,
    unknown_day,
    unknown_name,
)
from trdstats.intake.adam import AdamTables, adam_tables, tables_from_adam
from trdstats.partitions import is_divided
from trdstats.scales import Scale, get_scale, scale_names
from trdstats.study.build import Tables, Whole, build_tables
from trdstats.study.caveats import UNADJUSTED
from trdstats.study.completed import complete
from trdstats.study.courses.changes import SWITCH_KINDS, days_of_change, first_switches
from trdstats.study.courses.shown import course_lines
from trdstats.study.masks import read_mask
from trdstats.study.panels import Panel
from trdstats.study.plausibility.scheduled import no_ratings
from trdstats.study.rated import (
    Rated,
    RecordedBeside,
    VisitCounts,
    count_visits,
    days_of_ratings,
    days_stood_for,
    long_rows,
    rate_visits,
)
from trdstats.study.roles import Roles, read_roles
from trdstats.study.timing import OF_WINDOWS, check_windows
from trdstats.study.variants import (
    BaselineRule,
    baseline_by,
    keep_scheduled,
    narrow,
    reschedule,
    thin,
)
from trdstats.study.windows import VisitWindows, WindowsLike, read_windows
from trdstats.tables import Summary, SummaryMixin, Table, format_count, format_number

T = TypeVar("T")
A = TypeVar("A", bound=np.generic)

_CAVEAT = "trdstats.caveat"  # attribute of frames that come from a study
_BETTER = "trdstats.better"
_SCALE = "trdstats.scale"


@checked
class Study(SummaryMixin):
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
        subject and start. Empty when none were given.
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

    __slots__ = ("_randomised", "_roles", "_scale", "_tables")
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
            warnings.warn(describe_problems(limits), DataWarning, stacklevel=2)

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
    def from_adam(
        cls,
        adsl: TableLike,
        adqs: TableLike,
        adtte: TableLike | None = None,
        *,
        scales: Mapping[str, str | Scale] | None = None,
        treatment: Literal["planned", "actual"] = "planned",
        population: str | None = None,
        analysis_flag: str | None = "ANL01FL",
        derived: Sequence[str] = (),
        visit_days: Mapping[str, float] | Mapping[float, float] | None = None,
        events: Mapping[str, str] | None = None,
        **roles: Any,
    ) -> Study:
        """Return the study in datasets of CDISC ADaM.

        Parameters
        ----------
        adsl, adqs, adtte : DataFrame, str or Path
            Subjects; scores in the basic data structure, one record a subject, PARAMCD and
            visit; times to events. Files as in `read_file`.
        scales : dict of PARAMCD to scale, optional
            Which parameters are totals of which scale, the primary one first. Default: those
            whose PARAMCD or PARAM is the name of a scale, by PARAMN.
        treatment : {"planned", "actual"}
            TRT01P or TRT01A of ADSL; without them TRTP or TRTA of the records.
        population : str, optional
            Flag of ADSL that must be Y, such as ``"ITTFL"``. Default: all subjects.
        analysis_flag : str or None, default "ANL01FL"
            Flag of the records that count. Baseline records (ABLFL) always count; where there
            is no ANL01FL all do.
        derived : sequence of str
            Kinds of derived records (DTYPE, such as ``"LOCF"``) to keep. Default: none, for they
            are no observations.
        visit_days : dict of AVISIT or AVISITN to day, optional
            Days since first treatment, from which windows are made. Default: AWTARGET, AWLO and
            AWHI, else names of AVISIT that say their day.
        events : dict of PARAMCD to event, optional
            Which parameters of ADTTE are events, and what they are called. Default: all, by
            EVNTDESC or PARAM. Records with CNSR 0 are events; censored ones are counted.
        **roles
            windows, randomised and the other arguments of `Study`, in place of what the
            datasets say. Default of `randomised`: whether RANDFL is Y for all.

        Returns
        -------
        Study
            Days since first treatment are ADY - 1 from study day 1 on and ADY before: CDISC has
            no day 0. Baselines are those of BASE or ABLFL. What was left out is among `notices`.

        Raises
        ------
        DataError
            With what is wrong with the datasets: ADY 0, several BASE of a subject, ...
        UnknownNameError
            When something named is not there.

        References
        ----------
        CDISC Analysis Data Model Implementation Guide, version 1.3 (2021), sections 3.2 and 3.3.

        Examples
        --------
        >>> from trdstats.study import load_sample
        >>> adsl, adqs, adtte = load_sample("trial").to_adam()
        >>> Study.from_adam(adsl, adqs, adtte).treatments
        ('TMS', 'ECT', 'IV ketamine')
        """
        tables = tables_from_adam(
            adsl, adqs, adtte, scales=scales, treatment=treatment, population=population,
            analysis_flag=analysis_flag, derived=derived, visit_days=visit_days, events=events,
        )  # fmt: skip
        limits = [p for p in tables.notices if p.level == "warning"]
        if limits:
            warnings.warn(describe_problems(limits), DataWarning, stacklevel=2)
        study = cls(tables.visits, tables.subjects, tables.events, **{**tables.roles, **roles})
        return study.noting(tables.notices)

    def to_adam(self) -> AdamTables:
        """Return the study as datasets of CDISC ADaM: `from_adam` reads them back.

        Returns
        -------
        AdamTables
            ADSL, ADQS and, where there are events, ADTTE. Study days follow CDISC: first
            treatment is day 1 and the day before it -1; parts of days stand beside them in ARELTM.
            ANL01FL is Y for all records, ANL02FL for those that stand for a scheduled visit.
            Windows in which no subject was assessed are not part of the datasets.

        Raises
        ------
        SpecError
            When a column has the name of a variable of ADaM.

        Examples
        --------
        >>> from trdstats.study import load_sample
        >>> int(load_sample("trial").to_adam().adqs["ADY"].min())
        -7
        """
        panels = self._tables.panels
        return adam_tables(
            self.subjects,
            {label: panel.visits for label, panel in panels.items()},
            {label: panel.baseline for label, panel in panels.items()},
            self.events,
            None if self.windows is None else {k: w.spans() for k, w in self.windows.items()},
            randomised=self.randomised,
        )

    @property
    def visits(self) -> pd.DataFrame:
        """Visits of the scale in use, sorted by subject and day."""
        return _view(self._tables.panels[self._scale.label].visits)

    @property
    def subjects(self) -> pd.DataFrame:
        """One row a subject: subject, treatment, baseline, covariates."""
        return _view(self._tables.subjects)

    @property
    def events(self) -> pd.DataFrame:
        """Events: subject, day, event; those that follow from the courses among them."""
        return _view(self._tables.events)

    @property
    def courses(self) -> pd.DataFrame:
        """Courses of treatment: subject, treatment, start, end, kind, other columns."""
        return _view(self._tables.courses)

    @property
    def scale(self) -> Scale:
        """The scale in use."""
        return self._scale

    @property
    def windows(self) -> dict[str, VisitWindows] | None:
        """Schedule of each treatment, None when every day is its own."""
        return self._tables.windows

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What limits the analysis, and what is good to know."""
        return self._tables.notices

    @property
    def randomised(self) -> bool:
        """Whether treatments were allocated at random."""
        return self._randomised

    @property
    def caveat(self) -> str:
        """What every comparison of the treatments must say; empty when randomised."""
        return "" if self._randomised or len(self.treatments) < 2 else UNADJUSTED

    @property
    def has_given_baseline(self) -> bool:
        """Whether the baselines were given in a column instead of taken from the visits."""
        return any(m.baseline is not None for m in self._roles.measures if m.scale == self._scale)

    @property
    def scales(self) -> tuple[str, ...]:
        """Labels of all scales of the study, the primary one first."""
        return tuple(self._tables.panels)

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.subjects["treatment"].cat.categories)

    @property
    def records_switches(self) -> bool:
        """Whether the study would know of a switch: it has courses, or events that name one."""
        tables = self._tables
        return len(tables.courses) > 0 or bool(tables.events["event"].isin(SWITCH_KINDS).any())

    @property
    def kinds_of_events(self) -> tuple[str, ...]:
        """Kinds of events that the study has."""
        whole = self._tables.whole
        kinds = self._tables.events["event"].tolist() if whole is None else whole.kinds
        return tuple(dict.fromkeys(kinds))

    def on_parts(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of each part of the study: `self` is the only one.

        Of a `DividedStudy` every part is a study of some of the subjects, with all their visits.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments.
        *arguments : object
        """
        return [work(self, *arguments)]

    def in_order(self, parts: Sequence[npt.NDArray[A]]) -> npt.NDArray[A]:
        """Return arrays of the parts, one entry a subject, as one in the order of `subjects`.

        Parameters
        ----------
        parts : sequence of ndarray
            As `on_parts` returns them.
        """
        return parts[0]

    def places_of_parts(self) -> list[IntArray]:
        """Return for each part the places of its subjects in `subjects`."""
        return [np.arange(len(self._tables.subjects))]

    def gathered(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of all parts, in the order of `subjects`.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame with the column subject as a
            category, sorted by it.
        *arguments : object
        """
        return work(self, *arguments)

    def rows_of_parts(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of each part, those of the parts one below another.

        Of a `DividedStudy` they are a dask DataFrame: rows of visits are not gathered.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame.
        *arguments : object
        """
        return work(self, *arguments)

    @property
    def is_divided(self) -> bool:
        """Whether the visits stand in partitions, as those of a `DividedStudy`."""
        return False

    def panels(self) -> dict[str, Panel]:
        """Return visits and baselines by scale."""
        return dict(self._tables.panels)

    def as_part_of(self, whole: Whole) -> Study:
        """Return the same study as a part of one that says more: see `Whole`."""
        return self._with(whole=whole)

    def check_rows(self, what: str) -> None:
        """Refuse to gather rows of more visits than are to be in memory; here they are there.

        Parameters
        ----------
        what : str
            What would be gathered.
        """

    def switches(self) -> pd.DataFrame:
        """Return the first switch of each subject that has one.

        Returns
        -------
        pandas.DataFrame
            subject, from (the assigned treatment), to (missing where no course says it), day,
            event ("switch", or "rescue" where an event says so).

        Examples
        --------
        >>> visits = pd.DataFrame({"subject": ["A", "B"], "treatment": ["ECT", "TMS"], "day": 0,
        ...                        "score": 30})
        >>> courses = pd.DataFrame({"subject": ["A", "B", "B"], "treatment": ["ECT", "TMS", "ECT"],
        ...                         "start": [0, 0, 28]})
        >>> Study(visits, courses=courses, scale="MADRS").switches().values.tolist()
        [['B', 'TMS', 'ECT', 28.0, 'switch']]
        """
        return first_switches(self._tables.events, self._tables.courses, self.subjects)

    def course_days(self) -> pd.DataFrame:
        """Return the days on which the treatment of each subject changed.

        Returns
        -------
        pandas.DataFrame
            One row a subject: subject, treatment, switch, augmentation, second_course (of the
            assigned treatment, maintenance apart), end_of_first_course. Days since first
            treatment; NaN where it did not happen or is not recorded.
        """
        return days_of_change(self._tables.events, self._tables.courses, self.subjects)

    def on(self, scale: str | Scale) -> Study:
        """Return the same study seen on another of its scales.

        Raises
        ------
        UnknownNameError
            When the study has no such scale.
        """
        label = get_scale(scale).label
        if label not in self._tables.panels:
            raise unknown_name("scale of this study", label, self.scales)
        panel = self._tables.panels[label]
        other = next(m.scale for m in self._roles.measures if m.scale.label == label)
        return self._with(scale=other, subjects=self.subjects.assign(baseline=panel.baseline))

    def with_baseline(self, rule: BaselineRule) -> Study:
        """Return the same study with baselines taken by another rule from its visits.

        Parameters
        ----------
        rule : {"last", "first", "mean", "worst"}
            Which of the scores at day 0 or before; "worst" is the highest, or the lowest where
            high is good.

        Raises
        ------
        SpecError
            When the rule is not known.
        """
        values = baseline_by(self.visits, len(self.subjects), rule, self.scale)
        return self._with(subjects=self.subjects.assign(baseline=values))

    def with_windows(self, windows: WindowsLike | None) -> Study:
        """Return the same study with other visit windows, given as to `Study`.

        Raises
        ------
        SpecError, UnknownNameError
            When the windows are not usable.

        Notes
        -----
        What `notices` say of the windows is what holds of the new ones; it is not issued again.
        """
        schedule = read_windows(windows, list(self.treatments))
        treatment = self.subjects["treatment"]
        panels = {
            label: replace(panel, visits=reschedule(panel.visits, treatment, schedule))
            for label, panel in self._tables.panels.items()
        }
        primary = panels[self.scales[0]].visits
        fresh = check_windows(primary, self.subjects, schedule)
        notices = tuple(p for p in self.notices if p.kind not in OF_WINDOWS)
        notices += (fresh,) if fresh is not None else ()
        return self._with(panels=panels, windows=schedule, notices=notices)

    def only(self, treatments: Sequence[Level]) -> Study:
        """Return the study of some of its treatments.

        Raises
        ------
        UnknownNameError
            When a treatment is not there.
        """
        kept = pick_levels("treatment", treatments, self.treatments)
        is_kept = self.subjects["treatment"].isin(kept).to_numpy()
        return self._narrow(is_kept, kept)

    def keep(self, subjects: SubjectsLike) -> Study:
        """Return the study of some of its subjects; treatments that lose all of them go.

        Parameters
        ----------
        subjects : sequence, or Series of bool
            Identifiers; what is named twice counts once. Or a mask, whose index is that of
            `subjects` or holds the identifiers, such as ``study.subjects["age"] > 40``.

        Raises
        ------
        UnknownNameError
            When there is no such subject.
        NotEstimableError
            When no subject is named.
        SpecError
            When a mask does not say of every subject whether it stays.
        """
        known = self.subjects["subject"]
        subjects = read_mask(self.subjects, subjects)
        wanted = pd.Series(list(subjects), dtype=object)
        strange = wanted[~wanted.isin(known)]
        if len(strange):
            raise unknown_name("subject", strange.iloc[0], known)
        if not len(wanted):
            raise NotEstimableError("No subject is named: there is nothing to analyse.")
        is_kept = known.isin(wanted).to_numpy()
        present = set(self.subjects.loc[is_kept, "treatment"])
        kept = [t for t in self.treatments if t in present]
        return self._narrow(is_kept, kept)

    def _narrow(self, kept: BoolArray, treatments: list[str]) -> Study:
        """Return the study of the subjects that are marked."""
        return self._among(narrow(self._tables, kept, treatments))

    def thinned(self, days: Sequence[float]) -> Study:
        """Return the same study as if it had been rated on fewer days.

        Parameters
        ----------
        days : sequence of float
            Days above 0. Of a subject's rated visits after one day and up to the next, the last
            stays; visits at day 0 or before stay, those after the last day go.

        Raises
        ------
        SpecError
            When a day is not above 0.
        """
        grid = np.unique(np.asarray(days, dtype=float))
        if not len(grid) or not (grid > 0).all() or not np.isfinite(grid).all():
            raise SpecError(f"days must be one or more days above 0; got {list(days)!r}.")
        panels = {
            label: replace(panel, visits=thin(panel.visits, grid))
            for label, panel in self._tables.panels.items()
        }
        return self._with(panels=panels)

    def only_visits(self, days: Mapping[str, Sequence[float]]) -> Study:
        """Return the same study as if only some of its visits had been scheduled.

        Parameters
        ----------
        days : mapping of treatment to sequence of float
            Scheduled days above 0 that stay. Visits at day 0 or before stay; other scheduled
            visits go, and unscheduled ones with them. Treatments not named keep all visits.

        Raises
        ------
        SpecError
            When a treatment is named without a day.
        UnknownNameError
            When a treatment is not there, or a day is not one of its scheduled days.
        """
        kept, treatment = {}, self.subjects["treatment"]
        windows = dict(self.windows) if self.windows is not None else None
        for name, days_of_arm in by_level("treatment", days, self.treatments).items():
            kept[name] = np.unique(np.asarray(days_of_arm, dtype=float))
            known = self._scheduled(name)
            if not len(kept[name]):
                raise SpecError(f"days must hold one or more scheduled days of {name!r}.")
            for day in kept[name]:
                if day not in known:
                    raise unknown_day(float(day), known)
            if windows is not None:
                windows[name] = windows[name].only(kept[name])
        panels = {
            label: replace(panel, visits=keep_scheduled(panel.visits, treatment, kept))
            for label, panel in self._tables.panels.items()
        }
        return self._with(panels=panels, windows=windows)

    def _scheduled(self, treatment: str) -> list[float]:
        """Return the scheduled days of a treatment above 0, attended or not."""
        if self.windows is not None:
            return [d for d in self.windows[treatment].days if d > 0]
        in_arm = (self.subjects["treatment"] == treatment).to_numpy()
        visits = self.visits[in_arm[self.visits["subject"].cat.codes.to_numpy()]]
        return sorted(set(visits.loc[visits["day"] > 0, "day"]))

    @property
    def baseline_column(self) -> str | None:
        """Column of the subjects that holds the baselines of the scale again, as it was given.

        None where baselines are the last scores at day 0 or before.
        """
        columns = {m.scale.label: m.baseline for m in self._roles.measures}
        return columns.get(self._scale.label)

    @property
    def decided_events(self) -> tuple[str, ...]:
        """Kinds of events whose consequences the scores hold already: an estimand was applied."""
        return self._tables.decided_events

    def with_scores(self, scores: pd.DataFrame, *, decided: Sequence[str] = ()) -> Study:
        """Return the same study with other scores at its scheduled visits, such as imputed ones.

        Parameters
        ----------
        scores : pandas.DataFrame
            subject, visit (scheduled day above 0), score; they need be neither whole numbers nor
            within the range of the scale. A visit that was not attended takes place on its
            scheduled day; visits after baseline that are not named are no part of the study.
        decided : sequence of str
            Kinds of events whose strategy these scores follow: nothing more is done after them.

        Raises
        ------
        UnknownNameError
            When a subject is not known.
        """
        subjects = pd.Index(self.subjects["subject"])
        code = subjects.get_indexer(pd.Index(scores["subject"]))
        if (code < 0).any():
            raise unknown_name("subject", scores["subject"].iloc[int(np.argmin(code))], subjects)
        panel = self._tables.panels[self._scale.label]
        table = scores[["visit", "score"]].assign(subject=code)
        visits = complete(panel.visits, table)
        panels = {**self._tables.panels, self._scale.label: replace(panel, visits=visits)}
        events = tuple(dict.fromkeys((*self.decided_events, *decided)))
        return self._with(panels=panels, decided_events=events)

    def noting(self, notices: Sequence[Problem]) -> Study:
        """Return the same study with what was found out before it was built, said first.

        Parameters
        ----------
        notices : sequence of Problem
            Warnings and notes, such as how its files were read.
        """
        return self._with(notices=(*notices, *self.notices))

    def _with(self, *, scale: Scale | None = None, **tables: Any) -> Study:
        """Return a study that differs in some of its checked tables."""
        return self._among(replace(self._tables, **tables), scale=scale)

    def _among(self, tables: Tables, *, scale: Scale | None = None) -> Study:
        """Return a study of other checked tables."""
        return Study.of_tables(tables, self._roles, scale or self._scale, self._randomised)

    @classmethod
    def of_tables(cls, tables: Tables, roles: Roles, scale: Scale, randomised: bool) -> Study:
        """Return a study of tables that were checked before."""
        study = object.__new__(Study)
        study._tables, study._roles = tables, roles
        study._scale, study._randomised = scale, randomised
        return study

    def rated(self) -> Rated:
        """Return the rated visits after baseline as arrays, with where they stand."""
        rated = rate_visits(self.visits, self.subjects, self.windows, self.scale)
        return Rated(replace(rated.arrays, beside=RecordedBeside(self)), rated.row)

    def schedule_end(self, by: FloatArray | None = None) -> FloatArray:
        """Return, for each subject, the day from which a visit counts as the last scheduled.

        Parameters
        ----------
        by : ndarray, shape (n_subjects,), optional
            Day on which follow-up ends for each subject: only visits due by then are scheduled.
            NaN, and the default: the whole schedule.

        Returns
        -------
        ndarray, shape (n_subjects,)
            With windows the first day of the last one, or of the last that has opened by the
            given day; else the last day, up to the given one, on which any subject under the same
            treatment was assessed.
        """
        arm = self.subjects["treatment"].cat.codes.to_numpy()
        limit = np.full(len(arm), np.inf) if by is None else np.where(np.isnan(by), np.inf, by)
        rated = {} if self.windows is not None else self.rated_days()
        end = np.full(len(arm), -np.inf)
        for k, name in enumerate(self.treatments):
            in_arm = arm == k
            if self.windows is not None:
                end[in_arm] = self.windows[name].due_opens(limit[in_arm])
            else:
                days = np.append(-np.inf, rated[name])
                end[in_arm] = days[np.searchsorted(days, limit[in_arm], side="right") - 1]
        return end

    def rated_days(self) -> dict[str, FloatArray]:
        """Return the distinct days above 0 of rated visits, by treatment."""
        if self._tables.whole is not None:
            return self._tables.whole.rated_days[self._scale.label]
        return days_of_ratings(self)

    def scheduled_days(
        self, treatments: Sequence[str] | None = None, *, rated: bool = False
    ) -> list[float]:
        """Return the scheduled days above 0 that some visit stands for, increasing.

        Parameters
        ----------
        treatments : sequence of str, optional
            Default: all.
        rated : bool, default False
            Whether only visits with a score count.
        """
        names = self.treatments if treatments is None else tuple(treatments)
        return sorted(set().union(*self.on_parts(days_stood_for, names, rated)))

    def longitudinal(self, days: Sequence[float] | None = None) -> pd.DataFrame:
        """Return scheduled visits after baseline with their change, one row a visit.

        Parameters
        ----------
        days : sequence of float, optional
            Scheduled days to keep. Default: all.

        Returns
        -------
        pandas.DataFrame
            subject, treatment, day (actual), visit (scheduled), score, baseline, change
            (negative is improvement, positive where high is good), other columns of the
            visits, covariates. Unscheduled visits are not part of it; unrated visits keep a NaN
            score. The frame remembers, in ``attrs``, that treatments were not randomised,
            which scores are better and the scale.

        Raises
        ------
        UnknownNameError
            When a day is not scheduled.
        """
        if days is not None:
            check_days(self, days)
        frame = self.gathered(long_rows, days)
        if self.caveat:
            frame.attrs[_CAVEAT] = self.caveat
        frame.attrs[_BETTER] = self.scale.better
        if self.scale.label in scale_names() and get_scale(self.scale.label) == self.scale:
            frame.attrs[_SCALE] = self.scale.label
        return frame

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


def check_days(study: Study, days: Sequence[float]) -> None:
    """Raise `UnknownNameError` unless some visit stands for each of the days."""
    scheduled = study.scheduled_days()
    for d in days:
        if d not in scheduled:
            raise no_ratings(study, d)


def caveat_of(data: Any) -> str:
    """Return what comparisons of the treatments of a study, or a frame made of one, must say."""
    if isinstance(data, Study):
        return data.caveat
    return str(data.attrs.get(_CAVEAT, "")) if isinstance(data, pd.DataFrame) else ""


def better_of(data: Any, outcome: str) -> Literal["lower", "higher"] | None:
    """Return which values of an outcome are better, None where it is not known.

    Parameters
    ----------
    data : Study or DataFrame
        A frame that no study made holds symptoms where it says scores or changes of them.
    outcome : str
        Name of the column.
    """
    if outcome not in ("score", "change"):
        return None
    if isinstance(data, Study):
        return data.scale.better
    stated = data.attrs.get(_BETTER) if isinstance(data, pd.DataFrame) else None
    return "higher" if stated == "higher" else "lower"


def scale_of(data: Any) -> Scale | None:
    """Return the scale of the scores of a study, or of a frame made of one; None if not known."""
    if isinstance(data, Study):
        return data.scale
    label = data.attrs.get(_SCALE) if isinstance(data, pd.DataFrame) else None
    return get_scale(label) if label in scale_names() else None


def _view(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns can be replaced without changing the study's own."""
    return frame.copy(deep=False)


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
