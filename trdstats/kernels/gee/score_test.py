"""The generalised score test: equations of the whole model at the solution of the restricted one.

References
----------
Rotnitzky and Jewell 1990, doi:10.1093/biomet/77.3.485. Boos 1992,
doi:10.1080/00031305.1992.10475921.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import null_space

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.fit import at_coefficients, independent, solve
from trdstats.kernels.gee.means import MeanModel, Standardised
from trdstats.kernels.gee.working import Pairs


@dataclass(frozen=True)
class Restricted(MeanModel):
    """A model whose coefficients are combinations of fewer.

    Attributes
    ----------
    whole : MeanModel
    basis : ndarray, shape (q, r)
        Coefficients of the whole model are this times those of the restricted one.
    begin : ndarray, shape (r,)
    """

    whole: MeanModel
    basis: FloatArray
    begin: FloatArray

    @property
    def n_parts(self) -> int:  # type: ignore[override]
        """Residuals of a rating."""
        return self.whole.n_parts

    def start(self) -> FloatArray:
        """Return coefficients to start from."""
        return self.begin

    def at(self, beta: FloatArray) -> Standardised | None:
        """Return the standardised ratings; None where a mean leaves the range of the family."""
        here = self.whole.at(self.basis @ beta)
        return None if here is None else replace(here, design=here.design @ self.basis)


def score_statistic(
    model: MeanModel, beta: FloatArray, weight: FloatArray, pairs: Pairs, L: FloatArray
) -> float:
    """Return the generalised score statistic of L beta = 0, chi-squared with len(L) degrees.

    Parameters
    ----------
    model : MeanModel
    beta : ndarray, shape (q,)
        Solution of the whole model, from which the search starts.
    weight : ndarray, shape (N,)
    pairs : Pairs
    L : ndarray, shape (k, q)
        Of full rank.

    Returns
    -------
    float
        NaN where the restricted equations have no solution, or the scores of so few subjects
        have too low a rank.
    """
    size = np.linalg.norm(L, axis=1)
    basis = np.asarray(null_space(L / size[:, None]))
    restricted = Restricted(model, basis, basis.T @ beta)
    start, settled = independent(restricted)
    if not settled:
        return np.nan
    fit = solve(restricted, weight, pairs, start)
    if not fit.converged or fit.singular:
        return np.nan
    whole = at_coefficients(model, basis @ fit.beta, weight, pairs)
    assert whole is not None  # the restricted solution lies inside the range
    score = np.concatenate(
        [np.einsum("bmq,bm->bq", Q, z) for Q, z in zip(whole.designs, whole.residuals, strict=True)]
    )
    effects = score @ whole.bread @ L.T
    spread = effects.T @ effects
    scale = np.sqrt(np.diag(spread))
    if not (scale > 0).all():
        return np.nan
    correlation = spread / np.outer(scale, scale)
    if np.linalg.matrix_rank(correlation) < len(L):
        return np.nan
    total = effects.sum(axis=0) / scale
    return float(total @ np.linalg.solve(correlation, total))
