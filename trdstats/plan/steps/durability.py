"""For how long: time from response to relapse, among responders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.errors import NotEstimableError, TrdstatsError
from trdstats.outcomes import EventTimes, time_to
from trdstats.outcomes.time_to import check_kinds
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step
from trdstats.study import Study
from trdstats.survival import AalenJohansen
from trdstats.survival.reported_days import SUPPORT_RULE, is_supported
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_interval,
    format_percent,
)

_FOR_HOW_LONG = "For how long?"
_RESPONDERS = (
    "Responders only, from the day of their first response. Who responded differs between "
    "treatments, so these curves describe and do not compare."
)


def run(plan: Plan, study: Study) -> Section:
    """Return time from response to relapse, for responders, with what competes with it."""
    try:
        times = time_to(study, plan.relapse, since=plan.response, competing=plan.competing)
    except NotEstimableError as reason:
        return Section("durability", _FOR_HOW_LONG, _RESPONDERS, cautions=(str(reason),))
    fit = AalenJohansen(conf_level=plan.conf_level).fit(times)
    table = fit.at(plan.durability_days)

    def draw(figure: Any) -> None:
        fit.plot(
            figure.add_subplot(),
            styles=plots.treatment_styles(study.treatments),
            time_scale=plan.time_scale,
        )

    return Section(
        "durability",
        _FOR_HOW_LONG,
        _RESPONDERS,
        faces=(times.summary(), _summary(plan, table, times)),
        pictures=(
            Picture(
                "durability",
                "Cumulative incidence of relapse after response; leaving follow-up competes with "
                "it. Numbers still followed in response below.",
                draw,
                (9.0, 4.6 + 0.24 * len(study.treatments)),
            ),
        ),
        frames={
            "durability_times": times.frame,
            "durability_curves": fit.tidy(),
            "durability_at": table,
        },
    )


def _summary(plan: Plan, table: pd.DataFrame, times: EventTimes) -> Summary:
    own = table[table["cause"] == times.causes[1]]
    size = times.at_risk()["treatment"].value_counts()
    notes = [f"{times.caveat}."] if times.caveat else []
    rows, few = [], False
    for name, part in own.groupby("treatment", sort=False):
        cells = [str(name)]
        for r in each_row(part):
            limits = format_interval(100 * r.conf_low, 100 * r.conf_high, 0)
            shown = f"{format_percent(r.estimate, 0)} ({limits})"
            if not np.isnan(r.estimate) and not is_supported(r.n_risk, int(size[name])):
                shown, few = f"{shown}, {format_count(r.n_risk)} at risk", True
            cells.append(shown)
        rows.append(tuple(cells))
    if few:
        notes.append(
            "Numbers at risk are named where they do not reach the rule for a headline number: "
            f"{SUPPORT_RULE}."
        )
    header = ("Treatment", *(f"Day {d:g}" for d in plan.durability_days))
    return Summary(
        f"Cumulative incidence of {times.causes[1]} (%)",
        (("Interval", f"{100 * plan.conf_level:g} %"), ("Competing", ", ".join(plan.competing))),
        (Table(header, tuple(rows)),),
        tuple(notes),
    )


def check(plan: Plan, study: Study) -> list[tuple[str, str]]:
    """Return kinds of events that nobody knows, or with two parts to play."""
    try:
        check_kinds(study, plan.relapse, plan.competing, plan.competing)
    except TrdstatsError as error:
        return [("competing", str(error))]
    return []


STEP = Step(
    "durability", "durability of response",
    ("response", "relapse", "competing", "durability_days", "conf_level"), run, check,
)  # fmt: skip
