"""What a file of a site tells of few patients: looked for in every field of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from tests.sites.test_sites import OTHER, SITES, WINDOWS, cut, made, part, plan, summaries
from trdstats.errors import DataError, DataWarning, PlanError, SpecError
from trdstats.sites import SiteSummary
from trdstats.sites.counts import TimeCounts
from trdstats.sites.disclosure import guard_times, guard_totals
from trdstats.sites.patterns import _Columns
from trdstats.sites.ratings import common_patterns

LEAST = 5


def numbers_of_arms(s: SiteSummary) -> dict[str, dict[str, set[int]]]:
    """Return of each treatment the numbers of subjects, and of events, that leave."""
    made: dict[str, dict[str, set[int]]] = {}
    for t, n in s.subjects.items():
        made[t] = {"subjects": {n} if n else set(), "came": set(), "model": set()}
    for r in s.rates:
        made[r.treatment]["subjects"].add(r.n)
    for c in s.times:
        made[c.treatment]["subjects" if c.outcome != "relapse" else "came"].add(sum(c.n))
        if c.outcome != "relapse":
            sizes = np.bincount(c.status, weights=c.n, minlength=2)
            made[c.treatment]["came"].add(int(sizes[1]))
    if s.mixed is not None:
        cells = s.mixed.design.totals.counts
        for t, rows in cells.groupby("treatment", observed=True):
            made[str(t)]["model"] |= set(rows.iloc[:, -1].tolist())
        p = s.mixed.products
        columns = _Columns.of(s.mixed)
        assert columns is not None
        (factor,) = columns.factors
        held = p.cross_products[:, columns.one, factor].sum(axis=0)
        rest = float(p.n.sum() - held.sum())
        for t, n in zip(s.mixed.design.totals.types["treatment"].categories,
                        [rest, *held], strict=True):  # fmt: skip
            made[str(t)]["model"].add(round(float(n)))
    return made


@pytest.mark.parametrize("seed", range(4))
def test_no_two_numbers_of_a_treatment_differ_by_few(seed: int) -> None:
    # Of 200 patients two or three had no rating at the days of the model, or responded and had no
    # remission: totals in two parts of the file told how many.
    rng = np.random.default_rng(seed)
    data = trd.load_sample("trial")
    names = data.subjects["subject"].tolist()
    wide = replace(plan(), sites=replace(plan().sites, furthest=400.0))
    kept = rng.choice(names, 200, replace=False).tolist()
    s = trd.summarise_site(wide, "north", study=data.keep(kept))
    assert s.mixed is not None
    for kinds in numbers_of_arms(s).values():
        # Of the model, visits are compared with what stands elsewhere, not with each other.
        pairs = [("subjects", "subjects"), ("came", "came"), ("model", "subjects")]
        gaps = {abs(a - b) for one, two in pairs for a in kinds[one] for b in kinds[two]}
        assert not gaps & set(range(1, LEAST))


def test_patterns_have_more_patients_than_a_patient_has_numbers() -> None:
    # Of five patients with a baseline and four scores, one set of whole numbers alone has the sums
    # of products that were sent: their scores could be read.
    given = summaries(minimum=LEAST)
    for s in given:
        assert s.mixed is not None
        p = s.mixed.products
        each = 1 + p.rated.sum(axis=1)  # a baseline, and a score a visit
        assert (p.n >= LEAST + each).all()


def test_patterns_are_filled_up_to_what_their_numbers_need() -> None:
    # One treatment; 30 with both visits, 5 with the first alone: 5 were enough before.
    n = 35
    frame = pd.DataFrame({"subject": np.repeat(np.arange(n), 2), "treatment": "A"})
    frame["visit"] = pd.Categorical(np.tile([7, 14], n))
    frame["change"] = np.arange(2.0 * n)
    frame.loc[(frame["subject"] >= 30) & (frame["visit"] == 14), "change"] = np.nan
    shared = common_patterns(frame, "change", ["treatment"], LEAST, n_numbers=1)
    assert shared is not None
    kept = frame[shared.kept].groupby("subject").size()
    assert kept.value_counts().to_dict() == {2: 28, 1: 7}  # 5, a baseline and one score
    totals = {"A": [37]}  # two more have no rating at all
    shared = common_patterns(frame, "change", ["treatment"], LEAST, n_numbers=1, totals=totals)
    assert shared is not None
    assert frame[shared.kept]["subject"].nunique() == 37 - LEAST
    few = frame[frame["subject"] < 9]
    assert common_patterns(few, "change", ["treatment"], LEAST, n_numbers=1,
                           totals={"A": [10]}) is None  # fmt: skip


def test_how_many_responded_and_had_no_remission_does_not_leave() -> None:
    def times(outcome: str, n: tuple[int, int]) -> TimeCounts:
        return TimeCounts(outcome, outcome, "day 0", (outcome,), "A", (7.0, 28.0), (1, 0), n)

    both = [times("response", (20, 15)), times("remission", (17, 18))]
    _, kept, withheld = guard_totals({"A": 35}, [], both, LEAST, plain=True)
    assert [c.outcome for c in kept] == ["response"]
    assert "that of events, differs" in withheld[0].words
    _, kept, _ = guard_totals({"A": 35}, [], [both[0], times("remission", (15, 20))], LEAST,
                              plain=True)  # fmt: skip
    assert len(kept) == 2
    # 18 of the 20 who responded were rated again.
    relapses = times("relapse", (9, 9))
    assert guard_totals({"A": 35}, [], [both[0], relapses], LEAST, plain=True)[1] == (both[0],)


@pytest.mark.parametrize(("furthest", "words"), [(28.0, "at most 14 days"), (3.0, "up to 14 days")])
def test_distances_are_said_in_weeks(furthest: float, words: str) -> None:
    # "Up to 9 days apart" told the visit of the one patient who stands 9 days away.
    c = TimeCounts("response", "response", "day 0", ("response",), "A",
                   (5.0, 14.0, 28.0), (1, 1, 0), (1, 9, 12))  # fmt: skip
    (said,) = guard_times([c], LEAST, furthest)[1]
    assert words in said.words
    assert "9 days" not in said.words


def test_levels_and_errors_of_a_site_stay_there() -> None:
    visits, subjects = made(150)
    subjects["sex"] = np.where(np.arange(150) % 2 == 0, "f", "m")
    subjects.loc[subjects.index[:20], "sex"] = "Jane Doe, mayor"
    study = cut(visits, subjects, 1)[0]
    text = OTHER.replace("treatment * visit", "treatment * visit + sex")
    named = text.replace("levels = { ", 'levels = { sex = ["f", "m"], ')
    with pytest.raises(PlanError, match="'sex' has 'Jane Doe, mayor' at this site"):
        trd.summarise_site(plan(named), "north", study=study)


def test_what_an_error_says_of_rows_is_for_the_site_alone() -> None:
    visits, subjects = made(150)
    subjects["age"] = np.where(np.arange(150) == 0, -3.0, np.linspace(20, 60, 150))
    text = OTHER.replace("treatment * visit", "treatment * visit + log(age)")
    with pytest.warns(DataWarning, match="The mixed model is not summarised"):
        s = trd.summarise_site(plan(text), "north", study=cut(visits, subjects, 1)[0])
    assert s.mixed is None
    assert [w.words for w in s.withheld if w.part == "mixed"] == [
        "Mixed model: not summarised, as it cannot be made of the rows of this site."
    ]


def test_no_field_counts_few_but_what_the_board_is_told() -> None:
    for s in summaries(minimum=LEAST):
        text = s.to_json()
        for w in s.withheld:
            assert not re.search(r"\b[1-4] (of|subjects)\b", w.words)
        values = json.loads(text)
        assert "No other number counts 1 to 4 subjects" in str(s)
        for r in values["rates"]:
            assert all(n == 0 or n >= LEAST for n in (r["n"], r["events"], r["n"] - r["events"]))
        cells = values["mixed"]["cells"]["values"]
        assert all(row[-1] == 0 or row[-1] >= LEAST for row in cells)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["rates"][0].update(events=v["rates"][0]["events"] + 1),
        lambda v: v["rates"].append(v["rates"][0]),
        lambda v: v["rates"].pop(),
        lambda v: v["rates"][0].update(day="28"),
        lambda v: v["times"][0]["n"].__setitem__(0, 10**12),
        lambda v: v["times"].append(v["times"][0]),
        lambda v: v["times"][0].update(causes=["other"]),
        lambda v: v["subjects"].update(TMS=1),
        lambda v: v["mixed"]["cross_products"][0][1].__setitem__(2, 0.0),
        lambda v: v["mixed"]["sums"].update(baseline=3.0),
        lambda v: v["mixed"].update(n=[2 * n for n in v["mixed"]["n"]]),
        lambda v: v["mixed"]["model"].update(covariance="cs"),
        lambda v: v.update(mixed=None),
        lambda v: v.update(reference="ECT"),
        lambda v: v.update(conf_level=0.9),
        lambda v: v.update(minimum="five"),
        lambda v: v.update(patients=[1, 2]),
        lambda v: v.update(checksum="0" * 64),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(
    tmp_path: Path, change: Callable[[Any], Any]
) -> None:
    values = json.loads(summaries()[0].to_json())
    change(values)
    file = tmp_path / "x.json"
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(DataError, match="is not as it was written"):
        trd.read_summary(file)


def test_laying_a_file_out_in_another_way_changes_nothing(tmp_path: Path) -> None:
    first = summaries()[0]
    file = tmp_path / "x.json"
    file.write_text(json.dumps(json.loads(first.to_json()), sort_keys=True), "utf-8")
    assert json.loads(trd.read_summary(file).to_json()) == json.loads(first.to_json())


def test_rounds_that_are_not_as_they_were_written_are_refused(tmp_path: Path) -> None:
    trial = trd.sample_plan("trial")
    question = trd.ask_sites(trial, "hazards", formula="age + baseline")
    answer = trd.answer_sites(trial, question, "north")
    for k, message in enumerate((question, answer)):
        values = json.loads(message.to_json())
        values["formula"] = "age"
        file = tmp_path / f"{k}.json"
        file.write_text(json.dumps(values), "utf-8")
        with pytest.raises(DataError, match="is not as it was written"):
            trd.sites.read_round(file)


def test_rules_versions_and_names_that_differ_are_said() -> None:
    given = summaries()
    other = replace(given[1], rates=tuple(replace(r, label="other") for r in given[1].rates))
    with pytest.raises(SpecError, match=r"count re\w+ by different rules: .*east: other"):
        trd.combine([given[0], other, given[2]])
    with pytest.warns(DataWarning, match=r"different versions of trdstats \(.*east by 9\.9"):
        trd.combine([given[0], replace(given[1], software="9.9"), given[2]])
    with pytest.warns(DataWarning, match="1 pair of sites differs only in case"):
        pooled = trd.combine([given[0], replace(given[1], site="North"), given[2]])
    assert "1 pair of sites differs only in case" in str(pooled)


def test_treatments_written_in_two_ways_are_named() -> None:
    visits, subjects = made(90)
    text = OTHER.replace('levels = { treatment = ["A", "B", "C"] }', "")
    a, b = cut(visits, subjects, 2)
    lower = trd.Study(
        b.visits[["subject", "day", "score"]],
        subjects=b.subjects[["subject"]].assign(
            treatment=b.subjects["treatment"].astype(str).str.lower()
        ),
        scale="MADRS",
        windows=WINDOWS,
    )
    given = [trd.summarise_site(plan(text), n, minimum=1, study=s)
             for n, s in zip(SITES, (a, lower), strict=False)]  # fmt: skip
    with pytest.warns(DataWarning, match="3 groups of treatments differ only in case"):
        trd.combine(given)


def test_one_patient_of_a_site_is_in_no_number_of_its_file() -> None:
    data = part(0)
    five = data.keep(data.subjects["subject"].tolist()[:5])
    s = trd.summarise_site(plan(), "north", study=five)
    assert set(s.subjects.values()) == {0}
    assert (s.rates, s.times, s.mixed) == ((), (), None)
