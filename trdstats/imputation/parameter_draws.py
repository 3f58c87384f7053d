"""Parameters of the imputation model, drawn by each method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.imputation.methods import ApproximateBayes, Bayesian, ConditionalMean, Method
from trdstats.imputation.model import FittedModel
from trdstats.kernels.gaussian.repeated_gibbs import inverse_wishart, sample_chains
from trdstats.parts import Arrays, Shelf, run_chain, run_parts

_PART = 50  # refits done together: enough for one product of matrices, few enough to lose
_ATTEMPTS = 20  # resamples tried for one draw before the model is given up
_TURNS = 200  # iterations of the sampler stored together


@dataclass(frozen=True)
class Drawn:
    """Parameters of every draw.

    Attributes
    ----------
    beta : ndarray, shape (M, q)
    sigma : ndarray, shape (M, G, T, T)
    counts : ndarray, shape (M, n), or None
        Number of times each subject is in the set; None where each is once.
    n_searched, n_redrawn : int
        Resamples that needed a separate search, and those replaced by others.
    chains : ndarray, shape (turns, K, k), or None
        Every parameter at every turn of the sampler after burn-in.
    """

    beta: FloatArray
    sigma: FloatArray
    counts: FloatArray | None
    n_searched: int = 0
    n_redrawn: int = 0
    chains: FloatArray | None = None


def draw_parameters(
    fitted: FittedModel,
    arm: IntArray,
    method: Method,
    shelf: Shelf,
    *,
    n_jobs: int,
    progress: bool,
) -> Drawn:
    """Draw the parameters of the imputation model.

    Parameters
    ----------
    fitted : FittedModel
    arm : ndarray of int, shape (n,)
        Subjects are resampled within arms.
    method : Method
    shelf : Shelf
    n_jobs : int
    progress : bool

    Raises
    ------
    NotEstimableError
        When the model cannot be fitted to a resample, whatever was tried.
    """
    drawn = _draw(fitted, arm, method, shelf, n_jobs=n_jobs, progress=progress)
    return replace(drawn, beta=drawn.beta + fitted.origin)


def _draw(
    fitted: FittedModel, arm: IntArray, method: Method, shelf: Shelf, *, n_jobs: int, progress: bool
) -> Drawn:
    """Return draws with the origin of the fit added back to the coefficients."""
    if isinstance(method, Bayesian):
        return _posterior(fitted, method, shelf, progress)
    if isinstance(method, ConditionalMean) and method.resampling == "jackknife":
        total, work = fitted.n, partial(_leave_out, fitted)
    else:
        total = int(method.n or 0)
        all_subjects = isinstance(method, ApproximateBayes)
        work = partial(_resample, fitted, arm, int(method.seed or 0), all_subjects)
    parts = [(f"{a:06d}", np.arange(a, min(a + _PART, total))) for a in range(0, total, _PART)]
    done = run_parts(
        work, parts, shelf, n_jobs=n_jobs, progress=progress, title="Fitting resamples"
    )
    beta = np.concatenate([d["beta"] for d in done])
    sigma = np.concatenate([d["sigma"] for d in done])
    searched, redrawn = (sum(int(d[k]) for d in done) for k in ("searched", "redrawn"))
    if isinstance(method, ApproximateBayes):
        return Drawn(beta, sigma, None, searched, redrawn)
    counts = np.concatenate([d["counts"] for d in done])
    return Drawn(
        np.concatenate([fitted.state.beta[None], beta]),
        np.concatenate([fitted.sigma[None], sigma]),
        np.concatenate([np.ones((1, fitted.n)), counts]),
        searched,
        redrawn,
    )


def _leave_out(fitted: FittedModel, turns: IntArray) -> Arrays:
    counts = np.ones((len(turns), fitted.n))
    counts[np.arange(len(turns)), turns] = 0.0
    beta, sigma, failed, searched = _fit(fitted, counts, counts > 0)
    if len(failed):
        first = counts[failed[0]]
        if not fitted.identifies(first, first > 0):
            raise NotEstimableError(
                f"Without subject {fitted.subjects[turns[failed[0]]]!r} a mean for the "
                "imputation of others is not estimable, so the jackknife has no estimate. Merge "
                "sparse levels of the model, leave a sparse visit out (days=...), or use "
                "ConditionalMean('bootstrap', n=1000, seed=1)."
            )
        raise NotEstimableError(
            f"The imputation model does not converge without subject "
            f"{fitted.subjects[turns[failed[0]]]!r}. Try fewer covariance parameters, such as "
            "covariance='toeph'."
        )
    return {
        "beta": beta, "sigma": sigma, "counts": counts,
        "searched": np.array(searched), "redrawn": np.array(0),
    }  # fmt: skip


def _resample(
    fitted: FittedModel, arm: IntArray, seed: int, all_subjects: bool, turns: IntArray
) -> Arrays:
    """Fit bootstrap samples; one whose fit fails is fitted again, then drawn again.

    Estimates of a sample impute its own subjects, or `everyone`.
    """
    counts = np.empty((len(turns), fitted.n))
    q, (G, T, _) = len(fitted.state.beta), fitted.sigma.shape
    beta, sigma = np.empty((len(turns), q)), np.empty((len(turns), G, T, T))
    left, searched, redrawn = np.arange(len(turns)), 0, 0
    for attempt in range(_ATTEMPTS):
        for k in left:
            counts[k] = _one_resample(arm, (seed, int(turns[k]), attempt))
        beta[left], sigma[left], failed, n_again = _fit(
            fitted, counts[left], (counts[left] > 0) | all_subjects
        )
        searched += n_again
        left = left[failed]
        if not len(left):
            break
        redrawn += len(left)
    if len(left):
        raise NotEstimableError(
            f"The imputation model did not converge in {_ATTEMPTS} resamples in a row (draw "
            f"{turns[left[0]] + 1}). Try fewer covariance parameters, such as covariance='toeph', "
            "or leave a sparse visit out."
        )
    return {
        "beta": beta, "sigma": sigma, "counts": counts,
        "searched": np.array(searched), "redrawn": np.array(redrawn),
    }  # fmt: skip


def _one_resample(arm: IntArray, seed: tuple[int, ...]) -> FloatArray:
    rng = np.random.default_rng(seed)
    counts = np.zeros(len(arm))
    for a in np.unique(arm):
        in_arm = np.flatnonzero(arm == a)
        counts += np.bincount(rng.choice(in_arm, len(in_arm)), minlength=len(arm))
    return counts


def _fit(
    fitted: FittedModel, counts: FloatArray, imputes: BoolArray
) -> tuple[FloatArray, FloatArray, IntArray, int]:
    """Return estimates, the resamples that have none, and how many were searched again."""
    refits = fitted.refit(counts, imputes)
    beta, sigma = refits.beta, refits.sigma
    failed = np.flatnonzero(~refits.converged)
    if len(failed):
        second = fitted.refit(counts[failed], imputes[failed], search=True)
        usable = second.converged & _positive(second.sigma)
        beta[failed], sigma[failed] = second.beta, second.sigma
        return beta, sigma, failed[~usable], len(failed)
    return beta, sigma, failed, 0


def _positive(sigma: FloatArray) -> BoolArray:
    finite = np.asarray(np.isfinite(sigma).all(axis=(1, 2, 3)))
    values = np.linalg.eigvalsh(np.where(finite[:, None, None, None], sigma, 0.0))
    return np.asarray(finite & (values[..., 0] > 1e-10 * values[..., -1]).all(axis=1))


def _posterior(fitted: FittedModel, method: Bayesian, shelf: Shelf, progress: bool) -> Drawn:
    n_g = np.bincount(fitted.products.group, weights=fitted.products.n)
    T = fitted.sigma.shape[-1]
    if (n_g < T).any():
        raise NotEstimableError(
            f"{int(n_g.min())} subjects of a group are too few for a covariance of {T} visits: its "
            "posterior is improper. Use common_covariance=True."
        )
    per_chain = -(-method.n // method.chains)
    total = method.burn_in + per_chain * method.thin
    parts: list[tuple[str, Any]] = [
        (f"{a:06d}", (k, min(_TURNS, total - a))) for k, a in enumerate(range(0, total, _TURNS))
    ]
    done = run_chain(
        partial(_turns, fitted, method), parts, shelf, progress=progress, title="Gibbs sampler"
    )
    beta = np.concatenate([d["beta"] for d in done])[method.burn_in :]
    sigma = np.concatenate([d["sigma"] for d in done])[method.burn_in :]
    rows, columns = np.tril_indices(T)
    turns, K = beta.shape[:2]
    chains = np.concatenate([beta, sigma[..., rows, columns].reshape(turns, K, -1)], axis=2)
    kept = slice(method.thin - 1, None, method.thin)
    return Drawn(
        beta[kept].reshape(-1, beta.shape[2])[: method.n],
        sigma[kept].reshape(-1, *sigma.shape[2:])[: method.n],
        None,
        chains=chains,
    )


def _turns(
    fitted: FittedModel, method: Bayesian, part: tuple[int, int], last: Arrays | None
) -> Arrays:
    number, turns = part
    rng = np.random.default_rng((method.seed, number))
    sigma = _dispersed(fitted, method, rng) if last is None else last["sigma"][-1]
    chains = sample_chains(fitted.products, fitted.rows, sigma, turns=turns, rng=rng)
    return {"beta": chains.beta, "sigma": chains.sigma}


def _dispersed(fitted: FittedModel, method: Bayesian, rng: np.random.Generator) -> FloatArray:
    """Return starting covariances, overdispersed to the posterior, shape (K, G, T, T)."""
    G, T, _ = fitted.sigma.shape
    df = max(T + 3.0, float(fitted.products.n.sum()) / G / 4)
    started = [
        inverse_wishart(np.tile(covariance * (df - T - 1), (method.chains, 1, 1)), df, rng)
        for covariance in fitted.sigma
    ]
    return np.stack(started, axis=1)
