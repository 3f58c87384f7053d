"""For how long: time from response to relapse, among responders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError, TrdstatsError, join_and
from trdstats.outcomes import LEFT_FOLLOW_UP, EventTimes, time_to
from trdstats.outcomes.asked_events import check_kinds
from trdstats.outcomes.switching import notes_on
from trdstats.plan.curve_picture import curve_picture
from trdstats.plan.members import members_of_times
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Note, Section
from trdstats.plan.step import Step, Task
from trdstats.plan.steps.between_visits import between_visits
from trdstats.plan.wording import headline, list_groups
from trdstats.survival import AalenJohansen
from trdstats.survival.reported_days import SUPPORT_RULE, is_supported
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_interval,
    format_level,
    format_percent,
)

_FOR_HOW_LONG = "For how long?"
_RESPONDERS = "Responders only, from the day of their first response."
_NOT_COMPARED = (
    " Who responded differs between treatments, so these curves describe and do not compare."
)
_METHOD = (
    "Since responses begin and end between visits, the probability of relapse was also estimated "
    "by maximum likelihood for doubly interval-censored durations (De Gruttola and Lagakos 1989), "
    "with hazards constant between breaks and the day of response following the onset of its "
    "treatment; subjects who left were censored."
)


def run(task: Task) -> Section:
    """Return time from response to relapse, for responders, with what competes with it."""
    plan, study = task.plan, task.study
    title = task.settings.title or _FOR_HOW_LONG
    about = _RESPONDERS + _NOT_COMPARED * (len(study.treatments) > 1)
    try:
        times = time_to(
            study, plan.relapse, since=plan.response, competing=plan.competing,
            after_switch=plan.after_switch,
        )  # fmt: skip
    except NotEstimableError as reason:
        return Section(task.name, title, about, notes=(Note(str(reason), "not estimable"),))
    fit = AalenJohansen(conf_level=plan.conf_level).fit(times)
    table = fit.at(plan.durability_days)
    onset = time_to(study, plan.response, after_switch=plan.after_switch)
    between = between_visits(plan, times, onset)

    caption = (
        f"Cumulative incidence of relapse after response{_competes(times)}. Numbers still followed "
        "in response below."
    )
    dated = curve_picture(plan, "durability", caption, fit, study.treatments)
    # Where visits lie far apart against the durations, their days do not date them.
    honest = between.picture(plan, study.treatments)
    pictures = (*honest, dated)
    honest_tables = between.summary(plan)
    tables = (_summary(plan, table, times), *honest_tables)
    rows = _of_relapse(table, times, plan.durability_days[0])
    if between.is_wide:
        tables = (*honest_tables, tables[0])
        rows = between.supported(plan.durability_days[0])
    frames = {
        "durability_times": times.frame,
        "durability_curves": fit.tidy(),
        "durability_at": table,
    }
    if between.fit is not None:
        frames["durability_between_visits"] = between.table
    return Section(
        task.name,
        title,
        _lead(plan, rows, is_wide=between.is_wide),
        about=about,
        tables=(times.summary(), *tables),
        pictures=pictures,
        frames=frames,
        notes=between.notes,
        results=table,
        members=members_of_times(times),
        headlines=_headlines(plan, rows),
        unsaid=tuple(_unsaid(plan.durability_days[0], rows, study.treatments)),
        methods=(
            "Relapse after response was estimated among responders by cumulative incidence "
            f"(Aalen-Johansen), {_with_competing(times)}.",
            *((_METHOD,) if between.fit is not None else ()),
        ),
    )


def _competing(times: EventTimes) -> list[str]:
    """Return what competes with relapse."""
    return [name for status, name in times.causes.items() if status > 1]


def _competes(times: EventTimes) -> str:
    """Return the words of a caption; empty where nothing competes."""
    names = ["leaving follow-up" if n == LEFT_FOLLOW_UP else n for n in _competing(times)]
    return f"; {' and '.join(names)} {'compete' if names[1:] else 'competes'} with it" * bool(names)


def _with_competing(times: EventTimes) -> str:
    names = _competing(times)
    return f"with {', '.join(names)} as competing event" if names else "without a competing event"


def _of_relapse(table: pd.DataFrame, times: EventTimes, day: float) -> pd.DataFrame:
    """Return the incidence of relapse by a day where enough responders are still followed."""
    rows = table[(table["cause"] == times.causes[1]) & (table["time"] == day)]
    size = times.at_risk()["treatment"].value_counts()
    enough = [is_supported(r.n_risk, int(size[r.treatment])) for r in each_row(rows)]
    return rows[np.array(enough, dtype=bool)]


def _lead(plan: Plan, rows: pd.DataFrame, *, is_wide: bool) -> str:
    day = plan.durability_days[0]
    if rows.empty:
        return f"Too few responders are followed to day {day:g} to speak of relapse by then."
    by_group = list_groups(rows, unit="%", level=plan.conf_level, digits=0, scale=100)
    since = "after response, its start and end between visits" if is_wide else "after response"
    return f"Relapse by day {day:g} {since}: {by_group}"


def _headlines(plan: Plan, rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    day = plan.durability_days[0]
    return {
        f"Relapse by day {day:g} after response (%)": {
            str(r.treatment): headline(r) for r in each_row(rows)
        }
    }


def _unsaid(day: float, rows: pd.DataFrame, treatments: Sequence[str]) -> Iterator[str]:
    """Yield why a treatment has no figure on the first page, or one without an interval."""
    what = f"Relapse by day {day:g}"
    few = [t for t in treatments if t not in set(rows["treatment"])]
    if few:
        yield f"{what}: too few responders are still followed under {join_and(few)}."
    unlimited = rows[rows["conf_low"].isna()]
    none = unlimited.loc[unlimited["estimate"] == 0, "treatment"].tolist()
    if none:
        yield f"{what}: none was seen under {join_and(none)}, which leaves no interval."
    for r in each_row(unlimited[unlimited["estimate"] != 0]):
        yield f"{what}, {r.treatment}: {r.reason}."


def _summary(plan: Plan, table: pd.DataFrame, times: EventTimes) -> Summary:
    of_cause = table[table["cause"] == times.causes[1]]
    size = times.at_risk()["treatment"].value_counts()
    notes = [*caveat_notes(times.caveat)]
    notes += notes_on(times.switching)
    rows, few = [], False
    for name, part in of_cause.groupby("treatment", sort=False):
        cells = [str(name)]
        for r in each_row(part):
            limits = format_interval(100 * r.conf_low, 100 * r.conf_high, 0)
            shown = f"{format_percent(r.estimate, 0)} ({limits})"
            if not np.isnan(r.estimate) and not is_supported(r.n_risk, int(size[name])):
                shown, few = f"{shown}, {format_count(r.n_risk)} at risk", True
            cells.append(shown)
        rows.append(tuple(cells))
    notes += _not_estimable(of_cause)
    if few:
        notes.append(
            "Numbers at risk are named where they do not reach the rule for a headline number: "
            f"{SUPPORT_RULE}."
        )
    header = ("Treatment", *(f"Day {d:g}" for d in plan.durability_days))
    return Summary(
        f"Cumulative incidence of {times.causes[1]} (%)",
        (
            ("Interval", format_level(plan.conf_level)),
            ("Competing", ", ".join(_competing(times)) or "none"),
        ),
        (Table(header, tuple(rows)),),
        tuple(notes),
    )


def _not_estimable(rows: pd.DataFrame) -> list[str]:
    """Return why cells are empty or have no limits, each reason with where it holds."""
    where: dict[str, list[str]] = {}
    for r in each_row(rows):
        if r.reason:
            where.setdefault(r.reason, []).append(f"{r.treatment} on day {r.time:g}")
    return [f"{', '.join(cells)}: {reason}." for reason, cells in where.items()]


def check(task: Task) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the kinds of events: they are not known, or two parts to play."""
    plan = task.plan
    try:
        check_kinds(task.study, plan.relapse, plan.competing, plan.competing)
    except TrdstatsError as error:
        yield "competing", str(error)
    yield from task.misfits_of_switch("durability", plan.response)
    yield from task.misfits_of_switch(
        "durability", plan.relapse, plan.response, competing=plan.competing
    )


def _rows(task: Task) -> dict[str, Collection[object]]:
    """Return the days of the table of relapse."""
    return {"time": task.plan.durability_days}


STEP: Step = Step("durability", "durability of response", run, check=check, rows=_rows, cost=4.0)
