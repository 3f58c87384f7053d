"""Totals in half points: means of two raters, where the scale says so, exact to the point."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import DataError
from trdstats.kernels.visits.endpoints import (
    RatedVisits,
    Since,
    fell_by,
    fell_by_points,
    rose_by,
    rose_since,
)
from trdstats.study.checks.totals import exact_totals

TWO = trd.get_scale("HAMD24").averaged_over(2)


def study(scores: list[float], scale: Any, baseline: float = 31.0) -> trd.Study:
    n = len(scores)
    visits = pd.DataFrame(
        {"subject": ["A"] * (n + 1) + ["B"] * 2, "treatment": ["x"] * (n + 1) + ["y"] * 2,
         "day": [7 * i for i in range(n + 1)] + [0, 7],
         "score": [baseline, *scores, 30, 20]}
    )  # fmt: skip
    return trd.Study(visits, scale=scale)


def test_half_points_are_totals_of_two_raters_and_the_half_is_exact() -> None:
    # Half of 31 is 15.5: a response, and half a point more is none.
    own = study([15.5, 16, 23.5], TWO)
    assert trd.assess(own, trd.Response())["met"].tolist()[:3] == [True, False, False]
    assert trd.assess(own, trd.Remission(at_most=15))["met"].tolist()[:3] == [False, False, False]
    assert trd.assess(own, trd.Response(points=15.5))["met"].tolist()[:3] == [True, False, False]
    assert "HAMD24, 0 to 76 in steps of 0.5, high is worse" in repr(own)


def test_half_points_of_a_plain_scale_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError) as caught:
        study([15.5, 23.5], "HAMD24")
    said = str(caught.value)
    assert "2 HAMD24 scores are not whole numbers" in said
    assert "Half points are means of two raters: say so with" in said
    assert "scale=get_scale('HAMD24').averaged_over(2)" in said
    with pytest.raises(DataError) as caught:
        study([15.3, 23.5], "HAMD24")
    assert "averaged_over" not in str(caught.value)
    with pytest.raises(DataError) as caught:  # categories have no mean
        study([2.5, 3.5], "CGI-S", baseline=6)
    assert "averaged_over" not in str(caught.value)


def test_other_fractions_of_an_averaged_scale_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 HAMD24 score is no multiple of 0.5 points"):
        study([15.25], TWO)
    with pytest.raises(DataError, match="six decimals"):
        study([15.33], trd.get_scale("HAMD24").averaged_over(3))
    three = study([15.333333], trd.get_scale("HAMD24").averaged_over(3))
    assert three.visits["score"].iloc[1] == 46 / 3


def test_a_raw_total_taken_for_a_percentage_is_refused() -> None:
    with pytest.raises(DataError, match=r"2 WHO5PCT scores are no multiple of 4 points"):
        study([13], "WHO5PCT", baseline=8)


def test_items_filled_in_still_count_where_raters_are_averaged() -> None:
    # 9 of 10 items sum to 22: 24.444..., no half point, but one that filling in gives.
    two = trd.get_scale("MADRS").averaged_over(2)
    totals = exact_totals(np.array([24.4444444444, 24.5, 24.3]), two)
    exact, filled = totals.score, totals.filled_in
    assert exact[0] == 220 / 9
    assert filled.tolist() == [True, False, False]
    with pytest.raises(DataError, match=r"24\.3"):
        study([24.3], two)


DENOMINATORS = st.sampled_from([1, 2, 3, 4, 5, 9, 10, 21, 99, 100])


@st.composite
def quotients(draw: Any) -> tuple[Fraction, float]:
    """Return a total of 0 to 60 as an exact fraction, and as what a study makes of it."""
    d = draw(DENOMINATORS)
    exact = Fraction(draw(st.integers(0, 60 * d)), d)
    return exact, exact.numerator / exact.denominator


def visits(base: float, scores: list[float], **more: Any) -> RatedVisits:
    n = len(scores)
    return RatedVisits(np.array([0, n]), np.arange(1.0, n + 1), np.array(scores),
                       np.array([base]), 0.0, **more)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    base=quotients(), seen=quotients(), p=st.integers(1, 100), q=st.integers(1, 100),
    points=st.fractions(Fraction(1, 10), 40, max_denominator=10), on_edge=st.booleans(),
)  # fmt: skip
def test_every_comparison_is_that_of_exact_arithmetic(
    base: tuple[Fraction, float], seen: tuple[Fraction, float], p: int, q: int,
    points: Fraction, on_edge: bool,
) -> None:  # fmt: skip
    share = Fraction(min(p, q), max(p, q))
    B, b = base
    S, s = seen
    if on_edge and (B * (1 - share)).denominator <= 100:
        S = B * (1 - share)  # exactly at the threshold
        s = S.numerator / S.denominator
    own = visits(b, [s])
    if B > 0:
        assert bool(fell_by(own, share).met[0]) == (share * B <= B - S)
        assert bool(rose_by(own, share).met[0]) == (share * B <= S - B)
    to_top = np.array([60 - b])
    if B < 60:
        assert bool(fell_by(own, share, to_top).met[0]) == (share * (60 - B) <= B - S)
    assert bool(fell_by_points(own, points).met[0]) == (points <= B - S)
    origin = Since(np.array([0]), np.array([b]))
    for least in (1, 10):
        assert bool(rose_since(own, origin, least)[0]) == (least <= S - B)
