"""Nobody or everybody of a group had the outcome: no error is known, and none is shown as 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trdstats as trd
from trdstats.errors import NotEstimableError
from trdstats.kernels.numerics.resampling import covering_p
from trdstats.kernels.proportions.two_proportions import risk_difference
from trdstats.outcomes.weighted_rates import weigh_rates

UNKNOWN = ["std_error", "statistic", "p_value", "conf_low", "conf_high"]


def times(events: dict[str, list[int]], *, day: float = 7.0) -> pd.DataFrame:
    """Return subjects by treatment, 1 for an event on a day of its own, 0 for seen to day 28."""
    rows = []
    for arm, statuses in events.items():
        for i, status in enumerate(statuses):
            time = day + i if status else 28.0
            rows.append((f"{arm}{i}", arm, time, status))
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "time", "status"])
    right = frame["time"].where(frame["status"] > 0, np.inf)
    return frame.assign(left=frame["time"] - 1, right=right)


NOBODY = times({"A": [1, 1, 0], "B": [0, 0, 0]})
EVERYBODY = times({"A": [1, 1, 0], "B": [1, 1, 1]})


def test_curves_of_two_of_three_and_none_of_three() -> None:
    # Wald of 2/3 less 0/3 gives p 0.014; the log-rank test 0.116.
    for frame in (NOBODY, EVERYBODY):
        curve = trd.KaplanMeier().fit(frame)
        for measure in ("survival", "incidence", "hazard"):
            row = curve.contrasts([20], measure=measure)
            assert row[UNKNOWN].isna().all(axis=None)
        own = curve.at([20]).set_index("treatment")
        assert np.isnan(own.loc["B", "std_error"])
        # Greenwood without censoring is p (1 - p) / n.
        assert own.loc["A", "std_error"] == pytest.approx(np.sqrt(2 / 9 / 3))
        states = trd.AalenJohansen().fit(frame)
        assert states.contrasts([20])[UNKNOWN].isna().all(axis=None)
    weighted = trd.KaplanMeier().fit(NOBODY, weights=pd.Series(2.0, index=NOBODY["subject"]))
    assert weighted.contrasts([20])[UNKNOWN].isna().all(axis=None)


def test_restricted_means_of_subjects_who_are_all_alike() -> None:
    for frame in (NOBODY, times({"A": [1, 1, 0], "B": [1, 1, 1]}).assign(
        time=lambda d: d["time"].where(d["treatment"] == "A", 7.0),
        left=6.0, right=lambda d: d["right"].where(d["treatment"] == "A", 7.0),
    )):  # fmt: skip
        table = trd.RMST(tau=20).fit(frame).tidy()
        assert table[table["measure"] != "restricted mean"][UNKNOWN].isna().all(axis=None)
        assert "In B no subject or every subject had the outcome" in str(
            trd.RMST(tau=20).fit(frame)
        )
        mean = table[table["measure"] == "restricted mean"].set_index("treatment")
        assert np.isnan(mean.loc["B", "std_error"])
        assert mean.loc["A", "std_error"] > 0


def test_weighted_rates_of_three_of_four_and_none_of_four() -> None:
    met = pd.DataFrame(
        {
            "subject": range(8),
            "treatment": pd.Categorical(["A"] * 4 + ["B"] * 4),
            "met": pd.array([True] * 3 + [False] * 5, dtype="boolean"),
        }
    )
    weights = pd.Series(np.arange(1.0, 9.0))
    found = weigh_rates(met, weights).rates
    measures = ("difference", "ratio", "odds ratio")
    frame = found.compare(reference="B", measures=measures).tidy()  # type: ignore[arg-type]
    assert frame[UNKNOWN].isna().all(axis=None)
    rates = found.tidy().set_index("treatment")
    assert np.isnan(rates.loc["B", "std_error"])
    assert rates.loc["A", "std_error"] > 0
    assert frame.set_index("measure").loc["difference", "estimate"] == pytest.approx(0.6)


def test_matching_and_censoring_weights() -> None:
    rows = pd.DataFrame(
        {
            "subject": range(12),
            "treatment": ["A", "B"] * 6,
            "x": np.repeat(np.arange(6.0), 2),
            "y": [1, 0] * 3 + [0, 0] * 3,
        }
    )
    for replace in (False, True):
        matched = (
            trd.Matching("x", treated="A", replace=replace)
            .fit(rows)
            .estimate(rows, outcome="y")
            .tidy()
        )
        gap = matched[matched["measure"] == "difference"]
        assert gap["estimate"].abs().item() == pytest.approx(0.5)
        assert gap[UNKNOWN].isna().all(axis=None)
    fit = trd.IPCW("1", days=[20]).fit(NOBODY)
    assert "In B no subject or every subject had the outcome" in str(fit)
    curves = fit.tidy()
    assert curves[curves["measure"] == "difference"][UNKNOWN].isna().all(axis=None)


def test_a_published_arm_without_the_outcome() -> None:
    # The risk difference against 0/2 had p 2e-10; the score method on the counts gives 0.32.
    own = pd.DataFrame(
        {"subject": range(8), "treatment": "A", "x": np.arange(8.0), "y": [0, 1] * 4}
    )
    fit = trd.MAIC({"x": 3.0}).fit(own)
    for events in (0, 2):
        trial = trd.PublishedTrial("other", arms=(trd.PublishedArm("B", 2, events=events),))
        word = "no subject" if events == 0 else "every subject"
        for measure in ("risk difference", "risk ratio", "odds ratio"):
            with pytest.raises(NotEstimableError, match=f"other, B: {word} had the outcome. A rat"):
                fit.compare(
                    trial, outcome="y", treatment="A", comparator="B", anchor=None, measure=measure
                )
    both = trd.PublishedTrial(
        "other", arms=(trd.PublishedArm("B", 9, events=4), trd.PublishedArm("C", 9, events=0))
    )
    with pytest.raises(NotEstimableError, match="no subject had the outcome"):
        both.contrast("B", "C", "risk difference")


def test_counts_keep_their_score_interval() -> None:
    study = trd.load_sample("trial")
    none = trd.rates(study, trd.Remission(), day=28)
    assert none.tidy()["conf_low"].notna().all()
    row = risk_difference(3, 4, 0, 4, method="miettinen-nurminen", conf_level=0.95)
    assert row.p_value == pytest.approx(0.040, abs=5e-4)
    assert np.isnan(row.std_error)
    assert row.low < 0.75 < row.high


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=3, max_size=15))
def test_with_one_cause_both_estimators_have_one_error(drawn: list[tuple[int, bool]]) -> None:
    time, event = (np.array(v, dtype=float) for v in zip(*drawn, strict=True))
    frame = pd.DataFrame(
        {
            "subject": np.arange(len(time)),
            "treatment": "A",
            "time": time,
            "status": event.astype(int),
            "left": time,
            "right": np.where(event > 0, time, np.inf),
        }
    )
    one, other = (m().fit(frame).tidy() for m in (trd.KaplanMeier, trd.AalenJohansen))
    np.testing.assert_allclose(1 - one["estimate"], other["estimate"], atol=1e-12)
    np.testing.assert_allclose(one["std_error"], other["std_error"], atol=1e-12)


def test_two_of_three_on_days_of_their_own() -> None:
    frame = times({"A": [1, 1, 0]})
    both = [m().fit(frame).at([20])["std_error"].item() for m in (trd.KaplanMeier,
            trd.AalenJohansen)]  # fmt: skip
    assert both == pytest.approx([0.27217, 0.27217], abs=1e-5)


# Limits and p


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=5, max_size=60),
    st.floats(0, 2),
    st.floats(0.01, 0.6),
)
def test_p_is_below_a_level_where_its_limits_exclude_0(
    middle: list[float], width: float, level: float
) -> None:
    low, high = np.array(middle) - width, np.array(middle) + width
    p = covering_p(low, high)
    ends = np.quantile(low, level / 2), np.quantile(high, 1 - level / 2)
    if min(abs(e) for e in ends) < 1e-9:
        return  # on the edge, rounding decides
    excludes = ends[0] > 0 or ends[1] < 0
    # So few resamples cannot show a p below 2 / (n + 1).
    assert (p < level) == excludes or (excludes and p == 2 / (len(middle) + 1))
    assert 0 < p <= 1


def test_limits_and_p_of_the_onset_answer_one_question() -> None:
    study = trd.load_sample("modalities").only(["TMS", "Lifestyle"])
    table = compared(study)
    onset = table[table["outcome"] == "onset"]
    assert len(onset)
    for row in onset.itertuples():
        covers = row.conf_low <= 0 <= row.conf_high
        assert (row.p_value >= 0.05) == covers
        assert np.isnan(row.statistic)


def compared(study: Any) -> pd.DataFrame:
    return trd.compare(study, adjust="failed_trials + age", n_boot=200, seed=1).tidy()


# A likelihood without a maximum


def test_interval_hazards_refuse_as_cox_does() -> None:
    rng = np.random.default_rng(1)
    left = np.where(np.arange(40) < 20, 28.0, 7.0 * rng.integers(0, 5, 40))
    happened = np.arange(40) >= 20
    frame = pd.DataFrame(
        {
            "subject": range(40),
            "treatment": np.where(happened, "B", "A"),
            "left": left,
            "right": np.where(happened, left + 7, np.inf),
            "time": np.where(happened, left + 7, left),
            "status": happened.astype(int),
            "age": rng.normal(size=40),
        }
    )
    swapped = frame.assign(treatment=frame["treatment"].map({"A": "B", "B": "A"}))
    for formula in ("treatment", "treatment + age"):
        for data in (frame, swapped):  # HR of infinity, and of 0
            said = []
            for model in (trd.IntervalPH, trd.CoxPH):
                with pytest.raises(NotEstimableError, match="no finite estimate") as error:
                    model(formula).fit(data)
                said.append(str(error.value).replace("take CoxPH(firth=True), ", ""))
            assert said[0] == said[1]


def test_a_bootstrap_that_never_differs_gives_no_limits() -> None:
    """0 of 3 drawn again is 0 of 3: Turnbull's difference had limits that left out 0."""
    times = pd.DataFrame(
        {"subject": range(6), "treatment": list("AAABBB"), "time": [3, 5, 9, 9, 9, 9],
         "status": [1, 1, 0, 0, 0, 0]}
    )  # fmt: skip
    fit = trd.Turnbull(n_boot=40).fit(times)
    limits = ["conf_low", "conf_high"]
    at, gaps = fit.at([6]).set_index("treatment"), fit.contrasts([6])
    assert np.isfinite(at.loc["A", limits].astype(float)).all()
    assert at.loc["B", limits].isna().all()
    assert gaps[limits].isna().all(axis=None)
    mean = fit.restricted_mean(6).set_index("treatment")
    assert mean.loc["B", limits].isna().all(axis=None)
    # A median may well be the same day in every replicate.
    many = times.iloc[[0] * 8].assign(subject=range(8), treatment="A")
    assert trd.Turnbull(n_boot=40).fit(many).quantiles([0.5])[limits].to_numpy().tolist() == [
        [3, 3]
    ]


def test_days_to_response_of_a_cohort_in_which_nobody_responds() -> None:
    """Every resample has the horizon: the difference had limits and p as if it were known."""
    rng = np.random.default_rng(5)
    people = pd.DataFrame({"subject": range(60), "treatment": list("AB") * 30})
    people["age"] = rng.normal(50, 8, 60)
    rows = [
        (i, d, 12 if d and i % 2 and rng.random() < 0.1 * d / 7 else 30)
        for i in range(60)
        for d in (0, 7, 14, 28)
    ]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    study = trd.Study(visits, people, scale="MADRS")
    found = trd.compare(study, adjust="age", outcomes=["onset"], day=28, tau=28, n_boot=20,
                        accept=["effective sample size"])  # fmt: skip
    table = found.tidy()
    assert (table["estimate"] < 0).all()
    assert table[UNKNOWN].isna().all(axis=None)
    assert table["reason"].str.startswith("no subject or every subject had the outcome").all()


def test_score_limits_of_an_empty_arm_are_no_standard_error() -> None:
    visits = pd.DataFrame(
        [(i, "AB"[i // 4], d, 10 if d and i < 3 else 30) for i in range(8) for d in (0, 28)],
        columns=["subject", "treatment", "day", "score"],
    )
    study = trd.Study(visits, scale="MADRS")
    row = trd.rates(study, trd.Response(), day=28).tidy().query("measure == 'difference'")
    other = trd.Effect("risk difference", "B", "A", -0.3, std_error=0.1)
    with pytest.raises(NotEstimableError, match=r"no std_error.*Give the std_error, or the counts"):
        trd.meta_analysis([trd.read_effect(row), other])
    with pytest.raises(NotEstimableError, match="no std_error"):
        trd.Bucher().fit(row, trd.Effect("risk difference", "C", "A", -0.3, std_error=0.1))


def test_an_accelerated_time_that_runs_away_is_refused() -> None:
    """All events by the first visit, all of one arm: the search stopped at a ratio of e^-1811."""
    times = pd.DataFrame(
        {"subject": range(10), "treatment": list("BABABABABA"), "left": [0] * 7 + [14] * 3,
         "right": [np.inf] * 4 + [7] * 3 + [np.inf] * 3, "time": [0] * 4 + [7] * 3 + [14] * 3,
         "status": [2] * 4 + [1] * 3 + [0] * 3}
    )  # fmt: skip
    with pytest.raises(NotEstimableError, match="no single maximum"):
        trd.AFT("treatment").fit(times)
