"""Draws of the parameters of an imputation model, ready to impute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError, count_of, known_level
from trdstats.formulas import read_formula
from trdstats.imputation.events import choose_strategies, event_table
from trdstats.imputation.imputed import Imputed
from trdstats.imputation.methods import ConditionalMean
from trdstats.imputation.parameter_draws import Drawn
from trdstats.imputation.strategies import Strategy, with_reference
from trdstats.imputation.trial_layout import Layout, plain
from trdstats.kernels.gaussian import reference_based as kernel
from trdstats.kernels.gaussian.gibbs_checks import bulk_size, split_rhat
from trdstats.kernels.gaussian.reference_based import VisitDistribution
from trdstats.longitudinal.designs.levels import level_text
from trdstats.tables import Summary, SummaryMixin, Table, format_count, format_number

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
        layout = self.layout
        chosen = choose_strategies(layout, self.strategies, strategy, self.used)
        completed: dict[Strategy, Strategy] = {}
        for one in chosen:
            if one not in completed:
                completed[one] = with_reference(one, reference, layout.treatments)
        complete = np.array([completed[one] for one in chosen], dtype=object)
        borrows = any(one.reference is not None for one in completed.values())
        terms = {str(v) for v in read_formula(self.spec.formula).rhs.required_variables}
        if borrows and layout.treatment not in terms:
            raise SpecError(
                f"The imputation model {self.spec.formula!r} has no {layout.treatment!r}: its arms "
                "do not differ, so no strategy can use a reference arm."
            )
        who, when = np.nonzero(np.isnan(layout.y))
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
        groups: dict[Any, list[int]] = {}
        T = missing.shape[1]
        for i in np.flatnonzero(missing.any(axis=1)):
            # Without an event the strategy does not matter.
            event = int(layout.event[i])
            strategy = strategies[i] if event < T else None
            groups.setdefault((missing[i].tobytes(), event, layout.arm[i], strategy), []).append(
                int(i)
            )
        for (_, event, arm, strategy), members in groups.items():
            subjects = np.array(members)
            missed = missing[subjects[0]]
            distribution = self._distribution(subjects, int(arm), int(event), strategy)
            self._check_known(distribution, subjects)
            at = column[subjects][:, missed]
            z = None if noise is None else noise[:, at]
            values[:, at] = kernel.impute(distribution, layout.y[subjects], ~missed, z)
        return values

    def _distribution(
        self, subjects: IntArray, arm: int, event: int, strategy: Strategy | None
    ) -> VisitDistribution:
        assigned = self._arm_distribution(subjects, arm)
        if strategy is None:
            return assigned
        arms = self.layout.treatments
        named = strategy.reference
        other = arm if named is None else known_level("reference arm", named, arms)
        reference = assigned if other == arm else self._arm_distribution(subjects, other)
        before = np.arange(self.layout.y.shape[1]) < event
        return strategy.distribution(assigned, reference, before)

    def _check_known(self, distribution: VisitDistribution, subjects: IntArray) -> None:
        """Refuse to impute from means that are not estimable."""
        unknown = np.asarray(
            np.isnan(distribution.mean.reshape(-1, *distribution.mean.shape[-2:])).any(axis=0)
        )
        if unknown.any():
            layout = self.layout
            visits = ", ".join(
                level_text(v) for v in layout.visits[np.flatnonzero(unknown.any(axis=0))]
            )
            names = ", ".join(
                str(s) for s in layout.subjects[subjects[np.flatnonzero(unknown.any(axis=1))]][:5]
            )
            raise NotEstimableError(
                f"The mean for the imputation of {names} at {layout.visit} {visits} is not "
                "estimable: the columns of the imputation model are collinear, or no subject "
                "with the same covariates was assessed then under the treatment of the mean. "
                "Leave a covariate out, merge its levels, or choose another reference."
            )

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
        layout = self.layout
        missing = np.isnan(layout.y)
        after = np.arange(missing.shape[1]) >= layout.event[:, None]
        checks = self.convergence()
        return pd.DataFrame(
            {
                "n": [len(missing)],
                "n_observed": [int((~missing).sum())],
                "n_missing": [int(missing.sum())],
                "n_gaps": [int((missing & ~after).sum())],
                "n_events": [int((layout.event < missing.shape[1]).sum())],
                "n_set_aside": [int((~missing & ~self.used).sum())],
                "n_left_out": [sum(layout.left_out.values())],
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
        values = f"{format_count(g.n_observed)} observed, {format_count(g.n_missing)} missing"
        if g.n_set_aside:
            values += (
                f"; {format_count(g.n_set_aside)} observed after an event do not inform the model"
            )
        header = [*self.spec.header(), ("Subjects", format_count(g.n)), ("Values", values)]
        if g.n_gaps:
            header.append(
                (
                    "Gaps",
                    f"{count_of(int(g.n_gaps), 'value', 'values')} outside an event, taken as "
                    "missing at random",
                )
            )
        header += [
            ("Left out", f"{why}: {format_count(k)}") for why, k in self.layout.left_out.items()
        ]
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
        layout = self.layout
        rows = []
        for a, name in enumerate(layout.treatments):
            in_arm = layout.arm == a
            proportion = np.isnan(layout.y[in_arm]).mean(axis=0)
            rows.append(
                (name, f"{in_arm.sum():,}", *(format_number(100 * s, 1) for s in proportion))
            )
        header = ("Treatment", "Subjects", *(f"{layout.visit} {plain(v)}" for v in layout.visits))
        tables = [Table(header, tuple(rows), title="Missing values (%)")]
        events = event_table(layout, self.strategies)
        return Summary("Draws of an imputation model", self.header(), (*tables, *events))
