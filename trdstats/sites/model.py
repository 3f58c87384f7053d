"""The mixed model of a plan as cross-products of one site that may leave it."""

from __future__ import annotations

import pandas as pd

from trdstats.errors import TrdstatsError
from trdstats.formulas import read_formula
from trdstats.longitudinal import MMRM, MMRMSummary
from trdstats.plan.plan import Plan
from trdstats.plan.steps.change import ChangeSettings
from trdstats.sites.collect import rows_of_model
from trdstats.sites.disclosure import in_words, is_small
from trdstats.sites.patterns import guard_patterns
from trdstats.sites.ratings import CommonRatings, common_patterns
from trdstats.sites.withheld import Withheld, no_model
from trdstats.study import Study

_FEW_VALUES = 6  # a number with so few values is a category: its sums tell who has a rare one

Part = tuple[MMRMSummary | None, list[Withheld]]


def model_of(plan: Plan, study: Study, minimum: int) -> Part:
    """Return the cross-products of the first mixed model, and what did not leave."""
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
        summary, withheld = _guarded(plan, study, settings, minimum)
    except TrdstatsError as error:
        words = f"Mixed model: not summarised. {error}"
        return None, [*notes, Withheld("mixed", words)]
    return summary, [*notes, *withheld]


def _guarded(plan: Plan, study: Study, settings: ChangeSettings, minimum: int) -> Part:
    spec = MMRM(settings.formula, covariance=settings.covariance, ddf=settings.ddf)
    formula = read_formula(settings.formula)
    needed = [str(v) for v in formula.required_variables]
    rows = rows_of_model(study, plan, settings, needed, minimum)
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
    rated = rows[outcome].where(rows.index.isin(complete.index))
    shared = common_patterns(rows.assign(**{outcome: rated}), outcome, categories, minimum)
    if not shared.kept.any():
        return None, [no_model(f"no pattern of visits is shared by {minimum} subjects")]
    summary, withheld = guard_patterns(
        spec.summarise(rows.assign(**{outcome: rated.where(shared.kept)})), minimum
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
            f"than {minimum}."
        )
    if shared.n_lost:
        words.append(
            f"Mixed model: {in_words(shared.n_lost, minimum)} subjects are left out, as no pattern "
            "of visits of theirs could be shared."
        )
    return [Withheld("mixed", w, is_missing=False) for w in words]
