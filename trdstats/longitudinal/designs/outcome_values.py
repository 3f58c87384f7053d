"""The outcome of every rating as numbers, checked for what its family of distributions needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of
from trdstats.formulas import OutcomeFormula, outcome_of
from trdstats.kinds import kind_of

Family = Literal["binomial", "ordinal", "poisson", "gaussian"]
FAMILIES = ("binomial", "ordinal", "poisson", "gaussian")
_SHOWN = 6
# Of the squares of an outcome and of its variance, what least squares leave of an exact fit.
_ROUNDING, _EXACT = 1e-27, 1e-20


def read_outcome(
    frame: pd.DataFrame, formula: OutcomeFormula, family: Family
) -> tuple[FloatArray, tuple[Any, ...]]:
    """Return the outcome of every row as numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows without a missing value.
    formula : OutcomeFormula
    family : {"binomial", "ordinal", "poisson", "gaussian"}
        "binomial": 1 the event, 0 none, given as 0 and 1 or as True and False. "ordinal": the
        place of the category, 0 the lowest, given as an ordered category or as numbers.
        "poisson": a whole number of 0 or more. "gaussian": any finite number.

    Returns
    -------
    y : ndarray, shape (N,)
    categories : tuple
        Categories in order, for "ordinal"; empty for others.

    Raises
    ------
    DataError, SpecError
        When the outcome is not of the family.
    NotEstimableError
        When an ordinal outcome has one category only.
    """
    name = str(formula.lhs[0])
    if name not in frame:
        if family == "ordinal":
            raise SpecError(
                f"An ordinal outcome is a column, not a formula such as {name!r}: make the "
                f"categories a column first (pandas.cut)."
            )
        values = pd.Series(outcome_of(frame, formula))
    else:
        values = frame[name]
    if family == "ordinal":
        return _categories(values, name)
    y = _numbers(values, name, family)
    if family == "binomial":
        _refuse(~np.isin(y, (0.0, 1.0)), y, name, "0 or 1", _HOW_TO_CODE.format(name=name))
    if family == "poisson":
        wrong = (y < 0) | (y != np.floor(y))
        remedy = "Give counts, or use family='gaussian' for measurements."
        _refuse(wrong, y, name, "a whole number of 0 or more", remedy)
    return y, ()


def unrated_categories(values: pd.Series[Any], categories: Sequence[Any]) -> tuple[Any, ...]:
    """Return the declared categories of an outcome that do not occur, in order."""
    declared = values.dtype
    if not (isinstance(declared, pd.CategoricalDtype) and declared.ordered):
        return ()
    return tuple(c for c in declared.categories if c not in categories)


_HOW_TO_CODE = (
    "Code the event as 1 (or True) and no event as 0 (or False), e.g. "
    "frame[{name!r}] = (frame[...] == 'yes'). For ordered categories use family='ordinal'."
)


def _numbers(values: pd.Series[Any], name: str, family: Family) -> FloatArray:
    """Return a column of numbers, True as 1; text is refused."""
    kind = kind_of(values)
    # A column of True, False and missing entries is one of objects.
    if kind == "boolean" or all(isinstance(v, (bool, np.bool_)) for v in pd.unique(values)):
        return np.asarray(values.to_numpy(dtype=bool), dtype=float)
    if kind != "number":
        entries = ", ".join(repr(v) for v in list(pd.unique(values))[:_SHOWN])
        if family == "binomial":
            raise DataError(
                [
                    Problem(
                        "outcome_is_text",
                        f"The outcome {name!r} is not made of numbers ({entries}): which entry is "
                        "the event is not known.",
                        (),
                        _HOW_TO_CODE.format(name=name),
                    )
                ]
            )
        raise SpecError(f"The outcome {name!r} must be a number; it holds {entries}.")
    y = values.to_numpy(dtype=float)
    remedy = "Correct them, or leave the cells empty."
    _refuse(~np.isfinite(y), y, name, "a finite number", remedy)
    return y


def _refuse(wrong: BoolArray, y: FloatArray, name: str, what: str, remedy: str) -> None:
    if not wrong.any():
        return
    n = int(wrong.sum())
    raise DataError(
        [
            Problem(
                "bad_outcome",
                f"The outcome {name!r} is not {what} in "
                + count_of(n, "analysed row.", "analysed rows."),
                tuple(f"{v:g}" for v in np.unique(y[wrong])[: 3 * _SHOWN]),
                remedy,
            )
        ]
    )


def check_varies(outcome: str, y: FloatArray, *, event: bool = False) -> None:
    """Refuse an outcome that is the same in all ratings.

    Parameters
    ----------
    outcome : str
    y : ndarray, shape (N,)
    event : bool
        Whether 0 stands for no event.

    Raises
    ------
    NotEstimableError
    """
    check_range(outcome, float(y.min()), float(y.max()), len(y), event=event)


def check_range(
    outcome: str, lowest: float, highest: float, n: int, *, event: bool = False
) -> None:
    """Refuse the same, by the lowest and the highest value of n ratings."""
    if lowest == highest:
        what = "no event" if event and lowest == 0 else f"{lowest:g}"
        raise NotEstimableError(
            f"The outcome {outcome!r} is {what} in all {n:,} ratings: there is nothing to estimate."
        )


def check_not_exact(outcome: str, variance: float, least: float) -> None:
    """Refuse an outcome that a formula fits without any residual.

    Parameters
    ----------
    outcome : str
    variance, least : float
        Residual variance, and what rounding can leave of it.

    Raises
    ------
    NotEstimableError
    """
    if variance <= least:
        raise NotEstimableError(
            f"The formula fits every value of {outcome!r} exactly: no variation is left to judge "
            "an effect by. Is a covariate the outcome itself?"
        )


def check_residuals(outcome: str, y: FloatArray, rest: FloatArray, rank: int) -> None:
    """Refuse an outcome that a formula of some rank fits exactly, by residuals of least squares.

    No more ratings than effects are another fault.

    Raises
    ------
    NotEstimableError
    """
    if len(y) > rank:
        check_rest(outcome, float(np.mean(y**2)), float(np.var(y)), float(np.mean(rest**2)))


def check_rest(outcome: str, square: float, variance: float, rest: float) -> None:
    """Refuse the same, by mean squares of the outcome and of residuals, and its variance."""
    check_not_exact(outcome, rest, _ROUNDING * square + _EXACT * variance)


def _categories(values: pd.Series[Any], name: str) -> tuple[FloatArray, tuple[Any, ...]]:
    """Return the place of each category among those that occur, and the categories."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
        used = values.cat.remove_unused_categories()
        codes, levels = used.cat.codes.to_numpy(), tuple(used.cat.categories)
    elif kind_of(values) == "number":
        numbers, codes = np.unique(values.to_numpy(dtype=float), return_inverse=True)
        _refuse(~np.isfinite(numbers), numbers, name, "a finite number", "Leave the cells empty.")
        levels = tuple(int(v) if float(v).is_integer() else float(v) for v in numbers)
    else:
        entries = ", ".join(repr(v) for v in list(pd.unique(values))[:_SHOWN])
        raise DataError(
            [
                Problem(
                    "categories_without_order",
                    f"The outcome {name!r} has categories without an order ({entries}).",
                    (),
                    "Say the order, the lowest first: pandas.Categorical(frame"
                    f"[{name!r}], categories=[...], ordered=True).",
                )
            ]
        )
    if len(levels) < 2:
        raise NotEstimableError(
            f"The outcome {name!r} is {levels[0]!s} in every analysed row: there is nothing to "
            "compare."
        )
    return codes.astype(float), levels
