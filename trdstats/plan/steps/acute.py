"""Who was better at the end of the acute course."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from trdstats import plots
from trdstats.outcomes import Definition, change_from_baseline, day_by_treatment
from trdstats.outcomes.rates_result import MISSING_WORDS
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure, notes_on
from trdstats.plan.members import members_of_rates
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.step import Step, Task
from trdstats.plan.steps.rates import estimate_rates
from trdstats.plan.wording import headline, list_groups
from trdstats.scales import Scale
from trdstats.study import Study, note_asked_day
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


def run(task: Task) -> Section:
    """Return rates and changes at the last visit of each treatment's own course."""
    plan, study = task.plan, task.study
    days = day_by_treatment(study, plan.acute_end)
    proportion_drawn = _proportion_drawn(plan.response, study.scale)
    change = change_from_baseline(study, days, of=proportion_drawn.of)
    table, members, notes = _rates_at_end(task, days)
    caveat = caveat_of_figure(study.caveat, _switched(task, days))
    response = table[table["outcome"] == "response"]

    def draw_changes(figure: Any) -> None:
        plots.plot_waterfalls(
            change,
            fig=figure,
            better=study.scale.better,
            ylabel=proportion_drawn.ylabel,
            styles=plots.treatment_styles(study.treatments),
            caveat=caveat,
        )

    def draw_rates(figure: Any) -> None:
        shown = response.assign(
            label=[f"{r.treatment} (day {r.day:g})" for r in each_row(response)],
            **{c: 100 * response[c] for c in ("estimate", "conf_low", "conf_high")},
        )
        plots.plot_estimates(
            shown,
            ax=figure.add_subplot(),
            xlabel="Response at the last acute visit (%), "
            f"{format_level(plan.conf_level)} interval",
            styles=plots.treatment_styles(study.treatments),
            caveat=caveat,
        )

    asked = [note_asked_day(study, day, [name]) for name, day in days.items()]
    return Section(
        task.name,
        task.settings.title or "Who was better at the end of the acute course?",
        f"{_capital(plan.response.label(study.scale))} at the end of the acute course: "
        + list_groups(response, unit="%", level=plan.conf_level, digits=0, scale=100),
        about="Each treatment at the last visit of its acute course. Courses differ in length, "
        "so these rates describe and do not compare.",
        tables=(_summary(plan, study, table, notes),),
        pictures=(
            Picture(
                "acute_rates",
                f"{_capital(plan.response.label(study.scale))} at the last acute visit of each "
                "treatment.",
                draw_rates,
                (9.0, 1.6 + 0.42 * len(days)),
            ),
            Picture(
                "waterfall",
                "Change from baseline of every subject seen at the last acute visit; each bar is a "
                f"person, the line marks {proportion_drawn.line}.",
                draw_changes,
                (9.0, 2.6 * ((len(days) + 3) // 4) + 1.2),
            ),
        ),
        frames={"changes": change, "rates_acute": table},
        results=table,
        members=members,
        headlines={
            f"{_capital(key)} at the end of the acute course (%)": {
                str(r.treatment): headline(r) for r in each_row(table[table["outcome"] == key])
            }
            for key in ("response", "remission")
        },
        methods=(_methods(plan),),
        notes=tuple(Note(f"{p.summary} {p.remedy}") for p in asked if p is not None),
    )


def _methods(plan: Plan) -> str:
    return f"Proportions have {plan.interval} confidence intervals."


def _rates_at_end(
    task: Task, days: dict[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return response and remission at the end of each course, who was counted how, and notes."""
    rows: list[pd.DataFrame] = []
    members: list[pd.DataFrame] = []
    notes: list[str] = []
    for key in ("response", "remission"):
        # Other treatments need not be scheduled on a day: their gaps are no news here.
        by_day = {d: estimate_rates(task, key, d)[0] for d in set(days.values())}
        tables = {d: estimates.tidy() for d, estimates in by_day.items()}
        for name, day in days.items():
            frame, counts = tables[day], by_day[day].switching
            notes += notes_on(counts and counts.only([name]))
            rate_rows = frame[(frame["measure"] == "rate") & (frame["treatment"] == name)]
            rows.append(rate_rows.assign(outcome=key, day=day))
            all_members = members_of_rates(by_day[day], outcome=key, day=day)
            members.append(all_members[all_members["treatment"] == name])
    table = pd.concat(rows, ignore_index=True).drop(columns=["reference", "statistic", "p_value"])
    return table, pd.concat(members, ignore_index=True), list(dict.fromkeys(notes))


def _switched(task: Task, days: dict[str, float]) -> SwitchCounts | None:
    """Return who switched by the end of their course, None where the study does not know."""
    of_arm = {n: estimate_rates(task, "response", d)[0].switching for n, d in days.items()}
    known = {n: counts for n, counts in of_arm.items() if counts is not None}
    if not known:
        return None
    rows = [c.frame[c.frame["treatment"] == name] for name, c in known.items()]
    first = next(iter(known.values()))
    return replace(first, frame=pd.concat(rows), when="by the end of the acute course")


def _summary(plan: Plan, study: Study, table: pd.DataFrame, notes: list[str]) -> Summary:
    rows = []
    for name in study.treatments:
        both = list(each_row(table[table["treatment"] == name]))
        first = both[0]
        cells = [name, f"{first.day:g}", format_count(first.n), format_count(first.n_rated)]
        for r in both:
            limits = format_interval(100 * r.conf_low, 100 * r.conf_high)
            cells += [format_percent(r.estimate), limits]
        rows.append(tuple(cells))
    level = f"{format_level(plan.conf_level)} CI"
    header = ("Treatment", "Day", "n", "Rated", "Response %", level, "Remission %", level)
    caveat = caveat_notes(study.caveat)
    return Summary(
        "Response and remission at the last acute visit",
        (
            ("Response", plan.response.describe(study.scale)),
            ("Remission", plan.remission.describe(study.scale)),
            ("Not assessed", MISSING_WORDS[plan.missing]),
        ),
        (Table(header, tuple(rows)),),
        caveat,
    )


@dataclass(frozen=True)
class _Proportion:
    """What the changes of the figure are shares of, and what is said of it."""

    of: Literal["baseline", "distance"] | None
    ylabel: str
    line: str


def _proportion_drawn(response: Definition, scale: Scale) -> _Proportion:
    """Return the share that the definition of response is of; where it is of none, say which."""
    if not scale.high_is_good:
        return _Proportion(None, "Change from baseline", "a fall of 50 %")
    if getattr(response, "of", None) == "baseline":
        return _Proportion("baseline", "Change from baseline", "a rise of 50 % of the baseline")
    words = f"distance from the baseline to {scale.maximum}"
    return _Proportion("distance", f"Change, % of the {words}", f"a rise by half of the {words}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


STEP: Step = Step("acute", "end of the acute course", run, cost=4.0)
