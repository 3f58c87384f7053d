"""Six subjects whose every number is worked by hand.

Days 1, 2, 2, 3, 4, 5; causes 1, 1, 2, 0, 1, 0: a tie of two causes, a censoring between events
and one at the end.

Kaplan-Meier for cause 1 (cause 2 censored; at day 2 the censored one is still at risk):

    day  at risk  events  S                Greenwood d / (n (n - d))
    1    6        1       5/6              1/30
    2    5        1       5/6 4/5 = 2/3    1/30 + 1/20 = 1/12
    4    2        1       1/3              1/12 + 1/2  = 7/12

Restricted mean to day 4: 1 + 5/6 + 2/3 + 2/3 = 19/6. Areas from each event to day 4: from day 1
13/6, from day 2 4/3, so its variance is (13/6)^2 / 30 + (4/3)^2 / 20 = 169/1080 + 4/45 = 53/216.

Aalen-Johansen: survival of both causes 5/6, then 5/6 (1 - 2/5) = 1/2, then 1/4.
F1: 1/6, 1/6 + 5/6 1/5 = 1/3, 1/3 + 1/2 1/2 = 7/12. F2: 0, 1/6, 1/6.
Variance of F1(2) by its definition, terms S(u-)^2 d / n^2 times the square of
1[cause 1] - (F1(2) - F1(u)) / S(u):
    u = 1: 1/36 (1 - (1/3 - 1/6) / (5/6))^2 = 1/36 (4/5)^2 = 4/225
    u = 2, cause 1: (25/36) / 25 = 1/36; cause 2: its F has no more to gain, so 0
Together 4/225 + 1/36 = 41/900.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from trdstats import RMST, AalenJohansen, EventTimes, KaplanMeier, LogRank

SIX = pd.DataFrame(
    {
        "subject": list("abcdef"),
        "treatment": ["x", "y", "x", "y", "x", "y"],
        "time": [1, 2, 2, 3, 4, 5],
        "status": [1, 1, 2, 0, 1, 0],
    }
)


@pytest.fixture
def six() -> EventTimes:
    return EventTimes(SIX, causes={1: "relapse", 2: "switch"})


def exactly(*values: Fraction | int) -> object:
    return pytest.approx([float(v) for v in values], rel=1e-12, abs=1e-15)


def test_kaplan_meier(six: EventTimes) -> None:
    fit = KaplanMeier(by=None).fit(six)
    curve = fit.tidy()
    assert curve["time"].tolist() == [0, 1, 2, 3, 4, 5]
    assert curve["n_risk"].tolist() == [6, 6, 5, 3, 2, 1]
    assert curve["n_event"].tolist() == [0, 1, 1, 0, 1, 0]
    assert curve["n_censor"].tolist() == [0, 0, 1, 1, 0, 1]
    assert curve["estimate"].tolist() == exactly(
        1, Fraction(5, 6), Fraction(2, 3), Fraction(2, 3), Fraction(1, 3), Fraction(1, 3)
    )
    greenwood = (curve["std_error"] / curve["estimate"]) ** 2
    assert greenwood.tolist() == exactly(
        0, Fraction(1, 30), Fraction(1, 12), Fraction(1, 12), Fraction(7, 12), Fraction(7, 12)
    )
    assert fit.quantiles((0.25, 0.5))["estimate"].tolist() == [2, 4]


def test_log_log_interval(six: EventTimes) -> None:
    row = KaplanMeier(by=None).fit(six).at([2]).iloc[0]
    s, z = 2 / 3, 1.959963984540054
    spread = z * np.sqrt(1 / 12) / np.log(s)
    assert row["conf_low"] == pytest.approx(s ** np.exp(-spread), rel=1e-12)
    assert row["conf_high"] == pytest.approx(s ** np.exp(spread), rel=1e-12)


def test_restricted_mean(six: EventTimes) -> None:
    row = RMST(tau=4, by="one").fit(
        EventTimes(SIX.assign(one="all"), causes={1: "relapse", 2: "switch"})
    )
    got = row.tidy().iloc[0]
    assert got["estimate"] == pytest.approx(19 / 6, rel=1e-12)
    assert got["std_error"] ** 2 == pytest.approx(53 / 216, rel=1e-12)


def test_aalen_johansen(six: EventTimes) -> None:
    frame = AalenJohansen(by=None).fit(six).at([1, 2, 4])
    relapse, switch = (frame[frame["cause"] == c] for c in ("relapse", "switch"))
    assert relapse["estimate"].tolist() == exactly(Fraction(1, 6), Fraction(1, 3), Fraction(7, 12))
    assert switch["estimate"].tolist() == exactly(0, Fraction(1, 6), Fraction(1, 6))
    assert relapse["std_error"].iloc[1] ** 2 == pytest.approx(41 / 900, rel=1e-12)


def test_log_rank(six: EventTimes) -> None:
    """Expected events under x: 3/6 + 2/5 + 1/2 = 7/5 of 3; observed 2.

    Variance: (3/6)(3/6) + (2/5)(3/5) + (1/2)(1/2) = 1/4 + 6/25 + 1/4 = 37/50.
    """
    fit = LogRank().fit(six)
    assert fit.tidy()["observed"].tolist() == [2, 1]
    assert fit.tidy()["expected"].tolist() == exactly(Fraction(7, 5), Fraction(8, 5))
    assert fit.glance()["statistic"].item() == pytest.approx(
        float(Fraction(3, 5) ** 2 / Fraction(37, 50)), rel=1e-12
    )
