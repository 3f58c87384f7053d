"""Regressions of times among other estimates: joint, clustered, compared and adjusted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError


@pytest.fixture(scope="module")
def study() -> trd.Study:
    return trd.load_sample("trial")


@pytest.fixture(scope="module")
def onset(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, trd.Response())


def test_a_hazard_and_days_are_judged_together(onset: trd.EventTimes) -> None:
    days = trd.RMST(tau=28).fit(onset).compare()
    hazard = trd.CoxPH("treatment").fit(onset)
    both = trd.joint(days, hazard, labels=["days", "hazard"])
    assert both.std_error.tolist() == [*days.std_error, *hazard.tidy()["std_error"]]
    together = both.adjust("max-t").tidy()["p_value"].to_numpy()
    assert (together <= both.adjust("bonferroni").tidy()["p_value"].to_numpy() + 1e-6).all()
    assert (together >= both.tidy()["p_value"].to_numpy()).all()


def test_the_covariance_of_two_results_is_that_of_refits_without_a_subject(
    onset: trd.EventTimes,
) -> None:
    frame = onset.at_risk().iloc[::4].reset_index(drop=True)

    def fitted(rows: pd.DataFrame) -> trd.estimates.Estimates:
        times = trd.EventTimes(rows)
        days, hazard = trd.RMST(tau=28).fit(times).compare(), trd.CoxPH("treatment").fit(times)
        return trd.joint(days, hazard)

    whole = fitted(frame)
    moved = np.array([fitted(frame.drop(index=i)).value - whole.value for i in frame.index])
    assert whole.influences is not None
    found, refitted = (np.corrcoef(m, rowvar=False) for m in (whole.influences, moved))
    # Days without response and the hazard of response are one effect seen from two sides.
    assert found[0, 2] < -0.5
    assert found == pytest.approx(refitted, abs=0.02)


def test_a_regression_is_jointly_itself(onset: trd.EventTimes) -> None:
    for spec in (
        trd.CoxPH("treatment + age", robust=True),
        trd.CoxPH("treatment + age", cluster="site"),
        trd.AFT("treatment", robust=True),
    ):
        fit = spec.fit(onset)  # type: ignore[attr-defined]
        both = trd.joint(fit, fit, labels=["a", "b"])
        k = len(fit.terms)
        # The same coefficient twice: no difference, and none is uncertain.
        assert both.covariance[:k, k:] == pytest.approx(fit.covariance.to_numpy(), rel=1e-9)


def test_groups_of_subjects_must_agree(onset: trd.EventTimes) -> None:
    by_site = trd.CoxPH("treatment", cluster="site").fit(onset)
    frame = onset.frame.assign(fifth=np.arange(len(onset.frame)) % 5)
    by_fifth = trd.CoxPH("treatment", cluster="fifth").fit(trd.EventTimes(frame))
    with pytest.raises(NotEstimableError, match="in different groups"):
        trd.joint(by_site, by_fifth)


def test_a_cluster_sums_its_influences(onset: trd.EventTimes) -> None:
    fit = trd.CoxPH("treatment", cluster="site", correction="none").fit(onset)
    alone = trd.CoxPH("treatment", robust=True, correction="none").fit(onset)
    both = trd.joint(fit, alone)
    site = onset.frame.set_index("subject")["site"]
    moved = [f.influence().set_index("subject").groupby(site).sum() for f in (fit, alone)]
    expected = moved[0].T.to_numpy() @ moved[1].to_numpy()
    assert both.covariance[:2, 2:] == pytest.approx(expected, rel=1e-10)


def test_standardised_times_are_compared(onset: trd.EventTimes) -> None:
    fit = trd.AFT("treatment").fit(onset)
    table = fit.marginal(days=[28.0], tau=28.0).compare(measures=("ratio",)).tidy()
    medians = table[table["time"].isna()].set_index("treatment")
    coefficient = fit.tidy().set_index("term")
    for arm in ("ECT", "IV ketamine"):
        # Without covariates the ratio of medians is the time ratio.
        own = coefficient.loc[f"treatment[T.{arm}]"]
        assert medians.loc[arm, "estimate"] == pytest.approx(own["time_ratio"], rel=1e-9)
        assert medians.loc[arm, "std_error"] == pytest.approx(own["std_error"], rel=1e-9)
        assert medians.loc[arm, "p_value"] == pytest.approx(own["p_value"], rel=1e-9)
        assert medians.loc[arm, "conf_low"] == pytest.approx(own["time_ratio_low"], rel=1e-9)


def test_who_ever_responds_is_compared(onset: trd.EventTimes) -> None:
    fit = trd.MixtureCure("treatment", "1").fit(onset)
    found = fit.marginal().only(measure="ever")
    odds = found.compare(measures=("odds ratio",)).tidy().set_index("treatment")
    own = fit.tidy().query("part == 'incidence'").set_index("term")
    assert odds.loc["ECT", "estimate"] == pytest.approx(
        own.loc["treatment[T.ECT]", "ratio"], rel=1e-9
    )
    assert odds.loc["ECT", "std_error"] == pytest.approx(
        own.loc["treatment[T.ECT]", "std_error"], rel=1e-9
    )


def test_two_arms_differ_by_the_difference_of_their_terms(onset: trd.EventTimes) -> None:
    base = onset.frame
    turned = trd.EventTimes(
        base.assign(treatment=pd.Categorical(base["treatment"], ["ECT", "TMS", "IV ketamine"]))
    )
    for spec in (trd.CoxPH("treatment"), trd.IntervalPH("treatment")):
        gap = spec.fit(onset).contrast([-1, 1]).tidy().iloc[0]  # type: ignore[attr-defined]
        own = spec.fit(turned).tidy().iloc[1]  # type: ignore[attr-defined]
        assert gap["estimate"] == pytest.approx(own["estimate"], abs=1e-6)
        assert gap["std_error"] == pytest.approx(own["std_error"], rel=1e-3)


def test_causes_compete_jointly(study: trd.Study) -> None:
    times = trd.time_to(
        study, trd.Relapse(at_least=22, consecutive=2), since=trd.Response(),
        competing="left follow-up",
    )  # fmt: skip
    both = trd.joint(*(trd.FineGray("age", cause=k).fit(times) for k in (1, 2)))
    assert both.covariance[0, 1] < 0


def test_level_likelihoods_say_so() -> None:
    frame = pd.DataFrame(
        {"treatment": ["a"] * 6 + ["b"] * 6, "left": [1.0, 2, 3, 4, 30, 30, 1, 2, 3, 4, 5, 6],
         "right": [2.0, 3, 4, 5, np.inf, np.inf, 2, 3, 4, 5, 6, 7]}
    ).assign(status=lambda f: np.isfinite(f["right"]).astype(int))  # fmt: skip
    frame = frame.assign(subject=np.arange(12), time=np.where(frame["status"], frame["right"], 30))
    with pytest.warns(trd.errors.EstimateWarning):
        fit = trd.MixtureCure("treatment", "treatment").fit(trd.EventTimes(frame))
    row = fit.tidy().set_index(["part", "term"]).loc[("incidence", "treatment[T.b]")]
    assert np.isnan(row["estimate"])
    assert row["reason"] == "the likelihood is level in it"
