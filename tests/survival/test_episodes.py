"""Regressions and mean numbers of episodes: relations that hold for any data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kernels.risk_sets.mean_cumulative import mean_number


def made(seed: int = 1, n: int = 40) -> pd.DataFrame:
    """Spans with gaps, events that come again, and ends for good."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day = 0.0
        while True:
            start = day if rng.random() < 0.5 else day + float(rng.integers(1, 4))
            stop = start + float(rng.integers(1, 10))
            status = int(rng.choice([0, 1, 2], p=[0.25, 0.6, 0.15]))
            rows.append((f"S{i}", "ECT" if i % 2 else "TMS", start, stop, status, rng.normal()))
            day = stop
            if status != 1 or stop > 40:
                break
    return pd.DataFrame(rows, columns=["subject", "treatment", "start", "stop", "status", "x"])


def test_influence_is_the_derivative_by_the_weight_of_a_subject() -> None:
    frame = made()
    subject = pd.factorize(frame["subject"])[0].astype(np.intp)
    weight = np.random.default_rng(2).uniform(0.5, 2, subject.max() + 1)
    start, stop = frame["start"].to_numpy(), frame["stop"].to_numpy()
    status = frame["status"].to_numpy().astype(np.intp)

    def fit(w: np.ndarray) -> object:
        return mean_number(FollowUp(stop, status, start, w[subject]), subject)

    found = fit(weight)
    days = found.counts.time[[3, 10, 20, -1]]
    here = np.searchsorted(found.counts.time, days)
    step = 1e-5
    for i in range(len(weight)):
        up, down = weight.copy(), weight.copy()
        up[i], down[i] = up[i] + step, down[i] - step
        slope = (fit(up).estimate[here] - fit(down).estimate[here]) / (2 * step)
        assert found.influence(days)[i] == pytest.approx(weight[i] * slope, abs=1e-8)
    # The whole curve of errors is that of the influences, by prefix sums.
    whole = np.sqrt((found.influence(found.counts.time) ** 2).sum(axis=0))
    assert found.std_error == pytest.approx(whole, rel=1e-9, abs=1e-12)


def test_by_hand() -> None:
    # Day 5: A has an event, 3 at risk. Day 8: B ends for good. Day 10: A again, 2 at risk (A, C).
    frame = pd.DataFrame(
        {"subject": ["A", "A", "A", "B", "C"], "treatment": "ECT", "start": [0, 5, 10, 0, 0],
         "stop": [5, 10, 12, 8, 12], "status": [1, 1, 0, 0, 0]}
    )  # fmt: skip
    plain = trd.MeanCumulative().fit(frame).at([5, 10])["estimate"]
    assert plain.tolist() == pytest.approx([1 / 3, 1 / 3 + 1 / 2])
    # With B dead on day 8 a third of all subjects can have no event after it.
    frame["status"] = [1, 1, 0, 2, 0]
    dead = trd.MeanCumulative().fit(frame)
    assert dead.at([10])["estimate"].tolist() == pytest.approx([1 / 3 + (2 / 3) / 2])
    assert dead.glance()[["n", "episodes", "events", "ended"]].to_numpy().tolist() == [[3, 5, 2, 1]]


def test_cutting_a_row_changes_nothing() -> None:
    frame = made()
    cut = frame.loc[frame["stop"] - frame["start"] > 2]
    middle = cut["start"] + 1.0
    parts = [
        frame.drop(cut.index), cut.assign(stop=middle, status=0), cut.assign(start=middle),
    ]  # fmt: skip
    other = pd.concat(parts, ignore_index=True)
    one = trd.CoxPH("treatment + x").fit(trd.Episodes(frame))
    two = trd.CoxPH("treatment + x").fit(trd.Episodes(other))
    pd.testing.assert_frame_equal(one.tidy(), two.tidy(), rtol=1e-8)
    mean, again = (trd.MeanCumulative().fit(trd.Episodes(f)).at([10, 20]) for f in (frame, other))
    pd.testing.assert_frame_equal(mean, again)
    # One row a subject, and their squares are the variance.
    influence = one.estimates().influence()
    assert influence["subject"].is_unique
    assert len(influence) == frame["subject"].nunique()
    squares = (influence.drop(columns="subject") ** 2).sum().to_numpy()
    assert np.sqrt(squares) == pytest.approx(one.tidy()["std_error"].to_numpy())


def test_constant_weights_and_rows_in_any_order_change_nothing() -> None:
    frame = made()
    shuffled = frame.sample(frac=1, random_state=3).assign(w=7.0)
    one = trd.CoxPH("treatment + x").fit(trd.Episodes(frame)).tidy()
    episodes = trd.Episodes(shuffled).with_reference("ECT")
    two = trd.CoxPH("treatment + x").fit(episodes, weights="w").tidy()
    columns = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    assert one["term"].tolist() == two["term"].tolist()
    np.testing.assert_allclose(one[columns], two[columns], rtol=1e-7)
    for weights in (None, "w"):
        table = trd.MeanCumulative().fit(trd.Episodes(shuffled), weights=weights).at([10])
        assert table["std_error"].tolist() == pytest.approx(
            trd.MeanCumulative().fit(trd.Episodes(frame)).at([10])["std_error"].tolist()
        )


def with_frailty(theta: float, seed: int = 5, n: int = 300) -> pd.DataFrame:
    """Events that come again at rate 0.1 u, halved under ECT, over 20 days."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        u = rng.gamma(1 / theta, theta) if theta else 1.0
        arm, day = ("ECT", "TMS")[i % 2], 0.0
        while day < 20:
            stop = day + rng.exponential(1 / (0.1 * u * (0.5 if arm == "ECT" else 1.0)))
            rows.append((i, arm, day, min(stop, 20.0), int(stop < 20)))
            day = stop
    return pd.DataFrame(rows, columns=["subject", "treatment", "start", "stop", "status"])


def test_a_shared_frailty_is_found_where_there_is_one() -> None:
    fit = trd.SharedFrailty("treatment").fit(trd.Episodes(with_frailty(0.8)))
    g, row = fit.glance().iloc[0], fit.tidy().iloc[0]
    assert g["theta_low"] < 0.8 < g["theta_high"]
    assert g["likelihood_ratio_p"] < 1e-6
    assert row["conf_low"] < np.log(2) < row["conf_high"]
    table = fit.frailties()
    assert table["events"].sum() == g["events"]
    under_tms = table.iloc[1::2]  # more events under one hazard: a higher frailty
    assert under_tms.groupby("events")["estimate"].mean().is_monotonic_increasing
    # The score of the intercept of the hazards: frailties have mean 1.
    assert table["estimate"].mean() == pytest.approx(1, abs=1e-6)


def test_without_frailty_it_is_the_cox_model() -> None:
    frame = trd.Episodes(with_frailty(0.0, seed=6))
    fit = trd.SharedFrailty("treatment").fit(frame)
    assert fit.theta == 0
    plain = trd.CoxPH("treatment").fit(frame)
    assert fit.tidy()["estimate"].tolist() == pytest.approx(plain.tidy()["estimate"].tolist())
    assert fit.glance()["likelihood_ratio_p"].item() == 1
    assert "highest without frailty" in repr(fit)


def test_a_frailty_needs_rows_that_share_it() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    with pytest.raises(NotEstimableError, match="No two rows share a value of 'subject'"):
        trd.SharedFrailty("treatment").fit(onset)
    assert trd.SharedFrailty("treatment", by="site").fit(onset).glance()["groups"].item() > 1
    with pytest.raises(trd.errors.UnknownNameError, match="clinic"):
        trd.SharedFrailty("treatment", by="clinic").fit(onset)
    with pytest.raises(trd.errors.SpecError, match="1 or above; got 0"):
        trd.SharedFrailty("treatment", cause=0)


def test_what_is_refused() -> None:
    frame = made().assign(clinic=lambda f: np.arange(len(f)) % 3)
    with pytest.raises(DataError, match="in two clusters of 'clinic'"):
        trd.CoxPH("treatment", cluster="clinic").fit(trd.Episodes(frame))
    with pytest.raises(NotEstimableError, match="covariates of episodes change"):
        trd.CoxPH("treatment").fit(trd.Episodes(frame)).marginal()
    with pytest.raises(NotEstimableError, match="No subject had event"):
        trd.CoxPH("treatment").fit(trd.Episodes(frame.assign(status=0)))
    # Rows of several events are no event times: a subject stands there once.
    with pytest.raises(DataError, match=r"repeats? a subject"):
        trd.KaplanMeier().fit(frame.rename(columns={"start": "entry", "stop": "time"}))


def test_before_the_first_event_there_is_no_error() -> None:
    found = trd.MeanCumulative().fit(made()).at([0.5, 1000])
    assert found["std_error"].isna().all()
    assert set(found["reason"]) == {
        "no event so far: its mean has no error",
        *(r for r in found["reason"] if r.startswith("follow-up ends on day")),
    }


def test_a_covariate_that_does_not_vary_among_those_at_risk_is_refused() -> None:
    frame = made().assign(late=lambda f: (f["start"] > 10).astype(float))
    words = "the same, or collinear .* for all subjects who are at risk together"
    for formula, options in (
        ("treatment", {"strata": "treatment"}),
        ("treatment + x", {"strata": "subject"}),
        ("x + number", {"strata": "number"}),
        ("treatment", {"strata": "treatment", "firth": True}),
    ):
        episodes = trd.Episodes(frame)
        if "firth" in options:
            first = frame[~frame["subject"].duplicated()]
            episodes = trd.Episodes(first)
        with pytest.raises(NotEstimableError, match=words):
            trd.CoxPH(formula, **options).fit(episodes)
    days = pd.DataFrame({"subject": [1, 1, 2, 2, 3, 3], "treatment": ["A"] * 4 + ["B"] * 2,
                         "start": [0, 20] * 3, "stop": [20, 30, 20, 40, 20, 50],
                         "status": [0, 1] * 3, "late": [0.0, 1] * 3})  # fmt: skip
    with pytest.raises(NotEstimableError, match=words):
        trd.CoxPH("late").fit(trd.Episodes(days))
    with pytest.raises(NotEstimableError, match=words):
        trd.SharedFrailty("treatment", strata="treatment").fit(trd.Episodes(frame))


def test_more_clusters_than_coefficients() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    table = onset.frame.assign(cl=["one"] * (len(onset.frame) - 1) + ["two"])
    with pytest.raises(NotEstimableError, match="needs more clusters than that; there are 2"):
        trd.CoxPH("treatment", cluster="cl").fit(trd.EventTimes(table))


def test_mean_numbers_need_one_origin_and_whole_subjects() -> None:
    episodes = trd.Episodes(made())
    with pytest.raises(trd.errors.SpecError, match="before gap_time"):
        trd.MeanCumulative().fit(episodes.gap_time())
    with pytest.raises(trd.errors.SpecError, match="'number' changes within"):
        trd.MeanCumulative(by="number").fit(episodes)
    with pytest.raises(NotEstimableError, match="has a value of 'g'"):
        trd.MeanCumulative(by="g").fit(trd.Episodes(made().assign(g=np.nan)))


def test_subjects_of_the_text_dtype_of_pandas() -> None:
    frame = pd.DataFrame({
        "subject": pd.array(["a", "a", "b", "b"], dtype="string"), "treatment": list("AABB"),
        "start": [0, 5, 0, 6], "stop": [5, 9, 6, 9], "status": [1, 1, 1, 0],
    })  # fmt: skip
    assert trd.Episodes(frame).frame["number"].tolist() == [1, 2, 1, 2]
