"""What missing visits may do to the result: who left, and imputation under named assumptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from trdstats import plots
from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError
from trdstats.imputation import (
    ANCOVA,
    MAR,
    BinaryTippingPoint,
    Composite,
    CopyIncrements,
    CopyReference,
    Estimand,
    Hypothetical,
    Imputation,
    JumpToReference,
    TippingPoint,
    TreatmentPolicy,
    WhileOnTreatment,
    describe_dropout,
    dropout_events,
    single_imputation_analyses,
)
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.shared_days import shared_days
from trdstats.plan.step import Step, Task
from trdstats.plan.wording import list_differences
from trdstats.study import Study
from trdstats.tables import Summary, add_unit, format_level, format_percent

_TITLE = "Could missing data change the result?"
Strategy = TreatmentPolicy | Hypothetical | Composite | WhileOnTreatment
ASSUMPTIONS = ("missing at random", "copy increments", "copy reference", "jump to reference")
_STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "treatment policy": TreatmentPolicy,
    "hypothetical": Hypothetical,
    "composite": Composite,
    "while on treatment": WhileOnTreatment,
}


@checked
@dataclass(frozen=True)
class MissingSettings(StepSettings):
    """The ``[missing]`` table.

    Attributes
    ----------
    day : float or None
        Scheduled day of the result; None for the end of the acute course.
    formula : str
        Imputation model, as `Imputation` takes it.
    assumptions : tuple of str
        Of "missing at random", "copy increments", "copy reference", "jump to reference".
    events : mapping of str to str
        Strategy for each intercurrent event: "treatment policy", "hypothetical", "composite",
        "while on treatment". Without it events are ignored (treatment policy).
    tipping : tuple of float
        Points added to what is imputed in one arm, increasing; empty for no tipping point.
    outcome : str or None
        Outcome whose tipping point is sought as well, over every count of responders among the
        missing.
    impute : bool or None
        Whether to impute; None: where treatments were randomised.
    """

    day: float | None = None
    formula: str = "change ~ baseline * visit + treatment * visit"
    assumptions: tuple[str, ...] = ("missing at random", "jump to reference")
    events: dict[str, str] = field(default_factory=dict)
    tipping: tuple[float, ...] = (-8.0, -4.0, 0.0, 4.0, 8.0, 12.0)
    outcome: str | None = None
    impute: bool | None = None

    MAY_BE_EMPTY: ClassVar[tuple[str, ...]] = ("tipping",)

    def __post_init__(self) -> None:
        super().__post_init__()
        steps = zip(self.tipping, self.tipping[1:], strict=False)
        if any(later <= earlier for earlier, later in steps):
            raise SpecError(f"tipping must increase; got {list(self.tipping)!r}.")
        unknown = [a for a in self.assumptions if a not in ASSUMPTIONS]
        if unknown or not self.assumptions:
            raise SpecError(
                f"assumptions must be among {', '.join(map(repr, ASSUMPTIONS))}; got "
                f"{list(self.assumptions)!r}."
            )
        unknown = [s for s in self.events.values() if s not in _STRATEGIES]
        if unknown:
            raise SpecError(
                f"events: a strategy must be one of {', '.join(map(repr, _STRATEGIES))}; got "
                f"{unknown[0]!r}."
            )


def check(task: Task) -> Iterator[str]:
    """Yield the day, the outcome and the variables that study or plan do not have."""
    settings: MissingSettings = task.settings
    unknown = list(task.unknown_outcomes(settings.outcome))
    yield from unknown
    if settings.outcome is not None and not unknown:
        yield from task.no_states(settings.outcome)
    yield from task.unknown_days(settings.day)
    yield from task.unknown_columns(settings.formula)


def run(task: Task) -> Section:
    """Return who left, and the result under each assumption on what was not assessed."""
    study, settings = task.study, task.settings
    title = settings.title or _TITLE
    day = _day(task)
    dropout = describe_dropout(study, until=day)

    def draw(figure: Any) -> None:
        dropout.plot(figure.add_subplot(), styles=plots.treatment_styles(study.treatments))

    glance = dropout.glance()
    section = Section(
        task.name,
        title,
        _who_left(dropout, day),
        about="Values that were not observed are not known: each assumption below is one that a "
        "reader may hold, and the results show what follows from it.",
        tables=(dropout.summary(),),
        pictures=(
            Picture(
                "dropout",
                f"Proportion still in the study, by day, to day {day:g}.",
                draw,
                (9.0, 4.6 + 0.24 * len(study.treatments)),
                alt=_who_left(dropout, day),
            ),
        ),
        frames={"dropout": dropout.tidy(), "dropout_patterns": dropout.patterns()},
        results=glance,
    )
    wanted = study.randomised if settings.impute is None else settings.impute
    if not wanted or len(study.treatments) < 2:
        return section
    return _imputed(task, section, day)


def _day(task: Task) -> float:
    return task.acute_end if task.settings.day is None else float(task.settings.day)


def _who_left(dropout: Any, day: float) -> str:
    patterns = dropout.patterns()
    total = patterns["n"].sum()
    complete = patterns.loc[patterns["kind"] == "complete", "n"].sum()
    proportion = add_unit(format_percent(complete / total, 0), "%")
    return (
        f"{complete} of {total} patients ({proportion}) were assessed "
        f"at every scheduled visit to day {day:g}. "
    )


def _imputed(task: Task, section: Section, day: float) -> Section:
    """Add the results under every assumption and the tipping points."""
    plan, settings = task.plan, task.settings
    reference = task.reference
    study, tables = _under_estimand(task, reference, day)
    days = list(shared_days(study, day))
    if day not in days:
        words = f"Not every treatment is assessed at day {day:g}: nothing was imputed."
        return replace(section, notes=(Note(words, "not estimable"),))
    spec = Imputation(settings.formula)
    draws = spec.draw(study, dropout_events(study, days=days), days=days)
    analysis = ANCOVA("baseline", visits=[day], reference=reference)
    plain = single_imputation_analyses(
        study, day=day, reference=reference, conf_level=plan.conf_level
    )
    # What each of these assumes is said in their summary; the row is named by the method.
    rows = [plain.tidy().drop(columns="assumption").rename(columns={"method": "assumption"})]
    notes: list[Note] = []
    for name in settings.assumptions:
        pooled = draws.impute(_assumption(name, reference)).analyse(analysis).pool()
        tables.append(pooled.summary())
        rows.append(pooled.tidy(conf_level=plan.conf_level).assign(assumption=name))
    table = pd.concat(rows, ignore_index=True)
    table = table[table["measure"] == "difference"].reset_index(drop=True)
    frames = {**section.frames, "missing": table}
    first = table[table["assumption"] == settings.assumptions[0]]
    lead = (
        section.lead
        + f"Under {settings.assumptions[0]}: "
        + list_differences(first, unit="points", level=plan.conf_level)
    )
    pictures = [*section.pictures, _forest(task, table, day)]
    arms = [t for t in study.treatments if t != reference]
    if settings.tipping:
        fits = _tipping_points(task, draws.impute(MAR()), analysis, arms, notes)
        tables += [fit.summary() for fit in fits.values()]
        frames |= _stacked("tipping", fits)
    if settings.outcome is not None:
        binary = {
            arm: BinaryTippingPoint(
                task.definition(settings.outcome),
                day,
                arm,
                reference=reference,
                conf_level=plan.conf_level,
            ).fit(study)
            for arm in arms
        }
        tables += [fit.summary() for fit in binary.values()]
        frames |= _stacked("tipping_responses", binary)
    return replace(
        section,
        lead=lead,
        tables=(*section.tables, *tables),
        pictures=tuple(pictures),
        frames=frames,
        results=table,
        notes=tuple(notes),
        methods=(_methods(task, day, reference),),
    )


def _tipping_points(
    task: Task, imputed: Any, analysis: ANCOVA, arms: Sequence[str], notes: list[Note]
) -> dict[str, Any]:
    """Return the tipping point of each arm where there is one, and note where there is none."""
    tables = {}
    for arm in arms:
        spec = TippingPoint({arm: task.settings.tipping}, analysis, conf_level=task.plan.conf_level)
        try:
            tables[arm] = spec.fit(imputed)
        except NotEstimableError as error:
            notes.append(Note(str(error), "not estimable"))
    return tables


def _stacked(name: str, fits: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the tables of all arms as one frame by its name; none where there is no fit."""
    parts = [fit.tidy().assign(arm=arm) for arm, fit in fits.items()]
    return {name: pd.concat(parts, ignore_index=True)} if parts else {}


def _assumption(name: str, reference: str) -> Any:
    if name == "missing at random":
        return MAR()
    by_name: dict[str, Callable[[str], Any]] = {
        "copy increments": CopyIncrements,
        "copy reference": CopyReference,
        "jump to reference": JumpToReference,
    }
    return by_name[name](reference)


def _under_estimand(task: Task, reference: str, day: float) -> tuple[Study, list[Summary]]:
    """Return the study after the strategies for intercurrent events, and what they did."""
    events = task.settings.events
    if not events:
        return task.study, []
    estimand = Estimand(
        population="patients of the study",
        variable=f"change in {task.study.scale.label} to day {day:g}",
        contrast=f"each treatment v {reference}",
        population_summary="difference in means",
        strategies={event: _STRATEGIES[name]() for event, name in events.items()},
    )
    derived = estimand.derive(task.study)
    return derived.study, [estimand.summary()]


def _forest(task: Task, table: pd.DataFrame, day: float) -> Picture:
    rows = table.assign(label=table["treatment"].astype(str) + ", " + table["assumption"])

    def draw(figure: Any) -> None:
        plots.plot_estimates(
            rows,
            ax=figure.add_subplot(),
            reference_line=0.0,
            xlabel=f"Difference in change at day {day:g} (points)",
            caveat=task.study.caveat,
        )

    return Picture(
        "missing",
        f"Difference in change at day {day:g} under each assumption on what was not assessed, with "
        f"{format_level(task.plan.conf_level)} intervals.",
        draw,
        (9.0, 1.4 + 0.32 * len(rows)),
        alt="The same difference estimated under several assumptions on missing visits.",
    )


def _methods(task: Task, day: float, reference: str) -> str:
    settings = task.settings
    assumptions = ", ".join(settings.assumptions)
    return (
        f"Missing visits to day {day:g} were imputed by conditional means of a mixed model for "
        f"repeated measures ({settings.formula}) under: {assumptions} (reference {reference}); "
        f"change was "
        "analysed by analysis of covariance and errors come from the jackknife."
    )


STEP: Step = Step("missing", "missing data", run, settings=MissingSettings, check=check, cost=4.0)
