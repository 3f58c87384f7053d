"""What a mixed model with random effects found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import block_diag
from scipy.stats import chi2

from trdstats.arguments import checked_methods
from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.random_effects import Level, parts, predict_of_units, predict_within
from trdstats.kernels.reml import covariances
from trdstats.longitudinal.by_rating import Grouping
from trdstats.longitudinal.mixed_result import MixedResult
from trdstats.tables import Table, each_row, format_number

if TYPE_CHECKING:
    from trdstats.longitudinal.lmm import LMM

FloatArray = npt.NDArray[np.float64]


@checked_methods
@dataclass(frozen=True, repr=False)
class LMMResult(MixedResult):
    """A fitted linear mixed model."""

    spec: LMM
    _levels: tuple[Level, ...]
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

    def _matrices(self) -> list[FloatArray]:
        """Return the covariance matrix of each level."""
        thetas = parts(self._levels, self._optimum.state.theta)
        return [level.matrix(t) for level, t in zip(self._levels, thetas, strict=True)]

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the random effects; those of different levels have none."""
        G = block_diag(*self._matrices())
        return pd.DataFrame(G, index=list(self.effects), columns=list(self.effects))

    @property
    def residual_variance(self) -> float:
        """Variance of a rating round its subject's line."""
        return float(self._optimum.state.theta[-1])

    def covariance_parameters(self) -> pd.DataFrame:
        """Return variances and covariances: term, estimate, std_error."""
        names, start = [], 0
        for level in self._levels:
            own = self.effects[start : start + level.n_effects]
            start += level.n_effects
            for i, j in zip(*level.entries, strict=True):
                names.append(f"var({own[i]})" if i == j else f"cov({own[j]}, {own[i]})")
        return pd.DataFrame(
            {
                "term": [*names, "residual variance"],
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.diag(self._of_theta)),
            }
        )

    def _residuals(self) -> FloatArray:
        """Return y - X beta, shape (n, T), in the order of the rows."""
        return self._model.summary.residuals(self._rows, self._optimum.state.beta)

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
        known = [g.column for g in self._groupings]
        if level is not None and level not in known:
            raise unknown_name("level of grouping", level, known)
        k = len(known) - 1 if level is None else known.index(level)
        own, grouping, G = self._levels[k], self._groupings[k], self._matrices()[k]
        weight = self._optimum.state.weight
        if own.member is None:
            by_pattern = Level(own.Z[self._model.member], None, own.correlated)
            effect, error = predict_of_units(
                by_pattern, G, weight, self._residuals(), self._rows.pattern
            )
            group, error = self._rows.order, error[self._rows.pattern]
        else:
            group, effect, error = predict_within(own, G, weight, self._residuals())
        spread = np.sqrt(np.diagonal(error, axis1=1, axis2=2))
        column = "subject" if k == len(known) - 1 else grouping.column
        frame = pd.DataFrame({column: grouping.labels[group]})
        for e, name in enumerate(grouping.effects):
            frame[name] = effect[:, e]
            frame[f"std_error {name}"] = spread[:, e]
        return frame.sort_values(column, ignore_index=True)

    def subject_lines(self) -> FloatArray:
        """Return what the random effects add at every rating, shape (n, T)."""
        state, rows = self._optimum.state, self._rows
        V = covariances(self._model, state.shapes)
        shared = V - self.residual_variance * np.eye(V.shape[1])
        pull = shared @ state.weight
        lines = np.einsum("nab,nb->na", pull[rows.pattern], self._residuals())
        result = np.zeros((len(self.design.subjects), V.shape[1]))
        result[rows.order] = lines
        return result

    def compare(self, simpler: LMMResult) -> pd.DataFrame:
        """Test the random effects that a simpler fit lacks.

        The variance of one more effect lies on its boundary under the simpler model: its
        likelihood ratio is a half-and-half mixture of chi-squared laws with k and k - 1 degrees
        of freedom, k the number of parameters more.

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
        same = (
            self.terms == simpler.terms
            and self.spec.reml == simpler.spec.reml
            and self._model.summary.n_obs == simpler._model.summary.n_obs
        )
        k = self.n_covariance - simpler.n_covariance
        if not same or k < 1 or len(self.effects) - len(simpler.effects) > 1:
            raise SpecError(
                "compare() needs the same fixed effects, ratings and estimation, and one random "
                "effect (or correlations) fewer in the simpler fit."
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
