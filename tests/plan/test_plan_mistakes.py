"""Mistakes in the tables of steps: said before anything runs, with exit status 2."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from trdstats import load_sample, read_plan, run_plan
from trdstats.cli import main
from trdstats.errors import PlanError

BASE = """
steps = [{steps}]
[study]
sample = "trial"
[definitions]
response = {{ reduction = 0.5 }}
remission = {{ at_most = 10 }}
relapse = {{ at_least = 22, consecutive = 2 }}
[definitions.rf]
is = "WithoutEvent"
until = 168
state = {{ is = "AtDays", days = [56], definition = {{ is = "Remission", at_most = 10 }} }}
event = {{ is = "Relapse", at_least = 22, consecutive = 2 }}
[analysis]
acute_end = 28
rate_days = [28]
reference = "TMS"
horizon = 84
durability_days = [28]
{more}
"""


def plan_of(folder: Path, steps: str, more: str) -> Path:
    path = folder / "p.toml"
    listed = ", ".join(f'"{s}"' for s in steps.split())
    path.write_text(BASE.format(steps=listed, more=more), "utf-8")
    return path


MISTAKES = [
    ("in_response", '[in_response]\nloss = "response"', "is a good outcome and cannot end a spell"),
    ("in_response", '[in_response]\noutcome = "relapse"', "is no state at a visit"),
    ("in_response", "[in_response]\nhorizon = 0", "horizon must be a number of days after 0"),
    ("change", '[change]\nmodel = "glm"', "model must be one of 'mmrm', 'none'"),
    ("change", '[change]\ncovariance = "uns"', "covariance"),
    ("change", '[change]\nddf = "kr"', "ddf must be one of"),
    ("change", '[change]\nadjust = "holms"', "adjust must be one of.*Did you mean 'holm'"),
    ("change", '[change]\nformula = "change ~ visit"', "has no treatment to compare"),
    ("onset", '[onset]\noutcome = "relapse"', "is a bad outcome: time to it begins with"),
    ("onset", '[onset]\noutcome = "rf"', "has a fixed day"),
    ("rates", '[rates]\noutcomes = ["relapse"]', "is an event, not a state at a visit"),
    ("rates", "[rates]\noutcomes = []", "outcomes names nothing"),
    ("rates", "[rates]\ndays = []", "days names nothing"),
    ("rates", '[rates]\noutcomes = ["response", "response"]', "outcomes names 'response' twice"),
    ("rates", '[rates]\nmargins = { respons = 0.1 }', "Unknown outcome of the step 'respons'"),
    ("rates", "[rates]\nmargins = { response = 10 }", "must lie between 0 and 1"),
    ("rates", '[rates]\nstep = "onset"', "is the table of the step 'rates' and cannot be another"),
    ("missing", '[missing]\noutcome = "rf"', "is no state at a visit"),
    ("missing", "[missing]\ntipping = [4, 0]", "tipping must increase"),
    ("multiverse", '[multiverse]\nmissing = ["locv"]', "Did you mean 'locf'"),
    ("multiverse", '[multiverse]\nbaseline = ["lst"]', "Did you mean 'last'"),
    ("multiverse", '[multiverse]\ntreatment = "TMS"', "is the reference itself"),
    ("participants", '[participants]\nevents = []', "events names nothing"),
    ("participants", "[participants]\nenrolled = 270\nexcluded = { a = 10, b = -10 }",
     "excluded counts subjects, 0 or more"),
    ("rates", '[confirmatory]\nprimary = { name = "C", step = "rates", measure = "difference", '
     'treatment = "ECTT", outcome = "response", day = 28 }', "Did you mean 'ECT'"),
    ("rates", '[confirmatory]\nprimary = { name = "C", step = "rates", measure = "difference", '
     'treatment = "TMS", outcome = "response", day = 28 }', "is the reference itself"),
    ("rates", '[confirmatory]\nprimary = { name = "C", step = "rates", measure = "difference", '
     'treatment = "ECT", outcome = "respons", day = 28 }', "Did you mean 'response'"),
    ("rates", '[confirmatory]\nalpha = 0.01\nprimary = { name = "C", step = "rates", measure = '
     '"difference", treatment = "ECT", outcome = "response" }', "write conf_level = 0.99"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "more", "words"), MISTAKES)
def test_a_mistake_is_said_before_anything_runs(
    tmp_path: Path, steps: str, more: str, words: str
) -> None:
    path = plan_of(tmp_path, steps, more)
    with pytest.raises(PlanError, match=words):
        run_plan(read_plan(path), tmp_path / "o")
    result = CliRunner().invoke(main, ["run", str(path), "-o", str(tmp_path / "o")])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "o").exists()


def test_a_name_of_a_step_is_no_path(tmp_path: Path) -> None:
    more = '["../../escaped"]\nstep = "rates"'
    with pytest.raises(PlanError, match="letters, digits, - and _ only"):
        read_plan(plan_of(tmp_path, "rates ../../escaped", more))


@pytest.mark.parametrize("where", ['measure = "rate"', 'measure = "differenc"', "day = 29"])
def test_a_confirmatory_result_that_is_not_there_fails_the_run(tmp_path: Path, where: str) -> None:
    """Where only the results can tell, the rest is written and the run exits with status 1."""
    key = where.split(" = ", maxsplit=1)[0]
    given = {"measure": '"difference"', "day": "28"} | {key: where.split(" = ")[1]}
    more = (
        '[confirmatory]\nprimary = { name = "C", step = "rates", treatment = "ECT", outcome = '
        f'"response", measure = {given["measure"]}, day = {given["day"]} }}'
    )
    path = plan_of(tmp_path, "rates", more)
    result = CliRunner().invoke(main, ["run", str(path), "-o", str(tmp_path / "o")])
    if where != 'measure = "rate"':  # no such row: that is known before anything runs
        assert result.exit_code == 2
        assert "the step 'rates' has no row with" in " ".join(result.output.split())
        assert not (tmp_path / "o").exists()
        return
    assert result.exit_code == 1
    assert "confirmatory" in result.output
    assert "confirmatory result" in (tmp_path / "o" / "report.html").read_text("utf-8")


def test_margins_may_be_those_of_any_outcome_of_the_step(tmp_path: Path) -> None:
    more = '[rates]\noutcomes = ["rf"]\nmargins = { rf = 0.1 }'
    run = run_plan(read_plan(plan_of(tmp_path, "rates", more)), tmp_path / "o")
    table = pd.read_csv(run.folder / "tables" / "rates.csv")
    assert (table["measure"] == "non-inferiority").sum() == 2


def test_hazards_are_compared_with_the_reference_of_the_plan(tmp_path: Path) -> None:
    path = plan_of(tmp_path, "onset", "[onset]\nvisit_dated = true")
    path.write_text(path.read_text("utf-8").replace('"TMS"', '"ECT"'), "utf-8")
    run = run_plan(read_plan(path), tmp_path / "o")
    hazards = pd.read_csv(run.folder / "tables" / "onset_hazards.csv")
    assert not hazards["term"].str.contains("ECT").any()
    means = pd.read_csv(run.folder / "tables" / "onset_rmst.csv")
    assert set(means["reference"].dropna()) == {"ECT"}
    assert load_sample("trial").treatments[0] == "TMS"


def test_a_report_says_that_events_are_asked_for_and_none_were_given(tmp_path: Path) -> None:
    visits = pd.DataFrame(
        [(s, a, d, 30 - d) for s, a in zip("abcdef", "EEETTT", strict=True) for d in (0, 14, 28)],
        columns=["subject", "treatment", "day", "score"],
    )
    visits.to_csv(tmp_path / "v.csv", index=False)
    text = BASE.format(steps='"rates"', more="").replace(
        'sample = "trial"', 'visits = "v.csv"\nscale = "MADRS"\nrandomised = true'
    )
    text = text.replace("consecutive = 2 }\n[def", 'events = ["hospitalisation"] }\n[def')
    text = text.replace('reference = "TMS"\n', "")
    (tmp_path / "p.toml").write_text(text, "utf-8")
    run = run_plan(read_plan(tmp_path / "p.toml"), tmp_path / "o")
    assert "asks for recorded events (hospitalisation)" in run.report.read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("at_most = 10 }\nrel", "at_most = 100 }\nrel", r"\[definitions\] remission: .*\(line 7\)"),
        ("horizon = 84", 'horizon = 84\nadjust = "agee"', r"\[analysis\] adjust: .*'agee'.*'age'"),
    ],
)
def test_what_all_steps_share_must_fit_the_study(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = plan_of(tmp_path, "rates", "")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(PlanError, match=words):
        run_plan(read_plan(path), tmp_path / "o")


def test_margins_without_a_comparison_leave_the_rates(tmp_path: Path) -> None:
    from trdstats.plan.carrying_out.analysis import analyse

    plan = read_plan(plan_of(tmp_path, "rates", "[rates]\nmargins = { response = 0.1 }"))
    (section,) = analyse(plan, load_sample("trial").only(["TMS"]), lambda words: None)
    assert not section.failed
    assert section.results is not None
    assert any("there is nothing to compare" in n.text for n in section.notes)


def test_imputation_needs_a_day_that_all_treatments_share(tmp_path: Path) -> None:
    visits = pd.DataFrame(
        [(s, a, d, 30 - d // 2) for s, a in zip("abcdefgh", "EEEETTTT", strict=True)
         for d in ((0, 14, 28) if a == "E" else (0, 28))],
        columns=["subject", "treatment", "day", "score"],
    )  # fmt: skip
    visits.to_csv(tmp_path / "v.csv", index=False)
    text = BASE.format(steps='"missing"', more="[missing]\nday = 14").replace(
        'sample = "trial"', 'visits = "v.csv"\nscale = "MADRS"\nrandomised = true\n'
        "windows = { 14 = 3, 28 = 3 }"
    ).replace('reference = "TMS"\n', "")  # fmt: skip
    (tmp_path / "p.toml").write_text(text, "utf-8")
    run = run_plan(read_plan(tmp_path / "p.toml"), tmp_path / "o")
    assert run.failed == ()
    assert "Not every treatment is assessed at day 14" in run.report.read_text("utf-8")
    assert (run.folder / "tables" / "dropout.csv").is_file()


def test_a_figure_that_cannot_be_drawn_fails_its_step_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trdstats.participants import ParticipantFlow

    def broken(self: ParticipantFlow, ax: object = None) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(ParticipantFlow, "plot", broken)
    run = run_plan(read_plan(plan_of(tmp_path, "participants rates", "")), tmp_path / "o")
    assert run.failed == ("participants",)
    html = run.report.read_text("utf-8")
    assert "could not be drawn: no room" in html
    assert "Baseline characteristics" in html


def test_a_state_at_days_is_judged_at_the_last_of_them_or_later(tmp_path: Path) -> None:
    """At day 28 it is not met by anybody: it is not known before day 56."""
    settings = '[rates]\noutcomes = ["response", "later"]\ndays = [28, 84]\n[definitions.later]\n'
    settings += 'is = "AtDays"\ndays = [28, 56]\ndefinition = { is = "Remission", at_most = 10 }'
    run = run_plan(read_plan(plan_of(tmp_path, "rates", settings)), tmp_path / "o")
    table = pd.read_csv(run.folder / "tables" / "rates.csv")
    days = table.groupby("outcome")["day"].unique()
    assert set(days["response"]) == {28, 84}
    assert set(days["later"]) == {56, 84}


def test_margins_where_a_treatment_has_no_rate(tmp_path: Path) -> None:
    """The reference, then another treatment, was not assessed on the day: said, not judged."""
    for visits_of in ("E", "ET"):
        visits = pd.DataFrame(
            [(f"{a}{k}", a, d, 30 - d) for a in "ETK" for k in range(4)
             for d in ((0, 14) if a in visits_of else (0, 14, 28))],
            columns=["subject", "treatment", "day", "score"],
        )  # fmt: skip
        visits.to_csv(tmp_path / "v.csv", index=False)
        text = BASE.format(steps='"rates"', more="[rates]\nmargins = { response = 0.1 }")
        text = text.replace(
            'sample = "trial"', 'visits = "v.csv"\nscale = "MADRS"\nrandomised = true'
        ).replace("acute_end = 28", "acute_end = 14")
        text = text.replace('"TMS"', '"E"' if visits_of == "E" else '"K"')
        (tmp_path / "p.toml").write_text(text, "utf-8")
        run = run_plan(read_plan(tmp_path / "p.toml"), tmp_path / f"o{visits_of}")
        assert run.failed == ()
        table = pd.read_csv(run.folder / "tables" / "rates.csv")
        judged = table[table["measure"] == "non-inferiority"]
        assert len(judged) == 2
        assert judged["estimate"].isna().sum() == 2
        assert set(judged["reason"]) == {"one of the two treatments has no rate"}
        assert "not shown" not in run.report.read_text("utf-8")
