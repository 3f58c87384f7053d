"""Events by arm: who was hospitalised, rescued, switched or died, and how often per time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level, count_of, unknown_name
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.proportion_contrast import ProportionLimits
from trdstats.estimates.stacked import below
from trdstats.kernels.proportions.incidence_rate import incidence_rate_interval
from trdstats.study import Study
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_interval,
    format_level,
    format_number,
    format_percent,
)

_YEAR = 365.25  # days
PER = 100.0  # rates are events per so many person-years
# A "rate" is a proportion everywhere else: the unit stands in the name.
PROPORTION, RATE = "proportion with event", "events per 100 person-years"


@checked
def count_events(
    study: Study, *, events: Sequence[str] | None = None, conf_level: float = 0.95
) -> EventCounts:
    """Count the subjects of each treatment with an event, and events per person-time.

    Parameters
    ----------
    study : Study
        With a table of events; switches that follow from courses are among them.
    events : sequence of str, optional
        Kinds of events. Default: all of the study.
    conf_level : float, default 0.95
        Of Wilson's limits of proportions and the exact Poisson limits of rates.

    Returns
    -------
    EventCounts
        Only the first event of a kind after day 0 counts for a subject. Time at risk runs from day
        0 to that event, else to the last day on which anything is known of the subject. Treatments
        are not compared: where they are followed for different lengths, proportions differ by that
        alone.

    Raises
    ------
    SpecError, UnknownNameError
        When no kind is named, or the study has no such kind of event.
    NotEstimableError
        When the study has no events.

    References
    ----------
    Garwood 1936, Biometrika 28:437-442, doi:10.1093/biomet/28.3-4.437 (exact limits of a rate).

    Examples
    --------
    >>> import trdstats as trd
    >>> counts = trd.count_events(trd.load_sample("trial"), events=["hospitalisation"])
    >>> counts.counts[["treatment", "n_with_event"]].values.tolist()
    [['TMS', 1], ['ECT', 5], ['IV ketamine', 5]]
    """
    check_level(conf_level)
    known = sorted(study.events["event"].astype(str).unique().tolist())
    if not known:
        raise NotEstimableError(
            "The study has no events: give a table of them, Study(..., events=...), with the "
            "columns subject, day and event."
        )
    kinds = known if events is None else list(dict.fromkeys(events))
    if not kinds:
        raise SpecError(f"events names nothing to count. The study has {', '.join(known)}.")
    for kind in kinds:
        if kind not in known:
            raise unknown_name("kind of event", kind, known)
    first, total, early = _first_days(study, kinds)
    return EventCounts(
        subjects=study.subjects[["subject", "treatment"]],
        first=first,
        last=_last_days(study),
        total=total,
        n_before=early,
        caveat=study.caveat,
        _conf_level=conf_level,
    )


def _first_days(study: Study, kinds: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return days of first events and numbers of events after day 0, and those by day 0."""
    rows = study.events.assign(event=study.events["event"].astype(str))
    rows = rows[rows["event"].isin(kinds)]
    after = rows[rows["day"] > 0]
    ids = study.subjects["subject"].astype(object)
    first = pd.DataFrame(np.nan, index=ids, columns=kinds)
    total = pd.DataFrame(0, index=ids, columns=kinds)
    for kind, of_kind in after.groupby("event", observed=True):
        day = of_kind["day"].groupby(of_kind["subject"].astype(object))
        first[kind] = day.min().reindex(ids)
        total[kind] = day.size().reindex(ids).fillna(0).astype(int)
    return first, total, len(rows) - len(after)


def _last_days(study: Study) -> FloatArray:
    """Return the last day after 0 on which anything is known of each subject; 0 without one."""
    rated = study.visits.loc[study.visits["score"].notna(), ["subject", "day"]]
    known = pd.concat([rated, study.events[["subject", "day"]]], ignore_index=True)
    last = known.groupby(known["subject"].astype(object))["day"].max()
    day_of_each = study.subjects["subject"].astype(object).map(last)
    days: FloatArray = day_of_each.fillna(0.0).to_numpy(dtype=float)
    return np.maximum(days, 0.0)


@dataclass(frozen=True)
class _PoissonLimits:
    """Exact limits of rates, which by themselves have no test."""

    counts: tuple[float, ...]
    time: tuple[float, ...]

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        return incidence_rate_interval(self.counts, self.time, conf_level=conf_level)

    def p_values(self) -> FloatArray:
        """Return NaN: nothing is tested."""
        return np.full(len(self.counts), np.nan)


@dataclass(frozen=True, repr=False, eq=False)
class EventCounts(EstimateResult):
    """Subjects with an event, and first events per 100 person-years, by treatment.

    Attributes
    ----------
    subjects : pandas.DataFrame
        subject, treatment.
    first : pandas.DataFrame
        Day of the first event after day 0, one row a subject, one column a kind; NaN without one.
    last : ndarray, shape (n,)
        Last day on which anything is known of each subject.
    total : pandas.DataFrame
        Number of events after day 0, arranged as `first`.
    n_before : int
        Events on day 0 or before, which are not counted.
    caveat : str
        What every comparison must say.
    """

    subjects: pd.DataFrame
    first: pd.DataFrame
    last: FloatArray
    total: pd.DataFrame
    n_before: int
    caveat: str
    _conf_level: float

    @property
    def counts(self) -> pd.DataFrame:
        """One row a kind and treatment: n, n_with_event, n_events, person_years at risk."""
        return pd.DataFrame(
            [
                {
                    "event": kind,
                    "treatment": name,
                    "n": int(in_arm.sum()),
                    "n_with_event": int(has[in_arm].sum()),
                    "n_events": int(self.total[kind].to_numpy()[in_arm].sum()),
                    "person_years": float(years[in_arm].sum()),
                }
                for kind, name, in_arm, has, years in self._cells()
            ]
        )

    def _cells(self) -> Iterator[tuple[str, str, BoolArray, BoolArray, FloatArray]]:
        """Yield each kind and treatment: who is in it, who had the event, years at risk of all."""
        arm = self.subjects["treatment"]
        for kind in self.first.columns:
            day = self.first[kind].to_numpy()
            has = ~np.isnan(day)
            years = np.where(has, day, self.last) / _YEAR
            for name in arm.cat.categories:
                yield str(kind), str(name), (arm == name).to_numpy(), has, years

    def estimates(self) -> Estimates:
        """Return proportions, then first events per 100 person-years, of each kind and treatment.

        The influence of a subject on a proportion is (event - proportion) / n, on a rate
        (event - rate x time) / total time.
        """
        counts = self.counts
        keys = counts[["treatment", "event"]]
        ids = self.subjects["subject"].to_numpy(dtype=object)
        n, x = counts["n"].to_numpy(dtype=float), counts["n_with_event"].to_numpy(dtype=float)
        years = counts["person_years"].to_numpy(dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            proportion = np.where(n > 0, x / n, np.nan)
            rate = np.where(years > 0, PER * x / years, np.nan)
        on_proportion, on_rate = self._influences(proportion, rate, n, years)
        pairs = tuple(zip(x.astype(int).tolist(), n.astype(int).tolist(), strict=True))
        return below(
            [
                estimates_of(
                    keys.assign(measure=PROPORTION), proportion,
                    influences=on_proportion, subjects=ids,
                    limits=ProportionLimits(pairs, "wilson"),
                    reasons=["" if k else "no subject" for k in n],
                    title="Events", notes=self._notes(),
                ),
                estimates_of(
                    keys.assign(measure=RATE), rate, influences=on_rate, subjects=ids,
                    limits=_PoissonLimits(tuple(x), tuple(years / PER)),
                    reasons=["" if t > 0 else "no time at risk" for t in years],
                ),
            ]
        )  # fmt: skip

    def _influences(
        self, proportion: FloatArray, rate: FloatArray, n: FloatArray, years: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        on_proportion, on_rate = [], []
        for k, (_, _, in_arm, has, time) in enumerate(self._cells()):
            on_proportion.append(
                np.where(in_arm, has - np.nan_to_num(proportion[k]), 0) / max(n[k], 1)
            )
            gap = PER * has - np.nan_to_num(rate[k]) * time
            on_rate.append(np.where(in_arm, gap, 0) / (years[k] or np.inf))
        return np.array(on_proportion).T, np.array(on_rate).T

    def _notes(self) -> tuple[str, ...]:
        early = f"{count_of(self.n_before, 'event', 'events')} on day 0 or before not counted."
        return (*((early,) if self.n_before else ()), *caveat_notes(self.caveat))

    def summary(self) -> Summary:
        """Return subjects with an event, events and rates by kind and treatment."""
        table = self.tidy()
        proportions, rates = (table[table["measure"] == m] for m in (PROPORTION, RATE))
        rows = tuple(
            (
                s.event,
                s.treatment,
                f"{format_count(c.n_with_event)}/{format_count(c.n)}",
                format_percent(s.estimate),
                format_interval(100 * s.conf_low, 100 * s.conf_high),
                format_count(c.n_events),
                format_number(c.person_years),
                format_number(r.estimate),
                format_interval(r.conf_low, r.conf_high),
            )
            for s, r, c in zip(
                each_row(proportions), each_row(rates), each_row(self.counts), strict=True
            )
        )
        level = f"{format_level(self.conf_level)} CI"
        header = (
            "Event", "Treatment", "With event", "%", level, "Events", "Person-years",
            "Per 100 person-years", level,
        )  # fmt: skip
        how = (
            ("Proportion", "subjects with at least one event after day 0 (Wilson limits)"),
            ("Rate", "first events per 100 person-years at risk (exact Poisson limits)"),
        )
        return Summary("Events by treatment", how, (Table(header, rows, 2),), self._notes())
