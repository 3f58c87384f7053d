"""Rounds over sites: what honest and crafted questions may not learn, and cases at the margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from site_plan import RULES, plan_of

import trdstats as trd
from trdstats.errors import (
    DataWarning,
    NotEstimableError,
    PlanError,
    SpecError,
    UnknownNameError,
)
from trdstats.sites import Answer, Question, SiteEstimates

TEXT = (
    """
title = "Clinics"
steps = ["rates", "onset"]
[study]
visits = "v.csv"
scale = "MADRS"
windows = { 14 = 3, 28 = 3 }
"""
    + RULES
    + """reference = "TMS"
horizon = 28
[rates]
outcomes = ["response"]
[sites]
levels = { treatment = ["ECT", "TMS"], sex = ["F", "M"], region = ["a", "b", "c"] }
"""
)
WINDOWS = {14: 3, 28: 3}


def plan(text: str = TEXT) -> trd.Plan:
    return plan_of(text)


def tables(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return visits and subjects of a site: age, sex and treatment matter for the scores."""
    rng = np.random.default_rng(seed)
    subjects = pd.DataFrame({
        "subject": [f"{seed}-{i}" for i in range(n)],
        "treatment": rng.choice(["TMS", "ECT"], n), "sex": rng.choice(["F", "M"], n),
        "age": rng.normal(50, 12, n).round(1), "region": rng.choice(["b", "c"], n),
    })  # fmt: skip
    base = rng.integers(26, 40, n)
    fall = rng.uniform(0.2, 0.9, n) + 0.1 * (subjects["treatment"] == "ECT")
    score = {0: base, 14: base * (1 - 0.6 * fall), 28: base * (1 - fall)}
    visits = pd.concat([
        pd.DataFrame({"subject": subjects["subject"], "day": d, "score": np.rint(s).clip(0)})
        for d, s in score.items()
    ])  # fmt: skip
    return visits, subjects


def site(
    n: int = 150, seed: int = 1, *,
    subjects: Callable[[pd.DataFrame], pd.DataFrame] = lambda s: s,
    visits: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] = lambda v, s: v,
    windows: dict[int, int] | None = WINDOWS,
) -> trd.Study:  # fmt: skip
    v, s = tables(n, seed)
    s = subjects(s)
    return trd.Study(visits(v, s), s, scale="MADRS", windows=windows)


def way(
    question: Question, parts: dict[str, trd.Study], text: str = TEXT, minimum: int = 1
) -> SiteEstimates:
    step: Question | SiteEstimates = question
    while isinstance(step, Question):
        step = trd.next_round(step, [
            trd.answer_sites(plan(text), step, name, minimum=minimum, study=part)
            for name, part in parts.items()
        ])  # fmt: skip
    return step


def first_of(
    n: int, *who: tuple[str, str], where: str = "treatment"
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a change after which so few subjects have a value of a column, the others another."""
    rare, other = who[0]

    def change(s: pd.DataFrame) -> pd.DataFrame:
        return s.assign(**{where: np.where(np.arange(len(s)) < n, rare, other)})

    return change


# Formulas.


@pytest.mark.parametrize(
    "formula",
    ["poly(age, 2)", "I(age ** 2)", "exp(-20 * (age - 40) ** 2)", "treatment:age",
     "treatment * sex", "C(sex)", "center(age)"],
)  # fmt: skip
def test_a_formula_has_columns_joined_by_plus(formula: str) -> None:
    """Functions learn from the rows of one site, and can single out a subject."""
    with pytest.raises(SpecError, match=r"Over sites a formula has columns joined by \+; got"):
        trd.ask_sites(plan(), "hazards", formula=formula)
    asked = replace(trd.ask_sites(plan(), "hazards", formula="age"), formula=formula)
    with pytest.raises(SpecError, match="Over sites a formula has columns joined by"):
        trd.answer_sites(plan(), asked, "a", study=site())


@pytest.mark.parametrize("column", ["time", "status", "left", "right"])
def test_the_outcome_is_no_covariate(column: str) -> None:
    asked = trd.ask_sites(plan(), "hazards", formula=f"age + {column}")
    with pytest.raises(UnknownNameError, match=f"Unknown column of the subjects '{column}'"):
        trd.answer_sites(plan(), asked, "a", study=site())


# Cells of few.


def refused(
    part: trd.Study, analysis: Any = "hazards", formula: str = "treatment + age", text: str = TEXT
) -> str:
    asked = trd.ask_sites(plan(text), analysis, formula=formula)
    loud = trd.answer_sites(plan(text), asked, "a", minimum=1, study=part)
    assert not loud.refused
    assert "Sums of single subjects may be in the file" in repr(loud)
    return trd.answer_sites(plan(text), asked, "a", study=part).refused


def test_a_rare_value_does_not_leave_even_where_it_is_the_reference() -> None:
    rare = site(subjects=first_of(3, ("a", "b"), where="region"))
    assert refused(rare, formula="age + region") == (
        "fewer than 5 subjects have one of the values of 'region'."
    )
    few = site(subjects=first_of(3, ("TMS", "ECT")))
    assert refused(few) == "fewer than 5 subjects have one of the values of 'treatment'."
    coded = site(subjects=lambda s: s.assign(psychosis=(np.arange(len(s)) < 2).astype(float)))
    assert refused(coded, formula="age + psychosis") == (
        "fewer than 5 subjects have one of the values of 'psychosis'."
    )


def test_categories_crossed_with_treatment_or_the_outcome_do_not_leave() -> None:
    def two_women(s: pd.DataFrame) -> pd.DataFrame:
        ect = np.flatnonzero(s["treatment"] == "ECT")
        return s.assign(sex=np.where(np.isin(np.arange(len(s)), ect[2:]), "M", s["sex"]))

    words = refused(site(subjects=two_women), "weighted rates", "age + sex")
    assert words == "fewer than 5 subjects have one of the values of 'sex' x 'treatment'."

    def one_responds(v: pd.DataFrame, s: pd.DataFrame) -> pd.DataFrame:
        ect = s.loc[s["treatment"] == "ECT", "subject"].tolist()
        ill = v["subject"].isin(ect[1:]) & (v["day"] > 0)
        return v.assign(score=v["score"].mask(ill, 30))

    words = refused(site(visits=one_responds))
    assert words == "fewer than 5 subjects have one of the values of 'treatment' x the event."


def test_few_without_a_verdict_or_a_covariate_do_not_leave() -> None:
    def two_unrated(v: pd.DataFrame, s: pd.DataFrame) -> pd.DataFrame:
        ect = s.loc[s["treatment"] == "ECT", "subject"].tolist()[:2]
        return v[~(v["subject"].isin(ect) & (v["day"] == 28))]

    text = TEXT.replace("horizon = 28", 'horizon = 28\nmissing = "observed"')
    words = refused(site(visits=two_unrated), "weighted rates", "age", text)
    assert words.startswith(
        "fewer than 5 subjects have one of the values of 'treatment' x the outc"
    )
    lacking = site(subjects=lambda s: s.assign(age=s["age"].where(np.arange(len(s)) > 1)))
    assert refused(lacking, formula="age").startswith("fewer than 5 subjects lack a covariate")


# Crafted questions.


def second(analysis: Any, part: trd.Study, formula: str = "age + baseline") -> Question:
    first = trd.ask_sites(plan(), analysis, formula=formula)
    step = trd.next_round(first, [trd.answer_sites(plan(), first, "a", study=part)])
    assert isinstance(step, Question)
    return step


def with_numbers(question: Question, **numbers: Any) -> Question:
    arrays = {k: np.asarray(v, dtype=float) for k, v in numbers.items()}
    return replace(question, numbers={**question.numbers, **arrays})


@pytest.mark.parametrize(
    ("analysis", "centre", "at"),
    [("hazards", [78.0, 0.0], [10.0, 0.0]), ("weighted rates", [78.0, 0.0], [0.0, 10.0, 0.0])],
)
def test_coefficients_that_rest_on_few_are_not_answered(
    analysis: str, centre: list[float], at: list[float]
) -> None:
    """A centre and a scale of a tenth of a year would leave one subject of an age."""
    part = site()
    crafted = with_numbers(second(analysis, part), centre=centre, scale=[0.1, 1.0], at=at)
    answer = trd.answer_sites(plan(), crafted, "a", study=part)
    assert answer.refused == "at these coefficients the sums would rest on few subjects."


def test_sums_smaller_than_those_of_the_site_are_not_answered() -> None:
    """Else a sum of weights near that of one subject would single it out."""
    part = site()
    step: Question | SiteEstimates = second("weighted rates", part)
    asked = []
    while isinstance(step, Question):
        asked.append(step)
        step = trd.next_round(step, [trd.answer_sites(plan(), step, "a", study=part)])
    weights, spread = asked[-2], asked[-1]
    assert (weights.stage, spread.stage) == ("weights", "spread")
    small = spread.numbers["weight"] / 100
    for crafted in (
        with_numbers(spread, weight=small),
        with_numbers(spread, weight_met=small[:, None]),
        with_numbers(weights, information=weights.numbers["information"] / 100),
    ):
        answer = trd.answer_sites(plan(), crafted, "a", study=part)
        assert answer.refused == "the question holds sums smaller than those of this site alone."


def test_rows_that_changed_between_rounds_are_not_answered() -> None:
    asked = second("hazards", site())
    answer = trd.answer_sites(plan(), asked, "a", study=site(149))
    assert answer.refused.startswith("its rows are not those of the first round")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": [1.0]}, r"scale has the shape \(1,\) instead of \(2,\)"),
        ({"scale": [0.0, 1.0]}, "scale is not above 0"),
        ({"at": [np.nan, 0.0]}, "at is not finite"),
        ({"at": []}, r"at has the shape \(0,\) instead of \(2,\)"),
    ],
)
def test_questions_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    part = site()
    crafted = with_numbers(second("hazards", part), **change)
    with pytest.raises(SpecError, match=f"The question holds what cannot be: .*{words}"):
        trd.answer_sites(plan(), crafted, "a", study=part)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("stage", "foo", "stage is none of moments, likelihood, weights, spread: 'foo'"),
        ("analysis", None, "analysis is none of hazards, weighted rates: None"),
        ("estimand", "att", "estimand is none of , ate, overlap: 'att'"),
        ("sites", 3, "sites cannot be 3"),
        ("fingerprint", 4, "fingerprint cannot be 4"),
        ("round", 0, "round cannot be 0"),
        ("conf_level", 95.0, "conf_level cannot be 95"),
        ("terms", ("age", 5), "terms cannot be"),
    ],
)
def test_fields_that_cannot_be_are_refused(name: str, value: object, words: str) -> None:
    question = trd.ask_sites(plan(), "hazards", formula="age")
    with pytest.raises(SpecError, match=words):
        replace(question, **{name: value})


def test_answers_that_cannot_be_are_refused() -> None:
    first = trd.ask_sites(plan(), "hazards", formula="age")
    answer = trd.answer_sites(plan(), first, "a", study=site())

    def given(**numbers: object) -> Answer:
        arrays = {k: np.asarray(v, dtype=float) for k, v in numbers.items()}
        return replace(answer, numbers={**answer.numbers, **arrays})

    for wrong, words in (
        (given(sum=[1.0, 2.0]), r"holds what cannot be: sum has the shape \(2,\)"),
        (given(n=[-5.0]), "holds a number of subjects below 0"),
        (given(more=[1.0]), "holds more, which was not asked"),
        (replace(answer, numbers={}), "n is missing; events is missing; sum is missing"),
    ):
        with pytest.raises(SpecError, match=words):
            trd.next_round(first, [wrong])
    asked = trd.next_round(first, answer)  # type: ignore[arg-type]
    assert isinstance(asked, Question)
    later = trd.answer_sites(plan(), asked, "a", study=site())
    with pytest.raises(SpecError, match="The answer of 'a' has other terms, or is of another plan"):
        trd.next_round(asked, [replace(later, terms=("sex",))])


# Numbers at the margin.


@pytest.mark.parametrize("missing", ["nonresponse", "worst", "observed"])
@pytest.mark.parametrize("arm", ["ECT", "TMS"])
def test_a_treatment_that_one_site_did_not_rate_counts_as_in_all_rows(
    missing: str, arm: str
) -> None:
    def unrated(v: pd.DataFrame, s: pd.DataFrame) -> pd.DataFrame:
        who = s.loc[s["treatment"] == arm, "subject"]
        return v[~(v["subject"].isin(who) & (v["day"] == 28))]

    text = TEXT.replace("horizon = 28", f'horizon = 28\nmissing = "{missing}"')
    parts = {"a": site(seed=1), "b": site(seed=2), "c": site(seed=3, visits=unrated)}
    compare_with_all_rows(parts, text, missing)


@pytest.mark.parametrize("missing", ["nonresponse", "worst"])
def test_a_site_without_the_reference_or_without_the_day_counts_as_in_all_rows(
    missing: str,
) -> None:
    def half_rated(v: pd.DataFrame, s: pd.DataFrame) -> pd.DataFrame:
        return v[~((np.arange(len(v)) % 3 == 0) & (v["day"] == 28))]

    text = TEXT.replace("horizon = 28", f'horizon = 28\nmissing = "{missing}"')
    with pytest.warns(DataWarning, match="All subjects have the treatment 'ECT'"):
        one = site(seed=3, subjects=lambda s: s.assign(treatment="ECT"), visits=half_rated)
    none = site(seed=4, visits=lambda v, s: v[v["day"] < 28])
    parts = {"a": site(seed=1), "b": site(seed=2), "c": one, "d": none}
    compare_with_all_rows(parts, text, missing)


def compare_with_all_rows(parts: dict[str, trd.Study], text: str, missing: Any) -> None:
    estimates = way(trd.ask_sites(plan(text), "weighted rates", formula="age + sex"), parts, text)
    whole = trd.Study(
        pd.concat([p.visits[["subject", "day", "score"]].astype({"subject": object})
                   for p in parts.values()]),
        pd.concat([p.subjects.drop(columns="baseline").astype({"subject": object})
                   for p in parts.values()]),
        scale="MADRS", windows=WINDOWS,
    )  # fmt: skip
    weights = trd.PropensityWeights("age + sex", estimand="overlap").fit(whole)
    theirs = trd.rates(
        whole, trd.Response(), day=28, missing=missing, reference="TMS", weights=weights
    ).tidy().query("measure == 'rate'").set_index("treatment")  # fmt: skip
    ours = estimates.tidy().set_index("treatment")
    for column in ("estimate", "std_error"):
        expected = theirs.loc[ours.index, column].to_numpy()
        assert ours[column].to_numpy() == pytest.approx(expected, rel=1e-8)


def test_values_carried_forward_to_a_day_without_ratings_are_refused() -> None:
    text = TEXT.replace("horizon = 28", 'horizon = 28\nmissing = "locf"')
    part = site(visits=lambda v, s: v[~(v["subject"].isin(
        s.loc[s["treatment"] == "ECT", "subject"]) & (v["day"] == 28))])  # fmt: skip
    asked = trd.ask_sites(plan(text), "weighted rates", formula="age")
    answer = trd.answer_sites(plan(text), asked, "a", study=part)
    assert "no subject under ECT has a rating at day 28" in answer.refused


def test_leaving_that_counts_needs_windows() -> None:
    text = TEXT.replace('"ignore"', '"failure"').replace("windows = { 14 = 3, 28 = 3 }\n", "")
    asked = trd.ask_sites(plan(text), "hazards", formula="age")
    answer = trd.answer_sites(plan(text), asked, "a", study=site(windows=None))
    assert answer.refused.startswith("the plan has no windows, so that each site would end")


def test_reference_and_confidence_are_those_of_the_plan() -> None:
    text = TEXT.replace("horizon = 28", "horizon = 28\nconf_level = 0.8")
    parts = {"a": site(seed=1), "b": site(seed=2)}
    found = way(trd.ask_sites(plan(text), "hazards", formula="treatment + age"), parts, text)
    assert found.tidy()["term"].tolist() == ["treatment[T.ECT]", "age"]
    assert set(found.tidy()["conf_level"]) == {0.8}
    assert "Estimate (80 % CI)" in repr(found)
    assert "Reference: TMS." in repr(found)
    assert "Treatments were not randomised; adjusted for age" in repr(found)


def test_a_site_that_did_not_answer_is_named() -> None:
    text = TEXT.replace("[sites]", '[sites]\nnames = ["a", "b", "c"]')
    parts = {"a": site(seed=1), "b": site(seed=2)}
    found = way(trd.ask_sites(plan(text), "hazards", formula="age"), parts, text)
    assert "Without c: it did not answer." in repr(found)


def test_subjects_without_a_covariate_are_counted() -> None:
    lacking = site(seed=2, subjects=lambda s: s.assign(age=s["age"].where(np.arange(len(s)) > 9)))
    found = way(
        trd.ask_sites(plan(), "hazards", formula="age"), {"a": site(), "b": lacking}, minimum=5
    )
    assert "b: 10 subjects lack a covariate and are left out." in repr(found)


def test_a_category_without_events_is_named_soon() -> None:
    def none_respond(v: pd.DataFrame, s: pd.DataFrame) -> pd.DataFrame:
        who = s.loc[s["region"] == "a", "subject"]
        return v.assign(score=v["score"].mask(v["subject"].isin(who) & (v["day"] > 0), 35))

    change = first_of(12, ("a", "b"), where="region")
    parts = {k: site(seed=i, subjects=change, visits=none_respond) for i, k in enumerate("ab")}
    text = TEXT.replace('["a", "b", "c"]', '["b", "a"]')
    asked = trd.ask_sites(plan(text), "hazards", formula="region + age")
    with pytest.raises(NotEstimableError, match=r"region\[T\.a\] predicts the event of some") as e:
        way(asked, parts, text)
    assert e.value is not None
    searched = [t.frame for t in e.traceback if t.name == "go_on"][-1]
    assert searched.f_locals["question"].round < 20


def test_units_that_cannot_be_computed_with_are_refused() -> None:
    for size, words in ((1e160, "whose squares cannot be summed"), (1e-160, "cannot be summed")):
        part = site(subjects=lambda s, size=size: s.assign(dose=s["age"] * size))
        asked = trd.ask_sites(plan(), "hazards", formula="dose")
        with pytest.raises(SpecError, match=words):
            trd.answer_sites(plan(), asked, "a", study=part)
    tiny = site(subjects=lambda s: s.assign(dose=s["age"] * 1e-9))
    with pytest.raises(NotEstimableError, match="of one unit of dose cannot be written"):
        way(trd.ask_sites(plan(), "hazards", formula="dose"), {"a": tiny})


def test_a_site_where_nobody_has_a_covariate_takes_no_part() -> None:
    none = site(seed=2, subjects=lambda s: s.assign(age=np.nan))
    parts = {"a": site(seed=1), "b": none}
    done = way(trd.ask_sites(plan(), "hazards", formula="age"), parts)
    alone = way(trd.ask_sites(plan(), "hazards", formula="age"), {"a": parts["a"]})
    assert "b: no subject of this site has 'age'." in repr(done)
    assert done.tidy()["estimate"].tolist() == alone.tidy()["estimate"].tolist()


def test_weighted_rates_need_rates_in_the_plan() -> None:
    text = TEXT.replace('["rates", "onset"]', '["onset"]').replace(
        '[rates]\noutcomes = ["response"]\n', ""
    )
    with pytest.raises(PlanError, match="The plan has no step `rates` on its first scale"):
        trd.ask_sites(plan(text), "weighted rates", formula="age")
