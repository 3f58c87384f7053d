"""What a comparison by ranks found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.endpoint.shift_limits import ShiftLimits, rank_sum_test
from trdstats.endpoint.wins import ALL_SAME, MEASURES, NULLS, Wins, wins_over_reference
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.kernels.endpoint.strata_ranks import (
    RankTest,
    mean_score_test,
    quade,
    residual_ranks,
    van_elteren,
)
from trdstats.kernels.numerics.tails import t_sf
from trdstats.outcomes.switching import SwitchCounts, notes_on
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.endpoint.rank_comparison import RankComparison


@dataclass(frozen=True)
class Ranked:
    """Subjects with an outcome.

    Attributes
    ----------
    subject : ndarray of object, shape (n,)
    y : ndarray, shape (n,)
    group : ndarray of int, shape (n,)
        Place of the treatment in `levels`; 0 is the reference.
    stratum : ndarray of int, shape (n,)
    levels : tuple of str
        The reference first.
    covariates : ndarray, shape (n, q)
    notes : tuple of str
    """

    subject: ObjectArray
    y: FloatArray
    group: IntArray
    stratum: IntArray
    levels: tuple[str, ...]
    covariates: FloatArray
    notes: tuple[str, ...]


@checked_methods
@dataclass(frozen=True, repr=False)
class RankResult(EstimateResult):
    """Wins of each treatment over the reference, shifts, and rank tests.

    Attributes
    ----------
    spec : RankComparison
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    better : {"higher", "lower"}
        Which outcome wins.
    """

    spec: RankComparison
    outcome: str
    caveat: str
    switching: SwitchCounts | None
    better: str
    _data: Ranked

    def estimates(self) -> Estimates:
        """Return the comparisons with the reference.

        Returns
        -------
        Estimates
            Keys measure, treatment (or `by`), reference. "probability of superiority": that a
            subject under the treatment does better than one under the reference, half of the ties
            added; "win odds": its odds; "win ratio": wins over losses without ties; "win
            difference": wins less losses; "shift": Hodges and Lehmann's estimate in points of the
            outcome, treatment less reference, without strata. Errors are those of Brunner and
            Munzel, and their degrees of freedom.
        """
        pairs = list(range(1, len(self._data.levels)))
        parts = [self._wins(pairs)]
        if not self.spec.strata:
            parts.append(self._shifts(pairs))
        return below(parts)

    def _pair(self, k: int) -> Wins:
        data = self._data
        higher = self.better == "higher"
        return wins_over_reference(data.y, data.group, data.stratum, k, higher=higher)

    def _wins(self, pairs: list[int]) -> Estimates:
        tests = {k: self._pair(k) for k in pairs}
        cells = [(m, k) for m in MEASURES for k in pairs]
        each = [MEASURES[m](tests[k]) for m, k in cells]
        influences = np.column_stack([one.influence for one in each])
        reasons = [one.reason for one in each]
        known = np.array([r == "" for r in reasons])
        squares = np.where(np.isfinite(influences), influences, 0.0)
        return estimates_of(
            self._keys(cells), [one.value for one in each], influences=influences,
            subjects=self._data.subject, scale=[one.scale for one in each],
            covariance=np.where(known[:, None] & known, squares.T @ squares, np.nan),
            null=[NULLS[m] for m, _ in cells], df=[tests[k].df for _, k in cells],
            reasons=reasons, title="Comparison by ranks", notes=self._notes(),
        )  # fmt: skip

    def _shifts(self, pairs: list[int]) -> Estimates:
        data = self._data
        groups = [(data.y[data.group == k], data.y[data.group == 0]) for k in pairs]
        limits = ShiftLimits(tuple(groups))
        cells = [("shift", k) for k in pairs]
        k = len(pairs)
        nothing = np.full((len(data.y), k), np.nan)
        none = [ALL_SAME if s else "" for s in limits.all_same()]
        value = np.where(limits.all_same(), np.nan, limits.values())
        return estimates_of(
            self._keys(cells), value, influences=nothing, subjects=data.subject,
            covariance=np.full((k, k), np.nan), null=0.0, reasons=none, limits=limits,
            title="Comparison by ranks", notes=self._notes(),
        )  # fmt: skip

    def _keys(self, cells: list[tuple[str, int]]) -> pd.DataFrame:
        levels = self._data.levels
        rows = [(measure, levels[k], levels[0]) for measure, k in cells]
        return pd.DataFrame(rows, columns=["measure", self.spec.by, "reference"])

    def tests(self) -> pd.DataFrame:
        """Return the rank tests.

        Returns
        -------
        pandas.DataFrame
            test, treatment (or `by`; empty for a test of all), reference, statistic, df, df_error,
            p_value, reason. Without strata the rank sum test of Wilcoxon, Mann and Whitney (exact
            where no outcome is tied and a group has fewer than 50 subjects; else normal, corrected
            for ties and continuity) and that of Brunner and Munzel; with strata that of van
            Elteren. With covariates the analysis of covariance on ranks: Quade's F, with strata
            the chi-squared of Koch on residual ranks within strata.
        """
        data, by = self._data, self.spec.by
        rows = []
        for k in range(1, len(data.levels)):
            in_pair = np.isin(data.group, (0, k))
            rows += [
                {"test": name, by: data.levels[k], "reference": data.levels[0], **_as_row(test)}
                for name, test in self._of_pair(in_pair, k)
            ]
        if len(data.levels) > 2:
            every = np.ones(len(data.y), dtype=bool)
            rows += [
                {"test": name, by: "", "reference": "", **_as_row(test)}
                for name, test in self._of_all(every, len(data.levels))
            ]
        return pd.DataFrame(rows)

    def _of_pair(self, in_pair: BoolArray, k: int) -> list[tuple[str, RankTest]]:
        data = self._data
        tests = self._of_all(in_pair, 2)
        if self.spec.strata:
            return tests
        x, y = data.y[data.group == k], data.y[data.group == 0]
        return [("Wilcoxon-Mann-Whitney", rank_sum_test(x, y)), ("Brunner-Munzel", self._bm(k)),
                *tests[1:]]  # fmt: skip

    def _of_all(self, in_pair: BoolArray, K: int) -> list[tuple[str, RankTest]]:
        """Return the tests of all groups among some subjects; the first by ranks alone."""
        data = self._data
        y, stratum, beside = data.y[in_pair], data.stratum[in_pair], data.covariates[in_pair]
        group = np.unique(data.group[in_pair], return_inverse=True)[1].astype(np.intp)
        name = "van Elteren" if self.spec.strata else "Kruskal-Wallis"
        tests = [(name, van_elteren(y, group, stratum, K))]
        if beside.shape[1] and self.spec.strata:
            rest = residual_ranks(y, beside, stratum)
            tests.append(("rank ANCOVA (Koch)", mean_score_test(rest, group, stratum, K)))
        elif beside.shape[1]:
            tests.append(("rank ANCOVA (Quade)", quade(y, beside, group, K)))
        return tests

    def _bm(self, k: int) -> RankTest:
        pair = self._pair(k)
        error = float(np.sqrt((pair.on_superiority**2).sum()))
        if not error > 0:
            return RankTest(np.nan, np.nan, np.nan, np.nan)
        statistic = (pair.superiority - 0.5) / error
        p = float(2 * t_sf(abs(statistic), pair.df))
        return RankTest(statistic, pair.df, np.nan, p)

    def _notes(self) -> tuple[str, ...]:
        return (*self._data.notes, *caveat_notes(self.caveat), *notes_on(self.switching))

    def glance(self) -> pd.DataFrame:
        """Return one row: n, strata, better."""
        strata = len(np.unique(self._data.stratum)) if self.spec.strata else 0
        return pd.DataFrame({"n": [len(self._data.y)], "strata": [strata], "better": [self.better]})

    def summary(self) -> Summary:
        """Return comparisons and tests as tables."""
        level = f"{format_level(self.conf_level)} CI"
        by, frame = self.spec.by, self.tidy()
        rows = tuple(
            (f"{getattr(r, by)} v {r.reference}", r.measure,
             format_estimate(r.estimate, r.conf_low, r.conf_high, 1 if r.measure == "shift" else 2),
             format_p(r.p_value))
            for r in each_row(frame)
        )  # fmt: skip
        tests = tuple(
            (f"{getattr(r, by)} v {r.reference}" if getattr(r, by) else "all", r.test,
             "–" if np.isnan(r.statistic) else f"{r.statistic:.2f}", format_p(r.p_value))
            for r in each_row(self.tests())
        )  # fmt: skip
        n = np.bincount(self._data.group, minlength=len(self._data.levels))
        subjects = ", ".join(f"{k:,} {v}" for k, v in zip(n, self._data.levels, strict=True))
        header = [("Outcome", self.outcome), ("Wins", f"the {self.better} outcome")]
        header.append(("Subjects", subjects))
        if self.spec.strata:
            header.append(("Strata", ", ".join(self.spec.strata)))
        if self.spec.covariates:
            header.append(("Covariates", self.spec.covariates))
        lost = tuple(dict.fromkeys(f"{r}." for r in frame["reason"] if r))
        return Summary(
            "Comparison by ranks",
            tuple(header),
            (
                Table(("Comparison", "Measure", f"Estimate ({level})", "p"), rows, 2),
                Table(("Comparison", "Test", "Statistic", "p"), tests, 2),
            ),
            (*self._notes(), *lost),
        )


def _as_row(test: RankTest) -> dict[str, object]:
    return {
        "statistic": float(test.statistic),
        "df": float(test.df),
        "df_error": float(test.df_error),
        "p_value": float(test.p_value),
        "reason": "nothing varies that could be ranked" if np.isnan(test.p_value) else "",
    }
