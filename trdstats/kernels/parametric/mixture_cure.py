"""Mixture cure model: the probability of ever responding, and the time to response.

P(T > t) = 1 - p + p S(t), with p logistic in the incidence covariates and S a distribution of log
time in the latency covariates.

References
----------
Farewell 1982, Biometrics 38:1041-1046, doi:10.2307/2529885; Peng and Dear 2000, Biometrics
56:237-243, doi:10.1111/j.0006-341X.2000.00237.x; Laska and Siegel 1995, Psychopharmacol Bull
31:29-35 (onset of antidepressant effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import block_diag
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.numerics.orthogonal import Orthogonal
from trdstats.kernels.parametric.aft import fit_aft, standard_distribution
from trdstats.kernels.parametric.censored_times import CensoredTimes, Terms, log_survival, observed
from trdstats.kernels.parametric.fitted import ParametricFit, best_of
from trdstats.kernels.parametric.kinds_of_subject import Rows

CureDistribution = Literal["weibull", "log-normal", "log-logistic"]


@dataclass(frozen=True, slots=True)
class CureFit(ParametricFit):
    """A fitted model; theta holds gamma (incidence), beta (latency), log sigma.

    Attributes
    ----------
    g, q : int
        Numbers of incidence and latency coefficients.
    starts : tuple of float
        Log-likelihood reached from each start; NaN where the search failed.
    """

    g: int
    q: int
    starts: tuple[float, ...]

    @property
    def gamma(self) -> FloatArray:
        """Coefficients of the incidence, shape (g,)."""
        return self.theta[: self.g]

    @property
    def beta(self) -> FloatArray:
        """Coefficients of the latency, shape (q,)."""
        return self.theta[self.g : -1]

    @property
    def log_sigma(self) -> float:
        """Logarithm of the scale of log time."""
        return float(self.theta[-1])


def cure_terms(
    distribution: CureDistribution,
    times: CensoredTimes,
    a: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    """Return each subject's log-likelihood with derivatives in (a, eta, log sigma).

    Parameters
    ----------
    distribution : str
    times : CensoredTimes
    a, eta : ndarray, shape (n,)
        Logit of ever responding; location of log time among those who will.
    log_sigma : float
    """
    standard = standard_distribution(distribution)
    has_event = times.seen
    latency = observed(standard, times, eta, log_sigma)
    total = _not_yet(a, latency)
    # Seen to respond: log p plus the likelihood of the time.
    p = expit(a)
    total.value[has_event] = (-np.logaddexp(0.0, -a) + latency.value)[has_event]
    total.gradient[has_event] = np.column_stack([1.0 - p, latency.gradient])[has_event]
    hessian = np.zeros((len(a), 3, 3))
    hessian[:, 0, 0] = -p * expit(-a)
    hessian[:, 1:, 1:] = latency.hessian
    total.hessian[has_event] = hessian[has_event]
    if times.any_late:
        total += -_not_yet(a, log_survival(standard, times.log_entry, eta, log_sigma))
    return total


def _not_yet(a: FloatArray, tail: Terms) -> Terms:
    """Return log(1 - p + p S) from log S.

    It is softplus(a + log S) - softplus(a), which is exact for any p and S.
    """
    still, p = expit(a + tail.value), expit(a)
    value = np.logaddexp(0.0, a + tail.value) - np.logaddexp(0.0, a)
    gradient = np.column_stack([still - p, still[:, None] * tail.gradient])
    hessian = np.zeros((len(a), 3, 3))
    spread = still * expit(-(a + tail.value))
    hessian[:, 0, 0] = spread - p * expit(-a)
    hessian[:, 0, 1:] = hessian[:, 1:, 0] = spread[:, None] * tail.gradient
    outer = tail.gradient[:, :, None] * tail.gradient[:, None, :]
    hessian[:, 1:, 1:] = spread[:, None, None] * outer + still[:, None, None] * tail.hessian
    return Terms(value, gradient, hessian)


def fit_cure(
    times: CensoredTimes,
    W: FloatArray,
    X: FloatArray,
    weight: FloatArray,
    distribution: CureDistribution,
) -> CureFit:
    """Fit by maximum likelihood from several fixed starts; the highest maximum is kept.

    Parameters
    ----------
    times : CensoredTimes
    W, X : ndarray, shapes (n, g) and (n, q)
        Incidence and latency designs with columns of ones, of full rank.
    weight : ndarray, shape (n,)
    distribution : str

    Raises
    ------
    FloatingPointError
        When no start has a finite likelihood.
    """
    incidence, latency = Orthogonal.of(W), Orthogonal.of(X)
    rows = Rows.of(times, [W, X], weight)
    V, Z, known = rows.design(incidence.columns), rows.design(latency.columns), rows.times
    assert isinstance(known, CensoredTimes)

    def surface(theta: FloatArray) -> Surface:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            terms = _terms_at(theta, known, V, Z, distribution)
            return _gather(terms, V, Z, rows.weight)

    starts = _starts(known, incidence, Z, rows.weight, distribution)
    reached = [maximise(surface, start, unit=rows.unit) for start in starts]
    best = best_of(reached)
    first, second, third = _terms_at(best.theta, known, V, Z, distribution).gradient.T
    scores = rows.of_subjects(np.column_stack([V * first[:, None], Z * second[:, None], third]))
    scores = scores * weight[:, None]
    back = block_diag(incidence.back(), latency.back(), np.eye(1))
    return CureFit(
        distribution, back @ best.theta, best.point.information, scores, back, best.point.loglik,
        best.converged, best.iterations, g=W.shape[1], q=X.shape[1],
        starts=tuple(float("nan") if s is None else s.point.loglik for s in reached),
    )  # fmt: skip


def _terms_at(
    theta: FloatArray,
    times: CensoredTimes,
    W: FloatArray,
    X: FloatArray,
    distribution: CureDistribution,
) -> Terms:
    g = W.shape[1]
    return cure_terms(distribution, times, W @ theta[:g], X @ theta[g:-1], float(theta[-1]))


def _gather(terms: Terms, W: FloatArray, X: FloatArray, weight: FloatArray) -> Surface:
    designs = (W, X, np.ones((len(weight), 1)))
    gradient, hessian = weight[:, None] * terms.gradient, weight[:, None, None] * terms.hessian
    return Surface(
        float(weight @ terms.value),
        np.concatenate([D.T @ gradient[:, i] for i, D in enumerate(designs)]),
        -np.block(
            [
                [D.T @ (hessian[:, i, j, None] * E) for j, E in enumerate(designs)]
                for i, D in enumerate(designs)
            ]
        ),
    )


def _starts(
    times: CensoredTimes,
    incidence: Orthogonal,
    Z: FloatArray,
    weight: FloatArray,
    distribution: CureDistribution,
) -> list[FloatArray]:
    """Return starts from 'all future responders have responded' to 'nearly all subjects will'.

    The location is taken from observed responders, or from the model in which every subject
    responds in the end; the intercept of the incidence is the observed proportion, between it and
    1, or near 1.
    """
    has_event = times.seen
    proportion = float(np.clip(weight[has_event].sum() / weight.sum(), 0.02, 0.98))
    ever = fit_aft(times, Z, weight, distribution).theta
    of_seen = CensoredTimes(
        times.log_left[has_event], times.log_right[has_event], times.log_entry[has_event]
    )
    try:
        early = ever
        if np.linalg.matrix_rank(Z[has_event]) == Z.shape[1]:
            early = fit_aft(of_seen, Z[has_event], weight[has_event], distribution).theta
    except FloatingPointError:
        pass
    starts = []
    middle = (1 + proportion) / 2
    for latency, p in ((early, proportion), (early, middle), (ever, middle), (ever, 0.98)):
        gamma = incidence.triangle[:, 0] * np.log(p / (1 - p))  # of the column of ones
        starts.append(np.concatenate([gamma, latency]))
    return starts
