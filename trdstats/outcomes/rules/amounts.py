"""What a share of improvement is a share of, on scales of either direction."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits.endpoints import (
    BASELINE_AT_CEILING,
    BASELINE_AT_FLOOR,
    RatedVisits,
    States,
    fell_by,
    rose_by,
)
from trdstats.outcomes.rules.given_numbers import check_amount, read_proportion
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.scales import Scale

Of = Literal["baseline", "distance"]

_OF_BASELINE = "of the baseline above the floor of the scale"


def check_of(of: str | None) -> None:
    """Raise `SpecError` unless it names what a share is a share of, or is None."""
    if of is not None:
        check_choice("of", of, get_args(Of))


def read_of(of: Of | None, scale: Scale, what: str) -> Of:
    """Return what a share is a share of.

    Where low is good both readings are one: the baseline above the floor is the distance to the
    best total. Where high is good they differ, and none is taken for granted.

    Raises
    ------
    SpecError
        When high is good and nothing was said.
    """
    if of is not None:
        return of
    if scale.high_is_good:
        points = ", or with a rise in points, Response(points=...)" if what == "response" else ""
        raise SpecError(
            f"A high total is good on {scale.label}, so {what} needs to say what it is a share of: "
            f"of='distance' (from the baseline to the highest total, {scale.maximum}) or "
            f"of='baseline' (above {scale.floor}; not defined for a baseline of "
            f"{scale.floor}){points}."
        )
    return "baseline"


def improved_by(
    visits: RatedVisits, scale: Scale, proportion: float, of: Of | None, what: str
) -> States:
    """Mark rows on which the score got better by at least a share.

    Parameters
    ----------
    visits : RatedVisits
    scale : Scale
    share : float
    of : {"baseline", "distance"} or None
    what : str
        Name of the definition, for the message.

    Raises
    ------
    SpecError
        When totals are categories, or high is good and `of` was not said.
    """
    return fell_by(visits, read_proportion(what, proportion), *_amount(visits, scale, of, what))


def worsened_by(
    visits: RatedVisits, scale: Scale, proportion: float, of: Of | None, what: str
) -> States:
    """Mark rows on which the score got worse by at least a share; as `improved_by`."""
    return rose_by(visits, read_proportion(what, proportion), *_amount(visits, scale, of, what))


def improved_limit(scale: Scale, proportion: float, of: Of | None, what: str) -> ScoreLimit:
    """Return the limit that scores which got better by at least a share do not exceed."""
    constant, slope = _line(scale, -read_proportion(what, proportion), of, what)
    return ScoreLimit(constant, slope)


def worsened_limit(scale: Scale, proportion: float, of: Of | None, what: str) -> ScoreLimit:
    """Return the limit that scores which got worse by at least a share reach."""
    constant, slope = _line(scale, read_proportion(what, proportion), of, what)
    return ScoreLimit(constant, slope, closed=False)


def _line(
    scale: Scale, proportion: Fraction, of: Of | None, what: str
) -> tuple[Fraction, Fraction]:
    """Return constant and slope of the baseline plus a share of the amount."""
    check_amount(scale, what)
    if scale.high_is_good and read_of(of, scale, what) == "baseline":
        return proportion * scale.maximum, 1 - proportion
    return -proportion * scale.floor, 1 + proportion


def _amount(visits: RatedVisits, scale: Scale, of: Of | None, what: str) -> tuple[FloatArray, int]:
    """Return what each subject's share is taken of, and why there may be none."""
    check_amount(scale, what)
    base = visits.baseline
    of = read_of(of, scale, what)
    if not scale.high_is_good:
        return base - visits.floor, BASELINE_AT_FLOOR
    if of == "distance":
        return base - visits.floor, BASELINE_AT_CEILING
    return scale.maximum - base, BASELINE_AT_FLOOR


def direction(scale: Scale | None, given: object, *, worse: bool = False) -> str:
    """Return what getting better (or worse) is: a "fall" or a "rise".

    Parameters
    ----------
    scale : Scale or None
    said : object
        Not None where the rule was made for scales of any direction: without a scale it is then
        an "improvement" (or a "worsening"); otherwise it reads as on most scales.
    worse : bool
    """
    if scale is None and given is not None:
        return "worsening" if worse else "improvement"
    good = scale is not None and scale.high_is_good
    return "rise" if good != worse else "fall"


def of_words(scale: Scale | None, of: Of | None, what: str) -> str:
    """Return what a share is a share of in words."""
    if scale is None and of == "distance":
        return "of the distance from the baseline to the best total of the scale"
    if scale is None or not scale.high_is_good or read_of(of, scale, what) == "baseline":
        return _OF_BASELINE
    return f"of the distance from the baseline to the highest total ({scale.maximum})"


def proportion_label(
    scale: Scale | None, proportion: str, of: Of | None, what: str, *, worse: bool = False
) -> str:
    """Return a share with its direction, for a label: ``≥ 50 % fall``.

    Parameters
    ----------
    share : str
        The share with its sign, ``≥ 50 %``.
    """
    text = f"{proportion} {direction(scale, of, worse=worse)}"
    if scale is not None and scale.high_is_good and read_of(of, scale, what) == "distance":
        return f"{text} of the distance to {scale.maximum}"
    return text


def is_usual(scale: Scale | None, of: Of | None) -> bool:
    """Return whether a share is one of the baseline where low is good, as in published rules."""
    return of is None if scale is None else not scale.high_is_good
