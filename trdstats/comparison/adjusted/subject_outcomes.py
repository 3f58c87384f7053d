"""One outcome of every subject, and the covariates that a comparison adjusts for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level
from trdstats.arrays import BoolArray, FloatArray
from trdstats.columns import check_amounts, check_named
from trdstats.errors import (
    DataError,
    DataWarning,
    NotEstimableError,
    Problem,
    SpecError,
    check_choice,
    count_of,
    pick_level,
    unknown_name,
    warn,
)
from trdstats.formulas import Uses, as_categories, check_outcome_apart, read_right_side
from trdstats.frames import to_pandas
from trdstats.kinds import as_labels, missing_in, trimmed
from trdstats.outcomes import Definition
from trdstats.outcomes.switching import SwitchCounts, switch_days
from trdstats.outcomes.verdicts.after_switch import switches_by
from trdstats.outcomes.verdicts.judged_day import at_day, day_of
from trdstats.outcomes.verdicts.missing import MISSING
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.study import Study, warn_of_asked_days
from trdstats.study.plausibility.plain_tables import warn_of_codes
from trdstats.study.study import remembering

AT_A_DAY = ("change", "score")
_MANY = 20  # an amount of so many subjects has more than two values


def check_outcome(outcome: Any, day: float | None, missing: str) -> None:
    """Raise `SpecError` unless an outcome and its day can go together."""
    check_choice("missing", missing, MISSING)
    if not isinstance(outcome, str | Definition):
        raise SpecError(
            "outcome must be a definition such as Response(), 'change', 'score', or a column of "
            f"the subjects; got {outcome!r}."
        )
    if isinstance(outcome, Definition) and day is None and outcome.own_day is None:
        raise SpecError(f"outcome={_word(outcome)} needs a scheduled day: day=28.")
    if day is not None and isinstance(outcome, str) and outcome not in AT_A_DAY:
        raise SpecError(
            f"outcome={outcome!r} is a column of the subjects and has no day; take day away, or "
            "use a definition, 'change' or 'score'."
        )


def _word(outcome: Any) -> str:
    return repr(outcome) if isinstance(outcome, str) else f"{type(outcome).__name__}(...)"


@dataclass(frozen=True)
class SubjectOutcomes:
    """What is known of the outcome of every subject.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a subject: subject, treatment, covariates; texts as categories.
    y : ndarray, shape (n,)
        1 and 0 for met and not met, or a number; NaN where it was not observed.
    binary : bool
    label : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    day : float or None
        Scheduled day of the outcome; None for a column.
    switching : SwitchCounts or None
        How many started another treatment by the day, counted as observed.
    column : str or None
        Column of the frame that holds the outcome.
    """

    frame: pd.DataFrame
    y: FloatArray
    binary: bool
    label: str
    caveat: str
    day: float | None = None
    switching: SwitchCounts | None = None
    column: str | None = None

    @property
    def observed(self) -> BoolArray:
        """Whether the outcome of each subject is known, shape (n,)."""
        return ~np.isnan(self.y)

    @property
    def subjects(self) -> npt.NDArray[np.object_]:
        """Identifiers, shape (n,)."""
        return self.frame["subject"].to_numpy(dtype=object)


def read_outcomes(
    data: Any, outcome: Any, *, day: float | None, missing: str, reference: Level | None
) -> SubjectOutcomes:
    """Return the outcome of every subject of a study, or of a frame with one row a subject.

    Parameters
    ----------
    data : Study or DataFrame
    outcome : Definition or str
        A definition, "change" or "score" at a day of a study, or a column.
    day : float or None
    missing : str
        What becomes of subjects without a verdict; see `rates`.
    reference : str or None
        Treatment whose missing verdicts "worst" counts as met.

    Raises
    ------
    SpecError
        When the outcome needs a study and a frame was given.
    UnknownNameError, DataError
        When a column, treatment or day is not there or not usable.
    """
    if isinstance(data, Study):
        return _of_study(data, outcome, day, missing, reference)
    if not isinstance(outcome, str) or (outcome in AT_A_DAY and day is not None):
        raise SpecError(f"outcome={_word(outcome)} at a day needs a Study; got a frame.")
    frame = to_pandas(data, what="data")
    if "subject" not in frame:
        raise unknown_name("column", "subject", frame.columns)
    frame = trimmed(frame, ["subject"])
    check_one_row_each(frame)
    y, binary = _numbers(frame, outcome)
    warn_of_codes(frame, [outcome], "data")
    return SubjectOutcomes(frame, y, binary, outcome, "", column=outcome)


def check_one_row_each(frame: pd.DataFrame) -> None:
    """Raise `DataError` where a subject has several rows, or a row no subject."""
    who = frame["subject"]
    twice, nameless = who[who.duplicated() & who.notna()], check_named(who)
    problems = [] if nameless is None else [nameless]
    if len(twice):
        problems.append(
            Problem(
                "duplicate_subject",
                f"{count_of(len(twice), 'row repeats', 'rows repeat')} a subject.",
                tuple(str(s) for s in dict.fromkeys(twice)),
                "Keep one row a subject.",
            )
        )
    if problems:
        raise DataError(problems)


def _of_study(
    study: Study, outcome: Any, day: float | None, missing: str, reference: Level | None
) -> SubjectOutcomes:
    frame = remembering(study.subjects.copy(), study)
    if isinstance(outcome, Definition):
        day = day_of(outcome, day)
        base = pick_level("treatment", reference, study.treatments)
        warn_of_asked_days(study, [day])
        outcomes = verdicts(study, outcome, day=day, missing=missing, reference=base)
        met, counts = outcomes["met"], switches_by(study, outcomes, day)
        y = met.astype("Float64").to_numpy(dtype=float, na_value=np.nan).astype(np.float64)
        label = f"{outcome.label(study.scale)}{at_day(outcome, day)}"
        return SubjectOutcomes(frame, y, True, label, study.caveat, day, counts)
    if outcome in AT_A_DAY and day is not None:
        warn_of_asked_days(study, [day])
        rows = study.longitudinal([day]).set_index("subject")[outcome]
        # A scheduled day has one visit a subject.
        y = np.asarray(rows.reindex(frame["subject"]), dtype=np.float64)
        # Symptoms are what everybody takes a score for; what is not must be said.
        side = " (higher = better)" if study.scale.high_is_good else ""
        label = f"{study.scale.label} {outcome} at day {day:g}{side}"
        with np.errstate(invalid="ignore"):
            early = frame.assign(switched=switch_days(study) <= day)
        counts = switches_by(study, early, day)
        return SubjectOutcomes(frame, y, False, label, study.caveat, day, counts)
    if outcome in AT_A_DAY and outcome not in frame:
        raise SpecError(f"outcome={outcome!r} of a study needs a scheduled day: day=28.")
    y, binary = _numbers(frame, outcome)
    return SubjectOutcomes(frame, y, binary, outcome, study.caveat, column=outcome)


def _numbers(frame: pd.DataFrame, column: str) -> tuple[FloatArray, bool]:
    if column not in frame:
        raise unknown_name("column", column, frame.columns)
    given = frame[column]
    categories = check_amounts(given, column)
    if categories is not None:
        raise DataError([categories])
    kinds = pd.api.types
    of_time = kinds.is_datetime64_any_dtype(given) or kinds.is_timedelta64_dtype(given)
    if of_time or kinds.is_complex_dtype(given):
        # Pandas would count nanoseconds, or drop the imaginary part.
        given = given.astype(str)
    values = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float)
    lost = np.isnan(values) & frame[column].notna().to_numpy()
    if lost.any() or np.isinf(values).any():
        bad = lost | np.isinf(values)
        raise DataError(
            [
                Problem(
                    "bad_outcome",
                    f"The outcome {column!r} of {count_of(int(bad.sum()), 'row is', 'rows are')} "
                    "no finite number.",
                    tuple(f"row {i}" for i in np.flatnonzero(bad)),
                    "Give numbers, or True and False.",
                )
            ]
        )
    known = values[~np.isnan(values)]
    if not len(known):
        raise NotEstimableError(f"No subject has the outcome {column!r}.")
    binary, distinct = bool(np.isin(known, (0.0, 1.0)).all()), np.unique(known)
    if not binary and len(distinct) == 2 and len(known) >= _MANY:
        warn(
            f"The outcome {column!r} has two values, {distinct[0]:g} and {distinct[1]:g}, and is "
            "analysed as an amount. For rates of an event code it as 1 and no event as 0.",
            DataWarning,
        )
    return values, binary


def with_covariates(
    frame: pd.DataFrame,
    formulas: tuple[str, ...],
    by: str | None,
    what: str,
    outcome: Collection[str | None] = (),
) -> pd.DataFrame:
    """Return the table with texts as categories, after a check that nothing is missing.

    Parameters
    ----------
    frame : pandas.DataFrame
    formulas : tuple of str
        Covariates only.
    by : str or None
        Column that names the treatments.
    what : str
        What the table is called in messages.
    outcome : collection of str or None
        Columns that hold the outcome, which is no covariate.

    Raises
    ------
    SpecError
        When the outcome is a covariate.
    UnknownNameError
        When a column is not there.
    DataError
        When a covariate or treatment is missing for somebody: leaving those subjects out in
        silence would change whom the comparison is about.
    """
    uses = Uses()
    for formula in formulas:
        uses |= read_right_side(formula).columns()
    needed = uses.bare | uses.numbers | uses.categories
    check_outcome_apart(needed, [c for c in outcome if c is not None])
    named = sorted(needed | ({by} if by is not None else set()))
    frame = trimmed(frame, [c for c in named if c in frame])
    check_columns(frame, named, what)
    frame = frame.copy(deep=False)  # what is returned is a copy of all values
    if by == "treatment":
        # Treatments are labels, in plain frames as in studies; other numbers are refused.
        frame[by] = as_labels(frame[by])
    frame.index = pd.RangeIndex(len(frame))
    return as_categories(frame, named, uses=uses, what=what)


def check_columns(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Check that columns are there, with a value for every subject.

    Raises
    ------
    UnknownNameError
        When a column is not there.
    DataError
        When a value is missing.
    """
    problems = []
    for column in columns:
        if column not in frame:
            raise unknown_name(f"column of the {what}", column, frame.columns)
        left = missing_in(frame[column])
        if left.any():
            who = frame["subject"].to_numpy(dtype=object)[left]
            problems.append(
                Problem(
                    "missing_covariate",
                    f"{count_of(int(left.sum()), 'subject has', 'subjects have')} no {column!r}.",
                    tuple(str(s) for s in who),
                    "Impute it, code the missing as a category or a separate indicator, or keep "
                    "those who have it with study.keep(...) and say so.",
                )
            )
    if problems:
        raise DataError(problems)


def levels_by(frame: pd.DataFrame, by: str) -> list[str]:
    """Return the treatments in order.

    Raises
    ------
    SpecError
        When the column holds numbers.
    NotEstimableError
        When there is one treatment only.
    """
    if not isinstance(frame[by].dtype, pd.CategoricalDtype):
        raise SpecError(f"{by!r} is a number and names no treatments; turn it into text.")
    levels = list(frame[by].cat.categories)
    if len(levels) < 2:
        raise NotEstimableError(f"{by!r} has one value only, {levels[0]!r}: nothing to compare.")
    return levels
