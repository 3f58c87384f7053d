"""Regressions over sites that share no rows: the numbers of all rows, nothing of few patients."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from site_plan import RULES, plan_of

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, NotEstimableError, PlanError, SpecError
from trdstats.sites import Answer, Question, SiteEstimates
from trdstats.sites.rounds.search import go_on
from trdstats.sites.sealed import sealed

SITES = ("east", "north", "south")
TEXT = (
    """
title = "Three clinics"
steps = ["rates", "onset"]
[study]
sample = "modalities"
"""
    + RULES
    + """reference = "TMS"
horizon = 84
adjust = "age + sex + failed_trials + baseline"
[sites]
levels = { treatment = ["TMS", "ECT", "IV ketamine"], sex = ["F", "M"] }
"""
)
COVARIATES = "age + sex + failed_trials + baseline"


def plan(text: str = TEXT) -> trd.Plan:
    return plan_of(text)


@cache
def study() -> trd.Study:
    """Return the patients of three treatments who could have had any of them."""
    whole = trd.load_sample("modalities").only(["TMS", "ECT", "IV ketamine"])
    s = whole.subjects
    inside = s["baseline"].between(26, 40) & s["failed_trials"].between(2, 7)
    return whole.keep(s.loc[inside, "subject"].tolist())


def site_of() -> dict[object, str]:
    return {s: SITES[k % 3] for k, s in enumerate(study().subjects["subject"])}


@cache
def parts() -> dict[str, trd.Study]:
    names = study().subjects["subject"].tolist()
    return {site: study().keep(names[k::3]) for k, site in enumerate(SITES)}


def answers(question: Question, minimum: int = 1, text: str = TEXT) -> list[Answer]:
    return [
        trd.answer_sites(plan(text), question, name, minimum=minimum, study=part)
        for name, part in parts().items()
    ]


def whole_way(question: Question, minimum: int = 1, text: str = TEXT) -> tuple[SiteEstimates, int]:
    rounds = 0
    step: Question | SiteEstimates = question
    while isinstance(step, Question):
        rounds += 1
        step = trd.next_round(step, answers(step, minimum, text))
    return step, rounds


@pytest.mark.parametrize("outcome", ["response", "remission"])
def test_hazards_are_those_of_all_rows_stratified_by_site(outcome: str) -> None:
    estimates, rounds = whole_way(trd.ask_sites(plan(), "hazards", outcome=outcome))
    times = trd.time_to(study(), plan().definition(outcome))
    frame = times.frame.assign(
        site=times.frame["subject"].map(site_of()),
        treatment=times.frame["treatment"].cat.set_categories(["TMS", "ECT", "IV ketamine"]),
    )
    fit = trd.CoxPH(f"treatment + {COVARIATES}", strata="site").fit(trd.EventTimes(frame)).tidy()
    table = estimates.tidy()
    assert table["term"].tolist() == fit["term"].tolist()
    # The search ends where a step changes 1e-7 of a standard deviation, and takes that step, too.
    assert np.log(table["estimate"]).to_numpy() == pytest.approx(fit["estimate"], rel=1e-8)
    assert table["std_error"].to_numpy() == pytest.approx(fit["std_error"], rel=1e-8)
    assert table["p_value"].to_numpy() == pytest.approx(fit["p_value"], rel=1e-7)
    assert rounds <= 7


@pytest.mark.parametrize("estimand", ["ate", "overlap"])
def test_weighted_rates_are_those_of_all_rows(estimand: str) -> None:
    estimates, rounds = whole_way(trd.ask_sites(plan(), "weighted rates", estimand=estimand))
    weights = trd.PropensityWeights(
        COVARIATES,
        estimand=estimand,
        on_violation="overlap",  # type: ignore[arg-type]
    ).fit(study())
    assert not weights.violations  # all are weighted here, as sites cannot look for them
    for outcome in ("response", "remission"):
        rates = trd.rates(study(), plan().definition(outcome), day=28, weights=weights)
        theirs = rates.tidy().query("measure == 'rate'").set_index("treatment")
        ours = estimates.tidy().query("outcome == @outcome").set_index("treatment")
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            expected = theirs.loc[ours.index, column].to_numpy()
            assert ours[column].to_numpy() == pytest.approx(expected, rel=1e-8), column
    pair = rates.compare(reference="TMS").tidy().query("measure == 'difference'")
    ours = (
        estimates.estimates().only(outcome="remission").compare("treatment", reference="TMS").tidy()
    )
    merged = ours.merge(pair, on="treatment", suffixes=("", "_all"))
    assert len(merged) == 2
    assert merged["std_error"].to_numpy() == pytest.approx(merged["std_error_all"], rel=1e-8)
    assert merged["p_value"].to_numpy() == pytest.approx(merged["p_value_all"], rel=1e-6)
    assert rounds <= 12
    assert "ranges of a covariate in which a treatment is never given" in repr(estimates)
    assert "weights balance only what was measured" in repr(estimates)


def test_the_commands_lead_from_a_question_to_the_estimates(tmp_path: Path) -> None:
    for name, part in parts().items():
        folder = tmp_path / name
        folder.mkdir()
        part.visits[["subject", "day", "score"]].to_csv(folder / "visits.csv", index=False)
        part.subjects.drop(columns="baseline").to_csv(folder / "subjects.csv", index=False)
        files = 'visits = "visits.csv"\nsubjects = "subjects.csv"\nscale = "MADRS"'
        text = TEXT.replace('sample = "modalities"', files).replace("[study]", "[study]\n")
        (folder / "plan.toml").write_text(text, "utf-8")

    def run(*words: object) -> str:
        done = CliRunner().invoke(main, [str(w) for w in words])
        assert done.exit_code == 0, done.output
        return done.output

    question = tmp_path / "question-1.json"
    run("ask", tmp_path / "north" / "plan.toml", "--out", question)
    for _ in range(12):
        files = []
        for name in SITES:
            files.append(tmp_path / f"{name}-{question.stem}.json")
            shown = run(
                "answer", tmp_path / name / "plan.toml", question, "--site", name,
                "--out", files[-1], "--minimum", 1,
            )  # fmt: skip
            assert "Every number is a sum over subjects of the site" in shown
        shown = run("next", question, *files)
        question = tmp_path / f"question-{int(question.stem.split('-')[1]) + 1}.json"
        if "Hazard ratios" in shown:
            break
    written = pd.read_csv(tmp_path / "estimates.csv")
    frame = trd.time_to(study(), plan().response).frame
    times = trd.EventTimes(frame.assign(site=frame["subject"].map(site_of())))
    fit = trd.CoxPH(f"treatment + {COVARIATES}", strata="site").fit(times).tidy()
    age = fit.set_index("term").loc["age", "hazard_ratio"]
    assert written.set_index("term").loc["age", "estimate"] == pytest.approx(age, rel=1e-8)
    again = trd.read_round(files[0])
    assert isinstance(again, Answer)
    assert again.asked in {q.mark for q in _questions(tmp_path)}


def _questions(folder: Path) -> list[Question]:
    read = [trd.read_round(p) for p in sorted(folder.glob("question-*.json"))]
    return [q for q in read if isinstance(q, Question)]


def test_a_question_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    question = trd.next_round(first := trd.ask_sites(plan(), "weighted rates"), answers(first))
    assert isinstance(question, Question)
    question.to_json(tmp_path / "q.json")
    read = trd.read_round(tmp_path / "q.json")
    assert isinstance(read, Question)
    assert read.mark == question.mark
    assert "the coefficients of the question" in repr(read)
    assert "east, north, south" in repr(read)


# What a site does not answer.


def small(question: Question, keep: int, minimum: int = 5, text: str = TEXT) -> Answer:
    part = parts()["north"]
    some = part.keep(part.subjects["subject"].tolist()[:keep])
    return trd.answer_sites(plan(text), question, "north", minimum=minimum, study=some)


def test_a_site_with_few_patients_a_term_takes_no_part_and_is_named() -> None:
    first = trd.ask_sites(plan(), "hazards")
    answer = small(first, 30)
    assert answer.refused == "there are fewer than 10 subjects for each of the 6 terms."
    assert not answer.numbers
    assert "No number leaves the site: there are fewer than 10 subjects" in repr(answer)
    others = [a for a in answers(first) if a.site != "north"]
    step: Question | SiteEstimates = trd.next_round(first, [*others, answer])
    while isinstance(step, Question):
        assert step.sites == ("east", "south")
        given = [trd.answer_sites(plan(), step, s, minimum=1, study=parts()[s]) for s in step.sites]
        step = trd.next_round(step, given)
    assert "Without north: there are fewer than 10 subjects for each of the 6 terms." in repr(step)


@pytest.mark.parametrize("column", ["treatment", "sex"])
def test_categories_that_the_plan_does_not_name_are_refused(column: str) -> None:
    """Levels, and with them the reference, could differ between sites."""
    text = TEXT.replace(', sex = ["F", "M"]', "")
    if column == "treatment":
        text = text.replace('treatment = ["TMS", "ECT", "IV ketamine"]', 'sex = ["F", "M"]')
    question = trd.ask_sites(plan(text), "hazards")
    with pytest.raises(PlanError, match=f"Name the levels that '{column}' has at all sites"):
        trd.answer_sites(plan(text), question, "north", minimum=1, study=parts()["north"])


# What is refused at the centre.


def test_answers_belong_to_their_question_and_come_of_every_site() -> None:
    first = trd.ask_sites(plan(), "hazards")
    given = answers(first)
    second = trd.next_round(first, given)
    assert isinstance(second, Question)
    with pytest.raises(SpecError, match=r"The answer of 'east', 'north', 'south' belongs to anot"):
        trd.next_round(second, given)
    with pytest.raises(SpecError, match="There is no answer of 'north'"):
        trd.next_round(second, [a for a in answers(second) if a.site != "north"])
    with pytest.raises(SpecError, match="Two answers are of the site 'east'"):
        trd.next_round(first, [*given, given[0]])
    with pytest.raises(SpecError, match="takes answers of sites, from answer_sites or read_round"):
        trd.next_round(first, [])
    late = trd.answer_sites(plan(), second, "west", minimum=1, study=parts()["north"])
    assert late.refused == "it took no part in the first round."
    with pytest.raises(SpecError, match="'west' took no part in the first round: leave its answ"):
        trd.next_round(second, [*answers(second), replace(answers(second)[0], site="west")])
    left = [replace(a, refused="the board said no.", numbers={}) for a in answers(second)]
    with pytest.raises(NotEstimableError, match=r"cannot answer this round\. east: the board"):
        trd.next_round(second, left)
    with pytest.raises(NotEstimableError, match="No site takes part"):
        trd.next_round(first, [replace(a, refused="no.") for a in given])


def test_another_plan_or_site_is_refused() -> None:
    question = trd.ask_sites(plan(), "hazards")
    other = plan(TEXT.replace("at_most = 10", "at_most = 12"))
    with pytest.raises(SpecError, match="The question is of another plan"):
        trd.answer_sites(other, question, "north", study=parts()["north"])
    named = plan(TEXT.replace("[sites]", '[sites]\nnames = ["a", "b"]'))
    with pytest.raises(PlanError, match="does not name the site 'north'; its"):
        trd.answer_sites(named, trd.ask_sites(named, "hazards"), "north", study=parts()["north"])
    without = plan(TEXT.replace(f'adjust = "{COVARIATES}"', ""))
    with pytest.raises(PlanError, match="Name the covariates: formula="):
        trd.ask_sites(without, "hazards")
    with pytest.raises(SpecError, match="known before treatment: leave it out"):
        trd.ask_sites(plan(), "weighted rates", formula="treatment + age")
    with pytest.raises(SpecError, match="analysis must be one of"):
        trd.ask_sites(plan(), "rates")  # type: ignore[arg-type]


def way_of_changed(
    question: Question | SiteEstimates, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    """Ask sites whose subjects have other columns until there is nothing more to ask."""
    changed = {
        name: trd.Study(
            part.visits[["subject", "day", "score"]],
            change(part.subjects.drop(columns="baseline")),
            scale="MADRS",
        )
        for name, part in parts().items()
    }
    while isinstance(question, Question):
        given = [
            trd.answer_sites(plan(), question, name, minimum=1, study=of_site)
            for name, of_site in changed.items()
        ]
        question = trd.next_round(question, given)


@pytest.mark.parametrize(
    ("formula", "change", "words"),
    [
        (
            "age + twice",
            lambda s: s.assign(twice=2 * s["age"]),
            "some of them are collinear, or do not vary",
        ),
        ("age + one", lambda s: s.assign(one=3.0), "All subjects of all sites are alike in one"),
    ],
)
def test_covariates_that_say_nothing_are_named(
    formula: str, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    with pytest.raises(NotEstimableError, match=words):
        way_of_changed(trd.ask_sites(plan(), "hazards", formula=formula), change)


def test_treatments_that_a_covariate_separates_are_refused() -> None:
    question = trd.ask_sites(plan(), "weighted rates", formula="age + given")
    words = r"given predicts the treatment of .* all subjects with one value of it got one treatm"
    with pytest.raises(NotEstimableError, match=words):
        way_of_changed(question, lambda s: s.assign(given=(s["treatment"] == "ECT").astype(float)))


def test_a_step_that_led_downward_is_halved() -> None:
    second = trd.next_round(first := trd.ask_sites(plan(), "hazards"), answers(first))
    assert isinstance(second, Question)
    far = np.full(6, 4.0)
    numbers = {**second.numbers, "from": np.zeros(6), "loglik": np.array([-10.0]), "at": far}
    total = {"loglik": np.array([-12.0]), "score": np.ones(6), "information": np.eye(6)}
    step = go_on(replace(second, numbers=numbers), total)
    assert isinstance(step, Question)
    assert step.numbers["at"] == pytest.approx(far / 2)
    with pytest.raises(NotEstimableError, match="No maximum was found in 40 rounds"):
        go_on(replace(second, numbers=numbers, round=41), total)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ('{"format": "trdstats site summary"}', "is no question and no answer"),
        (
            '{"format": "trdstats answer", "version": 9}',
            "is of version 9; this one reads version 2",
        ),
        (
            '{"format": "trdstats answer", "version": 1}',
            "is of version 1; this one reads version 2",
        ),
        ('{"format": "trdstats answer", "version": 2}', "lacks 'site'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=words):
        trd.read_round(tmp_path / "a.json")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    given = answers(first := trd.ask_sites(plan(), "hazards"))
    stored = json.loads(given[0].to_json())
    stored["numbers"]["sum"][0] = float("inf")
    # Written by a program of the site's: its checksum is that of these numbers.
    (tmp_path / "a.json").write_text(json.dumps(sealed(stored)), "utf-8")
    read = trd.read_round(tmp_path / "a.json")
    assert isinstance(read, Answer)
    with pytest.raises(SpecError, match="The answer of 'east' holds what cannot be: sum is not fi"):
        trd.next_round(first, [read, *given[1:]])


@pytest.mark.parametrize(
    ("column", "change", "words"),
    [
        ("age", lambda age: age * 12, "age has the mean"),
        ("chronic", lambda mark: mark + 1,
         "chronic is 0 or 1 at east, south and holds other numbers at north: see whether its"),
        ("age", lambda age: age + 8, ""),
        ("failed_trials", lambda trials: trials * 2, ""),
    ],
)  # fmt: skip
def test_covariates_in_other_units_or_codes_are_noted(
    column: str, change: Callable[[pd.Series], pd.Series], words: str
) -> None:
    given = dict(parts())
    north = given["north"]
    subjects = north.subjects.drop(columns="baseline")
    given["north"] = trd.Study(
        north.visits.drop(columns="visit"), subjects.assign(**{column: change(subjects[column])}),
        north.events, scale="MADRS", windows=north.windows,
    )  # fmt: skip
    question = trd.ask_sites(plan(), "hazards", formula=f"treatment + {column}")
    step = trd.next_round(question, [
        trd.answer_sites(plan(), question, name, minimum=1, study=part)
        for name, part in given.items()
    ])  # fmt: skip
    assert isinstance(step, Question)
    notes = [n for n in step.notes if "the same at all sites" in n]
    assert len(notes) == (words != "")
    assert words in " ".join(notes)
    # Sites read the notes of the next question: means of others do not stand in them.
    assert column == "chronic" or not any(map(str.isdigit, " ".join(notes)))


def test_a_site_that_took_no_part_may_go_on_refusing() -> None:
    """A hospital that refuses every question in turn ended the search of the others."""
    question = trd.ask_sites(plan(), "hazards", formula="age")
    step: Question | SiteEstimates = question
    while isinstance(step, Question):
        given = answers(step)
        given[0] = replace(given[0], refused="few subjects.", numbers={})
        step = trd.next_round(step, given)
    assert step.question.sites == ("north", "south")
    assert "Without east: few subjects." in str(step)


def test_a_covariate_that_no_subject_of_a_site_has() -> None:
    north = parts()["north"]
    subjects = north.subjects.drop(columns="baseline").assign(age=np.nan)
    lacking = trd.Study(north.visits.drop(columns="visit"), subjects, north.events, scale="MADRS",
                        windows=north.windows)  # fmt: skip
    question = trd.ask_sites(plan(), "hazards", formula="treatment + age")
    answer = trd.answer_sites(plan(), question, "north", minimum=1, study=lacking)
    assert answer.refused == "no subject of this site has 'age'."
