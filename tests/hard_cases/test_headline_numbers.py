"""Numbers that head a summary are read where enough subjects are at risk, and name the day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    AalenJohansen,
    CoxPH,
    EventTimes,
    FineGray,
    KaplanMeier,
    Response,
    ResponseState,
    Turnbull,
    load_sample,
    response_history,
    time_to,
)
from trdstats.errors import SpecError
from trdstats.outcomes import Relapse
from trdstats.survival.reported_days import headline_day, is_supported


def shown(fit: Any, label: str) -> list[str]:
    """Return the cells of the first row of a group."""
    return next(list(r) for r in fit.summary().tables[0].rows if r[0] == label)


def test_the_last_day_with_ten_or_a_tenth_at_risk() -> None:
    none = np.zeros(200)
    assert headline_day(np.arange(1.0, 201), none) == 191  # ten at risk
    assert headline_day(np.arange(1.0, 51), none[:50]) == 46  # five of fifty
    assert headline_day(np.array([7.0]), none[:1]) == 7
    # Twelve of them come on day 100: nobody else is left by then.
    entry = np.r_[np.zeros(88), np.full(12, 100.0)]
    assert headline_day(np.r_[np.full(88, 50.0), np.full(12, 120.0)], entry) == 120
    assert is_supported(np.array([10.0, 9, 5, 4]), 50).tolist() == [True, True, True, False]


def test_ketamine_before_two_events_among_the_last_seven() -> None:
    onset = time_to(load_sample("modalities"), Response())
    fit = KaplanMeier().fit(onset)
    cells = shown(fit, "IV ketamine")
    assert cells[3:5] == ["183", "76.8"]
    last = fit.tidy().query("treatment == 'IV ketamine'")["estimate"].iloc[-1]
    assert round(100 * (1 - last), 1) == 86.8
    assert "By day: the last with at least 10 subjects, or 10 % of the group" in repr(fit)


def few_left() -> EventTimes:
    """Thirty subjects: ten relapse early, the last one on day 200 with one at risk."""
    time = np.r_[np.arange(1, 11), np.full(19, 100), 200].astype(float)
    status = np.r_[np.ones(10), np.zeros(19), 1].astype(int)
    frame = {"subject": range(30), "treatment": "A", "time": time, "status": status}
    return EventTimes(pd.DataFrame(frame))


def test_one_subject_does_not_make_a_headline() -> None:
    for fit in (KaplanMeier().fit(few_left()), Turnbull().fit(few_left())):
        assert shown(fit, "A")[3:5] == ["100", "33.3"]
    fit = AalenJohansen().fit(few_left())
    assert shown(fit, "A")[4:6] == ["100", "33.3"]
    assert fit.tidy()["estimate"].iloc[-1] == pytest.approx(1)


def test_states_name_the_groups_in_which_few_are_followed() -> None:
    study = load_sample("trial")
    history = response_history(study, Response(), Relapse(22, 2))
    fit = ResponseState(tau=160).fit(history)
    assert "fewer than 10 subjects" not in repr(fit)
    late = ResponseState(tau=172).fit(history)
    few = "On day 172 fewer than 10 subjects, and than 10 % of the group, are under observation in"
    assert f"{few} IV ketamine (6)." in " ".join(repr(late).split())


def test_days_before_the_origin_are_refused() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "subject": range(60), "treatment": np.where(np.arange(60) % 2, "A", "B"),
            "time": rng.integers(1, 30, 60), "status": rng.integers(0, 3, 60),
        }
    )  # fmt: skip
    times = EventTimes(frame)
    states = ResponseState(tau=10).fit(
        response_history(load_sample("trial"), Response(), Relapse(22, 2))
    )
    for read in (
        KaplanMeier().fit(times).at,
        KaplanMeier().fit(times).contrasts,
        KaplanMeier().fit(times).influence,
        KaplanMeier().fit(times).at_risk,
        AalenJohansen().fit(times).at,
        AalenJohansen().fit(times).contrasts,
        AalenJohansen().fit(times).influence,
        Turnbull().fit(times).at,
        Turnbull().fit(times).contrasts,
        states.at,
        states.influence,
        lambda days: CoxPH("treatment").fit(times).marginal("treatment", days=days),
        lambda days: FineGray("treatment").fit(times).predict(frame, days),
    ):
        for day in (-5, float("nan")):
            words = f"(Days count from 0 on and are finite|must be a finite number); got {day}"
            with pytest.raises(SpecError, match=words):
                read([3, day])
    assert KaplanMeier().fit(times).at([0])["estimate"].tolist() == [1, 1]
