"""How often the largest |t| of correlated estimates reaches a level: tails that do not run out.

Where every correlation is a product of two loadings, r_ij = l_i l_j (any two estimates, and many
treatments against one reference in a balanced design), the estimates are independent given one
common factor: the tail is an integral over the factor and over the scale of the t distribution,
done by quadrature. Elsewhere each draw has one estimate beyond the level, so that the relative
error is the same however small the tail is.

References
----------
Dunnett 1955, doi:10.1080/01621459.1955.10501294 (the integral). Owen, Maximov and Chertkov 2019,
doi:10.1214/18-EJS1527, equation 9 (the draws). Bretz and Genz 2009, doi:10.1007/978-3-642-01689-9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.tails import many_t_isf, normal_logsf, t_isf, t_sf

# Levels to tails and the relative standard errors of these, 0 where they are exact.
Tails = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_SAME = 1e-8  # largest distance of a correlation from a product that counts as none
_FARTHEST = 37.0  # beyond it a normal tail is 0 in double precision
_NEGLIGIBLE = 37.0  # exp(-37) is below the rounding of a sum
_STEP = 0.05  # of the spline of the normal tail: its error is near 1e-8 of the tail
_PANEL = 0.5  # widest panel of the factor's integral
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_EXACT_LEVELS = 32  # levels drawn one by one; more are interpolated
_CRITICAL_LEVELS = 9


@dataclass(frozen=True, slots=True)
class JointTails:
    """Tails of the largest |t| of a family.

    Attributes
    ----------
    p_value : ndarray, shape (m,)
        Probability that the largest |t| reaches each level.
    relative_error : ndarray, shape (m,)
        Standard error of each, relative to it; 0 where they were computed by quadrature.
    critical : float
        Level that the largest |t| stays below with the confidence level.
    """

    p_value: FloatArray
    relative_error: FloatArray
    critical: float


def joint_tails(
    correlation: FloatArray,
    levels: FloatArray,
    *,
    conf_level: float,
    df: float = np.inf,
    draws: int,
    rng: np.random.Generator,
) -> JointTails:
    """Return how often the largest |t| of a multivariate t distribution reaches some levels.

    Parameters
    ----------
    correlation : ndarray, shape (k, k)
        Singular ones may be given.
    levels : ndarray, shape (m,)
        0 or above.
    conf_level : float
    df : float
        Degrees of freedom; infinite for a normal distribution.
    draws : int
        Draws where quadrature is not possible.
    rng : numpy.random.Generator
    """
    k = len(correlation)
    loadings = common_factor(correlation)
    tails: Tails
    if loadings is not None:
        tails = partial(factor_tails, loadings, df=df)
    else:
        # The same numbers for every level: tails fall as the level rises, as they must.
        state = rng.bit_generator.state

        def tails(at: FloatArray) -> tuple[FloatArray, FloatArray]:
            rng.bit_generator.state = state
            return _few(partial(drawn_tails, correlation, draws=draws, rng=rng, df=df), at)

    alpha = 1 - conf_level
    lowest, highest = (float(t_isf(alpha / m, df)) for m in (2, 2 * k))
    ladder = np.linspace(lowest, highest, _CRITICAL_LEVELS if k > 1 else 1)
    p, error = tails(np.concatenate([levels, ladder]))
    critical = _crossing(ladder, p[len(levels) :], alpha)
    return JointTails(p[: len(levels)], error[: len(levels)], critical)


def common_factor(correlation: FloatArray) -> FloatArray | None:
    """Return the loadings l with r_ij = l_i l_j for i != j, shape (k,); None where there are none.

    Parameters
    ----------
    correlation : ndarray, shape (k, k)
    """
    k = len(correlation)
    size = np.abs(correlation - np.diag(np.diag(correlation)))
    i, j = np.unravel_index(int(np.argmax(size)), size.shape)
    if size[i, j] <= _SAME:
        return np.zeros(k)
    rest = np.setdiff1d(np.arange(k), [i, j])
    third = rest[np.argmax(np.minimum(size[i, rest], size[j, rest]))] if len(rest) else None
    if third is None or min(size[i, third], size[j, third]) <= _SAME:
        square = size[i, j]
    else:
        square = correlation[i, j] * correlation[i, third] / correlation[j, third]
    if not 0 < square <= 1 + _SAME:
        return None
    loadings = np.empty(k)
    loadings[i] = min(np.sqrt(square), 1.0)
    others = np.arange(k) != i
    loadings[others] = correlation[i, others] / loadings[i]
    left = correlation - np.outer(loadings, loadings)
    left[np.arange(k), np.arange(k)] = 0.0
    if np.abs(left).max() > _SAME or np.abs(loadings).max() > 1 + _SAME:
        return None
    return np.clip(loadings, -1.0, 1.0)


def factor_tails(
    loadings: FloatArray, levels: FloatArray, *, df: float = np.inf
) -> tuple[FloatArray, FloatArray]:
    """Return the tails of a family with one common factor, and their errors of 0.

    Parameters
    ----------
    loadings : ndarray, shape (k,)
    levels : ndarray, shape (m,)
    df : float
    """
    p = np.empty(len(levels))
    if np.isinf(df):
        p[:] = [_normal_tail(loadings, float(x)) for x in levels]
    else:
        farthest = float(np.max(levels, initial=0.0))
        bounds = [_scales(len(loadings), float(c), df) for c in levels]
        reach = max((c * np.exp(b[1]) for c, b in zip(levels, bounds, strict=True)), default=0.0)
        grid = np.arange(0.0, min(reach, _FARTHEST) + 2 * _STEP, _STEP)
        known = np.array([_normal_tail(loadings, x) for x in grid]) if farthest > 0 else grid + 1
        log_tail = scipy.interpolate.CubicSpline(grid, np.log(known))
        p[:] = [
            _over_scales(log_tail, float(c), df, b) for c, b in zip(levels, bounds, strict=True)
        ]
    return np.minimum(p, 1.0), np.zeros(len(levels))


def _normal_tail(loadings: FloatArray, x: float) -> float:
    """Return P(max |l_i U + s_i E_i| >= x) for independent standard normal U and E."""
    if x <= 0:
        return 1.0
    factor, count = np.unique(np.abs(loadings), return_counts=True)
    spread = np.sqrt(np.maximum(1 - factor**2, 0.0))
    # An unbroken grid, finer where an estimate turns from inside to beyond and where it peaks.
    far = x + 9.0
    steps = np.array([-8.0, -4, -2, -1, 0, 1, 2, 4, 8])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        turns = (x + steps[:, None] * spread) / factor
    peaks = factor * x + steps[:, None] * spread
    breaks = np.concatenate([np.arange(0.0, far, _PANEL), turns.ravel(), peaks.ravel(), [far]])
    breaks = np.unique(breaks[np.isfinite(breaks) & (breaks >= 0) & (breaks <= far)])
    half = np.diff(breaks) / 2
    nodes = ((breaks[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
    weight = (half[:, None] * _WEIGHTS).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = scipy.special.ndtr((factor * nodes[:, None] - x) / spread) + scipy.special.ndtr(
            (-factor * nodes[:, None] - x) / spread
        )
    is_constant = spread == 0
    beyond[:, is_constant] = nodes[:, None] >= x
    with np.errstate(divide="ignore"):  # surely beyond: the logarithm of 0
        inside = np.log1p(-np.minimum(beyond, 1.0)) @ count
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return float(2 * weight @ (density * -np.expm1(inside)))


def _log_scale_density(w: FloatArray, df: float) -> FloatArray:
    """Return the log density of log S where df S^2 is chi-squared."""
    level = np.log(2) + df / 2 * np.log(df / 2) - scipy.special.gammaln(df / 2)
    return np.asarray(level + df * w - df / 2 * np.exp(2 * w))


def _scales(k: int, level: float, df: float) -> tuple[float, float]:
    """Return the range of log S outside of which nothing adds to the tail of a level."""
    least = np.log(2 * t_sf(level, df)) - _NEGLIGIBLE  # the tail of one of the k
    width = 1 / np.sqrt(2 * (df + level**2))
    peak = np.log(np.sqrt(df / (df + level**2)))
    low, high = peak - 12 * width, peak + 12 * width

    def above(w: float) -> bool:
        tail = min(np.log(2 * k) + normal_logsf(level * np.exp(w)), 0.0)
        return bool(_log_scale_density(np.array([w]), df)[0] + tail > least)

    while above(low):
        low -= 4 * width
    while above(high):
        high += 4 * width
    return low, high


def _over_scales(
    log_tail: scipy.interpolate.CubicSpline, level: float, df: float, between: tuple[float, float]
) -> float:
    """Return the mean of the normal tail at level S over the scale S, by the trapezium rule.

    The integrand is smooth and vanishes at both ends, where the rule converges geometrically.
    """
    last = np.inf
    for n in (64, 128, 256, 512, 1024, 2048, 4096):
        w = np.linspace(*between, n + 1)
        x = np.minimum(level * np.exp(w), log_tail.x[-1])
        value = np.exp(_log_scale_density(w, df) + np.minimum(log_tail(x), 0.0))
        p = float(value.sum() * (w[1] - w[0]))
        if abs(p - last) <= 1e-9 * p:
            break
        last = p
    return p


def drawn_tails(
    correlation: FloatArray,
    levels: FloatArray,
    *,
    draws: int,
    rng: np.random.Generator,
    df: float = np.inf,
) -> tuple[FloatArray, FloatArray]:
    """Return the tails of any family by draws, and their relative standard errors.

    Each draw puts one statistic beyond the level, the others by the distribution given it, and
    counts how many are beyond: the sum of the single tails, divided by the mean count, is the
    probability of their union.

    Parameters
    ----------
    correlation : ndarray, shape (k, k)
    levels : ndarray, shape (m,)
    draws : int
    rng : numpy.random.Generator
    df : float
    """
    k = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    z = np.ascontiguousarray((rng.standard_normal((draws, k)) @ root).T)
    which = rng.integers(0, k, draws)
    uniform, sign = rng.uniform(size=draws), rng.choice([-1.0, 1.0], draws)
    finite = np.isfinite(df)
    chi = rng.chisquare(df + 1, draws) if finite else np.ones(draws)
    draw, pull = np.arange(draws), np.ascontiguousarray(correlation[which].T)
    start = z[which, draw]
    mean, error = np.empty(len(levels)), np.empty(len(levels))
    for m, level in enumerate(levels):
        tail = float(t_sf(float(level), df))
        beyond = many_t_isf(tail * uniform, df) * sign
        scale = np.sqrt(chi / (df + beyond**2)) if finite else chi
        shifted = pull * (beyond * scale - start)
        shifted += z
        reached = np.abs(shifted, out=shifted) >= level * scale
        reached[which, draw] = True
        weight = 1 / reached.sum(axis=0)
        mean[m] = 2 * k * tail * weight.mean()
        error[m] = weight.std() / weight.mean() / np.sqrt(draws)
    return np.minimum(mean, 1.0), error


def _few(tails: Tails, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return tails at many levels from those at a few: their logarithm is smooth in the level."""
    distinct, place = np.unique(levels, return_inverse=True)
    if len(distinct) <= _EXACT_LEVELS:
        p, error = tails(distinct)
        return np.minimum.accumulate(p)[place], error[place]
    grid = np.linspace(distinct[0], min(distinct[-1], _FARTHEST), _EXACT_LEVELS)
    p, error = tails(grid)
    curve = scipy.interpolate.PchipInterpolator(grid, np.log(np.minimum.accumulate(p)))
    between = np.exp(curve(np.minimum(levels, grid[-1])))
    return between, np.interp(levels, grid, error)


def _crossing(levels: FloatArray, p: FloatArray, alpha: float) -> float:
    """Return the level at which a falling tail is alpha."""
    if len(levels) == 1 or p[0] <= alpha:
        return float(levels[0])
    if p[-1] >= alpha:
        return float(levels[-1])
    curve = scipy.interpolate.PchipInterpolator(levels, np.log(p) - np.log(alpha))
    return float(
        scipy.optimize.brentq(lambda x: float(curve(x)), levels[0], levels[-1], xtol=1e-10)
    )
