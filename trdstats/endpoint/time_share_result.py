"""Proportions of time in a state, by treatment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.subject_outcomes import SubjectOutcomes
from trdstats.endpoint.rank_comparison import Better, RankComparison, rank_data
from trdstats.endpoint.rank_result import RankResult
from trdstats.errors import count_of
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_interval,
    format_level,
    format_p,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.endpoint.time_share import TimeShare

MEASURE = "proportion of time"


@dataclass(frozen=True)
class Welch:
    """Degrees of freedom of combinations of means whose variances differ (Satterthwaite).

    Attributes
    ----------
    L : ndarray, shape (k, m)
        Each estimate as a combination of means.
    variance, free : ndarray, shape (m,)
        Variance of each mean, and its degrees of freedom.
    """

    L: FloatArray
    variance: FloatArray
    free: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return those of each row of coefficients of the estimates, shape (r,)."""
        weight = (L @ self.L) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            # A mean of one subject has no variance: it takes no part in what leaves it out.
            part = np.where(weight > 0, weight * self.variance, 0.0)
            spread = np.where(weight > 0, part**2 / self.free, 0.0)
            return np.asarray(part.sum(axis=1) ** 2 / spread.sum(axis=1))

    def combine(self, L: FloatArray) -> Welch:
        """Return the rule for combinations of the estimates."""
        return Welch(L @ self.L, self.variance, self.free)


def _without_error(n: int) -> str:
    return "one subject" if n == 1 else "all subjects have the same proportion of time"


@checked_methods
@dataclass(frozen=True, repr=False)
class TimeShareResult(EstimateResult):
    """Mean proportion of time under each treatment, and differences.

    Attributes
    ----------
    spec : TimeShare
    outcome : str
        The state in words.
    caveat : str
        What a crude comparison must say.
    frame : pandas.DataFrame
        subject, treatment, proportion (NaN: no visit in that time).
    """

    spec: TimeShare
    outcome: str
    caveat: str
    frame: pd.DataFrame
    _reference: str

    def estimates(self) -> Estimates:
        """Return the means, then differences from the reference.

        Returns
        -------
        Estimates
            Keys measure ("proportion of time", "difference"), treatment, reference. Each
            treatment has its own variance, s^2 / n; degrees of freedom of differences are
            Welch's.
        """
        arms = list(self.frame["treatment"].cat.categories)
        y = self.frame["proportion"].to_numpy(dtype=float)
        code, known = self.frame["treatment"].cat.codes.to_numpy(), ~np.isnan(y)
        value, effect = np.empty(len(arms)), np.zeros((len(y), len(arms)))
        size = np.array([int((known & (code == k)).sum()) for k in range(len(arms))])
        for k in range(len(arms)):
            in_arm = known & (code == k)
            value[k] = y[in_arm].mean()
            scale = np.sqrt(size[k] * (size[k] - 1.0)) if size[k] > 1 else np.nan
            effect[in_arm, k] = (y[in_arm] - value[k]) / scale
        variance = (effect**2).sum(axis=0)
        none = ~(variance > 0)
        own_error = np.where(none, np.nan, variance)
        means = estimates_of(
            pd.DataFrame({"treatment": arms}), value,
            influences=np.where(none, np.nan, effect),
            subjects=self.frame["subject"].to_numpy(dtype=object),
            covariance=np.where(none[:, None] | none, np.nan, np.diag(own_error)),
            limits_scale="logit", df=Welch(np.eye(len(arms)), variance, size - 1.0),
            reasons=[_without_error(int(n)) if b else "" for b, n in zip(none, size, strict=True)],
            title="Proportion of time", notes=self._notes(),
        )  # fmt: skip
        keys = means.keys.assign(measure=MEASURE, reference="")
        first = replace(means, keys=keys[["measure", "treatment", "reference"]])
        return below([first, means.compare(reference=self._reference)])

    def by_ranks(self) -> RankResult:
        """Return the comparison of the proportions by ranks.

        A higher one wins; of a bad state, such as deterioration, a lower one.
        """
        better: Better = "lower" if self.spec.definition.is_worsening else "higher"
        known = SubjectOutcomes(
            self.frame, self.frame["proportion"].to_numpy(dtype=float), False, self._label,
            self.caveat,
        )  # fmt: skip
        spec = RankComparison(
            "proportion", better=better, reference=self._reference,
            conf_level=self.spec.conf_level,
        )  # fmt: skip
        data = rank_data(known, "treatment", self._reference)
        return RankResult(
            spec=spec, outcome=self._label, caveat=self.caveat, switching=None, better=better,
            _data=data,
        )  # fmt: skip

    @property
    def _label(self) -> str:
        return f"proportion of time with {self.outcome}"

    def _notes(self) -> tuple[str, ...]:
        lost = int(self.frame["proportion"].isna().sum())
        sentences = (
            f"{count_of(lost, 'subject', 'subjects')} without a visit in that time: left out."
        )
        return (*((sentences,) if lost else ()), *caveat_notes(self.caveat))

    def glance(self) -> pd.DataFrame:
        """Return one row: n, start, end."""
        n = int(self.frame["proportion"].notna().sum())
        return pd.DataFrame({"n": [n], "start": [self.spec.start], "end": [self.spec.end]})

    def summary(self) -> Summary:
        """Return means, differences and the rank test as one table."""
        frame, level = self.tidy(), f"{format_level(self.conf_level)} CI"
        gaps = {r.treatment: r for r in each_row(frame[frame["measure"] == "difference"])}
        tests = self.by_ranks().tests()
        ranks = tests[tests["test"] == "Wilcoxon-Mann-Whitney"].set_index("treatment")["p_value"]
        rows = []
        for r in each_row(frame[frame["measure"] == MEASURE]):
            n = int(self.frame.loc[self.frame["treatment"] == r.treatment, "proportion"].count())
            in_arm = (r.treatment, f"{n:,}", format_percent(r.estimate),
                   format_interval(100 * r.conf_low, 100 * r.conf_high))  # fmt: skip
            gap = gaps.get(r.treatment)
            beside = ("", "reference", "") if gap is None else (
                format_estimate(gap.estimate, gap.conf_low, gap.conf_high, 1, scale=100),
                format_p(gap.p_value), format_p(float(ranks[r.treatment])),
            )  # fmt: skip
            rows.append((*in_arm, *beside))
        head = ("Treatment", "Subjects", "% of time", level, f"Difference, points ({level})",
                "p", "p (ranks)")  # fmt: skip
        words = {
            "nonresponse": "not in the state",
            "observed": "left out",
            "locf": "carried forward",
        }
        return Summary(
            f"{self._label[:1].upper()}{self._label[1:]}",
            (
                ("Time", f"day {self.spec.start:g} to day {self.spec.end:g}"),
                ("Counted", self.spec.by_rule),
                ("Not assessed", words[self.spec.missing]),
                ("Errors", "each treatment its own variance (Welch)"),
            ),
            (Table(head, tuple(rows)),),
            self._notes(),
        )
