"""Events by arm: counted by hand, limits by known values, order of rows without effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.kernels.proportions.incidence_rate import incidence_rate_interval

YEAR = 365.25


def study(events: pd.DataFrame | None = None) -> trd.Study:
    visits = pd.DataFrame(
        [(s, d, 30 - d / 10) for s in "abcd" for d in (0, 7, 28)],
        columns=["subject", "day", "score"],
    ).round({"score": 0})
    subjects = pd.DataFrame({"subject": list("abcd"), "treatment": ["ECT", "ECT", "TMS", "TMS"]})
    return trd.Study(
        visits, subjects, events, scale="MADRS", windows={7: 2, 28: 3}, randomised=True
    )


EVENTS = pd.DataFrame(
    {
        "subject": ["a", "a", "b", "c", "d"],
        "day": [10, 20, -5, 40, 14],
        "event": ["hospitalisation", "hospitalisation", "hospitalisation", "death", "rescue"],
    }
)


def test_counts_and_time_by_hand() -> None:
    with pytest.warns(trd.errors.DataWarning):
        made = study(EVENTS)
    found = trd.count_events(made)
    counts = found.counts.set_index(["event", "treatment"])
    own = counts.loc[("hospitalisation", "ECT")]
    assert (own["n"], own["n_with_event"], own["n_events"]) == (2, 1, 2)
    assert own["person_years"] == pytest.approx(
        (10 + 28) / YEAR
    )  # a to day 10, b to its last visit
    assert counts.loc[("death", "TMS"), "person_years"] == pytest.approx((40 + 28) / YEAR)
    assert counts.loc[("rescue", "TMS"), "person_years"] == pytest.approx((40 + 14) / YEAR)
    assert found.n_before == 1
    assert "1 event on day 0 or before not counted." in repr(found)
    table = found.tidy().set_index(["event", "treatment", "measure"])
    rate = table.loc[("hospitalisation", "ECT", "events per 100 person-years")]
    assert rate["estimate"] == pytest.approx(100 * YEAR / 38)


def test_exact_limits_are_the_rates_that_just_explain_the_count() -> None:
    low, high = incidence_rate_interval([7, 0], [50.0, 20.0], conf_level=0.9)
    assert poisson.sf(6, low[0] * 50) == pytest.approx(0.05, rel=1e-9)
    assert poisson.cdf(7, high[0] * 50) == pytest.approx(0.05, rel=1e-9)
    assert low[1] == 0.0
    assert high[1] * 20 == pytest.approx(brentq(lambda m: np.exp(-m) - 0.05, 0, 20), rel=1e-9)
    low, high = incidence_rate_interval([3], [0.0], conf_level=0.9)
    assert np.isnan([low[0], high[0]]).all()
    with pytest.raises(SpecError, match="must not be negative"):
        incidence_rate_interval([-1], [1.0], conf_level=0.9)


def test_influences_are_those_of_leaving_one_out() -> None:
    """Errors from influences are near those of a jackknife over patients."""
    made = trd.load_sample("trial")
    found = trd.count_events(made, events=["rescue"])
    table = found.tidy().set_index(["measure", "treatment"])
    counts = found.counts.set_index("treatment")
    day, arm = found.first["rescue"].to_numpy(), found.subjects["treatment"].to_numpy()
    has = ~np.isnan(day)
    time = np.where(has, day, found.last) / YEAR
    mine = arm == "ECT"
    x, t = has[mine].astype(float), time[mine]
    left_out = 100 * (x.sum() - x) / (t.sum() - t)
    n = len(x)
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    assert counts.loc["ECT", "n_with_event"] == x.sum()
    assert table.loc[("events per 100 person-years", "ECT"), "std_error"] == pytest.approx(
        jackknife, rel=0.02
    )


def test_order_of_rows_changes_nothing() -> None:
    made = trd.load_sample("trial")
    again = trd.Study(
        made.visits.sample(frac=1, random_state=1)[["subject", "day", "score"]],
        made.subjects.sample(frac=1, random_state=2).drop(columns="baseline"),
        made.events.sample(frac=1, random_state=3),
        scale="MADRS",
        randomised=True,
    )
    a, b = (trd.count_events(s).tidy() for s in (made, again))
    key = ["measure", "event", "treatment"]
    pd.testing.assert_frame_equal(
        a.astype({"treatment": str}).sort_values(key).reset_index(drop=True),
        b.astype({"treatment": str}).sort_values(key).reset_index(drop=True),
    )


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(NotEstimableError, match="The study has no events: give a table of them"):
        trd.count_events(study())
    with pytest.raises(UnknownNameError, match="'rescues'"):
        trd.count_events(trd.load_sample("trial"), events=["rescues"])
