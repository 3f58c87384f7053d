"""What adjusted comparisons of treatments that were not randomised say of themselves."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pytest

import trdstats as trd
from trdstats.study.caveats import UNADJUSTED, WEIGHTED


@pytest.fixture(scope="module")
def cohorts() -> trd.Study:
    return trd.load_sample("modalities").only(["IV ketamine", "TMS", "ECT"])


def fits(formula: str, **options: Any) -> list[Any]:
    return [
        trd.Logistic(formula, outcome=trd.Response(), day=28, **options),
        trd.ProportionalOdds(formula, outcome="severity", day=28, **options),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_covariates_adjust_and_the_compared_column_does_not(cohorts: trd.Study, which: int) -> None:
    crude = fits("treatment")[which].fit(cohorts)
    adjusted = fits("treatment + baseline")[which].fit(cohorts)
    for result in (crude, crude.margins()):
        assert f"{UNADJUSTED}." in result.summary().notes
    for result in (adjusted, adjusted.margins()):
        stated = "Treatments were not randomised; adjusted for baseline."
        assert stated in result.summary().notes
        assert "Unadjusted" not in str(result.summary())


@pytest.mark.parametrize("which", [0, 1])
def test_weights_that_adjust(cohorts: trd.Study, which: int) -> None:
    weights = trd.PropensityWeights("age").fit(cohorts)
    weighted = fits("treatment", limits="wald")[which].fit(cohorts, weights=weights)
    assert f"{WEIGHTED}." in weighted.summary().notes
    both = fits("treatment + baseline", limits="wald")[which].fit(cohorts, weights=weights)
    assert f"{WEIGHTED}; adjusted for baseline." in both.summary().notes


def test_the_figure_of_adjusted_rates_does_not_call_them_unadjusted(cohorts: trd.Study) -> None:
    axes = fits("treatment + baseline")[0].fit(cohorts).margins().plot()
    texts = " ".join(t.get_text() for t in axes.figure.findobj(plt.Text))
    plt.close(axes.figure)
    words = " ".join(texts.split())
    assert "Unadjusted" not in words
    assert "adjusted for baseline" in words


def test_a_trial_compared_among_responders_is_not_said_to_be_unrandomised() -> None:
    trial = trd.load_sample("trial")
    times = trd.time_to(trial, trd.LossOfResponse(below=0.4), since=trd.Response())
    notes = trd.Standardisation("treatment + baseline", tau=42).fit(times).summary().notes
    assert any(n.startswith("Compared among responders only") for n in notes)
    assert not any("Treatments were not randomised" in n for n in notes)
