"""Two published counts compared: for results of which only the numbers are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice, check_level, no_error_reason
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.proportion_contrast import (
    DIFFERENCES,
    compare_proportions,
    tests_of,
)
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.boundary import error_inside
from trdstats.kernels.proportions.two_by_two import fisher_test, pearson_test, yates_test
from trdstats.outcomes.rules.given_numbers import read_total
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_estimate,
    format_level,
    format_p,
    format_percent,
)


@dataclass(frozen=True, repr=False)
class CountComparison(EstimateResult):
    """Comparison of two proportions known by their counts.

    `tidy` has difference, ratio and odds ratio: measure, method, then the columns of
    `EstimateResult.tidy`; the statistic is that of the test that belongs to the limits.
    """

    counts: tuple[int, int, int, int]
    method: str
    _conf_level: float

    def estimates(self) -> Estimates:
        """Return difference, ratio and odds ratio."""
        comparison = self._compared()
        return replace(comparison, keys=comparison.keys[["measure"]])

    def _compared(self) -> Estimates:
        x1, n1, x0, n0 = self.counts
        counts = {"first": (x1, n1), "second": (x0, n0)}
        p, n = np.array([x1 / n1, x0 / n0]), np.array([n1, n0])
        rates = estimates_of(
            pd.DataFrame({"treatment": list(counts)}), p,
            covariance=np.diag(error_inside(p, p * (1 - p) / n)),
            reasons=[no_error_reason(e) for e in error_inside(p, p)],
            title=f"{x1}/{n1} against {x0}/{n0}",
        )  # fmt: skip
        return compare_proportions(rates, counts, reference="second", method=self.method)

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        return {"method": self.method, "statistic": tests_of(self._compared())}

    def tests(self) -> pd.DataFrame:
        """Return the three usual tests of the two-by-two table: test, statistic, df, p_value."""
        tests = {
            "chi-squared": pearson_test,
            "chi-squared, Yates": yates_test,
            "Fisher exact": fisher_test,
        }
        results = {name: test(*self.counts) for name, test in tests.items()}
        return pd.DataFrame(
            {
                "test": list(results),
                "statistic": [r.statistic for r in results.values()],
                "df": [r.df for r in results.values()],
                "p_value": [r.p_value for r in results.values()],
            }
        )

    def summary(self) -> Summary:
        """Return measures and tests as tables."""
        x1, n1, x0, n0 = self.counts
        level = f"{format_level(self.conf_level)} CI"
        rows = []
        for r in each_row(self.tidy()):
            scale, digits = (100, 1) if r.measure == "difference" else (1, 2)
            unit = " (percentage points)" if r.measure == "difference" else ""
            shown = format_estimate(r.estimate, r.conf_low, r.conf_high, digits, scale=scale)
            rows.append((r.measure + unit, shown, format_p(r.p_value)))
        tests = tuple((r.test, format_p(r.p_value)) for r in each_row(self.tests()))
        return Summary(
            f"{x1}/{n1} against {x0}/{n0}",
            (
                ("Rates", f"{format_percent(x1 / n1)} % and {format_percent(x0 / n0)} %"),
                ("Intervals", self.method),
            ),
            (
                Table(("Measure", f"Estimate ({level})", "p"), tuple(rows)),
                Table(("Test", "p"), tests),
            ),
        )


@checked
def compare_counts(
    events: int,
    n: int,
    reference_events: int,
    reference_n: int,
    *,
    method: str = "miettinen-nurminen",
    conf_level: float = 0.95,
) -> CountComparison:
    """Compare two proportions of which only the counts are known.

    Parameters
    ----------
    events, n : int
        Events and denominator of the first group.
    reference_events, reference_n : int
        Those of the group it is compared with.
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
        Interval, with the test that belongs to it.
    conf_level : float

    Raises
    ------
    SpecError
        When counts are no whole numbers, or there are more events than subjects.

    Examples
    --------
    ELEKT-D (Anand 2023): ketamine against ECT, published 14.2 points (3.9 to 24.2).

    >>> row = compare_counts(108, 195, 70, 170).tidy().iloc[0]
    >>> [round(float(100 * row[c]), 1) for c in ("estimate", "conf_low", "conf_high")]
    [14.2, 3.9, 24.2]
    """
    check_choice("method", method, DIFFERENCES)
    check_level(conf_level)
    given = {
        "events": events,
        "n": n,
        "reference_events": reference_events,
        "reference_n": reference_n,
    }
    x1, n1, x0, n0 = (read_total(name, value) for name, value in given.items())
    if n1 < 1 or n0 < 1 or not (0 <= x1 <= n1 and 0 <= x0 <= n0):
        raise SpecError(
            f"Events must lie between 0 and the number of subjects; got {x1}/{n1} and {x0}/{n0}."
        )
    return CountComparison((x1, n1, x0, n0), method, conf_level)
