"""The definitions of a plan as a table: outcome, rule and source."""

from __future__ import annotations

import pandas as pd

from trdstats.plan.plan import Plan
from trdstats.study import Study
from trdstats.tables import Table

_HEADER = ("Outcome", "Rule", "Source")


def definition_frame(plan: Plan, study: Study) -> pd.DataFrame:
    """Return outcome, rule and source of each definition of a plan."""
    rows = [
        (
            name,
            d.describe(study.scale),
            "; ".join(s.cite() for s in d.sources(study.scale)) or "set by the analyst",
        )
        for name, d in plan.definitions.items()
    ]
    return pd.DataFrame(rows, columns=[word.lower() for word in _HEADER])


def definition_table(plan: Plan, study: Study) -> Table:
    """Return the definitions and the scale, with their sources, as a table to be shown."""
    source = study.scale.source.cite() if study.scale.source else "not stated"
    rows = definition_frame(plan, study).itertuples(index=False, name=None)
    return Table(_HEADER, (*rows, (study.scale.label, study.scale.name, source)), len(_HEADER))
