"""The end of the report: methods to be pasted into a paper, sources, versions, data, plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trdstats.outcomes.rates_result import MISSING_WORDS
from trdstats.plan.definition_table import definition_table, rules_by_scale
from trdstats.plan.plan import Plan
from trdstats.plan.report.html import as_html, fold, paragraphs
from trdstats.plan.second_opinions import counts_in_words
from trdstats.plan.sections import Section
from trdstats.scales.source import Source
from trdstats.study import Study
from trdstats.tables import format_level

_WITH_RATES = ("rates", "acute")


def methods_text(
    plan: Plan,
    study: Study,
    sections: Sequence[Section],
    manifest: Mapping[str, Any],
    cite: Callable[[Sequence[Source]], str] = lambda sources: "",
) -> list[str]:
    """Return the methods as paragraphs for a paper.

    Parameters
    ----------
    plan : Plan
    study : Study
    sections : sequence of Section
    manifest : mapping
        As from `build_manifest`.
    cite : callable
        Returns what stands behind a rule to name its sources, such as `` [1]``.
    """
    outcomes = " ".join(
        f"Outcomes were defined on the {scale.label}"
        f"{cite(() if scale.source is None else (scale.source,))}: "
        + "; ".join(f"{r.name.replace('_', ' ')}, {r.words}{cite(r.sources)}" for r in rules)
        + "."
        for scale, rules in rules_by_scale(plan, study).items()
        if rules
    )
    analyses = " ".join(dict.fromkeys(m for s in sections for m in s.methods))
    packages = ", ".join(f"{k} {v}" for k, v in manifest["packages"].items())
    software = (
        f"Analyses were carried out with trdstats {manifest['trdstats']} (Python "
        f"{manifest['python']}; {packages}). The plan has the registration number "
        f"{plan.registration[:12]}."
    )
    intervals = f"Intervals have a confidence level of {format_level(plan.conf_level)}."
    allocation = f"{study.caveat}." if study.caveat else ""
    has_rates = any(step.kind in _WITH_RATES for step in plan.steps)
    missing = f"In rates, patients not assessed were {MISSING_WORDS[plan.missing]}." * has_rates
    parts = [outcomes, missing, analyses, intervals, allocation, software]
    return [p for p in parts if p]


def write_fine_print(
    plan: Plan, study: Study, sections: Sequence[Section], manifest: Mapping[str, Any]
) -> str:
    """Return methods, sources, versions, fingerprints and plan as HTML."""
    methods = paragraphs(methods_text(plan, study, sections, manifest))
    opinions = [each for s in sections for each in s.opinions]
    recomputed = paragraphs([counts_in_words(opinions)]) if opinions else ""
    plan_text = f"<pre>{as_html(manifest['plan'])}</pre>"
    return (
        f'<section id="methods"><h2>Methods</h2>{methods}</section>'
        '<section id="manifest"><h2>What made this report</h2>'
        "<p>The same plan on the same data with the same versions writes the same numbers.</p>"
        f"{recomputed}"
        f"<h3>Definitions and their sources</h3>{definition_table(plan, study).to_html()}"
        f"{fold('Versions', _pairs(_versions(manifest)))}"
        f"{fold('Data (SHA-256)', _pairs(manifest['data']))}"
        f"{fold('Plan', plan_text)}</section>"
    )


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    made_with: dict[str, str] = {k: manifest[k] for k in ("trdstats", "python", "platform")}
    packages: dict[str, str] = manifest["packages"]
    return made_with | packages


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{as_html(k)}</th><td><code>{as_html(v)}</code></td></tr>'
        for k, v in pairs.items()
    )
    return f'<div class="table"><table>{rows}</table></div>'
