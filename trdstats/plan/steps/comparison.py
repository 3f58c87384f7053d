"""The last section of a report: which cohorts may be compared, crude and adjusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from trdstats.comparison import Comparison, compare
from trdstats.comparison.cohorts.comparability import CAUTION, NOT_COMPARABLE, OK
from trdstats.comparison.cohorts.pair_estimates import OUTCOMES, RATE
from trdstats.errors import NotEstimableError
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.step import Step, Task
from trdstats.plan.switching import strategy_for
from trdstats.plan.wording import say_excluding_zero
from trdstats.tables import NOT_ESTIMABLE, Summary, Table

KEY, TITLE = "comparison", "Which differences survive a fair comparison?"
_RESAMPLES = 100  # of the onset: limits good to a tenth of their width


def check(task: Task) -> Iterator[tuple[str, str]]:
    """Yield what the plan does with a switch and the outcomes of a cohort cannot take."""
    plan = task.plan
    if _is_adjusted(task):
        yield from task.misfits_of_switch(KEY, plan.response, plan.relapse)
        yield from task.misfits_of_switch(KEY, plan.relapse, plan.response)


def run(task: Task) -> Section:
    """Compare every pair of treatments; only crude where no covariates are named."""
    plan, study = task.plan, task.study
    title = task.settings.title or TITLE
    if not _is_adjusted(task):
        caution = (
            "No covariates are named: every comparison above is crude. Name those known before "
            'treatment, adjust = "age + baseline", under [analysis].'
        )
        notes = () if study.randomised or len(study.treatments) < 2 else (Note(caution),)
        return Section(task.name, title, "Nothing is adjusted.", notes=notes)
    assert plan.adjust is not None
    strategy = strategy_for(KEY, plan.after_switch)
    try:
        comparison = compare(
            study,
            adjust=plan.adjust,
            response=plan.response,
            relapse=plan.relapse,
            day=plan.rate_days[0] if plan.rate_days else None,
            tau=plan.horizon,
            relapse_tau=max(plan.durability_days),
            reference=plan.reference,
            missing="indicator",
            after_switch=strategy,
            # A rate cannot censor: the rates of the report say how they count a switch.
            outcomes=[o for o in OUTCOMES if strategy != "censor" or o != RATE],
            n_boot=_RESAMPLES,
            conf_level=plan.conf_level,
        )
    except NotEstimableError as error:
        reason = Note(str(error), "not estimable")
        return Section(task.name, title, "The cohorts could not be compared.", notes=(reason,))
    return _section(task, title, comparison)


def _is_adjusted(task: Task) -> bool:
    return task.plan.adjust is not None and len(task.study.treatments) > 1


def _section(task: Task, title: str, comparison: Comparison) -> Section:
    pictures: tuple[Picture, ...] = ()
    table = comparison.tidy()
    compared = table.loc[table["estimate"].notna(), ["treatment", "reference"]].drop_duplicates()
    if len(compared):

        def draw(figure: Any) -> None:
            comparison.plot(figure)

        caption = (
            "Treatment less reference, crude and adjusted, of the pairs that can be compared; the "
            "matrix of verdicts has the others."
        )
        pictures = (Picture(KEY, caption, draw, (13.0, 0.42 * len(compared) + 2.2)),)
    frames = {
        "comparison": table,
        "comparison_findings": comparison.findings(),
        "comparison_balance": comparison.balance(),
    }
    return Section(
        task.name,
        title,
        _lead(comparison, table),
        about="Every pair is judged before it is compared. Adjusted for "
        f"{task.plan.adjust}; nothing is known of what was not measured.",
        tables=(
            Summary("Can these cohorts be compared?", tables=(_matrix(comparison),)),
            comparison.summary(),
        ),
        pictures=pictures,
        frames=frames,
        results=table,
        headlines={f"Comparable with {task.reference}": _with_reference(task, comparison)},
        methods=(
            f"Each pair of cohorts was compared crudely and adjusted for {task.plan.adjust} by "
            "propensity weights, where the covariates of the two overlap enough.",
        ),
    )


def _conclusions(comparison: Comparison) -> dict[frozenset[str], str]:
    return {frozenset((c.treatment, c.reference)): c.conclusion for c in comparison.comparability}


def _lead(comparison: Comparison, table: pd.DataFrame) -> str:
    """Return how many pairs can be compared, and how the adjusted differences in rates turn out."""
    conclusions = list(_conclusions(comparison).values())
    counts = ", ".join(
        f"{conclusions.count(word)} {word}" for word in (OK, CAUTION, NOT_COMPARABLE)
    )
    adjusted = table[(table["analysis"] == "adjusted") & table["estimate"].notna()]
    return (
        f"Of {len(conclusions)} pairs of cohorts: {counts}. Of {len(adjusted)} adjusted "
        f"differences that could be estimated, {say_excluding_zero(adjusted)}."
    )


def _matrix(comparison: Comparison) -> Table:
    """Return the conclusions of all pairs, one row and one column a treatment."""
    by_pair = _conclusions(comparison)
    names = list(
        dict.fromkeys(t for c in comparison.comparability for t in (c.reference, c.treatment))
    )
    rows = tuple(
        (a, *("" if a == b else by_pair.get(frozenset((a, b)), NOT_ESTIMABLE) for b in names))
        for a in names
    )
    return Table(("", *names), rows, len(names) + 1)


def _with_reference(task: Task, comparison: Comparison) -> dict[str, str]:
    by_pair = _conclusions(comparison)
    return {
        t: by_pair.get(frozenset((t, task.reference)), "reference") for t in task.study.treatments
    }


STEP: Step = Step(KEY, "comparison of cohorts", run, check=check, cost=12.0)
