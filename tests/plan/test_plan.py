"""Plans: read, checked, carried out; the same bytes twice; the report says what it must."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from trdstats import Response, load_sample, rates, read_plan, run_plan
from trdstats.cli import main
from trdstats.errors import DataWarning, PlanError
from trdstats.plan import Run

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"

TRIAL = """
title = "A randomised trial"
[study]
sample = "trial"
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 12 }
relapse = { at_least = 22, consecutive = 2, events = ["hospitalisation"] }
[analysis]
acute_end = 28
rate_days = [14, 28]
reference = "TMS"
horizon = 28
"""


ONE_STEP = TRIAL.replace("[study]", 'steps = ["rates"]\n[study]', 1)


def plan_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_is_written(sample_run: Run) -> None:
    assert sample_run.report.name == "report.html"
    names = {t.stem for t in sample_run.tables}
    assert {"definitions", "mean_scores", "changes", "rates", "rates_acute", "onset_times",
            "onset_curves", "onset_rmst", "onset_quantiles", "onset_test", "onset_hazards",
            "onset_audit", "in_response_curves", "in_response_days", "dropout", "multiverse",
            "durability_at", "durability_curves", "durability_between_visits",
            "comparison", "comparison_findings", "comparison_balance",
            "participant_flow", "baseline_table", "baseline_differences", "event_counts"
            } <= names  # fmt: skip
    stems = {f.stem for f in sample_run.figures}
    assert stems == {"flow", "in_response", "in_response_states", "scores", "acute_rates",
                     "waterfall", "onset", "onset_at_visits", "durability", "comparison", "dropout",
                     "multiverse"}  # fmt: skip
    assert {f.suffix for f in sample_run.figures} == {".png", ".svg"}
    assert all(f.stat().st_size > 1000 for f in sample_run.figures)


class Page(HTMLParser):
    """Collects what a page loads from elsewhere, its ids, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [v for k in ("src", "href") if (v := values.get(k))]
        if (name := values.get("id")) is not None:
            self.ids.append(name)
        if tag == "img":
            self.images += 1
            assert values.get("alt")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(sample_run: Run) -> Page:
    page = Page()
    page.feed(sample_run.report.read_text("utf-8"))
    return page


def test_the_report_opens_offline(page: Page) -> None:
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert page.images == 12


def test_the_report_fits_a_phone(sample_run: Run) -> None:
    html = sample_run.report.read_text("utf-8")
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    tables = html.count("<table>")
    assert tables == html.count('<div class="table"><table>')  # wide tables scroll by themselves


def test_crude_comparisons_are_labelled(page: Page) -> None:
    assert "The data of this report are simulated" in page.text
    label = "Unadjusted: treatments were not randomised"
    # Once at the head and once in the methods; the others stand under the tables of events, days in
    # response, acute rates, rates (2 definitions at 1 day), onset (Turnbull, its test, hazards, the
    # audit, Kaplan-Meier, log-rank, restricted means), durability (3), dropout and multiverse.
    assert page.text.count(label) == 19


def test_most_notes_are_folded(sample_run: Run) -> None:
    html = sample_run.report.read_text("utf-8")
    visible = re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)
    assert visible.count('class="note"') <= 25
    assert html.count('class="note"') > 100  # none is lost


def test_the_first_screen_holds_a_line_a_treatment(sample_run: Run) -> None:
    html = sample_run.report.read_text("utf-8")
    first = html[html.index('id="findings"') : html.index("<nav")]
    for treatment in load_sample("modalities").treatments:
        assert f'<td class="left">{treatment}</td>' in first
    for question in ("Mean days in response", "Response at the end", "Median days to response",
                     "Relapse by day 28", "Comparable with TMS"):  # fmt: skip
        assert question in first
    assert "Mean days in response: no visit by day 42 under VNS." in first
    assert "none was seen under VNS, Digital and Lifestyle, which leaves no interval." in first


def test_leads_say_what_the_tables_hold(sample_run: Run) -> None:
    html = sample_run.report.read_text("utf-8")
    days = pd.read_csv(sample_run.folder / "tables" / "in_response_days.csv")
    spent = days[(days["measure"] == "mean days") & (days["state"] == "in response")]
    best = spent.loc[spent["estimate"].idxmax()]
    limits = f"{best['conf_low']:.1f} to {best['conf_high']:.1f}"
    assert (
        f"{best['estimate']:.1f} days in response (95 % CI {limits}) under {best['treatment']}"
        in html
    )
    findings = pd.read_csv(sample_run.folder / "tables" / "comparison_findings.csv")
    pairs = findings.drop_duplicates(["treatment", "reference"])["conclusion"].value_counts()
    assert f"{pairs['not comparable']} not comparable" in html
    acute = pd.read_csv(sample_run.folder / "tables" / "rates_acute.csv")
    acute = acute[acute["outcome"] == "response"].sort_values("estimate")
    assert f"{100 * acute['estimate'].iloc[-1]:.0f} %" in html
    assert f"under {acute['treatment'].iloc[-1]} to" in html


def test_figures_of_crude_comparisons_are_labelled(sample_run: Run) -> None:
    for figure in sample_run.figures:
        if figure.suffix == ".svg" and figure.stem != "flow":  # a flow compares nothing
            assert "Unadjusted: treatments were not randomised" in figure.read_text("utf-8"), figure


def test_definitions_carry_their_sources(page: Page, sample_run: Run) -> None:
    table = pd.read_csv(sample_run.folder / "tables" / "definitions.csv")
    assert table["outcome"].tolist() == ["response", "remission", "relapse"]
    for words in ("ELEKT-D", "ESCAPE-TRD", "SUSTAIN-1"):
        assert words in page.text
        assert table["source"].str.contains(words).any()


def test_manifest(sample_run: Run) -> None:
    manifest = json.loads(sample_run.manifest.read_text("utf-8"))
    assert set(manifest["data"]) == {"visits.csv", "subjects.csv", "events.csv"}
    assert all(re.fullmatch("[0-9a-f]{64}", v) for v in manifest["data"].values())
    assert {"numpy", "scipy", "pandas", "formulaic", "statsmodels"} <= set(manifest["packages"])
    assert "lifelines" not in manifest["packages"]  # no run computes with it
    assert manifest["plan"] == read_plan().text
    written = (
        sample_run.report, sample_run.results, *sample_run.tables, *sample_run.figures
    )  # fmt: skip
    for path in written:
        name = path.relative_to(sample_run.folder).as_posix()
        assert manifest["results"][name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(manifest["results"]) == len(written)


@pytest.mark.slow  # the packaged trial and a plan with hostile names are held to it on every run
def test_a_second_run_writes_the_same_bytes(sample_run: Run, tmp_path: Path) -> None:
    again = run_plan(read_plan(), tmp_path / "again", n_jobs=2)
    others = (sample_run.report, sample_run.manifest, sample_run.results)
    for path in (*sample_run.tables, *sample_run.figures, *others):
        twin = again.folder / path.relative_to(sample_run.folder)
        assert twin.read_bytes() == path.read_bytes(), path.name


def test_tables_are_those_of_the_library(sample_run: Run) -> None:
    written = pd.read_csv(sample_run.folder / "tables" / "rates.csv")
    own = written[(written["measure"] == "rate") & (written["outcome"] == "response")]
    study = load_sample("modalities")
    with pytest.warns(UserWarning, match="No subject was assessed at day 28"):
        expected = rates(study, Response(), day=28, reference="TMS").tidy()
    expected = expected[expected["measure"] == "rate"]
    # Files keep ten digits.
    assert own["estimate"].to_numpy() == pytest.approx(
        expected["estimate"].to_numpy(dtype=float), rel=1e-9, nan_ok=True
    )


def test_a_randomised_trial_is_not_called_unadjusted(tmp_path: Path) -> None:
    run = run_plan(read_plan(plan_of(tmp_path, TRIAL)), tmp_path / "out")
    text = run.report.read_text("utf-8")
    assert "Unadjusted" not in text
    # Responders alone are no randomised comparison even there.
    assert "Compared among responders only: responders were not randomised" in text
    assert "MADRS ≤ 12" in text


def test_own_files(tmp_path: Path) -> None:
    for name in ("visits", "subjects", "events"):
        text = (SAMPLES / "trial" / f"{name}.csv").read_text("utf-8")
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    study = (
        'visits = "visits.csv"\nsubjects = "subjects.csv"\nevents = "events.csv"\n'
        'scale = "MADRS"\nscore = "madrs"\nrandomised = true\n'
        "windows = { 7 = 2, 14 = 3, 28 = 3, 168 = 14 }"
    )
    plan = read_plan(plan_of(tmp_path, ONE_STEP.replace('sample = "trial"', study)))
    run = run_plan(plan, tmp_path / "out")
    assert "simulated" not in run.report.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[study]", "[studie]"), r"unknown key 'studie'; did you mean 'study'"),
        (("horizon = 28", "horizont = 28"), r"unknown key 'horizont'; did you mean 'horizon'"),
        (("horizon = 28", ""), r"\[analysis\] lacks 'horizon'"),
        (("horizon = 28", "horizon = -1"), "horizon must be a number of days after 0; got -1"),
        (("rate_days = [14, 28]", "rate_days = 28"), "rate_days must be a list of days"),
        (("reduction = 0.5", "reduction = 50"), r"definition 'response'.*Did you mean 0\.5"),
        (("at_least = 22, ", ""), "definition 'relapse': A relapse needs one threshold"),
        (("acute_end = 28", 'acute_end = "week 4"'), "acute_end must be a day"),
        (("title =", "title"), "not valid TOML"),
        (("horizon = 28", 'horizon = 28\nmissing = "LOCF"'), "missing must be one of"),
        (("horizon = 28", "horizon = 28\nconf_level = 95"), "conf_level must lie between 0 and 1"),
    ],
)
def test_unusable_plans(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read_plan(plan_of(tmp_path, TRIAL.replace(*change)))


def test_a_plan_may_name_a_published_definition_or_any_other(tmp_path: Path) -> None:
    lines = [x for x in TRIAL.splitlines() if not x.startswith(("relapse", "response"))]
    text = "\n".join(lines).replace(
        "[definitions]",
        '[definitions]\nrelapse = { published = "vns_registry" }\n'
        'response = { is = "Sustained", definition = { is = "Response" }, visits = 2 }',
    )
    plan = read_plan(plan_of(tmp_path, text))
    assert plan.relapse.label() == "loss of response (VNS registry)"
    assert plan.response.label() == "sustained response (≥ 50 % fall) over 2 visits"
    with pytest.raises(PlanError, match="definition 'relapse': 'pride' is recalled with doubt"):
        read_plan(plan_of(tmp_path, text.replace("vns_registry", "pride")))


def test_all_problems_of_a_plan_at_once(tmp_path: Path) -> None:
    text = TRIAL.replace("horizon = 28", "horizon = 0").replace("reduction = 0.5", "reduction = 5")
    with pytest.raises(PlanError) as caught:
        read_plan(plan_of(tmp_path, text))
    assert "horizon" in str(caught.value)
    assert "reduction" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('reference = "TMS"', 'reference = "TNS"'), "treatment 'TNS'. Did you mean 'TMS'"),
        (("acute_end = 28", "acute_end = { TMS = 28 }"), "No day was given for 'ECT'"),
        (("acute_end = 28", "acute_end = 30"), "The acute course of TMS: No visit is scheduled"),
        (
            ("rate_days = [14, 28]", "rate_days = [15]"),
            "No visit is scheduled at day 15. Nearest: 7, 14, 21",
        ),
        (('sample = "trial"', 'sample = "trail"'), "Unknown sample study 'trail'. Did you mean"),
        (('sample = "trial"', 'visits = "v.csv"\nscale = "MADRS"'), "There is no file"),
        (('sample = "trial"', 'visits = "v.csv"\nscal = "MADRS"'), "unknown key 'scal'"),
    ],
)
def test_plans_that_do_not_fit(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = plan_of(tmp_path, TRIAL.replace(*change))
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert re.search(message, " ".join(result.output.split()))
    assert "Traceback" not in result.output


def test_a_window_without_ratings_is_told_from_a_day_without_a_visit(tmp_path: Path) -> None:
    rows = "".join(f"P{k},{'AB'[k % 2]},{d},{30 - d}\n" for k in range(8) for d in (0, 7, 14))
    (tmp_path / "v.csv").write_text(f"subject,treatment,day,score\n{rows}", "utf-8")
    study = (
        'visits = "v.csv"\nscale = "MADRS"\nrandomised = true\nwindows = { 7 = 2, 14 = 3, 28 = 3 }'
    )
    text = TRIAL.replace('sample = "trial"', study).replace('reference = "TMS"', 'reference = "A"')
    path = plan_of(tmp_path, text.replace("acute_end = 28", "acute_end = 14"))
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert "No rating falls in the window of day 28." in said
    assert "No visit is scheduled at day 28" not in said


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine", "utf-8")
    with pytest.raises(PlanError, match="holds files that are no report"):
        run_plan(read_plan(), tmp_path)
    with pytest.raises(PlanError, match="is a file; name a folder"):
        run_plan(read_plan(), tmp_path / "thesis.docx")


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def test_command_line_runs_a_plan(tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = invoke("run", str(plan_of(tmp_path, ONE_STEP)), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert (out / "report.html").is_file()
    assert "Report" in result.output


def test_command_line_checks_tables(tmp_path: Path, tiny: pd.DataFrame) -> None:
    path = tmp_path / "visits.csv"
    tiny.to_csv(path, index=False)
    good = invoke("check", str(path), "--scale", "MADRS", "--window", "7=2", "--window", "14=3")
    assert good.exit_code == 0
    assert "The study can be analysed." in good.output
    tiny.assign(score=[30, 20, 99, 32, 17, 16.5]).to_csv(path, index=False)
    bad = invoke("check", str(path), "--scale", "MADRS")
    assert bad.exit_code == 2
    assert "A at day 14: 99 (row 2)" in bad.output
    assert "B at day 14: 16.5 (row 5)" in bad.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scale", "MARDS"), "Did you mean 'MADRS'"),
        (("--scale", "MADRS", "--day", "week"), "no column 'week'"),
        (("--scale", "MADRS", "--window", "week 4"), "A window reads DAY=WIDTH"),
        (("--scale", "MADRS", "--subjects", "nowhere.csv"), "There is no file"),
        ((), "Name the instrument: --scale MADRS"),
    ],
)
def test_command_line_refusals(
    tmp_path: Path, tiny: pd.DataFrame, arguments: tuple[str, ...], message: str
) -> None:
    path = tmp_path / "visits.csv"
    tiny.to_csv(path, index=False)
    result = invoke("check", str(path), *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_version() -> None:
    import trdstats

    assert trdstats.__version__ in invoke("--version").output


def test_one_arm_without_responders(tmp_path: Path) -> None:
    rows = [(f"S{i}", "TMS", d, 30 - i) for i in range(4) for d in (0, 14, 28)]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    table.to_csv(tmp_path / "v.csv", index=False)
    text = TRIAL.replace('sample = "trial"', 'visits = "v.csv"\nscale = "MADRS"')
    plan = read_plan(plan_of(tmp_path, text))
    with pytest.warns(DataWarning, match="All subjects have the treatment 'TMS'"):
        run = run_plan(plan, tmp_path / "out")
    html = run.report.read_text("utf-8")
    assert "no subject met response" in html
    assert "Unadjusted" not in html


def test_cohorts_are_judged_before_they_are_compared(sample_run: Run) -> None:
    folder = sample_run.report.parent / "tables"
    findings = pd.read_csv(folder / "comparison_findings.csv")
    assert findings.groupby(["treatment", "reference"]).ngroups == 28
    table = pd.read_csv(folder / "comparison.csv")
    refused = table["conclusion"] == "not comparable"
    assert refused.any()
    assert table.loc[refused, "estimate"].isna().all()
    assert set(table["analysis"]) == {"crude", "adjusted"}
    page = sample_run.report.read_text("utf-8")
    assert "Which differences survive a fair comparison?" in page
    assert "Can these cohorts be compared?" in page


def test_covariates_that_cannot_be_used(tmp_path: Path) -> None:
    text = read_plan().text.replace('adjust = "age', 'adjust = "height + age')
    match = r"adjust: Unknown column of the subjects 'height'\. Known: 'subject', .* \(line 32\)"
    with pytest.raises(PlanError, match=match):
        run_plan(read_plan(plan_of(tmp_path, text)), tmp_path / "report")
    assert not (tmp_path / "report").exists()
    with pytest.raises(PlanError, match="adjust must be a text"):
        read_plan(plan_of(tmp_path, text.replace('adjust = "height', 'adjust = 3 # "height')))


def test_pairs_that_cannot_be_compared_are_no_rows_of_the_figure(sample_run: Run) -> None:
    table = pd.read_csv(sample_run.folder / "tables" / "comparison.csv")
    has = table["estimate"].notna().groupby(table["treatment"] + " v " + table["reference"]).any()
    # The labels are paths in the file: their text stands in comments.
    svg = (sample_run.folder / "figures" / "comparison.svg").read_text("utf-8")
    for pair, drawn in has.items():
        assert (f"<!-- {pair} -->" in svg or f"<!-- {pair}\n" in svg) == drawn, pair
    assert has.sum() < len(has)
