"""What rates show of themselves, and how one subject moves them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import Problem, count_of, no_error_known, no_error_reason
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.proportion_contrast import (
    MEASURES,
    ProportionLimits,
    compare_proportions,
    tests_of,
)
from trdstats.estimates.stacked import below
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.boundary import error_inside
from trdstats.outcomes.switching import SwitchCounts
from trdstats.outcomes.weighted_rates import WeightedRates
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_interval,
    format_level,
    format_p,
    format_percent,
)

MISSING_WORDS = {
    "nonresponse": "counted as not met; denominator: all subjects",
    "observed": "left out; denominator: those judged at the visit",
    "locf": "last rated visit carried forward; denominator: those judged at least once",
    "worst": "counted as not met, and as met under the reference; denominator: all subjects",
}


@dataclass(frozen=True, repr=False)
class Rates(EstimateResult):
    """Rates of a state at a day, and what separates the treatments.

    `tidy` has rates, then comparisons with the reference: measure ("rate", "difference", "ratio",
    "odds ratio"), treatment, reference, the counts of the rate (see `counts`), method, then the
    columns of `EstimateResult.tidy`; the statistic is that of the test that belongs to the limits.

    Attributes
    ----------
    definition : str
        The rule in words.
    day : float
        Scheduled day.
    missing : str
        What was done with subjects without a verdict at that day.
    outcomes : pandas.DataFrame
        One row a subject: subject, treatment, met (True / False / missing) after the handling
        of missing visits, reason, rated (at the day), analysed (rated with a verdict), switched
        (another treatment was started by then).
    counts : pandas.DataFrame
        One row a treatment: treatment, events, n (denominator), n_randomised, n_treated (missing
        when not recorded), n_rated (rated at the day), n_analysed (of these, with a verdict), and
        n_switched (another treatment was started by then) where the study has courses or events of
        a switch.
    reference : str
    methods : (str, str)
        Limits of the rates, and those of the comparisons, where subjects have no weights.
    caveat : str
        What every comparison must say.
    weighted : WeightedRates or None
        Weighted rates with their influences.
    switching : SwitchCounts or None
        How many started another treatment by the day, and how they were counted.
    notices : tuple of Problem
        What the visits cannot show (a day that few reach, a definition that they do not fit), and
        how those who started another treatment were counted.
    says_day : bool
        Whether the label names the day already.
    """

    label: str
    definition: str
    day: float
    missing: str
    outcomes: pd.DataFrame
    counts: pd.DataFrame
    reference: str
    methods: tuple[str, str]
    caveat: str
    weighted: WeightedRates | None
    _conf_level: float
    switching: SwitchCounts | None = None
    notices: tuple[Problem, ...] = ()
    says_day: bool = False

    def estimates(self) -> Estimates:
        """Return the rates, then differences, ratios and odds ratios with the reference.

        The influence of a subject on the rate of its treatment is (met - rate) / n; with weights
        w (met - rate) / sum w, and what the subject does to the weights.
        """
        rates = self.of_treatments()
        return self._below(rates, self._compared(rates))

    def _table(self) -> Estimates:
        return self._below(self._rates, self._comparisons)

    def _below(self, rates: Estimates, comparisons: Estimates) -> Estimates:
        treatments = rates.keys["treatment"]
        keys = pd.DataFrame({"measure": "rate", "treatment": treatments, "reference": ""})
        first = replace(rates, keys=keys)
        estimates = below([first, comparisons] if len(comparisons) else [first])
        notes = caveat_notes(self.caveat) + self._notes()
        return replace(estimates, title=self._title, notes=notes)

    def of_treatments(self) -> Estimates:
        """Return the rates alone, with the key ``treatment``."""
        if self.weighted is not None:
            return self._rates
        met = self.outcomes["met"].to_numpy(dtype=float, na_value=np.nan)
        arms = self.counts["treatment"].tolist()
        member = np.array([(self.outcomes["treatment"] == a).to_numpy() for a in arms]).T
        member &= ~np.isnan(met)[:, None]
        n = np.array([n for _, n in self._pairs.values()])
        gap = np.where(member, np.nan_to_num(met)[:, None] - self._rates.value, 0.0)
        influences = gap / np.maximum(n, 1)
        return replace(
            self._rates, influences=influences, covariance=influences.T @ influences,
            subjects=self.outcomes["subject"].to_numpy(dtype=object),
        )  # fmt: skip

    @cached_property
    def _rates(self) -> Estimates:
        """The rates; without influences where subjects have no weights."""
        if self.weighted is not None:
            return self.weighted.rates
        arms = self.counts["treatment"].tolist()
        events, n = np.array(list(self._pairs.values()), dtype=float).T
        rate = np.where(n > 0, events / np.maximum(n, 1), np.nan)
        return estimates_of(
            pd.DataFrame({"treatment": arms}), rate,
            covariance=np.diag(rate * (1 - rate) / np.maximum(n, 1)),
            limits=ProportionLimits(tuple(self._pairs.values()), self.methods[0]),
            reasons=[self._why_no_rate(a, p) for a, p in zip(arms, rate, strict=True)],
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        """Return the notices as lines for a table."""
        return tuple(f"{p.summary} {p.remedy}".rstrip() for p in self.notices)

    def _compared(self, rates: Estimates) -> Estimates:
        if self.weighted is not None or len(rates) < 2:
            return rates.compare(reference=self.reference, measures=MEASURES)
        return compare_proportions(
            rates, self._pairs, reference=self.reference, method=self.methods[1]
        )

    @cached_property
    def _comparisons(self) -> Estimates:
        return self._compared(self._rates)

    @cached_property
    def _pairs(self) -> dict[str, tuple[int, int]]:
        """Events and denominator of each treatment."""
        events = self.counts["events"].to_numpy(dtype=int, na_value=0)
        pairs = zip(events.tolist(), self.counts["n"].to_numpy(dtype=int).tolist(), strict=True)
        return dict(zip(self.counts["treatment"].tolist(), pairs, strict=True))

    def _why_no_rate(self, treatment: str, rate: float) -> str:
        if not np.isnan(rate):
            return no_error_reason(float(error_inside(rate, rate)))
        why = reasons_undecided(self.outcomes[self.outcomes["treatment"] == treatment])
        judged = f" can be judged ({why})" if why else ""
        return f"no subject{' assessed' if why else ' was assessed'} at day {self.day:g}{judged}"

    @property
    def _title(self) -> str:
        at = "" if self.says_day else f" at day {self.day:g}"
        return f"{self.label[:1].upper()}{self.label[1:]}{at}"

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        k, n = len(self.counts), len(held["estimate"])
        counts = self.counts.drop(columns="treatment").reindex(range(n))
        rate, gap = self.methods if self.weighted is None else ("influence", "influence")
        return {
            **{str(c): counts[c] for c in counts},
            "method": [rate] * k + [gap] * (n - k),
            "statistic": np.concatenate([np.full(k, np.nan), tests_of(self._comparisons)]),
        }

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, those assessed and judged, events, day, missing visits."""
        of_arm = self.counts
        return pd.DataFrame(
            {
                "n": [int(of_arm["n_randomised"].sum())],
                "n_rated": [int(of_arm["n_rated"].sum())],
                "n_analysed": [int(of_arm["n_analysed"].sum())],
                "events": [int(of_arm["events"].sum())],
                "day": [self.day],
                "missing": [self.missing],
            }
        )

    def summary(self) -> Summary:
        """Return the rates and comparisons as a table."""
        frame = self.tidy()
        of_arm = frame[frame["measure"] == "rate"]
        level = f"{format_level(self.conf_level)} CI"
        arms = tuple(
            (
                r.treatment,
                format_count(r.n_randomised),
                format_count(np.nan if pd.isna(r.n_treated) else r.n_treated),
                format_count(r.n_rated),
                f"{format_count(np.nan if pd.isna(r.events) else r.events)}/{format_count(r.n)}",
                format_percent(r.estimate),
                format_interval(100 * r.conf_low, 100 * r.conf_high),
            )
            for r in each_row(of_arm)
        )
        header = ("Treatment", "Subjects", "Treated", "Rated", "Met", "%", level)
        tables = [Table(header, arms)]
        if len(frame) > len(of_arm):
            tables.append(_contrast_table(frame, level))
        methods = " / ".join(dict.fromkeys(frame["method"]))
        return Summary(
            self._title,
            (
                ("Rule", self.definition),
                ("Not assessed", MISSING_WORDS[self.missing]),
                ("Intervals", methods),
                *((("Weights", self.weighted.words),) if self.weighted else ()),
            ),
            tuple(tables),
            (
                *self._notes(),
                *undecided_note(self.outcomes, self.missing),
                *caveat_notes(self.caveat),
                *self._no_error(),
            ),
        )

    def _no_error(self) -> tuple[str, ...]:
        """Return which weighted rates have no error; counts have score and exact methods."""
        if self.weighted is None:
            return ()
        rates = self.weighted.rates
        none = np.isfinite(rates.value) & np.isnan(rates.std_error)
        return no_error_known(rates.keys["treatment"][none].tolist())


def reasons_undecided(outcomes: pd.DataFrame) -> str:
    """Return why subjects rated at the day have no verdict, with counts; empty where all have.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        reason, rated, analysed: see `verdicts`.
    """
    reasons = outcomes.loc[outcomes["rated"] & ~outcomes["analysed"], "reason"]
    counts = reasons.value_counts(sort=False)
    return ", ".join(f"{why} {k:,}" for why, k in counts.items() if k)


def undecided_note(outcomes: pd.DataFrame, missing: str) -> tuple[str, ...]:
    """Return the sentence on subjects rated at the day without a verdict; none without them."""
    why = reasons_undecided(outcomes)
    if not why:
        return ()
    n = int((outcomes["rated"] & ~outcomes["analysed"]).sum())
    what = MISSING_WORDS[missing].split(";")[0]
    subjects = count_of(n, "subject", "subjects")
    return (f"{subjects} rated at the visit cannot be judged by the rule ({why}): {what}.",)


def _contrast_table(frame: pd.DataFrame, level: str) -> Table:
    """Return one row a comparison; p is that of the difference."""
    rows = []
    for name in frame.loc[frame["measure"] == "difference", "treatment"]:
        by_measure = {r.measure: r for r in each_row(frame[frame["treatment"] == name])}
        gap = by_measure["difference"]
        cells = [f"{name} v {gap.reference}", _shown(gap, 100, 1)]
        cells += [_shown(by_measure[m], 1, 2) for m in ("ratio", "odds ratio")]
        rows.append((*cells, format_p(gap.p_value)))
    header = ("Comparison", f"Difference, points ({level})", "Ratio", "Odds ratio", "p")
    return Table(header, tuple(rows))


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
