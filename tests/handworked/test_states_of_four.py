"""Four subjects in three states, every number worked by hand.

N is not responding, R in response, L relapsed.

    A  N (0, 1] -> R    R (1, 3] -> L
    B  N (0, 2] -> R    R (2, 4] censored
    C  N (0, 3] -> R    R (3, 4] -> L
    D  N (0, 2] censored

    day  at risk N  moves      at risk R  moves      p(N)  p(R)  p(L)
    1    4          A -> R     0          -          3/4   1/4   0
    2    3          B -> R     1          -          1/2   1/2   0
    3    1          C -> R     2          A -> L     0     3/4   1/4
    4    0          -          2          C -> L     0     3/8   5/8

Mean days to day 4: N 1 + 3/4 + 1/2 = 9/4, R 1/4 + 1/2 + 3/4 = 3/2, L 1/4; together 4.

Influence U on p, by U(t) = U(t-) H + p_j(t-) / n_j (own step - row j of H):

    day 1  row N of H is (3/4, 1/4, 0); p(N) / n = 1/4
           A (-3/16, 3/16, 0); B, C, D (1/16, -1/16, 0)            variance of p(R): 12/256 = 3/64
    day 2  row N is (2/3, 1/3, 0); p(N) / n = 1/4
           A (-1/8, 1/8, 0)
           B 1/16 2/3 - 1/4 2/3 = -1/8: (-1/8, 1/8, 0)
           C, D 1/16 2/3 + 1/4 1/3 = 1/8: (1/8, -1/8, 0)           variance 4/64 = 1/16
    day 3  row N is (0, 1, 0), row R (0, 1/2, 1/2); p(R) / n = 1/4; C moves with all of N: no gain
           A on R: -1/8 + 1/8 1/2 - 1/4 1/2 = -3/16: (0, -3/16, 3/16)
           B -1/16 + 1/4 1/2 = 1/16: (0, 1/16, -1/16); C, D 1/8 - 1/16 = 1/16    variance 3/64
    day 4  row R is (0, 1/2, 1/2); p(R) / n = 3/8
           A -3/32; B 1/32 + 3/8 1/2 = 7/32; C 1/32 - 3/16 = -5/32; D 1/32
           variance (9 + 49 + 25 + 1) / 1024 = 21/256

Influence on mean days in response, each day holding for one: A 3/16 + 1/8 - 3/16 = 1/8,
B -1/16 + 1/8 + 1/16 = 1/8, C and D -1/16 - 1/8 + 1/16 = -1/8: variance 1/16.

Intensities, all days known: N is watched for 1 + 2 + 3 + 2 = 8 days and left 3 times, R for
2 + 2 + 1 = 5 days and left twice: 3/8 and 2/5 a day; the logarithm of each has variance 1 over
the number of moves. The log-likelihood is 3 log 3/8 - 3 + 2 log 2/5 - 2.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from trdstats import IntervalResponseState, ResponseState

N, R, L = "not responding", "in response", "relapsed"
FOUR = pd.DataFrame(
    [
        ("A", 0, 1, N, R), ("A", 1, 3, R, L), ("B", 0, 2, N, R), ("B", 2, 4, R, "censored"),
        ("C", 0, 3, N, R), ("C", 3, 4, R, L), ("D", 0, 2, N, "censored"),
    ],
    columns=["subject", "start", "stop", "state", "to"],
).assign(treatment="x")  # fmt: skip


def exactly(*values: Fraction | int) -> object:
    return pytest.approx([float(v) for v in values], rel=1e-12, abs=1e-15)


def test_probabilities_and_errors() -> None:
    frame = ResponseState(tau=4).fit(FOUR).at([0, 1, 2, 3, 4]).set_index("state")
    assert frame.loc[N, "estimate"].tolist() == exactly(1, Fraction(3, 4), Fraction(1, 2), 0, 0)
    assert frame.loc[R, "estimate"].tolist() == exactly(
        0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(3, 8)
    )
    assert frame.loc[L, "estimate"].tolist() == exactly(0, 0, 0, Fraction(1, 4), Fraction(5, 8))
    assert frame.loc[N, "n_risk"].tolist() == [4, 4, 3, 1, 0]
    assert frame.loc[R, "n_risk"].tolist() == [0, 0, 1, 2, 2]
    variance = frame.loc[R, "std_error"].to_numpy() ** 2
    assert variance.tolist() == exactly(
        0, Fraction(3, 64), Fraction(1, 16), Fraction(3, 64), Fraction(21, 256)
    )


def test_limits_on_the_logit_scale() -> None:
    row = ResponseState(tau=4).fit(FOUR).at([4]).set_index("state").loc[R]
    # p (1 - p) = 15/64, so the logit has standard error sqrt(21/256) 64/15.
    half = 1.959963984540054 * np.sqrt(21 / 256) * 64 / 15
    odds = 3 / 5 * np.exp([-half, half])
    assert [row["conf_low"], row["conf_high"]] == pytest.approx(odds / (1 + odds), rel=1e-12)


def test_influence_and_mean_days() -> None:
    fit = ResponseState(tau=4).fit(FOUR)
    effect = fit.influence([2, 4])
    assert effect["subject"].tolist() == list("ABCD")
    assert effect[f"probability x {R} 2"].tolist() == exactly(
        Fraction(1, 8), Fraction(1, 8), Fraction(-1, 8), Fraction(-1, 8)
    )
    assert effect[f"probability x {R} 4"].tolist() == exactly(
        Fraction(-3, 32), Fraction(7, 32), Fraction(-5, 32), Fraction(1, 32)
    )
    assert effect[f"mean days x {R} 4"].tolist() == exactly(
        Fraction(1, 8), Fraction(1, 8), Fraction(-1, 8), Fraction(-1, 8)
    )
    days = fit.mean_days().set_index("state")
    assert days["estimate"].tolist() == exactly(Fraction(9, 4), Fraction(3, 2), Fraction(1, 4))
    assert days.loc[R, "std_error"] == pytest.approx(1 / 4, rel=1e-12)


def test_intensities_of_known_days() -> None:
    # A change on a known day: left and right meet.
    fit = IntervalResponseState(tau=4).fit(FOUR)
    rates = fit.intensities()
    # The search ends where a further step would gain less than 1e-16 of log-likelihood.
    assert rates["estimate"].tolist() == pytest.approx([3 / 8, 2 / 5], rel=1e-7)
    assert rates["std_error"].tolist() == pytest.approx([3**-0.5, 2**-0.5], rel=1e-7)
    expected = 3 * np.log(3 / 8) - 3 + 2 * np.log(2 / 5) - 2
    assert fit.glance()["loglik"].item() == pytest.approx(expected, rel=1e-12)
    a, b, t = 3 / 8, 2 / 5, 3.0
    in_response = a * (np.exp(-b * t) - np.exp(-a * t)) / (a - b)
    got = fit.at([t]).set_index("state")["estimate"]
    assert got.tolist() == pytest.approx(
        [np.exp(-a * t), in_response, 1 - np.exp(-a * t) - in_response], rel=1e-7
    )
