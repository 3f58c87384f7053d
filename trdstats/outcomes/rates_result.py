"""What rates show of themselves, and how one subject moves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import count_of, no_error_known
from trdstats.outcomes.weighted_rates import WeightedRates
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_interval,
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
class Rates(SummaryMixin):
    """Rates of a state at a day, and what separates the treatments.

    Attributes
    ----------
    definition : str
        The rule in words.
    day : float
        Scheduled day.
    missing : str
        What was done with subjects without a verdict at that day.
    frame : pandas.DataFrame
        As returned by `tidy`.
    outcomes : pandas.DataFrame
        One row a subject: subject, treatment, met (True / False / missing) after the handling
        of missing visits, reason, rated (at the day), analysed (rated with a verdict).
    caveat : str
        What every comparison must say.
    weighted : WeightedRates or None
        Weighted estimates with their influences.
    """

    label: str
    definition: str
    day: float
    missing: str
    frame: pd.DataFrame
    outcomes: pd.DataFrame
    caveat: str
    weighted: WeightedRates | None = None

    def tidy(self) -> pd.DataFrame:
        """Return rates, then comparisons with the reference: one row each.

        Returns
        -------
        pandas.DataFrame
            measure ("rate", "difference", "ratio", "odds ratio"), treatment, reference, events,
            n (denominator), n_randomised, n_treated (missing when not recorded), n_rated (rated at
            the day), n_analysed (of these, with a verdict), estimate, std_error (log scale for
            ratios), statistic, p_value, conf_low, conf_high, conf_level, method.
        """
        return self.frame.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, those rated and judged, events, day, missing visits."""
        of_arm = self.frame[self.frame["measure"] == "rate"]
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

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each rate.

        Returns
        -------
        pandas.DataFrame
            subject, then one column a treatment: (met - rate) / n for its own subjects, else 0;
            with weights w (met - rate) / sum w, and what the subject does to the weights.
            The cross-product of the columns is the covariance of the rates.
        """
        if self.weighted is not None:
            return self.weighted.influence.copy()
        result: dict[str, Any] = {"subject": self.outcomes["subject"].array}
        met = self.outcomes["met"].astype(float).fillna(np.nan).to_numpy(dtype=float)
        for name in self.outcomes["treatment"].cat.categories:
            mine = (self.outcomes["treatment"] == name).to_numpy() & ~np.isnan(met)
            n = max(int(mine.sum()), 1)
            rate = met[mine].mean() if mine.any() else np.nan
            result[name] = np.where(mine, (np.nan_to_num(met) - rate) / n, 0.0)
        return pd.DataFrame(result)

    def summary(self) -> Summary:
        """Return the rates and comparisons as a table."""
        frame = self.frame
        of_arm = frame[frame["measure"] == "rate"]
        level = f"{100 * frame['conf_level'].iloc[0]:g} % CI"
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
            f"{self.label[:1].upper()}{self.label[1:]} at day {self.day:g}",
            (
                ("Rule", self.definition),
                ("Not rated", MISSING_WORDS[self.missing]),
                ("Intervals", methods),
                *((("Weights", self.weighted.words),) if self.weighted else ()),
            ),
            tuple(tables),
            (
                *undecided_note(self.outcomes, self.missing),
                *((f"{self.caveat}.",) if self.caveat else ()),
                *self._no_error(),
            ),
        )

    def _no_error(self) -> tuple[str, ...]:
        """Return which weighted rates have no error; counts have score and exact methods."""
        if self.weighted is None:
            return ()
        own = self.frame[self.frame["measure"] == "rate"]
        none = own["estimate"].notna() & own["std_error"].isna()
        return no_error_known(own.loc[none, "treatment"].tolist())


def reasons_undecided(outcomes: pd.DataFrame) -> str:
    """Return why subjects rated at the day have no verdict, with counts; empty where all have.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        reason, rated, analysed: see `verdicts`.
    """
    own = outcomes.loc[outcomes["rated"] & ~outcomes["analysed"], "reason"]
    counts = own.value_counts(sort=False)
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
        own = {r.measure: r for r in each_row(frame[frame["treatment"] == name])}
        gap = own["difference"]
        cells = [f"{name} v {gap.reference}", _shown(gap, 100, 1)]
        cells += [_shown(own[m], 1, 2) for m in ("ratio", "odds ratio")]
        rows.append((*cells, format_p(gap.p_value)))
    header = ("Comparison", f"Difference, points ({level})", "Ratio", "Odds ratio", "p")
    return Table(header, tuple(rows))


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
