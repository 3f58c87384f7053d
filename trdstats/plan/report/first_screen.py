"""The first screen: what was asked, who was studied, the findings side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from trdstats.errors import PlanError, count_of
from trdstats.plan.confirmatory import judge_confirmatory
from trdstats.plan.plan import Plan
from trdstats.plan.report.html import as_html, figure_html, paragraphs
from trdstats.plan.sections import Section
from trdstats.study import Study
from trdstats.tables import NOT_ESTIMABLE, Table, each_row, format_number, format_p

LEADING_FIGURE = "in_response"


def write_first_screen(
    plan: Plan, study: Study, sections: Sequence[Section], figures: Mapping[str, Path]
) -> str:
    """Return the first screen as HTML."""
    picture = next((p for s in sections for p in s.pictures if p.key == LEADING_FIGURE), None)
    shown = "" if picture is None else figure_html(picture, figures[LEADING_FIGURE])
    return (
        f'<div id="findings">{paragraphs([_who(study), _what(plan, study)])}'
        f"{_confirmatory(plan, sections)}"
        f"{headline_table(study, sections).to_html()}{shown}"
        f'<p class="files">Registration number of the plan (SHA-256): <code>'
        f"{plan.registration}</code></p></div>"
    )


def _who(study: Study) -> str:
    counts = study.subjects["treatment"].value_counts()
    arms = ", ".join(f"{t} ({counts[t]})" for t in study.treatments)
    how = "allocated at random" if study.randomised else "not allocated at random"
    patients = count_of(len(study.subjects), "patient", "patients")
    return f"{patients}, assessed with the {study.scale.label}: {arms}; {how}."


def _what(plan: Plan, study: Study) -> str:
    rules = (
        f"{name.replace('_', ' ')}: {d.describe(study.scale)}"
        for name, d in plan.definitions.items()
    )
    return "What counts. " + ". ".join(r[:1].upper() + r[1:] for r in rules) + "."


def headline_table(study: Study, sections: Sequence[Section]) -> Table:
    """Return one row a treatment, one column a question."""
    headlines: dict[str, Mapping[str, str]] = {}
    for section in sections:
        for question, by in section.headlines.items():
            again = f"{question} [{section.key}]"  # a step that is asked twice
            headlines[again if question in headlines else question] = by
    rows = tuple(
        (t, *(by.get(t, NOT_ESTIMABLE) for by in headlines.values())) for t in study.treatments
    )
    return Table(("Treatment", *headlines), rows)


def _confirmatory(plan: Plan, sections: Sequence[Section]) -> str:
    if plan.confirmatory is None:
        return ""
    tables = {s.key: s.results for s in sections if s.results is not None}
    try:
        judged = judge_confirmatory(plan.confirmatory, tables)
    except PlanError as error:
        return f'<p class="banner">{as_html(str(error))}</p>'
    rule = plan.confirmatory.rule
    how = "" if rule == "none" else f" (multiplicity: {rule})"
    title = f"<h2>Confirmatory results{as_html(how)}</h2>"
    return title + "".join(f"<p>{as_html(t)}</p>" for t in confirmatory_sentences(judged, plan))


def confirmatory_sentences(judged: pd.DataFrame, plan: Plan) -> list[str]:
    """Return a sentence for each confirmatory result."""
    assert plan.confirmatory is not None
    level = f"{100 * plan.conf_level:g} % CI"
    sentences = []
    for row in each_row(judged):
        limits = f"{format_number(row.conf_low, 3)} to {format_number(row.conf_high, 3)}"
        part = "Primary" if row.primary else "Key secondary"
        shown = "shown" if row.is_shown else "not shown"
        sides = " (one-sided)" if row.sides == 1 else ""
        sentences.append(
            f"{part}. {row.name}: {format_number(row.estimate, 3)} ({level} {limits}), p "
            f"{format_p(row.p_value)}{sides}, adjusted {format_p(row.p_adjusted)}: {shown} at "
            f"{plan.confirmatory.alpha:g}."
        )
    return sentences
