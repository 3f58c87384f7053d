"""Non-inferiority and equivalence: an effect against a margin."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, log
from typing import Literal, get_args

from trdstats.aliases import RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect import Effect
from trdstats.comparison.indirect.effect_rows import RowValues, read_effect, row_values
from trdstats.comparison.sensitivity.noninferiority_result import NoninferiorityResult
from trdstats.errors import SpecError, check_choice, check_level
from trdstats.kernels.proportions.margin_tests import (
    RATE_METHODS,
    Located,
    locate_estimate,
    locate_rates,
    pooled,
    welch,
)
from trdstats.kernels.proportions.two_by_two import check_table

Hypothesis = Literal["non-inferiority", "equivalence"]
Better = Literal["higher", "lower"]

_LOOSE = {"risk difference": "difference", "risk ratio": "ratio", "odds ratio": "odds ratio"}


@checked
@dataclass(frozen=True, slots=True)
class NoninferiorityTest:
    """How much worse a treatment may be and still count as no worse.

    Parameters
    ----------
    margin : float
        The largest tolerated difference (0.1 is ten points of per cent for rates), positive; for
        a ratio the worst tolerated ratio, on either side of 1: 0.8 and 1.25 mean the same.
    better : {"higher", "lower"}
        Which outcome is better: higher rates of response, lower scores.
    hypothesis : {"non-inferiority", "equivalence"}
        Non-inferiority is shown when the treatment is not worse by the margin; equivalence when
        it is neither worse nor better by it (two one-sided tests).
    measure : {"difference", "ratio", "odds ratio"}
        What is compared of two rates; means have differences, other effects bring their measure.
    conf_level : float, default 0.95
        Each one-sided test has level (1 - conf_level) / 2: 0.025 here. Equivalence at the usual
        0.05 is ``conf_level=0.90``. The hypothesis is shown when the two-sided interval keeps
        clear of the margin; interval and test are of one method and always agree.

    Raises
    ------
    SpecError
        When the margin does not fit the measure.

    References
    ----------
    Miettinen and Nurminen 1985, Stat Med 4:213-226, doi:10.1002/sim.4780040211; Farrington and
    Manning 1990, Stat Med 9:1447-1454, doi:10.1002/sim.4780091208; Schuirmann 1987, J
    Pharmacokinet Biopharm 15:657-680, doi:10.1007/BF01068419 (two one-sided tests).

    Examples
    --------
    ELEKT-D: ketamine no worse than ECT by ten points of response (published p < 0.001).

    >>> found = NoninferiorityTest(0.10, better="higher").of_counts(108, 195, 70, 170)
    >>> found.shown, bool(found.p_value < 0.001)
    (True, True)
    """

    margin: float
    better: Better
    hypothesis: Hypothesis = "non-inferiority"
    measure: str = "difference"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("better", self.better, get_args(Better))
        check_choice("hypothesis", self.hypothesis, get_args(Hypothesis))
        check_choice("measure", self.measure, ("difference", "ratio", "odds ratio"))
        check_level(self.conf_level)
        if not (isfinite(self.margin) and self.margin > 0):
            raise SpecError(f"margin must be a positive number; got {self.margin!r}.")
        if self.measure != "difference" and self.margin == 1:
            raise SpecError("A ratio of 1 leaves no margin; say for example 0.8.")

    def of_counts(
        self,
        events: int,
        n: int,
        reference_events: int,
        reference_n: int,
        *,
        method: str = "miettinen-nurminen",
        treatment: str = "treatment",
        reference: str = "reference",
    ) -> NoninferiorityResult:
        """Judge two rates by their counts.

        Parameters
        ----------
        events, n, reference_events, reference_n : int
        method : {"miettinen-nurminen", "farrington-manning"}
            Score test with the rates estimated under the margin; the first has the factor
            N / (N - 1) in its variance.
        treatment, reference : str
            Names, for display.

        Raises
        ------
        SpecError
            When counts or margin cannot be used.
        """
        check_choice("method", method, RATE_METHODS)
        counts = check_table(events, n, reference_events, reference_n)
        if min(counts[1], counts[3]) < 1:
            raise SpecError("Both groups need subjects.")
        if self.measure == "difference" and self.margin >= 1:
            raise SpecError(
                f"A difference of rates lies below 1; margin {self.margin:g} is none. Ten points "
                "of per cent are 0.1."
            )
        ratio = self.measure != "difference"
        lower, upper = self._bounds(ratio=ratio)
        located = locate_rates(
            *counts, measure=self.measure, method=method, lower=lower, upper=upper,
            conf_level=self.conf_level,
        )  # fmt: skip
        x1, n1, x0, n0 = counts
        words = f"{x1}/{n1} against {x0}/{n0}"
        name = {"difference": "risk difference", "ratio": "risk ratio"}
        return NoninferiorityResult(
            self, name.get(self.measure, self.measure), treatment, reference, located,
            (lower, upper), method, words,
        )  # fmt: skip

    def of_means(
        self,
        mean: float,
        sd: float,
        n: int,
        reference_mean: float,
        reference_sd: float,
        reference_n: int,
        *,
        equal_variances: bool = False,
        treatment: str = "treatment",
        reference: str = "reference",
    ) -> NoninferiorityResult:
        """Judge two means by their standard deviations and numbers of subjects.

        Parameters
        ----------
        mean, sd, reference_mean, reference_sd : float
        n, reference_n : int
        equal_variances : bool
            Student's t with a common variance instead of Welch's.
        treatment, reference : str
            Names, for display.

        Raises
        ------
        SpecError
            When a standard deviation is not positive, or a group has fewer than 2 subjects.
        """
        if self.measure != "difference":
            raise SpecError(f"Means are compared by their difference; got {self.measure!r}.")
        if not (sd > 0 and reference_sd > 0) or min(n, reference_n) < 2:
            raise SpecError("Means need positive standard deviations and 2 subjects a group.")
        rule = pooled if equal_variances else welch
        estimate, error, df = rule(mean, sd, n, reference_mean, reference_sd, reference_n)
        lower, upper = self._bounds(ratio=False)
        located = locate_estimate(
            estimate, error, df=df, lower=lower, upper=upper, conf_level=self.conf_level
        )
        return NoninferiorityResult(
            self, "mean difference", treatment, reference, located, (lower, upper),
            "Student" if equal_variances else "Welch",
            f"{mean:g} against {reference_mean:g}",
        )  # fmt: skip

    def of_row(self, row: Effect | RowLike, *, measure: str | None = None) -> NoninferiorityResult:
        """Judge an effect of another analysis, such as a contrast of a mixed model.

        Parameters
        ----------
        row : Effect or tidy row
            With std_error, and df where the tests have them. A difference of rates is a
            proportion, in every tidy result and here.
        measure : str, optional
            Measure of a row that does not name it.

        Raises
        ------
        SpecError
            When the row holds rates with score limits: `of_counts` has the test that belongs to
            them; or its measure is not that of the margin.
        """
        effect = read_effect(row, measure=measure)
        cells = RowValues({}) if isinstance(row, Effect) else row_values(row)
        if cells.text("method").startswith("stratified "):
            raise SpecError(
                "The row compares strata by a score method, whose test at a margin is its "
                f"interval: {self.hypothesis} is shown where the limits of the row keep clear of "
                "the margin."
            )
        if cells.text("method") in ("miettinen-nurminen", "gart", "newcombe"):
            raise SpecError(
                "The row compares counts by a score method: of_counts(events, n, "
                "reference_events, reference_n) has the test that belongs to it."
            )
        named = _LOOSE.get(effect.measure, "ratio" if effect.is_ratio else "difference")
        if named != self.measure:
            raise SpecError(
                f"The margin is for a {self.measure}, the row is a {effect.measure}: "
                f"NoninferiorityTest(..., measure={named!r})."
            )
        df = cells.number("df") if "df" in cells.cells else inf
        lower, upper = self._bounds(ratio=effect.is_ratio)
        scale = log if effect.is_ratio else float
        located = locate_estimate(
            effect.value, effect.error, df=inf if isnan(df) else df,
            lower=None if lower is None else scale(lower),
            upper=None if upper is None else scale(upper),
            conf_level=self.conf_level,
        )  # fmt: skip
        if effect.is_ratio:
            located = _from_logs(located)
        return NoninferiorityResult(
            self, effect.measure, effect.treatment, effect.reference, located, (lower, upper),
            "t" if isfinite(located.df) else "normal", "",
        )  # fmt: skip

    def _bounds(self, *, ratio: bool) -> tuple[float | None, float | None]:
        """Return the bounds that the effect must keep clear of."""
        if ratio:
            low, high = sorted((self.margin, 1 / self.margin))
        else:
            low, high = -self.margin, self.margin
        if self.hypothesis == "equivalence":
            return low, high
        return (low, None) if self.better == "higher" else (None, high)


def _from_logs(located: Located) -> Located:
    """Return the estimate and limits of a ratio, with the tests on the log scale."""
    return Located(
        exp(located.estimate), located.std_error, located.df, exp(located.low), exp(located.high),
        located.below, located.above, located.below_p, located.above_p,
    )  # fmt: skip
