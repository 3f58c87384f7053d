"""What must hold for any data, and the cases that break mixed models."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r_models import FORMULA
from repeated_measures import MODEL, simulated
from scipy import stats

from trdstats import MMRM, Study, load_sample
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    SpecError,
    UnknownNameError,
)
from trdstats.kernels.gaussian.patterns import merge, summarise
from trdstats.kernels.gaussian.reml import evaluate, expected_hessian, observed_hessian, slopes
from trdstats.longitudinal import STRUCTURES, Covariance


@pytest.mark.parametrize("structure", sorted(STRUCTURES))
def test_derivatives_equal_numeric_ones(structure: str) -> None:
    found = MMRM(MODEL, covariance=structure, ddf="residual").fit(simulated())
    model = found._model
    theta = found._optimum.state.theta * (1 + 0.03 * np.cos(np.arange(found.n_covariance)))
    state = evaluate(model, theta)
    assert state is not None
    step = 1e-5 * np.maximum(np.abs(theta), 1)

    def moved(k: int, by: float) -> Any:
        shift = np.zeros(len(theta))
        shift[k] = by
        return evaluate(model, theta + shift)

    gradient = slopes(model, state).gradient
    hessian = observed_hessian(model, state)
    for k, h in enumerate(step):
        up, down = moved(k, h), moved(k, -h)
        assert (up.deviance - down.deviance) / (2 * h) == pytest.approx(
            gradient[k], rel=1e-4, abs=1e-4 * np.abs(gradient).max()
        )
        column = (slopes(model, up).gradient - slopes(model, down).gradient) / (2 * h)
        assert column == pytest.approx(hessian[k], rel=1e-4, abs=1e-4 * np.abs(hessian).max())


def test_average_information_lies_between_observed_and_expected() -> None:
    """For a structure that is linear in its parameters it is exactly their mean."""
    found = MMRM(MODEL, ddf="residual").fit(simulated())
    model, state = found._model, found._optimum.state
    mean = (observed_hessian(model, state) + expected_hessian(model, state)) / 2
    # The trace terms of the restricted likelihood are left out of the average information.
    assert slopes(model, state).average == pytest.approx(mean, rel=0.2, abs=0.2 * mean.max())


def test_two_complete_visits_are_the_paired_t_test() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=(25, 2)) @ np.array([[1, 0.5], [0, 1]]) + [0, 0.4]
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(25), 2), "visit": [1, 2] * 25, "y": y.ravel()}
    )
    row = MMRM("y ~ visit", ddf="kenward-roger").fit(frame).tidy().iloc[1]
    paired = stats.ttest_rel(y[:, 1], y[:, 0])
    assert row["statistic"] == pytest.approx(paired.statistic)
    assert row["df"] == pytest.approx(24)
    assert row["p_value"] == pytest.approx(paired.pvalue)


@pytest.mark.parametrize("covariance", list(STRUCTURES))
@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger", "residual"])
def test_one_visit_is_least_squares(covariance: str, ddf: Any) -> None:
    frame = simulated(T=1, gone=0)
    fit = MMRM("y ~ base + arm", covariance=covariance, ddf=ddf).fit(frame)
    table = fit.tidy()
    assert len(fit.covariance_parameters()) == 1
    X = np.column_stack([np.ones(len(frame)), frame["base"], frame["arm"] == "B"])
    beta, rss = np.linalg.lstsq(X, frame["y"], rcond=None)[:2]
    df = len(frame) - 3
    error = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * rss / df)
    assert table["estimate"].tolist() == pytest.approx(beta.tolist())
    assert table["std_error"].tolist() == pytest.approx(error.tolist())
    assert table["df"].tolist() == pytest.approx([df] * 3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_order_labels_shift_and_scale(seed: int) -> None:
    frame = simulated(seed=seed % 50)
    base = MMRM(MODEL, ddf="satterthwaite").fit(frame)
    mixed = frame.sample(frac=1, random_state=seed)
    mixed = mixed.assign(subject="S" + mixed["subject"].astype(str))
    again = MMRM(MODEL, ddf="satterthwaite").fit(mixed)
    assert again.loglik == pytest.approx(base.loglik, abs=1e-7)
    columns = ["estimate", "std_error", "df"]
    pd.testing.assert_frame_equal(again.tidy()[columns], base.tidy()[columns], rtol=1e-5)
    moved = MMRM(MODEL, ddf="satterthwaite").fit(frame.assign(y=10 + 3 * frame["y"]))
    assert moved.tidy()["std_error"].to_numpy() == pytest.approx(
        3 * base.tidy()["std_error"].to_numpy(), rel=1e-5
    )
    relabelled = frame.assign(arm=frame["arm"].map({"A": "z", "B": "a"}))
    other = MMRM(MODEL, ddf="satterthwaite").fit(relabelled)
    assert other.loglik == pytest.approx(base.loglik, abs=1e-7)
    gap = base.margins("arm", by="visit").contrasts(pairwise=True).tidy()["estimate"]
    back = other.margins("arm", by="visit").contrasts(pairwise=True).tidy()["estimate"]
    assert back.to_numpy() == pytest.approx(-gap.to_numpy(), abs=1e-6)


def test_summaries_of_two_halves_add_up() -> None:
    found = MMRM(MODEL, ddf="residual").fit(simulated())
    rows, whole = found._rows, found._model.products
    rated = whole.rated[rows.pattern]
    none = np.zeros(len(rated), dtype=np.intp)
    half = np.arange(len(rated)) % 2 == 0
    parts = [summarise(whole.select, rows.distinct[m], rated[m], none[m])[0] for m in (half, ~half)]
    merged = merge(*parts)
    assert merged.n.tolist() == whole.n.tolist()
    assert merged.cross_products == pytest.approx(whole.cross_products)


def test_weights_of_ratings_by_hand() -> None:
    """Independent ratings: weighted least squares."""
    rng = np.random.default_rng(6)
    frame = simulated(gone=0).assign(w=lambda d: rng.uniform(0.5, 2, len(d)))
    found = MMRM(
        "y ~ base + arm", covariance=OneVariance(), rating_weights="w", ddf="residual"
    ).fit(frame)
    X = np.column_stack([np.ones(len(frame)), frame["base"], frame["arm"] == "B"])
    w = frame["w"].to_numpy()
    beta = np.linalg.solve(X.T * w @ X, X.T * w @ frame["y"])
    s2 = w @ (frame["y"] - X @ beta) ** 2 / (len(frame) - 3)
    assert found.tidy()["estimate"].tolist() == pytest.approx(beta.tolist())
    error = np.sqrt(s2 * np.diag(np.linalg.inv(X.T * w @ X)))
    assert found.tidy()["std_error"].tolist() == pytest.approx(error.tolist())


@dataclass(frozen=True)
class OneVariance(Covariance):
    label = "independent"

    def size(self, T: int) -> int:
        return 1

    def start(self, S: Any, days: Any) -> Any:
        return np.array([np.diag(S).mean()])

    def matrix(self, theta: Any, days: Any) -> Any:
        return theta[0] * np.eye(len(days))


def test_influence_is_the_scores_of_subjects() -> None:
    frame = simulated()
    found = MMRM(MODEL, vcov="empirical", ddf="satterthwaite").fit(frame)
    influence = found.influence().drop(columns="subject").to_numpy()
    assert influence.sum(axis=0) == pytest.approx(0, abs=1e-8)
    error = np.sqrt(np.diag(influence.T @ influence))
    assert error == pytest.approx(found.tidy()["std_error"].to_numpy())
    # Leaving a subject out moves the estimates by about its influence.
    without = MMRM(MODEL, ddf="residual").fit(frame[frame["subject"] != 0])
    moved = found.tidy()["estimate"] - without.tidy()["estimate"]
    assert np.corrcoef(moved, influence[0])[0, 1] > 0.95


def test_a_structure_of_ones_own_equals_the_built_in_one() -> None:
    @dataclass(frozen=True)
    class OwnAR1(Covariance):
        label = "own AR(1)"

        def size(self, T: int) -> int:
            return 2

        def start(self, S: Any, days: Any) -> Any:
            return np.array([np.diag(S).mean(), 0.5])

        def matrix(self, theta: Any, days: Any) -> Any:
            k = np.arange(len(days))
            return theta[0] * theta[1] ** np.abs(np.subtract.outer(k, k))

    frame = simulated()
    own = MMRM(MODEL, covariance=OwnAR1(), ddf="satterthwaite").fit(frame)
    built = MMRM(MODEL, covariance="ar1", ddf="satterthwaite").fit(frame)
    assert own.loglik == pytest.approx(built.loglik, abs=1e-7)
    assert own.tidy()["df"].to_numpy() == pytest.approx(built.tidy()["df"].to_numpy(), rel=1e-4)


def test_a_negative_correlation_is_found() -> None:
    rng = np.random.default_rng(4)
    e = rng.normal(size=(80, 5))
    for t in range(1, 5):
        e[:, t] = -0.6 * e[:, t - 1] + np.sqrt(1 - 0.36) * e[:, t]
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(80), 5), "visit": list(range(5)) * 80, "y": e.ravel()}
    )
    found = MMRM("y ~ visit", covariance="ar1", ddf="residual").fit(frame)
    assert found.covariance_parameters()["estimate"].iloc[1] == pytest.approx(-0.6, abs=0.12)


def test_twelve_visits_of_sixty_subjects() -> None:
    found = MMRM("y ~ visit + arm", ddf="satterthwaite").fit(simulated(T=12, seed=8, gone=0.05))
    assert found.n_covariance == 78
    assert found.glance()["converged"].tolist() == [True]


def test_all_subjects_complete_and_one_alone_in_a_pattern() -> None:
    full = simulated(gone=0)
    assert MMRM(MODEL).fit(full)._model.products.n.tolist() == [60]
    alone = full[~((full["subject"] == 3) & (full["visit"] == 14))]
    assert sorted(MMRM(MODEL).fit(alone)._model.products.n) == [1, 59]


def test_visits_never_seen_together_are_named() -> None:
    frame = simulated(gone=0)
    early = frame["subject"] < 30
    frame = frame[(early & (frame["visit"] != 28)) | (~early & (frame["visit"] != 7))]
    with pytest.raises(NotEstimableError, match="at both of the visits 7 and 28"):
        MMRM(MODEL).fit(frame)
    assert MMRM(MODEL, covariance="ar1h").fit(frame).glance()["converged"].all()


def test_an_outcome_that_never_changes() -> None:
    frame = simulated()
    frame.loc[frame["visit"] == 14, "y"] = 1.0
    with pytest.raises(NotEstimableError, match="Try fewer parameters"):
        MMRM("y ~ visit").fit(frame)


def test_collinear_columns_are_named_and_left_out() -> None:
    frame = simulated()
    frame["site"] = np.where(frame["arm"] == "A", "north", "south")
    with pytest.warns(EstimateWarning, match=r"1 of 6 columns .* site\[T.south\]"):
        found = MMRM("y ~ arm + visit + site").fit(frame)
    assert found.aliased == ("site[T.south]",)
    assert "Left out, collinear (aliased) with others: site[T.south]." in repr(found)
    plain = MMRM("y ~ arm + visit").fit(frame)
    assert found.loglik == pytest.approx(plain.loglik)


def test_rows_left_out_are_counted() -> None:
    frame = simulated()
    frame.loc[[0, 5], "y"] = np.nan
    frame.loc[[7], "base"] = np.nan
    found = MMRM(MODEL).fit(frame)
    assert found.design.left_out == {"no outcome": 2, "a covariate is missing": 1}
    assert found.glance()["n_left_out"].tolist() == [3]


def test_a_study_is_fitted_as_it_is() -> None:
    study = load_sample("trial")
    assert isinstance(study, Study)
    model = MMRM("change ~ baseline * visit + treatment * visit", ddf="satterthwaite")
    days = [7, 14, 21, 28]
    found = model.fit(study.longitudinal(days=days))
    assert found.design.visits.tolist() == days
    whole = MMRM("change ~ baseline + visit + treatment", covariance="cs", ddf="residual").fit(
        study
    )
    assert whole.glance()["n_obs"].iloc[0] == study.longitudinal()["change"].notna().sum()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MMRM("change ~ baseline *"), SpecError, "cannot be read"),
        (lambda: MMRM("~ visit"), SpecError, "needs one outcome on the left"),
        (lambda: MMRM(MODEL, covariance="un"), UnknownNameError, "Did you mean 'us'"),
        (lambda: MMRM(MODEL, covariance=3), SpecError, "a name or a Covariance"),  # type: ignore[arg-type]
        (lambda: MMRM(MODEL, ddf="kr"), SpecError, "ddf must be one of"),  # type: ignore[arg-type]
        (lambda: MMRM(MODEL, vcov="empirical"), SpecError, "Kenward-Roger adjusts the model's own"),
        (lambda: MMRM(MODEL).fit(simulated().drop(columns="arm")), DataError, "no column 'arm'"),
        (lambda: MMRM(MODEL).fit(simulated(), visit="week"), DataError, "no column 'week'"),
        (lambda: MMRM(MODEL).fit(pd.concat([simulated()] * 2)), DataError, "repeat a subject and"),
        (lambda: MMRM(MODEL).fit(simulated().assign(y=np.nan)), NotEstimableError, "No row has"),
        (lambda: MMRM(MODEL, group="visit").fit(simulated()), SpecError, "changes between visits"),
        (
            lambda: MMRM(MODEL, rating_weights="y").fit(simulated()),
            SpecError,
            "must be positive numbers",
        ),
        (lambda: MMRM("y ~ visit").fit(simulated(3)), NotEstimableError, "Try fewer parameters"),
        (lambda: MMRM("y ~ visit").fit(simulated(1, gone=0)), NotEstimableError, "too few for 4"),
    ],
)
def test_unusable(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_it_travels_and_shows_itself() -> None:
    spec = MMRM(FORMULA, group="arm", rating_weights="w")
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert repr(spec) == (
        "Mixed model for repeated measures\n"
        "  Formula             chg ~ madrs_bl * visit + arm * visit + site\n"
        "  Covariance          unstructured\n"
        "  Estimation          REML\n"
        "  Degrees of freedom  kenward-roger\n"
        "  Covariance by       arm\n"
        "  Rating weights      w"
    )
    found = MMRM("y ~ visit + arm").fit(simulated())
    assert pickle.loads(pickle.dumps(found)).loglik == found.loglik


def test_kenward_roger_with_and_without_curvature() -> None:
    """Second derivatives move the errors where a covariance is curved in its parameters."""
    frame = simulated(n=40)
    tables = {
        (kind, ddf): MMRM(MODEL, covariance=kind, ddf=ddf).fit(frame).tidy()  # type: ignore[arg-type]
        for kind in ("ar1", "us")
        for ddf in ("kenward-roger", "kenward-roger-linear")
    }
    methods = ("kenward-roger", "kenward-roger-linear")
    curved, linear = (tables["ar1", d]["std_error"] for d in methods)
    assert np.abs(curved / linear - 1).max() > 1e-5
    pd.testing.assert_frame_equal(*(tables["us", d] for d in methods))
