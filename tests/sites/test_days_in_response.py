"""Days in response over hospitals: the numbers of all rows together, and no course of few."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from site_plan import RULES, plan_of

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, NotEstimableError, PlanError, SpecError
from trdstats.plan.reading.text import plan_from_text
from trdstats.sites import SiteSummary
from trdstats.sites.counts import TimeCounts
from trdstats.sites.histories.courses import CourseCounts, courses_of, history_of
from trdstats.sites.histories.groups import grouped
from trdstats.sites.histories.guard import guard_courses
from trdstats.sites.histories.masked import mask_courses, n_cells, unmasked

SITES = ("north", "east", "south")
SECRET = "a secret of the three sites 4711"
TEXT = (
    """
title = "Days in response"
steps = ["in_response"]
[study]
visits = "visits.csv"
subjects = "subjects.csv"
scale = "MADRS"
windows = { 7 = 3, 14 = 3, 21 = 3, 28 = 3, 42 = 6, 56 = 6 }
"""
    + RULES
    + """reference = "B"
horizon = 56
[sites]
names = ["north", "east", "south"]
levels = { treatment = ["A", "B", "C"] }
"""
)
ARMS = '["TMS", "ECT", "IV ketamine"]'
WINDOWS = {7: 3, 14: 3, 21: 3, 28: 3, 42: 6, 56: 6}


def plan(text: str = TEXT) -> trd.Plan:
    return plan_of(text)


def tables(n: int = 240, seed: int = 1, jitter: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits and subjects: some relapse, some leave, one in twenty never comes again."""
    rng = np.random.default_rng(seed)
    days = np.array([0, 7, 14, 21, 28, 42, 56])
    start, fall = rng.integers(26, 45, n), rng.uniform(0.2, 1, n)
    back = np.where(rng.random(n) < 0.4, rng.uniform(0, 0.9, n), 0)
    course = (
        fall[:, None] * np.minimum(days / 28, 1) - back[:, None] * np.maximum(days - 28, 0) / 28
    )
    score = np.clip(np.rint(start[:, None] * (1 - course) + rng.normal(0, 3, course.shape)), 0, 60)
    score[:, 0] = start
    last = np.where(rng.random(n) < 0.3, rng.integers(1, 7, n), 7)
    last = np.where(rng.random(n) < 0.05, 1, last)
    seen = (np.arange(7) < last[:, None]) & ((rng.random(score.shape) < 0.9) | (days == 0))
    when = days + np.where(days > 0, jitter * rng.integers(-8, 9, score.shape) / 8, 0)
    names = [f"P{i:03d}" for i in range(n)]
    visits = pd.DataFrame(
        {"subject": np.repeat(names, 7), "day": when.ravel(), "score": score.ravel()}
    )
    arm = np.array(list("ABC"))[np.arange(n) % 3]
    return visits[seen.ravel()], pd.DataFrame({"subject": names, "treatment": arm})


def study(visits: pd.DataFrame, subjects: pd.DataFrame) -> trd.Study:
    rows = visits[visits["subject"].isin(subjects["subject"])]
    return trd.Study(rows, subjects=subjects, scale="MADRS", windows=WINDOWS)


def cut(visits: pd.DataFrame, subjects: pd.DataFrame, split: str) -> list[trd.Study]:
    """Return the studies of three sites."""
    n = np.arange(len(subjects))
    if split == "in turn":
        where = n // 3 % 3
    elif split == "a site without an arm":
        where = np.where(subjects["treatment"] == "C", n % 2, n // 3 % 3)
    else:  # two sites of six subjects
        where = np.where(n < 6, 0, np.where(n < 12, 1, 2))
    return [study(visits, subjects[where == k]) for k in range(3)]


def summaries(
    parts: list[trd.Study], minimum: int = 1, text: str = TEXT, **more: Any
) -> list[SiteSummary]:
    p = plan(text)
    return [
        trd.summarise_site(p, s, minimum=minimum, study=part, **more)
        for s, part in zip(SITES, parts, strict=True)
    ]


def of_all_rows(whole: trd.Study, text: str = TEXT, tau: float = 56) -> Any:
    p = plan(text)
    history = trd.response_history(whole, p.response, p.relapse, after_switch="ignore")
    return trd.ResponseState(tau, reference="B").fit(history)


def compare(ours: Any, theirs: Any, tau: float = 56) -> None:
    """Compare curves, mean days, contrasts and tests, to 1e-8."""
    days = sorted({d for d in (7, 14, 15.5, 28, 42, tau) if d <= tau})
    key = ["treatment", "state", "time"]
    curves = [f.tidy() for f in (ours, theirs)]
    one, two = (c[c["time"] <= tau] for c in curves)
    # Courses end at their horizon: a day of the curve also where no subject had a visit on it.
    on_day = pd.MultiIndex.from_frame(one[["treatment", "time"]]).isin(
        pd.MultiIndex.from_frame(two[["treatment", "time"]])
    )
    assert (one["time"][~on_day] == tau).all()
    for a, b, keys in (
        (one[on_day], two, key),
        (ours.at(days), theirs.at(days), key),
        (ours.mean_days(), theirs.mean_days(), ["measure", "treatment", "reference", "state"]),
        (ours.contrasts(days), theirs.contrasts(days), ["measure", *key]),
    ):
        merged = a.merge(b, on=keys, suffixes=("", "_all"))
        assert len(merged) == len(a) == len(b)
        for column in ("n_risk", "estimate", "std_error", "conf_low", "conf_high", "p_value"):
            if column in a:
                np.testing.assert_allclose(
                    merged[column], merged[f"{column}_all"], rtol=1e-8, atol=1e-10, err_msg=column
                )
    one, two = (f.estimates(days).covariance for f in (ours, theirs))
    if list(ours.tidy()["treatment"].unique()) == list(theirs.tidy()["treatment"].unique()):
        np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-12)


SPLITS = ["in turn", "a site without an arm", "two sites of six"]


@pytest.mark.parametrize("jitter", [0.0, 2.0], ids=["ties", "fractional days"])
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_curves_mean_days_and_contrasts_are_those_of_all_rows(
    split: str, jitter: float, tmp_path: Path
) -> None:
    visits, subjects = tables(jitter=jitter)
    theirs = of_all_rows(study(visits, subjects), tau=42)
    text = TEXT.replace("[sites]", "[in_response]\nhorizon = 42\n[sites]")
    made = []
    for s in summaries(cut(visits, subjects, split), text=text):
        s.to_json(tmp_path / f"{s.site}.json")
        made.append(trd.read_summary(tmp_path / f"{s.site}.json"))
    ours = trd.combine(made).in_response()
    compare(ours, theirs, tau=42)
    assert "Unadjusted: treatments were not randomised" in str(ours)
    assert "stand up to" not in str(ours)  # nothing was joined


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_masked_courses_give_the_numbers_of_all_rows(split: str, tmp_path: Path) -> None:
    visits, subjects = tables()
    # The site of six patients hides no less than the others: 5 is its minimum.
    made = []
    for s in summaries(cut(visits, subjects, split), minimum=5, secret=SECRET):
        s.to_json(tmp_path / f"{s.site}.json")
        made.append(trd.read_summary(tmp_path / f"{s.site}.json"))
        assert not s.histories
        assert len(s.masked_histories) == 3
        assert all(len(m.n) == n_cells(56) for m in s.masked_histories)
        assert min(min(m.n) for m in s.masked_histories) > 10**9  # of 2^61: none looks like a count
    compare(trd.combine(made).in_response(), of_all_rows(study(visits, subjects)))


def test_masked_courses_of_fractional_days_stand_on_the_next_day_and_say_so() -> None:
    visits, subjects = tables(jitter=2.0)
    made = summaries(cut(visits, subjects, "in turn"), secret=SECRET)
    ours = trd.combine(made).in_response()
    later = visits.assign(day=np.ceil(visits["day"]))
    compare(ours, of_all_rows(study(later, subjects)))
    assert "subjects stand on the next whole day, less than a day later" in str(made[0])
    words = "Subjects of some sites stand up to 1 day from their visits (courses joined, or days"
    assert words in str(ours).replace("\n", " ")
    assert "A +0.00 (within 1.00), B +0.00 (within 1.00)" in str(ours).replace("\n", " ")
    exact = of_all_rows(study(visits, subjects)).mean_days().query("measure == 'mean days'")
    merged = ours.mean_days().merge(exact, on=["measure", "treatment", "state"])
    assert (merged["estimate_x"] - merged["estimate_y"]).abs().max() <= 1.0
    close = TEXT.replace("[sites]", "[sites]\nfurthest = 0.1")
    refused = summaries(cut(visits, subjects, "in turn"), text=close, secret=SECRET)
    assert not refused[0].masked_histories
    with pytest.raises(NotEstimableError, match=r"days are not whole, and the plan allows 0\.1 d"):
        trd.combine(refused).in_response()


def test_a_long_horizon_is_not_masked() -> None:
    text = TEXT.replace("horizon = 56", "horizon = 1200")
    made = summaries(cut(*tables(), "in turn"), text=text, secret=SECRET)
    assert any("and 2,000,000 at most are masked" in w.words for w in made[0].withheld)
    with pytest.raises(NotEstimableError, match="Choose an earlier horizon"):
        trd.combine(made).in_response()


def test_masks_of_another_secret_or_a_missing_site_are_refused() -> None:
    parts = cut(*tables(), "in turn")
    made = summaries(parts, secret=SECRET)
    other = trd.summarise_site(plan(), "south", secret="x" * 20, study=parts[2])
    with pytest.raises(SpecError, match="with different secrets"):
        trd.combine([*made[:2], other])
    with pytest.raises(SpecError, match="missing: south"):
        trd.combine(made[:2])
    changed = replace(other, secret=made[0].secret)
    with pytest.raises(SpecError, match="are no numbers of subjects over all sites"):
        trd.combine([*made[:2], changed]).histories()


# Small cells never leave.


@cache
def register(n: int = 3000) -> list[trd.Study]:
    return cut(*tables(n, seed=3, jitter=0.0), "in turn")


def test_no_course_of_few_leaves_and_the_change_is_stated() -> None:
    made = summaries(register(), minimum=5)
    plain = summaries(register(), minimum=1)
    assert any(min(h.n) < 5 for s in plain for h in s.histories)
    for s in made:
        assert len(s.histories) == 3, [w.words for w in s.withheld]
        for h in s.histories:
            assert min(h.n) >= 5
            # Followed to the horizon, or not: neither is a number of few.
            ended = np.array(h.ended)
            for kind in (np.array(h.relapsed) == 1, np.array(h.responded) == 0):
                n = np.array(h.n)[kind & (ended < 56)].sum()
                assert n == 0 or n >= 5
    ours, theirs = trd.combine(made).in_response(), trd.combine(plain).in_response()
    words = " ".join(str(ours).split())
    a, b = (f.mean_days().query("measure == 'mean days' and state == 'in response'")
            for f in (ours, theirs))  # fmt: skip
    for row in a.merge(b, on="treatment", suffixes=("", "_all")).itertuples():
        of_arm = re.search(rf"{row.treatment} ([+-][0-9.]+) \(within ([0-9.]+)\)", words)
        assert of_arm is not None
        change, within = map(float, of_arm.groups())
        # What the sites say of themselves adds up to what happens to the whole.
        assert abs(row.estimate - row.estimate_all - change) < within + 0.1
        assert row.std_error == pytest.approx(row.std_error_all, rel=0.1)
    for s in made:
        assert any("stand on other days than those of their visits" in w.words for w in s.withheld)
    assert "stand up to" in trd.combine(made).in_response()._data.times.figure_caveat


def courses(*rows: tuple[float, float, int, int], horizon: float = 56.0) -> CourseCounts:
    responded, ended, relapsed, n = zip(*rows, strict=True)
    return CourseCounts("response", "relapse", horizon, "A", responded, ended, relapsed, n, True)


def test_courses_are_grouped_by_hand() -> None:
    c = courses(
        (0.0, 28.0, 0, 6), (0.0, 56.0, 0, 9),  # no response: left on day 28; followed
        (7.0, 42.0, 1, 3), (7.0, 56.0, 1, 2),  # relapsed: one group of five
        (14.0, 56.0, 0, 5), (21.0, 56.0, 0, 8), (28.0, 56.0, 0, 2),  # two groups
    )  # fmt: skip
    (kept,), words = guard_courses([c], [], {}, 5, 28)
    assert list(zip(kept.responded, kept.ended, kept.relapsed, kept.n, strict=True)) == [
        (0.0, 28.0, 0, 6), (0.0, 56.0, 0, 9), (7.0, 42.0, 1, 5), (14.0, 56.0, 0, 5),
        (21.0, 56.0, 0, 10),
    ]  # fmt: skip
    assert words[0].words == (
        "Days in response under A: fewer than 5 of 35 subjects stand on other days than those of "
        "their visits, at most 14 days apart, so that no course is that of fewer than 5."
    )
    # Few stand elsewhere: what that changes is bounded, 4 x 14 / 35, and not said.
    assert (kept.furthest, kept.change, kept.uncertain) == (14.0, 0.0, 1.6)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(0.0, 56.0, 0, 9), (7.0, 42.0, 1, 3)], "fewer than 5 subjects relapsed, or ended"),
        ([(0.0, 56.0, 0, 9), (7.0, 42.0, 0, 3)], "fewer than 5 subjects relapsed, or ended"),
        ([(0.0, 56.0, 0, 9), (7.0, 12.0, 1, 4), (7.0, 56.0, 1, 1)], "up to 49 days from their"),
    ],
)
def test_kinds_of_few_and_distant_groups_are_withheld(rows: Any, words: str) -> None:
    kept, withheld = guard_courses([courses(*rows)], [], {}, 5, 28)
    assert not kept
    assert withheld[0].is_missing
    assert words in withheld[0].words


def test_few_who_left_stand_with_those_who_were_followed() -> None:
    c = courses((0.0, 42.0, 0, 2), (0.0, 56.0, 0, 9), (7.0, 56.0, 0, 9))
    (kept,), _ = guard_courses([c], [], {}, 5, 28)
    assert (kept.ended, kept.n) == ((56.0, 56.0), (11, 9))


def test_totals_that_differ_by_few_from_others_that_leave_are_withheld() -> None:
    c = courses((0.0, 56.0, 0, 9), (7.0, 42.0, 1, 6), (7.0, 56.0, 0, 12))
    times = TimeCounts("response", "response", "day 0", ("response",), "A", (7.0, 60.0), (1, 0),
                       (20, 9))  # fmt: skip
    # 18 responded by day 56 and 20 in all: 2 responded after day 56.
    for given_times, totals in (([times], {}), ([], {"A": [30]})):
        kept, withheld = guard_courses([c], given_times, totals, 5, 28)
        assert not kept
        assert "differs from another one of the treatment by fewer than 5" in withheld[0].words
    relapse = replace(times, outcome="relapse", label="relapse", n=(8, 10), status=(1, 0))
    assert not guard_courses([c], [relapse], {}, 5, 28)[0]
    assert guard_courses([c], [replace(relapse, n=(6, 12))], {"A": [27]}, 5, 28)[0]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 6)),
        min_size=1, max_size=25, unique_by=lambda r: (r[0], r[1]),
    ),
    st.integers(1, 7),
)  # fmt: skip
def test_groups_hold_enough_and_keep_the_order_of_days(
    rows: list[tuple[int, int, int]], minimum: int
) -> None:
    responded = np.array([float(a) for a, _, _ in rows])
    days = np.column_stack([responded, responded + [b for _, b, _ in rows]])
    n = np.array([k for _, _, k in rows])
    if n.sum() < minimum:
        return
    placed = grouped(days, n, minimum)
    cells, place = np.unique(placed, axis=0, return_inverse=True)
    assert np.bincount(place.reshape(-1), weights=n).min() >= minimum
    assert (placed[:, 0] <= placed[:, 1]).all()
    assert np.isin(cells[:, 0], days[:, 0]).all()
    assert np.isin(cells[:, 1], days[:, 1]).all()
    if n.min() >= minimum:
        np.testing.assert_array_equal(placed, days)


@given(st.permutations(range(8)))
def test_groups_do_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    days = np.array([[7, 14], [7, 28], [14, 21], [14, 56], [21, 28], [28, 42], [7, 56], [21, 56.0]])
    n = np.array([2, 3, 1, 4, 2, 2, 5, 1])
    expected = grouped(days, n, 5)
    np.testing.assert_array_equal(grouped(days[order], n[order], 5), expected[order])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1,
             max_size=40),
)  # fmt: skip
def test_masked_numbers_are_read_again(rows: list[tuple[int, int, bool]]) -> None:
    made = []
    for k, site in enumerate(SITES):
        course = [(float(min(a, b)), float(max(a, b)), int(r and min(a, b) > 0)) for a, b, r in
                  rows[k::3]]  # fmt: skip
        if not course:
            counts = []
        else:
            responded, ended, relapsed = zip(*course, strict=True)
            one = CourseCounts("x", "y", 9.0, "A", (), (), relapsed, (1,) * len(course), True)
            counts = [one.on_days(np.array(responded), np.array(ended))]
        masked, _ = mask_courses(counts, ("x", "y"), 9.0, ["A"], secret=SECRET, names=SITES,
                                 site=site, fingerprint="f", furthest=28)  # fmt: skip
        made += masked
    read = unmasked(made)
    whole = [(float(min(a, b)), float(max(a, b)), int(r and min(a, b) > 0)) for a, b, r in rows]
    expected = pd.Series(whole).value_counts().sort_index()
    ours = pd.Series(read.n, index=zip(read.responded, read.ended, read.relapsed, strict=True))
    assert ours.sort_index().to_dict() == expected.to_dict()


# What a centre must say.


def test_a_treatment_that_one_site_withheld_is_left_out_and_named() -> None:
    made = summaries(cut(*tables(), "in turn"))
    lacking = trd.sites.withheld.Withheld("histories", "withheld for a reason", treatment="A")
    others = tuple(h for h in made[0].histories if h.treatment != "A")
    north = replace(made[0], withheld=(lacking,), histories=others)
    fit = trd.combine([north, *made[1:]]).in_response()
    assert set(fit.tidy()["treatment"]) == {"B", "C"}
    assert "Without A (withheld at north)" in str(fit)
    every = [replace(made[0], histories=(), withheld=tuple(
        replace(lacking, treatment=t) for t in "ABC"))]  # fmt: skip
    with pytest.raises(NotEstimableError, match=r"other sites alone would mislead\. north: withh"):
        trd.combine([*every, *made[1:]]).in_response()
    assert "in_response_days" not in trd.combine([*every, *made[1:]]).tables()
    assert "the other sites alone would mislead" in str(trd.combine([*every, *made[1:]]))


def test_horizons_and_plans_without_the_step() -> None:
    made = summaries(cut(*tables(), "in turn"))
    pooled = trd.combine(made)
    compare(pooled.in_response(28), of_all_rows(study(*tables()), tau=28), tau=28)
    with pytest.raises(NotEstimableError, match="counted to day 56: tau = 57 lies beyond it"):
        pooled.in_response(57)
    other = replace(made[0], histories=tuple(replace(h, horizon=60.0) for h in made[0].histories))
    with pytest.raises(SpecError, match=r"The sites counted different courses: .* to day 56"):
        trd.combine([other, *made[1:]]).in_response()
    hidden = summaries(cut(*tables(), "in turn"), secret=SECRET)
    shorter = tuple(
        replace(h, horizon=3.0, n=h.n[: n_cells(3.0)]) for h in hidden[0].masked_histories
    )
    with pytest.raises(SpecError, match="The sites counted different courses"):
        trd.combine([replace(hidden[0], masked_histories=shorter), *hidden[1:]]).in_response()
    none = summaries(cut(*tables(), "in turn"), text=TEXT.replace('"in_response"', '"onset"'))
    with pytest.raises(NotEstimableError, match="the plan needs the step `in_response`"):
        trd.combine(none).in_response()
    twice = TEXT.replace('["in_response"]', '["in_response", "later"]') + (
        '[later]\nstep = "in_response"\nhorizon = 28\n'
    )
    first = summaries(cut(*tables(), "in turn"), text=twice)[0]
    assert any("not summarised for further steps" in w.words for w in first.withheld)


def test_a_horizon_before_the_first_visit_is_refused() -> None:
    text = TEXT.replace("[sites]", "[in_response]\nhorizon = 5\n[sites]")
    made = summaries(cut(*tables(), "in turn"), text=text)
    with pytest.raises(NotEstimableError, match="No subject was assessed by day 5 under B, A, C"):
        trd.combine(made).in_response()


def test_a_treatment_that_is_not_followed_so_long_is_named() -> None:
    visits, subjects = tables()
    of_c = visits["subject"].isin(subjects.loc[subjects["treatment"] == "C", "subject"])
    visits = visits[~(of_c & (visits["day"] > 42))]
    pooled = trd.combine(summaries(cut(visits, subjects, "in turn")))
    with pytest.raises(NotEstimableError, match=r"beyond the follow-up of C \(day 42\)"):
        pooled.in_response()
    assert set(pooled.tables()["in_response_days"]["treatment"]) == {"A", "B"}
    assert "Not every treatment is followed that long" in str(pooled)


def test_switching_that_ends_a_response_needs_windows() -> None:
    visits, subjects = tables()
    text = TEXT.replace('"ignore"', '"failure"')
    whole, p = study(visits, subjects), plan(text)
    made = trd.summarise_site(p, "north", minimum=1, study=whole)
    assert made.histories
    bare = trd.Study(visits, subjects=subjects, scale="MADRS")
    lines = TEXT.splitlines()
    no_windows = "\n".join(x for x in lines if not x.startswith("windows")).replace(
        '"ignore"', '"failure"'
    )
    s = trd.summarise_site(plan(no_windows), "north", minimum=1, study=bare)
    assert not s.histories
    assert any("would be followed to the last visit of each site" in w.words for w in s.withheld)
    competing = plan(no_windows.replace('"failure"', '"competing"'))
    s = trd.summarise_site(competing, "north", minimum=1, study=bare)
    assert not [t for t in s.times if t.outcome == "response"]  # each site would end at its last
    assert not s.histories


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_a_site_whose_patients_never_came_again_adds_nobody() -> None:
    visits, subjects = tables()
    parts = cut(visits, subjects, "in turn")
    names = parts[0].subjects["subject"].astype(str)
    only = visits[(visits["day"] == 0) | ~visits["subject"].isin(names)]
    parts[0] = study(only, subjects[subjects["subject"].isin(names)])
    made = summaries(parts)
    words = "no subject has a rating after day 0, and a baseline where it is needed."
    assert [w.words for w in made[0].withheld if words in w.words] == [
        f"Times to response: {words}", f"Times to remission: {words}",
        f"Days in response: {words}",
    ]  # fmt: skip
    compare(trd.combine(made).in_response(), of_all_rows(study(only, subjects)))
    masked = summaries(parts, secret=SECRET)
    compare(trd.combine(masked).in_response(), of_all_rows(study(only, subjects)))


def test_patients_without_visits_after_baseline_are_counted() -> None:
    visits, subjects = tables()
    ours = trd.combine(summaries(cut(visits, subjects, "in turn"))).in_response()
    theirs = of_all_rows(study(visits, subjects))
    line = next(x for x in str(theirs).splitlines() if "Never assessed" in x)
    assert line in str(ours)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.update(n=[-1] * len(h["n"])),
        lambda h: h.update(n=h["n"][1:]),
        lambda h: h.update(relapsed=[2] * len(h["n"])),
        lambda h: h.update(responded=[90.0] * len(h["n"])),
        lambda h: h.update(ended=["x"] * len(h["n"])),
        lambda h: h.update(horizon=None),
        lambda h: h.update(horizon=-3.0),
        lambda h: h.update(treatment=3),
        lambda h: h.update(change="much"),
        lambda h: h.update(is_assessed=2),
        lambda h: h.update(more=1),
        lambda h: h.pop("n"),
    ],
)
def test_files_that_were_changed_are_refused(tmp_path: Path, change: Any) -> None:
    values = json.loads(summaries(cut(*tables(), "in turn"))[0].to_json())
    change(values["histories"][0])
    (tmp_path / "x.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(DataError, match=r"cannot be|strange"):
        trd.read_summary(tmp_path / "x.json")


def test_masked_files_that_were_changed_are_refused(tmp_path: Path) -> None:
    values = json.loads(summaries(cut(*tables(), "in turn"), secret=SECRET)[0].to_json())
    values["masked_histories"][0]["n"].pop()
    (tmp_path / "x.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(DataError, match="masked courses under A are not those of day 56"):
        trd.read_summary(tmp_path / "x.json")


def test_the_board_reads_what_leaves() -> None:
    words = str(summaries(cut(*tables(), "in turn"), minimum=5)[0])
    assert "subjects with a day of response, and a day and kind of its end" in words
    assert "Days in response under" in words
    hidden = str(summaries(cut(*tables(), "in turn"), secret=SECRET)[0])
    assert "Counts of subjects, of rates and of courses are masked" in hidden


def test_the_command_line(tmp_path: Path) -> None:
    visits, subjects = tables()
    files = []
    for name, part in zip(SITES, cut(visits, subjects, "in turn"), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        part.visits[["subject", "day", "score"]].to_csv(folder / "visits.csv", index=False)
        part.subjects[["subject", "treatment"]].to_csv(folder / "subjects.csv", index=False)
        (folder / "plan.toml").write_text(TEXT, "utf-8")
        (folder / "secret").write_text(SECRET, "utf-8")
        files.append(str(tmp_path / f"{name}.json"))
        done = CliRunner().invoke(
            main, ["summarise", str(folder / "plan.toml"), "--site", name, "--out", files[-1],
                   "--secret", str(folder / "secret")],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["combine", *files, "--out", str(tmp_path / "all")])
    assert done.exit_code == 0, done.output
    assert "Mean days in response, against B" in done.output
    table = pd.read_csv(tmp_path / "all" / "in_response_days.csv")
    theirs = of_all_rows(study(visits, subjects)).mean_days()
    merged = table.fillna({"reference": ""}).merge(
        theirs, on=["measure", "treatment", "reference", "state"], suffixes=("", "_all")
    )
    assert len(merged) == len(theirs)
    np.testing.assert_allclose(merged["std_error"], merged["std_error_all"], rtol=1e-8)
    assert (tmp_path / "all" / "in_response_curves.csv").exists()


def test_a_register_in_many_files_has_days_in_response(tmp_path: Path) -> None:
    visits, subjects = tables()
    rows = visits.merge(subjects, on="subject")
    for k, part in enumerate(cut(visits, subjects, "in turn")):
        names = part.subjects["subject"].astype(str)
        rows[rows["subject"].isin(names)].to_parquet(tmp_path / f"part{k}.parquet")
    text = TEXT.replace('subjects = "subjects.csv"\n', "").replace("visits.csv", "part0.parquet")
    pooled = trd.summarise_files(plan_from_text(text, tmp_path), str(tmp_path / "*.parquet"))
    compare(pooled.in_response(), of_all_rows(study(visits, subjects)))


def test_histories_are_those_that_were_counted() -> None:
    whole = study(*tables(jitter=2.0))
    p = plan()
    history = trd.response_history(whole, p.response, p.relapse, after_switch="ignore")
    again = history_of(list(courses_of(history, 1e6)), history.treatments, "")
    columns = ["treatment", "start", "stop", "state", "to"]
    a, b = (h.frame[columns].astype(str).value_counts() for h in (history, again))
    pd.testing.assert_series_equal(a.sort_index(), b.sort_index())
    assert len(history.unseen) == len(again.unseen)


def test_masks_need_the_treatments_of_the_plan() -> None:
    text = TEXT.replace('["A", "B", "C"]', '["A", "B"]')
    for secret in (None, SECRET):
        with pytest.raises(PlanError, match=r"'treatment' has 'C' at this site, which the plan do"):
            summaries(cut(*tables(), "in turn"), text=text, secret=secret)
    none = TEXT.replace('levels = { treatment = ["A", "B", "C"] }\n', "")
    with pytest.raises(PlanError, match="Masked counts need the treatments of all sites"):
        summaries(cut(*tables(), "in turn"), text=none, secret=SECRET)


def test_two_plans_have_different_masks() -> None:
    parts = cut(*tables(), "in turn")
    other = TEXT.replace('title = "Days', 'title = "More days')
    one, two = (summaries(parts, text=t, secret=SECRET)[0] for t in (TEXT, other))
    same = [
        a == b for a, b in zip(one.masked_histories[0].n, two.masked_histories[0].n, strict=True)
    ]
    assert not any(same)


@pytest.mark.parametrize("after_switch", ["ignore", "censor", "failure", "competing"])
@pytest.mark.parametrize("outcome", ["response", "remission"])
def test_the_strategy_for_switches_and_the_definitions_are_those_of_the_plan(
    after_switch: str, outcome: str
) -> None:
    whole = trd.load_sample("trial")
    text = (
        TEXT.replace('"ignore"', f'"{after_switch}"').replace('["A", "B", "C"]', ARMS)
        .replace('reference = "B"', 'reference = "TMS"')
        .replace("[sites]", f'[in_response]\noutcome = "{outcome}"\nhorizon = 84\n[sites]')
    )  # fmt: skip
    p = plan(text)
    names = whole.subjects["subject"].tolist()
    parts = [whole.keep(names[k::3]) for k in range(3)]
    strategy: Any = "failure" if after_switch == "competing" else after_switch
    history = trd.response_history(whole, p.definition(outcome), p.relapse, after_switch=strategy)
    theirs = trd.ResponseState(84, reference="TMS").fit(history)
    for secret in (None, SECRET):
        ours = trd.combine(summaries(parts, text=text, secret=secret)).in_response()
        compare(ours, theirs, tau=84)


def test_a_site_on_another_scale_is_refused() -> None:
    made = summaries(cut(*tables(), "in turn"))
    with pytest.raises(SpecError, match=r"of different plans: .*HAMD"):
        trd.combine([replace(made[0], scale="HAMD"), *made[1:]])
    again = replace(made[0], site="east")
    with pytest.raises(SpecError, match="Two summaries are of the site 'east'"):
        trd.combine([again, *made[1:]])
