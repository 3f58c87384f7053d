"""What a figure says of those who started another treatment: how many, and how they count."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import trdstats as trd
from trdstats.outcomes.switching import caveat_of_figure

DAYS = (7, 14, 21, 28)


def study(switched: int = 3, n: int = 20) -> trd.Study:
    """Return n subjects under each of two arms; some of those under TMS go to ECT on day 10."""
    rows, courses = [], []
    for i in range(2 * n):
        arm, name = ("TMS" if i < n else "ECT"), f"S{i:02}"
        rows += [(name, arm, 0, 28 + i % 5)]
        rows += [(name, arm, d, 13 if (d // 7 + i) % 4 == 0 else 22) for d in DAYS]
        courses += [(name, arm, 0)] + ([(name, "ECT", 10)] if i < switched else [])
    visits = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    table = pd.DataFrame(courses, columns=["subject", "treatment", "start"])
    return trd.Study(visits, courses=table, scale="MADRS")


ASSIGNED = "Started another treatment: 3 TMS (counted as assigned)"
CENSORED = "Started another treatment: 3 TMS (censored then)"


def said(drawn: Any) -> str:
    """Return every text of a figure, lines joined."""
    figure = drawn if isinstance(drawn, Figure) else drawn.figure
    texts = [t.get_text() for t in figure.findobj(Text)]
    plt.close(figure)
    return " ".join(" ".join(texts).split())


@pytest.fixture
def times() -> trd.EventTimes:
    return trd.time_to(study(), trd.Response())


@pytest.mark.parametrize(
    "fit",
    [
        lambda t: trd.KaplanMeier().fit(t),
        lambda t: trd.AalenJohansen().fit(t),
        lambda t: trd.Turnbull().fit(t),
        lambda t: trd.RMST(tau=21).fit(t),
        lambda t: trd.CoxPH("treatment").fit(t),
        lambda t: trd.audit_schedule(study(), trd.Response(), tau=21),
    ],
)
def test_curves_and_regressions(fit: Any, times: trd.EventTimes) -> None:
    assert ASSIGNED in said(fit(times).plot())


def test_each_strategy_in_its_words() -> None:
    for strategy, words in (
        ("ignore", "counted as assigned"), ("censor", "censored then"),
        ("failure", "counted as failures"), ("competing", "a competing event"),
    ):  # fmt: skip
        found = trd.time_to(study(), trd.Response(), after_switch=strategy)  # type: ignore[arg-type]
        assert found.figure_caveat.endswith(f"3 TMS ({words})")
    fit = trd.KaplanMeier().fit(trd.time_to(study(), trd.Response(), after_switch="censor"))
    assert CENSORED in said(fit.plot())
    history = trd.response_history(study(), trd.Response(), trd.Relapse(at_least=25))
    assert ASSIGNED in said(trd.ResponseState(tau=28).fit(history).plot())


def test_nothing_is_said_where_nobody_switched() -> None:
    none = trd.time_to(study(0), trd.Response())
    assert "Started another" not in said(trd.KaplanMeier().fit(none).plot())
    assert caveat_of_figure("Unadjusted", none.switching) == "Unadjusted"
    assert caveat_of_figure("", None) == ""


def test_many_arms_are_counted_together() -> None:
    counts = trd.time_to(study(), trd.Response()).switching
    assert counts is not None
    names = ["A", "B", "C", "D"]
    frame = counts.frame.head(8).assign(switched=[True, True] * 3 + [False, True])
    frame["treatment"] = frame["treatment"].cat.set_categories(names)
    frame["treatment"] = names * 2
    frame["treatment"] = frame["treatment"].astype("category")
    counts = type(counts)(frame, None, "by day 28", "rate")
    assert counts.in_figure() == "Started another treatment: 7 of 8 (counted as assigned)"


def test_adjusted_outcomes_and_the_multiverse() -> None:
    found = trd.multiverse(
        study(), [trd.Response(), trd.Response(0.4)], primary=trd.Response(), day=28,
        contrast=("TMS", "ECT"), draws=2000,
    )  # fmt: skip
    assert ASSIGNED in said(found.plot())
    fit = trd.Standardisation("treatment + baseline", outcome=trd.Response(), day=28)
    assert ASSIGNED in said(fit.fit(study()).plot())


def test_standardised_probabilities_of_categories_say_who_switched() -> None:
    fit = trd.ProportionalOdds("treatment", outcome="score", day=28).fit(study())
    stated = [n for n in fit.summary().notes if "nother treatment" in n]
    assert stated
    assert set(stated) <= set(fit.margins().summary().notes)
