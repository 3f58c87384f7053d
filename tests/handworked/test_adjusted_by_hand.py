"""Standardisation, matching and weights for censoring whose every number is worked by hand.

**Standardisation.** Ten subjects, five in stratum u and five in v. Outcomes

    stratum  a          b
    u        1 0        1 1 0
    v        1 0 0      1 0

so the means are 1/2, 2/3 in u and 1/3, 1/2 in v. Standardised to all ten, half of them in u:
a (1/2 + 1/3) / 2 = 5/12, b (2/3 + 1/2) / 2 = 7/12, difference 1/6.

A cell with mean p of m subjects has sum of ((y - p) / m)^2 = p (1 - p) / m, and counts by half:
Var(a) = ((1/4) / 2 + (2/9) / 3) / 4 = 1/32 + 1/54 = 43/864, Var(b) the same; these are the
variances with fixed covariates. The covariates add the spread of the stratum's mean around the
standardised one, 1/12 either way: 10 (1/12)^2 / 100 = 1/1440 to each of a and b, and to the
difference, 1/6 in both strata, nothing: Var = 43/432.

Weights 1 / (share of the treatment in the stratum) are 5/2 and 5/3 for a: mean
(5/2 + 5/3) / 10 = 5/12 again.

**Matching.** Scores of the treated 1, 2, 2.1 with outcomes 5, 4, 7; of the controls 0.9, 2.05, 3
with outcomes 1, 3, 6. Those with the largest score choose first: 2.1 takes 2.05; 2 then finds 0.9
at 1.1 and 3 at 1, takes 3; 1 takes 0.9. Within 0.5 the subject at 2 finds nobody.

With replacement 2 and 2.1 share 2.05: differences 5 - 1, 4 - 3, 7 - 3, mean 3, sum of squares
around it 1 + 4 + 1 = 6. The control at 2.05 is used twice: K (K - 1) = 2. Its nearest fellow is 3
(0.95 away, 0.9 is 1.15 away): variance (3 - 6)^2 / 2 = 9/2. Together (6 + 2 9/2) / 9 = 5/3.

**Censoring.** Four subjects, A and B with x = 0, C and D with x = 1. C leaves at 1 (all four at
risk), B at 2 (A, B, D at risk); D has the event at 3, A at 4. With r = exp(b) the partial
likelihood of leaving is r / (2 + 2 r) times 1 / (2 + r). Its logarithm is flat where
1/r = 1/(1 + r) + 1/(2 + r), that is r^2 = 2. The baseline hazard cumulates to
1 / (2 + 2 sqrt 2) + 1 / (2 + sqrt 2) = (sqrt 2 - 1) / 2 + (2 - sqrt 2) / 2 = 1/2. At day 3 A weighs
exp(1/2) and D exp(sqrt 2 / 2), so the hazard there is 1 / (1 + exp((1 - sqrt 2) / 2)), survival
1 / (1 + exp((sqrt 2 - 1) / 2)) = 0.4484; Kaplan-Meier has 1/2. Restricted mean to day 4: 3 more.
"""

from __future__ import annotations

from fractions import Fraction
from math import exp, sqrt

import numpy as np
import pandas as pd
import pytest

from trdstats import IPCW, EventTimes, PropensityWeights, Standardisation
from trdstats.kernels.weighting.matching import (
    local_variance,
    match_again,
    match_once,
    replaced_covariance,
)

TEN = pd.DataFrame(
    {
        "subject": list("abcdefghij"),
        "treatment": list("aabbb") + list("aaabb"),
        "stratum": ["u"] * 5 + ["v"] * 5,
        "y": [1, 0, 1, 1, 0, 1, 0, 0, 1, 0],
    }
)
TREATED, CONTROL = np.array([1.0, 2.0, 2.1]), np.array([0.9, 2.05, 3.0])
FOUR = pd.DataFrame(
    {"subject": list("ABCD"), "treatment": "x", "x": [0, 0, 1, 1], "time": [4, 2, 1, 3],
     "status": [1, 0, 0, 1]}
)  # fmt: skip


def variances(table: pd.DataFrame) -> list[float]:
    own = table[table["measure"].isin(["rate", "difference"])]
    return (own["std_error"] ** 2).tolist()


def test_standardised_rates() -> None:
    spec = Standardisation("treatment * stratum", outcome="y")
    table = spec.fit(TEN).tidy()
    # Logistic models end within 1e-10 of their maxima.
    assert table["estimate"][:3].tolist() == pytest.approx([5 / 12, 7 / 12, 1 / 6], abs=1e-9)
    cell = Fraction(43, 864)
    expected = [float(cell + Fraction(1, 1440))] * 2 + [float(2 * cell)]
    assert variances(table) == pytest.approx(expected, rel=1e-8)
    fixed = Standardisation("treatment * stratum", outcome="y", variance="fixed covariates")
    assert variances(fixed.fit(TEN).tidy()) == pytest.approx(
        [float(cell), float(cell), float(2 * cell)], rel=1e-8
    )


def test_weighted_rates_are_the_same_with_the_same_errors() -> None:
    weights = PropensityWeights("stratum").fit(TEN).subject_weights.first_order()
    table = Standardisation("treatment", outcome="y").fit(TEN, weights=weights).tidy()
    assert table["estimate"][:3].tolist() == pytest.approx([5 / 12, 7 / 12, 1 / 6], abs=1e-8)
    expected = [43 / 864 + 1 / 1440] * 2 + [43 / 432]
    assert variances(table) == pytest.approx(expected, rel=1e-7)


def test_greedy_pairs() -> None:
    pairs = match_once(TREATED, CONTROL, np.array([2, 1, 0]), 1, np.inf).pairs()
    assert pairs.treated.tolist() == [0, 1, 2]
    assert pairs.control.tolist() == [0, 2, 1]
    near = match_once(TREATED, CONTROL, np.array([2, 1, 0]), 1, 0.5).pairs()
    assert near.treated.tolist() == [0, 2]


def test_pairs_with_replacement() -> None:
    pairs = match_again(TREATED, CONTROL, 1, np.inf).pairs()
    assert pairs.control.tolist() == [0, 1, 1]
    y, other = np.array([5.0, 4.0, 7.0]), np.array([1.0, 3.0, 6.0])
    variance = local_variance(CONTROL, other)
    assert variance[1] == pytest.approx(9 / 2)
    used = np.array([1.0, 2.0, 0.0])
    V = replaced_covariance(y, other[pairs.control], used, used, variance)
    gap = np.array([-1.0, 1.0])
    assert gap @ V @ gap == pytest.approx(5 / 3, rel=1e-12)


def test_survival_weighted_for_censoring() -> None:
    fit = IPCW("x", days=[3.5], tau=4).fit(EventTimes(FOUR))
    # The Cox model ends within 1e-9 of its maximum.
    assert fit.coefficients()["estimate"].tolist() == pytest.approx([np.log(2) / 2], abs=1e-8)
    survival = 1 / (1 + exp((sqrt(2) - 1) / 2))
    table = fit.tidy()
    assert table["estimate"].tolist() == pytest.approx([survival, 3 + survival], abs=1e-8)
