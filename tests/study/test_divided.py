"""A study in partitions of a dask frame gives the numbers of the same study in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, SpecError, TooLargeError, UnknownNameError

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

pytestmark = pytest.mark.usefixtures("synchronous")

ROLES = {"scale": "MADRS"}
# Sums of partitions are added in another order: rounding of sums of some hundred terms.
RTOL = 1e-10


@cache
def visits(n: int = 240) -> pd.DataFrame:
    """Visits of patients under three treatments, on days that scatter and have fractions."""
    rng = np.random.default_rng(5)
    days = np.arange(0, 85, 14.0)
    start, fall = rng.integers(24, 45, n), rng.uniform(0, 1.4, n)
    arm = rng.choice(["A", "B", "C"], n)
    slope = np.select([arm == "B", arm == "C"], [1.2, 0.8], 1.0)
    part = np.minimum(fall * slope, 1)[:, None] * np.minimum(days / 42, 1)
    score = start[:, None] * (1 - part) + rng.normal(0, 4, (n, len(days)))
    score[:, 4:] += (rng.random(n) < 0.4)[:, None] * 14
    score = np.clip(np.rint(score), 0, 60)
    score[:, 0] = start
    moved = days + np.where(days > 0, rng.choice([-1.5, -1, 0, 0, 0, 1, 2.25], score.shape), 0)
    frame = pd.DataFrame({
        "subject": np.repeat([f"P{i:03d}" for i in range(n)], len(days)), "day": moved.ravel(),
        "score": score.ravel(), "treatment": np.repeat(arm, len(days)),
        "age": np.repeat(rng.normal(50, 9, n).round(1), len(days)),
        "site": np.repeat(rng.choice(["x", "y"], n), len(days)),
        "rater": rng.choice(["R1", "R2"], n * len(days)),
    })  # fmt: skip
    frame.loc[rng.random(len(frame)) < 0.03, "score"] = np.nan
    kept = (rng.random(len(frame)) < 0.88) | (frame["day"] == 0)
    return frame[kept & (frame["day"] < rng.uniform(20, 120, n).repeat(len(days)))].reset_index(
        drop=True
    )


WINDOWS = {14: 3, 28: 3, 42: 3, 56: 3, 70: 3, 84: 3}


def events() -> pd.DataFrame:
    ids = visits()["subject"].unique()
    return pd.DataFrame({
        "subject": np.r_[ids[::11], ids[::29]],
        "day": np.r_[np.full(len(ids[::11]), 30.0), np.full(len(ids[::29]), 20.5)],
        "event": ["switch"] * len(ids[::11]) + ["relocated"] * len(ids[::29]),
    })  # fmt: skip


def in_partitions(frame: pd.DataFrame, cuts: list[Any]) -> Any:
    """Return a frame whose partitions hold the rows of each mask."""
    return dd.concat([dd.from_pandas(frame[rows], npartitions=1, sort=False) for rows in cuts])


def apart(frame: pd.DataFrame) -> Any:
    """Return partitions by subject, unsorted, one of them empty."""
    mixed = frame.sample(frac=1, random_state=3)
    number = mixed["subject"].str[1:].astype(int)
    return in_partitions(mixed, [(number % 3 == 0), (number < 0), (number % 3 == 1),
                                 (number % 3 == 2)])  # fmt: skip


def quietly(work: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


KINDS = ["plain", "windows", "split", "table of subjects", "courses", "never assessed"]


@cache
def both(kind: str) -> tuple[trd.Study, trd.DividedStudy]:
    """Return the study in memory and in partitions."""
    frame, rest = visits(), {"events": events(), **ROLES}
    partitions: Any = apart(frame)
    if kind == "windows":
        rest |= {"windows": WINDOWS, "randomised": True}
    if kind == "split":
        partitions = dd.from_pandas(frame.sample(frac=1, random_state=8), npartitions=5, sort=False)
    if kind == "table of subjects":
        table = frame[["subject", "treatment", "age", "site"]].drop_duplicates("subject")
        unseen = pd.DataFrame({"subject": ["Z9"], "treatment": ["A"], "age": [40.0], "site": ["x"]})
        rest["subjects"] = pd.concat([table.iloc[::-1], unseen])
        frame = frame.drop(columns=["age", "site", "treatment"])
        partitions = apart(frame)
        rest["windows"] = {"A": WINDOWS, "B": WINDOWS, "C": {28: 4, 56: 4}}
    if kind == "courses":
        ids = frame.drop_duplicates("subject")[["subject", "treatment"]]
        switched = ids.iloc[::7].assign(treatment="B", start=25.0)
        rest["courses"] = pd.concat([ids.assign(start=0.0), switched])
    if kind == "never assessed":  # all subjects of one partition, some of whom switched
        never = frame["subject"].str[1:].astype(int) % 3 == 1
        frame = frame[~never | (frame["day"] <= 0)]
        partitions = apart(frame)
        rest["windows"] = WINDOWS
    study = quietly(lambda: trd.Study(frame, **rest))
    divided = quietly(lambda: trd.DividedStudy(partitions, **rest))
    return study, divided


def same(a: Any, b: Any) -> None:
    """Assert that two answers are equal, frames column by column."""
    assert isinstance(b, type(a)) or isinstance(a, type(b))
    if isinstance(a, pd.DataFrame):
        assert list(a.columns) == list(b.columns)
        pd.testing.assert_frame_equal(a, b, rtol=RTOL, atol=1e-12)
    elif isinstance(a, tuple | list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        same(list(a.values()), list(b.values()))
    elif isinstance(a, float | np.floating):
        np.testing.assert_allclose(a, b, rtol=RTOL)
    else:
        assert a == b


def of_times(times: trd.EventTimes) -> tuple[Any, ...]:
    switching = None if times.switching is None else times.switching.tidy()
    return (times.frame, times.left_out, times.first_look, times.caveat, times.notices,
            times.causes, times.origin, switching)  # fmt: skip


def of_rates(found: trd.Rates) -> tuple[Any, ...]:
    return found.counts, found.tidy(), found.notices, found.outcomes, found.caveat


def of_history(history: trd.ResponseHistory) -> tuple[Any, ...]:
    return (history.frame, history.unseen, history.left_out, history.visits, history.first_look,
            history.caveat)  # fmt: skip


RESPONSE, RELAPSE = trd.Response(), trd.Relapse(at_least=22)
CONFIRMED = trd.Relapse(at_least=22, consecutive=2)
SUSTAINED = trd.Sustained(trd.Response(), visits=2)


def onset(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, RESPONSE, competing="left follow-up")


def durability(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, RELAPSE, since=RESPONSE, competing=("left follow-up",))


def history(study: trd.Study) -> trd.ResponseHistory:
    return trd.response_history(study, RESPONSE, RELAPSE, regain=True)


def judged(study: trd.Study) -> pd.DataFrame:
    """Return what `assess` says, rows of partitions gathered, by subject and day."""
    rows: Any = trd.assess(study, RESPONSE)
    rows = rows.compute() if isinstance(study, trd.DividedStudy) else rows
    rows = rows.assign(subject=rows["subject"].astype(str)).sort_values(["subject", "day"])
    return rows.reset_index(drop=True)  # type: ignore[no-any-return]


def mmrm(study: trd.Study, **options: Any) -> Any:
    """Return estimates and comparisons of a mixed model of three visits."""
    formula = "change ~ baseline * visit + treatment * visit + site"
    # Windows make visits few; without them a day is a visit of its own.
    if study.windows is None:
        return "every day is a visit"
    fit = trd.MMRM(formula, **options).fit(study)
    margins = fit.margins("treatment", by="visit")
    return fit.tidy(), margins.tidy(), margins.contrasts(reference="A").tidy()


def lmm(study: trd.Study) -> pd.DataFrame:
    fit = trd.LMM("change ~ baseline + treatment * day", random="1").fit(study)
    return fit.tidy()  # type: ignore[no-any-return]


def gee(study: trd.Study) -> pd.DataFrame:
    fit = trd.GEE("change ~ baseline + treatment", family="gaussian").fit(study)
    return fit.tidy()  # type: ignore[no-any-return]


def gee_of_response(study: trd.Study) -> pd.DataFrame:
    fit = trd.GEE("response ~ baseline + treatment").fit(study, outcome=RESPONSE)
    return fit.tidy()  # type: ignore[no-any-return]


VERBS: dict[str, Callable[[trd.Study], Any]] = {
    "subjects": lambda s: (s.subjects, s.events, s.courses, s.treatments, s.caveat, s.scales),
    "switches": lambda s: (s.switches(), s.course_days(), s.records_switches),
    "summary": lambda s: (str(s).split("\n\n")[:2], s.schedule_end() if s.windows else None) and (
        str(s.summary().header), str(s.summary().tables)),
    "onset": lambda s: of_times(trd.time_to(s, RESPONSE)),
    "left follow-up": lambda s: of_times(onset(s)),
    "sustained": lambda s: of_times(trd.time_to(s, SUSTAINED)),
    "durability": lambda s: of_times(durability(s)),
    "confirmed": lambda s: of_times(trd.time_to(s, CONFIRMED, since=RESPONSE)),
    "until": lambda s: of_times(trd.time_to(s, RESPONSE, until=40.0)),
    "until an event": lambda s: of_times(trd.time_to(s, RESPONSE, until="relocated")),
    "an event": lambda s: of_times(trd.time_to(s, trd.Event(("relocated",)))),
    "leaving": lambda s: of_times(trd.time_to(s, trd.Event(("left follow-up",)))),
    **{f"switch, {how}": lambda s, how=how: of_times(trd.time_to(s, RESPONSE, after_switch=how))
       for how in ("ignore", "censor", "failure", "competing")},
    "rates": lambda s: of_rates(trd.rates(s, RESPONSE, day=s.scheduled_days()[20 % len(
        s.scheduled_days())])),
    **{f"rates, {how}": lambda s, how=how: of_rates(trd.rates(s, RESPONSE, day=28, missing=how))
       for how in ("observed", "locf", "worst")},
    "rates, failure": lambda s: of_rates(trd.rates(s, RESPONSE, day=56, after_switch="failure")),
    "rates, sustained": lambda s: of_rates(trd.rates(s, SUSTAINED, day=56)),
    "rates, own day": lambda s: of_rates(trd.rates(s, trd.AtDays(RESPONSE, (28, 56)))),
    "rates, free": lambda s: of_rates(trd.rates(s, trd.response_at(28).without(
        RELAPSE, until=56))),
    "rates, no event": lambda s: of_rates(trd.rates(s, trd.response_at(28).without(
        trd.Event(("relocated",)), until=56), missing="worst")),
    "failing": lambda s: of_times(trd.time_to(s, trd.FailureIf(RESPONSE, ("relocated",)))),
    "rates, failing": lambda s: of_rates(trd.rates(
        s, trd.FailureIf(RESPONSE, ("relocated",)), day=28)),
    "on days": lambda s: of_times(trd.time_to(s, trd.AtDays(RESPONSE, (28, 42)))),
    "missed": lambda s: of_times(trd.time_to(s, trd.Sustained(RESPONSE, visits=3),
                                             after_switch="censor")),
    "history": lambda s: of_history(trd.response_history(s, RESPONSE, RELAPSE)),
    "regained": lambda s: of_history(history(s)),
    "history, failure": lambda s: of_history(trd.response_history(
        s, RESPONSE, RELAPSE, after_switch="failure")),
    "assess": judged,
    "means": lambda s: trd.mean_scores(s),
    "change": lambda s: trd.change_from_baseline(s, 28),
    "longitudinal": lambda s: s.longitudinal(),
    "Kaplan-Meier": lambda s: trd.KaplanMeier().fit(onset(s)).tidy(),
    "log-rank": lambda s: trd.LogRank().fit(onset(s)).glance(),
    "RMST": lambda s: trd.RMST(tau=40).fit(trd.time_to(s, RESPONSE)).tidy(),
    "Aalen-Johansen": lambda s: trd.AalenJohansen().fit(durability(s)).tidy(),
    "Gray": lambda s: trd.GrayTest().fit(durability(s)).glance(),
    "Cox": lambda s: trd.CoxPH("treatment + age").fit(onset(s)).tidy(),
    "Fine-Gray": lambda s: trd.FineGray("treatment + age").fit(durability(s)).tidy(),
    "Turnbull": lambda s: trd.Turnbull().fit(trd.time_to(s, RESPONSE)).tidy(),
    "states": lambda s: trd.ResponseState(tau=60).fit(
        trd.response_history(s, RESPONSE, RELAPSE)).tidy(),
    "propensity": lambda s: trd.PropensityWeights("age + site").fit(s).tidy(),
    "weighted rates": lambda s: of_rates(trd.rates(
        s, RESPONSE, day=28, weights=trd.PropensityWeights("age + site").fit(s))),
    "MMRM": mmrm,
    "MMRM, csh": lambda s: mmrm(s, covariance="csh", ddf="satterthwaite"),
    "MMRM, by treatment": lambda s: mmrm(s, group="treatment", covariance="cs"),
    "MMRM, robust": lambda s: mmrm(s, vcov="empirical", ddf="satterthwaite"),
    "MMRM, of rows": lambda s: mmrm(s, covariance="sp_exp", time="day"),
    "LMM": lmm,
    "GEE": gee,
    "GEE of a definition": gee_of_response,
    "GLMM": lambda s: trd.GLMM("response ~ treatment", points=3).fit(s, outcome=RESPONSE).tidy(),
    "interval states": lambda s: trd.IntervalResponseState(tau=60).fit(
        trd.response_history(s, RESPONSE, RELAPSE)).tidy(),
    "baseline table": lambda s: trd.baseline_table(s).tidy(),
    "only": lambda s: of_times(trd.time_to(s.only(["A", "C"]), RESPONSE)),
    "keep, rows": lambda s: s.keep(s.subjects["age"] > 52).only(["A", "C"]).longitudinal(),
    "keep": lambda s: of_times(trd.time_to(
        s.keep(s.subjects["age"] > 52), RESPONSE, after_switch="failure")),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_gives_the_numbers_of_memory(verb: str, kind: str) -> None:
    study, divided = both(kind)
    answers = []
    for one in (study, divided):
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                answer = VERBS[verb](one)
            answers.append((answer, [str(w.message) for w in said]))
        except trd.errors.TrdstatsError as error:
            answers.append((f"{type(error).__name__}: {error}", []))
    same(*answers)


@pytest.mark.parametrize("kind", KINDS)
def test_notices_are_those_of_memory(kind: str) -> None:
    """Counts of partitions add; only places that name rows differ."""
    study, divided = both(kind)
    *notices, last = divided.notices
    assert last.kind == "divided"
    assert len(notices) == len(study.notices)
    for a, b in zip(study.notices, notices, strict=True):
        assert (a.kind, str(a.summary), a.remedy, a.level) == (
            b.kind, str(b.summary), b.remedy, b.level)  # fmt: skip
        assert len(a.where) == len(b.where)
        assert "..." in a.where or set(a.where) == set(b.where)  # the first fifty are named


IMPLAUSIBLE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "days_from_one": lambda f: f.assign(day=np.where(f["day"] > 0, f["day"] + 1, 1.0)),
    "unit_of_days": lambda f: f.assign(day=(f["day"] / 7).round()).drop_duplicates(
        ["subject", "day"]),
    "mostly_worse": lambda f: f.assign(score=np.where(f["day"] > 0, 60 - f["score"] / 2,
                                                      20.0).round()),
    "days_are_dates": lambda f: f.assign(day=f["day"] + 22_000),
    "negative_days": lambda f: f.assign(day=-f["day"]),
    "low_totals": lambda f: f.assign(score=(f["score"] / 2).round()),
    "two_places": lambda f: f.assign(centre=np.where(f["day"] > 7, "north", "south")),
}  # fmt: skip


@pytest.mark.parametrize("kind", IMPLAUSIBLE)
def test_days_are_judged_on_all_partitions_together(kind: str) -> None:
    frame = IMPLAUSIBLE[kind](visits())
    notices = []
    for make in (
        lambda: trd.Study(frame, **ROLES),
        lambda: trd.DividedStudy(apart(frame), **ROLES),
    ):
        try:
            notices.append(quietly(make).notices)
        except DataError as error:
            notices.append(error.problems)
    alone, together = notices
    assert kind in {p.kind for p in alone}
    together = tuple(p for p in together if p.kind != "divided")
    assert [(p.kind, str(p.summary)) for p in together] == [
        (p.kind, str(p.summary)) for p in alone]  # fmt: skip


def test_days_of_many_visits_are_judged_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth subject of each partition, as 1,113 visits are four times 300."""
    from trdstats.study.divided import assembled

    monkeypatch.setattr(assembled, "LOOKED_AT", 300)
    divided = quietly(lambda: trd.DividedStudy(apart(visits()), **ROLES))
    ids = visits()["subject"].unique()
    sizes = [sum(int(i[1:]) % 3 == k for i in ids) for k in range(3)]
    n = sum(-(-size // 4) for size in sizes)
    (note,) = (p for p in divided.notices if p.kind == "days_of_some")
    assert f"were judged on the visits of {n} of {len(ids)} subjects" in note.summary
    study = quietly(lambda: trd.Study(visits(), **ROLES))
    same(*(of_times(trd.time_to(s, RESPONSE)) for s in (study, divided)))


@pytest.mark.parametrize("kind", KINDS)
def test_visits_can_be_gathered(kind: str) -> None:
    study, divided = both(kind)
    gathered = divided.in_memory()
    assert not gathered.is_divided
    # A shuffle keeps no order, and the rows of a subject have one by day alone.
    columns = ["subject", "day", "visit", "score"]
    same(study.visits[columns], gathered.visits[columns])
    same(of_times(durability(study)), of_times(durability(gathered)))


def test_subjects_in_two_partitions_are_brought_together() -> None:
    divided = both("split")[1]
    words = divided.notices[-1].summary
    n = visits()["subject"].duplicated(keep=False)
    several = visits().loc[n, "subject"].nunique()
    assert 0.9 * several < int(words.split()[0]) <= several
    assert "the visits were shuffled by subject into 5 partitions" in words


def test_a_shuffle_is_done_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was shuffled is read from a folder: the visits it came from are not needed again."""
    from trdstats import partitions

    monkeypatch.setattr(partitions, "mkdtemp", lambda prefix: str(tmp_path))
    frame = visits().sample(frac=1, random_state=8)
    for k in range(3):
        frame.iloc[k::3].to_parquet(tmp_path / f"{k}.parquet")
    divided = quietly(lambda: trd.read_study(tmp_path / "*.parquet", engine="dask", **ROLES))
    assert len(list(tmp_path.glob("*.pkl"))) == 3
    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    study = quietly(lambda: trd.Study(visits(), **ROLES))
    same(*(of_times(trd.time_to(s, RESPONSE)) for s in (study, divided)))


def wrong() -> pd.DataFrame:
    """Return visits with a problem of one kind in two partitions, and others in one."""
    frame = visits().copy()
    number = frame["subject"].str[1:].astype(int)
    after = frame.index[frame["day"] > 0]
    of = [frame.index[(number % 3 == k) & frame.index.isin(after)] for k in range(3)]
    frame.loc[of[0][[3, 9]], "score"] = 75.0
    frame.loc[of[1][4], "score"] = -3.0
    frame.loc[of[2][2], "day"] = np.nan
    frame.loc[of[2][5], "treatment"] = "B" if frame.loc[of[2][5], "treatment"] == "A" else "A"
    return frame


def test_problems_of_partitions_are_reported_together() -> None:
    with pytest.raises(DataError) as alone:
        trd.Study(wrong(), scale="MADRS")
    with pytest.raises(DataError) as raised:
        trd.DividedStudy(apart(wrong()), scale="MADRS")
    said = {p.kind: p for p in raised.value.problems if p.level == "error"}
    expected = {p.kind: p for p in alone.value.problems if p.level == "error"}
    assert set(said) == set(expected) == {"score_outside_scale", "missing_day", "changing_value"}
    for kind, problem in said.items():
        assert str(problem.summary) == str(expected[kind].summary)
        assert problem.remedy == expected[kind].remedy
    text = str(raised.value)
    assert "3 MADRS scores lie outside MADRS (0 to 60)." in text
    assert "partition 0: P" in text
    assert "partition 1: P" not in text  # it is empty
    assert "partition 2: P" in text
    assert "'treatment' changes between visits of 1 subject." in text


def test_identifiers_of_two_kinds() -> None:
    frame = visits().assign(subject=visits()["subject"].str[1:].astype(int).astype(object))
    other = frame["subject"] % 3 == 1
    frame.loc[other & (frame["day"] > 30), "subject"] = frame["subject"].astype(str)
    with dask.config.set({"dataframe.convert-string": False}):
        partitions = in_partitions(frame, [~other, other])
        with pytest.raises(DataError, match="a number in some rows and text in others"):
            trd.DividedStudy(partitions, scale="MADRS")


def test_no_rows_and_unknown_subjects() -> None:
    empty = dd.from_pandas(visits().iloc[:0], npartitions=1)
    with pytest.raises(DataError, match="`visits` has no rows"):
        trd.DividedStudy(empty, scale="MADRS")
    table = visits()[["subject", "treatment"]].drop_duplicates().iloc[:-2]
    with pytest.raises(
        DataError, match="9 rows of `visits` name a subject that `subjects` does not have"
    ):
        trd.DividedStudy(apart(visits()[["subject", "day", "score"]]), table, scale="MADRS")
    with pytest.raises(DataError, match="`visits` has no column 'madrs' for score"):
        trd.DividedStudy(apart(visits()), scale="MADRS", score="madrs")


def test_a_treatment_that_a_partition_lacks_keeps_its_place() -> None:
    frame = visits()
    partitions = in_partitions(frame, [frame["treatment"] != "B", frame["treatment"] == "B"])
    divided = quietly(lambda: trd.DividedStudy(partitions, **ROLES))
    study = quietly(lambda: trd.Study(frame, **ROLES))
    assert divided.treatments == ("A", "B", "C")
    same(*(of_times(trd.time_to(s, RESPONSE)) for s in (study, divided)))
    same(*(of_rates(quietly(lambda s=s: trd.rates(s, RESPONSE, day=28)))
           for s in (study, divided)))  # fmt: skip


@pytest.mark.parametrize("stored", [True, False])
def test_categories_keep_their_order(stored: bool, tmp_path: Path) -> None:
    """Whole numbers as identifiers, a category whose order is not that of letters."""
    frame = visits().assign(
        subject=visits()["subject"].str[1:].astype(int),
        treatment=pd.Categorical(visits()["treatment"], categories=["C", "A", "B"]),
    )
    parts = [frame["subject"] % 2 == 0, frame["subject"] % 2 == 1]
    study = quietly(lambda: trd.Study(frame, **ROLES))
    if stored:
        for k, rows in enumerate(parts):
            frame[rows].to_parquet(tmp_path / f"{k}.parquet")
        divided = quietly(lambda: trd.read_study(tmp_path / "*.parquet", engine="dask", **ROLES))
    else:
        divided = quietly(lambda: trd.DividedStudy(in_partitions(frame, parts), **ROLES))
    assert divided.treatments == study.treatments == ("C", "A", "B")
    same(study.subjects, divided.subjects)
    same(*(of_times(trd.time_to(s, RESPONSE)) for s in (study, divided)))


@pytest.mark.parametrize("lacks", [0, 1])
@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("written", ["csv", "parquet"])
def test_a_column_of_some_files_is_missing_in_the_others(
    written: str, split: bool, lacks: int, tmp_path: Path
) -> None:
    frame = visits()
    number = frame["subject"].str[1:].astype(int)
    cut = np.arange(len(frame)) if split else number
    parts = [frame[cut % 2 == k] for k in (0, 1)]
    parts[lacks] = parts[lacks].drop(columns=["age", "site"])
    for k, part in enumerate(parts):
        if written == "csv":
            part.to_csv(tmp_path / f"{k}.csv", index=False)
        else:
            part.to_parquet(tmp_path / f"{k}.parquet", index=False)
    with pytest.warns(trd.errors.DataWarning) as raised:
        divided = trd.read_study(tmp_path / f"*.{written}", engine="dask", **ROLES)
    words = str(raised[0].message)
    n = len(parts[lacks])
    assert f"`visits` have a column 'age' only in some partitions: it is missing in {n:,}" in words
    assert f"partition {lacks}" in words
    study = quietly(lambda: trd.Study(pd.concat(parts), **ROLES))
    assert ("age" in study.subjects) != split  # rows of a file without it start some subjects
    tables = [s.subjects[sorted(s.subjects)] for s in (study, divided)]
    same(*(t.assign(site=t.get("site", pd.Series(dtype=object)).fillna("")) for t in tables))
    fits = [quietly(lambda s=s: trd.LMM("score ~ age + site").fit(s)) for s in (study, divided)]
    same(*(fit.tidy() for fit in fits))


@pytest.mark.parametrize("column", ["subject", "day", "score", "treatment"])
def test_a_partition_without_a_column_that_is_needed_is_named(column: str) -> None:
    frame = visits()
    parts = [frame, frame.drop(columns=column)]
    partitions = dd.from_delayed(
        [dask.delayed(part) for part in parts], meta=frame.iloc[:0], verify_meta=False
    )
    said = f"`visits` have a column '{column}' only in some partitions.\n  partition 1 has none"
    with pytest.raises(DataError, match=said):
        trd.DividedStudy(partitions, **ROLES)


def test_a_folder_of_other_files_is_named_by_a_pattern(tmp_path: Path) -> None:
    visits().to_csv(tmp_path / "visits.csv", index=False)
    with pytest.raises(trd.errors.TrdstatsError, match=r"holds no Parquet files.*\*\.csv"):
        trd.read_study(tmp_path, engine="dask", **ROLES)


def test_several_scales() -> None:
    frame = visits().assign(other=(visits()["score"] / 3).round())
    roles = {"scale": ["MADRS", "PHQ9"], "score": {"MADRS": "score", "PHQ9": "other"}}
    study = quietly(lambda: trd.Study(frame, **roles))
    divided = quietly(lambda: trd.DividedStudy(apart(frame), **roles))
    other = divided.on("PHQ9")
    assert other.scale.label == "PHQ9"
    same(study.on("PHQ9").subjects, other.subjects)
    same(*(of_times(trd.time_to(s.on("PHQ9"), RESPONSE)) for s in (study, divided)))
    same(*(of_times(trd.time_to(s.on("PHQ9").only(["A", "B"]), RESPONSE))
           for s in (study, divided)))  # fmt: skip


def test_several_scores_on_a_day() -> None:
    frame = pd.concat([visits(), visits().iloc[::5].assign(rater="R9", score=20.0)])
    for rule in ("worst", "mean", {"rater": "R9"}):
        study = quietly(lambda r=rule: trd.Study(frame, duplicates=r, **ROLES))
        divided = quietly(lambda r=rule: trd.DividedStudy(apart(frame), duplicates=r, **ROLES))
        same(trd.mean_scores(study), trd.mean_scores(divided))
    split = dd.from_pandas(frame.sample(frac=1, random_state=1), npartitions=3, sort=False)
    with pytest.raises(SpecError, match="a shuffle keeps no order"):
        trd.DividedStudy(split, duplicates="last", **ROLES)


WHOLE = {
    "visits": lambda s: s.visits,
    "rated": lambda s: s.rated(),
    "with_windows": lambda s: s.with_windows({28: 3}),
    "with_baseline": lambda s: s.with_baseline("first"),
    "thinned": lambda s: s.thinned([28]),
    "only_visits": lambda s: s.only_visits({"A": [28]}),
    "with_scores": lambda s: s.with_scores(pd.DataFrame()),
    "to_adam": lambda s: s.to_adam(),
    "propose_windows": lambda s: trd.propose_windows(s),
    "audit_schedule": lambda s: trd.audit_schedule(s, RESPONSE),
    "participant_flow": lambda s: trd.participant_flow(s, day=28),
    "start_stop": lambda s: trd.start_stop(s, RESPONSE, ["rater"]),
}


@pytest.mark.parametrize("what", WHOLE)
def test_what_needs_all_visits_says_how_large_they_are(what: str) -> None:
    words = rf"needs? all visits in memory, .*: {len(visits()):,} visits, about 0\.01 GB\."
    with pytest.raises(TooLargeError, match=words) as raised:
        WHOLE[what](both("plain")[1])
    assert "study.in_memory()" in str(raised.value)


def test_rows_are_gathered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from trdstats.study.divided import divided_study

    study, divided = both("windows")
    monkeypatch.setattr(divided_study, "MOST_ROWS", 400)
    with pytest.raises(TooLargeError, match=r"would be gathered in memory: \d+ rows, and the most"):
        mmrm(divided, covariance="sp_exp", time="day")
    with pytest.raises(TooLargeError, match="The days of all ratings, which a history keeps"):
        history(divided)
    same(study.longitudinal([28]), divided.longitudinal([28]))
    same(*(mmrm(s) for s in (study, divided)))  # sums of partitions, not rows
    same(*(lmm(s) for s in (study, divided)))


def test_rows_left_out_of_a_partition_that_has_no_other_are_counted() -> None:
    """No age is known in one of the partitions."""
    frame = visits()
    known = frame["subject"].str[1:].astype(int) % 3 != 1
    frame = frame.assign(age=frame["age"].where(known), site=frame["site"].where(known, " x "))
    alone = quietly(lambda: trd.Study(frame, windows=WINDOWS, **ROLES))
    divided = quietly(lambda: trd.DividedStudy(apart(frame), windows=WINDOWS, **ROLES))
    spec = trd.MMRM("change ~ age + site * visit", covariance="cs")
    one, other = spec.fit(alone), spec.fit(divided)
    assert one.design.left_out["a covariate is missing"] > 100
    assert other.design.left_out == one.design.left_out
    same(one.tidy(), other.tidy())


def test_a_day_without_ratings_is_refused_as_in_memory() -> None:
    for one in both("windows"):
        with pytest.raises(UnknownNameError, match="No visit is scheduled at day 33"):
            trd.rates(one, RESPONSE, day=33)
        with pytest.raises(UnknownNameError, match="Nearest: 14, 28, 42"):
            one.longitudinal([33])


def test_a_table_in_memory_is_named() -> None:
    with pytest.raises(SpecError, match="`visits` of a divided study are a dask DataFrame; got"):
        trd.DividedStudy(visits(), scale="MADRS")


def test_a_study_of_a_dask_frame_is_divided() -> None:
    study = quietly(lambda: trd.Study(apart(visits()), **ROLES))
    assert isinstance(study, trd.DividedStudy)
    here = quietly(lambda: trd.DividedStudy(apart(visits()), **ROLES))
    asked = {"day": 28, "reference": study.treatments[0]}
    a, b = (quietly(lambda s=s: trd.rates(s, RESPONSE, **asked)).tidy() for s in (study, here))
    pd.testing.assert_frame_equal(a, b)
    with pytest.raises(DataError):
        trd.Study(apart(wrong()), scale="MADRS")


def test_items_are_scored_by_partition() -> None:
    """Ten items of 0 to 6 that add up to the total, some of them empty or out of range."""
    forms = visits().dropna(subset=["score"]).copy()
    score = forms.pop("score").to_numpy().astype(int)
    for k in range(1, 11):
        forms[f"madrs_{k}"] = ((score + k - 1) // 10).astype(float)
    forms.loc[forms.index[::9], "madrs_4"] = np.nan
    split = dd.from_pandas(forms.sample(frac=1, random_state=8), npartitions=4, sort=False)
    alone = trd.score_items(forms, "MADRS")
    for frame in (apart(forms), split):
        scored = trd.score_items(frame, "MADRS")
        same(alone.glance(), scored.glance())
        assert str(scored.summary().tables[0]) == str(alone.summary().tables[0])
        found = scored.quality().groupby("kind")["subject"].apply(sorted)
        same(alone.quality().groupby("kind")["subject"].apply(sorted).to_dict(), found.to_dict())
        study = quietly(lambda: trd.Study(alone.tidy(), **ROLES))
        divided = quietly(lambda s=scored: trd.DividedStudy(s.tidy(), **ROLES))
        same(*(of_times(trd.time_to(s, RESPONSE)) for s in (study, divided)))
    wrong = forms.copy()
    wrong.loc[wrong.index[[10, 11, 40]], "madrs_2"] = 9.0
    with pytest.raises(DataError) as expected:
        trd.score_items(wrong, "MADRS")
    with pytest.raises(DataError) as raised:
        trd.score_items(apart(wrong), "MADRS")
    said = [p.kind for p in raised.value.problems]
    assert set(said) == {p.kind for p in expected.value.problems}
    assert "partition" in str(raised.value)
