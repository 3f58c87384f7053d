"""What a study holds: checked tables, scales, schedule, events and courses, notices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.errors import Problem, unknown_name
from trdstats.scales import Scale, get_scale
from trdstats.study.build import Tables
from trdstats.study.caveats import UNADJUSTED
from trdstats.study.courses.changes import SWITCH_KINDS, days_of_change, first_switches
from trdstats.study.panels import Panel
from trdstats.study.roles import Roles
from trdstats.study.windows import VisitWindows

if TYPE_CHECKING:
    from trdstats.study.study.study import Study


@checked_methods
class HeldTables:
    """The checked tables of a study and what can be read from them: see `Study`."""

    __slots__ = ("_randomised", "_roles", "_scale", "_tables")

    _randomised: bool
    _roles: Roles
    _scale: Scale
    _tables: Tables

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
    def scales(self) -> tuple[str, ...]:
        """Labels of all scales of the study, the primary one first."""
        return tuple(self._tables.panels)

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
    def baseline_column(self) -> str | None:
        """Column of the subjects that holds the baselines of the scale again, as it was given.

        None where baselines are the last scores at day 0 or before.
        """
        columns = {m.scale.label: m.baseline for m in self._roles.measures}
        return columns.get(self._scale.label)

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of all tables and figures."""
        return tuple(self.subjects["treatment"].cat.categories)

    @property
    def kinds_of_events(self) -> tuple[str, ...]:
        """Kinds of events that the study has."""
        whole = self._tables.whole
        kinds = self._tables.events["event"].tolist() if whole is None else whole.kinds
        return tuple(dict.fromkeys(kinds))

    @property
    def decided_events(self) -> tuple[str, ...]:
        """Kinds of events whose consequences the scores hold already: an estimand was applied."""
        return self._tables.decided_events

    @property
    def records_switches(self) -> bool:
        """Whether the study would know of a switch: it has courses, or events that name one."""
        tables = self._tables
        return len(tables.courses) > 0 or bool(tables.events["event"].isin(SWITCH_KINDS).any())

    def panels(self) -> dict[str, Panel]:
        """Return visits and baselines by scale."""
        return dict(self._tables.panels)

    def switches(self) -> pd.DataFrame:
        """Return the first switch of each subject that has one.

        Returns
        -------
        pandas.DataFrame
            subject, from (the assigned treatment), to (missing where no course says it), day,
            event ("switch", or "rescue" where an event says so).

        Examples
        --------
        >>> from trdstats.study import Study
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

    def _measured_by(self, scale: str | Scale) -> Scale:
        """Return one of the scales of the study.

        Raises
        ------
        UnknownNameError
            When the study has no such scale.
        """
        label = get_scale(scale).label
        if label not in self._tables.panels:
            raise unknown_name("scale of this study", label, self.scales)
        return next(m.scale for m in self._roles.measures if m.scale.label == label)

    def _with(self, *, scale: Scale | None = None, **tables: Any) -> Study:
        """Return a study that differs in some of its checked tables."""
        return self._among(replace(self._tables, **tables), scale=scale)

    def _among(self, tables: Tables, *, scale: Scale | None = None) -> Study:
        """Return a study of other checked tables."""
        raise NotImplementedError


def _view(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns can be replaced without changing the study's own."""
    return frame.copy(deep=False)
