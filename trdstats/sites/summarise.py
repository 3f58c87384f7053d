"""Summarise the study of one site by what a plan asks for."""

from __future__ import annotations

from collections.abc import Sequence

import trdstats
from trdstats.arguments import check_instance, checked
from trdstats.errors import PlanError, SpecError
from trdstats.plan.plan import Plan
from trdstats.plan.steps.change import ChangeSettings
from trdstats.sites.collect import (
    check_treatments,
    rate_counts,
    reference_of,
    time_counts,
    treatments_named,
)
from trdstats.sites.counts import RateCount
from trdstats.sites.disclosure import (
    guard_rates,
    guard_times,
    guard_totals,
    is_small,
    totals_by_treatment,
)
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.histories.collect import courses_that_leave
from trdstats.sites.masking import MODULUS, mark_of, mask_of
from trdstats.sites.model import model_of
from trdstats.sites.site_summary import SiteSummary
from trdstats.sites.withheld import Withheld
from trdstats.study import Study
from trdstats.study.load import study_from_mapping


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
        Shared by all sites and not known to the centre; counts of subjects, rates and courses then
        leave masked, none of them withheld, and only their sums over all sites of the plan can be
        read. A new one for every sending.
    study : Study, optional
        Default: that of the plan.

    Returns
    -------
    SiteSummary
        Rates of the step ``rates``, times to response, remission and relapse, courses of the step
        ``in_response``, and the mixed model of the step ``change``.

    Raises
    ------
    PlanError, SpecError
        When the plan names no days for its mixed model, does not name this site or one of its
        treatments, or names no treatments where there is a secret.
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
    check_treatments(plan, data, masked=secret is not None)
    arms = data.subjects["treatment"]
    sizes = {t: int((arms == t).sum()) for t in data.treatments}
    counts, lacking = rate_counts(plan, data)
    times, no_times = time_counts(plan, data)
    withheld: list[Withheld] = [*no_times]
    if secret is None:
        kept, small = guard_rates(counts, least)
        withheld += small
        for t in [t for t, n in sizes.items() if is_small(n, least)]:
            words = f"Number of subjects under {t}: withheld, fewer than {least}."
            withheld.append(Withheld("subjects", words, treatment=t))
            sizes[t] = 0
    else:
        kept, sizes = _masked(plan, site, secret, counts, sizes, treatments_named(plan))
    of_days, joined = guard_times(times, least, plan.sites.furthest)
    plain = secret is None
    kept, of_days, linked = guard_totals(sizes if plain else {}, kept, of_days, least, plain=plain)
    withheld = [*_that_leaves(lacking, kept if plain else ()), *withheld]
    totals = totals_by_treatment(sizes if plain else {}, kept if plain else (), of_days)
    courses, hidden, of_courses = courses_that_leave(
        plan, data, site, least, secret, of_days, totals
    )
    for c in courses:
        totals.setdefault(c.treatment, []).append(c.total)
    mixed, of_model = model_of(plan, data, least, totals)
    change = next((s.settings for s in plan.steps if isinstance(s.settings, ChangeSettings)), None)
    made = (*withheld, *joined, *linked, *of_courses, *of_model)
    few = is_small(len(data.subjects), least)
    return SiteSummary(
        site=site,
        plan=plan.title,
        fingerprint=fingerprint_of(plan),
        software=trdstats.__version__,
        scale=data.scale.label,
        reference=reference_of(plan),
        caveat=str(data.caveat),
        minimum=least,
        subjects=sizes,
        rates=kept,
        times=of_days,
        histories=courses,
        masked_histories=hidden,
        mixed=mixed,
        withheld=tuple(w for w in made if not (few and w.of_all_subjects)),
        names=plan.sites.names,
        secret="" if secret is None else mark_of(secret),
        conf_level=plan.conf_level,
        difference=plan.difference,
        adjust="none" if change is None else change.adjust,
    )


def _that_leaves(lacking: Sequence[Withheld], kept: Sequence[RateCount]) -> list[Withheld]:
    """Return what is said of rates, without what tells of counts that do not leave."""
    cells = {(c.outcome, c.day, c.treatment) for c in kept}
    return [
        w for w in lacking
        if w.is_missing or not w.treatment or (w.outcome, w.day, w.treatment) in cells
    ]  # fmt: skip


def _masked(
    plan: Plan,
    site: str,
    secret: str,
    counts: Sequence[RateCount],
    sizes: dict[str, int],
    treatments: Sequence[str],
) -> tuple[tuple[RateCount, ...], dict[str, int]]:
    """Return counts and sizes with masks added, of every treatment that the plan names."""

    def hide(n: int, cell: str) -> int:
        return (n + mask_of(secret, plan.sites.names, site, cell)) % MODULUS

    cells = {(c.outcome, c.day, c.treatment): c for c in counts}
    keys = dict.fromkeys((c.outcome, c.label, c.day) for c in counts)
    hidden = []
    for outcome, label, day in keys:
        for t in treatments:
            c = cells.get((outcome, day, t))
            n, events = (0, 0) if c is None else (c.n, c.events)
            cell = f"{outcome} {day:g} {t}"
            hidden.append(
                RateCount(outcome, label, day, t, hide(n, f"n {cell}"), hide(events, cell))
            )
    return tuple(hidden), {t: hide(sizes.get(t, 0), f"size {t}") for t in treatments}
