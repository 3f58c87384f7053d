"""How soon: time to the first response, which lies between two visits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import NotEstimableError
from trdstats.kinds import label_of
from trdstats.outcomes import EventTimes
from trdstats.plan.curve_picture import curve_picture
from trdstats.plan.members import members_of_times
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.shared_days import assessed_days
from trdstats.plan.step import Step, Task
from trdstats.survival import (
    RMST,
    IntervalLogRank,
    IntervalPH,
    KaplanMeier,
    LogRank,
    MixtureCure,
    Turnbull,
    audit_schedule,
)
from trdstats.tables import (
    Summary,
    SummaryMixin,
    each_row,
    format_level,
    format_number,
    format_p_equation,
)

_TITLE = "How soon?"
_IN_RESULTS = (
    "onset_quantiles", "onset_test_pairs", "onset_cure", "onset_audit_pairs", "onset_rmst",
)  # fmt: skip
_ABOUT = (
    "Time from day 0 to the first {outcome}. A visit can only detect what has already happened, so "
    "onset lies between two visits; estimates here use that interval."
)


@checked
@dataclass(frozen=True)
class OnsetSettings(StepSettings):
    """The ``[onset]`` table.

    Attributes
    ----------
    outcome : str
        Definition of the plan.
    hazards : bool
        Whether hazard ratios between treatments are estimated (`IntervalPH`).
    cure : bool
        Whether "ever" and "how soon" are told apart (`MixtureCure`); needs long follow-up.
    visit_dated : bool
        Whether curves that date onset at the visit stand beside (`KaplanMeier`, `LogRank`, `RMST`).
    """

    outcome: str = "response"
    hazards: bool = True
    cure: bool = False
    visit_dated: bool = False

    @property
    def judged(self) -> tuple[str, ...]:
        """The outcome to which the time is taken."""
        return (self.outcome,)


@dataclass
class _Parts:
    """What the step has collected so far."""

    tables: list[Summary]
    frames: dict[str, pd.DataFrame]
    results: list[pd.DataFrame]
    notes: list[Note]
    methods: list[str]
    checked: list[SummaryMixin] = field(default_factory=list)


def check(task: Task) -> Iterator[str | tuple[str, str]]:
    """Yield the outcome that the plan does not have."""
    name = task.settings.outcome
    unknown = list(task.unknown_outcomes(name))
    yield from unknown
    if unknown:
        return
    definition = task.definition(name)
    yield from task.misfits_of_switch("onset", definition)
    if definition.fixed_day is not None:
        yield f"outcome: {name!r} has a fixed day: there is no time to it."
    elif definition.is_worsening:
        yield (
            f"outcome: {name!r} is a bad outcome: time to it begins with a response, which is "
            "the step durability."
        )


def run(task: Task) -> Section:
    """Return times to first response: between visits, tests, what the schedule does to them."""
    plan, study, settings = task.plan, task.study, task.settings
    times = task.onset(settings.outcome)
    times = times.with_reference(task.reference)
    curves = Turnbull(conf_level=plan.conf_level).fit(times)
    quantiles = curves.quantiles()
    medians = quantiles[quantiles["probability"] == 0.5]
    parts = _Parts(
        [curves.summary()],
        {"onset_times": times.frame, "onset_quantiles": quantiles},
        [quantiles.assign(measure="quantile")],
        [],
        [
            "Time to response was treated as interval-censored between visits; the distribution "
            "was estimated by maximum likelihood without assumptions (Turnbull)."
        ],
    )
    lead = _medians(medians, settings.outcome)
    if len(study.treatments) > 1:
        lead = " ".join(filter(None, (lead, _compare(task, times, parts))))
        if len(set(assessed_days(study).values())) > 1:
            _audit(task, parts)
    pictures = [_picture(task, curves, lead)]
    if settings.visit_dated:
        pictures.append(_date_at_visits(task, times, parts))
    return Section(
        task.name,
        settings.title or _TITLE,
        lead,
        about=_ABOUT.format(outcome=settings.outcome.replace("_", " ")),
        tables=tuple(parts.tables),
        pictures=tuple(pictures),
        frames=parts.frames,
        results=pd.concat(parts.results, ignore_index=True),
        in_results=_IN_RESULTS,
        members=members_of_times(times),
        headlines={
            f"Median days to {settings.outcome}, between visits": {
                str(r.treatment): _between(r) for r in each_row(medians)
            }
        },
        notes=tuple(parts.notes),
        methods=tuple(parts.methods),
        checked=tuple(parts.checked),
    )


def _between(row: Any) -> str:
    if row.bound_high == float("inf"):
        return "not reached"
    # A first visit may lie hours after day 0.
    digits = 0 if row.bound_high >= 1 else 2
    return f"{format_number(row.bound_low, digits)} to {format_number(row.bound_high, digits)}"


def _medians(medians: pd.DataFrame, outcome: str) -> str:
    reached = medians[medians["bound_high"] < float("inf")].sort_values("bound_high", kind="stable")
    never = [str(t) for t in medians["treatment"] if t not in set(reached["treatment"])]
    not_reached = f"Not reached by half under {', '.join(never)}" if never else ""
    if reached.empty:
        return f"Time to {outcome}. {not_reached}."
    days_of = [f"{r.treatment} ({_between(r)} days)" for r in each_row(reached)]
    few = days_of if len(days_of) <= 3 else [days_of[0], days_of[-1]]
    joined = ", ".join(few) if len(days_of) <= 3 else f"{few[0]} first and {few[1]} last"
    rest = f" {not_reached}." if never else ""
    return f"Half of the patients had reached {outcome} under {joined}.{rest}"


def _compare(task: Task, times: EventTimes, parts: _Parts) -> str:
    """Add test and hazard ratios; return the sentence on the test."""
    try:
        test = IntervalLogRank().fit(times)
    except NotEstimableError as error:
        parts.notes.append(Note(f"No test between treatments. {error}", "not estimable"))
        return ""
    parts.tables.append(test.summary())
    glance = test.glance()
    parts.frames |= {"onset_test": glance, "onset_test_pairs": test.pairwise()}
    parts.results.append(test.pairwise().assign(measure="log-rank test"))
    parts.methods.append(
        "Treatments were compared with the log-rank test for interval-censored times (Sun's "
        "scores, permutation variance)."
    )
    if task.settings.hazards:
        _add_hazards(task, times, parts)
    if task.settings.cure:
        _add_cure(task, times, parts)
    first = next(each_row(glance))
    if pd.isna(first.statistic):
        return f"Treatments cannot be tested: no subject had {task.settings.outcome}."
    return (
        f"Log-rank test for times between visits: chi-squared {format_number(first.statistic, 2)} "
        f"on {first.df:g} df, {format_p_equation(first.p_value)}."
    )


def _add_hazards(task: Task, times: EventTimes, parts: _Parts) -> None:
    try:
        fit = IntervalPH("treatment", conf_level=task.plan.conf_level).fit(times)
    except NotEstimableError as error:
        parts.notes.append(Note(f"No hazard ratios. {error}", "not estimable"))
        return
    parts.tables.append(fit.summary())
    parts.frames["onset_hazards"] = fit.tidy()
    parts.results.append(_hazard_ratios(fit.tidy(), times.treatments))
    parts.methods.append(
        "Hazard ratios come from a proportional hazards model for interval-censored times with a "
        "free baseline and profile-likelihood standard errors."
    )


def _hazard_ratios(terms: pd.DataFrame, treatments: Sequence[str]) -> pd.DataFrame:
    """Return the ratios by treatment: what is called a ratio is one, and no coefficient."""
    reference, *others = treatments
    treatment_of = {f"treatment[T.{label}]": label for label in others}
    ratios = terms.drop(columns=["estimate", "conf_low", "conf_high"]).rename(
        columns={
            "hazard_ratio": "estimate",
            "hazard_ratio_low": "conf_low",
            "hazard_ratio_high": "conf_high",
        }
    )
    return ratios.assign(
        measure="hazard ratio",
        treatment=terms["term"].map(treatment_of),
        reference=reference,
        scale="log",
    )


def _add_cure(task: Task, times: EventTimes, parts: _Parts) -> None:
    try:
        fit = MixtureCure("treatment", "treatment", conf_level=task.plan.conf_level).fit(times)
    except NotEstimableError as error:
        parts.notes.append(Note(f"No cure model. {error}", "not estimable"))
        return
    parts.tables.append(fit.summary())
    parts.frames["onset_cure"] = fit.tidy()
    parts.results.append(fit.tidy().assign(measure="cure model"))
    parts.methods.append(
        "A mixture cure model separated whether a patient ever responds from how soon."
    )


def _audit(task: Task, parts: _Parts) -> None:
    try:
        audit = audit_schedule(
            task.study, task.definition(task.settings.outcome), conf_level=task.plan.conf_level
        )
    except NotEstimableError as error:
        parts.notes.append(Note(f"The schedules could not be audited. {error}", "not estimable"))
        return
    parts.tables.append(audit.summary())
    parts.frames |= {"onset_audit": audit.tidy(), "onset_audit_pairs": audit.contrasts()}
    parts.results.append(audit.contrasts().assign(measure="schedule audit"))
    parts.methods.append(
        "Because treatments were assessed on different days, onset was estimated three ways: dated "
        "at the visit, between visits, and at the visits that treatments share."
    )


def _picture(task: Task, curves: Any, lead: str) -> Picture:
    caption = (
        f"Proportion with at least one {task.settings.outcome}, by day. Between two visits the "
        "curve may run anywhere inside the shaded box."
    )
    return curve_picture(task.plan, "onset", caption, curves, task.study.treatments, alt=lead)


def _date_at_visits(task: Task, times: EventTimes, parts: _Parts) -> Picture:
    """Add curves, test and restricted means that date onset at the visit that detected it."""
    plan, study = task.plan, task.study
    curves = KaplanMeier(conf_level=plan.conf_level).fit(times)
    parts.tables.append(curves.summary())
    parts.frames |= {"onset_curves": curves.tidy()}
    parts.checked.append(curves)
    if len(study.treatments) > 1:
        test = LogRank().fit(times)
        parts.checked.append(test)
        parts.tables.append(test.summary())
        parts.frames |= {"onset_logrank": test.glance(), "onset_logrank_pairs": test.pairwise()}
    seen = [t for t in study.treatments if times.first_look.get(t, 0.0) <= plan.horizon]
    late = [t for t in study.treatments if t not in seen]
    if late:
        text = f"No subject was assessed by day {plan.horizon:g} under {', '.join(late)}"
        parts.notes.append(Note(f"{text}: no restricted mean.", "not estimable"))
    if seen:
        reference = None if plan.reference is None else label_of(plan.reference)
        reference = reference if reference in seen else None
        means = RMST(plan.horizon, reference=reference, conf_level=plan.conf_level).fit(
            times.only(seen)
        )
        parts.tables.append(means.summary())
        parts.checked.append(means)
        parts.frames["onset_rmst"] = means.tidy()
        parts.results.append(means.tidy())
    parts.methods.append(
        "Beside that, onset was dated at the visit that detected it (Kaplan-Meier, log-rank, "
        f"restricted mean to day {plan.horizon:g})."
    )

    caption = (
        f"Proportion with at least one {task.settings.outcome}, dated at the visit that detected "
        f"it, with {format_level(plan.conf_level)} intervals; numbers at risk below."
    )
    return curve_picture(plan, "onset_at_visits", caption, curves, study.treatments)


STEP: Step = Step("onset", "onset of response", run, settings=OnsetSettings, check=check, cost=6.0)
