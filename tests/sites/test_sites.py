"""Hospitals that share summaries: the same numbers as of all rows, and nothing of few patients."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, DataWarning, NotEstimableError, PlanError, SpecError
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.plan.reading.text import plan_from_text
from trdstats.sites import SiteSummary
from trdstats.sites.counts import TimeCounts
from trdstats.sites.disclosure import guard_times
from trdstats.sites.masking import MODULUS, mask_of
from trdstats.sites.patterns import _Columns
from trdstats.sites.ratings import common_patterns
from trdstats.sites.withheld import Withheld

SITES = ("north", "east", "south")
FORMULA = "change ~ baseline * visit + treatment * visit"
DAYS = (7.0, 14.0, 21.0, 28.0)
SECRET = "a secret of the three sites 4711"
TEXT = f"""
title = "Three hospitals"
steps = ["change", "rates", "onset"]
[study]
visits = "visits.csv"
subjects = "subjects.csv"
scale = "MADRS"
windows = {{ 3 = 1, 7 = 1, 14 = 2, 21 = 2, 28 = 3, 42 = 5, 56 = 6, 84 = 10, 112 = 10, 168 = 13 }}
[definitions]
response = {{ reduction = 0.5 }}
remission = {{ at_most = 10 }}
relapse = {{ at_least = 22 }}
[analysis]
acute_end = 28
rate_days = [28]
reference = "TMS"
horizon = 168
after_switch = "ignore"
[change]
formula = "{FORMULA}"
days = [7, 14, 21, 28]
[sites]
names = {json.dumps(SITES)}
levels = {{ treatment = ["TMS", "ECT", "IV ketamine"] }}
"""


def plan(text: str = TEXT, folder: Path = Path()) -> trd.Plan:
    return plan_from_text(text, folder)


@cache
def study() -> trd.Study:
    return trd.load_sample("trial")


@cache
def part(k: int) -> trd.Study:
    return study().keep(study().subjects["subject"].tolist()[k::3])


def summaries(minimum: int = 1, **options: Any) -> list[SiteSummary]:
    return [
        trd.summarise_site(plan(), name, minimum=minimum, study=part(k), **options)
        for k, name in enumerate(SITES)
    ]


def through_files(given: list[SiteSummary], folder: Path) -> list[SiteSummary]:
    for s in given:
        s.to_json(folder / f"{s.site}.json")
    return [trd.read_summary(folder / f"{s.site}.json") for s in given]


@cache
def everything() -> trd.combine:  # type: ignore[valid-type]
    return trd.combine(summaries())


def test_rates_are_those_of_all_rows() -> None:
    for outcome, definition in (("response", plan().response), ("remission", plan().remission)):
        whole = trd.rates(study(), definition, day=28, reference="TMS").tidy()
        table = everything().rates()
        own = table[table["outcome"] == outcome].reset_index(drop=True)
        for measure in ("rate", "difference", "ratio", "odds ratio"):
            a, b = (t[t["measure"] == measure] for t in (own, whole))
            np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-12)
        a, b = (t[t["measure"] == "difference"] for t in (own, whole))
        for column in ("conf_low", "conf_high", "p_value"):
            np.testing.assert_allclose(a[column], b[column], rtol=1e-10)


@pytest.mark.parametrize("outcome", ["response", "remission", "relapse"])
def test_curves_tests_and_hazards_are_those_of_all_rows(outcome: str, tmp_path: Path) -> None:
    pooled = trd.combine(through_files(summaries(), tmp_path)).times(outcome)
    p = plan()
    if outcome == "relapse":
        whole = trd.time_to(study(), p.relapse, since=p.response, competing="left follow-up",
                            after_switch="ignore")  # fmt: skip
    else:
        whole = trd.time_to(study(), p.definition(outcome), after_switch="ignore")
    where = {s: SITES[k] for k in range(3) for s in part(k).subjects["subject"]}
    whole = trd.EventTimes.of_valid(
        whole.frame.assign(site=whole.frame["subject"].astype(object).map(where)),
        causes=whole.causes,
    )
    for make in (trd.KaplanMeier(), trd.AalenJohansen()):
        a, b = (make.fit(t).at([14, 28, 56, 84])["estimate"] for t in (pooled, whole))
        np.testing.assert_allclose(a, b, atol=1e-12)
    for spec in (trd.LogRank(), trd.LogRank(strata="site")):
        a, b = (spec.fit(t).glance()["statistic"].item() for t in (pooled, whole))
        assert a == pytest.approx(b, abs=1e-10)
    a, b = (trd.CoxPH("treatment", strata="site").fit(t).tidy() for t in (pooled, whole))
    np.testing.assert_allclose(a["estimate"], b["estimate"], atol=1e-8)
    np.testing.assert_allclose(a["std_error"], b["std_error"], atol=1e-8)


def test_the_mixed_model_is_that_of_all_rows_with_kenward_and_roger(tmp_path: Path) -> None:
    fit = trd.combine(through_files(summaries(), tmp_path)).mixed()
    whole = trd.MMRM(FORMULA).fit(study().longitudinal(list(DAYS)))
    a, b = (
        f.margins("treatment", by="visit").contrasts(reference="TMS").tidy() for f in (fit, whole)
    )
    for column in ("estimate", "std_error", "df", "p_value"):
        np.testing.assert_allclose(a[column], b[column], rtol=1e-8)


def test_a_summary_of_few_holds_no_number_of_few() -> None:
    least = 5
    for s in summaries(minimum=least):
        for r in s.rates:
            assert r.events == 0 or r.events >= least
            assert r.n - r.events == 0 or r.n - r.events >= least
        for t in s.times:
            assert min(t.n) >= least
        assert all(n == 0 or n >= least for n in s.subjects.values())
        assert s.mixed is not None
        columns = _Columns.of(s.mixed)
        assert columns is not None
        p: CrossProducts = s.mixed.products
        for k in range(len(p.n)):
            assert not columns.is_risky(float(p.n[k]), p.cross_products[k], least)


def test_rare_patterns_give_up_ratings_and_the_model_moves_within_its_error() -> None:
    given = summaries(minimum=5)
    assert any("some of their ratings only" in w.words for s in given for w in s.withheld)
    fit = trd.combine(given).mixed()
    whole = trd.MMRM(FORMULA).fit(study().longitudinal(list(DAYS)))
    a, b = (
        f.margins("treatment", by="visit").contrasts(reference="TMS").tidy() for f in (fit, whole)
    )
    # Ratings given up at random add noise, the more the smaller the sites; they do not bias.
    assert (np.abs(a["estimate"] - b["estimate"]) < 0.6 * b["std_error"]).all()
    assert (a["std_error"] < 1.15 * b["std_error"]).all()
    # Where 1 to 4 of a treatment have no rating, 5 are left out; otherwise none is.
    rows = study().longitudinal(list(DAYS)).dropna(subset="change")
    for k, s in enumerate(given):
        subjects = part(k).subjects
        lacks = ~subjects["subject"].isin(rows["subject"])
        few = lacks.groupby(subjects["treatment"], observed=True).sum()
        expected = len(subjects) - sum(max(5, int(n)) for n in few if n)
        assert s.mixed is not None
        assert s.mixed.products.n.sum() == expected


def test_a_withheld_count_is_not_pooled_from_the_other_sites() -> None:
    # Few remissions are withheld just because they are few: the rest would show too many.
    given = summaries(minimum=5)
    lacking = {(w.outcome, w.treatment) for s in given for w in s.withheld if w.part == "rates"}
    assert ("remission", "TMS") in lacking
    table = trd.combine(given).rates()
    row = table[(table["outcome"] == "remission") & (table["treatment"] == "TMS")].iloc[0]
    assert np.isnan(row["estimate"])
    assert row["reason"].startswith("withheld at ")
    compared = table[(table["outcome"] == "remission") & (table["measure"] == "difference")]
    assert compared["estimate"].isna().all()
    assert compared["reason"].str.contains("TMS: withheld at").all()


def test_times_that_one_site_withheld_leave_their_treatment_out() -> None:
    given = summaries(minimum=5)
    with pytest.raises(NotEstimableError, match="the other sites alone would mislead"):
        trd.combine(given).times("relapse")
    assert "relapse_curves" not in trd.combine(given).tables()


def test_masked_counts_show_their_sum_alone(tmp_path: Path) -> None:
    hidden = through_files(summaries(minimum=5, secret=SECRET), tmp_path)
    plain = summaries()
    for a, b in zip(hidden, plain, strict=True):
        assert all(r.events > 10**9 and r.n > 10**9 for r in a.rates)
        assert len(a.rates) == len(b.rates)
    one, two = trd.combine(hidden).rates(), trd.combine(plain).rates()
    pd.testing.assert_frame_equal(one, two)
    assert "Subjects  270" in str(trd.combine(hidden))
    with pytest.raises(SpecError, match="missing: south"):
        trd.combine(hidden[:2])
    with pytest.raises(SpecError, match="not masked: south"):
        trd.combine([*hidden[:2], plain[2]])
    assert "masked" in str(hidden[0])


def test_masks_sum_to_0_and_need_three_sites() -> None:
    masks = [mask_of(SECRET, SITES, s, "n response 28 ECT") for s in SITES]
    assert sum(masks) % MODULUS == 0
    assert len({*masks, 0}) == 4
    with pytest.raises(SpecError, match="three sites or more"):
        mask_of(SECRET, SITES[:2], "north", "x")
    with pytest.raises(SpecError, match="16 characters"):
        mask_of("short", SITES, "north", "x")


def test_days_with_few_join_the_next_by_hand() -> None:
    days, status, n = (7.0, 14.0, 21.0, 28.0, 28.0), (1, 1, 1, 1, 0), (3, 4, 6, 2, 9)
    counts = TimeCounts("response", "response", "day 0", ("response",), "A", days, status, n)
    (kept,), words = guard_times([counts], 5, 28)
    # 3 + 4 on day 14; 6 on day 21; the 2 of day 28 go back to day 21 rather than the 6 on to 28.
    assert (kept.time, kept.status, kept.n) == ((14.0, 21.0, 28.0), (1, 1, 0), (7, 8, 9))
    assert "5 of 24 subjects stand on another day than their own, at most 7 days" in words[0].words
    assert not words[0].is_missing
    _, withheld = guard_times([counts], 5, 3)
    assert "withheld, as days with 5 subjects lie up to 7 days from" in withheld[0].words
    assert "the plan allows 3." in withheld[0].words


def test_one_file_summarised_as_two_sites_is_named() -> None:
    given = summaries()
    first, second = (s.site for s in given[:2])
    again = trd.summarise_site(plan(), second, minimum=1, study=part(0))
    words = f"The summaries of '{first}' and '{second}' hold the same counts and event times"
    with pytest.warns(DataWarning, match=words):
        together = trd.combine([given[0], again, *given[2:]])
    assert words in str(together)
    assert words not in str(trd.combine(given))


def test_sites_of_the_plan_without_a_summary_are_named() -> None:
    given = summaries()
    words = f"The plan names sites without a summary here: {given[1].site}."
    assert words in str(trd.combine([given[0], *given[2:]]))
    assert "without a summary" not in str(trd.combine(given))


def test_other_plans_sites_and_levels_are_refused() -> None:
    given = summaries()
    with pytest.raises(SpecError, match="Two summaries are of the site 'north'"):
        trd.combine([given[0], given[0]])
    other = plan(TEXT.replace("at_most = 10", "at_most = 8"))
    strange = trd.summarise_site(other, "east", minimum=1, study=part(1))
    with pytest.raises(SpecError, match="different plans: north: Three hospitals"):
        trd.combine([given[0], strange])
    with pytest.raises(PlanError, match="does not name the site 'west'"):
        trd.summarise_site(plan(), "west", study=part(0))
    with pytest.raises(SpecError, match="takes summaries of sites"):
        trd.combine([])
    elsewhere = plan(TEXT.replace('"visits.csv"', '"other.csv"'))
    same = trd.summarise_site(elsewhere, "east", minimum=1, study=part(1))
    assert trd.combine([given[0], same]).sites == ("north", "east")


def test_sites_with_other_levels_say_what_to_write() -> None:
    loose = plan(TEXT.replace("levels", "#"))
    one = trd.summarise_site(loose, "north", minimum=1, study=part(0).only(["TMS", "ECT"]))
    two = trd.summarise_site(loose, "east", minimum=1, study=part(1))
    with pytest.raises(SpecError, match=r"\[sites\] levels = \{ treatment"):
        trd.combine([one, two]).mixed()


def test_files_that_are_no_summaries(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for text, words in (
        ("{", "cannot be read"), ("[]", "is no summary"),
        ('{"format": "trdstats site summary", "version": 9}', "of version 9"),
        ('{"format": "trdstats site summary", "version": 1}', "of version 1; this one reads"),
        ('{"format": "trdstats site summary", "version": 2}', "lacks a part"),
    ):  # fmt: skip
        file.write_text(text, "utf-8")
        with pytest.raises(DataError, match=words):
            trd.read_summary(file)
    with pytest.raises(DataError, match="cannot be read"):
        trd.read_summary(tmp_path / "none.json")


def test_a_file_holds_no_identifier(tmp_path: Path) -> None:
    text = summaries()[0].to_json(tmp_path / "north.json")
    for name in part(0).subjects["subject"].astype(str):
        assert f'"{name}"' not in text
    assert "No row of a subject, no identifier" in str(summaries()[0])


def test_the_command_line(tmp_path: Path) -> None:
    runner = CliRunner()
    files = []
    for k, name in enumerate(SITES):
        folder = tmp_path / name
        folder.mkdir()
        s = part(k)
        s.visits[["subject", "day", "score"]].to_csv(folder / "visits.csv", index=False)
        s.subjects.to_csv(folder / "subjects.csv", index=False)
        text = TEXT.replace("[definitions]", 'baseline = "baseline"\n[definitions]')
        (folder / "plan.toml").write_text(text, "utf-8")
        files.append(str(tmp_path / f"{name}.json"))
        result = runner.invoke(
            main, ["summarise", str(folder / "plan.toml"), "--site", name, "--minimum", "1",
                   "--out", files[-1]],
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert f"Summary of site {name}" in result.output
    out = tmp_path / "together"
    result = runner.invoke(main, ["combine", *files, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "All sites together" in result.output
    made = {p.stem for p in out.glob("*.csv")}
    assert {"rates", "response_curves", "response_hazards", "change_differences"} <= made
    wrong = runner.invoke(main, ["combine", files[0], files[0]])
    assert wrong.exit_code == 2
    assert "Two summaries are of the site" in wrong.output


def test_ratings_given_up_do_not_bias() -> None:
    """60 sites of 60: the mean of the last visit with all ratings and with those shared."""
    gaps = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, T = 60, 4
        level = rng.normal(size=n) * 4
        score = 20 + level[:, None] + rng.normal(size=(n, T)) * 3
        seen = rng.random((n, T)) < 0.85
        frame = pd.DataFrame({
            "subject": np.repeat(np.arange(n), T),
            "visit": pd.Categorical(np.tile(np.arange(T), n)),
            "arm": np.repeat(rng.choice(["A", "B"], n), T),
            "y": np.where(seen, score, np.nan).ravel(),
        })  # fmt: skip
        shared = common_patterns(frame, "y", ["arm"], 5)
        reduced = frame.assign(y=frame["y"].where(shared.kept))
        last = frame["visit"] == T - 1
        gaps.append(reduced.loc[last, "y"].mean() - frame.loc[last, "y"].mean())
        assert shared.n_lost < 12
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps))


def made(n: int = 90, *, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits and subjects of three arms A, B and C, and a missed visit here and there."""
    rng = np.random.default_rng(seed)
    days = np.array([0, 7, 14, 21, 28, 42, 56])
    start, fall = rng.integers(24, 45, n), rng.uniform(0, 1, n)
    score = start[:, None] * (1 - fall[:, None] * np.minimum(days / 28, 1.0))
    score = np.clip(np.rint(score + rng.normal(0, 3, score.shape)), 0, 60)
    score[:, 0] = start
    names = [f"P{i:03d}" for i in range(n)]
    visits = pd.DataFrame({"subject": np.repeat(names, len(days)), "day": np.tile(days, n),
                           "score": score.ravel()})  # fmt: skip
    visits = visits[(rng.random(len(visits)) < 0.9) | (visits["day"] == 0)]
    return visits, pd.DataFrame(
        {"subject": names, "treatment": np.array(list("ABC"))[np.arange(n) % 3]}
    )


def cut(visits: pd.DataFrame, subjects: pd.DataFrame, k: int) -> list[trd.Study]:
    """Return studies of k sites."""
    studies = []
    for i in range(k):
        own = subjects[np.arange(len(subjects)) // 3 % k == i]
        rows = visits[visits["subject"].isin(own["subject"])]
        studies.append(trd.Study(rows, subjects=own, scale="MADRS", windows=WINDOWS))
    return studies


WINDOWS = {7: 3, 14: 3, 21: 3, 28: 3, 42: 6, 56: 6}
OTHER = TEXT.replace('"TMS"', '"B"', 1).replace('["TMS", "ECT", "IV ketamine"]', '["A", "B", "C"]')
OTHER = OTHER.replace('reference = "TMS"', 'reference = "B"')


def together(text: str, studies: list[trd.Study], minimum: int = 1) -> Any:
    p = plan(text)
    return trd.combine([trd.summarise_site(p, s, minimum=minimum, study=data)
                        for s, data in zip(SITES, studies, strict=False)])  # fmt: skip


def test_the_worst_case_favours_the_reference_of_the_plan() -> None:
    visits, subjects = made()
    text = OTHER.replace("[change]", 'missing = "worst"\n[change]')
    pooled = together(text, cut(visits, subjects, 3)).rates()
    whole = trd.Study(visits, subjects=subjects, scale="MADRS", windows=WINDOWS)
    expected = trd.rates(whole, plan(text).response, day=28, missing="worst", reference="B")
    rows = pooled[(pooled["outcome"] == "response") & (pooled["measure"] == "rate")]
    counts = expected.counts.set_index(expected.counts["treatment"].astype(str))
    assert rows.set_index("treatment")["events"].to_dict() == counts["events"].to_dict()


def test_limits_and_adjustment_are_those_of_the_plan() -> None:
    visits, subjects = made()
    text = OTHER.replace(
        "[change]", 'conf_level = 0.9\ndifference = "newcombe"\n[change]\nadjust = "holm"'
    )
    studies = cut(visits, subjects, 3)
    pooled = together(text, studies)
    whole = trd.Study(visits, subjects=subjects, scale="MADRS", windows=WINDOWS)
    expected = trd.rates(whole, plan(text).response, day=28, reference="B", conf_level=0.9,
                         difference="newcombe").tidy()  # fmt: skip
    a = pooled.rates().query("outcome == 'response' and measure == 'difference'")
    b = expected[expected["measure"] == "difference"]
    np.testing.assert_allclose(a["conf_low"], b["conf_low"], rtol=1e-10)
    table = pooled.tables()["change_differences"]
    assert (table["conf_level"] == 0.9).all()
    full = trd.MMRM(FORMULA).fit(whole.longitudinal(list(DAYS)))
    contrasts = full.margins("treatment", by="visit").contrasts(reference="B", adjust="holm")
    np.testing.assert_allclose(table["p_value"], contrasts.tidy()["p_value"], rtol=1e-7)


def test_leaving_needs_the_windows_of_the_plan() -> None:
    visits, subjects = made()
    study = trd.Study(visits, subjects=subjects, scale="MADRS")
    text = OTHER.replace(OTHER[OTHER.index("windows") :].split("\n")[0] + "\n", "")
    s = trd.summarise_site(plan(text), "north", minimum=1, study=study)
    assert not [t for t in s.times if t.outcome == "relapse"]
    assert any("has no windows: who left early" in w.words for w in s.withheld)
    with pytest.raises(NotEstimableError, match="withheld"):
        trd.combine([s]).times("relapse")


def test_plans_that_count_otherwise_have_another_fingerprint() -> None:
    visits, subjects = made()
    study = cut(visits, subjects, 1)[0]
    one = trd.summarise_site(plan(OTHER), "north", minimum=1, study=study)
    rule = OTHER.replace('scale = "MADRS"', 'scale = "MADRS"\nduplicates = "last"')
    two = trd.summarise_site(plan(rule), "east", minimum=1, study=study)
    with pytest.raises(SpecError, match="different plans"):
        trd.combine([one, two])


def test_other_secrets_are_told() -> None:
    hidden = [
        trd.summarise_site(plan(), name, study=part(k), secret=SECRET if k else "x" * 20)
        for k, name in enumerate(SITES)
    ]
    with pytest.raises(SpecError, match="with different secrets"):
        trd.combine(hidden)


def test_a_number_of_two_values_is_a_category() -> None:
    visits, subjects = made(150)
    subjects["sex12"] = np.where(np.arange(150) == 3, 2, 1)
    study = cut(visits, subjects, 1)[0]
    text = OTHER.replace(FORMULA, FORMULA + " + sex12")
    s = trd.summarise_site(plan(text), "north", study=study)
    assert s.mixed is None
    assert any(
        "fewer than 5 subjects have one of the values of 'sex12'" in w.words for w in s.withheld
    )


def test_typed_text_leaves_no_site() -> None:
    visits, subjects = made(150)
    subjects["note"] = np.where(np.arange(150) % 2 == 0, "Jane Doe, mayor", "none")
    study = cut(visits, subjects, 1)[0]
    text = OTHER.replace(FORMULA, FORMULA + " + note")
    s = trd.summarise_site(plan(text), "north", study=study)
    assert "Jane Doe" not in s.to_json()
    assert any("texts of this site" in w.words for w in s.withheld)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_totals_that_differ_by_few_are_withheld() -> None:
    visits, subjects = made(150)
    no_baseline = subjects["subject"][subjects["treatment"] == "C"][:2]
    visits = visits[~(visits["subject"].isin(no_baseline) & (visits["day"] == 0))]
    s = trd.summarise_site(plan(OTHER), "north", study=cut(visits, subjects, 1)[0])
    totals = [s.subjects["C"], *(sum(t.n) for t in s.times if t.treatment == "C")]
    gaps = {abs(a - b) for a in totals for b in totals}
    assert not gaps & {1, 2, 3, 4}
    words = s.to_json()
    assert '"left_out": {}' in words
    numbers = [w.words for w in s.withheld]
    assert not any(
        f" {n} of " in w or w.startswith(f"{n} subject") for w in numbers for n in (1, 2, 3, 4)
    )


@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_sites_without_what_others_have_can_take_part() -> None:
    visits, subjects = made()
    studies = cut(visits, subjects, 2)
    first = studies[0]
    in_c = first.subjects["subject"][first.subjects["treatment"] == "C"].astype(str)
    rows = visits[visits["subject"].isin(first.subjects["subject"].astype(str))]
    without = rows[~(rows["subject"].isin(in_c) & (rows["day"] == 28))]
    own = subjects[subjects["subject"].isin(rows["subject"])]
    few = trd.Study(without, subjects=own, scale="MADRS", windows=WINDOWS)
    pooled = together(OTHER, [few, studies[1]]).rates()
    both = visits.drop(rows.index).pipe(lambda f: pd.concat([without, f]))
    whole = trd.Study(both, subjects=subjects, scale="MADRS", windows=WINDOWS)
    expected = trd.rates(whole, plan(OTHER).response, day=28, reference="B").counts
    a = pooled.query("outcome == 'response' and measure == 'rate'").set_index("treatment")
    for row in expected.itertuples():
        assert (a.loc[row.treatment, "n"], a.loc[row.treatment, "events"]) == (row.n, row.events)
    same = visits.assign(score=30.0)
    none = trd.Study(same, subjects=subjects, scale="MADRS", windows=WINDOWS)
    s = trd.summarise_site(plan(OTHER), "south", minimum=1, study=none)
    assert {r.events for r in s.rates} == {0}


def test_all_counts_withheld_is_said(tmp_path: Path) -> None:
    visits, subjects = made(9)
    s = trd.summarise_site(plan(OTHER), "north", study=cut(visits, subjects, 1)[0])
    table = trd.combine(through_files([s], tmp_path)).rates()
    assert table["estimate"].isna().all()
    assert (table["reason"] != "").all()
    assert "rates" in trd.combine([s]).tables()


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["rates"][0].update(n="a"),
        lambda v: v["rates"][0].update(events=10**6),
        lambda v: v["times"][0].update(n=[20]),
        lambda v: v["times"][0].update(status=[9] * len(v["times"][0]["status"])),
        lambda v: v["mixed"].update(n=[-5.0] * len(v["mixed"]["n"])),
        lambda v: v["mixed"].update(n=["a"]),
        lambda v: v["mixed"].update(rows=0),
        lambda v: v["mixed"].update(rated=[[1], [1, 0]]),
        lambda v: v["mixed"].update(group=[7] * len(v["mixed"]["group"])),
        lambda v: v.update(subjects=[1]),
        lambda v: v.update(site=5),
        lambda v: v.update(fingerprint=None),
    ],
)
def test_files_that_were_changed_are_refused(tmp_path: Path, change: Any) -> None:
    values = json.loads(summaries()[0].to_json())
    change(values)
    file = tmp_path / "x.json"
    file.write_text(json.dumps(values), "utf-8")
    with pytest.raises(DataError, match=r"cannot be|strange"):
        trd.read_summary(file)


def test_logarithms_and_numeric_labels(tmp_path: Path) -> None:
    visits, subjects = made()
    text = OTHER.replace(FORMULA, "change ~ log(baseline) * visit + treatment * visit")
    given = [trd.summarise_site(plan(text), s, minimum=1, study=d)
             for s, d in zip(SITES, cut(visits, subjects, 3), strict=True)]  # fmt: skip
    fit = trd.combine(through_files(given, tmp_path)).mixed()
    whole = trd.Study(visits, subjects=subjects, scale="MADRS", windows=WINDOWS)
    full = trd.MMRM("change ~ log(baseline) * visit + treatment * visit").fit(
        whole.longitudinal(list(DAYS))
    )
    a, b = (f.margins("treatment", by="visit").tidy()["estimate"] for f in (fit, full))
    np.testing.assert_allclose(a, b, rtol=1e-8)
    coded = subjects.assign(treatment=subjects["treatment"].map({"A": 1.0, "B": 2.0, "C": 3.0}))
    numbers = OTHER.replace('["A", "B", "C"]', "[1, 2, 3]").replace(
        'reference = "B"', "reference = 2.0"
    )
    table = together(numbers, cut(visits, coded, 3))
    assert table.rates().query("measure == 'difference'")["reference"].unique().tolist() == ["2"]
    assert "change_differences" in table.tables()


def test_a_visit_that_no_subject_of_a_site_attended_counts_as_missing() -> None:
    visits, subjects = made()
    first, second = cut(visits, subjects, 2)
    names = first.subjects["subject"].astype(str)
    rows = visits[visits["subject"].isin(names) & (visits["day"] != 28)]
    own = subjects[subjects["subject"].isin(names)]
    few = trd.Study(rows, subjects=own, scale="MADRS", windows=WINDOWS)
    pooled = together(OTHER, [few, second])
    both = pd.concat([rows, visits[~visits["subject"].isin(names)]])
    whole = trd.Study(both, subjects=subjects, scale="MADRS", windows=WINDOWS)
    expected = trd.rates(whole, plan(OTHER).response, day=28, reference="B").counts
    a = pooled.rates().query("outcome == 'response' and measure == 'rate'").set_index("treatment")
    for row in expected.itertuples():
        assert (a.loc[row.treatment, "n"], a.loc[row.treatment, "events"]) == (row.n, row.events)
    # The model of all sites says which of them it lacks, wherever it is printed.
    assert "Without north (no sums sent)" in str(pooled.mixed())
    assert any("not summarised. No rating falls in the window of day 28" in w.words
               for w in pooled.summaries[0].withheld)  # fmt: skip


def test_times_say_which_treatment_a_site_withheld() -> None:
    given = summaries()
    lacking = Withheld("times", "withheld", "response", "ECT")
    north = replace(given[0], withheld=(lacking,),
                    times=tuple(t for t in given[0].times if t.treatment != "ECT"))  # fmt: skip
    times = trd.combine([north, *given[1:]]).times("response")
    assert "ECT" not in times.treatments
    assert "Without ECT (withheld at north)" in str(trd.KaplanMeier().fit(times))
