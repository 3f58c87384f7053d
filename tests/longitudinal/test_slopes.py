"""Slopes by group, means over existing cells, predictions of new subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution

from trdstats import LMM, MMRM
from trdstats.errors import SpecError, UnknownNameError


def trial(n: int = 60, T: int = 5, *, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = np.array(["A", "B", "C"])[np.arange(n) % 3]
    day = np.tile(7.0 * np.arange(1, T + 1), (n, 1)) + rng.integers(-2, 3, (n, T))
    slope = {"A": -0.1, "B": -0.2, "C": -0.4}
    y = 30 + 4 * rng.normal(size=(n, 1)) + np.array([slope[a] for a in arm])[:, None] * day
    y = y + 2 * rng.normal(size=(n, T))
    return pd.DataFrame(
        {"subject": np.repeat(np.arange(n), T), "arm": np.repeat(arm, T), "day": day.ravel(),
         "visit": np.tile(7 * np.arange(1, T + 1), n), "age": np.repeat(rng.normal(45, 9, n), T),
         "y": y.ravel()}
    )  # fmt: skip


def test_slopes_are_sums_of_coefficients() -> None:
    fit = LMM("y ~ day * arm + age", random="1 + day").fit(trial())
    table = fit.tidy().set_index("term")["estimate"]
    slopes = fit.slopes("day", by="arm").tidy()
    expected = [table["day"]] + [table["day"] + table[f"day:arm[T.{a}]"] for a in "BC"]
    assert slopes["estimate"].to_numpy() == pytest.approx(np.array(expected), rel=1e-9)
    contrasts = fit.slopes("day", by="arm").contrasts(reference="A").tidy()
    own = fit.tidy().set_index("term").loc[["day:arm[T.B]", "day:arm[T.C]"]]
    for column in ("estimate", "std_error", "df", "p_value"):
        assert contrasts[column].to_numpy() == pytest.approx(own[column].to_numpy(), rel=1e-6)
    assert "Slopes of day" in repr(fit.slopes("day", by="arm"))
    assert "Differences of slopes of day" in repr(fit.slopes("day", by="arm").contrasts())


def test_a_slope_that_changes_is_that_at_a_day() -> None:
    fit = LMM("y ~ (day + I(day**2)) * arm").fit(trial())
    table = fit.tidy().set_index("term")["estimate"]
    found = fit.slopes("day", by="arm", at={"day": 21}).tidy()["estimate"].iloc[0]
    quadratic = next(v for k, v in table.items() if "**" in str(k) and ":" not in str(k))
    assert found == pytest.approx(table["day"] + 42 * quadratic, rel=1e-6)


def test_words_of_slopes() -> None:
    fit = LMM("y ~ day * arm").fit(trial())
    with pytest.raises(SpecError, match="'arm' is a category and has no slope"):
        fit.slopes("arm", by="arm")
    with pytest.raises(UnknownNameError, match="'week'"):
        fit.slopes("week", by="arm")
    with pytest.raises(SpecError, match="'day' is a number"):
        fit.slopes("day", by="day")


def test_means_over_existing_cells() -> None:
    """Sites within countries: each country's mean is over its own two sites."""
    rng = np.random.default_rng(4)
    site = np.repeat(["a1", "a2", "b1", "b2"], 30)
    frame = pd.DataFrame(
        {"subject": np.arange(120), "visit": 1, "site": site, "country": [s[0] for s in site],
         "y": 10 + 3 * (site == "b1") + rng.normal(size=120)}
    )  # fmt: skip
    with pytest.warns(match="collinear"):
        fit = MMRM("y ~ country + site", ddf="residual").fit(frame)
    means = frame.groupby("site")["y"].mean()
    found = fit.margins("country", weights="observed").tidy()["estimate"].to_numpy()
    expected = [means[["a1", "a2"]].mean(), means[["b1", "b2"]].mean()]
    assert found == pytest.approx(np.array(expected), rel=1e-9)
    assert fit.margins("country").tidy()["estimate"].isna().all()


def test_a_new_subject_of_an_mmrm_by_hand() -> None:
    """One arm, one visit: mean +- t s sqrt(1 + 1 / n), the prediction interval of a sample."""
    y = np.array([3.0, 5.0, 4.0, 8.0, 9.0, 7.0])
    frame = pd.DataFrame({"subject": range(6), "visit": 7, "y": y})
    fit = MMRM("y ~ 1", ddf="satterthwaite").fit(frame)
    row = fit.predict(pd.DataFrame({"visit": [7]}), interval="new subject").iloc[0]
    half = t_distribution.isf(0.025, 5) * y.std(ddof=1) * np.sqrt(1 + 1 / 6)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((6 - half, 6 + half), rel=1e-4)
    with pytest.raises(SpecError, match="needs the columns 'visit'"):
        fit.predict(pd.DataFrame({"x": [7]}), interval="new subject")
    with pytest.raises(SpecError, match="has no visit 14"):
        fit.predict(pd.DataFrame({"visit": [14]}), interval="new subject")


def test_a_new_subject_with_random_effects() -> None:
    frame = trial()
    fit = LMM("y ~ day * arm", random="1 + day").fit(frame)
    new = pd.DataFrame({"day": [0.0, 28.0], "arm": ["A", "C"]})
    mean = fit.predict(new)
    found = fit.predict(new, interval="new subject")
    G, s2 = fit.covariance.to_numpy(), fit.residual_variance
    for k, day in enumerate((0.0, 28.0)):
        z = np.array([1.0, day])
        variance = mean["std_error"].iloc[k] ** 2 + z @ G @ z + s2
        assert found["std_error"].iloc[k] == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert found["estimate"].tolist() == mean["estimate"].tolist()
    with pytest.raises(SpecError, match="needs the columns 'week'"):
        LMM("y ~ arm", random="1 + week").fit(frame.assign(week=frame["day"] / 7)).predict(
            new, interval="new subject"
        )


def test_predictions_of_the_analysed_rows() -> None:
    frame = trial()
    fit = MMRM("y ~ arm * visit").fit(frame)
    found = fit.predict()
    assert found["subject"].tolist() == frame["subject"].tolist()
    assert found["estimate"].to_numpy() == pytest.approx(fit.residuals()["fitted"].to_numpy())
    wide = fit.predict(interval="new subject")
    inside = (frame["y"] > wide["conf_low"]) & (frame["y"] < wide["conf_high"])
    assert 0.92 < inside.mean() < 0.98


def test_autocorrelation_by_hand() -> None:
    """Two subjects with residuals (1, -1, 1) and (-1, 1, -1): -1 at one visit, 1 at two."""
    frame = pd.DataFrame(
        {"subject": [1, 1, 1, 2, 2, 2], "visit": [1, 2, 3] * 2, "y": [1.0, -1, 1, -1, 1, -1]}
    )
    fit = MMRM("y ~ 1", covariance="ind", ddf="residual").fit(frame)
    table = fit.residual_autocorrelation("marginal")
    assert table["lag"].tolist() == [1, 2]
    assert table["autocorrelation"].tolist() == pytest.approx([-1, 1])
    assert table["n_pairs"].tolist() == [4, 2]
    assert table["conf_high"].tolist() == pytest.approx([1.959964 / 2, 1.959964 / 2**0.5])


def test_normalised_residuals_of_the_right_covariance_have_none() -> None:
    rng = np.random.default_rng(0)
    n, T = 300, 6
    root = np.linalg.cholesky(0.7 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T))))
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), T), "visit": np.tile(np.arange(T), n),
         "y": (rng.normal(size=(n, T)) @ root.T).ravel()}
    )  # fmt: skip
    right = MMRM("y ~ visit", covariance="ar1").fit(frame)
    wrong = MMRM("y ~ visit", covariance="ind", ddf="satterthwaite").fit(frame)
    assert right.residual_autocorrelation()["autocorrelation"].abs().max() < 0.1
    assert wrong.residual_autocorrelation()["autocorrelation"].iloc[0] == pytest.approx(
        0.7, abs=0.06
    )
    ax = right.plot_autocorrelation()
    assert ax.get_xlabel() == "Distance in visits"
    assert len(ax.collections) >= 5
    intercept = LMM("y ~ C(visit)").fit(frame)
    table = intercept.residual_autocorrelation("conditional")
    assert table["autocorrelation"].iloc[0] > 0.2
    assert intercept.plot_autocorrelation("conditional").get_xlabel() == "Distance in ratings"


def test_a_curve_that_is_odd_about_its_centre_is_no_line() -> None:
    """The slope of (x - 17)^3 at 17 is 0; over the range of the days it is not."""
    fit = LMM("y ~ I((day - 17)**3) * arm").fit(trial())
    slopes = fit.slopes("day", by="arm", at={"day": 17}).tidy()["estimate"]
    steep = fit.slopes("day", by="arm", at={"day": 27}).tidy()["estimate"]
    assert (slopes.abs() < 1e-5 * steep.abs()).all()


def test_a_slope_of_a_spline_at_a_day_near_an_end() -> None:
    fit = LMM("y ~ bs(day, df=4) * arm").fit(trial())
    found = fit.slopes("day", by="arm", at={"day": 9}).tidy()["estimate"]
    up, down = (fit.margins("arm", at={"day": d}).tidy()["estimate"] for d in (9.001, 8.999))
    assert found.to_numpy() == pytest.approx((up - down).to_numpy() / 0.002, rel=1e-4)
    for wrong, words in ((np.nan, "finite number"), (np.inf, "finite number"), ("x", "a number")):
        with pytest.raises(SpecError, match=words):
            fit.slopes("day", by="arm", at={"day": wrong})
        with pytest.raises(SpecError, match=words):
            fit.margins("arm", at={"day": wrong})
