"""The largest of several weighted log-rank statistics, for hazards that are not proportional."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.numerics.max_t import largest_tail
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.survival.tests.group_test import (
    ADJUSTMENTS,
    add_adjusted,
    check_two_groups,
    why_no_test,
)
from trdstats.survival.tests.log_rank import scores_of
from trdstats.tables import FrameResult, Summary, Table, each_row, format_number, format_p

_DRAWS = 200_000  # relative error of a p value below 0.002
_SEED = 20201005


@checked
@dataclass(frozen=True, slots=True)
class MaxCombo:
    """Largest of several weighted log-rank statistics.

    Early, late and middle differences each have a weighting that finds them; the largest is
    judged by their joint distribution, so that nothing has to be known beforehand.

    Parameters
    ----------
    by : str, default "treatment"
        Column that names the groups; every pair is compared.
    weightings : tuple of (rho, gamma)
        Fleming-Harrington weights. Default: (0, 0), (0, 1), (1, 0), (1, 1).
    strata : str, optional
        Column within whose values groups are compared.
    adjust : {"holm", "bonferroni", "hommel", "none"}
        Adjustment for the number of pairs.

    Raises
    ------
    SpecError
        When a weight is negative or fewer than two are given.

    References
    ----------
    Lin and others 2020, Statistics in Biopharmaceutical Research 12:187-198,
    doi:10.1080/19466315.2019.1697738.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> trd.MaxCombo().fit(onset).tidy()["treatment"].tolist()
    ['ECT', 'IV ketamine', 'IV ketamine']
    """

    by: str = "treatment"
    weightings: tuple[tuple[float, float], ...] = ((0, 0), (0, 1), (1, 0), (1, 1))
    strata: str | None = None
    adjust: str = "holm"

    def __post_init__(self) -> None:
        check_choice("adjust", self.adjust, ADJUSTMENTS)
        if len(self.weightings) < 2 or any(r < 0 or g < 0 for r, g in self.weightings):
            raise SpecError(
                "weightings must be two or more pairs (rho, gamma) of 0 or more; got "
                f"{self.weightings!r}."
            )

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> MaxComboResult:
        """Compare every pair of groups.

        Parameters
        ----------
        times : EventTimes or DataFrame
        weights : str, Series or DataFrame, optional
            As in `LogRank.fit`.

        Raises
        ------
        NotEstimableError
            When fewer than two groups have follow-up.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        check_two_groups(sample, self.by)
        rows = [
            self._compare(times, sample, pair)
            for pair in combinations(range(len(sample.groups)), 2)
        ]
        table = add_adjusted(pd.DataFrame(rows), self.adjust)
        return MaxComboResult(self, times, sample, table)

    def _compare(self, times: EventTimes, sample: Sample, pair: tuple[int, int]) -> dict[str, Any]:
        scores = scores_of(times, sample, self.weightings, strata=self.strata, pair=pair)
        gap = scores.observed[:, 1] - scores.expected[:, 1]
        covariance = scores.variance[:, :, 1, 1]
        error = np.sqrt(np.diag(covariance))
        row: dict[str, Any] = {
            "treatment": sample.groups[pair[1]].label,
            "reference": sample.groups[pair[0]].label,
            "rho": np.nan, "gamma": np.nan, "statistic": np.nan, "p_value": np.nan,
        }  # fmt: skip
        usable = error > 0
        if usable.any():
            z = gap[usable] / error[usable]
            best = int(np.argmax(np.abs(z)))
            scale = np.outer(error[usable], error[usable])
            correlation = covariance[np.ix_(usable, usable)] / scale
            rng = np.random.default_rng(_SEED)
            p = largest_tail(correlation, abs(float(z[best])), draws=_DRAWS, rng=rng)
            rho, gamma = np.array(self.weightings, dtype=float)[usable][best]
            row |= {"rho": rho, "gamma": gamma, "statistic": float(z[best]), "p_value": min(p, 1.0)}
        events = sum(int((sample.groups[k].status == 1).sum()) for k in pair)
        return {**row, "reason": why_no_test(row["statistic"], events, times.outcome)}


@dataclass(frozen=True, repr=False)
class MaxComboResult(FrameResult):
    """Pairs compared.

    `tidy` has one row a pair: treatment, reference, rho and gamma of the largest statistic,
    statistic (z; above 0 where the treatment has more events than expected), p_value, reason (why
    there is no test), p_adjusted, adjust.
    """

    _kept: ClassVar[str] = "_table"

    spec: MaxCombo
    times: EventTimes
    _sample: Sample
    _table: pd.DataFrame

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, number of weightings and of pairs."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "weightings": [len(self.spec.weightings)],
                "pairs": [len(self._table)],
            }
        )

    def summary(self) -> Summary:
        """Return the pairs as a table."""
        rows = tuple(
            (
                r.treatment,
                r.reference,
                f"({r.rho:g}, {r.gamma:g})",
                format_number(r.statistic, 2),
                format_p(r.p_value),
                format_p(r.p_adjusted),
            )
            for r in each_row(self._table)
        )
        missing = [
            f"No test of {r.treatment} against {r.reference}: {r.reason}."
            for r in each_row(self._table)
            if r.reason
        ]
        header = ("Group", "Reference", "Weights (rho, gamma)", "z", "p", f"p ({self.spec.adjust})")
        listed = ", ".join(f"({r:g}, {g:g})" for r, g in self.spec.weightings)
        return Summary(
            "Largest of several weighted log-rank tests (MaxCombo)",
            (*counts_header(self.times, self._sample), ("Weights (rho, gamma)", listed)),
            (Table(header, rows, 2),),
            (*notes_of(self.times, self._sample), *missing),
        )
