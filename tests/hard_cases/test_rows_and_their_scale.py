"""A row of a tidy result is read on the scale it is on: a logarithm is no ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trdstats as trd
from trdstats.errors import SpecError

# The odds ratio of a row of `GLMM` is exp(7.2); 7.2 was read as the ratio.
COEFFICIENT = {
    "term": "treatment[T.ECT]", "estimate": 7.2, "std_error": 1.4, "scale": "identity",
    "conf_low": 4.4, "conf_high": 10.1, "conf_level": 0.95,
}  # fmt: skip
HAZARD = {
    **COEFFICIENT, "estimate": 1.1, "conf_low": 0.2, "conf_high": 2.0, "std_error": 0.46,
    "hazard_ratio": np.exp(1.1), "hazard_ratio_low": np.exp(0.2), "hazard_ratio_high": np.exp(2.0),
}  # fmt: skip
ODDS = {
    "measure": "odds ratio", "treatment": "ECT", "reference": "TMS", "estimate": 5.0,
    "std_error": 0.45, "scale": "log", "conf_low": 2.1, "conf_high": 12.1, "conf_level": 0.95,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "measure", "words"),
    [
        (COEFFICIENT, "odds ratio", r"no odds ratio \(its scale is 'identity'\).*np\.exp"),
        (HAZARD, "risk ratio", "holds a hazard ratio, no risk ratio"),
        (HAZARD, "mean difference", "holds a hazard ratio, no mean difference"),
        (ODDS, "mean difference", "its scale is 'log', not 'identity'"),
        (trd.Effect("mean difference", "A", "B", 1.6, 0.7, 2.5), "odds ratio", "is no odds ratio"),
    ],
)
def test_a_measure_that_a_row_cannot_hold_is_refused(row: Any, measure: str, words: str) -> None:
    for call in (
        lambda: trd.read_effect(row, measure=measure),
        lambda: trd.negative_control({"before treatment": row}, measure=measure),
        lambda: trd.unmeasured_confounder(
            row, prevalence_reference=0.2, measure=measure, rare=True
        ),
        lambda: trd.meta_analysis([row, row], measure=measure),
    ):
        with pytest.raises(SpecError, match=words):
            call()


def test_the_ratio_beside_a_coefficient_is_read() -> None:
    for row, measure in ((HAZARD, None), (HAZARD, "ratio"), (HAZARD, "hazard ratio")):
        effect = trd.read_effect(row, measure=measure)
        assert effect.value == pytest.approx(1.1, rel=1e-12)
        assert effect.error == 0.46
    odds = {k.replace("hazard", "odds"): v for k, v in HAZARD.items()}  # as DynamicPrediction
    assert trd.read_effect(odds, measure="odds ratio").value == pytest.approx(1.1, rel=1e-12)


def test_the_scale_of_an_analysis_is_no_rating_scale() -> None:
    """A note said that trials differ in scale: 'log', and the MADRS of a published one."""
    published = trd.Effect("odds ratio", "C", "TMS", 1.4, 1.1, 1.8, context={"scale": "MADRS"})
    found = trd.Bucher().fit(trd.read_effect(ODDS), published)
    assert "differ in scale" not in repr(found)
    rated = trd.read_effect({**ODDS, "scale": "HAMD17"})
    assert rated.context == {"scale": "HAMD17"}


def test_strata_compared_by_scores_have_no_test_at_a_margin() -> None:
    """The interval of the result was another one than that of the row, by Wald."""
    study = trd.load_sample("trial")
    row = trd.stratified_rates(study, trd.Response(), day=28, strata="sex").tidy().iloc[0]
    with pytest.raises(SpecError, match="limits of the row keep clear of the margin"):
        trd.NoninferiorityTest(0.1, better="higher").of_row(row, measure="risk difference")


@pytest.mark.parametrize("measure", ["risk ratio", "odds ratio", "hazard ratio"])
def test_limits_of_ratios_are_not_negative(measure: str) -> None:
    with pytest.raises(SpecError, match=r"no negative limit, as its logarithm may; got -0\.2"):
        trd.e_value(1.5, -0.2, 2.0, measure=measure, rare=False)
