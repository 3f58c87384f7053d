"""Log-likelihood of exact and censored times (interval, left, right), by distribution of log time.

References
----------
Odell, Anderson and D'Agostino 1992, Biometrics 48:951-959, doi:10.2307/2532360 (all kinds of
censoring in one parametric likelihood); Kalbfleisch and Prentice 2002, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import roots_legendre

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.parametric.log_location_scale import StandardDistribution, log1mexp

# Gauss-Legendre nodes and weights on (-1, 1).
_NODES, _WEIGHTS = roots_legendre(4)
# Intervals over which log f changes by less than this are integrated instead of differenced.
_NARROW = 0.1
# Central differences of order 6 in the shape: the distribution is known to 1e-14 or so, which
# leaves 1e-12
# in first and 1e-10 in second derivatives at this step; the neglected terms are of order step^6.
_STEP = 0.02
# A log time at which no density is left, and from which no product overflows.
_FAR = 1e10
# Log survival nearer to 0 than this comes from the lower tail, before it underflows.
_LEAST = 1e-17
_FIRST = np.array([-1.0, 9.0, -45.0, 0.0, 45.0, -9.0, 1.0]) / 60.0 / _STEP
_SECOND = np.array([2.0, -27.0, 270.0, -490.0, 270.0, -27.0, 2.0]) / 180.0 / _STEP**2


_Kinds = tuple[tuple[int, slice | IntArray], ...]


@dataclass(frozen=True, slots=True)
class CensoredTimes:
    """What is known of the time of each subject, on the log scale.

    Attributes
    ----------
    log_left, log_right : ndarray, shape (n,)
        The event lies in (left, right]; equal where it is known exactly. log_left is -inf for a
        left-censored time, log_right is inf for a right-censored one.
    log_entry : ndarray, shape (n,)
        Start of observation; -inf without delayed entry.
    exact, seen : ndarray of bool, shape (n,)
        Whether the time is known, and whether the event happened within follow-up. A search asks
        at every step: they are kept, as is all below.
    any_late : bool
        Whether observation of any began later.
    kinds, spans : tuple of (int, slice or ndarray of int)
        Each kind of censoring that there is, and its rows, a slice where they stand together; and
        the same where whatever is no exact time is an interval, of ends `far_left`, `far_right`.
    far_left, far_right : ndarray, shape (n,)
        The ends; far away where there is none.
    """

    log_left: FloatArray
    log_right: FloatArray
    log_entry: FloatArray
    exact: BoolArray = field(init=False, repr=False)
    seen: BoolArray = field(init=False, repr=False)
    any_late: bool = field(init=False, repr=False)
    kinds: _Kinds = field(init=False, repr=False)
    spans: _Kinds = field(init=False, repr=False)
    far_left: FloatArray = field(init=False, repr=False)
    far_right: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", self.log_left == self.log_right)
        object.__setattr__(self, "seen", np.isfinite(self.log_right))
        object.__setattr__(self, "any_late", bool(np.isfinite(self.log_entry).any()))
        kind = self.kind()
        object.__setattr__(self, "kinds", _rows_by(kind))
        object.__setattr__(self, "spans", _rows_by(np.where(kind == 0, 0, 3)))
        object.__setattr__(self, "far_left", np.maximum(self.log_left, -_FAR))
        object.__setattr__(self, "far_right", np.minimum(self.log_right, _FAR))

    @classmethod
    def of(cls, left: FloatArray, right: FloatArray, entry: FloatArray) -> CensoredTimes:
        """Take the logarithms of times of 0 or more; shapes (n,)."""
        with np.errstate(divide="ignore"):
            return cls(np.log(left), np.log(right), np.log(entry))

    def kind(self) -> IntArray:
        """Return the kind of censoring of each time, a place in the likelihoods of this module."""
        ended = np.where(self.exact, 0, np.where(np.isneginf(self.log_left), 2, 3))
        return np.where(self.seen, ended, 1)

    def take(self, rows: IntArray) -> CensoredTimes:
        """Return some of the times."""
        return CensoredTimes(self.log_left[rows], self.log_right[rows], self.log_entry[rows])


def _rows_by(kind: IntArray) -> _Kinds:
    """Return the rows of each kind; as a slice, which copies nothing, where they stand together."""
    kinds: list[tuple[int, slice | IntArray]] = []
    for k in range(len(_PARTS)):
        rows = np.flatnonzero(kind == k)
        if len(rows):
            first, last = int(rows[0]), int(rows[-1])
            kinds.append((k, slice(first, last + 1) if last - first < len(rows) else rows))
    return tuple(kinds)


@dataclass(frozen=True, slots=True)
class Terms:
    """Log-likelihood of each subject with derivatives in (eta, log sigma) or with the shape Q.

    Attributes
    ----------
    value : ndarray, shape (n,)
    gradient : ndarray, shape (n, h)
    hessian : ndarray, shape (n, h, h)
    """

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray

    def __add__(self, other: Terms) -> Terms:
        return Terms(
            self.value + other.value,
            self.gradient + other.gradient,
            self.hessian + other.hessian,
        )

    def put(self, rows: BoolArray | IntArray | slice, terms: Terms) -> None:
        """Set the terms of some subjects."""
        self.value[rows] = terms.value
        self.gradient[rows] = terms.gradient
        self.hessian[rows] = terms.hessian

    def __neg__(self) -> Terms:
        return Terms(-self.value, -self.gradient, -self.hessian)


def log_density(
    distribution: StandardDistribution, y: FloatArray, eta: FloatArray, log_sigma: float
) -> Terms:
    """Return log f of log times y, which may have more axes than eta."""
    sigma = np.exp(log_sigma)
    z = (y - eta) / sigma
    terms = _of_point(
        z, sigma, distribution.log_pdf(z), distribution.slope(z), distribution.bend(z)
    )
    terms.gradient[..., 1] -= 1.0
    return Terms(terms.value - log_sigma, terms.gradient, terms.hessian)


def log_survival(
    distribution: StandardDistribution, y: FloatArray, eta: FloatArray, log_sigma: float
) -> Terms:
    """Return log S at log times y; 0 with derivatives 0 where y is -inf. Shapes (n,)."""
    return _log_tail(distribution, y, eta, log_sigma, right=True)


def log_likelihood(
    distribution: StandardDistribution, times: CensoredTimes, eta: FloatArray, log_sigma: float
) -> Terms:
    """Return each subject's log-likelihood in time units, given entry.

    Parameters
    ----------
    distribution : StandardDistribution
    times : CensoredTimes
    eta : ndarray, shape (n,)
    log_sigma : float

    Returns
    -------
    Terms
        Derivatives in (eta, log sigma).
    """
    terms = observed(distribution, times, eta, log_sigma)
    if times.any_late:
        terms += -log_survival(distribution, times.log_entry, eta, log_sigma)
    return terms


def observed(
    distribution: StandardDistribution, times: CensoredTimes, eta: FloatArray, log_sigma: float
) -> Terms:
    """Return each subject's log-likelihood without regard to entry."""
    left, right, kinds = times.log_left, times.log_right, times.kinds
    if distribution.upper is not None:  # one tail serves intervals open at either end
        left, right, kinds = times.far_left, times.far_right, times.spans
    if len(kinds) == 1:
        return _PARTS[kinds[0][0]](distribution, left, right, eta, log_sigma)
    total = _nothing(len(eta))
    for kind, at in kinds:
        terms = _PARTS[kind](distribution, left[at], right[at], eta[at], log_sigma)
        total.put(at, terms)
    return total


def _nothing(n: int) -> Terms:
    return Terms(np.zeros(n), np.zeros((n, 2)), np.zeros((n, 2, 2)))


def with_shape(terms_at: Callable[[float], Terms], Q: float) -> Terms:
    """Add derivatives in a shape Q, by central differences of order 6.

    Parameters
    ----------
    terms_at : callable
        Returns the terms in (eta, log sigma) at a shape.
    Q : float

    Notes
    -----
    The derivative of an incomplete gamma function in its shape has no closed form.
    """
    around = [terms_at(Q + j * _STEP) for j in range(-3, 4)]
    value = np.stack([t.value for t in around], axis=-1)
    gradient = np.stack([t.gradient for t in around], axis=-1)
    n = len(value)
    result = Terms(value[:, 3].copy(), np.empty((n, 3)), np.empty((n, 3, 3)))
    result.gradient[:, :2] = gradient[..., 3]
    # The middle is taken away first: what is left is small, and so is its rounding.
    result.gradient[:, 2] = (value - value[:, [3]]) @ _FIRST
    result.hessian[:, :2, :2] = around[3].hessian
    result.hessian[:, :2, 2] = result.hessian[:, 2, :2] = (gradient - gradient[..., [3]]) @ _FIRST
    result.hessian[:, 2, 2] = (value - value[:, [3]]) @ _SECOND
    return result


def _exact(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    terms = log_density(distribution, left, eta, log_sigma)
    return Terms(terms.value - left, terms.gradient, terms.hessian)


def _right_censored(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    return _log_tail(distribution, left, eta, log_sigma, right=True)


def _left_censored(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    return _log_tail(distribution, right, eta, log_sigma, right=False)


def _log_tail(
    distribution: StandardDistribution,
    y: FloatArray,
    eta: FloatArray,
    log_sigma: float,
    *,
    right: bool,
) -> Terms:
    """Return log S or log F at y, with zeros where y is infinite on the side of probability 1."""
    known = np.isfinite(y)
    sigma = np.exp(log_sigma)
    z = (y - eta) / sigma
    if not known.all():
        z[~known] = 0.0
    if right and distribution.upper is not None:
        log_tail, log_pdf, slope = distribution.upper(z)
    else:
        log_tail = distribution.log_sf(z) if right else distribution.log_cdf(z)
        log_pdf, slope = distribution.log_pdf(z), distribution.slope(z)
    ratio = np.exp(log_pdf - log_tail)
    first = -ratio if right else ratio
    second = first * (slope - first)
    if not known.all():
        log_tail, first, second = (np.where(known, v, 0.0) for v in (log_tail, first, second))
    return _of_point(z, sigma, log_tail, first, second)


def _between(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    narrow = _is_narrow(distribution, left, right, eta, np.exp(log_sigma))
    if not narrow.any():
        return _differenced(distribution, left, right, eta, log_sigma)
    if narrow.all():
        return _integrated(distribution, left, right, eta, log_sigma)
    total = _nothing(len(eta))
    for rows, part in ((narrow, _integrated), (~narrow, _differenced)):
        total.put(rows, part(distribution, left[rows], right[rows], eta[rows], log_sigma))
    return total


def _is_narrow(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    sigma: float,
) -> BoolArray:
    width = (right - left) / sigma
    if not (width < _NARROW).any():  # as most often, where visits are a week or more apart
        return np.zeros(len(width), dtype=bool)
    middle = ((left + right) / 2 - eta) / sigma
    return width * (1.0 + np.abs(distribution.slope(middle))) < _NARROW


def _integrated(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    """Return log of the integral of f over a short interval: no digits cancel, however short."""
    half = (right - left) / 2
    y = ((left + right) / 2)[:, None] + half[:, None] * _NODES
    point = log_density(distribution, y, eta[:, None], log_sigma)
    relative = np.exp(point.value - point.value[:, [1]]) * _WEIGHTS
    total = relative.sum(axis=1)
    weight = relative / total[:, None]
    gradient = np.einsum("nk,nki->ni", weight, point.gradient)
    hessian = np.einsum("nk,nkij->nij", weight, point.hessian)
    hessian += np.einsum("nk,nki,nkj->nij", weight, point.gradient, point.gradient)
    hessian -= gradient[:, :, None] * gradient[:, None, :]
    return Terms(point.value[:, 1] + np.log(total * half), gradient, hessian)


def _differenced(
    distribution: StandardDistribution,
    left: FloatArray,
    right: FloatArray,
    eta: FloatArray,
    log_sigma: float,
) -> Terms:
    """Return log(S(a) - S(b)), from the tail in which the smaller probabilities lie."""
    sigma = np.exp(log_sigma)
    a, b = (left - eta) / sigma, (right - eta) / sigma
    with np.errstate(invalid="ignore"):
        if distribution.upper is not None:
            (S, pdf_a, slope_a), (S_b, pdf_b, slope_b) = (
                distribution.upper(a),
                distribution.upper(b),
            )
            log_mass = S + log1mexp(S_b - S)
            low = S_b > -_LEAST
            if low.any():  # so early that S is 1 to the last digit at both ends
                F_a, F_b = distribution.log_cdf(a[low]), distribution.log_cdf(b[low])
                log_mass[low] = F_b + log1mexp(F_a - F_b)
        else:
            S, F = distribution.log_sf(a), distribution.log_cdf(b)
            up = S < F
            gap = np.where(up, distribution.log_sf(b) - S, distribution.log_cdf(a) - F)
            log_mass = np.where(up, S, F) + log1mexp(gap)
            pdf_a, pdf_b = distribution.log_pdf(a), distribution.log_pdf(b)
            slope_a, slope_b = distribution.slope(a), distribution.slope(b)
        at_a, at_b = np.exp(pdf_a - log_mass), np.exp(pdf_b - log_mass)
        aa = -at_a * (slope_a + at_a)
        bb = at_b * (slope_b - at_b)
    ab = at_a * at_b
    gradient = _beside((at_a - at_b) / sigma, a * at_a - b * at_b)
    mixed = (a * aa + (a + b) * ab + b * bb - at_a + at_b) / sigma
    spread = a**2 * aa + 2 * a * b * ab + b**2 * bb - a * at_a + b * at_b
    return Terms(log_mass, gradient, _symmetric((aa + 2 * ab + bb) / sigma**2, mixed, spread))


def _of_point(
    z: FloatArray, sigma: float, value: FloatArray, first: FloatArray, second: FloatArray
) -> Terms:
    """Return a function of z = (y - eta) / sigma with derivatives in (eta, log sigma)."""
    gradient = _beside(-first / sigma, -z * first)
    mixed = (z * second + first) / sigma
    return Terms(value, gradient, _symmetric(second / sigma**2, mixed, z**2 * second + z * first))


def _beside(first: FloatArray, second: FloatArray) -> FloatArray:
    result = np.empty((*first.shape, 2))
    result[..., 0], result[..., 1] = first, second
    return result


def _symmetric(top: FloatArray, mixed: FloatArray, bottom: FloatArray) -> FloatArray:
    result = np.empty((*top.shape, 2, 2))
    result[..., 0, 0], result[..., 1, 1] = top, bottom
    result[..., 0, 1] = result[..., 1, 0] = mixed
    return result


# Likelihoods of the kinds of censoring, in the order of `CensoredTimes.kind`.
_PARTS = (_exact, _right_censored, _left_censored, _between)
