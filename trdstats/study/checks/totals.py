"""Totals: whether they lie on the scale, and which fractions filling in items explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.blocks import known_extremes, rows_where
from trdstats.kernels.visits.item_scores import filled_in_totals
from trdstats.kinds import places
from trdstats.scales import Scale, get_scale, scale_names
from trdstats.study.checks.values import Labels, show_day


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
    subjects: Labels,
    day: FloatArray,
    totals: Totals,
    row: IntArray | Sequence[int],
    scale: Scale,
    what: str,
) -> list[Problem]:
    """Check that scores lie on the scale and are whole; a raw sum for the total is named.

    Parameters
    ----------
    subjects : sequence, shape (n,)
    day : ndarray, shape (n,)
    totals : Totals
    row : sequence of int, shape (n,)
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
    low, high = known_extremes(score)
    if low < scale.floor or high > scale.maximum:
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
