"""The mixed model of a plan as cross-products of one site that may leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from trdstats.errors import DataWarning, PlanError, SpecError, TrdstatsError, warn
from trdstats.formulas import read_formula
from trdstats.longitudinal import MMRM, MMRMSummary
from trdstats.plan.plan import Plan
from trdstats.plan.steps.change import ChangeSettings
from trdstats.sites.collect import rows_of_model
from trdstats.sites.disclosure import in_words, is_small
from trdstats.sites.patterns import guard_patterns, numbers_of
from trdstats.sites.ratings import CommonRatings, common_patterns
from trdstats.sites.withheld import Withheld, no_model
from trdstats.study import Study

_FEW_VALUES = 6  # a number with so few values is a category: its sums tell who has a rare one

Part = tuple[MMRMSummary | None, list[Withheld]]


def model_of(plan: Plan, study: Study, minimum: int, totals: Mapping[str, Sequence[int]]) -> Part:
    """Return the cross-products of the first mixed model, and what did not leave.

    Parameters
    ----------
    plan : Plan
    study : Study
    minimum : int
    totals : mapping of str to sequence of int
        Numbers of subjects of each treatment that leave as well.

    Raises
    ------
    PlanError
        When the plan names other columns or levels than the site has.

    Warns
    -----
    DataWarning
        When the model cannot be summarised: the reason is for the site, and may not leave it.
    """
    steps = [s for s in plan.steps if isinstance(s.settings, ChangeSettings)]
    asked = [s for s in steps if s.settings.model != "none"]  # type: ignore[attr-defined]
    if not asked:
        return None, []
    settings = asked[0].settings
    assert isinstance(settings, ChangeSettings)
    notes = [
        Withheld("mixed", f"[{s.name}]: not summarised, as a plan has one model.", is_missing=False)
        for s in asked[1:]
    ]
    if settings.scale is not None:
        return None, [*notes, no_model("it speaks of another scale")]
    if settings.days is None:
        return None, [*notes, no_model("the plan names no days, and sites could have others. Give "
                                    "days = [...] under [change]")]  # fmt: skip
    try:
        summary, withheld = _guarded(plan, study, settings, minimum, totals)
    except PlanError:
        raise
    except TrdstatsError as error:
        # What errors say of rows (levels, values, subjects) is for the site alone.
        warn(f"The mixed model is not summarised: {error}", DataWarning)
        return None, [*notes, no_model("it cannot be made of the rows of this site")]
    return summary, [*notes, *withheld]


def _guarded(
    plan: Plan,
    study: Study,
    settings: ChangeSettings,
    minimum: int,
    totals: Mapping[str, Sequence[int]],
) -> Part:
    spec = MMRM(settings.formula, covariance=settings.covariance, ddf=settings.ddf)
    formula = read_formula(settings.formula)
    needed = [str(v) for v in formula.required_variables]
    assert settings.days is not None
    rated = study.scheduled_days(rated=True)
    for day in (d for d in settings.days if d not in rated):
        where = "falls on" if study.windows is None else "falls in the window of"
        words = f"Mixed model: not summarised. No rating {where} day {day:g}."
        return None, [Withheld("mixed", words)]
    try:
        rows = rows_of_model(study, plan, settings, needed, minimum)
    except SpecError as error:  # names columns of the plan, and nothing of the site
        return None, [Withheld("mixed", f"Mixed model: not summarised. {error}")]
    if minimum == 1:
        return spec.summarise(rows), []
    outcome = str(next(iter(formula.lhs.required_variables)))
    categories = [
        c for c in needed
        if c not in ("visit", outcome)
        and (isinstance(rows[c].dtype, pd.CategoricalDtype) or rows[c].nunique() <= _FEW_VALUES)
    ]  # fmt: skip
    complete = rows.dropna(subset=[outcome, *(c for c in needed if c != "visit")])
    for c in categories:
        sizes = complete.groupby(complete[c].astype(str))["subject"].nunique()
        if any(is_small(n, minimum) for n in sizes):
            return None, [
                no_model(f"fewer than {minimum} subjects have one of the values of {c!r}")
            ]
    given = rows[outcome].where(rows.index.isin(complete.index))
    shared = common_patterns(
        rows.assign(**{outcome: given}), outcome, categories, minimum,
        n_numbers=numbers_of(spec.summarise(rows)), totals=totals,
    )  # fmt: skip
    if shared is None:
        why = f"its numbers of subjects differ from others of a treatment by fewer than {minimum}"
        return None, [no_model(why)]
    if not shared.kept.any():
        return None, [no_model(f"no pattern of visits is shared by {minimum} subjects")]
    summary, withheld = guard_patterns(
        spec.summarise(rows.assign(**{outcome: given.where(shared.kept)})), minimum
    )
    if summary is not None:
        withheld += _given_up(shared, minimum)
    return summary, withheld


def _given_up(shared: CommonRatings, minimum: int) -> list[Withheld]:
    """Return in words which ratings did not leave."""
    words = []
    if shared.n_reduced:
        words.append(
            f"Mixed model: {in_words(shared.n_reduced, minimum)} subjects give some of their "
            "ratings only, so that no pattern of visits, and no category within one, has fewer "
            f"than {minimum}, and no pattern hardly more than each subject has numbers."
        )
    if shared.n_lost:
        words.append(
            f"Mixed model: {in_words(shared.n_lost, minimum)} subjects are left out, as no pattern "
            "of visits of theirs could be shared, or as numbers of subjects would have differed by "
            "few."
        )
    return [Withheld("mixed", w, is_missing=False) for w in words]
