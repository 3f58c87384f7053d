"""Why lme4's log-likelihood with few points is not that of its model: its modes stop early.

Follows the penalised iteratively reweighted least squares of lme4 (external.cpp: pwrssUpdate) at
lme4's own estimates: from the linear predictor of the fit with nAGQ = 0, until the penalised
deviance changes by a proportion of less than `tolerance`; the curvature is that of the step before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit

Array = npt.NDArray[np.float64]


def first_predictor(X: Array, y: Array, subject: npt.NDArray[np.intp]) -> Array:
    """Return the linear predictor of the fit in which modes and coefficients move together."""
    n = int(subject.max()) + 1
    units = np.zeros((len(y), n))
    units[np.arange(len(y)), subject] = 1
    penalty = np.zeros(n + X.shape[1])
    penalty[:n] = 1

    def search(sd: float) -> tuple[float, Array]:
        eta, before, B = np.zeros(len(y)), np.inf, np.column_stack([sd * units, X])
        for _ in range(100):
            mu = expit(eta)
            w = mu * (1 - mu)
            working = eta + (y - mu) / w
            A = (B * w[:, None]).T @ B + np.diag(penalty)
            theta = np.linalg.solve(A, (B * w[:, None]).T @ working)
            eta = B @ theta
            penalised = 2 * np.sum(np.logaddexp(0, eta) - y * eta) + theta[:n] @ theta[:n]
            if abs((before - penalised) / penalised) < 1e-10:
                break
            before = penalised
        return float(penalised + np.log(1 + sd**2 * np.bincount(subject, w)).sum()), eta

    sd = minimize_scalar(
        lambda s: search(s)[0], bounds=(0.5, 8), method="bounded", options={"xatol": 1e-2}
    ).x
    return search(sd)[1]


def loglik(
    X: Array,
    y: Array,
    subject: npt.NDArray[np.intp],
    beta: Array,
    sd: float,
    points: int,
    *,
    start: Array,
    tolerance: float,
) -> float:
    """Return the log-likelihood with a number of points, modes searched to a tolerance."""
    fixed, eta, before = X @ beta, start, np.inf
    for _ in range(100):
        mu = expit(eta)
        w = mu * (1 - mu)
        working = eta - fixed + (y - mu) / w
        H = 1 + sd**2 * np.bincount(subject, w)
        u = sd * np.bincount(subject, w * working) / H
        eta = fixed + sd * u[subject]
        penalised = 2 * np.sum(np.logaddexp(0, eta) - y * eta) + u @ u
        if abs((before - penalised) / penalised) < tolerance:
            break
        before = penalised
    if points == 1:
        return float(-(penalised + np.log(H).sum()) / 2)
    t, weight = np.polynomial.hermite.hermgauss(points)
    v = u[:, None] + np.sqrt(2 / H)[:, None] * t
    predictor = fixed[:, None] + sd * v[subject]
    each = y[:, None] * predictor - np.logaddexp(0, predictor)
    starts = np.searchsorted(subject, np.arange(len(H)))
    h = np.add.reduceat(each, starts) - v**2 / 2 + t**2 + np.log(weight)
    top = h.max(axis=1)
    total = np.log(np.exp(h - top[:, None]).sum(axis=1)) + top
    return float((total - np.log(H) / 2 - np.log(np.pi) / 2).sum())
