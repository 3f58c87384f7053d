"""The outcomes of a trial by subject and visit, with the events, for imputation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of, known_level
from trdstats.formulas import OutcomeFormula, read_formula
from trdstats.kernels.visits.endpoints import UNDEFINED
from trdstats.kinds import as_category
from trdstats.longitudinal.designs.outcome_table import outcome_table
from trdstats.longitudinal.designs.outcome_values import Family, read_outcome, unrated_categories
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.study.study import better_of
from trdstats.study.visit_order import order_visits

AFTER_EVENT = "after_event"  # in a formula: 1 at visits from the event on, else 0


@dataclass(frozen=True)
class Layout:
    """Outcomes by subject and visit.

    Attributes
    ----------
    subject_table : pandas.DataFrame
        One row a subject: subject, treatment and the covariates, by the names of the table.
    visits : pandas.Index
        In order.
    y : ndarray, shape (n, T)
        Outcomes, NaN where missing.
    arm : ndarray of int, shape (n,)
    treatments : list of str
    event : ndarray of int, shape (n,)
        Place of the first visit at or after the event; T without one.
    reason : ndarray of object, shape (n,)
        Reason of the event, empty without one.
    outcome, subject, treatment, visit : str
        Names of the columns.
    left_out : dict of str to int
        Subjects or rows not analysed, by reason.
    study : Study or None
        The study the table was taken from.
    planned : pandas.Index
        Visits that the table names, in order, those without rows too.
    better : {"lower", "higher"} or None
        Which values of the outcome are better, None where not known.
    has_status : bool
        Whether the model asks for the status after the event (`AFTER_EVENT`).
    unrated_categories : tuple
        Declared categories of an ordinal outcome without a rating.
    categories : tuple
        Of a binary (0, 1) or ordinal outcome, whose places `y` holds; empty for scores.
    """

    subject_table: pd.DataFrame
    visits: pd.Index[Any]
    y: FloatArray
    arm: IntArray
    treatments: list[str]
    event: IntArray
    reason: npt.NDArray[np.object_]
    outcome: str
    subject: str
    treatment: str
    visit: str
    left_out: dict[str, int]
    study: Study | None
    planned: pd.Index[Any]
    better: Literal["lower", "higher"] | None
    has_status: bool = False
    categories: tuple[Any, ...] = ()
    unrated_categories: tuple[Any, ...] = ()

    def places(self, chosen: Sequence[Level] | None) -> list[int]:
        """Return the places of chosen visits, of all by default.

        Raises
        ------
        SpecError
            When none is named.
        UnknownNameError
            When one is not a visit.
        """
        visits = list(self.visits)
        if chosen is None:
            return list(range(len(visits)))
        if not len(chosen):
            raise SpecError("visits must name at least one visit; leave it out for all.")
        return [known_level("visit", v, visits) for v in chosen]

    @property
    def subjects(self) -> pd.Index[Any]:
        """Subjects in the order of the arrays."""
        subjects: pd.Index[Any] = pd.Index(list(self.subject_table[self.subject]))
        return subjects

    def grid(self, outcome: FloatArray | None, subjects: IntArray | None = None) -> pd.DataFrame:
        """Return one row a subject and visit, subjects varying slowest.

        Parameters
        ----------
        outcome : ndarray, shape (n, T), or None
            Without it the table has covariates only.
        subjects : ndarray of int, optional
            Subjects, repeated as often as they are in the set.
        """
        T = len(self.visits)
        which = np.arange(len(self.subject_table)) if subjects is None else subjects
        frame = self.subject_table.iloc[np.repeat(which, T)].reset_index(drop=True)
        code = np.tile(np.arange(T), len(which))
        frame[self.visit] = pd.Categorical.from_codes(code, categories=self.visits, ordered=False)
        if outcome is not None:
            frame[self.outcome] = outcome[which].ravel()
        return frame

    def model_grid(self, outcome: FloatArray | None) -> pd.DataFrame:
        """Return the grid of all subjects with the status after the event, where it is used."""
        frame = self.grid(outcome)
        if self.has_status:
            after = np.arange(len(self.visits)) >= self.event[:, None]
            frame[AFTER_EVENT] = after.ravel().astype(float)
        return frame


def lay_out(
    data: Any,
    formula: str,
    *,
    subject: str,
    treatment: str,
    visit: str,
    days: Collection[Any] | None,
    family: Family = "gaussian",
    definition: Definition | None = None,
) -> Layout:
    """Arrange a study or a table by subject and visit.

    A binary or ordinal outcome is a column, or the state of a definition at the visits of a study.

    Raises
    ------
    DataError, SpecError, UnknownNameError
        When the table or the formula is not usable.
    """
    parsed = read_formula(formula)
    outcome = str(parsed.lhs[0])
    variables = {str(v) for v in parsed.rhs.required_variables}
    needed = sorted(variables - {visit, AFTER_EVENT})
    lost: dict[str, int] = {}
    if isinstance(data, Study):
        chosen_days = None if days is None else list(days)
        subjects = data.subjects
        if definition is None:
            rows = data.longitudinal(chosen_days)
        else:
            rows, undefined = outcome_table(data, outcome, definition, chosen_days)
            subjects, lost = _with_outcome(subjects, undefined)
    else:
        rows = outcome_table(data, outcome, definition, None)[0]
    table = rows
    if AFTER_EVENT in variables and AFTER_EVENT in table.columns:
        raise SpecError(
            f"{AFTER_EVENT!r} in the formula is the status made from the events, and the data have "
            "a column of that name: rename it."
        )
    columns = [subject, treatment, visit, outcome, *needed]
    _check(rows, columns)
    given = rows[outcome]
    rows, categories = _coded(rows, parsed, family)
    unrated = unrated_categories(given, categories) if family == "ordinal" else ()
    nameless = rows[subject].isna()
    rows, table = rows[~nameless], table[table[subject].notna()]
    unscheduled = int(rows[visit].isna().sum())
    rows = rows[rows[visit].notna()].reset_index(drop=True)
    if days is not None and not isinstance(data, Study):
        named_visits = sorted(set(rows[visit]), key=str)
        chosen = [named_visits[known_level("visit", day, named_visits)] for day in days]
        rows = rows[rows[visit].isin(chosen)].reset_index(drop=True)
    if not isinstance(data, Study):
        subjects = _subject_table(table, [subject, treatment, *needed], subject)
    table_columns = list(
        dict.fromkeys([subject, treatment, *needed, *_carried(subjects, rows, visit)])
    )
    subjects = subjects[[c for c in table_columns if c in subjects.columns]].copy()
    varying = [c for c in needed if c not in subjects.columns]
    if varying:
        raise SpecError(
            f"{', '.join(varying)} change between visits: values at missed visits are not known, "
            "so they cannot be covariates of an imputation model."
        )
    incomplete = subjects[[treatment, *needed]].isna().any(axis=1).to_numpy()
    counts = {
        "subjects without a covariate": int(incomplete.sum()),
        "rows without a visit": unscheduled,
        "rows without a subject": int(nameless.sum()),
    }
    left_out = {why: k for why, k in counts.items() if k} | lost
    subjects = subjects[~incomplete].reset_index(drop=True)
    subjects[treatment] = _categories(subjects[treatment])
    planned = order_visits(rows[visit], visit).levels
    visits = planned[planned.isin(rows[visit])]
    y = _outcomes(rows, subjects, subject, visit, outcome, visits)
    arm = subjects[treatment].cat.codes.to_numpy().astype(np.intp)
    return Layout(
        subject_table=subjects, visits=visits, y=y, arm=arm,
        treatments=[str(t) for t in subjects[treatment].cat.categories],
        event=np.full(len(subjects), len(visits), dtype=np.intp),
        reason=np.full(len(subjects), "", dtype=object),
        outcome=outcome, subject=subject, treatment=treatment, visit=visit, left_out=left_out,
        study=data if isinstance(data, Study) else None, planned=planned,
        better=better_of(data, outcome), has_status=AFTER_EVENT in variables,
        categories=categories,
        unrated_categories=unrated,
    )  # fmt: skip


def check_status(layout: Layout, used: BoolArray) -> None:
    """Refuse the status after the event as covariate where no value after an event informs it.

    Parameters
    ----------
    layout : Layout
    used : ndarray of bool, shape (n, T)
        Values that inform the model.

    Raises
    ------
    NotEstimableError
    """
    if not layout.has_status:
        return
    after = np.arange(len(layout.visits)) >= layout.event[:, None]
    if not (used & after).any():
        raise NotEstimableError(
            f"{AFTER_EVENT!r} needs retrieved subjects, with values observed after their event "
            "that inform the model: there is none."
        )


def _with_outcome(
    subjects: pd.DataFrame, undefined: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out subjects for whom a rule has no meaning; what is unconfirmed is only missing."""
    of_subject = undefined.drop_duplicates("subject").set_index("subject")["reason"]
    reason = subjects["subject"].astype(object).map(of_subject)
    without = reason.isin(UNDEFINED)
    counts = reason[without].value_counts(sort=False)
    lost = {f"subjects whose outcome is undefined ({why})": int(n) for why, n in counts.items()}
    n_missing = int((~undefined["reason"].isin(UNDEFINED)).sum())
    if n_missing:
        lost["ratings not confirmed, taken as missing"] = n_missing
    return subjects[~without], lost


def _check(rows: pd.DataFrame, columns: list[str]) -> None:
    roles = dict(zip(columns, ("subject", "treatment", "visit"), strict=False))
    named = [(roles.get(c, "the formula or outcome"), c) for c in dict.fromkeys(columns)]
    problems = check_columns(rows, named, "data")
    empty = check_not_empty(rows, "data")
    if problems or empty:
        raise DataError([*problems, *([empty] if empty else [])])


def _coded(
    rows: pd.DataFrame, formula: OutcomeFormula, family: Family
) -> tuple[pd.DataFrame, tuple[Any, ...]]:
    """Return rows with the outcome as numbers, and its categories unless it is a score."""
    name = str(formula.lhs[0])
    if family == "gaussian":
        if not pd.api.types.is_numeric_dtype(rows[name].dtype):
            raise SpecError(f"The outcome {name!r} must be a column of numbers.")
        return rows, ()
    rated = rows[name].notna().to_numpy()
    if not rated.any():
        raise NotEstimableError(f"The outcome {name!r} is missing in every row.")
    codes = np.full(len(rows), np.nan)
    codes[rated], categories = read_outcome(rows[rated], formula, family)
    return rows.assign(**{name: codes}), categories or (0, 1)


def _subject_table(table: pd.DataFrame, columns: list[str], subject: str) -> pd.DataFrame:
    """Return what is constant within a subject, one row a subject, sorted."""
    inside = table.groupby(subject, sort=True, observed=True)
    most = inside.nunique(dropna=False).max()
    # A covariate is known where one row of the subject has it: empty entries do not differ.
    time_constant = [c for c in columns[2:] if c in most]
    most[time_constant] = inside[time_constant].nunique().max()
    constant = [c for c in table.columns if c != subject and most[c] <= 1]
    if columns[1] not in constant:
        n_treatments = inside[columns[1]].nunique(dropna=False)
        names = tuple(str(s) for s in n_treatments.index[n_treatments > 1])
        raise DataError(
            [
                Problem(
                    "two_treatments",
                    count_of(len(names), "subject has", "subjects have") + " two treatments.",
                    names,
                    "Give the treatment as randomised; a switch is an event.",
                )
            ]
        )
    return inside[constant].first().reset_index()


def _carried(subjects: pd.DataFrame, rows: pd.DataFrame, visit: str) -> list[str]:
    """Return the further columns of subjects for completed sets."""
    return [str(c) for c in subjects.columns if c in rows.columns and c != visit]


def _categories(values: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series(as_category(values), index=values.index)


def _outcomes(
    rows: pd.DataFrame,
    subjects: pd.DataFrame,
    subject: str,
    visit: str,
    outcome: str,
    visits: pd.Index[Any],
) -> FloatArray:
    person = pd.Index(subjects[subject]).get_indexer(pd.Index(rows[subject]))
    occasion = visits.get_indexer(pd.Index(rows[visit]))
    analysed = person >= 0  # the others were left out
    cell = person[analysed] * len(visits) + occasion[analysed]
    repeated = pd.Series(cell).duplicated().to_numpy()
    if repeated.any():
        which = np.flatnonzero(analysed)[repeated]
        raise DataError(
            [
                Problem(
                    "duplicate_visit",
                    count_of(len(which), "row repeats", "rows repeat") + " a subject and visit.",
                    tuple(
                        f"{rows[subject].iloc[i]} at {visit} {rows[visit].iloc[i]} (row {i})"
                        for i in which[:50]
                    ),
                    "Keep one row a subject and visit.",
                )
            ]
        )
    y = np.full((len(subjects), len(visits)), np.nan)
    y.ravel()[cell] = rows[outcome].to_numpy(dtype=float)[analysed]
    if np.isinf(y).any():
        raise SpecError("The outcome holds infinite values.")
    return y


def check_arms(layout: Layout, used: BoolArray) -> None:
    """Refuse an arm without a value at a visit: its mean is not estimable.

    Parameters
    ----------
    layout : Layout
    used : ndarray of bool, shape (n, T)
        Values that inform the model.

    Raises
    ------
    NotEstimableError
    """
    empty = [
        f"{name} at {layout.visit} {plain(layout.visits[int(t)])}"
        for a, name in enumerate(layout.treatments)
        for t in np.flatnonzero(~used[layout.arm == a].any(axis=0))
    ]
    if empty:
        raise NotEstimableError(
            f"The mean is not estimable under {'; '.join(empty)}: all values are missing, or were "
            "observed after an event and set aside. Leave the visit out (days=...), or the arm."
        )


def plain(visit: Any) -> str:
    """Return a visit as text; whole days have no decimals."""
    return f"{visit:g}" if isinstance(visit, float) else str(visit)
