"""Rates compared over strata: measures, homogeneity, influence, face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError
from trdstats.kernels.proportions.stratified_tables import (
    common_odds_ratio,
    stratified_difference,
    stratified_ratio,
)
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_estimate, format_p

COUNTS = ("events", "n", "reference_events", "reference_n")
_METHODS = {
    "difference": "stratified miettinen-nurminen",
    "ratio": "stratified miettinen-nurminen",
    "odds ratio": "mantel-haenszel",
}


@dataclass(frozen=True, repr=False)
class StratifiedRates(SummaryMixin):
    """Comparisons of rates over strata.

    Attributes
    ----------
    title : str
    strata : pandas.DataFrame
        stratum, treatment, reference, events, n, reference_events, reference_n.
    conf_level : float
    facts : tuple of (str, str)
    caveat : str
    subjects : pandas.DataFrame or None
        subject, stratum, treatment, met of everybody counted; None for bare counts.
    """

    title: str
    strata: pd.DataFrame
    conf_level: float
    facts: tuple[tuple[str, str], ...] = ()
    caveat: str = ""
    subjects: pd.DataFrame | None = None

    def _tables(self) -> dict[tuple[str, str], list[Any]]:
        pairs = self.strata.groupby(["treatment", "reference"], sort=False, observed=True)
        return {
            (str(treatment), str(reference)): [own[c].to_numpy(dtype=int) for c in COUNTS]
            for (treatment, reference), own in pairs
        }

    def tidy(self) -> pd.DataFrame:
        """Return difference, ratio and common odds ratio of every treatment with the reference.

        Returns
        -------
        pandas.DataFrame
            measure, treatment, reference, estimate, std_error (log scale for ratios), statistic,
            p_value, conf_low, conf_high, conf_level, method. For the odds ratio the statistic is
            the chi-squared of Cochran, Mantel and Haenszel; for the others z.
        """
        rows = []
        for measure, kernel in (
            ("difference", stratified_difference),
            ("ratio", stratified_ratio),
            ("odds ratio", common_odds_ratio),
        ):
            for (treatment, reference), counts in self._tables().items():
                found = kernel(*counts, conf_level=self.conf_level)
                rows.append(
                    {
                        "measure": measure,
                        "treatment": treatment,
                        "reference": reference,
                        "estimate": found.estimate,
                        "std_error": found.std_error,
                        "statistic": found.statistic,
                        "p_value": found.p_value,
                        "conf_low": found.low,
                        "conf_high": found.high,
                        "conf_level": self.conf_level,
                        "method": _METHODS[measure],
                    }
                )
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Return one row a treatment: treatment, reference, strata, n, reference_n."""
        rows = self.strata.groupby(["treatment", "reference"], sort=False, observed=True)
        found = rows.agg(
            strata=("stratum", "nunique"), n=("n", "sum"), reference_n=("reference_n", "sum")
        )
        return found.reset_index()

    def homogeneity(self) -> pd.DataFrame:
        """Return Breslow and Day's test of one odds ratio in all strata, Tarone's correction.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, statistic, df, p_value; NaN with one informative stratum.
        """
        rows = []
        for (treatment, reference), counts in self._tables().items():
            found = common_odds_ratio(*counts, conf_level=self.conf_level)
            rows.append(
                {
                    "treatment": treatment,
                    "reference": reference,
                    "statistic": found.homogeneity,
                    "df": found.homogeneity_df,
                    "p_value": found.homogeneity_p,
                }
            )
        return pd.DataFrame(rows)

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each weighted difference.

        Returns
        -------
        pandas.DataFrame
            subject, then one column a treatment; the cross-product is the covariance of the
            differences with the reference, the weights of the strata taken as known.

        Raises
        ------
        NotEstimableError
            When only counts are known.
        """
        if self.subjects is None:
            raise NotEstimableError("Only counts are known: subjects have no influence.")
        own = self.subjects
        met, place = own["met"].to_numpy(dtype=float), pd.Index(own["stratum"])
        columns: dict[str, Any] = {"subject": own["subject"].array}
        for (treatment, reference), rows in self.strata.groupby(
            ["treatment", "reference"], sort=False, observed=True
        ):
            table = rows.set_index("stratum")[list(COUNTS)].astype(float)
            size = table["n"] * table["reference_n"] / (table["n"] + table["reference_n"])
            share = (size / size.sum()).reindex(place).to_numpy()
            column = np.zeros(len(own))
            for arm, events, n, sign in (
                (treatment, "events", "n", 1.0),
                (reference, "reference_events", "reference_n", -1.0),
            ):
                here = table.reindex(place)
                mine = (own["treatment"] == arm).to_numpy() & (share > 0)
                rate = (here[events] / here[n]).to_numpy()[mine]
                column[mine] = sign * share[mine] * (met[mine] - rate) / here[n].to_numpy()[mine]
            columns[str(treatment)] = column
        return pd.DataFrame(columns)

    def summary(self) -> Summary:
        """Return the comparisons with the test of homogeneity."""
        level = f"{100 * self.conf_level:g} % CI"
        apart = {r.treatment: r.p_value for r in each_row(self.homogeneity())}
        table = self.tidy()
        rows = []
        for name in table.loc[table["measure"] == "difference", "treatment"]:
            own = {r.measure: r for r in each_row(table[table["treatment"] == name])}
            gap = own["difference"]
            cells = [f"{name} v {gap.reference}", _shown(gap, 100, 1)]
            cells += [_shown(own[m], 1, 2) for m in ("ratio", "odds ratio")]
            p = own["odds ratio"].p_value
            rows.append((*cells, format_p(p), format_p(apart[name])))
        header = (
            "Comparison", f"Difference, points ({level})", "Ratio", "Odds ratio", "CMH p",
            "Homogeneity p",
        )  # fmt: skip
        alone = (self.strata["n"] == 0) | (self.strata["reference_n"] == 0)
        notes = []
        if alone.any():
            where = ", ".join(dict.fromkeys(self.strata.loc[alone, "stratum"].astype(str)))
            notes.append(f"Strata that lack a treatment tell nothing of it: {where}.")
        notes += [f"{self.caveat}."] if self.caveat else []
        return Summary(self.title, self.facts, (Table(header, tuple(rows)),), tuple(notes))


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
