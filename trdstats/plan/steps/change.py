"""How scores changed: observed means by visit, and a mixed model for repeated measures."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import pandas as pd

from trdstats import plots
from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError, check_choice, join_and, with_article
from trdstats.formulas import read_formula
from trdstats.longitudinal import MMRM
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.degrees import DDF_WORDS
from trdstats.longitudinal.gaussian.margins import Adjust, Margins
from trdstats.longitudinal.gaussian.mixed.contrasts import Contrasts
from trdstats.outcomes import mean_scores
from trdstats.plan.members import members_of_model
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.shared_days import assessed_days, shared_days
from trdstats.plan.step import Step, Task
from trdstats.plan.wording import list_differences
from trdstats.study import Study
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_estimate,
    format_interval,
    format_level,
    format_number,
)

_TITLE = "How did scores change?"
_STANDARDISED = "standardised difference"
_LONG = 24  # letters in the name of a treatment
_ABOVE, _ROW = 4.6, 0.2  # inches: height of the means, of a row of differences


@checked
@dataclass(frozen=True)
class ChangeSettings(StepSettings):
    """The ``[change]`` table.

    Attributes
    ----------
    model : str
        "mmrm", or "none" for observed means alone.
    formula : str
        Right and left side as for `MMRM`.
    covariance, ddf, adjust : str
        As `MMRM` and `Margins.contrasts` take them.
    days : tuple of float or None
        Scheduled days of the model; None for those up to the end of the acute course that all
        treatments share.
    """

    model: Literal["mmrm", "none"] = "mmrm"
    formula: str = "change ~ baseline * visit + treatment * visit"
    covariance: str = "us"
    ddf: Literal[
        "kenward-roger", "kenward-roger-linear", "satterthwaite", "between-within", "residual"
    ] = "kenward-roger"
    adjust: str = "none"
    days: tuple[float, ...] | None = None

    @property
    def judged(self) -> tuple[str, ...]:
        """No definition: scores are compared."""
        return ()


def check(task: Task) -> Iterator[str]:
    """Yield the variables of the formula and the days that the study does not have."""
    settings: ChangeSettings = task.settings
    if settings.model != "none":
        yield from task.unknown_columns(settings.formula)
        _spec(settings)  # raises what is wrong in it
        methods = [m for m in get_args(Adjust) if m != "tukey"]  # it belongs to all pairs
        check_choice("adjust", settings.adjust, methods)
        if "treatment" not in read_formula(settings.formula).required_variables:
            yield f"formula: {settings.formula!r} has no treatment to compare."
    yield from task.unknown_days(*(settings.days or ()))


def run(task: Task) -> Section:
    """Return observed means at scheduled visits, and adjusted means where treatments share them."""
    plan, study, settings = task.plan, task.study, task.settings
    means = mean_scores(study, conf_level=plan.conf_level)

    def draw(figure: Any) -> None:
        plots.plot_trajectories(
            means,
            ax=figure.add_subplot(),
            ylabel=f"{study.scale.label} total (points)",
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
            time_scale=plan.time_scale,
            better=study.scale.better,
        )

    observed = Section(
        task.name,
        settings.title or _TITLE,
        "Observed means at scheduled visits. Whoever left is not part of a later mean.",
        about="Means describe those who were assessed; a model takes up what their earlier visits "
        "say of those who were not.",
        pictures=(
            Picture(
                "scores",
                f"Mean {study.scale.label} total with {format_level(plan.conf_level)} intervals, "
                f"by scheduled day. {study.scale.better.capitalize()} is better. Means of those "
                "assessed, not of all who started.",
                draw,
                alt=f"Mean {study.scale.label} total of each treatment by day.",
            ),
        ),
        frames={"mean_scores": means},
    )
    if settings.model == "none" or len(study.treatments) < 2:
        return observed
    return _with_model(task, observed)


def _with_model(task: Task, observed: Section) -> Section:
    """Add the model to the observed means, or say why there is none."""
    study, left_out = _with_shared_days(task.study, task.settings.days)
    days = task.settings.days or shared_days(study, task.acute_end)
    if not days or len(study.treatments) < 2:
        reason = "The treatments share no scheduled day: scores are described, not modelled."
        return replace(observed, notes=(Note(reason, "not estimable"),))
    try:
        contrasts = _contrasts(task, study, days)
    except NotEstimableError as error:
        note = Note(f"The model could not be fitted. {error}", "not estimable")
        return replace(observed, notes=(note,))
    margins = contrasts.margins
    table = _results(margins, contrasts, days)
    last = max(days)
    at_end = table[(table["measure"] == "difference") & (table["visit"] == last)]
    level = task.plan.conf_level
    unit = f"points of the {study.scale.label}"
    lead = f"Change from baseline to day {last:g}: " + list_differences(
        at_end, unit=unit, level=level
    )
    notes = [Note(study.caveat + ".")] if study.caveat else []
    unsaid: tuple[str, ...] = ()
    if left_out:
        unsaid = (f"Change: no visit at {_days(days)} under {join_and(left_out)}.",)
        notes.append(Note(unsaid[0], "not estimable"))

    below = _ROW * len(contrasts.tidy()) + 1.3
    # Rows are named by visit and treatments: long names need the whole width.
    is_long = max(map(len, study.treatments)) > _LONG

    def draw(figure: Any) -> None:
        if is_long:
            first, second = figure.subplots(2, 1, height_ratios=(_ABOVE, below))
        else:
            first, second = figure.subplots(1, 2)
        margins.plot(first, title="Adjusted means")
        contrasts.plot(second, title=f"Differences from {contrasts.tidy()['reference'].iloc[0]}")

    figures = (
        *observed.pictures,
        Picture(
            "change_model",
            "Adjusted mean change by visit, and differences, with "
            f"{format_level(level)} intervals.",
            draw,
            (11.0, _ABOVE + below if is_long else max(_ABOVE, below)),
            alt=lead,
        ),
    )
    means_at_end = table[(table["measure"] == "mean") & (table["visit"] == last)]
    return replace(
        observed,
        lead=lead,
        tables=(contrasts.summary(), *_effect_table(table, contrasts.conf_level)),
        pictures=figures if len(days) > 1 else observed.pictures,
        frames={**observed.frames, "change_model": table},
        results=table,
        members=_members(task, study, days),
        headlines={
            f"Change at day {last:g} ({study.scale.label} points)": {
                str(r.treatment): format_estimate(r.estimate, r.conf_low, r.conf_high)
                for r in each_row(means_at_end)
            }
        },
        unsaid=unsaid,
        notes=tuple(notes),
        methods=(_methods(task, study, days),),
    )


def _with_shared_days(study: Study, days: tuple[float, ...] | None) -> tuple[Study, list[str]]:
    """Return the study of the treatments that have all the days, and the others."""
    if days is None:
        return study, []
    kept = [t for t, assessed in assessed_days(study).items() if assessed.issuperset(days)]
    left = [t for t in study.treatments if t not in kept]
    return (study.only(kept) if kept and left else study), left


def _spec(settings: ChangeSettings) -> MMRM:
    return MMRM(settings.formula, covariance=settings.covariance, ddf=settings.ddf)


def _contrasts(task: Task, study: Study, days: tuple[float, ...]) -> Contrasts:
    settings = task.settings
    spec = _spec(settings)
    fit = task.once(
        ("mmrm", spec, days, study.treatments), lambda: spec.fit(study.longitudinal(list(days)))
    )
    by_visit: Margins = fit.margins("treatment", by="visit")
    reference = task.reference if task.reference in study.treatments else None
    return by_visit.contrasts(
        reference=reference, adjust=settings.adjust, conf_level=task.plan.conf_level
    )


def _effect_sizes(contrasts: Contrasts) -> pd.DataFrame:
    """Return standardised differences; none where the model has no single standard deviation."""
    try:
        sizes = contrasts.effect_sizes(conf_level=contrasts.conf_level)
    except SpecError:
        return pd.DataFrame()
    return sizes.drop(columns=["contrast"], errors="ignore").assign(measure=_STANDARDISED)


def _effect_table(table: pd.DataFrame, level: float) -> tuple[Summary, ...]:
    """Return the standardised differences as a table; nothing where there are none."""
    standardised = table[table["measure"] == _STANDARDISED]
    if standardised.empty:
        return ()
    rows = tuple(
        (
            f"{r.visit:g}",
            f"{r.treatment} less {r.reference}",
            format_number(r.estimate, 2),
            format_interval(r.conf_low, r.conf_high, 2),
        )
        for r in each_row(standardised)
    )
    shown = Table(("Visit", "Contrast", "Hedges' g", format_level(level)), rows, 2)
    words = "difference over the standard deviation that the model has at the visit"
    return (Summary("Effect sizes", (("Hedges' g", words),), (shown,)),)


def _results(margins: Margins, contrasts: Contrasts, days: tuple[float, ...]) -> pd.DataFrame:
    """Return means and differences in one tidy table, with the visit as a number."""
    differences = contrasts.tidy().drop(columns=["contrast"]).assign(measure="difference")
    means = margins.tidy(conf_level=contrasts.conf_level).assign(measure="mean", reference="")
    parts = [means, differences, _effect_sizes(contrasts)]
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)
    front = ["measure", "visit", "treatment", "reference"]
    table["visit"] = table["visit"].astype(float)
    return table[[*front, *(c for c in table.columns if c not in front)]]


def _members(task: Task, study: Study, days: tuple[float, ...]) -> pd.DataFrame:
    """Return who has at least one visit with the outcome and the covariates of the model."""
    needed = sorted(read_formula(task.settings.formula).required_variables)
    complete = study.longitudinal(list(days)).dropna(subset=needed)
    return members_of_model(study, complete["subject"].unique().tolist())


def _days(days: tuple[float, ...]) -> str:
    return "day " + ", ".join(f"{d:g}" for d in days)


def _methods(task: Task, study: Study, days: tuple[float, ...]) -> str:
    settings = task.settings
    return (
        f"Change in {study.scale.label} total at {_days(days)} was analysed with a mixed model for "
        f"repeated measures ({settings.formula}), fitted by restricted maximum likelihood with "
        f"{with_article(get_covariance(settings.covariance).label)} covariance and "
        f"{DDF_WORDS[settings.ddf]} degrees of freedom; marginal means and their differences are "
        "reported."
    )


def _rows(task: Task) -> dict[str, Collection[object]]:
    """Return the visits that the model has, and none without a model."""
    if task.settings.model == "none" or len(task.study.treatments) < 2:
        return {"measure": (), "visit": ()}
    study, _ = _with_shared_days(task.study, task.settings.days)
    days = task.settings.days or shared_days(study, task.acute_end)
    return {"measure": ("mean", "difference", _STANDARDISED), "visit": days}


STEP: Step = Step(
    "change", "change in scores", run, settings=ChangeSettings, check=check, rows=_rows, cost=3.0
)
