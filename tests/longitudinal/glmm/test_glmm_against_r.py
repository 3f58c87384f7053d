"""Every figure of R's generalised linear mixed models on the reference trial.

With 25 points, and 15 for ordinal outcomes, log-likelihoods agree to 1e-6. With 1 and 7 points R's
modes stop early; see tests/reference/glmm/provenance.toml.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from early_stop import first_predictor, loglik

from trdstats import GLMM
from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.fit import fit_without
from trdstats.kernels.glmm.ordered import OrderedDesign, ordered_rows
from trdstats.kernels.glmm.quadrature import hermite_grid, marginal
from trdstats.longitudinal import GLMMResult

MET = "met ~ arm * visit + madrs_bl"


def term_of_r(term: str) -> str:
    """Return R's name of a column: "armECT:visit14"."""
    return (
        term.replace("Intercept", "(Intercept)").replace("[T.", "").replace(".0]", "")
        .replace("]", "").replace(" | ", "|")
    )  # fmt: skip


def compare(found: GLMMResult, of_r: dict[str, Any], *, est: float, se: float) -> None:
    """Compare estimates in units of their standard errors, and errors as ratios."""
    rows = {row["term"]: row for row in of_r["coef"]}
    table = found.tidy()
    assert len(table) == len(rows)
    for row in table.itertuples():
        own = rows[term_of_r(str(row.term))]
        assert row.estimate == pytest.approx(own["estimate"], abs=est * own["se"])
        assert row.std_error == pytest.approx(own["se"], rel=se)


@pytest.fixture(scope="module")
def fits(later: pd.DataFrame) -> dict[int, GLMMResult]:
    return {k: GLMM(MET, points=k).fit(later, subject="usubjid") for k in (1, 7, 25)}


def test_25_points(fits: dict[int, GLMMResult], in_r: Any) -> None:
    own = in_r["glmm"]["points_25"]
    assert fits[25].loglik == pytest.approx(own["loglik"], abs=1e-6)
    # R's standard errors are from differences of a deviance that it knows to 1e-7.
    compare(fits[25], own, est=1e-4, se=1e-4)
    assert fits[25].deviations.value[0] == pytest.approx(own["sd"], rel=1e-6)


def test_ordinal_with_15_points(later: pd.DataFrame, in_r: Any) -> None:
    own = in_r["ordinal_mixed_15_points"]
    spec = GLMM("band ~ arm * visit + madrs_bl", family="ordinal", points=15)
    found = spec.fit(later, subject="usubjid")
    assert found.loglik == pytest.approx(own["loglik"], abs=1e-6)
    compare(found, own, est=1e-4, se=3e-4)
    assert found.deviations.value[0] == pytest.approx(own["sd"], rel=1e-6)


@pytest.fixture(scope="module")
def start(fits: dict[int, GLMMResult]) -> FloatArray:
    """Return the linear predictor at which lme4's search of the modes begins."""
    design = fits[25].design
    return first_predictor(design.X, design.y, design.person)


@pytest.mark.parametrize("points", [1, 7, 25])
def test_where_r_stops_early(
    fits: dict[int, GLMMResult], in_r: Any, start: FloatArray, points: int
) -> None:
    """At R's estimates: R's figure with its tolerance, ours with modes searched to the end."""
    own = in_r["glmm"][f"points_{points}"]
    fit = fits[points]
    rows = {row["term"]: row["estimate"] for row in own["coef"]}
    beta = np.array([rows[term_of_r(term)] for term in fit.design.terms])
    X, y, person = fit.design.X, fit.design.y, fit.design.person

    def at(tolerance: float) -> float:
        return loglik(X, y, person, beta, own["sd"], points, start=start, tolerance=tolerance)

    assert at(1e-7) == pytest.approx(own["loglik"], abs=2e-4)
    theta = np.append(beta, own["sd"])
    n = len(fit.design.subjects)
    exact = marginal(
        fit.fitted.rows, theta, hermite_grid(points, 1), np.zeros((n, 1)), curved=False
    )
    assert exact is not None
    assert at(1e-14) == pytest.approx(exact.each.sum(), abs=1e-9)
    # Ours is the maximum of the likelihood as it is defined.
    assert fit.loglik >= exact.each.sum() - 1e-9


def test_few_points(fits: dict[int, GLMMResult], in_r: Any) -> None:
    """By as much as R's early stop moves its maximum."""
    one, seven = in_r["glmm"]["points_1"], in_r["glmm"]["points_7"]
    assert fits[1].loglik - one["loglik"] == pytest.approx(0.0240, abs=1e-4)
    compare(fits[1], one, est=0.05, se=0.05)
    assert fits[7].loglik - seven["loglik"] == pytest.approx(-0.00113, abs=1e-5)
    compare(fits[7], seven, est=2e-3, se=2e-3)


def test_random_slope_by_laplace(later: pd.DataFrame, in_r: Any) -> None:
    """R did not converge; the likelihood is R's where R stopped, and rises from there."""
    own = in_r["glmm"]["slope_laplace"]
    spec = GLMM("met ~ arm * week + madrs_bl", random="1 + week", points=1)
    found = spec.fit(later, subject="usubjid")
    assert found.loglik > own["loglik"]
    rows = {row["term"]: row["estimate"] for row in own["coef"]}
    factor = np.linalg.cholesky(np.array(own["covariance"]))
    theta = [rows[term_of_r(t)] for t in found.design.terms]
    theta += [factor[0, 0], factor[1, 0], factor[1, 1]]
    n = len(found.design.subjects)
    there = marginal(
        found.fitted.rows, np.array(theta), hermite_grid(1, 2), np.zeros((n, 2)), curved=False
    )
    assert there is not None
    assert there.each.sum() == pytest.approx(own["loglik"], abs=1e-4)
    assert np.abs(there.scores.sum(axis=0)).max() > 5


def test_coefficients_by_threshold(later: pd.DataFrame, in_r: Any) -> None:
    """Without random effects, at day 28: R ordinal's clm and nominal_test."""
    own = in_r["ordinal_one_visit"]
    day = later[later["day"] == 28]
    arm = day["arm"].cat.codes.to_numpy()
    X = np.column_stack([arm == 1, arm == 2, day["madrs_bl"]]).astype(float)
    y = day["band"].cat.codes.to_numpy().astype(np.intp)
    n = len(y)
    for row, columns in zip(own["nominal_test"], ((), (0, 1), (2,)), strict=True):
        design = OrderedDesign(X, 3, by_threshold=columns)
        rows = ordered_rows(design, y, np.arange(n), np.ones((n, 1)), np.ones(n))
        without = fit_without(rows, design.start(y))
        assert without is not None
        assert without[1] == pytest.approx(row["logLik"], abs=1e-6)
        if not columns:
            of_r = np.array([term["estimate"] for term in own["coef"]])
            assert without[0] == pytest.approx(of_r, abs=1e-5)
