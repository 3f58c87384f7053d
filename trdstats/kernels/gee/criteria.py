"""Pan's quasi-likelihood criterion for working correlations and covariates.

References
----------
Pan 2001, doi:10.1111/j.0006-341X.2001.00120.x. Hin and Wang 2009, doi:10.1002/sim.3489 (CIC).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.ratings import Ratings


@dataclass(frozen=True, slots=True)
class Criteria:
    """Criteria of a fit; smaller is better.

    Attributes
    ----------
    qic : float
        -2 Q + 2 tr(Omega V): compares working correlations and covariates.
    qicu : float
        -2 Q + 2 q: compares covariates.
    cic : float
        tr(Omega V): compares working correlations.
    """

    qic: float
    qicu: float
    cic: float


def criteria(
    ratings: Ratings, beta: FloatArray, robust: FloatArray, *, dispersion: float
) -> Criteria:
    """Return the criteria.

    Parameters
    ----------
    ratings : Ratings
        Under independence, without weights.
    beta : ndarray, shape (q,)
    robust : ndarray, shape (q, q)
        Sandwich without a correction for small samples.
    dispersion : float
        1 for binomial and Poisson quasi-likelihoods; the residual variance for measurements.
    """
    here = ratings.at(beta)
    if here is None:
        return Criteria(np.nan, np.nan, np.nan)
    information = here.equations.cross / dispersion
    cic = float(np.trace(information @ robust))
    fit = -2 * here.quasi_loglik / dispersion
    return Criteria(fit + 2 * cic, fit + 2 * len(beta), cic)
