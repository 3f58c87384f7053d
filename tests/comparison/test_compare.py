"""Conclusions before numbers, and crude beside adjusted: cohorts whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.comparison.cohorts.cohorts import list_cohorts
from trdstats.comparison.cohorts.comparability import NOT_COMPARABLE, OK
from trdstats.comparison.cohorts.onset_bootstrap import CohortOnset, Intervals, draw_onsets
from trdstats.comparison.cohorts.pair import Outcomes, Pair
from trdstats.errors import DataError, SpecError, UnknownNameError
from trdstats.kernels.interval.npmle_bounds import restricted_mean_bounds
from trdstats.kernels.numerics.resampling import draw_counts

DAYS = (7, 14, 28, 56)


def clinic(
    n: int = 300, *, seed: int = 0, effect: float = 0.0, severity: float = 1.2, days: Any = DAYS
) -> trd.Study:
    """Severe patients get B and respond less; B itself adds `effect` to the log odds."""
    rng = np.random.default_rng(seed)
    severe = rng.normal(size=n)
    arm = np.where(rng.random(n) < 1 / (1 + np.exp(-severity * severe)), "B", "A")
    odds = 0.3 - 1.2 * severe + effect * (arm == "B")
    responds = rng.random(n) < 1 / (1 + np.exp(-odds))
    onset = rng.exponential(12, n)
    rows = []
    for i in range(n):
        own = days[arm[i]] if isinstance(days, dict) else days
        seen = [(0, 30), *((d, 12 if responds[i] and onset[i] <= d else 27) for d in own)]
        keep = len(seen) if rng.random() > 0.15 else rng.integers(1, len(seen))
        rows += [{"subject": f"P{i:03}", "treatment": arm[i], "day": d, "score": s}
                 for d, s in seen[:keep]]  # fmt: skip
    covariates = pd.DataFrame({"subject": [f"P{i:03}" for i in range(n)], "treatment": arm,
                           "severe": severe})  # fmt: skip
    return trd.Study(pd.DataFrame(rows), covariates, scale="MADRS")


def test_the_crude_difference_is_wrong_and_the_adjusted_one_is_not() -> None:
    # B has no effect at all. Crude rates differ by some 25 points; adjusted 0 lies in the interval.
    found = trd.compare(clinic(600), adjust="severe", day=56, tau=56, n_boot=60, seed=1)
    table = found.tidy().set_index(["outcome", "analysis"])
    crude, adjusted = table.loc[("rate", "crude")], table.loc[("rate", "adjusted")]
    assert crude["estimate"] < -0.15
    assert crude["conf_high"] < 0
    assert adjusted["conf_low"] < 0 < adjusted["conf_high"]
    assert abs(adjusted["estimate"]) < abs(crude["estimate"]) / 3
    for name in ("onset", "days in response"):
        crude, adjusted = table.loc[(name, "crude")], table.loc[(name, "adjusted")]
        assert abs(crude["estimate"]) > 3
        assert adjusted["conf_low"] < 0 < adjusted["conf_high"]
    # Responders are described, not tested.
    assert table.loc[("durability", "adjusted"), "p_value"] != 0
    assert np.isnan(table.loc[("durability", "adjusted"), "p_value"])
    assert found.balance()["smd_after"].abs().max() < 0.1
    assert table.loc[("rate", "crude"), "e_value"] > table.loc[("rate", "adjusted"), "e_value"]
    assert found.caveat == "Unadjusted: treatments were not randomised"


def test_a_contrast_is_that_of_the_estimator_with_the_weights() -> None:
    study = clinic(200)
    both = ("rate", "days in response")
    found = trd.compare(study, adjust="severe", day=28, tau=56, outcomes=both, estimand="overlap")
    weights = trd.PropensityWeights("severe", estimand="overlap").fit(study)
    rates = trd.rates(study, trd.Response(), day=28, weights=weights).tidy()
    gap = rates[rates["measure"] == "difference"].iloc[0]
    row = found.tidy().query("outcome == 'rate' and analysis == 'adjusted'").iloc[0]
    assert row["estimate"] == pytest.approx(gap["estimate"], rel=1e-9)
    assert row["std_error"] == pytest.approx(gap["std_error"], rel=1e-9)
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse())
    days = trd.ResponseState(tau=56).fit(history, weights=weights).mean_days()
    days = days[(days["measure"] == "difference") & (days["state"] == "in response")].iloc[0]
    row = found.tidy().query("outcome == 'days in response' and analysis == 'adjusted'").iloc[0]
    assert row["estimate"] == pytest.approx(days["estimate"], rel=1e-9)
    assert row["std_error"] == pytest.approx(days["std_error"], rel=1e-9)


def test_pairs_are_estimates_of_all_subjects() -> None:
    study = trd.load_sample("modalities").only(["TMS", "IV ketamine", "ECT"])
    outcomes = ("onset", "rate")
    found = trd.compare(study, adjust="age + baseline", outcomes=outcomes, day=28, tau=84,
                        n_boot=30, estimand="overlap")  # fmt: skip
    estimates = found.estimates()
    assert len(estimates) == len(found.tidy()) == 12
    # Crude differences of three cohorts add up, and so do the influences of every subject.
    crude = estimates.only(outcome="rate", analysis="crude")
    sign = np.array([1.0, 1.0, -1.0])  # b - a, c - a, c - b: c - b = (c - a) - (b - a)
    b_a, c_a, c_b = crude.value
    assert c_b == pytest.approx(c_a - b_a)
    np.testing.assert_allclose(crude.influences @ (sign * [-1, 1, 1]), 0, atol=1e-15)
    closed = crude.contrast([-1, 1, -1])
    assert closed.value == pytest.approx([0.0], abs=1e-12)
    # Resamples give the onset its covariance; with the rates it is not known, and not called 0.
    onset = estimates.only(outcome="onset", analysis="crude")
    C = onset.covariance
    assert C[2, 2] == pytest.approx(C[0, 0] + C[1, 1] - 2 * C[0, 1], rel=1e-9)
    assert np.isnan(onset.influences).all()
    rows = estimates.keys["outcome"] == "onset"
    assert np.isnan(estimates.covariance[np.ix_(rows, ~rows)]).all()
    # One adjustment of all pairs; jointly with another model of the same subjects.
    tests = crude.adjust("max-t").p_value
    assert (tests > crude.adjust("none").p_value - 1e-3).all()
    holm = found.adjust("holm", within=["outcome", "analysis"])
    assert (holm.p_value[rows] <= 3 * onset.p_value.max() + 1e-12).all()
    assert "6 estimates have resampled tests" in str(found.adjust("max-t", within="outcome"))
    hazard = trd.CoxPH("treatment").fit(trd.time_to(study, trd.Response()))
    both = trd.joint(found, hazard)
    assert np.isfinite(both.covariance[2, -1])
    assert both.covariance[2, -1] != 0
    assert found.tidy(conf_level=0.9)["conf_level"].eq(0.9).all()


def test_workers_and_seeds() -> None:
    study = clinic(120)
    options: dict[str, Any] = {
        "adjust": "severe",
        "outcomes": ("onset",),
        "tau": 56,
        "n_boot": 120,
    }  # two parts of work
    one = trd.compare(study, **options, seed=4).tidy()
    two = trd.compare(study, **options, seed=4, n_jobs=2).tidy()
    pd.testing.assert_frame_equal(one, two)
    other = trd.compare(study, **options, seed=5).tidy()
    assert (one["std_error"] != other["std_error"]).all()
    assert one["estimate"].tolist() == other["estimate"].tolist()


def judged(study: Any, **options: Any) -> Any:
    settings: dict[str, Any] = {"adjust": "severe", "outcomes": ("rate",), "tau": 56, "day": 28}
    return trd.compare(study, **{**settings, **options})


def test_good_overlap_bad_overlap_and_none() -> None:
    good = judged(clinic(severity=0.3)).comparability[0]
    assert good.conclusion == OK
    assert not good.only_overlap
    some = judged(clinic(600, severity=2.5))
    assert some.comparability[0].conclusion == OK
    assert some.comparability[0].only_overlap
    assert set(some.tidy()["population"]) == {"all", "overlap"}
    none = judged(clinic(severity=40.0))
    assert none.comparability[0].conclusion == NOT_COMPARABLE
    table = none.tidy()
    assert table["estimate"].isna().all()
    assert table["reason"].str.contains("severe").all()
    with pytest.raises(SpecError, match="Without overlap no subjects can be compared"):
        judged(clinic(), accept=["overlap"])


def test_immortal_time_is_found_and_named() -> None:
    # B counts only those who came to day 28: nobody is ever lost before.
    study = clinic(400, severity=0.3)
    last = study.visits.groupby("subject", observed=True)["day"].max()
    arm = study.subjects.set_index("subject")["treatment"]
    kept = [s for s in last.index if arm[s] == "A" or last[s] >= 28]
    found = judged(study.keep(kept))
    assert found.comparability[0].conclusion == NOT_COMPARABLE
    words = (
        found.findings()
        .query("check == 'time zero' and grade == 'not comparable'")["finding"]
        .item()
    )
    assert words.startswith("No subject under B was lost before day 28, while")
    assert "Those 28 days are immortal time." in words
    anyway = judged(study.keep(kept), accept=["time zero"])
    assert anyway.comparability[0].conclusion == OK
    assert "time zero (accepted)" in str(anyway)
    assert anyway.tidy()["estimate"].notna().all()


def test_days_horizons_and_visits() -> None:
    grids = {"A": (7, 14, 28, 56), "B": (21, 56)}
    study = clinic(days=grids, severity=0.3)
    found = judged(study)
    assert found.comparability[0].conclusion == NOT_COMPARABLE
    text = str(found)
    assert "Day 28 was not scheduled under B." in text
    last = judged(study, day=None)
    assert last.tidy()["day"].unique().tolist() == [56]
    assert "more visits find response sooner" in str(last)
    long = judged(clinic(severity=0.3), tau=400)
    assert "The horizon is day 400; followed is" in str(long)
    early = judged(study, tau=10, outcomes=("onset",))
    assert "no subject was assessed under B (day 21)" in str(early)


@pytest.mark.filterwarnings("ignore:All subjects have the treatment")
def test_two_studies_of_different_rules_refuse_until_named() -> None:
    def half(seed: int, arm: str, scale: str) -> trd.Study:
        own = clinic(300, seed=seed, severity=0.3).only([arm])
        covariates = own.subjects.assign(subject=arm + own.subjects["subject"].astype(str))
        visits = own.visits.assign(subject=arm + own.visits["subject"].astype(str))
        columns = ["subject", "treatment", "severe"]
        return trd.Study(visits[["subject", "day", "score"]], covariates[columns].astype(
            {"treatment": str}), scale=scale)  # fmt: skip

    same = {"one": half(1, "A", "MADRS"), "two": half(2, "B", "MADRS")}
    assert judged(same).comparability[0].conclusion == OK
    scales = {"one": half(1, "A", "MADRS"), "two": half(2, "B", "HAM-D17")}
    found = judged(scales)
    assert found.comparability[0].conclusion == NOT_COMPARABLE
    assert "B is assessed on the HAMD17, A on the MADRS" in str(found)
    assert judged(scales, accept=["scale"]).tidy()["estimate"].notna().all()
    rules = {"one": trd.Remission(at_most=10), "two": trd.Remission(at_most=12)}
    found = judged(same, response=rules)
    assert found.comparability[0].conclusion == NOT_COMPARABLE
    assert "Different rules decide: B: " in str(found)
    with pytest.raises(UnknownNameError, match="'two'"):
        judged(same, response={"one": trd.Response()})
    with pytest.raises(SpecError, match="have the same name in two studies"):
        judged({"one": clinic().only(["A"]), "two": clinic()})


def test_missing_covariates_and_bad_arguments() -> None:
    study = clinic(100)
    with pytest.raises(UnknownNameError, match="Unknown outcome 'speed'"):
        judged(study, outcomes=("speed",))
    with pytest.raises(SpecError, match="n_boot must be a whole number of at least 2"):
        judged(study, n_boot=1)
    with pytest.raises(SpecError, match="tau must be a positive number"):
        judged(study, tau=-1)
    with pytest.raises(SpecError, match="accept takes the checks scale"):
        judged(study, accept=["age"])
    with pytest.raises(SpecError, match="A comparison needs two treatments; the study has 1"):
        judged(study.only(["A"]))
    covariates = study.subjects.drop(columns="baseline")
    covariates.loc[[1, 2], "severe"] = np.nan
    holes = trd.Study(study.visits[["subject", "day", "score"]],
                      covariates.astype({"treatment": str}), scale="MADRS")  # fmt: skip
    with pytest.raises(DataError, match=r"Covariates are missing: severe \(2\)"):
        judged(holes, missing="error")
    filled = judged(holes)
    assert filled.tidy()["estimate"].notna().all()
    assert "missing covariates: Covariates are missing: severe (2)." in str(filled)


def test_a_trial_is_not_called_unadjusted() -> None:
    study = trd.load_sample("trial")
    found = trd.compare(study.only(["TMS", "ECT"]), adjust="age + baseline", outcomes=("rate",),
                        day=28, tau=28)  # fmt: skip
    assert found.caveat == ""
    checks = found.findings().set_index("check")["finding"]
    assert "Allocated at random" in checks["overlap"]


def test_face_and_figure() -> None:
    found = trd.compare(clinic(200), adjust="severe", day=28, tau=56, n_boot=20)
    text = str(found)
    for words in (
        "Can these cohorts be compared?", "B v A", "Adjusted for  severe", "E-value (limit)",
        "Crude: unadjusted: treatments were not randomised.",
    ):  # fmt: skip
        assert words in text
    fig = found.plot()
    assert [ax.get_xlabel() for ax in fig.axes] == [
        "Days to response, difference", "Response (points), difference",
        "Days in response, difference", "Days to relapse, responders, difference",
    ]  # fmt: skip
    assert fig.axes[0].get_yticklabels()[0].get_text().startswith("B v A\n")
    assert found.glance()["n_pairs"].item() == 1


def test_a_cohort_is_drawn_once_for_all_its_pairs() -> None:
    # Crude differences of three cohorts add up in every resample: they rest on the same patients.
    rng = np.random.default_rng(2)
    cohorts = []
    for k in range(3):
        right = rng.choice([7.0, 14.0, 28.0, np.inf], size=30)
        left = np.select([right == 7, right == 14, right == 28], [0.0, 7.0, 14.0], 28.0)
        own = Intervals(left, right, np.arange(30), 30, seed=k)
        cohorts.append(CohortOnset(own, n_boot=20, n_jobs=1))
    a, b, c = cohorts

    def middle(reference: CohortOnset, treatment: CohortOnset) -> Any:
        crude, weighted = draw_onsets(reference, treatment, np.ones_like, 28.0)
        np.testing.assert_allclose(crude.drawn, weighted.drawn, atol=1e-9)
        return np.append(crude.estimate.mean(), crude.drawn.mean(axis=1))

    np.testing.assert_allclose(middle(a, b) + middle(b, c), middle(a, c), atol=1e-8)
    assert np.ptp(middle(a, b)) > 0


def test_onsets_drawn_together_are_those_of_a_loop() -> None:
    # The definition of the bootstrap, resample by resample: draw, refit the weights, refit both
    # curves. Some subjects are never rated, and have a weight but no interval.
    study = trd.load_sample("modalities").only(["TMS", "ECT"])
    fit = trd.PropensityWeights("age + baseline", estimand="overlap", missing="indicator").fit(
        study
    )
    onset = trd.time_to(study, trd.Response())
    cohorts = [
        CohortOnset.of(
            trd.time_to(part := study.only([name]), trd.Response()), part.subjects["subject"],
            seed=seed, n_boot=12, n_jobs=1,
        )
        for seed, name in enumerate(("TMS", "ECT"))
    ]  # fmt: skip
    sizes = [c.intervals.n for c in cohorts]
    assert sum(sizes) == len(fit.weights) > len(onset.at_risk())
    reweigh = fit.reweigh()
    crude, weighted = draw_onsets(*cohorts, reweigh, 42.0)

    def gap(weights: Any) -> tuple[float, float]:
        (low_a, high_a), (low_b, high_b) = (
            restricted_mean_bounds(c.intervals.curve(w), 42.0)
            for c, w in zip(cohorts, np.split(weights, [sizes[0]]), strict=True)
        )
        return low_b - high_a, high_b - low_a

    for turn in range(12):
        counts = np.concatenate(
            [
                draw_counts(n, np.random.default_rng(np.random.SeedSequence((seed, turn))))
                for seed, n in enumerate(sizes)
            ]
        )
        np.testing.assert_allclose(crude.drawn[turn], gap(counts), rtol=0, atol=1e-8)
        alone = gap(counts * reweigh(counts))
        np.testing.assert_allclose(weighted.drawn[turn], alone, rtol=0, atol=1e-8)
    np.testing.assert_allclose(weighted.estimate, gap(reweigh(np.ones(sum(sizes)))), atol=1e-12)


def test_the_e_value_of_the_onset_is_that_of_the_standardised_difference() -> None:
    # All respond: A at day 7 or 14, B at 14 or 28, half each; in the middles of intervals
    # 3.5 or 10.5 and 10.5 or 21, with variances 3.5^2 and 5.25^2.
    rows = [
        {"subject": f"P{i:03}", "treatment": "AB"[i % 2], "day": d, "score": 30 if d < at else 10}
        for i in range(160)
        for at in [(7, 14, 14, 28)[i // 2 % 2 + 2 * (i % 2)]]
        for d in (0, 7, 14, 28)
    ]
    covariates = pd.DataFrame({"subject": [f"P{i:03}" for i in range(160)],
                           "treatment": np.resize(["A", "B"], 160),
                           "x": np.random.default_rng(1).normal(size=160)})  # fmt: skip
    study = trd.Study(pd.DataFrame(rows).drop(columns="treatment"), covariates, scale="MADRS")
    found = trd.compare(study, adjust="x", outcomes=("onset",), tau=28, n_boot=40).tidy()
    row = found[found["analysis"] == "crude"].iloc[0]
    assert row["estimate"] == pytest.approx((10.5 + 21) / 2 - (3.5 + 10.5) / 2)
    sd = np.sqrt((3.5**2 + 5.25**2) / 2)
    want = trd.e_value(row["estimate"] / sd, row["conf_low"] / sd, row["conf_high"] / sd,
                       measure="difference in means")  # fmt: skip
    assert row["e_value"] == pytest.approx(want.estimate)
    assert row["e_value_limit"] == pytest.approx(want.limit)


def test_histories_of_a_pair_are_valid_without_another_look() -> None:
    a, b = list_cohorts(clinic(60), trd.Response(), trd.LossOfResponse())
    joined = Pair(Outcomes(b), Outcomes(a)).history()
    checked = trd.ResponseHistory(joined.frame, unseen=joined.unseen, visits=joined.visits)
    pd.testing.assert_frame_equal(joined.frame, checked.frame)
