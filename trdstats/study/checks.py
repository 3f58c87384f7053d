"""What can be wrong with the tables of a study: each check returns a problem or nothing.

A check sees plain arrays that share one row order and says, for every row at fault, which
subject and which row it is, and how to mend it. Nothing is repaired here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.blocks import holds_anywhere, rows_where
from trdstats.kernels.visits.item_scores import filled_in_totals
from trdstats.kinds import places
from trdstats.scales import Scale, get_scale, scale_names
from trdstats.study.plausibility.lookalikes import likely_meant

_EXACT = 2.0**53  # from here on floating-point numbers skip whole numbers

Labels = Sequence[Any] | npt.NDArray[Any] | pd.Index


def show_day(day: float) -> str:
    """Return a day without needless decimals."""
    return f"day {day:g}"


def check_given_names(frame: pd.DataFrame, reserved: Sequence[str], table: str) -> Problem | None:
    """Check that no column stands where another is put whose own name the study needs."""
    both = [c for c in reserved if c in frame.columns and f"{c}_given" in frame.columns]
    if not both:
        return None
    return Problem(
        "column_pair",
        f"`{table}` has columns that would share a name: a study keeps your {both[0]!r} as "
        f"'{both[0]}_given'.",
        tuple(f"{c!r} and '{c}_given'" for c in both),
        "Rename or remove one of each pair.",
    )


def check_days(subjects: Labels, day: FloatArray, wrong: BoolArray, table: str) -> Problem | None:
    """Check that every row has a finite day; entries known not to be numbers are left out."""
    if not holds_anywhere(lambda d, w: ~np.isfinite(d) & ~w, day, wrong):
        return None
    bad = ~np.isfinite(day) & ~wrong
    return Problem(
        "missing_day",
        count_of(int(bad.sum()), f"row of `{table}` has", f"rows of `{table}` have")
        + " a missing or infinite day.",
        places(bad, lambda i: f"{subjects[i]} (row {i})"),
        "Give the day since first treatment, or remove the row.",
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals, and which of them are fractions.

    Attributes
    ----------
    score : ndarray, shape (n,)
    filled_in : ndarray of bool, shape (n,)
        Fractions that filling in unanswered items gives.
    unexplained : ndarray of bool, shape (n,)
        Fractions that nothing explains.
    """

    score: FloatArray
    filled_in: BoolArray
    unexplained: BoolArray

    def of(self, rows: IntArray | slice) -> Totals:
        """Return those of some rows."""
        return Totals(self.score[rows], self.filled_in[rows], self.unexplained[rows])


def exact_totals(score: FloatArray, scale: Scale, imputed: FloatArray | None = None) -> Totals:
    """Return totals with fractions of the scale made exact, and what other fractions they have.

    Fractions of the scale are means of several raters, where the scale is averaged over them.

    Parameters
    ----------
    score : ndarray, shape (n,)
    scale : Scale
    imputed : ndarray, shape (n,), optional
        Items filled in. Default: as many as the rule in use for the scale allows.

    Returns
    -------
    Totals
        Fractions that nothing explains stay as they are: `check_scores` refuses them.
    """
    if scale.step != 1:
        score = np.where(_on_step(score, scale), _nearest_step(score, scale), score)
    # Rows at fault are few, or none: they are looked at by their places.
    broken = rows_where(lambda s: ~_on_step(s, scale), score)
    broken = broken[np.isfinite(score[broken])]
    filled_in, unexplained = np.zeros(len(score), dtype=bool), np.zeros(len(score), dtype=bool)
    unexplained[broken] = True
    rule = scale.scoring.missing
    if imputed is not None:
        with np.errstate(invalid="ignore"):
            broken = broken[imputed[broken] > 0]
        at_most = int(np.max(imputed[broken], initial=0))
    else:
        at_most = rule.at_most if rule else 0
    if not len(broken) or not at_most:
        return Totals(score, filled_in, unexplained)
    exact = filled_in_totals(score[broken], scale.layout, at_most)
    explained = broken[~np.isnan(exact)]
    filled_in[explained], unexplained[explained] = True, False
    score = score.copy()
    score[explained] = exact[~np.isnan(exact)]
    return Totals(score, filled_in, unexplained)


def _nearest_step(score: FloatArray, scale: Scale) -> FloatArray:
    """Return the nearest total that the scale can give; a quotient of whole numbers."""
    step = Fraction(scale.step).limit_denominator(10)
    k = np.rint((score - scale.floor) / scale.step)
    return np.asarray(scale.floor + k * step.numerator / step.denominator, dtype=float)


def _on_step(score: FloatArray, scale: Scale) -> BoolArray:
    """Return which scores are totals that the scale can give without filling in."""
    if scale.step == 1:
        return np.asarray(score == np.rint(score), dtype=bool)
    # Thirds of a point have no exact decimals: six are asked for, as of totals filled in.
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(score - _nearest_step(score, scale)) < 1e-6, dtype=bool)


def check_scores(
    subjects: Labels, day: FloatArray, totals: Totals, row: IntArray, scale: Scale, what: str
) -> list[Problem]:
    """Check that scores lie on the scale and are whole; a raw sum for the total is named.

    Parameters
    ----------
    subjects : sequence, shape (n,)
    day : ndarray, shape (n,)
    totals : Totals
    row : ndarray of int, shape (n,)
        Row of the user's table in which each score stands.
    scale : Scale
    what : str
        What the scores are called in the message.
    """
    score = totals.score

    def at(i: int) -> str:
        when = f" at {show_day(day[i])}" if np.isfinite(day[i]) else ""
        return f"{subjects[i]}{when}: {score[i]:g} (row {row[i]})"

    problems = []
    if holds_anywhere(lambda s: (s < scale.floor) | (s > scale.maximum), score):
        outside = (score < scale.floor) | (score > scale.maximum)
        problems.append(_outside(outside, score, at, scale, what))
    if totals.unexplained.any():
        problems.append(_not_a_total(totals.unexplained, score, at, scale, what))
    return problems


def _not_a_total(
    broken: BoolArray, score: FloatArray, at: Callable[[int], str], scale: Scale, what: str
) -> Problem:
    n = int(broken.sum())
    filled = (
        " Where items were filled in, keep the column `items_imputed` of score_items beside the "
        "unrounded total."
        if scale.item_maxima
        else ""
    )
    if scale.step != 1:
        step = f"{scale.step:.4g}"
        return Problem(
            "not_on_step",
            count_of(n, f"{what[:-1]} is", f"{what} are") + f" no multiple of {step} points.",
            places(broken, at),
            f"{scale.label} totals move in steps of {step} here: look for rounded totals (give "
            f"them with six decimals) or another scale.{filled}",
        )
    halves = ""
    if not scale.is_ordinal and (2 * score[broken] == np.rint(2 * score[broken])).all():
        halves = (
            " Half points are means of two raters: say so with "
            f"scale=get_scale({scale.label!r}).averaged_over(2), in a plan averaged_over = 2."
        )
    return Problem(
        "non_integer_score",
        count_of(n, f"{what[:-1]} is not a whole number.", f"{what} are not whole numbers."),
        places(broken, at),
        f"{scale.label} totals are integers: look for means, rounded totals or another "
        f"scale.{filled}{halves}",
    )


def _outside(
    outside: BoolArray, score: FloatArray, at: Callable[[int], str], scale: Scale, what: str
) -> Problem:
    worst = float(np.nanmax(score[outside]))
    count = int(outside.sum())
    limits = f"{scale.floor} to {scale.maximum}"
    raw = scale.raw_maximum
    if raw is not None and scale.maximum < worst <= raw:
        return Problem(
            "raw_sum",
            count_of(count, f"{what[:-1]} lies", f"{what} lie")
            + f" above {scale.maximum}: this looks like the raw sum of the "
            f"{len(scale.item_maxima)} items (0 to {raw}) where the {scale.label} total belongs.",
            places(outside, at),
            f"Take the maximum within each of the {len(scale.domains)} domains, then add those.",
        )
    others = [
        n
        for n in scale_names()
        if n != scale.label
        and get_scale(n).maximum >= worst
        and np.nanmin(score) >= get_scale(n).floor
    ]
    # A slip or a code for missing is rare; another scale shows in many scores.
    many = count > 0.1 * np.isfinite(score).sum()
    hint = (
        f" All scores would fit {', '.join(others)}: is the scale right?" if many and others else ""
    )
    return Problem(
        "score_outside_scale",
        count_of(count, f"{what[:-1]} lies", f"{what} lie") + f" outside {scale.label} ({limits}).",
        places(outside, at),
        f"Correct the entries, or set codes for missing (such as 99 or -9) to empty.{hint}",
    )


def check_identifiers(missing: BoolArray, table: str) -> Problem | None:
    """Check that every row names a subject."""
    if not missing.any():
        return None
    return Problem(
        "missing_subject",
        count_of(int(missing.sum()), f"row of `{table}` names", f"rows of `{table}` name")
        + " no subject.",
        places(missing, lambda i: f"row {i}"),
        "Fill the identifier in, or remove the rows.",
    )


def check_known_subjects(
    values: Labels, unknown: BoolArray, ids: Labels, table: str
) -> Problem | None:
    """Check that every subject of a table is in `subjects`, whose identifiers are `ids`."""
    if not unknown.any():
        return None
    remedy = "Add them to `subjects`, or remove the rows."
    known = {name_of(i) for i in ids}
    strangers = pd.unique(np.asarray(values, dtype=object)[unknown])
    nearest_ids = likely_meant(strangers, ids)
    if nearest_ids and all(name_of(v) in known for v in strangers):
        remedy = (
            "Identifiers are text in one table and numbers in the other: "
            "convert both with .astype(str)."
        )
    elif nearest_ids:
        remedy = f"Write them alike in both tables: {nearest_ids} are probably the same."
    return Problem(
        "unknown_subject",
        count_of(int(unknown.sum()), f"row of `{table}` names", f"rows of `{table}` name")
        + " a subject that `subjects` does not have.",
        places(unknown, lambda i: f"{values[i]} (row {i})"),
        remedy,
    )


def name_of(identifier: Any) -> str:
    """Return an identifier as one would write it: 7, 7.0 and "7" are all written 7."""
    if isinstance(identifier, float | np.floating) and float(identifier).is_integer():
        return str(int(identifier))
    return str(identifier)


def missing_identifiers(values: pd.Series[Any]) -> BoolArray:
    """Return where a column of identifiers is missing or blank."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind == "O":  # text, and categories
        blank = [v for v in pd.unique(values) if isinstance(v, str) and not v.strip()]
        if blank:
            missing |= values.isin(blank).to_numpy(dtype=bool)
    return missing


def check_kinds_of_identifiers(values: pd.Series[Any], table: str) -> list[Problem]:
    """Check that identifiers are exact, and that none is a number here and text there.

    What is found makes all that follows meaningless, so it is reported before anything else.
    """
    missing = missing_identifiers(values)
    if len(values) and missing.all():
        return [
            Problem(
                "missing_subject",
                f"No row of `{table}` names a subject: column {str(values.name)!r} is empty.",
                (),
                "Name the column of the identifiers with subject=...",
            )
        ]
    inexact = np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "f":
        inexact = (np.abs(values.to_numpy(dtype=float)) >= _EXACT) & ~missing
    elif values.dtype == object and infer_dtype(values, skipna=True) != "string":
        inexact = np.fromiter(
            (isinstance(v, float | np.floating) and abs(float(v)) >= _EXACT for v in values),
            bool,
            len(values),
        )
    if inexact.any():
        return [
            Problem(
                "inexact_subject",
                count_of(
                    int(inexact.sum()), f"identifier of `{table}`", f"identifiers of `{table}`"
                )
                + " above 2^53 stored as a floating-point number: neighbours cannot be told apart.",
                places(inexact, lambda i: f"{values.array[i]!r} (row {i})"),
                "Read the column as text; converting it now would come too late.",
            )
        ]
    return _mixed_kinds(values, missing, table)


def _mixed_kinds(values: pd.Series[Any], missing: BoolArray, table: str) -> list[Problem]:
    if values.dtype.kind != "O" or infer_dtype(values, skipna=True) == "string":
        return []
    kinds: dict[str, set[bool]] = {}
    for value in pd.unique(values[~missing].astype(object)):
        kinds.setdefault(name_of(value), set()).add(isinstance(value, str))
    both = {name for name, kinds_of in kinds.items() if len(kinds_of) > 1}
    if not both:
        return []
    twin = np.fromiter((name_of(v) in both for v in values), bool, len(values)) & ~missing
    return [
        Problem(
            "mixed_subject",
            count_of(len(both), f"identifier of `{table}` is", f"identifiers of `{table}` are")
            + " a number in some rows and text in others.",
            places(twin, lambda i: f"{values.array[i]!r} (row {i})"),
            "Make the column text in whole: .astype(str), or .map(str).",
        )
    ]


def check_subject_rows(ids: Labels, repeated: BoolArray) -> Problem | None:
    """Check that `subjects` has one row a subject."""
    if not repeated.any():
        return None
    return Problem(
        "duplicate_subject",
        count_of(int(repeated.sum()), "row of `subjects` repeats", "rows of `subjects` repeat")
        + " a subject.",
        places(repeated, lambda i: f"{ids[i]} (row {i})"),
        "Keep one row a subject; what changes over time belongs in `visits`.",
    )


def check_treatment(ids: Labels, missing: BoolArray, row: IntArray) -> Problem | None:
    """Check that every subject has a treatment; `row` says where it was looked for."""
    if not missing.any():
        return None
    return Problem(
        "missing_treatment",
        count_of(int(missing.sum()), "subject has", "subjects have") + " no treatment.",
        places(missing, lambda i: f"{ids[i]} (row {row[i]})"),
        "Fill the treatment in; a subject without one cannot be compared.",
    )


def check_labels(values: pd.Series[Any], written: pd.Series[Any], column: str) -> Problem | None:
    """Check that no two treatments of different kinds are written the same way.

    Parameters
    ----------
    values, written : pandas.Series
        Treatments as given, and as text.
    """
    if values.dtype.kind != "O" or infer_dtype(values, skipna=True) == "string":
        return None
    kinds: dict[str, set[bool]] = {}
    first = ~pd.Series(list(zip(values.map(type), written, strict=True))).duplicated().to_numpy()
    for value, text in zip(values[first], written[first], strict=True):
        if isinstance(text, str):
            kinds.setdefault(text, set()).add(isinstance(value, str))
    both = [text for text, kinds_of in kinds.items() if len(kinds_of) > 1]
    if not both:
        return None
    return Problem(
        "mixed_treatment",
        f"Treatments in {column!r} are a number in some rows and text in others.",
        tuple(repr(text) for text in both),
        "Make the column text in whole: .astype(str), or .map(str).",
    )


def check_constant(ids: Labels, varies: BoolArray, column: str) -> Problem | None:
    """Check that a property of the subject does not change between visits."""
    if not varies.any():
        return None
    return Problem(
        "changing_value",
        f"{column!r} changes between visits of "
        + count_of(int(varies.sum()), "subject.", "subjects."),
        places(varies, lambda i: str(ids[i])),
        "Give one value a subject; a switch of treatment belongs in `events`.",
    )


def check_treated(values: pd.Series[Any] | None) -> Problem | None:
    """Check that the column of who began the treatment holds True and False, or 1 and 0."""
    if values is None:
        return None
    known = values.dropna()
    wrong = [v for v in known.unique().tolist() if isinstance(v, str) or v not in (0, 1)]
    if not wrong:
        return None
    return Problem(
        "treated_not_a_truth",
        f"The column 'treated' says who began the treatment and holds {wrong[0]!r}.",
        (),
        "Write True and False, or 1 and 0, or give the column another name.",
    )
