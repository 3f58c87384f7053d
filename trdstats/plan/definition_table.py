"""The definitions of a plan as a table: outcome, rule and source, on every scale that judges."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from trdstats.errors import TrdstatsError
from trdstats.outcomes import Definition
from trdstats.plan.plan import Plan
from trdstats.scales import Scale
from trdstats.scales.source import Source
from trdstats.study import Study
from trdstats.tables import Table

_HEADER = ("Outcome", "Rule", "Source")


@dataclass(frozen=True, slots=True)
class RuleOnScale:
    """One definition as it reads on one scale.

    Attributes
    ----------
    name : str
        Of the definition; with the scale where that is not the primary one.
    words : str
    sources : tuple of Source
    """

    name: str
    words: str
    sources: tuple[Source, ...]


def rules_by_scale(plan: Plan, study: Study) -> dict[Scale, list[RuleOnScale]]:
    """Return the rules on the primary scale, then those that read differently on another one.

    Parameters
    ----------
    plan : Plan
        Its steps name the other scales on which outcomes are judged.
    study : Study
        Seen on the primary scale.
    """
    primary = {name: _rule(name, d, study.scale) for name, d in plan.definitions.items()}
    rules = {study.scale: list(primary.values())}
    for scale, judged in _other_scales(plan, study).items():
        rules[scale] = [
            _rule(f"{name} ({scale.label})", d, scale)
            for name, d in plan.definitions.items()
            if name in judged and _reads(d, scale) not in ("", primary[name].words)
        ]
    return rules


def _other_scales(plan: Plan, study: Study) -> dict[Scale, set[str]]:
    """Return the scales beside the primary one, with the outcomes that steps judge on them."""
    judged: dict[Scale, set[str]] = {}
    for settings in (step.settings for step in plan.steps):
        scale = study.scale if settings.scale is None else study.on(settings.scale).scale
        if scale.label != study.scale.label:
            names = plan.definitions if settings.judged is None else settings.judged
            judged.setdefault(scale, set()).update(names)
    return judged


def _rule(name: str, definition: Definition, scale: Scale) -> RuleOnScale:
    return RuleOnScale(name, definition.describe(scale), tuple(definition.sources(scale)))


def _reads(definition: Definition, scale: Scale) -> str:
    """Return a definition in words; empty where it does not fit the scale."""
    try:
        return definition.describe(scale)
    except TrdstatsError:
        return ""


def definition_frame(plan: Plan, study: Study) -> pd.DataFrame:
    """Return outcome, rule and source of each definition of a plan."""
    rows = [
        (r.name, r.words, "; ".join(s.cite() for s in r.sources) or "set by the analyst")
        for rules in rules_by_scale(plan, study).values()
        for r in rules
    ]
    return pd.DataFrame(rows, columns=[word.lower() for word in _HEADER])


def definition_table(plan: Plan, study: Study) -> Table:
    """Return the definitions and the scales, with their sources, as a table to be shown."""
    scales = [
        (s.label, s.name, s.source.cite() if s.source else "not stated")
        for s in rules_by_scale(plan, study)
    ]
    rows = definition_frame(plan, study).itertuples(index=False, name=None)
    return Table(_HEADER, (*rows, *scales), len(_HEADER))
