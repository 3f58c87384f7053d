"""Comparisons whose every number is worked by hand.

E-value. RR 2: 2 + sqrt(2 * 1) = 3.41421; of 1/2 the same. HR 4 of a common outcome: root 2, so
RR = (1 - 1/4) / (1 - 1/sqrt(2)) = 0.75 / 0.292893 = 2.560660. OR 4: RR 2. d = 1: exp(0.91).

Unmeasured confounder. RR 1.5 (1.2 to 1.875); cause in 1/4 of the reference, effect 3: bias
(2 p1 + 1) / 1.5. p1 = 0.625 gives 1.5: nothing is left. p1 = 0.4 gives 1.2: the lower limit meets
1. For a difference of 4 with an effect of 8: 8 (p1 - 1/4) = 4 at p1 = 0.75.

Bucher. OR 2 against C (SE 0.3), OR 4/5 of B against C (SE 0.4): 2.5, log SE 0.5.

Two strata, 6/10 v 3/10 and 4/10 v 2/10. Odds ratio (42 + 32) / (12 + 12) = 37/12. With
P = 13/20, 12/20; Q = 7/20, 8/20; R = 2.1, 1.6 (sum 3.7); S = 0.6, 0.6 (sum 1.2): variance
2.325 / 27.38 + 2.125 / 8.88 + 0.45 / 2.88 = 0.480468. Observed less expected 1.5 + 1 = 2.5,
variances 99/76 + 84/76 = 183/76: chi-squared 6.25 / (183/76) = 2.595628. Weights 5 and 5:
difference (0.3 + 0.2) / 2 = 0.25. At no difference the variances are 0.2 (20/19) (0.45 0.55) and
0.2 (20/19) (0.3 0.7), over 4: 0.0240789; z squared 0.0625 / 0.0240789 = 2.595628 again.

Margin. 50/100 v 50/100 against -0.2: by symmetry the rates under the margin are 0.4 and 0.6,
variance 2 * 0.24 / 100 = 0.0048, z = 0.2 / sqrt(0.0048) = 2.886751; Miettinen and Nurminen
multiply the variance by 200/199.

Pooling. 1 and 3 with variances 1: Q = 2, tau2 = (2 - 1) / (2 - 2/2) = 1, I2 = 1/2; variance of
the mean (1 + 1) / 2 = 1; Hartung and Knapp: 1 * (1/2 + 1/2) / 1 = 1, t of 1 df.

Matching. Four subjects, x = 0, 0, 1, 1 and y = 0, 1, 1, 1; target mean 0.8. Weights 0.4, 0.4, 1.6,
1.6 (gamma = log 4); effective size 16 / 5.44. The weighted mean is standardisation:
0.2 * 1/2 + 0.8 * 1 = 0.9, so its variance, the target known, is 0.2^2 * (1/4 + 1/4) / 4 = 0.005.
With the weights taken as known it would be 0.1^2 (0.9^2 + 0.1^2) + 2 * 0.4^2 0.1^2 = 0.0114.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    MAIC,
    Bucher,
    Effect,
    NoninferiorityTest,
    PublishedArm,
    PublishedTrial,
    compare_strata,
    e_value,
    unmeasured_confounder,
)
from trdstats.kernels.numerics import meta_analysis

EXACT = 1e-12


@pytest.mark.parametrize(
    ("estimate", "measure", "rare", "ratio"),
    [
        (2.0, "risk ratio", None, 2.0),
        (2.0, "hazard ratio", True, 2.0),
        (4.0, "hazard ratio", False, 0.75 / (1 - 1 / sqrt(2))),
        (4.0, "odds ratio", False, 2.0),
        (1.0, "difference in means", None, exp(0.91)),
    ],
)
def test_e_values(estimate: float, measure: str, rare: bool | None, ratio: float) -> None:
    found = e_value(estimate, measure=measure, rare=rare)
    assert found.risk_ratio[0] == pytest.approx(ratio, rel=EXACT)
    assert found.estimate == pytest.approx(ratio + sqrt(ratio * (ratio - 1)), rel=EXACT)


def test_e_value_of_the_published_example() -> None:
    """VanderWeele and Ding 2017: 3.9 (1.8 to 8.7) has 7.26, its limit 3.0."""
    found = e_value(3.9, 1.8, 8.7, measure="risk ratio")
    assert [round(found.estimate, 2), round(found.limit, 1)] == [7.26, 3.0]


def test_unmeasured_cause() -> None:
    seen = Effect("risk ratio", "ECT", "TMS", 1.5, 1.2, 1.875)
    found = unmeasured_confounder(
        seen, prevalence_reference=0.25, prevalence_treated=[0.25, 0.4, 0.625], effect_of_cause=[3]
    )
    row = found.tipping().iloc[0]
    assert row["prevalence_treated"] == pytest.approx(0.625, rel=EXACT)
    assert row["prevalence_treated_limit"] == pytest.approx(0.4, rel=EXACT)
    assert found.tidy()["bias"].tolist() == pytest.approx([1.0, 1.2, 1.5], rel=EXACT)
    assert found.tidy()["conclusion"].tolist()[0] == "holds"
    gap = Effect("mean difference", "ECT", "TMS", 4.0, 2.0, 6.0)
    found = unmeasured_confounder(gap, prevalence_reference=0.25, effect_of_cause=[8.0])
    assert found.tipping()["prevalence_treated"].item() == pytest.approx(0.75, rel=EXACT)


def test_bucher() -> None:
    one = Effect("odds ratio", "A", "C", 2.0, std_error=0.3)
    other = Effect("odds ratio", "B", "C", 0.8, std_error=0.4)
    row = Bucher().fit(one, other).glance().iloc[0]
    assert (row["treatment"], row["reference"]) == ("A", "B")
    assert row["estimate"] == pytest.approx(2.5, rel=EXACT)
    assert row["std_error"] == pytest.approx(0.5, rel=EXACT)


def test_two_strata() -> None:
    counts = pd.DataFrame(
        {"stratum": ["x", "y"], "events": [6, 4], "n": 10, "reference_events": [3, 2],
         "reference_n": 10}
    )  # fmt: skip
    frame = compare_strata(counts).tidy().set_index("measure")
    odds = frame.loc["odds ratio"]
    assert odds["estimate"] == pytest.approx(37 / 12, rel=EXACT)
    variance = 2.325 / 27.38 + 2.125 / 8.88 + 0.45 / 2.88
    assert odds["std_error"] == pytest.approx(sqrt(variance), rel=EXACT)
    assert odds["statistic"] == pytest.approx(6.25 / (183 / 76), rel=EXACT)
    gap = frame.loc["difference"]
    assert gap["estimate"] == pytest.approx(0.25, rel=EXACT)
    assert gap["statistic"] ** 2 == pytest.approx(6.25 / (183 / 76), rel=EXACT)


def test_margin_between_equal_rates() -> None:
    spec = NoninferiorityTest(0.2, better="higher")
    plain = spec.of_counts(50, 100, 50, 100, method="farrington-manning").tidy().iloc[0]
    assert plain["statistic"] == pytest.approx(0.2 / sqrt(0.0048), rel=EXACT)
    wider = spec.of_counts(50, 100, 50, 100).tidy().iloc[0]
    assert wider["statistic"] == pytest.approx(0.2 / sqrt(0.0048 * 200 / 199), rel=EXACT)


def test_two_pooled_trials() -> None:
    found = meta_analysis.pool(
        [1, 3], [1, 1], method="dersimonian-laird", conf_level=0.95, hartung_knapp=True
    )
    assert [found.estimate, found.tau2, found.Q, found.I2] == [2.0, 1.0, 2.0, 0.5]
    assert found.std_error == pytest.approx(1.0, rel=EXACT)
    assert found.df == 1


def test_four_matched_subjects() -> None:
    own = pd.DataFrame(
        {"subject": list("abcd"), "treatment": "A", "x": [0.0, 0, 1, 1], "y": [0, 1, 1, 1]}
    )
    fit = MAIC({"x": 0.8}).fit(own)
    assert fit.frame["weight"].tolist() == pytest.approx([0.4, 0.4, 1.6, 1.6], rel=EXACT)
    assert fit.effective_size == pytest.approx(16 / 5.44, rel=EXACT)
    weights = fit.subject_weights
    assert np.ptp(np.log(weights.frame["weight"])) == pytest.approx(log(4), rel=EXACT)
    trial = PublishedTrial("B", arms=(PublishedArm("B", 50, events=30),))
    found = fit.compare(
        trial, outcome="y", treatment="A", comparator="B", anchor=None, measure="risk difference"
    )
    own_row = found.tidy().iloc[0]
    assert own_row["estimate"] == pytest.approx(0.9, rel=EXACT)
    assert own_row["std_error"] ** 2 == pytest.approx(0.005, rel=1e-11)
    last = found.glance().iloc[0]
    assert last["estimate"] == pytest.approx(0.9 - 0.6, rel=EXACT)
    assert last["std_error"] ** 2 == pytest.approx(0.005 + 0.6 * 0.4 / 50, rel=1e-11)
