"""Which rates differ at a day that treatments share."""

from __future__ import annotations

import warnings

import pandas as pd

from trdstats.errors import DataWarning, EstimateWarning, Problem
from trdstats.outcomes import Definition, Rates, rates
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section
from trdstats.plan.step import Step
from trdstats.study import Study


def estimate_rates(
    plan: Plan, study: Study, definition: Definition, day: float
) -> tuple[Rates, list[str]]:
    """Return rates, and what could not be estimated."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimateWarning)
        warnings.simplefilter("ignore", DataWarning)  # they are among the notices of the result
        result = rates(
            study,
            definition,
            day=day,
            missing=plan.missing,
            conf_level=plan.conf_level,
            method=plan.interval,
            difference=plan.difference,
            reference=plan.reference,
        )
    return result, [str(w.message) for w in caught if issubclass(w.category, EstimateWarning)]


def run(plan: Plan, study: Study) -> Section:
    """Return rates and their differences at the days of the plan."""
    found: list[Rates] = []
    cautions: list[str] = []
    notices: list[Problem] = []
    for day in plan.rate_days:
        for definition in (plan.response, plan.remission):
            result, said = estimate_rates(plan, study, definition, day)
            found.append(result)
            cautions += said
            notices += result.notices
    for problem in dict.fromkeys(notices):
        warnings.warn(problem.describe(), DataWarning, stacklevel=2)
    frames = [r.tidy().assign(outcome=r.label, day=r.day) for r in found]
    return Section(
        "rates",
        "Which rates differ at the same day?",
        "Treatments compared at a scheduled day they share.",
        faces=tuple(r.summary() for r in found),
        frames={"rates": pd.concat(frames, ignore_index=True)},
        cautions=tuple(dict.fromkeys(cautions)),
    )


STEP = Step(
    "rates", "rates at scheduled days",
    ("response", "remission", "rate_days", "missing", "interval", "difference", "reference"), run,
)  # fmt: skip
