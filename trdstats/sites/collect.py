"""What a plan asks of the study of one site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from trdstats.errors import NotEstimableError, PlanError, SpecError, UnknownNameError
from trdstats.kinds import as_labels, label_of
from trdstats.outcomes import LEFT_FOLLOW_UP, EventTimes, rates, time_to
from trdstats.outcomes.verdicts.missing import Missing
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.plan.plan import Plan
from trdstats.plan.steps.change import ChangeSettings
from trdstats.plan.steps.rates import RatesSettings, days_of_outcomes
from trdstats.plan.switching import strategy_for
from trdstats.sites.counts import RateCount, TimeCounts, counts_of_times
from trdstats.sites.withheld import Withheld, not_followed
from trdstats.study import Study


def reference_of(plan: Plan) -> str:
    """Return the treatment that others are compared with, the same at every site."""
    if plan.reference is not None:
        return str(label_of(plan.reference))
    named = plan.sites.levels.get("treatment", ())
    return str(label_of(named[0])) if named else ""


def treatments_named(plan: Plan) -> list[str]:
    """Return the treatments of all sites; empty where the plan does not name them."""
    return [str(label_of(t)) for t in plan.sites.levels.get("treatment", ())]


def check_treatments(plan: Plan, study: Study, *, masked: bool) -> None:
    """Refuse a treatment that the plan does not name: it would stand beside those of other sites.

    Raises
    ------
    PlanError
        Also when counts are masked and the plan names no treatments: a cell without a mask would
        tell who has them.
    """
    named = treatments_named(plan)
    if masked and not named:
        raise PlanError(
            "Masked counts need the treatments of all sites: [sites] levels = { treatment = [...] }"
            "."
        )
    other = [t for t in study.treatments if named and t not in named]
    if other:
        raise PlanError(
            f"[sites] levels: 'treatment' has {', '.join(map(repr, other))} at this site, which "
            "the plan does not name."
        )


def rate_counts(plan: Plan, study: Study) -> tuple[list[RateCount], list[Withheld]]:
    """Return the counts of every step of rates, and those that cannot be had."""
    counts: dict[tuple[str, float, str], RateCount] = {}
    lacking: list[Withheld] = []
    for step in plan.steps:
        if not isinstance(step.settings, RatesSettings):
            continue
        if step.settings.scale is not None:
            words = f"[{step.name}]: not summarised, as it speaks of another scale."
            lacking.append(Withheld("rates", words, is_missing=False))
            continue
        for outcome, day in days_of_outcomes(plan, step.settings):
            for c in _of_day(plan, study, outcome, day, lacking):
                counts.setdefault((c.outcome, c.day, c.treatment), c)
    return list(counts.values()), lacking


def _of_day(
    plan: Plan, study: Study, outcome: str, day: float, lacking: list[Withheld]
) -> list[RateCount]:
    missing, reference = _missing_here(plan, study)
    definition = plan.definition(outcome)
    try:
        table = rates(
            study, definition, day=day, missing=missing,
            reference=reference, after_switch=strategy_for("rates", plan.after_switch),
        ).counts  # fmt: skip
    except UnknownNameError:
        if not _is_planned(study, day):
            raise
        # The day is planned, and no subject came to it here.
        table = pd.DataFrame({"treatment": study.treatments, "n": pd.NA, "events": pd.NA})
    label = definition.label(study.scale)
    sizes = study.subjects["treatment"].astype(str).value_counts()
    made = []
    for name, n, events in zip(
        table["treatment"].astype(str).tolist(), table["n"].tolist(), table["events"].tolist(),
        strict=True,
    ):  # fmt: skip
        if not (pd.isna(n) or pd.isna(events)):
            counted = (int(n), int(events))
        elif missing == "locf":
            words = f"{label} at day {day:g} under {name}: no rating at that day."
            lacking.append(Withheld("rates", words, outcome, name, float(day), label=label))
            continue
        else:
            verdict, size = _unrated(missing, name == reference), int(sizes.get(name, 0))
            counted = (0 if verdict is None else size, size if verdict else 0)
            if verdict is not None and size:
                lacking.append(_not_judged(label, outcome, float(day), name, met=verdict))
        made.append(RateCount(outcome, label, float(day), name, *counted))
    return made


def _not_judged(label: str, outcome: str, day: float, treatment: str, *, met: bool) -> Withheld:
    """Return that the verdicts of a whole treatment at a site are those of missing ones."""
    words = (
        f"{label} at day {day:g} under {treatment}: no subject could be judged; all count as "
        f"{'' if met else 'not '}met."
    )
    return Withheld("rates", words, outcome, treatment, day, label=label, is_missing=False)


def _missing_here(plan: Plan, study: Study) -> tuple[Missing, str | None]:
    """Return how missing verdicts count at this site, and the reference, None where none has it.

    Raises
    ------
    PlanError
        When they favour a reference that the plan does not name.
    """
    reference, missing = reference_of(plan), plan.missing
    if missing == "worst" and not reference:
        raise PlanError(
            'missing = "worst" favours the reference: name it, reference = "..." under [analysis].'
        )
    if reference in study.treatments:
        return missing, reference
    # No subject here is of the reference: under "worst" all missing verdicts are not met.
    return "nonresponse" if missing == "worst" else missing, None


def _is_planned(study: Study, day: float) -> bool:
    """Return whether every treatment has a window of the day, whoever came."""
    return study.windows is not None and all(day in w.days for w in study.windows.values())


def _unrated(missing: Missing, is_reference: bool) -> bool | None:
    """Return the verdict of a treatment of which no subject was assessed; None: not counted."""
    return None if missing == "observed" else missing == "worst" and is_reference


def verdicts_of(plan: Plan, study: Study, outcome: str, day: float) -> pd.DataFrame:
    """Return whether each subject met an outcome at a day, as if the rows of all sites were here.

    A treatment of which no subject was assessed at the day here was scheduled for it elsewhere; so
    were all, where the day is planned and no subject came to it.

    Raises
    ------
    NotEstimableError
        When values are to be carried forward to a day at which a treatment has no rating here:
        whether it was scheduled for the day is not known.
    """
    missing, reference = _missing_here(plan, study)
    subjects = study.subjects
    try:
        table = verdicts(
            study, plan.definition(outcome), day=day, missing=missing,
            reference=reference or study.treatments[0],
            after_switch=strategy_for("rates", plan.after_switch),
        )[["subject", "treatment", "met"]]  # fmt: skip
    except UnknownNameError:
        if not _is_planned(study, day):
            raise
        unknown = pd.array([None] * len(subjects), dtype="boolean")
        table = subjects[["subject", "treatment"]].assign(met=unknown)
    met = table["met"].astype("boolean")
    arm = subjects["treatment"].astype(str).to_numpy()
    for name in study.treatments:
        in_arm = arm == name
        verdict = _unrated(missing, name == reference)
        if verdict is None or not in_arm.any() or met[in_arm].notna().any():
            continue
        if missing == "locf":
            raise NotEstimableError(
                f"no subject under {name} has a rating at day {day:g}, to which values are to be "
                "carried forward."
            )
        met[in_arm] = verdict
    return table.assign(met=met)


def time_counts(plan: Plan, study: Study) -> tuple[list[TimeCounts], list[Withheld]]:
    """Return the counts of times to response, remission and relapse."""
    ends = needs_an_end(plan)
    counts: list[TimeCounts] = []
    lacking: list[Withheld] = []
    for outcome in ("response", "remission", "relapse"):
        if study.windows is None and ends[outcome]:
            words = (
                f"Times to {outcome}: not summarised, as the plan has no windows: who left early "
                "would be told by the last visit of each site. Name the visits, "
                "[study] windows = { 28 = 3, ... }."
            )
            lacking += [Withheld("times", words, outcome, t) for t in study.treatments]
            continue
        times = times_to(plan, study, outcome)
        if times is not None:
            counts += counts_of_times(times, outcome)
        # Where no subject responded none can relapse: nothing is left out.
        if outcome != "relapse" and (times is None or not len(times.at_risk())):
            lacking.append(not_followed("times", f"Times to {outcome}", outcome))
    return counts, lacking


def times_to(plan: Plan, study: Study, outcome: str) -> EventTimes | None:
    """Return the times to response, remission or relapse; None where no subject responded."""
    try:
        if outcome == "relapse":
            return time_to(
                study, plan.relapse, since=plan.response, competing=plan.competing,
                after_switch=plan.after_switch,
            )  # fmt: skip
        strategy = strategy_for("onset", plan.after_switch)
        return time_to(study, plan.definition(outcome), after_switch=strategy)
    except NotEstimableError:
        return None


def needs_an_end(plan: Plan) -> dict[str, bool]:
    """Return whether the last scheduled day decides on the times to an outcome."""
    failing = strategy_for("onset", plan.after_switch) == "failure"
    leaving = LEFT_FOLLOW_UP in plan.competing
    return {"response": failing, "remission": failing, "relapse": leaving}


def rows_of_model(
    study: Study, plan: Plan, settings: ChangeSettings, needed: Sequence[str], minimum: int
) -> pd.DataFrame:
    """Return the rows of the mixed model; categories have the levels of all sites.

    Raises
    ------
    PlanError
        When the plan names levels that do not fit, or, where few may not leave, does not name
        those of a text.
    """
    assert settings.days is not None
    frame = study.longitudinal(list(settings.days))
    made = {"visit": pd.Categorical(frame["visit"], categories=list(settings.days))}
    for column in dict.fromkeys([*needed, *plan.sites.levels]):
        if column not in frame:
            if column in plan.sites.levels:
                raise PlanError(
                    f"[sites] levels: the study has no column {column!r} in its rows; it has "
                    f"{', '.join(map(str, frame.columns))}."
                )
            continue
        kind = frame[column].dtype
        is_number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
        if column == "visit" or (is_number and column not in plan.sites.levels):
            continue
        made[column] = label_categories(frame[column], column, plan, minimum)
    return frame.assign(**made)


def label_categories(
    values: pd.Series[Any], column: str, plan: Plan, minimum: int
) -> pd.Categorical[str]:
    """Return a column as categories with the levels of all sites.

    Raises
    ------
    PlanError
        When the site has levels that the plan does not name.
    SpecError
        When the plan does not name the levels of a text, and cells of few may not leave.
    """
    labels = as_labels(values)
    named = plan.sites.levels.get(column)
    if named is None:
        if minimum > 1 and column != "treatment":
            raise SpecError(
                f"The levels of {column!r} are texts of this site: name those that may leave, "
                f"[sites] levels = {{ {column} = [...] }}."
            )
        return pd.Categorical(labels, categories=labels.cat.categories)
    levels = [str(label_of(v)) for v in named]
    other = sorted(set(labels.dropna().astype(str)) - set(levels))
    if other:
        raise PlanError(
            f"[sites] levels: {column!r} has {', '.join(map(repr, other))} at this site, which the "
            "plan does not name."
        )
    return pd.Categorical(labels, categories=levels)
