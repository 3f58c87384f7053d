"""Cohorts of which one has no subjects like some of the other's: standardised, and said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning
from trdstats.participants import beyond_the_data


def cohorts(n: int = 160) -> pd.DataFrame:
    """TMS ends at 44 years, ECT begins at 46."""
    rng = np.random.default_rng(2)
    ect = np.arange(n) % 2 == 0
    age = np.where(ect, rng.integers(46, 70, n), rng.integers(20, 45, n)).astype(float)
    return pd.DataFrame({
        "subject": [f"P{i:03}" for i in range(n)], "treatment": np.where(ect, "ECT", "TMS"),
        "age": age, "responded": rng.integers(0, 2, n), "time": rng.integers(5, 60, n),
        "status": rng.integers(0, 2, n),
    })  # fmt: skip


FITS: dict[str, Any] = {
    "rates": lambda t, **k: trd.Standardisation("treatment + age", outcome="responded", **k).fit(t),
    "times": lambda t, **k: trd.Standardisation("treatment + age", days=[28], **k).fit(
        trd.EventTimes(t)
    ),
    "logistic": lambda t: trd.Logistic("responded ~ treatment + age").fit(t),
    "margins of a logistic regression": lambda t: (
        trd.Logistic("responded ~ treatment + age").fit(t).margins()
    ),
    "margins of categories": lambda t: (
        trd.ProportionalOdds("responded ~ treatment + age").fit(t).margins()
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_what_no_subject_can_check_is_said(name: str) -> None:
    """Weights, matching and AIPW refuse these cohorts; the regression gave a rate and limits."""
    text = repr(FITS[name](cohorts()))
    assert "No subject with age above 44 got TMS (80 such subjects under other treatments)." in text
    assert "No subject with age below 46 got ECT" in text
    assert "rests on its form alone" in text
    overlapping = cohorts().assign(age=lambda t: t["age"].sample(frac=1, random_state=1).array)
    assert "rests on its form alone" not in repr(FITS[name](overlapping))


@pytest.mark.parametrize("name", FITS)
def test_codes_for_missing_are_warned_of_by_the_fit_alone(name: str) -> None:
    """The summary read the covariates again, and warned again."""
    coded = cohorts().assign(age=lambda t: t["age"].mask(t.index == 0, 999.0))
    with pytest.warns(DataWarning, match="999") as given:
        result = FITS[name](coded)
    assert len(given) == 1
    assert "rests on its form alone" in repr(result)


@pytest.mark.parametrize("name", ["rates", "times", "logistic"])
def test_it_is_looked_for_when_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    of_rows = beyond_the_data.find_violations
    monkeypatch.setattr(
        beyond_the_data, "find_violations", lambda table: asked.append(1) or of_rows(table)
    )
    result = FITS[name](cohorts())
    result.tidy()
    assert not asked
    assert repr(result) == repr(result)
    assert asked == [1]


def test_of_the_treated_only_what_concerns_them_is_said() -> None:
    text = repr(FITS["rates"](cohorts(), estimand="att", treated="ECT"))
    assert "got TMS" in text
    assert "got ECT" not in text


def test_odds_ratios_alone_average_over_nobody() -> None:
    """Without a comparison, or as an odds ratio given the age, nothing is predicted there."""
    alone = trd.Logistic("responded ~ age", by=None).fit(cohorts())
    given = trd.ProportionalOdds("responded ~ treatment + age").fit(cohorts())
    assert "rests on its form alone" not in repr(alone) + repr(given)


def ended_early() -> pd.DataFrame:
    """TMS was followed to day 30 at most, ECT to day 59."""
    times = cohorts().assign(age=lambda t: t["age"].sample(frac=1, random_state=1).array)
    late = (times["treatment"] == "TMS") & (times["time"] > 30)
    return times.assign(time=times["time"].mask(late, 30), status=times["status"].mask(late, 0))


@pytest.mark.parametrize("model", ["cox", "weibull", "marginal"])
def test_days_on_which_a_treatment_was_not_followed(model: Any) -> None:
    """Curves end on day 30, and RMST refuses tau = 50; a regression gave limits on day 50."""
    times = trd.EventTimes(ended_early())

    def told(day: float) -> str:
        if model == "marginal":
            return repr(trd.CoxPH("treatment + age").fit(times).marginal("treatment", days=[day]))
        spec = trd.Standardisation("treatment + age", days=[20, day], model=model)
        return repr(spec.fit(times))

    note = "No subject was followed to day 50 under TMS (to day 30). What the regression says"
    assert note in told(50)
    assert "No subject was followed" not in told(30)
