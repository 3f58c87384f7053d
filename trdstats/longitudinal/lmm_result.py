"""What a mixed model with random effects found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2

from trdstats.errors import SpecError
from trdstats.kernels.random_effects import entries, predict_effects, to_matrix
from trdstats.longitudinal.mixed_result import MixedResult
from trdstats.tables import Table, each_row, format_number

if TYPE_CHECKING:
    from trdstats.longitudinal.lmm import LMM

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class LMMResult(MixedResult):
    """A fitted linear mixed model.

    Attributes
    ----------
    effects : tuple of str
        Random effects of a subject.
    """

    spec: LMM
    effects: tuple[str, ...]
    _kinds: FloatArray
    title: ClassVar[str] = "Linear mixed model"

    @property
    def structure(self) -> str:
        """Random effects in words."""
        how = "" if self.spec.correlated or len(self.effects) == 1 else ", uncorrelated"
        return f"random {' and '.join(self.effects)} of the subject{how}"

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the random effects."""
        G = to_matrix(self._optimum.state.theta, len(self.effects), self.spec.correlated)
        return pd.DataFrame(G, index=list(self.effects), columns=list(self.effects))

    @property
    def residual_variance(self) -> float:
        """Variance of a rating round its subject's line."""
        return float(self._optimum.state.theta[-1])

    def covariance_parameters(self) -> pd.DataFrame:
        """Return variances and covariances: term, estimate, std_error."""
        rows, columns = entries(len(self.effects), self.spec.correlated)
        names = [
            f"var({self.effects[i]})" if i == j else f"cov({self.effects[j]}, {self.effects[i]})"
            for i, j in zip(rows, columns, strict=True)
        ]
        return pd.DataFrame(
            {
                "term": [*names, "residual variance"],
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.diag(self._of_theta)),
            }
        )

    def random_effects(self) -> pd.DataFrame:
        """Return the predictions (BLUPs) of each subject's random effects.

        Returns
        -------
        pandas.DataFrame
            subject, then for each effect its prediction and its standard error (fixed effects
            and covariance taken as known).
        """
        Z = self._kinds[self._model.member]
        effect, error = predict_effects(
            self._optimum.state, self._rows, Z, self.covariance.to_numpy()
        )
        spread = np.sqrt(np.diagonal(error, axis1=1, axis2=2))[self._rows.pattern]
        subjects = self.design.subjects[self._rows.order]
        frame = pd.DataFrame({"subject": subjects})
        for k, name in enumerate(self.effects):
            frame[name] = effect[:, k]
            frame[f"std_error {name}"] = spread[:, k]
        return frame.sort_values("subject", ignore_index=True)

    def subject_lines(self) -> FloatArray:
        """Return what the random effects add at every rating, shape (n, T)."""
        Z = self._kinds[self._model.member]
        effect, _ = predict_effects(self._optimum.state, self._rows, Z, self.covariance.to_numpy())
        result = np.zeros((len(self.design.subjects), Z.shape[1]))
        result[self._rows.order] = np.einsum("ntr,nr->nt", Z[self._rows.pattern], effect)
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
