"""Estimates of every completed set, ready to be pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level
from trdstats.imputation.analyses import ANCOVA, Analysis, CustomAnalysis, RepeatedMeasures
from trdstats.imputation.methods import ConditionalMean
from trdstats.imputation.pooled import Pooled, labels
from trdstats.imputation.refitted import Refitted, Regression
from trdstats.imputation.set_estimates import Options, SetEstimates, to_scale
from trdstats.imputation.trial.delta import Delta
from trdstats.kernels.numerics import pooling
from trdstats.longitudinal import MMRM
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_number

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed

INTERVALS = ("normal", "percentile")


def analyse_sets(
    imputed: Imputed,
    analysis: Any,
    deltas: tuple[Delta, ...],
    *,
    of: str,
    n_jobs: int,
    progress: bool,
) -> Analysed:
    """Analyse every completed set; see `Imputed.analyse`."""
    check_choice("of", of, ("frame", "study"))
    chosen = read_analysis(analysis, of)
    if isinstance(imputed.draws.spec.method, ConditionalMean) and not chosen.linear:
        raise SpecError(
            f"Not possible with conditional means, which have no variance: {chosen.describe()}. "
            "Draw "
            "values with method=ApproximateBayes(n, seed=...) or Bayesian(n, seed=...)."
        )
    categories = imputed.layout.categories
    if categories and isinstance(chosen, ANCOVA | RepeatedMeasures):
        raise SpecError(
            f"The completed outcome has categories ({', '.join(map(str, categories))}), not scores:"
            " analyse it by VisitRates(), or by a Logistic, ProportionalOdds, GEE or GLMM."
        )
    for delta in deltas:
        delta.shifts(imputed.layout)  # names are checked before anything is computed
    estimates = chosen.estimate(imputed, Options(deltas, n_jobs, progress))
    return Analysed(imputed, chosen, deltas, estimates)


def read_analysis(analysis: Any, of: str = "frame") -> Analysis:
    """Return an analysis, given as a value, a model or a function.

    Raises
    ------
    SpecError
        When it is neither.
    """
    if isinstance(analysis, Analysis):
        return analysis
    if isinstance(analysis, MMRM):
        return RepeatedMeasures(analysis)
    if isinstance(analysis, Regression):
        return Refitted(analysis)
    if callable(analysis) and not isinstance(analysis, type):
        return CustomAnalysis(analysis, of)
    raise SpecError(
        "An analysis is a value such as ANCOVA('baseline') or VisitRates(), an MMRM, Logistic, "
        f"ProportionalOdds, GEE or GLMM, or a function of a completed set; got {analysis!r}."
    )


@checked_methods
@dataclass(frozen=True, repr=False)
class Analysed(SummaryMixin):
    """Estimates of every completed set.

    Attributes
    ----------
    imputed : Imputed
    analysis : Analysis
    deltas : tuple of Delta
    estimates : SetEstimates
    """

    imputed: Imputed
    analysis: Analysis
    deltas: tuple[Delta, ...]
    estimates: SetEstimates

    def pool(
        self,
        *,
        conf_level: float = 0.95,
        interval: str = "normal",
        degrees: Literal["barnard-rubin", "rubin"] = "barnard-rubin",
    ) -> Pooled:
        """Pool the estimates.

        By Rubin's rules with the degrees of freedom of Barnard and Rubin where values were drawn,
        and by the jackknife or bootstrap where conditional means were resampled. Rates are pooled
        on the logit scale and ratios on the log scale, and shown on the original scale.

        Parameters
        ----------
        conf_level : float
        interval : {"normal", "percentile"}
            Of the bootstrap.
        degrees : {"barnard-rubin", "rubin"}
            Degrees of freedom under Rubin's rules: those of Barnard and Rubin 1999, which never
            exceed those of the complete data, or Rubin's of 1987, (M - 1) / lambda^2.

        Raises
        ------
        SpecError
            When a percentile interval is requested without a bootstrap, or degrees of freedom
            where values were not drawn.
        NotEstimableError
            When a set has no estimate.
        """
        check_level(conf_level)
        check_choice("interval", interval, INTERVALS)
        check_choice("degrees", degrees, ("barnard-rubin", "rubin"))
        method = self.imputed.draws.spec.method
        e = self.estimates
        scaled = to_scale(e.estimate, e.scale)
        resampled = isinstance(method, ConditionalMean)
        bad = ~np.isfinite(scaled) | (not resampled) & ~np.isfinite(e.std_error)
        if bad.any():
            k, j = np.argwhere(bad)[0]
            raise NotEstimableError(
                f"{int(bad.any(axis=1).sum())} of {len(bad)} completed sets have no estimate of "
                f"{labels(e.keys)[j]} (first: set {k + 1})."
            )
        bootstrap = isinstance(method, ConditionalMean) and method.resampling == "bootstrap"
        if interval == "percentile" and not bootstrap:
            raise SpecError("Percentile intervals need ConditionalMean('bootstrap', n=, seed=).")
        if degrees != "barnard-rubin" and resampled:
            raise SpecError(
                "degrees= is for Rubin's rules: resampling has a normal distribution. Draw values "
                "by ApproximateBayes or Bayesian."
            )
        if bootstrap:
            pool = pooling.pool_bootstrap(scaled, conf_level, percentile=interval == "percentile")
        elif resampled:
            pool = pooling.pool_jackknife(scaled, conf_level)
        else:
            pool = pooling.pool_rubin(
                scaled, e.std_error, e.df, conf_level, small_sample=degrees == "barnard-rubin"
            )
        return Pooled(self, pool, conf_level, interval, degrees)

    def tidy(self) -> pd.DataFrame:
        """Return the estimates of every set.

        Returns
        -------
        pandas.DataFrame
            set (from 1; with resampling the first is of all subjects), the columns of the
            analysis, estimate, std_error, df, scale (that of std_error).
        """
        e = self.estimates
        M, k = e.estimate.shape
        keys = pd.concat([e.keys] * M, ignore_index=True)
        keys.insert(0, "set", np.repeat(np.arange(1, M + 1), k))
        return keys.assign(
            estimate=e.estimate.ravel(),
            std_error=e.std_error.ravel(),
            df=e.df.ravel(),
            scale=list(e.scale) * M,
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: as of the imputed sets."""
        return self.imputed.glance()

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return model, data, analysis and adjustment as header lines."""
        header = [*self.imputed.header(), ("Analysis", self.analysis.describe())]
        header += [("Delta", d.describe()) for d in self.deltas]
        return tuple(header)

    def summary(self) -> Summary:
        """Return the assumptions, and how estimates vary between sets."""
        e = self.estimates
        spread = e.estimate.std(axis=0, ddof=1)
        rows = tuple(
            (name, format_number(float(mean), 3), format_number(float(sd), 3))
            for name, mean, sd in zip(labels(e.keys), e.estimate.mean(axis=0), spread, strict=True)
        )
        header = ("Estimate", "Mean of sets", "SD between sets")
        caveat = self.imputed.caveat
        return Summary(
            "Analysed sets",
            self.header(),
            (*self.imputed.tables(), Table(header, rows)),
            (*e.notes, *caveat_notes(caveat)),
        )
