"""Who was studied, and what counts as an outcome."""

from __future__ import annotations

import pandas as pd

from trdstats.plan.sections import Section
from trdstats.plan.step import Step, Task
from trdstats.tables import Summary, Table, format_count, format_number


def run(task: Task) -> Section:
    """Return the study and the definitions of the plan."""
    plan, study = task.plan, task.study
    definitions = pd.DataFrame(
        [
            {
                "outcome": key,
                "rule": d.describe(study.scale),
                "source": "; ".join(s.cite() for s in d.sources(study.scale))
                or "set by the analyst",
            }
            for key, d in plan.definitions.items()
        ]
    )
    rows = tuple(definitions.itertuples(index=False, name=None))
    table = Table(("Outcome", "Rule", "Source"), rows, 3)
    source = study.scale.source.cite() if study.scale.source else "not stated"
    face = Summary("Definitions", (("Scale", f"{study.scale.name} ({source})"),), (table,))
    return Section(
        task.name,
        task.settings.title or "Who was studied, and what counts as an outcome",
        _lead(task),
        about="Every number below follows from these rules and from the visits that took place.",
        tables=(study.summary(), face),
        frames={"definitions": definitions, "subjects": study.subjects},
    )


def _lead(task: Task) -> str:
    """Return how many were studied, and how they scored before treatment."""
    study = task.study
    baseline = study.subjects["baseline"].dropna()
    return (
        f"{format_count(len(study.subjects))} patients under {len(study.treatments)} treatments; "
        f"mean {study.scale.label} before treatment {format_number(baseline.mean())} "
        f"(standard deviation {format_number(baseline.std())}, "
        f"{format_count(len(baseline))} with a baseline)."
    )


STEP: Step = Step("participants", "participants and definitions", run)
