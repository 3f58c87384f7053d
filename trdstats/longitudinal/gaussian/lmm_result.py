"""Results of a mixed model with random effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.numerics.tails import chi2_sf, deviance_drop, mixture_sf
from trdstats.kernels.random_effects.column_sums import ColumnSums, sum_columns
from trdstats.kernels.random_effects.effects import split
from trdstats.kernels.random_effects.likelihood import LikelihoodModel, State
from trdstats.kernels.random_effects.predictions import predict_effects, scores_of_units
from trdstats.kernels.random_effects.residuals import Structured
from trdstats.kernels.random_effects.search import Optimum
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.fitted_rows import FitCoordinates, FittedRows
from trdstats.longitudinal.designs.residual_rows import ResidualRows
from trdstats.longitudinal.gaussian.lmm_fit.ratios import variance_tests
from trdstats.longitudinal.gaussian.mixed_result import MixedResult
from trdstats.longitudinal.gaussian.nested_models import check_nested
from trdstats.tables import Table, each_row, format_number

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM

_MOST_TOGETHER = 4000  # ratings whose covariance matrix is formed


@checked_methods
@dataclass(frozen=True, repr=False)
class LMMResult(MixedResult):
    """A fitted linear mixed model.

    Attributes
    ----------
    boundary : tuple of str
        Sentences that name what is estimated at the boundary of the parameters, such as a variance
        at zero; empty where nothing is.
    """

    spec: LMM
    boundary: tuple[str, ...]
    _model: LikelihoodModel
    _optimum: Optimum
    _fitted: FitCoordinates
    _state: State
    _groupings: tuple[Grouping, ...]
    _residual: ResidualRows | None
    title: ClassVar[str] = "Linear mixed model"

    @property
    def effects(self) -> tuple[str, ...]:
        """Random effects; with several levels of grouping each with the name of its level."""
        if len(self._groupings) == 1:
            return tuple(self._groupings[0].effects)
        return tuple(f"{g.column}: {e}" for g in self._groupings for e in g.effects)

    @property
    def structure(self) -> str:
        """Random effects in words."""
        how = "" if self.spec.correlated or len(self.effects) == 1 else ", uncorrelated"
        of = "" if len(self._groupings) > 1 else " of the subject"
        words = f"random {' and '.join(self.effects)}{of}{how}"
        if self._residual is None:
            return words
        return f"{words}; {get_covariance(self.spec.residual).label} residuals"

    def _matrices(self, theta: FloatArray | None = None) -> list[FloatArray]:
        """Return the covariance matrix of each factor; of the effects as given by default."""
        factors = self._model.factors
        thetas = split(factors, self._optimum.state.theta if theta is None else theta)
        return [f.matrix(t) for f, t in zip(factors, thetas, strict=True)]

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the random effects; those of different factors have none."""
        G = block_diag(*self._matrices())
        return pd.DataFrame(G, index=list(self.effects), columns=list(self.effects))

    @property
    def residual_variance(self) -> float:
        """Residual variance of a rating; its mean over the visits where they differ."""
        if self._residual is None:
            return float(self._optimum.state.theta[-1])
        return float(np.diagonal(self.residual_covariance.to_numpy()).mean())

    @property
    def residual_covariance(self) -> pd.DataFrame:
        """Covariance matrix of the residuals of a subject, on the first schedule of visits.

        Raises
        ------
        SpecError
            When residuals are independent: they have one variance.
        """
        if self._residual is None:
            raise SpecError(
                "Residuals are independent with one variance: see residual_variance. Correlated "
                "ones are asked for by LMM(residual='ar1')."
            )
        visits = self._residual.visits
        theta = self._optimum.state.theta[-self._residual.size :]
        V = self._residual.structure(theta).value[0]
        return pd.DataFrame(V, index=visits, columns=visits)

    def covariance_parameters(self) -> pd.DataFrame:
        """Return variances and covariances: term, estimate, std_error.

        What is estimated at the boundary has no standard error (NaN).
        """
        names, start = [], 0
        for factor in self._model.factors:
            effects = self.effects[start : start + factor.n_effects]
            start += factor.n_effects
            for i, j in zip(*factor.entries, strict=True):
                names.append(f"var({effects[i]})" if i == j else f"cov({effects[j]}, {effects[i]})")
        residual = ["residual variance"]
        if self._residual is not None:
            residual = [f"residual {name}" for name in self._residual.names]
        variance = np.diag(self._of_theta)
        return pd.DataFrame(
            {
                "term": [*names, *residual],
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.where(variance > 0, variance, np.nan)),
            }
        )

    def random_effects(self, level: str | None = None) -> pd.DataFrame:
        """Return the predictions (BLUPs) of the random effects of each group.

        Parameters
        ----------
        level : str, optional
            Column of the level of grouping. Default: the innermost, the subjects.

        Returns
        -------
        pandas.DataFrame
            subject, or the column of the level; then for each effect its prediction and its
            standard error (fixed effects and covariance taken as known).

        Raises
        ------
        UnknownNameError
            When there is no such level.
        """
        columns = [g.column for g in self._groupings]
        if level is not None and level not in columns:
            raise unknown_name("level of grouping", level, columns)
        subjects = sum(not g.crossed for g in self._groupings) - 1
        k = subjects if level is None else columns.index(level)
        grouping = self._groupings[k]
        effect, error = self._predicted()[k]
        spread = np.sqrt(np.maximum(np.diagonal(error, axis1=1, axis2=2), 0.0))
        column = "subject" if k == subjects else grouping.column
        frame = pd.DataFrame({column: grouping.labels})
        for e, name in enumerate(grouping.effects):
            frame[name] = effect[:, e]
            frame[f"std_error {name}"] = spread[:, e]
        return frame.sort_values(column, ignore_index=True)

    def _predicted(self) -> list[tuple[FloatArray, FloatArray]]:
        """Return predictions and covariances of their errors, by factor in the order of groups."""
        model = self._rows.model
        chain = model.chain
        by_factor: dict[int, tuple[FloatArray, FloatArray]] = {}
        predicted = predict_effects(model, self._state)
        for level, ((effect, error), factors) in enumerate(
            zip(predicted, model.levels, strict=True)
        ):
            if not self._groupings[factors[0]].crossed:
                order = np.argsort(chain.codes[level])
                by_factor[factors[0]] = effect[order], error[order]
                continue
            at = 0
            for k in factors:
                groups, r = model.groups[k], model.factors[k].n_effects
                each = at + np.arange(groups * r).reshape(groups, r)
                by_factor[k] = effect[0][each], error[0][each[:, :, None], each[:, None, :]]
                at += groups * r
        result = []
        for k, coordinates in enumerate(self._fitted.of_effects):
            A = coordinates.matrix
            effect, error = by_factor[k]
            result.append((effect @ A.T, A @ error @ A.T))
        return result

    def subject_lines(self) -> FloatArray:
        """Return the contribution of the random effects at every rating, shape (n_rows,)."""
        total = np.zeros(len(self.design.person))
        for grouping, (effect, _) in zip(self._groupings, self._predicted(), strict=True):
            total += (grouping.Z * effect[grouping.group]).sum(axis=1)
        return total

    def whitened(self, residual: FloatArray) -> FloatArray:
        """Return residuals times the inverse Cholesky factor of their covariance, (n_rows,).

        Raises
        ------
        SpecError
            When the ratings of one site, or all ratings of crossed factors, are too many for their
            covariance matrix.
        """
        person = self.design.person
        if any(g.crossed for g in self._groupings):
            person = np.zeros_like(person)
        largest = int(np.bincount(person).max())
        if largest > _MOST_TOGETHER:
            raise SpecError(
                f"Normalised residuals need the covariance matrix of all ratings that are not "
                f"independent, here {largest:,}: too large. Use kind='conditional' or 'marginal'."
            )
        order = np.lexsort((self.design.occasion, person))
        result = np.empty(len(person))
        for rows in np.split(order, np.cumsum(np.bincount(person))[:-1]):
            half = np.linalg.cholesky(self._covariance_of(rows))
            result[rows] = np.linalg.solve(half, residual[rows])
        return result

    def _covariance_of(self, rows: IntArray) -> FloatArray:
        """Return the covariance matrix of some ratings."""
        V = self._residual_part(rows)
        for grouping, G in zip(self._groupings, self._matrices(), strict=True):
            same_group = grouping.group[rows][:, None] == grouping.group[rows][None]
            Z = grouping.Z[rows]
            V += np.where(same_group, Z @ G @ Z.T, 0.0)
        return V

    def _residual_part(self, rows: IntArray) -> FloatArray:
        residual = self._residual
        if residual is None:
            return self.residual_variance * np.eye(len(rows))
        R = residual.structure(self._optimum.state.theta[-residual.size :]).value
        group, at = residual.group[rows], residual.occasion[rows]
        schedule = residual.schedule[group] if len(R) > 1 else np.zeros_like(group)
        V = R[schedule[:, None], at[:, None], at[None]]
        return np.asarray(np.where(group[:, None] == group, V, 0.0))

    def variance_of_rows(self, table: pd.DataFrame) -> FloatArray:
        """Return the variance of one rating of a new subject in a new site on each row.

        Raises
        ------
        SpecError
            When the columns of the random effects are missing, or residuals differ between visits.
        """
        if self._residual is not None and np.ptp(np.diag(self.residual_covariance)) > 0:
            raise SpecError(
                "Residual variances differ between visits, so a new row has none. Use an MMRM."
            )
        total = np.full(len(table), self.residual_variance)
        for grouping, G in zip(self._groupings, self._matrices(), strict=True):
            needed = [str(v) for v in grouping.spec.required_variables]
            absent = [c for c in needed if c not in table.columns]
            if absent:
                raise SpecError(
                    "The variance of a new rating needs the columns "
                    f"{', '.join(map(repr, absent))}."
                )
            Z = grouping.spec.rows(table)
            total += np.einsum("nr,rs,ns->n", Z, G, Z)
        return total

    def noise(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of random effects and residuals of the analysed rows, (n, n_rows)."""
        total = self._residual_noise(n, rng)
        for grouping, G in zip(self._groupings, self._matrices(), strict=True):
            values, vectors = np.linalg.eigh(G)
            half = vectors * np.sqrt(np.maximum(values, 0.0))
            drawn = rng.standard_normal((n, len(grouping.labels), len(G))) @ half.T
            total += np.einsum("Nr,nNr->nN", grouping.Z, drawn[:, grouping.group])
        return total

    def _residual_noise(self, n: int, rng: np.random.Generator) -> FloatArray:
        residual, N = self._residual, len(self.design.person)
        if residual is None:
            return float(np.sqrt(self.residual_variance)) * rng.standard_normal((n, N))
        half = np.linalg.cholesky(
            residual.structure(self._optimum.state.theta[-residual.size :]).value
        )
        drawn = rng.standard_normal((n, len(residual.schedule), half.shape[1]))
        by_visit = np.einsum("gts,ngs->ngt", half[residual.schedule], drawn)
        return np.asarray(by_visit[:, residual.group, residual.occasion])

    def _influence(self) -> FloatArray | None:
        """Return the influence of each unit on each fixed effect, shape (n, q).

        None with crossed random effects, which leave no units.
        """
        fitted, state = self._rows, self._state
        model = fitted.model
        if model.n_crossed:
            return None
        b = np.append(-state.beta, 1.0)
        chain, n_levels = model.chain, len(model.levels)
        starts = chain.starts[n_levels - 1]
        of_rating = self._weighted_scores(b)
        of_ratings = np.add.reduceat(of_rating, starts, axis=0)
        score = scores_of_units(chain, model.pivots(state.theta), state, of_ratings)
        by_unit = np.empty_like(score)
        by_unit[chain.codes[n_levels - 1]] = score
        return np.asarray(by_unit @ state.vcov @ fitted.of_fixed.matrix.T)

    def _weighted_scores(self, b: FloatArray) -> FloatArray:
        """Return X R^-1 (y - X beta) of each rating, in the order of the chain."""
        fitted = self._rows
        z = fitted.z[fitted.order]
        residual = z @ b
        if self._residual is None:
            return np.asarray(z[:, :-1] * (residual / self._state.theta[-1])[:, None])
        structured = fitted.model.residuals
        if not isinstance(structured, Structured):
            raise TypeError("residuals of this fit are structured")
        inverse = structured.inverse(self._state.theta[-self._residual.size :])
        if inverse is None:
            raise ValueError("the likelihood has no value here")
        W, q1 = inverse[0], len(b)
        by_visit = structured.U[:, :, -q1:]
        each = by_visit[:, :, :-1] * (W @ (by_visit @ b)[:, :, None])
        # Rows of a subject stand together in the chain, in the order of its visits or not: scores
        # are summed by unit, so the first row of the subject may carry the sum.
        starts = fitted.model.chain.starts[0]
        result = np.zeros((len(z), q1 - 1))
        result[starts] = each.sum(axis=1)
        return result

    @property
    def _n_units(self) -> int:
        nested = [g for g in self._groupings if not g.crossed]
        if len(nested) < len(self._groupings):
            return len(nested[-1].labels)
        return len(self.design.subjects)

    def likelihood_ratio(self, simpler: LMMResult) -> pd.DataFrame:
        """Test the random effects that a simpler fit does not have.

        The variance of one more effect lies on its boundary under the simpler model: its
        likelihood ratio is a half-and-half mixture of chi-squared distributions with k and
        k - 1 degrees of freedom, k the number of additional parameters.

        Returns
        -------
        pandas.DataFrame
            statistic, df ("k-1:k"), p_value.

        Raises
        ------
        SpecError
            When the fits differ in more than their random effects and residuals, are of different
            rows or outcomes, or are not nested.

        References
        ----------
        Self and Liang 1987, doi:10.1080/01621459.1987.10478472; Stram and Lee 1994.
        """
        is_comparable = self.terms == simpler.terms and self.spec.reml == simpler.spec.reml
        k = self.n_covariance - simpler.n_covariance
        if not is_comparable or k < 1 or len(self.effects) - len(simpler.effects) > 1:
            raise SpecError(
                "likelihood_ratio() needs the same fixed effects, ratings and estimation, and one "
                "random effect (or correlations) fewer in the simpler fit."
            )
        check_nested(self, simpler)
        statistic = deviance_drop(simpler.deviance, self.deviance)
        if len(self.effects) == len(simpler.effects):
            p = float(chi2_sf(statistic, k))
            df = str(k)
        else:
            p, df = mixture_sf(statistic, k), f"{k - 1}:{k}"
        return pd.DataFrame({"statistic": [statistic], "df": [df], "p_value": [p]})

    def variance_tests(self) -> pd.DataFrame:
        """Test each random effect by the likelihood ratio against the model without it.

        The variance lies on its boundary where it is zero: the statistic is a half-and-half
        mixture of chi-squared distributions (chi-bar-squared) with k - 1 and k degrees of freedom,
        k the variance and covariances that are left out with the effect. An intercept is tested
        where it is the only effect of its factor.

        Returns
        -------
        pandas.DataFrame
            term, statistic, df ("k-1:k"), p_value.

        Notes
        -----
        The mixture is exact in large samples where no other variance is zero, else conservative.
        Under REML both models have the same fixed effects, so their likelihoods compare.

        References
        ----------
        Self and Liang 1987, doi:10.1080/01621459.1987.10478472. Stram and Lee 1994,
        doi:10.2307/2533455.
        """
        return variance_tests(self)

    def _fitted_with(self, groupings: list[Grouping]) -> FitCoordinates:
        """Return the coordinates of a fit of the same ratings with other random effects."""
        return FittedRows.of(
            self.design, groupings, correlated=self.spec.correlated, reml=self.spec.reml,
            residual=self._residual,
        )  # fmt: skip

    def _column_sums(self) -> tuple[list[str], ColumnSums]:
        """Return names and sums of the columns of all effects, of the design and the outcome."""
        names = [f"effect {g.column} {e}" for g in self._groupings for e in g.effects]
        names += [f"term {t}" for t in self.design.terms]
        columns = (*(g.Z for g in self._groupings), self.design.X[0].T, self.design.y[0])
        return [*names, "outcome"], sum_columns(np.column_stack(columns))[0]

    @property
    def _rows(self) -> FittedRows:
        """The ratings in the coordinates of the fit."""
        if not isinstance(self._fitted, FittedRows):
            raise TypeError("this fit has no rows")
        return self._fitted

    def _left_out_notes(self) -> list[str]:
        return [*super()._left_out_notes(), *self.boundary]

    def _tables(self) -> tuple[Table, ...]:
        rows = tuple(
            (r.term, format_number(r.estimate, 3), format_number(r.std_error, 3))
            for r in each_row(self.covariance_parameters())
        )
        return (Table(("Variance", "Estimate", "SE"), rows),)
