"""Days lost to each cause, and how long subjects could have been followed."""

from __future__ import annotations

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError


def times() -> trd.EventTimes:
    relapse = trd.Relapse(at_least=22, consecutive=2)
    study = trd.load_sample("trial")
    return trd.time_to(study, relapse, since=trd.Response(), competing="left follow-up")


def test_by_hand() -> None:
    # Relapse on day 2 (1 of 4), leaving on day 5 (1 of 3), relapse on day 6 (1 of 2).
    frame = pd.DataFrame(
        {"subject": list("ABCD"), "treatment": "ECT", "time": [2, 5, 6, 10],
         "status": [1, 2, 1, 0]}
    )  # fmt: skip
    table = trd.TimeLost(tau=10).fit(frame).tidy()
    assert table["estimate"].tolist() == pytest.approx([8 * 0.25 + 4 * 0.25, 5 * 0.25])


def test_days_lost_and_days_kept_add_up() -> None:
    found = trd.TimeLost(tau=84).fit(times()).tidy()
    lost = found[found["measure"] == "mean days lost"].groupby("treatment")["estimate"].sum()
    any_cause = times().frame.assign(status=lambda f: (f["status"] > 0).astype(int))
    kept = trd.RMST(tau=84).fit(any_cause.drop(columns=["left", "right"])).tidy()
    kept = kept[kept["measure"] == "restricted mean"].set_index("treatment")["estimate"]
    assert (lost + kept.loc[lost.index]).tolist() == pytest.approx([84.0] * len(lost))


def test_one_cause_is_the_restricted_mean() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    lost = trd.TimeLost(tau=28).fit(onset).tidy()
    kept = trd.RMST(tau=28).fit(onset).tidy()
    ours, theirs = (t[t["measure"] == "difference"] for t in (lost, kept))
    assert ours["estimate"].tolist() == pytest.approx((-theirs["estimate"]).tolist())
    # Greenwood's variance and squared influences are two estimates of one thing.
    assert ours["std_error"].tolist() == pytest.approx(theirs["std_error"].tolist(), rel=0.02)


def test_influence_is_the_derivative_by_the_weight() -> None:
    frame = times().frame
    names = frame["subject"].tolist()
    found = trd.TimeLost(tau=84).fit(trd.EventTimes(frame)).estimates()
    step = 1e-5
    for name in names[:6]:
        values = []
        for sign in (1, -1):
            weights = pd.Series(1.0, index=names)
            weights[name] += sign * step
            values.append(trd.TimeLost(tau=84).fit(trd.EventTimes(frame), weights=weights))
        up, down = (v.estimates().value[:6] for v in values)
        own = found.influence().set_index("subject").loc[name].to_numpy()[:6]
        assert own == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(NotEstimableError, match=r"tau = 1000 lies beyond the follow-up of"):
        trd.TimeLost(tau=1000).fit(times())
    with pytest.raises(SpecError, match="positive number of days"):
        trd.TimeLost(tau=0)
    with pytest.raises(trd.errors.UnknownNameError, match="TSM"):
        trd.TimeLost(tau=84, reference="TSM").fit(times())


def test_potential_follow_up_is_the_curve_of_the_censored() -> None:
    frame = pd.DataFrame(
        {"subject": list("ABCD"), "treatment": "ECT", "time": [10, 20, 30, 40],
         "status": [1, 0, 2, 0]}
    )  # fmt: skip
    followed = trd.potential_follow_up(frame)
    assert followed.frame["status"].tolist() == [0, 1, 0, 1]
    curve = trd.KaplanMeier(by=None).fit(followed)
    assert curve.at([25])["estimate"].item() == pytest.approx(2 / 3)
    assert curve.quantiles((0.5,))["estimate"].item() == 40
