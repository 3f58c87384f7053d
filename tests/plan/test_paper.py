"""Files for a paper: numbered tables and figures, methods with references, the same bytes twice."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import docx
import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

import trdstats as trd
from trdstats import extras, read_plan, run_plan
from trdstats.cli import main
from trdstats.errors import MissingDependencyError, PlanError, SpecError
from trdstats.plan import Note, Run, Section, sample_plan
from trdstats.plan.manuscript.citations import for_readers, without_marks
from trdstats.plan.manuscript.workbook import build_workbook

PLAN = """title = "A randomised trial"
steps = ["participants", "acute", "rates", "in_response"]
[study]
sample = "trial"
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 12 }
relapse = { at_least = 22, consecutive = 2, events = ["hospitalisation"] }
[analysis]
acute_end = 28
rate_days = [28]
reference = "TMS"
horizon = 28
[confirmatory]
primary = { name = "Response at day 28", step = "rates", measure = "difference", treatment = "ECT", outcome = "response", day = 28 }
"""  # noqa: E501


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN, "utf-8")
    return path


@pytest.fixture(scope="module")
def lancet(plan: Path) -> Run:
    return trd.paper(plan, plan.parent / "lancet", style="lancet")


@pytest.fixture(scope="module")
def plain(plan: Path) -> Run:
    return run_plan(read_plan(plan), plan.parent / "plain")


@pytest.fixture(scope="module")
def document(lancet: Run) -> Any:
    return docx.Document(str(lancet.paper[0]))


def texts(document: Any) -> list[str]:
    return [p.text for p in document.paragraphs]


def test_what_is_written(lancet: Run, plain: Run) -> None:
    names = [p.relative_to(lancet.folder).as_posix() for p in lancet.paper]
    assert names == ["paper/paper.docx", "paper/tables.tex", "paper/tables.xlsx"]
    manifest = json.loads(lancet.manifest.read_text("utf-8"))
    for name, path in zip(names, lancet.paper, strict=True):
        assert manifest["results"][name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["number_style"] == "lancet"
    assert plain.paper == ()
    assert not (plain.folder / "paper").exists()
    assert "number_style" not in json.loads(plain.manifest.read_text("utf-8"))


def test_numbers_do_not_depend_on_the_style(lancet: Run, plain: Run) -> None:
    assert lancet.results.read_bytes() == plain.results.read_bytes()
    for table in plain.tables:
        twin = lancet.folder / table.relative_to(plain.folder)
        assert twin.read_bytes() == table.read_bytes(), table.name


def test_files_of_numbers_of_a_whole_plan_do_not_depend_on_the_style(
    packaged_trial: Run, tmp_path: Path
) -> None:
    """Every step, margins and confirmatory results."""
    one, other = packaged_trial, run_plan(sample_plan("trial"), tmp_path, style="lancet")
    assert one.results.read_bytes() == other.results.read_bytes()
    for table in one.tables:
        twin = other.folder / table.relative_to(one.folder)
        assert twin.read_bytes() == table.read_bytes(), table.name


def test_report_and_paper_are_in_the_style(lancet: Run, plain: Run, document: Any) -> None:
    html = lancet.report.read_text("utf-8")
    rates = pd.read_csv(lancet.folder / "tables" / "rates.csv")
    row = rates.query("measure == 'difference' and treatment == 'ECT' and outcome == 'response'")
    low, high = (f"{100 * row[c].iloc[0]:.1f}".replace(".", "·") for c in ("conf_low", "conf_high"))
    assert f"{low}–{high}" in html
    assert any(f"95% CI {low}–{high}" in t for t in texts(document))
    assert "95 % CI" not in html
    assert "95 % CI" in plain.report.read_text("utf-8")


def test_parts_of_the_paper(document: Any) -> None:
    headings = [p.text for p in document.paragraphs if p.style.name.startswith("Heading")]
    assert headings == [
        "Methods", "Results", "Confirmatory results (multiplicity: fixed sequence)",
        "Who was studied, and what counts as an outcome",
        "Who was better at the end of the acute course?", "Which rates differ at the same day?",
        "How many are in response, day by day?", "References", "To be checked",
    ]  # fmt: skip
    assert document.paragraphs[0].text == "A randomised trial"
    assert document.paragraphs[0].style.name == "Title"
    said = texts(document)
    assert "The data of this report are simulated: it shows the method, not the treatments." in said
    (primary,) = (t for t in said if t.startswith("Primary."))
    assert re.match(
        r"Primary\. Response at day 28: 0·278 \(95% CI 0·\d{3}–0·\d{3}\), p=0·0002, "
        r"adjusted p=0·0002: shown at 0·05\.",
        primary,
    )


def test_tables_and_figures_are_numbered_in_order(document: Any, lancet: Run) -> None:
    for kind, count in (("Table", len(document.tables)), ("Figure", len(document.inline_shapes))):
        found = [re.match(rf"{kind} (\d+)\. \S", t) for t in texts(document)]
        assert [int(m[1]) for m in found if m] == list(range(1, count + 1))
    tex = lancet.paper[1].read_text("utf-8")
    assert tex.count(r"\caption{") == len(document.tables)


def test_leads_name_their_tables_and_figures(document: Any) -> None:
    leads = [t for t in texts(document) if re.search(r"\((Tables?|Figures?) \d", t)]
    assert len(leads) == 4
    assert re.search(r"with a baseline\) \(Tables 2 to \d+ and Figure 1\)\.$", leads[0])
    assert re.search(r"\(Table \d+ and Figures 2 and 3\)\.$", leads[1])


def test_the_first_table_holds_the_findings(document: Any) -> None:
    cells = [[c.text for c in row.cells] for row in document.tables[0].rows]
    assert cells[0][0] == "Treatment"
    assert [row[0] for row in cells[1:]] == ["TMS", "ECT", "IV ketamine"]
    assert all("·" in row[-1] or "–" in row[-1] for row in cells[1:])


def test_figures_have_words_for_who_cannot_see_them(document: Any) -> None:
    assert len(document.inline_shapes) == 5
    for shape in document.inline_shapes:
        assert len(shape._inline.docPr.get("descr")) > 20
        assert shape.width.cm <= 16.01
        assert shape.height.cm < 20
    assert max(s.width.cm for s in document.inline_shapes) == pytest.approx(16.0, abs=0.01)


def test_methods_cite_the_references(document: Any) -> None:
    said = texts(document)
    (outcomes,) = (t for t in said if t.startswith("Outcomes were defined on the MADRS [1]:"))
    assert re.search(
        r"response, fall of .* \[2\]; remission, .* \[3\]; relapse, .* \[4\]\.", outcomes
    )
    references = said[said.index("References") + 1 : said.index("To be checked")]
    assert [r.split(".")[0] for r in references] == ["1", "2", "3", "4"]
    assert references[3].endswith("doi:10.1001/jamapsychiatry.2019.1189.")
    assert any(t.startswith("Analyses were carried out with trdstats") for t in said)


def test_doubt_stands_in_the_list_for_the_authors_and_nowhere_else(document: Any) -> None:
    said = texts(document)
    cells = [c.text for t in document.tables for row in t.rows for c in row.cells]
    assert not any("[recalled" in t for t in (*said, *cells))
    assert said[-1] == "Reference 1 was recalled, not verified: compare the rule with the paper."


def test_nothing_speaks_to_who_runs_the_analysis(document: Any) -> None:
    said = " ".join(texts(document))
    assert "after_switch=" not in said
    assert "(treatment policy)" in said  # how they were counted stays


def test_sentences_for_readers() -> None:
    texts = ["Counted as failures. Name after_switch='ignore' if that is the question.",
             "Change ~ baseline * visit (REML).", "Use adjust(method).",
             "A rule [recalled, not verified].", "A rule."]  # fmt: skip
    assert for_readers(texts) == (
        "Counted as failures.",
        "Change ~ baseline * visit (REML).",
        "A rule.",
    )
    assert without_marks("Smith 2001 [recalled with doubt, not verified]; x") == "Smith 2001; x"


def test_a_workbook_holds_numbers(lancet: Run) -> None:
    book = openpyxl.load_workbook(lancet.paper[2])
    assert book.sheetnames[0] == "Contents"
    rates = pd.read_csv(lancet.folder / "tables" / "rates.csv")
    sheet = book["rates"]
    rows = list(sheet.iter_rows(values_only=True))
    assert list(rows[0]) == rates.columns.tolist()
    column = rates.columns.get_loc("estimate")
    written = np.array([r[column] for r in rows[1:]], dtype=float)
    assert written == pytest.approx(rates["estimate"].to_numpy(), rel=1e-9, nan_ok=True)
    listed = [r[0] for r in book["Contents"].iter_rows(min_row=2, values_only=True)]
    assert listed == book.sheetnames[1:]


def test_a_workbook_for_a_paper_holds_no_patients(lancet: Run) -> None:
    book = openpyxl.load_workbook(lancet.paper[2])
    assert "subjects" not in book.sheetnames
    assert all("subject" not in [c.value for c in sheet[1]] for sheet in book)


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    long = "a_step_with_a_name_that_is_far_too_long"
    odd = pd.DataFrame({
        "=name": ["=1+1", "@x", "-2", "plain"], "value": [1.0, np.nan, np.inf, -np.inf],
        "n": [1, 2, 3, 4], "is_met": [True, False, True, False],
        "of": pd.Categorical(["a", "b", "a", None]), "c": ["\x07bell", "", None, "x"],
    })  # fmt: skip
    section = Section("odd", "Odd?", "Lead.", notes=(Note("n"),),
                      frames={"a/b": odd, "A?b": odd, long + "1": odd, long + "2": odd,
                              "contents": odd})  # fmt: skip
    path = tmp_path / "odd.xlsx"
    path.write_bytes(build_workbook([section]))
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [
        "Contents",
        "a_b",
        "A_b~2",
        long[:31],
        long[:29] + "~2",
        "contents~2",
    ]
    assert all(c.data_type != "f" for sheet in book for row in sheet.iter_rows() for c in row)
    rows = list(book["a_b"].iter_rows(values_only=True))
    assert rows[0] == ("'=name", "value", "n", "is_met", "of", "c")
    assert rows[1] == ("'=1+1", 1, 1, True, "a", "\\x07bell")
    assert rows[2][1] is None
    assert [r[1] for r in rows[3:]] == ["inf", "-inf"]


def test_a_second_run_writes_the_same_bytes(lancet: Run, plan: Path) -> None:
    time.sleep(2.1)
    again = trd.paper(plan, plan.parent / "again", style="lancet")
    for path in (*lancet.paper, lancet.report, lancet.manifest):
        twin = again.folder / path.relative_to(lancet.folder)
        assert twin.read_bytes() == path.read_bytes(), path.name


def test_a_paper_that_was_edited_is_not_replaced(lancet: Run, plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    shutil.copytree(lancet.folder, folder)
    (folder / "paper" / "cover letter.txt").write_text("Dear editor", "utf-8")
    run = trd.paper(plan, folder, style="lancet")  # as a run wrote them: replaced
    assert (folder / "paper" / "cover letter.txt").read_text("utf-8") == "Dear editor"
    document = docx.Document(str(run.paper[0]))
    document.add_paragraph("Discussion")
    document.save(str(run.paper[0]))
    before = run.paper[0].read_bytes()
    match = r"paper/paper\.docx in the folder .* changed after a run wrote it.*Move it elsewhere"
    with pytest.raises(PlanError, match=match):
        trd.paper(plan, folder)
    assert run.paper[0].read_bytes() == before
    run.paper[0].rename(folder / "paper" / "draft.docx")
    run_plan(read_plan(plan), folder)
    assert sorted(p.name for p in (folder / "paper").iterdir()) == [
        "cover letter.txt",
        "draft.docx",
    ]


def test_confirmatory_results_that_cannot_be_found_are_said(plan: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    before, _, after = PLAN.partition('step = "rates", measure = "difference"')
    _, end, rest = after.partition(" }")
    gap = 'step = "in_response", measure = "gap", treatment = "ECT"'
    path.write_text(f"{before}{gap}{end}{rest}", "utf-8")
    run = trd.paper(read_plan(path), tmp_path / "out")
    assert any("0 rows have" in t for t in texts(docx.Document(str(run.paper[0]))))


def test_command_line(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    arguments = ["run", str(plan), "--out", str(out), "--paper", "--style", "nejm"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "paper.docx" in "".join(result.output.split())
    assert (out / "paper" / "tables.tex").read_text("utf-8").startswith("% Tables of trdstats.")
    assert json.loads((out / "manifest.json").read_text("utf-8"))["number_style"] == "nejm"


def test_command_line_refuses_an_unknown_style(plan: Path, tmp_path: Path) -> None:
    arguments = ["run", str(plan), "--out", str(tmp_path / "out"), "--style", "lanset"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Did you mean 'lancet'?" in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
    with pytest.raises(SpecError, match="style must be one of 'plain', 'jama'"):
        trd.paper(plan, tmp_path / "out", style="bmj")


def test_without_the_extra_nothing_is_computed(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", refuse)
    said: list[str] = []
    with pytest.raises(MissingDependencyError, match=r'pip install "trdstats\[paper\]"'):
        trd.paper(plan, tmp_path / "out", tell=said.append)
    assert said == []
    assert not (tmp_path / "out").exists()
