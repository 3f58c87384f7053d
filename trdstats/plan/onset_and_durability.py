"""How soon and for how long: the sections on onset and durability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.errors import NotEstimableError
from trdstats.kinds import label_of
from trdstats.outcomes import EventTimes, time_to
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.study import Study
from trdstats.survival import RMST, AalenJohansen, KaplanMeier, LogRank
from trdstats.survival.reported_days import SUPPORT_RULE, is_supported
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_interval,
    format_percent,
)


def onset_section(plan: Plan, study: Study, onset: EventTimes) -> Section:
    """Return time to first response: curves, test, restricted means."""
    curves = KaplanMeier(conf_level=plan.conf_level).fit(onset)
    quantiles = curves.quantiles()
    faces = [curves.summary()]
    frames = {
        "onset_times": onset.frame,
        "onset_curves": curves.tidy(),
        "onset_quantiles": quantiles,
    }
    cautions: list[str] = []
    if len(study.treatments) > 1:
        test = LogRank().fit(onset)
        faces.append(test.summary())
        frames |= {"onset_logrank": test.glance(), "onset_logrank_pairs": test.pairwise()}
    seen = [t for t in study.treatments if onset.first_look.get(t, 0.0) <= plan.horizon]
    late = [t for t in study.treatments if t not in seen]
    if late:
        cautions.append(
            f"Nobody was rated by day {plan.horizon:g} under {', '.join(late)}: no restricted mean."
        )
    if seen:
        reference = None if plan.reference is None else label_of(plan.reference)
        reference = reference if reference in seen else None
        means = RMST(plan.horizon, reference=reference, conf_level=plan.conf_level).fit(
            onset.only(seen)
        )
        faces.append(means.summary())
        frames["onset_rmst"] = means.tidy()

    def draw(figure: Any) -> None:
        curves.plot(
            figure.add_subplot(),
            styles=plots.treatment_styles(study.treatments),
            time_scale=plan.time_scale,
        )

    return Section(
        "onset",
        "How soon?",
        "Time from day 0 to the first visit that shows a response. A visit can only find a "
        "response that has already happened: treatments rated more often look faster.",
        faces=tuple(faces),
        pictures=(
            Picture(
                "onset",
                "Share that has responded at least once, by day, with "
                f"{100 * plan.conf_level:g} % intervals; numbers still waiting below.",
                draw,
                (9.0, 4.6 + 0.24 * len(study.treatments)),
            ),
        ),
        frames=frames,
        cautions=tuple(cautions),
    )


_FOR_HOW_LONG = "For how long?"
_RESPONDERS = (
    "Responders only, from the day of their first response. Who responded differs between "
    "treatments, so these curves describe and do not compare."
)


def durability_section(plan: Plan, study: Study) -> Section:
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
        faces=(times.summary(), _durability_face(plan, table, times)),
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


def _durability_face(plan: Plan, table: pd.DataFrame, times: EventTimes) -> Summary:
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
