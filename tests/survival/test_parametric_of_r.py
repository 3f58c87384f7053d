"""Accelerated failure time and mixture cure models as R fits them.

R printed ten digits of each number; the log-likelihoods agree in all of them. icenReg and optim
stop when the log-likelihood no longer changes, which leaves seven and five digits of the
estimates. icenReg takes second derivatives by wide differences: three digits of the standard
errors; optim(hessian = TRUE) reaches six. The standard errors here are checked to 1e-9 against
the same likelihood in 50-digit decimal arithmetic instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from trdstats import AFT, EventTimes, MixtureCure, Response, Study, time_to

LOGLIK = 1e-10  # absolute; half a unit of R's last digit
ICENREG, ICENREG_SE = 2e-7, 2e-3
OPTIM, OPTIM_SE = 5e-6, 5e-6
ARMS = ("treatment[T.ECT]", "treatment[T.ketamine]")


@pytest.fixture(scope="module")
def onset(trial: Study) -> EventTimes:
    return time_to(trial, Response())


def centred(fit: Any) -> tuple[float, float]:
    """Return the location at the means of the covariates, as icenReg reports it, and its error."""
    design = fit._data.designs[0]
    c = np.array([1.0, *design.X.mean(axis=0)])
    q = len(c)
    V = fit.covariance.to_numpy()[:q, :q]
    return float(c @ fit.tidy()["estimate"].to_numpy()[:q]), float(np.sqrt(c @ V @ c))


@pytest.mark.parametrize(
    ("distribution", "key", "location", "sign"),
    [
        ("weibull", "ic_weibull_aft", "log_scale", -1),
        ("log-normal", "ic_lognormal_aft", "mu", 1),
    ],
)
def test_accelerated_failure_time(
    onset: EventTimes,
    r_times: dict[str, Any],
    distribution: Any,
    key: str,
    location: str,
    sign: int,
) -> None:
    expected = r_times["onset"][key]
    fit = AFT("treatment + msm + age", distribution).fit(onset)
    assert fit.glance()["loglik"].item() == pytest.approx(expected["loglik"], abs=LOGLIK)
    frame = fit.tidy().set_index("term")
    at, error = centred(fit)
    shape = "log_shape" if sign < 0 else "log_s"
    ours = [
        (at, error, location),
        (sign * frame.loc["log(scale)", "estimate"], frame.loc["log(scale)", "std_error"], shape),
        *(
            (frame.loc[t, "estimate"], frame.loc[t, "std_error"], name)
            for t, name in zip([*ARMS, "msm", "age"], ("armECT", "armketamine", "msm", "age"),
                               strict=True)
        ),
    ]  # fmt: skip
    errors = dict(zip(expected["coef"], expected["se"], strict=True))
    for value, own, name in ours:
        assert value == pytest.approx(expected["coef"][name], rel=ICENREG), name
        assert own == pytest.approx(errors[name], rel=ICENREG_SE), name


def test_weibull_hazard_ratios(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["onset"]["ic_weibull_ph"]
    frame = AFT("treatment + msm + age").fit(onset).hazard_ratios()
    names = ["armECT", "armketamine", "msm", "age"]
    assert frame["estimate"].tolist() == pytest.approx(
        [expected["coef"][n] for n in names], rel=ICENREG
    )
    errors = dict(zip(expected["coef"], expected["se"], strict=True))
    assert frame["std_error"].tolist() == pytest.approx([errors[n] for n in names], rel=ICENREG_SE)


def test_weibull_mixture_cure(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = r_times["onset"]["ic_weibull_cure"]
    fit = MixtureCure("treatment", "treatment").fit(onset)
    assert fit.glance()["loglik"].item() == pytest.approx(expected["loglik"], abs=LOGLIK)
    frame = fit.tidy()
    theirs = np.array(list(expected["par"].values())) * [1, 1, 1, 1, 1, 1, -1]
    # The log shape is minus the log scale.
    assert frame["estimate"].tolist() == pytest.approx(theirs.tolist(), rel=OPTIM)
    assert frame["std_error"].tolist() == pytest.approx(expected["se"], rel=OPTIM_SE)
    assert fit.glance()[["starts", "starts_agreeing"]].to_numpy().tolist() == [[4, 4]]


def hessian_of(
    f: Callable[[Sequence[Decimal]], Decimal], at: np.ndarray, h: Decimal = Decimal("1e-15")
) -> np.ndarray:
    """Return second derivatives by central differences in 50 digits."""
    p = len(at)
    result = np.empty((p, p))
    for j in range(p):
        for k in range(j + 1):
            total = Decimal(0)
            for a in (1, -1):
                for b in (1, -1):
                    point = [Decimal(float(v)) for v in at]
                    point[j] += a * h
                    point[k] += b * h
                    total += a * b * f(point)
            result[j, k] = result[k, j] = float(total / (4 * h * h))
    return result


def test_errors_in_fifty_digits(onset: EventTimes) -> None:
    """Weibull and mixture cure likelihoods of R's data, written out plainly."""
    frame = onset.at_risk()
    # Subjects with the same interval and arm share a term.
    cells = frame.groupby(["treatment", "left", "right"], observed=True).size().reset_index()
    kinds = [
        (
            [1, int(arm == "ECT"), int(arm == "ketamine")],
            [Decimal(t).ln() if t not in (0, np.inf) else t for t in (left, right)],
            int(n),
        )
        for arm, left, right, n in cells.itertuples(index=False)
    ]

    def dot(x: Sequence[int], b: Sequence[Decimal]) -> Decimal:
        return sum((v for u, v in zip(x, b, strict=True) if u), Decimal(0))

    def survival(y: Any, eta: Decimal, s: Decimal) -> Decimal:
        if y == 0:
            return Decimal(1)
        return Decimal(0) if y == np.inf else (-(((y - eta) / s.exp()).exp())).exp()

    def weibull(theta: Sequence[Decimal]) -> Decimal:
        total = Decimal(0)
        for x, (a, b), n in kinds:
            eta, s = dot(x, theta[:3]), theta[3]
            total += n * (survival(a, eta, s) - survival(b, eta, s)).ln()
        return total

    def cure(theta: Sequence[Decimal]) -> Decimal:
        total = Decimal(0)
        for x, (a, b), n in kinds:
            p = 1 / (1 + (-dot(x, theta[:3])).exp())
            eta, s = dot(x, theta[3:6]), theta[6]
            never = 1 - p if b == np.inf else Decimal(0)
            total += n * (never + p * (survival(a, eta, s) - survival(b, eta, s))).ln()
        return total

    for fit, f in (
        (AFT("treatment").fit(onset), weibull),
        (MixtureCure("treatment", "treatment").fit(onset), cure),
    ):
        with localcontext() as context:
            context.prec = 50
            at = fit.tidy()["estimate"].to_numpy()
            value = float(f([Decimal(float(v)) for v in at]))
            V = np.linalg.inv(-hessian_of(f, at))
        assert fit.glance()["loglik"].item() == pytest.approx(value, rel=1e-14)
        assert fit.tidy()["std_error"].to_numpy() == pytest.approx(np.sqrt(np.diag(V)), rel=1e-9)
        assert fit.covariance.to_numpy() == pytest.approx(V, rel=1e-7, abs=1e-10)
