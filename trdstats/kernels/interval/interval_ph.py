"""Proportional hazards for interval-censored times, the baseline left free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.interval.interval_hazard import (
    Problem,
    Profile,
    profile,
    read_problem,
    starting_hazard,
)
from trdstats.kernels.numerics.newton_loglik import maximise

_SETTLED = 1e-10  # largest decrement: twice the rise that another step would promise
_CLOSE = 1e-6  # largest decrement of a fit that counts as converged
_REACHED = 1e-9  # largest gap of the baseline
_RUNAWAY = 50.0  # log hazard ratio to the mean at which a search is given up
_FAR = 10.0  # log hazard ratio between subjects beyond which a level likelihood has no maximum
_FLAT = 1e-5  # share of a covariate's own information below which its estimate runs away


@dataclass(frozen=True, slots=True)
class IntervalHazards:
    """Coefficients and baseline of proportional hazards.

    Attributes
    ----------
    beta : ndarray, shape (q,)
        Log hazard ratios.
    lower, upper : ndarray, shape (s,)
        Innermost intervals in which the baseline's cumulative hazard grows.
    hazard : ndarray, shape (s,)
        Its increments where all covariates are 0; beyond the last innermost interval of all it
        is infinite.
    loglik, loglik_null : float
        With, and without, the covariates.
    gap : float
        As `turnbull`'s, for the baseline at `beta`.
    decrement : float
        Twice the rise in log-likelihood that another step would promise.
    iterations : int
    converged : bool
    separated : ndarray of bool, shape (q,)
        Separated coefficients: they diverge while the likelihood does not change.
    """

    beta: FloatArray
    lower: FloatArray
    upper: FloatArray
    hazard: FloatArray
    loglik: float
    loglik_null: float
    gap: float
    decrement: float
    iterations: int
    converged: bool
    separated: BoolArray


@dataclass(frozen=True, slots=True)
class ProfileCurvature:
    """How the profile log-likelihood bends at its maximum.

    Attributes
    ----------
    information : ndarray, shape (q, q)
        Less its second differences.
    scores : ndarray, shape (n, q)
        First differences of each subject's log-likelihood along the profile, not weighted; with
        the weights they sum to 0.
    """

    information: FloatArray
    scores: FloatArray


def interval_ph(
    left: FloatArray,
    right: FloatArray,
    X: FloatArray,
    weight: FloatArray | None = None,
    *,
    entry: FloatArray | None = None,
    most: int = 50,
) -> IntervalHazards:
    """Fit hazard(t | x) = exp(x'beta) hazard(t) to times known to lie in (left, right].

    Newton steps on the profile log-likelihood, whose slope and curvature at a fixed support of
    the baseline are exact; each step is shortened until it climbs.

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        As for `turnbull`; at least two innermost intervals.
    X : ndarray, shape (n, q)
        Of full rank beside a constant.
    weight : ndarray, shape (n,), optional
        Positive.
    entry : ndarray, shape (n,), optional
        As for `innermost_intervals`; every increment has a survivor.
    most : int
        Largest number of steps.

    References
    ----------
    Finkelstein 1986, Biometrics 42:845-854, doi:10.2307/2530698.
    """
    problem, centre, size, unit = _standardise(left, right, X, weight, entry)
    beta = np.zeros(X.shape[1])
    here = profile(problem, beta, starting_hazard(problem, left, right))
    null = here.loglik

    def profiled(at: FloatArray) -> Profile | None:
        """Return the profile; the baseline is sought from where it was last found."""
        nonlocal here
        if np.abs(problem.X @ at).max() > _RUNAWAY:
            return None
        here = profile(problem, at, here.hazard)
        return here

    # A step of more than 5 in log hazard over one standard deviation is shortened.
    top = maximise(
        profiled, beta, tolerance=_SETTLED, is_last=lambda _: False, most=most, longest=5.0
    )
    if top is None:
        raise ValueError("times, weights or covariates are not finite")
    beta, here, decrement = top.theta, top.point, top.decrement
    scale = np.sum(problem.X**2 * problem.weight[:, None], axis=0)
    smallest = float(np.linalg.eigvalsh(here.information)[0])
    converged = (
        decrement <= _CLOSE and here.gap <= _REACHED and smallest > _FLAT * float(scale.min())
    )
    grows = here.hazard > 0
    return IntervalHazards(
        beta=beta / size,
        lower=problem.cells.lower[:-1][grows],
        upper=problem.cells.upper[:-1][grows],
        hazard=here.hazard[grows] * np.exp(-float(centre @ (beta / size))),
        loglik=here.loglik * unit,
        loglik_null=null * unit,
        gap=here.gap,
        decrement=decrement * unit,
        iterations=top.iterations,
        converged=converged,
        separated=_separated(problem.X, beta, here.information, scale) & (not converged),
    )


def _separated(
    X: FloatArray, beta: FloatArray, curvature: FloatArray, scale: FloatArray
) -> BoolArray:
    """Return which coefficients have a part in a level direction and have gone far along it."""
    size = np.sqrt(scale)
    values, vectors = np.linalg.eigh(curvature / np.outer(size, size))
    part = np.abs(vectors[:, values <= _FLAT])
    level = (part > 0.1 * part.max(axis=0, initial=0.0)).any(axis=1)
    return np.asarray(level & (np.ptp(X, axis=0) * np.abs(beta) > _FAR))


def profile_curvature(
    left: FloatArray,
    right: FloatArray,
    X: FloatArray,
    beta: FloatArray,
    weight: FloatArray | None = None,
    *,
    entry: FloatArray | None = None,
) -> ProfileCurvature:
    """Return how the profile log-likelihood bends at its maximum.

    Parameters
    ----------
    left, right, X, weight, entry
        As for `interval_ph`.
    beta : ndarray, shape (q,)
        Its estimate.

    Notes
    -----
    The information is taken from differences of the profile's slope over one standard error
    to either side (the standard error at a fixed support): a step of order n**-1/2, at which the
    profile's second differences are consistent although the support of the baseline changes
    under way (Murphy and van der Vaart 2000). With weights n is their effective sample size,
    (sum w)^2 / sum w^2, which does not depend on their unit. The scores are those differences
    subject by subject (Zeng, Gao and Lin 2017).

    References
    ----------
    Murphy and van der Vaart 2000, J Am Stat Assoc 95:449-465,
    doi:10.1080/01621459.2000.10474219; Zeng, Gao and Lin 2017, Biometrika 104:505-525,
    doi:10.1093/biomet/asx029.
    """
    problem, _, size, unit = _standardise(left, right, X, weight, entry)
    place = beta * size
    here = profile(problem, place, starting_hazard(problem, left, right))
    q = len(beta)
    variance = np.diag(np.linalg.pinv(here.information, hermitian=True))
    w = problem.weight
    # Negative where there is no maximum.
    error = np.sqrt(np.maximum(variance, 0) * float(w @ w / w.sum()))
    information = np.empty((q, q))
    scores = np.empty((len(left), q))
    for j in range(q):
        h = float(np.clip(error[j], 1e-4, 1.0))
        up, down = (
            profile(problem, place + sign * h * np.eye(q)[j], here.hazard) for sign in (1, -1)
        )
        information[:, j] = (down.score - up.score) / (2 * h)
        scores[:, j] = (up.each - down.each) / (2 * h)
    information = (information + information.T) / 2 * np.outer(size, size) * unit
    # A difference over a stretch is not exactly the slope at its middle, which sums to 0.
    centred = scores - problem.weight @ scores / problem.weight.sum()
    return ProfileCurvature(information, centred * size)


def _standardise(
    left: FloatArray,
    right: FloatArray,
    X: FloatArray,
    weight: FloatArray | None,
    entry: FloatArray | None,
) -> tuple[Problem, FloatArray, FloatArray, float]:
    """Return the problem with centred columns of size 1, their centres, sizes, and mean weight.

    The weights of the problem have mean 1, so that a search ends whatever their unit. The columns
    keep the exponentials near 1; the baseline absorbs the shift.
    """
    unit = 1.0 if weight is None else float(weight.mean())
    w = np.ones(len(left)) if weight is None else weight / unit
    centre = w @ X / w.sum()
    size = np.sqrt(w @ (X - centre) ** 2 / w.sum())
    return read_problem(left, right, (X - centre) / size, w, entry), centre, size, unit
