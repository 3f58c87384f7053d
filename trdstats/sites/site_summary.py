"""What one site sends: counts and cross-products of a plan, no rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import trdstats
from trdstats.arguments import check_instance, checked
from trdstats.errors import PlanError, SpecError, count_of
from trdstats.formulas import read_formula
from trdstats.kinds import as_labels
from trdstats.longitudinal import MMRM, MMRMSummary
from trdstats.outcomes import rates, time_to
from trdstats.plan.plan import Plan, PlannedStep
from trdstats.plan.steps.change import ChangeSettings
from trdstats.plan.steps.rates import RatesSettings, days_of_outcomes
from trdstats.plan.switching import strategy_for
from trdstats.sites.counts import RateCount, TimeCounts, counts_of_rates, counts_of_times
from trdstats.sites.disclosure import guard_rates, guard_times, is_small
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.masking import MODULUS, mask_of
from trdstats.sites.patterns import guard_patterns
from trdstats.sites.ratings import CommonRatings, common_patterns
from trdstats.sites.withheld import Withheld
from trdstats.study import Study
from trdstats.study.load import study_from_mapping
from trdstats.tables import Summary, SummaryMixin, Table, format_count

MINIMUM = 5


@dataclass(frozen=True, repr=False)
class SiteSummary(SummaryMixin):
    """Counts and cross-products of one site, which leave it in place of rows.

    Attributes
    ----------
    site : str
    plan : str
        Title of the plan.
    fingerprint : str
        Of the plan without its files: only summaries of one fingerprint are combined.
    software : str
        Version that made it.
    scale, reference : str
        Instrument, and the treatment that others are compared with ("" for the first).
    caveat : str
        What every comparison must say.
    minimum : int
        Cells of fewer subjects were withheld or joined to others.
    subjects : dict of str to int
        Subjects of each treatment; 0 where there are fewer than `minimum`.
    rates : tuple of RateCount
    times : tuple of TimeCounts
    mixed : MMRMSummary or None
    withheld : tuple of Withheld
        What was withheld or joined.
    names : tuple of str
        Sites of the plan.
    masked : bool
        Whether counts of subjects and rates are masked: only their sums over all sites of the plan
        can be read.
    """

    site: str
    plan: str
    fingerprint: str
    software: str
    scale: str
    reference: str
    caveat: str
    minimum: int
    subjects: dict[str, int]
    rates: tuple[RateCount, ...]
    times: tuple[TimeCounts, ...]
    mixed: MMRMSummary | None
    withheld: tuple[Withheld, ...]
    names: tuple[str, ...] = ()
    masked: bool = False

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the summary as text, and write it to a file where one is named.

        Parameters
        ----------
        path : str or Path, optional
        """
        from trdstats.sites.stored import as_values

        text = json.dumps(as_values(self), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", "utf-8")
        return text

    def summary(self) -> Summary:
        """Return what is in the file, in words for a board that decides whether it may leave."""
        n = format_count(sum(self.subjects.values()))
        rows = [
            ("subjects by treatment", format_count(len(self.subjects))),
            ("subjects with an outcome at a day", _cells(self.rates, 2)),
            ("subjects with an event on a day, or censored",
             format_count(sum(len(t.n) for t in self.times))),
        ]  # fmt: skip
        if self.mixed is not None:
            s = self.mixed.products
            what = "sums of products of scores and covariates, over patterns of visits of "
            rows.append((f"{what}{int(s.n.min()):,} subjects or more",
                         format_count(s.cross_products.size)))  # fmt: skip
        notes = [
            "No row of a subject, no identifier, no date and no text that was typed in is in the "
            "file.",
            "Counts of subjects and of rates are masked: only the sum of all sites can be read."
            if self.masked
            else "",
            f"No other number counts 1 to {self.minimum - 1} subjects."
            if self.minimum > 1
            else "Cells of single subjects are in the file: it is for work within one hospital.",
            *(w.words for w in self.withheld),
        ]
        return Summary(
            f"Summary of site {self.site}",
            (
                ("Plan", f"{self.plan} ({self.fingerprint[:12]})"),
                ("Scale", self.scale),
                ("Subjects", "masked" if self.masked else n),
                ("Least in a cell", str(self.minimum)),
            ),
            (Table(("What leaves the site", "Numbers"), tuple(rows)),),
            tuple(n for n in notes if n),
        )


def _cells(parts: tuple[Any, ...], each: int) -> str:
    return format_count(each * len(parts))


@checked
def summarise_site(
    plan: Plan,
    site: str,
    *,
    minimum: int | None = None,
    secret: str | None = None,
    study: Study | None = None,
) -> SiteSummary:
    """Summarise the study of one site by what a plan asks for.

    Parameters
    ----------
    plan : Plan
        The same at every site but for the files of ``[study]``.
    site : str
        Name of the site.
    minimum : int, optional
        Cells of fewer subjects (but 0) do not leave; 1 for all of them, where summaries stay within
        a hospital. Default: that of the plan's ``[sites]``, or 5.
    secret : str, optional
        Shared by all sites and not known to the centre; counts of subjects and rates then leave
        masked, none of them withheld, and only their sums over all sites of the plan can be read.
        A new one for every sending.
    study : Study, optional
        Default: that of the plan.

    Returns
    -------
    SiteSummary
        Rates of the step ``rates``, times to response, remission and relapse, and the mixed model
        of the step ``change``.

    Raises
    ------
    PlanError, SpecError
        When the plan names no days for its mixed model, or does not name this site.
    TrdstatsError
        When the study cannot be read.

    Examples
    --------
    >>> import trdstats as trd
    >>> summary = trd.summarise_site(trd.sample_plan("trial"), "north")
    >>> summary.minimum
    5
    """
    check_instance("plan", plan, Plan)
    least = plan.sites.minimum if minimum is None else minimum
    if least < 1:
        raise SpecError(f"minimum is a number of subjects of 1 or more; got {least}.")
    if plan.sites.names and site not in plan.sites.names:
        raise PlanError(
            f"The plan does not name the site {site!r}; its [sites] names "
            f"{', '.join(map(repr, plan.sites.names))}."
        )
    data = study_from_mapping(plan.study, plan.folder) if study is None else study
    arms = data.subjects["treatment"]
    sizes = {t: int((arms == t).sum()) for t in data.treatments}
    rate_counts: tuple[RateCount, ...] = tuple(_rate_counts(plan, data))
    withheld: list[Withheld] = []
    if secret is None:
        rate_counts, withheld = guard_rates(rate_counts, least)
        for t in [t for t, n in sizes.items() if is_small(n, least)]:
            withheld.append(
                Withheld("subjects", f"Number of subjects under {t}: withheld, fewer than {least}.",
                         treatment=t)
            )  # fmt: skip
            sizes[t] = 0
    else:
        rate_counts, sizes = _masked(plan, site, secret, rate_counts, sizes)
    time_counts, of_times = guard_times(_time_counts(plan, data), least, plan.sites.furthest)
    mixed, of_model = _mixed(plan, data, least)
    return SiteSummary(
        site=site,
        plan=plan.title,
        fingerprint=fingerprint_of(plan),
        software=trdstats.__version__,
        scale=data.scale.label,
        reference="" if plan.reference is None else str(plan.reference),
        caveat=str(data.caveat),
        minimum=least,
        subjects=sizes,
        rates=rate_counts,
        times=time_counts,
        mixed=mixed,
        withheld=(*withheld, *of_times, *of_model),
        names=plan.sites.names,
        masked=secret is not None,
    )


def _masked(
    plan: Plan, site: str, secret: str, counts: Sequence[RateCount], sizes: dict[str, int]
) -> tuple[tuple[RateCount, ...], dict[str, int]]:
    """Return counts and sizes with masks added, of every treatment that the plan names.

    Raises
    ------
    PlanError
        When the plan does not name the treatments: a cell without a mask would tell who has them.
    """
    named = [str(t) for t in plan.sites.levels.get("treatment", ())]
    if not named:
        raise PlanError(
            "Masked counts need the treatments of all sites: [sites] levels = { treatment = [...] }"
            "."
        )

    def hide(n: int, cell: str) -> int:
        return (n + mask_of(secret, plan.sites.names, site, cell)) % MODULUS

    cells = {(c.outcome, c.day, c.treatment): c for c in counts}
    keys = dict.fromkeys((c.outcome, c.label, c.day) for c in counts)
    hidden = []
    for outcome, label, day in keys:
        for t in named:
            c = cells.get((outcome, day, t))
            n, events = (0, 0) if c is None else (c.n, c.events)
            cell = f"{outcome} {day:g} {t}"
            hidden.append(
                RateCount(outcome, label, day, t, hide(n, f"n {cell}"), hide(events, cell))
            )
    return tuple(hidden), {t: hide(sizes.get(t, 0), f"size {t}") for t in named}


def _step(plan: Plan, kind: str) -> PlannedStep | None:
    return next((s for s in plan.steps if s.kind == kind), None)


def _rate_counts(plan: Plan, study: Study) -> list[RateCount]:
    step = _step(plan, "rates")
    if step is None or not isinstance(step.settings, RatesSettings):
        return []
    strategy = strategy_for("rates", plan.after_switch)
    counts: list[RateCount] = []
    for outcome, day in days_of_outcomes(plan, step.settings):
        result = rates(
            study, plan.definition(outcome), day=day, missing=plan.missing,
            after_switch=strategy,
        )  # fmt: skip
        counts += counts_of_rates(result, outcome)
    return counts


def _time_counts(plan: Plan, study: Study) -> list[TimeCounts]:
    strategy = strategy_for("onset", plan.after_switch)
    counts: list[TimeCounts] = []
    for outcome in ("response", "remission"):
        times = time_to(study, plan.definition(outcome), after_switch=strategy)
        counts += counts_of_times(times, outcome)
    relapse = time_to(
        study, plan.relapse, since=plan.response, competing=plan.competing,
        after_switch=plan.after_switch,
    )  # fmt: skip
    return [*counts, *counts_of_times(relapse, "relapse")]


def _mixed(plan: Plan, study: Study, minimum: int) -> tuple[MMRMSummary | None, list[Withheld]]:
    step = _step(plan, "change")
    settings = None if step is None else step.settings
    if not isinstance(settings, ChangeSettings) or settings.model == "none":
        return None, []
    if settings.days is None:
        words = (
            "Mixed model: not summarised, as the plan names no days: sites could have others. Give "
            "days = [...] under [change]."
        )
        return None, [Withheld("mixed", words)]
    spec = MMRM(settings.formula, covariance=settings.covariance, ddf=settings.ddf)
    frame = study.longitudinal(list(settings.days))
    formula = read_formula(settings.formula)
    needed = [str(v) for v in formula.required_variables]
    rows = _with_levels(frame, plan, settings.days, needed)
    outcome = str(next(iter(formula.lhs.required_variables)))
    categories = [c for c in needed if isinstance(rows[c].dtype, pd.CategoricalDtype)]
    shared = common_patterns(rows, outcome, categories, minimum)
    rows = rows.assign(**{outcome: rows[outcome].where(shared.kept)})
    if not shared.kept.any():
        words = f"Mixed model: withheld, as no pattern of visits is shared by {minimum} subjects."
        return None, [Withheld("mixed", words)]
    summary, withheld = guard_patterns(spec.summarise(rows), minimum)
    if summary is not None:
        withheld += _given_up(shared, minimum)
    return summary, withheld


def _given_up(shared: CommonRatings, minimum: int) -> list[Withheld]:
    """Return in words which ratings did not leave."""
    words = []
    if shared.n_reduced:
        words.append(
            f"Mixed model: {count_of(shared.n_reduced, 'subject gives', 'subjects give')} some of "
            f"the ratings only, so that no pattern of visits, and no category within one, has "
            f"fewer than {minimum}."
        )
    if shared.n_lost:
        words.append(
            f"Mixed model: {count_of(shared.n_lost, 'subject is', 'subjects are')} left out, as no "
            "pattern of visits of theirs could be shared."
        )
    return [Withheld("mixed", w, is_missing=False) for w in words]


def _with_levels(
    frame: pd.DataFrame, plan: Plan, days: Sequence[float], needed: Sequence[str]
) -> pd.DataFrame:
    """Return rows whose categories have the levels of all sites, where the plan names them.

    Others have those of this site: sites that differ in them do not combine, and say so.
    """
    levels = plan.sites.levels
    made = {"visit": pd.Categorical(frame["visit"], categories=list(days))}
    for column in needed:
        if column in frame and not pd.api.types.is_numeric_dtype(frame[column].dtype):
            labels = as_labels(frame[column])
            made[column] = pd.Categorical(labels, categories=labels.cat.categories)
    for column, names in levels.items():
        if column not in frame:
            raise PlanError(
                f"[sites] levels: the study has no column {column!r} in its rows; it has "
                f"{', '.join(map(str, frame.columns))}."
            )
        values = frame[column].astype(object)
        other = sorted(set(map(str, values.dropna())) - set(map(str, names)))
        if other:
            raise PlanError(
                f"[sites] levels: {column!r} has {', '.join(map(repr, other))} at this site, which "
                "the plan does not name."
            )
        made[column] = pd.Categorical(values, categories=list(names))
    return frame.assign(**made)
