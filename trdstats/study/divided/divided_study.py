"""A study whose visits stay in the partitions of a dask DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import BoolArray, IntArray
from trdstats.errors import Problem, TooLargeError
from trdstats.extras import extra_module
from trdstats.partitions import Kept, computed, persisted, sent, task_of, task_with
from trdstats.scales import Scale
from trdstats.study.build import Tables
from trdstats.study.divided.assembled import assemble
from trdstats.study.divided.files import check_is_divided
from trdstats.study.divided.parts import Surveyed, study_of_part, survey_part, together
from trdstats.study.divided.whole import GivenTables, whole_of
from trdstats.study.panels import Panel
from trdstats.study.study import Study
from trdstats.study.study.rated import VisitCounts
from trdstats.study.study.variants import BaselineRule, narrow
from trdstats.study.windows import WindowsLike

T = TypeVar("T")
A = TypeVar("A", bound=np.generic)

# Rows of visits that are gathered where a model needs them: some gigabytes.
MOST_ROWS = 20_000_000


@checked
class DividedStudy(Study, of_partitions=True):
    """Depression scores of more patients than fit into memory, in the partitions of a dask frame.

    It answers as a `Study` of the same visits does, to the last digits. Visits stay where they
    are: `time_to`, `rates`, `response_history`, `assess` and `mean_scores` judge each partition
    on dask, and one row a subject, or sums, are gathered. `MMRM` adds cross-products of the
    partitions, and so does `LMM` with effects of subjects and sites; `GEE` adds sums of every step.
    Models that need rows (`GLMM`, ...) gather the scheduled visits, 20 million at most. What needs
    all visits in memory says so (`TooLargeError`).

    Parameters
    ----------
    visits : dask.dataframe.DataFrame
        One row a subject and visit. Where a subject has visits in two partitions they are
        shuffled by subject.
    subjects, events, courses : DataFrame, optional
        As in `Study`; they are held in memory.
    scale, subject, treatment, day, score, baseline, windows, instrument, duplicates, randomised
        As in `Study`.

    Attributes
    ----------
    subjects, events, courses : pandas.DataFrame
        As in `Study`.
    notices : tuple of Problem
        As in `Study`, those of all partitions together: counts add, and rows are named with their
        partition. The last one says how the visits are divided.

    Raises
    ------
    DataError
        With every problem of the tables, of all partitions together.
    UnknownNameError, SpecError
        When an argument is not usable.
    MissingDependencyError
        When dask is not installed.

    Notes
    -----
    Work runs on the scheduler that dask is set to: threads by default, a cluster where there is
    a ``distributed.Client``. Every analysis reads the visits again; `persist` keeps them in the
    memory of the workers.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> visits = pd.DataFrame({
    ...     "subject": ["A", "A", "B", "B"], "treatment": ["ECT", "ECT", "TMS", "TMS"],
    ...     "day": [0, 7, 0, 7], "score": [30, 15, 32, 20],
    ... })
    >>> study = DividedStudy(dd.from_pandas(visits, npartitions=2), scale="MADRS")
    >>> study.subjects["baseline"].tolist()
    [30.0, 32.0]
    """

    __slots__ = ("_parts", "_places", "_surveys")

    def _build(
        self,
        visits: FrameLike,
        subjects: FrameLike | None,
        events: FrameLike | None,
        courses: FrameLike | None,
        windows: WindowsLike | None,
    ) -> Tables:
        """Check the tables of all partitions, and keep where the visits stand."""
        check_is_divided(visits)
        given = GivenTables.of(subjects, events, courses)
        made = assemble(visits, given, self._roles, windows, self._randomised)
        self._parts: list[Any] = made.parts
        self._places: list[IntArray] = made.places
        self._surveys: list[Surveyed] = made.surveys
        return made.tables

    @property
    def visits(self) -> pd.DataFrame:
        """Refuse: visits stay in their partitions.

        Raises
        ------
        TooLargeError
            With their number and size.
        """
        raise TooLargeError(self._refusal("This needs"))

    def _refusal(self, what: str, argument: str = "") -> str:
        n, size = (sum(getattr(s, name) for s in self._surveys) for name in ("visits", "size"))
        at_start = f"Give {argument} when the study is made; or, if" if argument else "If"
        return (
            f"{what} all visits in memory, and they stand in partitions: {n:,} visits, about "
            f"{max(size / 2**30, 0.01):,.2f} GB. {at_start} memory has room for a few times that, "
            "take study.in_memory(), the study whose visits are there."
        )

    @property
    def is_divided(self) -> bool:
        """Whether the visits stand in partitions: here they do."""
        return True

    @property
    def n_partitions(self) -> int:
        """Number of partitions that hold visits."""
        return len(self._parts)

    def in_memory(self) -> Study:
        """Return the same study with all its visits in memory."""
        parts = self.on_parts(Study.panels)
        panels = {
            label: Panel(
                together([p[label].visits for p in parts], self._places, self._ids), panel.baseline
            )
            for label, panel in self._tables.panels.items()
        }
        notices = tuple(p for p in self.notices if p.kind != "divided")
        tables = replace(self._tables, panels=panels, notices=notices)
        return Study.of_tables(tables, self._roles, self._scale, self._randomised)

    def persist(self) -> DividedStudy:
        """Return the same study with its partitions kept in the memory of dask's workers."""
        return self._like(self._tables, persisted(self._parts))

    @property
    def _ids(self) -> pd.Index[Any]:
        # Categories of fewer subjects, by `keep`, are still those of all.
        named = self._tables.subjects["subject"].cat.remove_unused_categories()
        ids: pd.Index[Any] = named.cat.categories
        return ids

    def on_parts(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of each part of the study, in order; dask does it.

        Parameters
        ----------
        work : callable
            Called with a part, which is a `Study` of some subjects, and the arguments.
        *arguments : object
        """
        return computed(self._each(work, *arguments))

    def _each(self, work: Callable[..., Any], *arguments: object) -> list[Any]:
        task = task_with(work, arguments)
        return [task(part) for part in self._parts]

    def kept(self, work: Callable[..., object], *arguments: object) -> Kept:
        """Return what some work makes of each part, kept beside the parts for what is asked of it.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments.
        *arguments : object
        """
        return Kept(self._each(work, *arguments))

    def in_order(self, parts: Sequence[npt.NDArray[A]]) -> npt.NDArray[A]:
        """Return arrays of the parts, one entry a subject, as one in the order of `subjects`.

        Parameters
        ----------
        parts : sequence of ndarray
            As `on_parts` returns them.
        """
        values = np.concatenate(parts)
        ordered = np.empty_like(values)
        ordered[np.concatenate(self._places)] = values
        return ordered

    def places_of_parts(self) -> list[IntArray]:
        """Return for each part the places of its subjects in `subjects`."""
        return list(self._places)

    def rows_of_parts(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of each part, as a dask DataFrame.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame.
        *arguments : object
        """
        rows = self._each(_plain_rows, work, *arguments)
        (first,) = computed([task_of(_no_rows)(rows[0])])
        frame: pd.DataFrame = extra_module("dask.dataframe", "dask").from_delayed(rows, meta=first)
        return frame

    def on(self, scale: str | Scale) -> DividedStudy:
        """Return the same study seen on another of its scales.

        Raises
        ------
        UnknownNameError
            When the study has no such scale.
        """
        measured = self._measured_by(scale)
        baseline = self._tables.panels[measured.label].baseline
        tables = replace(self._tables, subjects=self.subjects.assign(baseline=baseline))
        other = self._like(tables, self._each(Study.on, measured.label))
        other._scale = measured
        return other

    def _narrow(self, kept: BoolArray, treatments: list[str]) -> DividedStudy:
        new = np.cumsum(kept) - 1
        left = [k for k, place in enumerate(self._places) if kept[place].any()]
        tables = narrow(self._tables, kept, treatments)
        marks = {k: kept[self._places[k]] for k in left}
        parts = [
            task_of(partial(Study._narrow, kept=marks[k], treatments=treatments))(self._parts[k])
            for k in left
        ]
        places = [new[self._places[k][kept[self._places[k]]]] for k in left]
        other = self._like(tables, parts)
        other._places = places
        other._surveys = other.on_parts(survey_part)
        (whole,) = sent([whole_of(other._surveys, tables.events, treatments)])
        as_part = task_of(study_of_part)
        other._parts = [as_part(part, whole) for part in parts]
        return other

    def _like(self, tables: Tables, parts: list[Any]) -> DividedStudy:
        other = object.__new__(DividedStudy)
        other._tables, other._roles, other._scale = tables, self._roles, self._scale
        other._randomised, other._places = self._randomised, self._places
        other._surveys, other._parts = self._surveys, parts
        return other

    def _among(self, tables: Tables, *, scale: Scale | None = None) -> DividedStudy:
        return self._like(tables, self._parts)

    def _visit_counts(self) -> VisitCounts:
        counts = [s.counts[self._scale.label] for s in self._surveys]
        return VisitCounts(
            sum(c.unrated for c in counts),
            sum(c.spare for c in counts),
            tuple(np.sum([c.rated for c in counts], axis=0).tolist()),
        )

    def check_rows(self, what: str) -> None:
        """Refuse to gather rows of more visits than are to be in memory at once.

        Parameters
        ----------
        what : str
            What would be gathered.

        Raises
        ------
        TooLargeError
        """
        counts = self._visit_counts()
        _check_rows(what, sum(counts.rated) + counts.unrated)

    def gathered(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of all parts, in the order of `subjects`.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame with the column subject as a
            category, sorted by it.
        *arguments : object

        Raises
        ------
        TooLargeError
            When they are more than 20 million.
        """
        counts = self._visit_counts()
        if sum(counts.rated) + counts.unrated > MOST_ROWS:
            _check_rows("Rows of visits", sum(self.on_parts(_count_rows, work, arguments)))
        return together(self.on_parts(work, *arguments), self._places, self._ids)

    def noting(self, notices: Sequence[Problem]) -> DividedStudy:
        """Return the same study with what was found out before it was built, said first."""
        return self._among(replace(self._tables, notices=(*notices, *self.notices)))

    def with_windows(self, windows: WindowsLike | None) -> NoReturn:
        """Refuse: windows are given when the study is made."""
        raise TooLargeError(self._refusal("Other visit windows need", "windows="))

    def with_baseline(self, rule: BaselineRule) -> NoReturn:
        """Refuse: baselines are given when the study is made."""
        raise TooLargeError(self._refusal("Other baselines need", "baseline="))

    def thinned(self, days: Sequence[float]) -> NoReturn:
        """Refuse: visits are not changed where they stand in partitions."""
        raise TooLargeError(self._refusal("Fewer visits need"))

    def only_visits(self, days: Mapping[str, Sequence[float]]) -> NoReturn:
        """Refuse: visits are not changed where they stand in partitions."""
        raise TooLargeError(self._refusal("Fewer visits need"))

    def with_scores(self, scores: pd.DataFrame, *, decided: Sequence[str] = ()) -> NoReturn:
        """Refuse: visits are not changed where they stand in partitions."""
        raise TooLargeError(self._refusal("Other scores need"))

    def to_adam(self) -> NoReturn:
        """Refuse: datasets of ADaM are tables in memory."""
        raise TooLargeError(self._refusal("Datasets of ADaM need"))


def _check_rows(what: str, n: int) -> None:
    if n > MOST_ROWS:
        raise TooLargeError(
            f"{what} would be gathered in memory: {n:,} rows, and the most is {MOST_ROWS:,}. Take "
            "fewer subjects, study.keep(...), fewer treatments, study.only(...), or fewer days."
        )


def _count_rows(
    part: Study, work: Callable[..., pd.DataFrame], arguments: tuple[object, ...]
) -> int:
    return len(work(part, *arguments))


def _plain_rows(part: Study, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
    """Return rows whose subjects are plain identifiers: categories differ between partitions."""
    rows = work(part, *arguments)
    subject = rows["subject"]
    return rows.assign(subject=subject.astype(subject.cat.categories.dtype))


def _no_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[:0]
