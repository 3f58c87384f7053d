"""Means of GLMMs: averages over random effects and covariates, and their errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from trdstats import GLMM
from trdstats.errors import (
    SpecError,
    UnknownNameError,
)
from trdstats.longitudinal import GLMMResult


def test_margins_integrate_over_the_random_effects(fit: GLMMResult, later: pd.DataFrame) -> None:
    """One cell by hand: every subject put under ECT at day 28, averaged over its effect."""
    beta = dict(zip(fit.design.terms, fit.parameters.theta, strict=False))
    sd = fit.deviations.value[0]
    per_subject = later.drop_duplicates("usubjid")["madrs_bl"].to_numpy()
    at = (
        beta["Intercept"] + beta["arm[T.ECT]"] + beta["visit[T.28]"]
        + beta["arm[T.ECT]:visit[T.28]"] + beta["madrs_bl"] * per_subject
    )  # fmt: skip
    values, counts = np.unique(at, return_counts=True)
    risk = [quad(lambda v, e=e: expit(e + sd * v) * norm.pdf(v), -9, 9, points=[-e / sd])[0]
            for e in values]  # fmt: skip
    found = fit.margins("arm", by="visit").estimates().only(arm="ECT", visit=28)
    assert found.value[0] == pytest.approx(np.average(risk, weights=counts), abs=1e-9)


@pytest.mark.parametrize("covariates", ["observed", "fixed"])
def test_errors_of_margins_are_those_of_the_delta_method(
    small: pd.DataFrame, covariates: Any
) -> None:
    """Gradients against refits of the margins at moved parameters."""
    spec = GLMM("met ~ treatment + visit", random="1 + day", points=5)
    result = spec.fit(small)
    means = result.margins("treatment", by="visit", covariates=covariates).estimates()
    theta = result.parameters.theta
    numeric = np.empty((len(means), len(theta)))
    for j in range(len(theta)):
        moved = []
        for side in (1e-5, -1e-5):
            step = np.zeros(len(theta))
            step[j] = side
            other = replace(result)
            parameters = replace(result.parameters, theta=theta + step)
            other.__dict__["parameters"] = parameters
            at = other.margins("treatment", by="visit", covariates=covariates).estimates()
            moved.append(np.log(at.value / (1 - at.value)))
        numeric[:, j] = (moved[0] - moved[1]) / 2e-5
    covariance = numeric @ result.parameters.covariance @ numeric.T
    # No covariate is in the model besides: its sampling adds nothing.
    assert means.covariance == pytest.approx(covariance, rel=1e-5)


def test_observed_covariates_count_their_sampling(fit: GLMMResult) -> None:
    observed = fit.margins("arm", by="visit").estimates()
    fixed = fit.margins("arm", by="visit", covariates="fixed").estimates()
    assert (np.abs(observed.value - fixed.value) < 0.02).all()
    assert "their sampling is counted" in " ".join(observed.notes)
    assert "at fixed covariates" in " ".join(fixed.notes)


def test_contrasts_of_margins(fit: GLMMResult) -> None:
    margins = fit.margins("arm", by="visit")
    risks = margins.estimates()
    for measure in ("difference", "ratio", "odds ratio"):
        found = margins.contrasts(reference="TMS", measure=measure)  # type: ignore[arg-type]
        row = found.only(arm="ECT", visit=28)
        a = risks.only(arm="ECT", visit=28).value[0]
        b = risks.only(arm="TMS", visit=28).value[0]
        expected = {"difference": a - b, "ratio": a / b,
                    "odds ratio": a / (1 - a) / (b / (1 - b))}[measure]  # fmt: skip
        assert row.value[0] == pytest.approx(expected)
    pairs = margins.contrasts(pairwise=True, adjust="holm")
    assert len(pairs) == 12
    with pytest.raises(SpecError, match="Give one of reference and pairwise"):
        margins.contrasts(reference="TMS", pairwise=True)
    # The population's odds ratio is nearer 1 than that of a subject.
    own = fit.ratios().only(term="arm[T.ketamine]").value[0]
    crude = margins.contrasts(reference="TMS", measure="odds ratio").only(arm="ketamine", visit=7)
    assert 1 < crude.value[0] < own


def test_probabilities_of_categories_sum_to_1(bands: GLMMResult) -> None:
    found = bands.margins("arm", by="visit").tidy()
    assert list(found["category"].unique()) == ["none", "mild", "moderate", "severe"]
    total = found.groupby(["arm", "visit"], observed=True)["estimate"].sum()
    assert total.to_numpy() == pytest.approx(np.ones(12))
    row = found[(found["arm"] == "TMS") & (found["visit"] == 28)].set_index("category")
    theta, sd = bands.parameters.theta, bands.deviations.value[0]
    beta = dict(zip(["none", "mild", "moderate", *bands.design.terms[1:]], theta, strict=False))
    bl = bands.design.frame.drop_duplicates("usubjid")["madrs_bl"]
    eta = beta["visit[T.28]"] + beta["madrs_bl"] * bl.to_numpy()
    above = [quad(lambda v, e=e: expit(e - theta[2] + sd * v) * norm.pdf(v), -9, 9)[0] for e in eta]
    assert row.loc["severe", "estimate"] == pytest.approx(np.mean(above), abs=1e-8)


def test_means_on_the_scale_of_the_link(fit: GLMMResult, bands: GLMMResult) -> None:
    margins = fit.margins("arm", by="visit", scale="link")
    row = margins.contrasts(reference="TMS").only(arm="ECT", visit=7)
    own = fit.estimates().only(term="arm[T.ECT]")
    assert row.value[0] == pytest.approx(own.value[0])
    assert row.std_error[0] == pytest.approx(own.std_error[0])
    with pytest.raises(SpecError, match="have no ratio: use scale='response'"):
        margins.contrasts(measure="ratio")
    with pytest.raises(SpecError, match="at fixed covariates: leave covariates out"):
        fit.margins("arm", scale="link", covariates="observed")
    with pytest.raises(SpecError, match="a predictor at every threshold"):
        bands.margins("arm", scale="link")


def test_values_of_random_slopes(small: pd.DataFrame) -> None:
    """By visit the slope is at the visit's mean day; else it has to be given."""
    result = GLMM("met ~ treatment + visit", random="1 + day", points=3).fit(small)
    by_visit = result.margins("treatment", by="visit").estimates()
    given = result.margins("treatment", by="visit", at={"day": 14}).estimates()
    mean_day = small.loc[small["visit"] == 2, "day"].mean()
    assert abs(mean_day - 14) < 0.5
    assert by_visit.only(visit=2).value == pytest.approx(given.only(visit=2).value, abs=0.01)
    assert by_visit.only(visit=0).value != pytest.approx(given.only(visit=0).value, abs=1e-4)
    with pytest.raises(SpecError, match=r"Give at=\{'day': \.\.\.\}, or by='visit'"):
        result.margins("treatment", at={"visit": 2})
    with pytest.raises(UnknownNameError, match="dose"):
        result.margins("treatment", by="visit", at={"dose": 2})
