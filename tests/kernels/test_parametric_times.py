"""Laws of log time, likelihoods of censored times, and their derivatives.

The oracle of derivatives is the same likelihood written out once more in decimal arithmetic of 50
digits, differenced with a step of 1e-15: its error is below 1e-18.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from trdstats.kernels.numerics.newton_loglik import Surface, maximise
from trdstats.kernels.parametric.aft import fit_aft, standard_distribution, subject_terms
from trdstats.kernels.parametric.censored_times import CensoredTimes, log_likelihood
from trdstats.kernels.parametric.generalised_gamma import generalised_gamma
from trdstats.kernels.parametric.log_location_scale import (
    EXTREME,
    LOGISTIC,
    NORMAL,
    StandardDistribution,
    log1mexp,
)
from trdstats.kernels.parametric.mixture_cure import cure_terms
from trdstats.kernels.parametric.standardised_survival import (
    Population,
    log_quantile,
    mean_survival,
    restricted_mean_time,
)

LAWS = {"weibull": EXTREME, "log-normal": NORMAL, "log-logistic": LOGISTIC}
SCIPY = {"weibull": stats.gumbel_l, "log-normal": stats.norm, "log-logistic": stats.logistic}


@pytest.mark.parametrize("name", LAWS)
def test_laws_of_scipy(name: str) -> None:
    z = np.array([-30.0, -5.0, -1.0, 0.0, 0.7, 3.0])
    law, peer = LAWS[name], SCIPY[name]
    assert law.log_sf(z) == pytest.approx(peer.logsf(z), rel=1e-12, abs=1e-300)
    assert law.log_cdf(z) == pytest.approx(peer.logcdf(z), rel=1e-12)
    assert law.log_pdf(z) == pytest.approx(peer.logpdf(z), rel=1e-12)


@pytest.mark.parametrize("law", [*LAWS.values(), *map(generalised_gamma, (-2.0, 0.001, 0.6))])
def test_slopes_are_derivatives(law: StandardDistribution) -> None:
    z, h = np.array([-3.0, -0.4, 0.0, 0.9, 2.0]), 1e-4
    first = (law.log_pdf(z + h) - law.log_pdf(z - h)) / (2 * h)
    second = (law.slope(z + h) - law.slope(z - h)) / (2 * h)
    assert law.slope(z) == pytest.approx(first, rel=1e-6, abs=1e-8)
    assert law.bend(z) == pytest.approx(second, rel=1e-6, abs=1e-8)
    assert np.exp(law.log_sf(z)) + np.exp(law.log_cdf(z)) == pytest.approx(np.ones(5), rel=1e-12)


def test_both_tails_stay_on_the_log_scale() -> None:
    assert EXTREME.log_sf(np.array([7.0])) == pytest.approx([-np.exp(7)])
    assert EXTREME.log_cdf(np.array([-800.0])) == [-800.0]
    assert LOGISTIC.log_sf(np.array([800.0])) == [-800.0]
    assert NORMAL.log_sf(np.array([40.0]))[0] == pytest.approx(-804.6084420137538, rel=1e-12)
    x = np.array([-1e-20, -0.5, -800.0])
    assert log1mexp(x) == pytest.approx([np.log(1e-20), np.log(-np.expm1(-0.5)), 0.0])


@pytest.mark.parametrize("Q", [1.0, 1.4, 0.3, -0.7, -1.9])
def test_generalised_gamma_of_scipy(Q: float) -> None:
    """Z = log(Q^2 G) / Q with G of shape 1 / Q^2: a log-gamma law, stretched."""
    z = np.array([-4.0, -1.0, 0.2, 1.5])
    k = Q**-2
    u = Q * z + np.log(k)
    peer = stats.loggamma(k)
    law = generalised_gamma(Q)
    assert law.log_pdf(z) == pytest.approx(peer.logpdf(u) + np.log(abs(Q)), rel=1e-10)
    right, left = (peer.sf(u), peer.cdf(u)) if Q > 0 else (peer.cdf(u), peer.sf(u))
    assert np.exp(law.log_sf(z)) == pytest.approx(right, rel=1e-10)
    assert np.exp(law.log_cdf(z)) == pytest.approx(left, rel=1e-10)


def test_generalised_gamma_passes_smoothly_into_weibull_and_normal() -> None:
    z = np.linspace(-4, 2, 13)
    for what in ("log_sf", "log_cdf", "log_pdf"):
        own = getattr(generalised_gamma(1.0), what)(z)
        assert own == pytest.approx(getattr(EXTREME, what)(z), rel=1e-12, abs=1e-14)
        normal = getattr(NORMAL, what)(z)
        # Q = 0 is the limit; near it the law differs by terms of order Q.
        for Q in (1e-9, -1e-9):
            assert getattr(generalised_gamma(Q), what)(z) == pytest.approx(normal, rel=1e-7)
        # On both sides of the change to the expansion the same values, up to the step in Q.
        for Q in (1e-4, -1e-4):
            a, b = (getattr(generalised_gamma(Q * s), what)(z) for s in (1 - 1e-9, 1 + 1e-9))
            assert a == pytest.approx(b, rel=1e-11)


@pytest.mark.parametrize("Q", [-1.3, 1e-5, 0.02, 0.5, 3.0])
def test_generalised_gamma_tail_is_the_integral_of_its_density(Q: float) -> None:
    law = generalised_gamma(Q)
    for z in (-2.0, 0.0, 1.1):
        mass = quad(lambda v: float(np.exp(law.log_pdf(np.array([v])))[0]), z, z + 0.5, epsabs=0)[0]
        ends = np.exp(law.log_sf(np.array([z, z + 0.5])))
        assert ends[0] - ends[1] == pytest.approx(mass, rel=1e-9, abs=1e-14)


def d_log_sf(name: str, z: Decimal) -> Decimal:
    return -(z.exp()) if name == "weibull" else -((1 + z.exp()).ln())


def d_log_pdf(name: str, z: Decimal) -> Decimal:
    return z - z.exp() if name == "weibull" else z - 2 * (1 + z.exp()).ln()


def d_known(name: str, ends: Sequence[Decimal | None], eta: Decimal, s: Decimal) -> Decimal:
    """Return the log-likelihood of (left, right]; None for 0 and infinity."""
    left, right = ((None if t is None else (t.ln() - eta) / s.exp()) for t in ends)
    if left is not None and left == right:
        return d_log_pdf(name, left) - s - ends[0].ln()  # type: ignore[union-attr]
    upper = Decimal(1) if left is None else d_log_sf(name, left).exp()
    lower = Decimal(0) if right is None else d_log_sf(name, right).exp()
    return (upper - lower).ln()


def derivatives(
    f: Callable[..., Decimal], at: Sequence[Decimal], h: Decimal = Decimal("1e-15")
) -> tuple[list[float], list[list[float]]]:
    """Return gradient and hessian by central differences."""
    p = len(at)

    def moved(*steps: tuple[int, int]) -> Decimal:
        point = list(at)
        for j, k in steps:
            point[j] += k * h
        return f(*point)

    gradient = [float((moved((j, 1)) - moved((j, -1))) / (2 * h)) for j in range(p)]
    hessian = [
        [
            float(
                sum(a * b * moved((j, a), (k, b)) for a in (1, -1) for b in (1, -1)) / (4 * h * h)
            )
            for k in range(p)
        ]
        for j in range(p)
    ]
    return gradient, hessian


CASES: list[tuple[str | None, str | None]] = [
    ("3", "3"), ("3", "9"), (None, "4"), ("6", None), ("0.01", "0.02"), ("200", "260"),
    ("5", "5.000001"), ("5", "5.1"), ("7", "7.4"),
]  # fmt: skip


def times_of(cases: Sequence[tuple[str | None, str | None]], entry: float = 0.0) -> CensoredTimes:
    left = np.array([0.0 if a is None else float(a) for a, _ in cases])
    right = np.array([np.inf if b is None else float(b) for _, b in cases])
    return CensoredTimes.of(left, right, np.full(len(left), entry))


@pytest.mark.parametrize("name", ["weibull", "log-logistic"])
@pytest.mark.parametrize(("eta", "s"), [("1.7", "0.3"), ("2.4", "-0.8")])
@pytest.mark.parametrize("entry", [0, "0.005"])
def test_likelihood_in_fifty_digits(name: str, eta: str, s: str, entry: str | int) -> None:
    found = log_likelihood(
        LAWS[name], times_of(CASES, float(entry)), np.full(len(CASES), float(eta)), float(s)
    )
    with localcontext() as context:
        context.prec = 50
        late = Decimal(float(entry))
        for i, case in enumerate(CASES):
            # The binary value of each number is what the kernel saw.
            ends = [None if t is None else Decimal(float(t)) for t in case]

            def value(a: Decimal, b: Decimal, ends: Sequence[Decimal | None] = ends) -> Decimal:
                given = d_known(name, [late, None], a, b) if late else Decimal(0)
                return d_known(name, ends, a, b) - given

            at = (Decimal(float(eta)), Decimal(float(s)))
            gradient, hessian = derivatives(value, at)
            # The narrowest interval is known to 1e-10 only: its ends are.
            accuracy = 1e-9 if case[1] == "5.000001" else 1e-11
            assert found.value[i] == pytest.approx(float(value(*at)), rel=accuracy), case
            assert found.gradient[i] == pytest.approx(gradient, rel=1e-10, abs=1e-12), case
            # Second derivatives of a difference of tails lose up to three digits more.
            size = np.abs(hessian).max()
            assert found.hessian[i] == pytest.approx(np.array(hessian), rel=1e-9, abs=1e-10 * size)


@pytest.mark.parametrize("entry", [0, "0.005"])
def test_mixture_likelihood_in_fifty_digits(entry: str | int) -> None:
    a, eta, s = 0.8, 2.1, 0.2
    found = cure_terms(
        "weibull", times_of(CASES, float(entry)), np.full(len(CASES), a),
        np.full(len(CASES), eta), s,
    )  # fmt: skip
    with localcontext() as context:
        context.prec = 50
        late = Decimal(float(entry))
        for i, case in enumerate(CASES):
            ends = [None if t is None else Decimal(float(t)) for t in case]

            def value(
                a: Decimal, b: Decimal, c: Decimal, ends: Sequence[Decimal | None] = ends
            ) -> Decimal:
                p = 1 / (1 + (-a).exp())

                def not_yet(day: Decimal) -> Decimal:
                    return (1 - p + p * d_known("weibull", [day, None], b, c).exp()).ln()

                given = not_yet(late) if late else Decimal(0)
                if ends[1] is None:
                    assert ends[0] is not None
                    return not_yet(ends[0]) - given
                return p.ln() + d_known("weibull", ends, b, c) - given

            gradient, hessian = derivatives(value, [Decimal(v) for v in (a, eta, s)])
            assert found.gradient[i] == pytest.approx(gradient, rel=1e-9, abs=1e-11), case
            size = np.abs(hessian).max()
            assert found.hessian[i] == pytest.approx(np.array(hessian), rel=1e-9, abs=1e-10 * size)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["exponential", "weibull", "log-normal", "log-logistic", "generalised gamma"]),
    st.floats(-1.5, 1.5), st.floats(-1, 0.7), st.floats(-1.5, 1.5),
)  # fmt: skip
def test_gradients_are_derivatives(name: str, b: float, s: float, Q: float) -> None:
    """Of every distribution at any parameters, against central differences."""
    X = np.column_stack([np.ones(len(CASES)), np.linspace(-1, 1, len(CASES))])
    extra = {"exponential": [], "generalised gamma": [s, Q]}.get(name, [s])
    theta = np.array([2.0, b, *extra])
    times = times_of(CASES[:4] + CASES[6:])
    X = X[: len(times.log_left)]
    h = 1e-5

    def terms(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = subject_terms(name, times, X, at)  # type: ignore[arg-type]
        full = np.hstack([X * found.gradient[:, :1], found.gradient[:, 1:]])
        return found.value, full

    own = terms(theta)[1]
    for j in range(len(theta)):
        step = np.eye(len(theta))[j] * h
        numeric = (terms(theta + step)[0] - terms(theta - step)[0]) / (2 * h)
        assert own[:, j] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_short_intervals_tend_to_the_density() -> None:
    """However short, an interval's likelihood over its length is the density at its middle."""
    eta = np.array([1.5])
    exact = log_likelihood(NORMAL, times_of([("4", "4")]), eta, 0.1)
    for width in (1e-3, 1e-6, 1e-9):
        left, right = np.array([4 - width / 2]), np.array([4 + width / 2])
        near = log_likelihood(NORMAL, CensoredTimes.of(left, right, np.zeros(1)), eta, 0.1)
        gap = np.log(right - left)
        assert near.value - gap == pytest.approx(exact.value, abs=1e-6)
        assert near.gradient[0] == pytest.approx(exact.gradient[0], abs=1e-6)
        assert near.hessian[0] == pytest.approx(exact.hessian[0], abs=1e-6)


def people(law: str, Q: float = 1.0, sigma: float = 0.7) -> Population:
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(6), rng.normal(size=6)])
    n_scale = 2 if law == "generalised gamma" else 1
    return Population(
        lambda q: standard_distribution(law, q), X, np.full(6, 1 / 6), np.array([2.0, 0.4]),  # type: ignore[arg-type]
        float(np.log(sigma)), Q, n_scale,
    )  # fmt: skip


@pytest.mark.parametrize("law", [("weibull", 1.0), ("log-normal", 1.0), ("generalised gamma", 0.6)])
@pytest.mark.parametrize("sigma", [0.05, 0.7, 2.5])
def test_standardised_quantities(law: tuple[str, float], sigma: float) -> None:
    group = people(*law, sigma=sigma)
    tau = 20.0
    area = restricted_mean_time(group, tau).value
    if sigma == 0.7:
        days = np.concatenate([np.geomspace(1e-12, 1e-3, 12)[:-1], np.linspace(1e-3, tau, 40)])
        oracle = days[0] + sum(
            quad(lambda t: mean_survival(group, float(np.log(t))).value, a, b, epsabs=1e-13)[0]
            for a, b in itertools.pairwise(days)
        )
        assert area == pytest.approx(oracle, rel=1e-10)
    median = log_quantile(group)
    assert mean_survival(group, median.value).value == pytest.approx(0.5, abs=1e-11)
    h = 1e-5
    for what in (
        lambda g: mean_survival(g, 1.9), log_quantile, lambda g: restricted_mean_time(g, tau),
    ):  # fmt: skip
        own = what(group).gradient
        for j in range(len(own)):
            values = []
            for side in (h, -h):
                step = np.eye(len(own))[j] * side
                shape = step[3] if len(own) > 3 else 0.0
                moved = Population(
                    group.distribution_at, group.X, group.weight, group.beta + step[:2],
                    group.log_sigma + step[2], group.Q + shape, group.n_scale,
                )  # fmt: skip
                values.append(what(moved).value)
            numeric = (values[0] - values[1]) / (2 * h)
            assert own[j] == pytest.approx(numeric, rel=1e-4, abs=1e-6)


def test_restricted_mean_in_closed_form() -> None:
    """Exponential times of mean m: m (1 - exp(-tau / m))."""
    one = Population(
        lambda _: EXTREME, np.ones((1, 1)), np.ones(1), np.array([np.log(9.0)]), 0.0, 1.0, 0
    )
    assert restricted_mean_time(one, 14.0).value == pytest.approx(9 * -np.expm1(-14 / 9), rel=1e-12)
    assert restricted_mean_time(one, 1e-30).value == pytest.approx(1e-30, rel=1e-12)


def test_climb_leaves_a_saddle_and_reports_a_ridge() -> None:
    def double(theta: np.ndarray) -> Surface:
        x, y = theta
        value = x**2 - x**4 - y**2
        return Surface(value, np.array([2 * x - 4 * x**3, -2 * y]), np.diag([12 * x**2 - 2, 2.0]))

    top = maximise(double, np.array([0.01, 1.0]))
    assert top is not None
    assert top.converged
    assert top.theta == pytest.approx([np.sqrt(0.5), 0.0], abs=1e-9)

    def ridge(theta: np.ndarray) -> Surface:
        u = theta.sum() - 1
        return Surface(-(u**2), np.full(2, -2 * u), np.full((2, 2), 2.0))

    flat = maximise(ridge, np.zeros(2))
    assert flat is not None
    assert not flat.converged
    assert maximise(lambda t: Surface(np.nan, t, np.eye(2)), np.zeros(2)) is None


def test_weights_count_as_copies() -> None:
    rng = np.random.default_rng(3)
    t = rng.weibull(1.4, 40) * 10
    X = np.column_stack([np.ones(40), np.arange(40) % 2])
    left, right = np.floor(t), np.floor(t) + 1
    w = 1.0 + (np.arange(40) % 3 == 0)
    copies = np.repeat(np.arange(40), w.astype(int))
    zero = np.zeros(40)
    a = fit_aft(CensoredTimes.of(left, right, zero), X, w, "weibull")
    b = fit_aft(
        CensoredTimes.of(left[copies], right[copies], zero[copies]), X[copies],
        np.ones(len(copies)), "weibull",
    )  # fmt: skip
    assert a.theta == pytest.approx(b.theta, rel=1e-9)
    assert a.loglik == pytest.approx(b.loglik, rel=1e-12)
    assert a.covariance() == pytest.approx(b.covariance(), rel=1e-8)
