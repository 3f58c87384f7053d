"""The last section of a report: which cohorts may be compared, crude and adjusted."""

from __future__ import annotations

from typing import Any

from trdstats.comparison import Comparison, compare
from trdstats.errors import DataError, TrdstatsError, unknown_name
from trdstats.formulas import read_right_side
from trdstats.formulas.design import as_categories
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step
from trdstats.study import Study

KEY, TITLE = "comparison", "Which differences survive a fair comparison?"
_RESAMPLES = 100  # of the onset: limits good to a tenth of their width


def run(plan: Plan, study: Study) -> Section:
    """Compare every pair of treatments, a verdict first; crude alone where nothing is adjusted."""
    if plan.adjust is None or len(study.treatments) < 2:
        caution = (
            "No covariates are named: every comparison above is crude. Name those known before "
            'treatment, adjust = "age + baseline", under [analysis].'
        )
        cautions = () if study.randomised or len(study.treatments) < 2 else (caution,)
        return Section(KEY, TITLE, "Nothing is adjusted.", cautions=cautions)
    try:
        found = compare(
            study,
            adjust=plan.adjust,
            response=plan.response,
            relapse=plan.relapse,
            day=plan.rate_days[0] if plan.rate_days else None,
            tau=plan.horizon,
            relapse_tau=max(plan.durability_days),
            reference=plan.reference,
            missing="indicator",
            n_boot=_RESAMPLES,
            conf_level=plan.conf_level,
        )
    except TrdstatsError as error:
        return Section(KEY, TITLE, "The cohorts could not be compared.", cautions=(str(error),))
    return _section(plan, found)


def _section(plan: Plan, found: Comparison) -> Section:
    pictures: tuple[Picture, ...] = ()
    if found.tidy()["estimate"].notna().any():
        rows = len(found.verdicts)

        def draw(figure: Any) -> None:
            found.plot(figure)

        caption = (
            "Treatment less reference, crude and adjusted. A pair without marks is not to be "
            "compared; the table of verdicts says why."
        )
        pictures = (Picture(KEY, caption, draw, (13.0, 0.42 * rows + 2.2)),)
    frames = {
        "comparison": found.tidy(),
        "comparison_verdicts": found.findings(),
        "comparison_balance": found.balance(),
    }
    return Section(
        KEY,
        TITLE,
        f"Every pair is judged before it is compared. Adjusted for {plan.adjust}; nothing is known "
        "of what was not measured.",
        faces=(found.summary(),),
        pictures=pictures,
        frames=frames,
    )


def check(plan: Plan, study: Study) -> list[tuple[str, str]]:
    """Return which covariates are not there, or cannot be covariates as they stand."""
    if plan.adjust is None:
        return []
    formula, subjects = read_right_side(plan.adjust), study.subjects
    names = sorted(map(str, formula.required_variables))
    strange = [name for name in names if name not in subjects.columns]
    found = [
        ("adjust", str(unknown_name("column of the subjects", name, subjects.columns)))
        for name in strange
    ]
    try:
        as_categories(
            subjects, [n for n in names if n not in strange], uses=formula.columns(),
            what="subjects",
        )  # fmt: skip
    except DataError as error:
        found += [("adjust", f"{p.summary} {p.remedy}") for p in error.problems]
    return found


STEP = Step(KEY, "fair comparison", ("adjust", "reference", "horizon"), run, check)
