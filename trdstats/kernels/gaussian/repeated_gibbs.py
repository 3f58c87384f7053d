"""Draws from the posterior of a repeated-measures model with missing visits.

Y_i ~ N(X_i beta, Sigma_g), prior density proportional to prod_g |Sigma_g|^-(T + 1)/2 with beta
flat: the reference prior under which Sigma given complete data is inverse Wishart with as many
degrees of freedom as subjects. One turn draws

1. beta given Sigma and the observed visits, the missing ones integrated out:
   N((X'WX)^-1 X'Wy, (X'WX)^-1);
2. the residuals of the missing visits given beta, Sigma and the observed ones;
3. Sigma_g given all residuals E_g: inverse Wishart (n_g, E_g'E_g).

Steps 1 and 2 are one draw of (beta, missing visits) given Sigma, so the chain has two blocks.

References
----------
Schafer 1997, Analysis of Incomplete Multivariate Data, doi:10.1201/9781439821862, section 5.4.
Liu 1994, J Am Stat Assoc 89:958-966, doi:10.1080/01621459.1994.10476829 (collapsing).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.bootstrap_batches import Resampled, as_resampled
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.subject_rows import SubjectRows


@dataclass(frozen=True, slots=True)
class Chains:
    """Draws of K chains run side by side.

    Attributes
    ----------
    beta : ndarray, shape (turns, K, q)
    sigma : ndarray, shape (turns, K, G, T, T)
    """

    beta: FloatArray
    sigma: FloatArray


def sample_chains(
    products: CrossProducts,
    rows: SubjectRows,
    sigma: FloatArray,
    *,
    turns: int,
    rng: np.random.Generator,
) -> Chains:
    """Continue chains.

    Parameters
    ----------
    products : CrossProducts
        Its design has full rank.
    rows : SubjectRows
    sigma : ndarray, shape (K, G, T, T)
        Current state of the chains.
    turns : int
    rng : Generator
    """
    data = as_resampled(products)
    G = sigma.shape[1]
    betas, sigmas = [], []
    for _ in range(turns):
        beta, weight = _draw_beta(data, sigma, rng)
        sums = _draw_residual_sums(data, rows, beta, sigma, weight, rng)
        sigma = np.stack(
            [
                inverse_wishart(sums[:, g], float(products.n[products.group == g].sum()), rng)
                for g in range(G)
            ],
            axis=1,
        )
        betas.append(beta)
        sigmas.append(sigma)
    return Chains(np.stack(betas), np.stack(sigmas))


def inverse_wishart(scale: FloatArray, df: float, rng: np.random.Generator) -> FloatArray:
    """Draw from inverse Wishart distributions by Bartlett's decomposition.

    Parameters
    ----------
    scale : ndarray, shape (K, T, T)
        The mean is scale / (df - T - 1).
    df : float
        At least T.
    rng : Generator
    """
    K, T, _ = scale.shape
    A = np.tril(rng.standard_normal((K, T, T)), -1)
    k = np.arange(T)
    A[:, k, k] = np.sqrt(rng.chisquare(df - k, (K, T)))
    # Sigma = L (A A')^-1 L' with scale = L L', A lower: A A' is Wishart with scale I.
    half = np.linalg.cholesky(scale) @ np.swapaxes(np.linalg.inv(A), 1, 2)
    return np.asarray(half @ np.swapaxes(half, 1, 2))


def _draw_beta(
    data: Resampled, sigma: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    weight, _ = data.weights(sigma)
    moments = data.moments(weight)
    q = data.n_columns
    factor = np.linalg.cholesky(moments[:, :q, :q])
    half = np.linalg.inv(factor)
    up = np.swapaxes(half, 1, 2)
    z = half @ moments[:, :q, q:] + rng.standard_normal((len(sigma), q, 1))
    return (up @ z)[:, :, 0], weight


def _draw_residual_sums(
    data: Resampled,
    rows: SubjectRows,
    beta: FloatArray,
    sigma: FloatArray,
    weight: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the sums of e e' by group, missing visits drawn, shape (K, G, T, T)."""
    K, G, T, _ = sigma.shape
    row = data.residual_rows(beta)
    sums = np.zeros((K, G, T, T))
    for p, observed in enumerate(data.rated):
        e = (rows.distinct[rows.pattern == p] @ np.swapaxes(row, 1, 2)) * observed  # (K, n_p, T)
        g, missing = data.group[p], np.flatnonzero(~observed)
        if len(missing):
            across = sigma[:, g][:, :, missing] * observed[:, None]
            pull = weight[:, p] @ across  # (K, T, m), 0 in rows of missing visits
            rest = sigma[:, g][:, missing[:, None], missing] - np.swapaxes(across, 1, 2) @ pull
            root = np.linalg.cholesky(rest)
            z = rng.standard_normal((K, e.shape[1], len(missing)))
            e[:, :, missing] = e @ pull + z @ np.swapaxes(root, 1, 2)
        sums[:, g] += np.swapaxes(e, 1, 2) @ e
    return sums
