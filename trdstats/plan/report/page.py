"""The page as a whole: first screen, one section a question, fine print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from trdstats.outcomes.schedule_fit import note_no_events
from trdstats.plan.plan import Plan
from trdstats.plan.report.fine_print import write_fine_print
from trdstats.plan.report.first_screen import LEADING_FIGURE, write_first_screen
from trdstats.plan.report.html import as_html, paragraphs
from trdstats.plan.report.section import write_section
from trdstats.plan.sections import Section
from trdstats.study import Study

_SIMULATED = "The data of this report are simulated: it shows the method, not the treatments."


def build_report(
    plan: Plan,
    study: Study,
    sections: Sequence[Section],
    figures: Mapping[str, Path],
    manifest: Mapping[str, Any],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    plan : Plan
    study : Study
    sections : sequence of Section
    figures : mapping of str to Path
        PNG of each picture by its key; they are embedded.
    manifest : mapping
        As from `build_manifest`.
    """
    style = resources.files("trdstats.plan.report").joinpath("page.css").read_text("utf-8")
    links = "".join(f'<li><a href="#{s.key}">{as_html(s.title)}</a></li>' for s in sections)
    warnings = paragraphs(warnings_of(plan, study), "banner")
    shown = {LEADING_FIGURE} & {p.key for s in sections for p in s.pictures}
    body = "".join(write_section(s, figures, already_shown=shown) for s in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{as_html(plan.title)}</title><style>{style}</style></head><body>"
        '<a class="skip" href="#findings">To the findings</a><main>'
        f"<h1>{as_html(plan.title)}</h1>{warnings}"
        f"{write_first_screen(plan, study, sections, figures)}"
        f'<nav aria-label="Contents"><ol>{links}<li><a href="#methods">Methods</a></li>'
        '<li><a href="#manifest">What made this report</a></li></ol></nav>'
        f"{body}{write_fine_print(plan, study, sections, manifest)}</main></body></html>\n"
    )


def warnings_of(plan: Plan, study: Study) -> list[str]:
    """Return what must be said before any result: simulated data, treatments not randomised."""
    warnings = [_SIMULATED] if "sample" in plan.study else []
    if study.caveat:
        warnings.append(f"{study.caveat}. Differences between them may come from who was treated.")
    limits = [p for p in study.notices if p.level == "warning"]
    asked = [note_no_events(study, d) for d in plan.definitions.values()]
    limits += [p for p in asked if p is not None]
    return warnings + [f"{p.summary} {p.remedy}" for p in limits]
