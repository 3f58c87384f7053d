"""A report says whether independent libraries find the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import trdstats as trd
from trdstats.plan import Run, Section, read_plan, run_plan
from trdstats.plan.report.section import write_section
from trdstats.plan.second_opinions import TITLE, counts_in_words, with_opinions

PLAN = """steps = ["rates", "onset"]
[study]
sample = "trial"
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 12 }
relapse = { at_least = 22, consecutive = 2 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 28
[onset]
visit_dated = true
hazards = false
"""


@pytest.fixture(scope="module")
def visit_dated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("opinions")
    (folder / "plan.toml").write_text(PLAN, "utf-8")
    return run_plan(read_plan(folder / "plan.toml"), folder / "out")


def test_the_table_holds_both_sections(visit_dated: Run) -> None:
    table = pd.read_csv(visit_dated.folder / "tables" / "second_opinion.csv")
    assert table.columns.tolist()[:5] == ["section", "result", "quantity", "ours", "theirs"]
    assert set(table["section"]) == {"rates", "onset"}
    onset = table[table["section"] == "onset"]["result"].unique().tolist()
    assert [t.split(" to day")[0] for t in onset] == [
        "Kaplan-Meier", "Log-rank test", "Restricted mean time",
    ]  # fmt: skip
    assert table["agrees"].all()
    assert {t.split()[0] for t in table["library"]} == {
        "pandas", "statsmodels", "scipy", "lifelines",
    }  # fmt: skip


def test_the_report_folds_the_table_and_counts(visit_dated: Run) -> None:
    page = visit_dated.report.read_text("utf-8")
    table = pd.read_csv(visit_dated.folder / "tables" / "second_opinion.csv")
    assert page.count(f"<summary>{TITLE}</summary>") == 2
    assert page.count("Numbers: tables/second_opinion.csv") == 2
    n = len(table)
    assert f"{n:,} numbers were recomputed with lifelines" in page
    assert f": {n:,} of {n:,} agree." in page


def _section() -> Section:
    rates = trd.rates(trd.load_sample("trial"), trd.Response(), day=28)
    return Section("rates", "Rates", "Lead.", checked=(rates,))


def test_a_number_that_differs_is_a_caution() -> None:
    rates: Any = _section().checked[0]
    wrong = replace(rates, counts=rates.counts.assign(events=rates.counts["events"] + [1, 0, 0]))
    section = with_opinions(replace(_section(), checked=(wrong,)))
    note = section.notes[-1]
    assert note.kind == "caution"
    assert note.text.startswith("Response (≥ 50 % fall) at day 28: ")
    assert "differ from independent libraries (rate, TMS" in note.text
    page = write_section(section, {})
    assert '<p class="note">Response (≥ 50 % fall) at day 28: ' in page
    assert '<td class="right">NO</td>' in page
    assert " agree." in counts_in_words(section.opinions)


def test_a_library_that_breaks_does_not_cost_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from trdstats.plan import second_opinions

    def broken(result: object) -> None:
        raise ImportError("no statsmodels here")

    monkeypatch.setattr(second_opinions, "second_opinion", broken)
    section = with_opinions(_section())
    assert section.opinions == ()
    assert section.notes[-1].text.endswith(
        "could not be recomputed (ImportError: no statsmodels here)."
    )
    assert TITLE not in write_section(section, {})


def test_a_section_without_results_says_nothing(tmp_path: Path) -> None:
    section = Section("ages", "Ages", "Lead.")
    assert with_opinions(section) == section
    assert TITLE not in write_section(section, {})
