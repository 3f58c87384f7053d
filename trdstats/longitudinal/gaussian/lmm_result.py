"""Results of a mixed model with random effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.linalg import block_diag
from scipy.stats import chi2

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.gaussian.random_effects import Level, parts, predict_of_units, predict_within
from trdstats.kernels.gaussian.reml import State
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.fitted_rows import FittedRows
from trdstats.longitudinal.gaussian.mixed_result import MixedResult
from trdstats.tables import Table, each_row, format_number

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM


@checked_methods
@dataclass(frozen=True, repr=False)
class LMMResult(MixedResult):
    """A fitted linear mixed model."""

    spec: LMM
    _fitted: FittedRows
    _state: State
    _groupings: tuple[Grouping, ...]
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
        return f"random {' and '.join(self.effects)}{of}{how}"

    @property
    def _levels(self) -> tuple[Level, ...]:
        return self._fitted.reduced.levels

    def _matrices(self, theta: FloatArray | None = None) -> list[FloatArray]:
        """Return the covariance matrix of each level; of the effects as given by default."""
        thetas = parts(self._levels, self._optimum.state.theta if theta is None else theta)
        return [level.matrix(t) for level, t in zip(self._levels, thetas, strict=True)]

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the random effects; those of different levels have none."""
        G = block_diag(*self._matrices())
        return pd.DataFrame(G, index=list(self.effects), columns=list(self.effects))

    @property
    def residual_variance(self) -> float:
        """Residual variance of a rating around its subject's line."""
        return float(self._optimum.state.theta[-1])

    def covariance_parameters(self) -> pd.DataFrame:
        """Return variances and covariances: term, estimate, std_error."""
        names, start = [], 0
        for level in self._levels:
            effects = self.effects[start : start + level.n_effects]
            start += level.n_effects
            for i, j in zip(*level.entries, strict=True):
                names.append(f"var({effects[i]})" if i == j else f"cov({effects[j]}, {effects[i]})")
        return pd.DataFrame(
            {
                "term": [*names, "residual variance"],
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.diag(self._of_theta)),
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
        levels = [g.column for g in self._groupings]
        if level is not None and level not in levels:
            raise unknown_name("level of grouping", level, levels)
        k = len(levels) - 1 if level is None else levels.index(level)
        grouping = self._groupings[k]
        group, effect, error = self._predicted(k)
        spread = np.sqrt(np.diagonal(error, axis1=1, axis2=2))
        column = "subject" if k == len(levels) - 1 else grouping.column
        frame = pd.DataFrame({column: grouping.labels[group]})
        for e, name in enumerate(grouping.effects):
            frame[name] = effect[:, e]
            frame[f"std_error {name}"] = spread[:, e]
        return frame.sort_values(column, ignore_index=True)

    def _predicted(self, k: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return groups of a level, predictions of their effects and covariances of the errors."""
        fitted, state = self._fitted, self._state
        grouping, G = self._levels[k], self._matrices(state.theta)[k]
        residual = fitted.reduced.units.residuals(self._rows, state.beta)
        if grouping.member is None:
            group = np.arange(fitted.reduced.n_groups)
            effect, error = predict_of_units(grouping, G, state.weight, residual)
            effect, error = effect[group], error[group]
        else:
            group, effect, error = predict_within(grouping, G, state.weight, residual)
        A = fitted.of_effects[k].matrix
        return group, effect @ A.T, A @ error @ A.T

    def subject_lines(self) -> FloatArray:
        """Return the contribution of the random effects at every rating, shape (n, T)."""
        design = self.design
        result = np.zeros(design.rated.shape)
        for k, grouping in enumerate(self._groupings):
            group, effect, _ = self._predicted(k)
            by_group = np.zeros((int(group.max()) + 1, effect.shape[1]))
            by_group[group] = effect
            Z = grouping.Z[design.person, design.occasion]
            of_row = by_group[self._fitted.groups[k]]
            result[design.person, design.occasion] += (Z * of_row).sum(axis=1)
        return result

    def _covariances(self) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Yield each unit with its ratings and their covariance."""
        G, s2 = self._matrices(self._state.theta), self._state.theta[-1]
        fitted, design = self._fitted, self.design
        order = np.lexsort((design.occasion, design.person))
        for rows in np.split(order, np.cumsum(np.bincount(design.person))[:-1]):
            V = s2 * np.eye(len(rows))
            for Z, G_level, code in zip(fitted.designs, G, fitted.groups, strict=True):
                same_group = code[rows][:, None] == code[rows][None]
                V += np.where(same_group, Z[rows] @ G_level @ Z[rows].T, 0.0)
            yield design.person[rows[:1]], design.occasion[rows], V

    def _influence(self) -> FloatArray:
        """Return the influence of each unit on each fixed effect, shape (n, q)."""
        fitted, state = self._fitted, self._state
        n, units = fitted.reduced.n_groups, fitted.reduced.units
        b = np.append(-state.beta, 1.0)
        # The rows without random effects have the residual variance: all ratings less the others.
        of_ratings = np.zeros((n, len(state.beta)))
        np.add.at(of_ratings, fitted.groups[0], fitted.z[:, :-1] * (fitted.z @ b)[:, None])
        z = units.z[:n]
        X, r = z[:, :, :-1], z @ b
        score = (of_ratings - np.einsum("ntq,nt->nq", X, r)) / state.theta[-1]
        score += np.einsum("ntq,ntu,nu->nq", X, state.weight[:n], r, optimize=True)
        return np.asarray(score @ state.vcov @ fitted.of_fixed.matrix.T)

    @property
    def _n_units(self) -> int:
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
            When the fits differ in more than their random effects.

        References
        ----------
        Self and Liang 1987, doi:10.1080/01621459.1987.10478472; Stram and Lee 1994.
        """
        is_comparable = (
            self.terms == simpler.terms
            and self.spec.reml == simpler.spec.reml
            and self._model.products.n_obs == simpler._model.products.n_obs
        )
        k = self.n_covariance - simpler.n_covariance
        if not is_comparable or k < 1 or len(self.effects) - len(simpler.effects) > 1:
            raise SpecError(
                "likelihood_ratio() needs the same fixed effects, ratings and estimation, and one "
                "random effect (or correlations) fewer in the simpler fit."
            )
        statistic = max(simpler.deviance - self.deviance, 0.0)
        if len(self.effects) == len(simpler.effects):
            p = float(chi2.sf(statistic, k))
            df = str(k)
        else:
            below = float(chi2.sf(statistic, k - 1)) if k > 1 else float(statistic <= 0)
            p, df = (below + float(chi2.sf(statistic, k))) / 2, f"{k - 1}:{k}"
        return pd.DataFrame({"statistic": [statistic], "df": [df], "p_value": [p]})

    def _tables(self) -> tuple[Table, ...]:
        rows = tuple(
            (r.term, format_number(r.estimate, 3), format_number(r.std_error, 3))
            for r in each_row(self.covariance_parameters())
        )
        return (Table(("Variance", "Estimate", "SE"), rows),)
