"""The analysis itself: a plan and a study become sections."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from trdstats import plots
from trdstats.errors import (
    EstimateWarning,
    PlanError,
    UnknownNameError,
    known_level,
    unknown_day,
)
from trdstats.outcomes import (
    Definition,
    Rates,
    change_from_baseline,
    day_by_treatment,
    mean_scores,
    rates,
    time_to,
)
from trdstats.outcomes.rates_result import MISSING_WORDS
from trdstats.plan.comparison import comparison_section
from trdstats.plan.onset_and_durability import durability_section, onset_section
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.study import Study
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_interval,
    format_percent,
)

STEPS = (
    "cohorts and definitions",
    "scores over time",
    "end of the acute course",
    "rates at scheduled days",
    "onset of response",
    "durability of response",
    "fair comparison",
)


def analyse(plan: Plan, study: Study) -> Iterator[Section]:
    """Carry out a plan, one section for each of `STEPS`.

    Raises
    ------
    PlanError
        When the plan names a treatment or a day that the study does not have.
    """
    _check_fit(plan, study)
    onset = time_to(study, plan.response)
    parts: tuple[Callable[[], Section], ...] = (
        lambda: _cohorts(plan, study),
        lambda: _scores(plan, study),
        lambda: _acute(plan, study),
        lambda: _rates(plan, study),
        lambda: onset_section(plan, study, onset),
        lambda: durability_section(plan, study),
        lambda: comparison_section(plan, study),
    )
    for part in parts:
        yield part()


def _check_fit(plan: Plan, study: Study) -> None:
    try:
        _check_scheduled(study, day_by_treatment(study, plan.acute_end))
        if plan.reference is not None:
            known_level("treatment", plan.reference, study.treatments)
    except UnknownNameError as error:
        raise PlanError(f"The plan does not fit the study. {error}") from error


def _check_scheduled(study: Study, days: dict[str, float]) -> None:
    """Refuse an acute course that ends on a day on which its treatment has no visit."""
    rows = study.longitudinal()
    for name, day in days.items():
        own = rows.loc[rows["treatment"] == name, "visit"].unique().tolist()
        if day not in own:
            raise UnknownNameError(f"The acute course of {name}: {unknown_day(day, own)}")


def _cohorts(plan: Plan, study: Study) -> Section:
    given: dict[str, Definition] = {
        "response": plan.response,
        "remission": plan.remission,
        "relapse": plan.relapse,
    }
    definitions = pd.DataFrame(
        [
            {
                "outcome": key,
                "rule": d.describe(study.scale),
                "source": "; ".join(s.cite() for s in d.sources(study.scale))
                or "set by the analyst",
            }
            for key, d in given.items()
        ]
    )
    rows = tuple(definitions.itertuples(index=False, name=None))
    table = Table(("Outcome", "Rule", "Source"), rows, 3)
    source = study.scale.source.cite() if study.scale.source else "not stated"
    face = Summary("Definitions", (("Scale", f"{study.scale.name} ({source})"),), (table,))
    return Section(
        "cohorts",
        "Who was studied, and what counts as an outcome",
        "Every number below follows from these rules and from the visits that took place.",
        faces=(study.summary(), face),
        frames={"definitions": definitions, "subjects": study.subjects},
    )


def _scores(plan: Plan, study: Study) -> Section:
    means = mean_scores(study, conf_level=plan.conf_level)

    def draw(figure: Any) -> None:
        plots.plot_trajectories(
            means,
            ax=figure.add_subplot(),
            ylabel=f"{study.scale.label} total (points)",
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
            time_scale=plan.time_scale,
        )

    return Section(
        "scores",
        "How did scores move?",
        "Observed means at scheduled visits. Whoever left is not part of a later mean.",
        pictures=(
            Picture(
                "scores",
                f"Mean {study.scale.label} total with {100 * plan.conf_level:g} % intervals, by "
                "scheduled day. Lower is better. Means of those seen, not of all who started.",
                draw,
            ),
        ),
        frames={"mean_scores": means},
    )


def _acute(plan: Plan, study: Study) -> Section:
    days = day_by_treatment(study, plan.acute_end)
    change = change_from_baseline(study, days)
    table = _rates_at_end(plan, study, days)
    response = table[table["outcome"] == "response"]

    def draw_changes(figure: Any) -> None:
        plots.plot_waterfalls(
            change,
            fig=figure,
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
        )

    def draw_rates(figure: Any) -> None:
        shown = response.assign(
            label=[f"{r.treatment} (day {r.day:g})" for r in each_row(response)],
            **{c: 100 * response[c] for c in ("estimate", "conf_low", "conf_high")},
        )
        plots.plot_estimates(
            shown,
            ax=figure.add_subplot(),
            xlabel=f"Response at the last acute visit (%), {100 * plan.conf_level:g} % interval",
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
        )

    return Section(
        "acute",
        "Who was better at the end of the acute course?",
        "Each treatment at the last visit of its own acute course. Courses differ in length, so "
        "these rates describe and do not compare.",
        faces=(_acute_face(plan, study, table),),
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
                "person, the line marks a fall of 50 %.",
                draw_changes,
                (9.0, 2.6 * ((len(days) + 3) // 4) + 1.2),
            ),
        ),
        frames={"changes": change, "rates_acute": table},
    )


def _rates_at_end(plan: Plan, study: Study, days: dict[str, float]) -> pd.DataFrame:
    """Return response and remission of each treatment at the end of its own course."""
    rows = []
    for key, definition in (("response", plan.response), ("remission", plan.remission)):
        # Other treatments need not be scheduled on a day: their gaps are no news here.
        by_day = {d: _estimate(plan, study, definition, d)[0].tidy() for d in set(days.values())}
        for name, day in days.items():
            frame = by_day[day]
            own = frame[(frame["measure"] == "rate") & (frame["treatment"] == name)]
            rows.append(own.assign(outcome=key, day=day))
    return pd.concat(rows, ignore_index=True).drop(columns=["reference", "statistic", "p_value"])


def _acute_face(plan: Plan, study: Study, table: pd.DataFrame) -> Summary:
    rows = []
    for name in study.treatments:
        both = list(each_row(table[table["treatment"] == name]))
        first = both[0]
        cells = [name, f"{first.day:g}", format_count(first.n), format_count(first.n_rated)]
        for r in both:
            limits = format_interval(100 * r.conf_low, 100 * r.conf_high)
            cells += [format_percent(r.estimate), limits]
        rows.append(tuple(cells))
    level = f"{100 * plan.conf_level:g} % CI"
    header = ("Treatment", "Day", "n", "Rated", "Response %", level, "Remission %", level)
    caveat = (f"{study.caveat}.",) if study.caveat else ()
    return Summary(
        "Response and remission at the last acute visit",
        (
            ("Response", plan.response.describe(study.scale)),
            ("Remission", plan.remission.describe(study.scale)),
            ("Not rated", MISSING_WORDS[plan.missing]),
        ),
        (Table(header, tuple(rows)),),
        caveat,
    )


def _estimate(
    plan: Plan, study: Study, definition: Definition, day: float
) -> tuple[Rates, list[str]]:
    """Return rates, and what could not be estimated."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimateWarning)
        result = rates(
            study,
            definition,
            day=day,
            missing=plan.missing,
            conf_level=plan.conf_level,
            method=plan.interval,
            difference=plan.difference,
            reference=plan.reference,
        )
    return result, [str(w.message) for w in caught if issubclass(w.category, EstimateWarning)]


def _rates(plan: Plan, study: Study) -> Section:
    found, cautions = [], []
    for day in plan.rate_days:
        for definition in (plan.response, plan.remission):
            result, said = _estimate(plan, study, definition, day)
            found.append(result)
            cautions += said
    frames = [r.tidy().assign(outcome=r.label, day=r.day) for r in found]
    return Section(
        "rates",
        "Which rates differ at the same day?",
        "Treatments compared at a scheduled day they share.",
        faces=tuple(r.summary() for r in found),
        frames={"rates": pd.concat(frames, ignore_index=True)},
        cautions=tuple(dict.fromkeys(cautions)),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
