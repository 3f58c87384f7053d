"""What Cox, Fine-Gray, Gray's test and landmarks must obey for any data, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter

from trdstats import (
    AalenJohansen,
    CoxPH,
    EventTimes,
    FineGray,
    GrayTest,
    KaplanMeier,
    LogRank,
    landmark,
)
from trdstats.errors import DataError, NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.risk_sets.cox_checks import concordance
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.gray import gray_scores

FloatArray = npt.NDArray[np.float64]


def cohort(seed: int, n: int = 80, *, causes: int = 1, grid: float = 1.0) -> pd.DataFrame:
    """Return subjects of two arms with tied times, a number and a category."""
    rng = np.random.default_rng(seed)
    age, arm = rng.normal(size=n), rng.choice(["A", "B"], size=n)
    hazard = np.exp(0.5 * (arm == "B") - 0.4 * age)
    time = np.ceil(rng.exponential(20 / hazard) / grid) * grid
    status = np.where(rng.random(n) < 0.3, 0, rng.integers(1, causes + 1, size=n))
    return pd.DataFrame(
        {"subject": np.arange(n), "treatment": arm, "time": time, "status": status, "age": age,
         "sex": rng.choice(["F", "M"], size=n)}
    )  # fmt: skip


def table(fit: Any) -> FloatArray:
    return np.asarray(fit.tidy()[["estimate", "std_error"]].to_numpy(dtype=float))


seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=15)
@given(seeds)
def test_order_of_rows_and_scale_of_time_do_not_matter(seed: int) -> None:
    frame = cohort(seed)
    base = table(CoxPH("treatment + age").fit(frame))
    shuffled = frame.sample(frac=1, random_state=1)
    np.testing.assert_allclose(table(CoxPH("treatment + age").fit(shuffled)), base, rtol=1e-8)
    # The likelihood sees the order of times only.
    stretched = frame.assign(time=np.sqrt(frame["time"]) * 7)
    np.testing.assert_allclose(table(CoxPH("treatment + age").fit(stretched)), base, rtol=1e-8)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_units_of_a_covariate(seed: int) -> None:
    frame = cohort(seed)
    base = table(CoxPH("treatment + age").fit(frame))
    moved = table(CoxPH("treatment + age").fit(frame.assign(age=10 * frame["age"] + 400)))
    np.testing.assert_allclose(moved[1], base[1] / 10, rtol=1e-6)
    np.testing.assert_allclose(moved[0], base[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("strata", [None, "sex"])
def test_cox_of_lifelines(ties: str, strata: str | None) -> None:
    # lifelines knows Efron's ties only; without ties the two agree.
    frame = cohort(4, n=150, grid=1.0 if ties == "efron" else 1e-9)
    found = CoxPH("treatment + age", ties=ties, strata=strata).fit(frame)  # type: ignore[arg-type]
    peer = CoxPHFitter().fit(
        pd.get_dummies(frame.drop(columns="subject"), columns=["treatment"], drop_first=True)
        .drop(columns=[] if strata else ["sex"]).astype({"treatment_B": float}),
        "time", "status", strata=strata,
    )  # fmt: skip
    expected = peer.summary.loc[["treatment_B", "age"], ["coef", "se(coef)"]].to_numpy()
    # lifelines stops at a step of 1e-7.
    np.testing.assert_allclose(table(found), expected, rtol=1e-6)


def test_delayed_entry_of_lifelines() -> None:
    frame = cohort(6, n=150)
    frame["entry"] = np.where(frame["age"] > 0, np.floor(frame["time"] / 2) + 0.5, 0.0)
    frame = frame[frame["entry"] < frame["time"]]
    found = CoxPH("age").fit(frame)
    # Left to itself lifelines stops 5e-5 from the maximum.
    peer = CoxPHFitter().fit(frame[["time", "status", "age", "entry"]], "time", "status",
                             entry_col="entry", fit_options={"precision": 1e-12})  # fmt: skip
    expected = peer.summary[["coef", "se(coef)"]].to_numpy()
    np.testing.assert_allclose(table(found), expected, rtol=1e-6)


@pytest.mark.parametrize("fitted", ["cox", "fine-gray"])
def test_a_weight_of_two_is_two_subjects(fitted: str) -> None:
    # Breslow's ties: those of Efron would tie the two copies with each other.
    frame = cohort(9, n=60, causes=2, grid=1e-9)
    twice = pd.concat([frame, frame.iloc[:20].assign(subject=lambda f: f["subject"] + 1000)])
    weight = pd.Series(np.where(np.arange(60) < 20, 2.0, 1.0), index=frame["subject"])
    if fitted == "cox":
        spec: Any = CoxPH("treatment + age", ties="breslow")
    else:
        spec = FineGray("treatment + age")
    one, other = spec.fit(frame, weights=weight), spec.fit(twice)
    np.testing.assert_allclose(one.tidy()["estimate"], other.tidy()["estimate"], rtol=1e-8)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_the_score_test_is_the_log_rank_test(seed: int) -> None:
    # Without ties; Efron's variance for ties differs from the hypergeometric one.
    frame = cohort(seed, grid=1e-9)
    score = CoxPH("treatment").fit(frame).glance()["score"].item()
    assert score == pytest.approx(LogRank().fit(frame).glance()["statistic"].item(), rel=1e-9)


def test_fine_gray_without_competing_events_is_cox() -> None:
    frame = cohort(2)
    cox = CoxPH("treatment + age", ties="breslow").fit(frame)
    fine_gray = FineGray("treatment + age").fit(frame)
    assert fine_gray.glance()["loglik"].item() == pytest.approx(cox.glance()["loglik"].item())
    np.testing.assert_allclose(fine_gray.tidy()["estimate"], cox.tidy()["estimate"], rtol=1e-8)
    robust = (
        CoxPH("treatment + age", ties="breslow", robust=True, correction="none").fit(frame).tidy()
    )
    np.testing.assert_allclose(fine_gray.tidy()["std_error"], robust["std_error"], rtol=1e-8)


def test_other_causes_are_censored_for_cox_and_not_for_fine_gray() -> None:
    frame = cohort(12, n=200, causes=2)
    censored = frame.assign(status=np.where(frame["status"] == 2, 0, frame["status"]))
    a, b = (table(CoxPH("treatment").fit(f)) for f in (frame, censored))
    np.testing.assert_allclose(a, b, rtol=1e-10)
    a, b = (table(FineGray("treatment").fit(f)) for f in (frame, censored))
    assert abs(a[0, 0] - b[0, 0]) > 1e-3
    swapped = frame.assign(status=frame["status"].map({0: 0, 1: 2, 2: 1}))
    for spec in (CoxPH, FineGray):
        a, b = table(spec("treatment").fit(frame)), table(spec("treatment", cause=2).fit(swapped))
        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_influence_is_the_derivative_to_the_weight(ties: str) -> None:
    # Efron's shares of tied deaths are averages over them, weighted in the sums only: without
    # ties within a time both derivatives are exact.
    frame = cohort(5, n=50, grid=1e-9)
    spec = CoxPH("treatment + age", ties=ties, correction="none")  # type: ignore[arg-type]
    ones = pd.Series(1.0, index=frame["subject"])
    fit = spec.fit(frame, weights=ones)
    moved = fit.influence().set_index("subject")
    curves = fit.marginal(days=[5.0, 15.0])
    on_curves = curves.influence().set_index("subject")
    for i in (0, 13, 49):
        ends = []
        for step in (1e-4, -1e-4):
            weight = ones.copy()
            weight[i] += step
            again = spec.fit(frame, weights=weight)
            curve = again.marginal(days=[5.0, 15.0]).tidy()
            ends.append((again.tidy()["estimate"].to_numpy(), curve["estimate"].to_numpy()))
        by_hand = [(a - b) / 2e-4 for a, b in zip(*ends, strict=True)]
        np.testing.assert_allclose(moved.loc[i], by_hand[0], rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(on_curves.loc[i], by_hand[1], rtol=1e-5, atol=1e-9)


def test_marginal_curves_of_one_covariate_are_near_the_curves_of_its_levels() -> None:
    frame = cohort(3, n=2000)
    curves = CoxPH("treatment").fit(frame).marginal(days=[10.0, 20.0])
    plain = KaplanMeier().fit(frame).at([10.0, 20.0])
    # Proportional hazards hold in the simulation: both estimate the same curve.
    gap = np.abs(curves.tidy()["estimate"].to_numpy() - plain["estimate"].to_numpy())
    assert gap.max() < 0.04
    compared = curves.contrasts()
    assert (compared["std_error"] > 0).all()
    assert compared["reference"].unique().tolist() == ["A"]
    with pytest.raises(UnknownNameError, match="Unknown treatment 'C'"):
        curves.contrasts(reference="C")


def test_an_effect_that_changes_with_time_is_found() -> None:
    # Hazard ratio 4 before day 10, 1/4 after.
    rng = np.random.default_rng(1)
    n, arm = 1500, np.repeat([0, 1], 750)
    early = rng.exponential(20 / np.where(arm == 1, 4.0, 1.0))
    late = 10 + rng.exponential(20 / np.where(arm == 1, 0.25, 1.0))
    time = np.minimum(np.where(early < 10, early, late), 60)
    frame = pd.DataFrame({"subject": range(n), "treatment": np.where(arm == 1, "B", "A"),
                          "time": np.ceil(time), "status": (time < 60).astype(int)})  # fmt: skip
    fit = CoxPH("treatment").fit(frame)
    assert fit.proportional_hazards().tidy()["p_value"].iloc[-1] < 1e-6
    varying = CoxPH("treatment", time_varying={"treatment": "log"}).fit(frame).tidy()
    assert varying["term"].tolist() == ["treatment[T.B]", "treatment[T.B]:log(day)"]
    assert varying["estimate"].iloc[1] < -0.5
    effects = fit.proportional_hazards("log").effects()
    assert np.corrcoef(np.log(effects["time"]), effects.iloc[:, 1])[0, 1] < -0.2


def test_concordance_counts_pairs() -> None:
    rng = np.random.default_rng(7)
    n = 60
    time, event = rng.integers(1, 15, n).astype(float), rng.random(n) < 0.6
    risk = rng.integers(0, 5, n).astype(float)
    agree = tied = pairs = 0
    for i in range(n):
        for j in range(n):
            # i had the event while j was still at risk.
            later = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if event[i] and later:
                pairs += 1
                agree += risk[i] > risk[j]
                tied += risk[i] == risk[j]
    found = concordance(time, event, risk, np.zeros(n, dtype=np.intp))
    assert found.estimate == pytest.approx((agree + tied / 2) / pairs, rel=1e-12)


def test_clusters_and_missing_covariates() -> None:
    frame = cohort(8).assign(site=lambda f: np.arange(len(f)) // 4)
    frame.loc[[3, 5], "age"] = np.nan
    fit = CoxPH("treatment + age", cluster="site").fit(frame)
    assert fit.glance()["n_left_out"].item() == 2
    assert "2: a covariate is missing" in str(fit)
    moved = fit.influence().merge(frame[["subject", "site"]]).drop(columns="subject")
    sums = moved.groupby("site").sum().to_numpy()
    errors = np.sqrt(np.diag(sums.T @ sums))
    np.testing.assert_allclose(fit.tidy()["std_error"], errors, rtol=1e-10)


def test_grays_score_is_the_log_rank_score_without_competing_events() -> None:
    # Its covariance is that of each group's own incidence, not of the pooled one: under no
    # difference the two tests come together.
    frame = cohort(11, n=300)
    rank = LogRank().fit(frame).tidy()
    code = (frame["treatment"] == "B").to_numpy().astype(np.intp)
    time, status = frame["time"].to_numpy(dtype=float), frame["status"].to_numpy(dtype=np.intp)
    scores = gray_scores(FollowUp.plain(time, status), code, 2, 1, 0.0)
    np.testing.assert_allclose(scores.score, rank["observed"] - rank["expected"], rtol=1e-10)
    same = frame.assign(treatment=np.where(np.arange(300) % 2 == 0, "A", "B"))
    gray = GrayTest().fit(same).tidy()["statistic"].item()
    log_rank = LogRank().fit(same).glance()["statistic"].item()
    assert gray == pytest.approx(log_rank, rel=0.05, abs=0.05)


def test_gray_sees_incidences_not_hazards() -> None:
    # B has the hazard of A for cause 1 but three times that for cause 2: fewer ever get to 1.
    rng = np.random.default_rng(0)
    n, arm = 2000, np.repeat(["A", "B"], 1000)
    one = rng.exponential(20, n)
    two = rng.exponential(np.where(arm == "B", 7.0, 21.0))
    frame = pd.DataFrame({"subject": range(n), "treatment": arm, "time": np.minimum(one, two),
                          "status": np.where(one < two, 1, 2)})  # fmt: skip
    times = EventTimes(frame, causes={1: "one", 2: "two"})
    assert GrayTest().fit(times).tidy()["p_value"].iloc[0] < 1e-6
    assert CoxPH("treatment").fit(times).tidy()["p_value"].item() > 0.01
    shares = AalenJohansen().fit(times).at([60.0])["estimate"]
    assert shares.iloc[0] > shares.iloc[2] + 0.1


def test_landmark_moves_the_origin_and_counts_who_is_gone() -> None:
    frame = EventTimes(cohort(1))
    late = landmark(frame, 10.0)
    kept = frame.frame[frame.frame["time"] > 10]
    assert late.frame["time"].tolist() == (kept["time"] - 10).tolist()
    assert len(late.left_out) == len(frame.frame) - len(kept)
    assert set(late.left_out["reason"]) == {"an event by day 10", "follow-up ended by day 10"}
    # The curve from the landmark is the curve before, divided by its value there.
    whole, after = KaplanMeier(by=None).fit(frame), KaplanMeier(by=None).fit(late)
    ratio = whole.at([25.0])["estimate"].item() / whole.at([10.0])["estimate"].item()
    assert after.at([15.0])["estimate"].item() == pytest.approx(ratio, rel=1e-12)
    with pytest.raises(SpecError, match="day must be a number of days, 0 or more; got -1"):
        landmark(frame, -1)
    with pytest.raises(NotEstimableError, match="No subject is under observation without event at"):
        landmark(frame, 1e6)


BAD = cohort(0)


@pytest.mark.parametrize(
    ("spec", "frame", "error", "message"),
    [
        (CoxPH("age"), BAD.assign(status=0), NotEstimableError, "No subject had event"),
        (CoxPH("age", cause=2), BAD, NotEstimableError, "No subject had cause 2"),
        (CoxPH("weight"), BAD, DataError, "no column 'weight' for the formula"),
        (CoxPH("age", strata="site"), BAD, UnknownNameError, "Unknown column 'site'"),
        (CoxPH("age + one"), BAD.assign(one=1.0), NotEstimableError, "one"),
        (CoxPH("age + old"), BAD.assign(old=BAD["age"] * 2), NotEstimableError, "old"),
        (CoxPH("late"), BAD.assign(late=BAD["time"].rank()), NotEstimableError, "late on the time"),
        (CoxPH("gone"), BAD.assign(gone=np.where(BAD["status"] == 1, 0.0, 1.0)),
         NotEstimableError, "gone on the time to event has no finite estimate"),
        (FineGray("gone"), BAD.assign(gone=np.where(BAD["status"] == 1, 0.0, 1.0)),
         NotEstimableError, "gone on the time to event has no finite estimate"),
        (FineGray("age"), BAD.assign(entry=0.5), NotEstimableError, "Delayed entry is not taken"),
        (GrayTest(), BAD.assign(treatment="A"), NotEstimableError, "needs two groups"),
        (GrayTest(strata="site"), BAD, UnknownNameError, "Unknown column 'site'"),
        (CoxPH("age"), BAD.assign(time=-BAD["time"]), DataError, "negative"),
        (CoxPH("age"), BAD.assign(time=np.nan), DataError, "time"),
        (CoxPH("age"), BAD.assign(time=np.inf), DataError, "infinite"),
        (CoxPH("age"), BAD.assign(status=0.5), DataError, "status"),
        (CoxPH("age"), BAD.assign(entry=BAD["time"] + 1), DataError, "entry"),
    ],
)  # fmt: skip
def test_bad_input(spec: Any, frame: pd.DataFrame, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        spec.fit(frame)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CoxPH("age", ties="exact"), "ties"),  # type: ignore[arg-type]
        (lambda: CoxPH("age", cause=0), "cause is a status of 1 or above; got 0"),
        (lambda: CoxPH("age", time_varying={"age": "cube"}), "time_varying"),  # type: ignore[dict-item]
        (lambda: FineGray("age", cause=0), "cause is a status of 1 or above; got 0"),
        (lambda: GrayTest(rho=-1), "rho must be 0 or more; got -1"),
        (lambda: CoxPH("age ~ sex"), "covariates"),
    ],
)
def test_bad_specs(make: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_what_needs_constant_effects_says_so() -> None:
    fit = CoxPH("treatment", time_varying={"treatment": "log"}).fit(BAD)
    with pytest.raises(NotEstimableError, match="needs effects that do not change with time"):
        fit.marginal()
    with pytest.raises(UnknownNameError, match="sex"):
        CoxPH("treatment").fit(BAD).marginal("sex")
    with pytest.raises(NotEstimableError, match="'age' is a number and has no levels"):
        CoxPH("treatment + age").fit(BAD).marginal("age")


def test_faces() -> None:
    frame = cohort(5, causes=2)
    text = str(CoxPH("treatment + age", strata="sex").fit(frame))
    for words in ("Hazard ratio (95 % CI)", "Strata", "Efron", "Likelihood ratio", "Concordance"):
        assert words in text
    assert "robust, with that of the censoring" in str(FineGray("age").fit(frame))
    assert "cause 2" in str(GrayTest().fit(frame))
    zph = str(CoxPH("treatment + age").fit(frame).proportional_hazards())
    assert "all together" in zph
    curves = CoxPH("treatment + age").fit(frame).marginal()
    assert "standardised over treatment" in str(curves)


def test_figures() -> None:
    frame = cohort(5, causes=2)
    fit = CoxPH("treatment + age").fit(frame)
    assert "Hazard ratio" in fit.plot().get_xlabel()
    ax = fit.proportional_hazards().plot("age")
    assert "age" in ax.get_ylabel()
    assert "days" in ax.get_xlabel().lower()
    ax = fit.marginal().plot()
    assert "standardised" in ax.get_ylabel()
    assert "ratio" in FineGray("treatment + age").fit(frame).plot().get_xlabel()


def test_who_lacks_a_stratum_is_said_to_lack_it() -> None:
    frame = pd.DataFrame({
        "subject": range(40), "treatment": ["A", "B"] * 20, "time": [1 + k % 9 for k in range(40)],
        "status": [1, 1, 0, 1] * 10, "site": ["x", "x", "y", "y", None] * 8,
    })  # fmt: skip
    fit = CoxPH("treatment", strata="site").fit(EventTimes(frame))
    assert "8: a covariate or site is missing" in str(fit)
