"""A definition that the visits cannot show is said to be one, with the numbers."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning
from trdstats.outcomes.schedule_fit import note_schedule_fit


def study_of(*plans: tuple[float, ...], n: int = 12) -> trd.Study:
    """Return a study of n subjects a plan, rated on its days."""
    rows = [
        (f"{k}-{i}", "AB"[i % 2], d, 30 if d == 0 else 10)
        for k, plan in enumerate(plans)
        for i in range(n)
        for d in (0, *plan)
    ]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    return trd.Study(table, scale="MADRS")


WEEKLY, MONTHLY = (7, 14, 21, 28, 35, 42), (28, 56, 84, 112)
CONFIRMED = trd.Relapse(22, consecutive=2, after_days=5, within_days=15)


def notes(study: trd.Study, definition: trd.outcomes.Definition) -> list[str]:
    return [p.summary for p in note_schedule_fit(study, definition, study.rated().arrays)]


@pytest.mark.parametrize(
    ("plans", "definition", "words"),
    [
        ((WEEKLY,), CONFIRMED, None),
        ((MONTHLY,), trd.Relapse(22, consecutive=2), None),
        ((MONTHLY,), trd.Relapse(22), None),
        ((MONTHLY,), CONFIRMED, "2 assessments 5 to 15 days apart; 100 % of consecutive visits are "
         "more than 15 days apart (median 28 days): it cannot be detected."),
        # Five gaps of a week and three of a month a subject: 3 of 8 are too wide.
        ((WEEKLY, MONTHLY), CONFIRMED, None),
        # 15 gaps of a month, 5 of a week: 75 %.
        ((WEEKLY, *(MONTHLY,) * 5), CONFIRMED, "75 % of consecutive visits are more than 15 days "
         "apart (median 28 days): it will mostly go undetected."),
        # Daily visits are close enough, but the last five days have no partner five days later.
        ((tuple(range(1, 31)),), CONFIRMED, None),
        # Two visits three days apart: none is confirmed, none lies too far away.
        (((7, 10),), CONFIRMED, "after 100 % of the visits no later one comes in that time (median "
         "3 days): it cannot be detected."),
        ((MONTHLY,), trd.Sustained(trd.Response(), visits=2, max_gap_days=10), "assessments at "
         "most 10 days apart; 100 % of consecutive visits are more than 10 days apart"),
        ((WEEKLY,), trd.Sustained(trd.Response(), for_days=180), "ratings over 180 days; 100 % of "
         "subjects are rated over less (median 35 days): it cannot be detected."),
        ((WEEKLY,), trd.Sustained(trd.Response(), for_days=35), None),
        ((WEEKLY,), trd.Sustained(trd.Response(), for_days=42, slack_days=7), None),
        ((MONTHLY,), ~trd.Sustained(trd.Response(), visits=2, max_gap_days=10), "at most 10 days"),
        ((MONTHLY,), CONFIRMED | trd.Remission(12), "5 to 15 days apart"),
        ((MONTHLY,), trd.definitions["sustain1"], "Relapse (SUSTAIN-1) asks for 2 assessments"),
    ],
)  # fmt: skip
def test_what_is_asked_for(
    plans: tuple[tuple[float, ...], ...], definition: trd.outcomes.Definition, words: str | None
) -> None:
    said = notes(study_of(*plans), definition)
    if words is None:
        assert said == []
    else:
        (text,) = said
        assert words in text


def test_few_subjects_say_nothing() -> None:
    assert notes(study_of(MONTHLY, n=9), CONFIRMED) == []
    assert notes(study_of(MONTHLY, n=10), CONFIRMED) != []


def test_only_what_comes_after_the_origin_counts() -> None:
    """Weekly to day 42, then monthly: response at day 42, so relapse is looked for monthly."""
    rows = [
        (f"S{i}", "AB"[i % 2], d, 10 if d >= 42 else 30)
        for i in range(12)
        for d in (0, *WEEKLY, 70, 98, 126)
    ]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    study = trd.Study(table, scale="MADRS")
    assert notes(study, CONFIRMED) == []
    with pytest.warns(DataWarning, match=r"100 % of consecutive visits .* cannot be detected"):
        times = trd.time_to(study, CONFIRMED, since=trd.Response())
    assert len(times.notices) == 1
    with pytest.warns(DataWarning, match="cannot be detected"):
        trd.response_history(study, trd.Response(), CONFIRMED)


def test_every_call_says_it() -> None:
    study = study_of(MONTHLY)
    with pytest.warns(DataWarning, match="cannot be detected"):
        trd.assess(study, CONFIRMED)
    lasting = trd.Sustained(trd.Response(), visits=2, max_gap_days=10)
    with pytest.warns(DataWarning, match="at most 10 days apart"):
        found = trd.rates(study, lasting, day=28)
    assert "at most 10 days apart" in str(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trd.rates(study, trd.Response(), day=28)
