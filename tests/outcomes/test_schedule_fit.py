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
    return [p.summary for p in note_schedule_fit(study, definition)]


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
         "subjects are assessed over less (median 35 days): it cannot be detected."),
        ((WEEKLY,), trd.Sustained(trd.Response(), for_days=35), None),
        ((WEEKLY,), trd.Sustained(trd.Response(), for_days=42, slack_days=7), None),
        ((MONTHLY,), ~trd.Sustained(trd.Response(), visits=2, max_gap_days=10), "at most 10 days"),
        ((MONTHLY,), CONFIRMED | trd.Remission(12), "5 to 15 days apart"),
        ((MONTHLY,), trd.definitions["sustain1"], "Relapse (SUSTAIN-1) asks for 2 assessments"),
        # Days: rated on them, past them, or not up to them.
        ((WEEKLY,), trd.AtDays(trd.Response(), (28, 42)), None),
        ((WEEKLY,), trd.AtDays(trd.Response(), (30,)), "asks for ratings at day 30; 100 % of those "
         "assessed on day 30 or later have no rating on day 30: it cannot be detected."),
        ((WEEKLY,), trd.AtDays(trd.Response(), (28, 84)), "asks for ratings at days 28 and 84; "
         "100 % of subjects are last rated before day 84 (median day 42): it cannot be detected."),
        # Of 24 subjects 12 come on day 42, 12 on day 56; all are followed to day 42.
        ((WEEKLY, MONTHLY), trd.AtDays(trd.Response(), (42,)), "50 % of those assessed on day 42 "
         "or later have no rating on day 42: it will mostly go undetected."),
        ((WEEKLY, WEEKLY, MONTHLY), trd.AtDays(trd.Response(), (42,)), None),
        ((WEEKLY,), trd.Onset(), None),
        ((WEEKLY,), trd.Onset(by_day=7), None),
        ((WEEKLY,), trd.Onset(by_day=2), "asks for a rating by day 2; 100 % of subjects have no "
         "rating by day 2: it cannot be detected."),
        ((WEEKLY,), trd.Onset(from_day=22, by_day=27), "100 % of those assessed on day 22 or later "
         "have no rating from day 22 to day 27"),
        ((WEEKLY,), trd.Onset(from_day=84), "a rating from day 84 on; 100 % of subjects are last "
         "rated before day 84"),
        ((WEEKLY,), trd.Onset(by_day=14, until=84), "asks for ratings up to day 84; 100 % of "
         "subjects are last rated before day 84 (median day 42)"),
        ((WEEKLY,), trd.Onset(visits_after=5), None),
        ((WEEKLY,), trd.Onset(visits_after=6), "asks for 7 rated visits; 100 % of subjects have "
         "fewer (median 6): it cannot be detected."),
        ((WEEKLY,), trd.EarlyImprovement(), None),
        ((MONTHLY,), trd.EarlyImprovement(), "a rating by day 14; 100 % of subjects have no "
         "rating by day 14"),
        # Numbers of visits.
        ((MONTHLY,), trd.outcomes.KOfLast(trd.Response(), 3, 4), None),
        (((28, 56),), trd.outcomes.KOfLast(trd.Response(), 3, 4), "asks for 3 rated visits; 100 % "
         "of subjects have fewer (median 2): it cannot be detected."),
        (((28,),), trd.outcomes.KOfLast(trd.Response(), 1, 1), None),
        (((28,),), trd.Sustained(trd.Response(), visits=2), "2 rated visits; 100 % of subjects "
         "have fewer (median 1)"),
        (((28,),), trd.Relapse(22, consecutive=2), "asks for 2 assessments; 100 % of subjects "
         "have fewer (median 1)"),
        # Eleven of 22 have one visit only: patients leave early in every study.
        (((28,), WEEKLY), trd.Relapse(22, consecutive=2), None),
        # Parts and definitions inside others.
        ((MONTHLY,), trd.Response() & trd.EarlyImprovement(), "a rating by day 14"),
        ((MONTHLY,), trd.Response() | trd.Onset(by_day=2), "a rating by day 2"),
        ((MONTHLY,), ~trd.AtDays(trd.Response(), (42,)), "No response (≥ 50 % fall) at day 42 "
         "asks for ratings at day 42"),
        ((MONTHLY,), trd.Sustained(trd.outcomes.KOfLast(trd.Response(), 5, 6), visits=2),
         "5 rated visits; 100 % of subjects have fewer (median 4)"),
        ((MONTHLY,), trd.AtDays(trd.outcomes.KOfLast(trd.Response(), 5, 6), (28,)),
         "5 rated visits"),
        ((MONTHLY,), trd.Onset(trd.Sustained(trd.Response(), visits=2, max_gap_days=10)),
         "assessments at most 10 days apart"),
        ((MONTHLY,), trd.InResponse(), None),
        ((MONTHLY,), trd.definitions["transform_onset"], "Onset of clinical response "
         "(TRANSFORM-1/2) asks for a rating by day 2"),
        ((WEEKLY,), trd.definitions["comp001_sustained_response"], "ratings up to day 84"),
        (((28, 56),), trd.definitions["sustain1_stable_remission"], "3 rated visits"),
        (((28, 56),), trd.definitions["sustain1_stable_response"], "3 rated visits"),
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


def test_every_remedy_fits_its_cause() -> None:
    def remedies(study: trd.Study, definition: trd.outcomes.Definition) -> str:
        (found,) = note_schedule_fit(study, definition)
        return found.remedy

    rule = trd.AtDays(trd.Response(), (30,))
    assert "give windows: see propose_windows" in remedies(study_of(WEEKLY), rule)
    windows = {7: 2, 14: 2, 28: 1}
    assert "scheduled days (7, 14, 28)" in remedies(study_of(WEEKLY).with_windows(windows), rule)
    # The visit of day 29 stands for day 30.
    early = study_of((7, 14, 29)).with_windows({7: 2, 30: 2})
    assert not note_schedule_fit(early, rule)
    late = trd.AtDays(trd.Response(), (84,))
    assert "a later cut of the data" in remedies(study_of(WEEKLY), late)
    few = trd.Sustained(trd.Response(), visits=9)
    assert "Take fewer visits" in remedies(study_of(WEEKLY), few)


def test_days_count_from_day_0_whatever_the_origin() -> None:
    """Response on day 7, remission at day 28 since then: the rating of day 28 is there."""
    study = study_of(WEEKLY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trd.time_to(study, trd.AtDays(trd.Remission(12), (7, 28)), since=trd.Response())


def test_a_rate_asked_for_before_the_definition_is_settled() -> None:
    """All 12 respond from day 7 on; at day 28 nobody is known to respond at days 28 and 42."""
    study = study_of(WEEKLY)
    rule = trd.AtDays(trd.Response(), (28, 42))
    words = r"Of 12 subjects who may meet .* by day 28, 12 are not known to until later visits"
    with pytest.warns(DataWarning, match=words) as said:
        found = trd.rates(study, rule, day=28)
    assert "they count as not met" in str(said[0].message)
    assert "Ask for a later day" in str(said[0].message)
    assert [p.kind for p in found.notices] == ["unconfirmed_at_day"]
    assert words[:20] in str(found)
    with pytest.warns(DataWarning, match="12 are not known"):
        trd.rates(study, trd.Sustained(trd.Response(), visits=2), day=42)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trd.rates(study, rule, day=42).counts["events"].tolist() == [6, 6]
        trd.rates(study, trd.Sustained(trd.Response(), visits=2), day=35)
        trd.rates(study_of(WEEKLY, n=9), rule, day=28)


def test_no_rating_by_the_day_of_early_improvement_is_not_known() -> None:
    """None was rated by day 14: of those observed nobody can be judged, instead of 0 %."""
    study = study_of((21, 28), n=6)
    found = trd.assess(study, trd.EarlyImprovement())
    assert found["met"].isna().all()
    assert set(found["reason"]) == {"not assessed"}


def test_early_improvement_reads_scheduled_days() -> None:
    """The rating of day 16 stands for day 14 (window of 3 days)."""
    study = study_of((7, 16, 28), n=6)
    rows = pd.DataFrame(study.visits)
    rows["score"] = rows["score"].mask(rows["day"] == 7, 30.0)
    late = trd.Study(
        rows.merge(study.subjects[["subject", "treatment"]]), scale="MADRS",
        windows={7: 2, 14: 3, 28: 3},
    )  # fmt: skip
    assert trd.rates(late, trd.EarlyImprovement(), day=14).counts["events"].tolist() == [3, 3]
