"""Draws of the parameters of an imputation model, ready to impute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.imputation.imputed import Imputed
from trdstats.imputation.methods import ConditionalMean
from trdstats.imputation.parameter_draws import Drawn
from trdstats.imputation.trial.choice import resolve_strategies
from trdstats.imputation.trial.distributions import borrow, check_known, subjects_together
from trdstats.imputation.trial.events import event_table
from trdstats.imputation.trial.layout import Layout, plain
from trdstats.imputation.trial.strategies import Strategy
from trdstats.imputation.trial.words import counts_of, data_lines, missing_table
from trdstats.kernels.gaussian import reference_based as kernel
from trdstats.kernels.gaussian.gibbs_checks import bulk_size, split_rhat
from trdstats.kernels.gaussian.reference_based import VisitDistribution
from trdstats.tables import Summary, SummaryMixin, format_count

if TYPE_CHECKING:
    from trdstats.imputation.imputation import Imputation


@checked_methods
@dataclass(frozen=True, repr=False)
class Draws(SummaryMixin):
    """Parameters of the imputation model, one set a draw or resample.

    Attributes
    ----------
    spec : Imputation
    layout : Layout
        Outcomes by subject and visit, with the events.
    strategies : ndarray of object, shape (n,)
        Strategy that came with each event; MAR without one.
    used : ndarray of bool, shape (n, T)
        Observed values that inform the imputation model.
    drawn : Drawn
    terms : tuple of str
        Fixed effects of the imputation model.
    covariance_groups : tuple of str
    fit : pandas.DataFrame
        One row on the fit to all subjects, as `MMRMResult.glance`.
    design : ndarray, shape (a, n, T, q)
        Design of every subject and visit under every arm.
    """

    spec: Imputation
    layout: Layout
    strategies: npt.NDArray[np.object_]
    used: BoolArray
    drawn: Drawn
    terms: tuple[str, ...]
    covariance_groups: tuple[str, ...]
    fit: pd.DataFrame
    design: FloatArray

    @property
    def counts(self) -> FloatArray | None:
        """Number of times each subject is in each set; None where each is once."""
        return self.drawn.counts

    @property
    def n_draws(self) -> int:
        """Number of sets of parameters; with resampling the first is of all subjects."""
        return len(self.drawn.beta)

    def impute(
        self,
        strategy: Strategy | str | Mapping[str, Strategy | str] | None = None,
        *,
        reference: Level | None = None,
    ) -> Imputed:
        """Impute the missing visits of every draw.

        Parameters
        ----------
        strategy : Strategy, str or dict, optional
            For all events, or ``{reason: strategy}``. Default: the strategies of the events.
            Gaps before an event, and those of subjects without one, are missing at random.
        reference : str, optional
            Reference arm of strategies that do not name one.

        Returns
        -------
        Imputed

        Raises
        ------
        SpecError
            When a strategy needs a reference and has none, or sets aside values that informed
            the model.
        """
        complete = resolve_strategies(self, strategy, reference)
        who, when = np.nonzero(np.isnan(self.layout.y))
        cells = who, when
        return Imputed(self, complete, cells, self._values(complete, cells))

    def _values(
        self, strategies: npt.NDArray[np.object_], cells: tuple[IntArray, IntArray]
    ) -> FloatArray:
        """Return imputed values, shape (M, n_missing)."""
        layout = self.layout
        missing = np.isnan(layout.y)
        column = np.full(missing.shape, -1, dtype=np.intp)
        column[cells] = np.arange(len(cells[0]))
        values = np.empty((self.n_draws, len(cells[0])))
        noise = self._noise(len(cells[0]))
        for subjects, arm, event, strategy in subjects_together(layout, strategies):
            missed = missing[subjects[0]]
            distribution = borrow(self._arm_distribution, layout, subjects, arm, event, strategy)
            check_known(distribution.mean, layout, subjects)
            at = column[subjects][:, missed]
            z = None if noise is None else noise[:, at]
            values[:, at] = kernel.impute(distribution, layout.y[subjects], ~missed, z)
        return values

    def _arm_distribution(self, subjects: IntArray, arm: int) -> VisitDistribution:
        mean = np.einsum("ktq,bq->bkt", self.design[arm, subjects], self.drawn.beta, optimize=True)
        sigma = self.drawn.sigma
        groups = self.covariance_groups
        g = groups.index(self.layout.treatments[arm]) if len(groups) > 1 else 0
        return VisitDistribution(mean, sigma[:, None, g])

    def _noise(self, size: int) -> FloatArray | None:
        """Return the same standard normal numbers whatever the strategy, one stream a draw."""
        method = self.spec.method
        if isinstance(method, ConditionalMean):
            return None
        # The last number keeps these streams apart from those of the resamples.
        return np.stack(
            [
                np.random.default_rng((method.seed, b, 0, 1)).standard_normal(size)
                for b in range(self.n_draws)
            ]
        )

    def _names(self) -> list[str]:
        """Return names of the fixed effects and of the entries of each covariance."""
        rows, columns = np.tril_indices(len(self.layout.visits))
        visits = [plain(v) for v in self.layout.visits]
        names = list(self.terms)
        for group in self.covariance_groups:
            of = "" if len(self.covariance_groups) == 1 else f", {group}"
            names += [
                f"cov({visits[i]}, {visits[j]}{of})" for i, j in zip(rows, columns, strict=True)
            ]
        return names

    def tidy(self) -> pd.DataFrame:
        """Return the parameters of the imputation model, summarised over the draws.

        Returns
        -------
        pandas.DataFrame
            term, estimate (mean of the draws; with resampling the fit to all subjects), sd
            (between draws).
        """
        rows, columns = np.tril_indices(len(self.layout.visits))
        of_sigma = self.drawn.sigma[..., rows, columns].reshape(self.n_draws, -1)
        values = np.concatenate([self.drawn.beta, of_sigma], axis=1)
        resampled = self.drawn.counts is not None
        return pd.DataFrame(
            {
                "term": self._names(),
                "estimate": values[0] if resampled else values.mean(axis=0),
                "sd": (values[1:] if resampled else values).std(axis=0, ddof=1),
            }
        )

    def convergence(self) -> pd.DataFrame:
        """Return how well the chains of the sampler agree.

        Returns
        -------
        pandas.DataFrame
            term, rhat (rank-normalised, split), ess (effective sample size of all
            iterations after burn-in); empty for other methods.
        """
        chains = self.drawn.chains
        if chains is None:
            return pd.DataFrame({"term": [], "rhat": [], "ess": []})
        return pd.DataFrame(
            {"term": self._names(), "rhat": split_rhat(chains), "ess": bulk_size(chains)}
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, values, draws, and convergence."""
        checks = self.convergence()
        return pd.DataFrame(
            {
                **counts_of(self.layout, self.used),
                "n_draws": [self.n_draws],
                "n_searched": [self.drawn.n_searched],
                "n_redrawn": [self.drawn.n_redrawn],
                "max_rhat": [float(checks["rhat"].max()) if len(checks) else np.nan],
                "min_ess": [float(checks["ess"].min()) if len(checks) else np.nan],
                "converged": [bool(self.fit["converged"].iloc[0])],
            }
        )

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return model, data and draws as header lines."""
        g = self.glance().iloc[0]
        header = [*self.spec.header(), *data_lines(self.layout, self.used)]
        redrawn = f"; {g.n_redrawn:,} did not converge and were drawn again" if g.n_redrawn else ""
        if g.n_searched:
            redrawn = f"; {g.n_searched:,} fitted again from other starting values{redrawn}"
        header.append(("Sets of parameters", f"{format_count(g.n_draws)}{redrawn}"))
        if not np.isnan(g.max_rhat):
            header.append(
                ("Chains", f"largest R-hat {g.max_rhat:.3f}, effective sample size of each "
                 f"parameter {g.min_ess:,.0f} or more")
            )  # fmt: skip
        return tuple(header)

    def summary(self) -> Summary:
        """Return model, data, events and convergence of the draws."""
        tables = (missing_table(self.layout), *event_table(self.layout, self.strategies))
        return Summary("Draws of an imputation model", self.header(), tables)
