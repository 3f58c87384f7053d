"""The first screen: what was asked, who was studied, the findings side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trdstats.errors import PlanError
from trdstats.plan.confirmatory import judge_sections
from trdstats.plan.definition_table import rules_by_scale
from trdstats.plan.plan import Plan
from trdstats.plan.report.html import as_html, figure_html, paragraphs
from trdstats.plan.sections import Section
from trdstats.study import Study
from trdstats.tables import (
    NOT_ESTIMABLE,
    Table,
    each_row,
    format_ci,
    format_count,
    format_number,
    format_p,
    format_p_equation,
    format_significant,
)
from trdstats.tables.number_style import PLAIN, current_style

LEADING_FIGURE = "in_response"


def write_first_screen(
    plan: Plan, study: Study, sections: Sequence[Section], figures: Mapping[str, Path]
) -> str:
    """Return the first screen as HTML."""
    picture = next((p for s in sections for p in s.pictures if p.key == LEADING_FIGURE), None)
    shown = "" if picture is None else figure_html(picture, figures[LEADING_FIGURE])
    return (
        f'<div id="findings">{paragraphs([describe_patients(study), _what(plan, study)])}'
        f"{_confirmatory(plan, sections)}"
        f"{headline_table(study, sections).to_html()}"
        f"{paragraphs(headline_notes(sections), 'below')}{shown}"
        f'<p class="files">Registration number of the plan (SHA-256): <code>'
        f"{plan.registration}</code></p></div>"
    )


def describe_patients(study: Study) -> str:
    """Return how many patients were studied, under which treatments."""
    counts = study.subjects["treatment"].value_counts()
    arms = ", ".join(f"{t} ({format_count(counts[t])})" for t in study.treatments)
    how = "allocated at random" if study.randomised else "not allocated at random"
    n = len(study.subjects)
    patients = f"{format_count(n)} {'patient' if n == 1 else 'patients'}"
    return f"{patients}, assessed with the {study.scale.label}: {arms}; {how}."


def _what(plan: Plan, study: Study) -> str:
    rules = (
        f"{r.name.replace('_', ' ')}: {r.words}"
        for of_scale in rules_by_scale(plan, study).values()
        for r in of_scale
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


def headline_notes(sections: Sequence[Section]) -> list[str]:
    """Return why figures of the table of findings, or their intervals, are missing."""
    return list(dict.fromkeys(text for section in sections for text in section.unsaid))


def _confirmatory(plan: Plan, sections: Sequence[Section]) -> str:
    if plan.confirmatory is None:
        return ""
    try:
        sentences = confirmatory_sentences(plan, sections)
    except PlanError as error:
        return f'<p class="banner">{as_html(str(error))}</p>'
    return f"<h2>{as_html(confirmatory_title(plan))}</h2>{paragraphs(sentences)}"


def confirmatory_title(plan: Plan) -> str:
    """Return the heading of the confirmatory results, with the rule of multiplicity."""
    rule = "none" if plan.confirmatory is None else plan.confirmatory.rule
    return "Confirmatory results" + ("" if rule == "none" else f" (multiplicity: {rule})")


def confirmatory_sentences(plan: Plan, sections: Sequence[Section]) -> list[str]:
    """Return a sentence for each confirmatory result; none when the plan has none.

    Raises
    ------
    PlanError
        When a result cannot be found among those of its step.
    """
    if plan.confirmatory is None:
        return []
    judged = judge_sections(plan.confirmatory, sections)
    sentences = []
    for row in each_row(judged):
        part = "Primary" if row.primary else "Key secondary"
        shown = "shown" if row.is_shown else "not shown"
        sentences.append(
            f"{part}. {row.name}: {format_number(row.estimate, 3)} ("
            f"{format_ci(plan.conf_level, row.conf_low, row.conf_high, 3)}{_margin(row)}), "
            f"{_p_values(row)}: "
            f"{shown} at {format_significant(plan.confirmatory.alpha)}."
        )
    return sentences


def _margin(row: Any) -> str:
    """Return the margin of a test of non-inferiority; empty for other tests."""
    return "" if math.isnan(row.margin) else f"; margin {format_number(row.margin, 3)}"


def _p_values(row: Any) -> str:
    """Return the p-value of a confirmatory result and the adjusted one: equations in a journal."""
    sides = " (one-sided)" if row.sides == 1 else ""
    if current_style() is PLAIN:
        return f"p {format_p(row.p_value)}{sides}, adjusted {format_p(row.p_adjusted)}"
    return f"{format_p_equation(row.p_value)}{sides}, adjusted {format_p_equation(row.p_adjusted)}"
