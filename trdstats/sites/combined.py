"""What a centre makes of the summaries of sites: the analysis of all their subjects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import DataWarning, NotEstimableError, SpecError, unknown_name, warn
from trdstats.longitudinal import MMRMResult
from trdstats.outcomes import EventTimes, ResponseHistory
from trdstats.plan.steps.in_response import fit_followed
from trdstats.sites.check_together import (
    check_together,
    levels_apart,
    notes_together,
    sites_without_summary,
)
from trdstats.sites.counts import as_event_times
from trdstats.sites.histories.pooled import pooled_histories
from trdstats.sites.pooled_counts import (
    MEASURES,
    check_masks,
    comparison_rows,
    pooled_counts,
    pooled_sizes,
    rate_row,
)
from trdstats.sites.site_summary import SiteSummary
from trdstats.sites.withheld import Part, Withheld
from trdstats.study.caveats import Caveat
from trdstats.survival import CoxPH, KaplanMeier, LogRank, ResponseState
from trdstats.survival.states.response_state import ResponseStateResult
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_p,
    format_percent,
)


@dataclass(frozen=True, repr=False)
class CombinedSites(SummaryMixin):
    """The analysis of all sites together, from their summaries.

    Attributes
    ----------
    summaries : tuple of SiteSummary
    """

    summaries: tuple[SiteSummary, ...]

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites."""
        return tuple(s.site for s in self.summaries)

    @property
    def subjects(self) -> dict[str, int]:
        """Subjects of each treatment over all sites."""
        return pooled_sizes(self.summaries)

    @property
    def caveat(self) -> str:
        """What every comparison must say."""
        return next((s.caveat for s in self.summaries if s.caveat), "")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes with times to an event."""
        return tuple(dict.fromkeys(t.outcome for s in self.summaries for t in s.times))

    def rates(self, *, conf_level: float | None = None) -> pd.DataFrame:
        """Return rates of all sites together, and differences from the reference.

        Limits and tests are those of the plan.

        A count that one site withheld is not estimable: what was withheld is small, or nearly all,
        and the other sites alone would mislead.

        Parameters
        ----------
        conf_level : float, optional
            Default: that of the plan.

        Returns
        -------
        pandas.DataFrame
            outcome, label, day, measure ("rate", "difference", "ratio", "odds ratio"), treatment,
            reference, events, n, estimate, then the columns of `CountComparison.tidy` for
            comparisons, and reason (why there is no estimate).

        Raises
        ------
        NotEstimableError
            When no site sent counts.
        """
        pooled = pooled_counts(self.summaries)
        if not pooled:
            raise NotEstimableError("No site sent counts of rates.")
        level = self.summaries[0].conf_level if conf_level is None else conf_level
        method = self.summaries[0].difference
        tables = []
        for (outcome, label, day), counts in pooled.items():
            names = {"outcome": outcome, "label": label, "day": day}
            base = self._reference([c.treatment for c in counts])
            of_base = next(c for c in counts if c.treatment == base)
            tables += [rate_row(names, c) for c in counts]
            tables += [
                comparison_rows(names, c, of_base, level, method)
                for c in counts
                if c is not of_base
            ]
        table = pd.concat(tables, ignore_index=True)
        order = table["measure"].map(list(MEASURES).index)
        outcome_place = table["outcome"].map(list(dict.fromkeys(table["outcome"])).index)
        table = table.iloc[np.lexsort((order, table["day"], outcome_place))]
        first = ["outcome", "label", "day", "measure", "treatment", "reference", "events", "n",
                 "estimate"]  # fmt: skip
        others = [c for c in table.columns if c not in (*first, "reason")]
        return table[[*first, *others, "reason"]].reset_index(drop=True)

    def _reference(self, names: list[str]) -> str:
        given = self.summaries[0].reference
        return given if given in names else min(names)

    def times(self, outcome: str = "response") -> EventTimes:
        """Return the event times of all sites, for every method that takes days of visits.

        Parameters
        ----------
        outcome : str
            Name in the plan: "response", "remission", "relapse".

        Returns
        -------
        EventTimes
            With the column `site`: ``LogRank(strata="site")``, ``CoxPH("treatment",
            strata="site")``. Subjects have numbers that no site knows. A treatment that one site
            withheld is left out.

        Raises
        ------
        UnknownNameError, NotEstimableError
            When no site sent times to it, or of every treatment one site withheld them.
        """
        lacking = {w.treatment: (site, w.words) for site, w in self._missing("times", outcome)}
        sent = [(s.site, t) for s in self.summaries for t in s.times if t.outcome == outcome]
        parts = [(site, t) for site, t in sent if t.treatment not in lacking]
        if not sent and not lacking:
            raise unknown_name("outcome with times", outcome, self.outcomes)
        if not parts:
            reasons = dict.fromkeys(f"{site}: {words}" for site, words in lacking.values())
            raise NotEstimableError(
                f"Times to {outcome} were withheld, and the other sites alone would mislead. "
                + " ".join(reasons)
            )
        without = [f"{t} (withheld at {site})" for t, (site, _) in lacking.items()]
        times = as_event_times(parts, self._caveat_without(without))
        base = self._reference(list(times.treatments))
        return times.with_reference(base)

    def histories(self) -> ResponseHistory:
        """Return the histories of response of all sites, for methods that take days of visits.

        Courses end at the horizon of the plan's step ``in_response``. Subjects have numbers that no
        site knows. A treatment that one site withheld is left out. Where days were joined so that
        no course is that of few, the caveat says by how much mean days in response change.

        Raises
        ------
        NotEstimableError
            When no site sent courses, of every treatment one site withheld them, or no subject was
            assessed by the horizon.
        """
        return pooled_histories(self.summaries, self.summaries[0].reference, self.caveat)

    def in_response(self, tau: float | None = None) -> ResponseStateResult:
        """Return the probability of being in response over time, and mean days in response.

        Parameters
        ----------
        tau : float, optional
            Horizon of the mean days. Default: that of the plan's step ``in_response``; not later.

        Returns
        -------
        ResponseStateResult
            Curves, mean days by treatment, their differences and ratios.

        Raises
        ------
        NotEstimableError
            As `histories`; or when the follow-up of a treatment ends before `tau`, or `tau` lies
            beyond the horizon.
        """
        history, horizon = self.histories(), self._horizon()
        if tau is not None and tau > horizon:
            raise NotEstimableError(
                f"Courses were counted to day {horizon:g}: tau = {tau:g} lies beyond it."
            )
        return self._spec_of_states(horizon if tau is None else tau, history).fit(history)

    def _horizon(self) -> float:
        return next(c.horizon for s in self.summaries for c in s.courses)

    def _spec_of_states(self, tau: float, history: ResponseHistory) -> ResponseState:
        base = self._reference(list(history.treatments))
        return ResponseState(tau, reference=base, conf_level=self.summaries[0].conf_level)

    def _days_in_response(self) -> tuple[ResponseStateResult | None, tuple[str, ...]]:
        """Return the fit to all treatments that are followed to the horizon; why others are not."""
        try:
            history = self.histories()
        except NotEstimableError as error:
            return None, (str(error),) if any(s.courses for s in self.summaries) else ()
        spec = self._spec_of_states(self._horizon(), history)
        fit, notes = fit_followed(spec, history, history.treatments)
        return fit, tuple(n.text for n in notes)

    def _missing(self, part: Part, outcome: str = "") -> list[tuple[str, Withheld]]:
        """Return what of a part did not leave its site at all, with the site."""
        return [
            (s.site, w)
            for s in self.summaries
            for w in s.withheld
            if w.part == part and w.outcome == outcome and w.is_missing
        ]

    def _caveat_without(self, names: Sequence[str]) -> str:
        """Return what comparisons must say, and what they are without."""
        without = f"Without {', '.join(names)}" if names else ""
        return Caveat.of(self.caveat, without)

    def mixed(self) -> MMRMResult:
        """Fit the mixed model of the plan to the cross-products of all sites that sent them.

        The caveat of the result names the sites that did not.

        Raises
        ------
        NotEstimableError
            When no site sent them.
        SpecError
            When their categories have different levels.
        """
        parts = [s.mixed for s in self.summaries if s.mixed is not None]
        if not parts:
            raise NotEstimableError("No site sent the cross-products of a mixed model.")
        try:
            whole = reduce(add, parts)
        except SpecError as error:
            apart = levels_apart(self.summaries)
            words = f"The sites have different levels: {apart}." if apart else str(error)
            raise SpecError(f"{words} {_LEVELS}") from error
        lacking = list(dict.fromkeys(site for site, _ in self._missing("mixed")))
        caveat = self._caveat_without([f"{site} (no sums sent)" for site in lacking])
        return whole.spec.fit(replace(whole, design=replace(whole.design, caveat=caveat)))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the results as tables by name, what cannot be estimated left out."""
        made: dict[str, pd.DataFrame] = {}
        with suppress(NotEstimableError):
            made["rates"] = self.rates()
        level = self.summaries[0].conf_level
        for outcome in self.outcomes:
            with suppress(NotEstimableError):
                times = self.times(outcome)
                made[f"{outcome}_curves"] = KaplanMeier(conf_level=level).fit(times).tidy()
                if len(times.treatments) > 1:
                    made[f"{outcome}_log_rank"] = LogRank(strata="site").fit(times).glance()
                    cox = CoxPH("treatment", strata="site", conf_level=level)
                    made[f"{outcome}_hazards"] = cox.fit(times).tidy()
        states = self._days_in_response()[0]
        if states is not None:
            made["in_response_curves"] = states.tidy()
            made["in_response_days"] = states.mean_days()
        if any(s.mixed is not None for s in self.summaries):
            with suppress(NotEstimableError):
                made |= self._of_model(level)
        return made

    def _of_model(self, level: float) -> dict[str, pd.DataFrame]:
        fit = self.mixed()
        margins = fit.margins("treatment", by=fit.design.visit)
        base = self._reference(list(margins.tidy()["treatment"].astype(str).unique()))
        adjust: Any = self.summaries[0].adjust
        contrasts = margins.contrasts(reference=base, adjust=adjust)
        return {
            "change_means": margins.tidy(conf_level=level),
            "change_differences": contrasts.tidy(conf_level=level),
        }

    def summary(self) -> Summary:
        """Return sites, subjects and rates."""
        rows = []
        table = pd.DataFrame()
        with suppress(NotEstimableError):
            table = self.rates()
        for r in each_row(table[table["measure"] == "rate"]) if len(table) else ():
            counts = "" if r.reason else f"{int(r.events):,}/{int(r.n):,}"
            rows.append((r.label, f"{r.day:g}", r.treatment, counts, format_percent(r.estimate)))
        tables = [Table(("Outcome", "Day", "Treatment", "Events", "%"), tuple(rows))]
        differences = []
        for r in each_row(table[table["measure"] == "difference"]) if len(table) else ():
            shown = format_estimate(100 * r.estimate, 100 * r.conf_low, 100 * r.conf_high, 1)
            differences.append((r.label, f"{r.day:g}", f"{r.treatment} - {r.reference}", shown,
                                format_p(r.p_value)))  # fmt: skip
        if differences:
            head = ("Outcome", "Day", "Comparison", "Difference (points)", "p")
            tables.append(Table(head, tuple(differences)))
        states, why = self._days_in_response()
        notes = [*caveat_notes(self.caveat)]
        if states is not None:
            of_states = states.summary()
            tables += of_states.tables
            notes = [*of_states.notes]  # they say the caveat as well
        notes += why
        notes += [*notes_together(self.summaries), *sites_without_summary(self.summaries)]
        notes += [f"{s.site}: {w.words}" for s in self.summaries for w in s.withheld]
        return Summary(
            "All sites together",
            (
                ("Plan", self.summaries[0].plan),
                ("Sites", ", ".join(self.sites)),
                ("Subjects", format_count(sum(self.subjects.values()))),
            ),
            tuple(tables),
            tuple(notes),
        )


_LEVELS = (
    "Name them in the plan, the same at every site: [sites] levels = { treatment = [...] }, and "
    "summarise again."
)


@checked
def combine(summaries: Sequence[SiteSummary]) -> CombinedSites:
    """Combine the summaries of sites into the analysis of all their subjects.

    Parameters
    ----------
    summaries : sequence of SiteSummary

    Raises
    ------
    SpecError
        When they are of different plans or count an outcome by different rules, two of one site, or
        of masked ones some are missing.

    Warns
    -----
    DataWarning
        When two sites send the same counts and event times, treatments or sites look alike, or the
        summaries were made by different versions of trdstats.

    Examples
    --------
    >>> import trdstats as trd
    >>> plan, study = trd.sample_plan("trial"), trd.load_sample("trial")
    >>> names = study.subjects["subject"].tolist()
    >>> north = trd.summarise_site(plan, "north", study=study.keep(names[::2]))
    >>> south = trd.summarise_site(plan, "south", study=study.keep(names[1::2]))
    >>> trd.combine([north, south]).sites
    ('north', 'south')
    """
    given = tuple(summaries)
    wrong = [s for s in given if not isinstance(s, SiteSummary)]
    if not given or wrong:
        raise SpecError("combine takes summaries of sites, from summarise_site or read_summary.")
    check_together(given)
    check_masks(given)
    for words in notes_together(given):
        warn(words, DataWarning)
    return CombinedSites(given)
