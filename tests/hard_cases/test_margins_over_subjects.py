"""Population means of rated outcomes count subjects, not ratings, and say whom they leave out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Subjects with a high x have four ratings, others one or two; the first six have none."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(120):
        x, arm = rng.normal(), "AB"[i % 2]
        kept = 0 if i < 6 else 4 if x > 0 else int(rng.integers(1, 3))
        for k in range(4):
            p = 1 / (1 + np.exp(-(0.8 * x + 0.7 * (arm == "B") + 0.2 * k)))
            met = float(rng.random() < p) if k < kept else np.nan
            rows.append((i, arm, 7 * (k + 1), met, x, 1.0 + i % 3))
    columns = ["subject", "treatment", "visit", "met", "x", "weight"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("weights", [None, "weight"])
def test_each_subject_counts_once_or_with_its_weight(
    table: pd.DataFrame, weights: str | None
) -> None:
    fit = trd.GEE("met ~ treatment + x", family="binomial").fit(table, weights=weights)
    b = fit.tidy().set_index("term")["estimate"]
    rated = table.dropna().drop_duplicates("subject")
    w = np.ones(len(rated)) if weights is None else rated["weight"].to_numpy()
    by_hand = [
        np.average(1 / (1 + np.exp(-(b["Intercept"] + arm + b["x"] * rated["x"]))), weights=w)
        for arm in (0.0, b["treatment[T.B]"])
    ]
    means = fit.margins("treatment")
    np.testing.assert_allclose(means.tidy()["estimate"], by_hand, rtol=1e-12)
    # Over ratings it would be another number: the well-rated have a high x.
    ratings = table.dropna()["x"]
    assert abs(ratings.mean() - rated["x"].mean()) > 0.1
    (note,) = means.estimates().notes
    counted = "counted once" if weights is None else "with its weight"
    assert "the 114 analysed subjects (6 others have no analysed rating), each " + counted in note


def test_a_model_with_random_effects_says_the_same(table: pd.DataFrame) -> None:
    (note,) = trd.GLMM("met ~ treatment + x").fit(table).margins("treatment").estimates().notes
    assert "114 analysed subjects (6 others have no analysed rating), each counted once" in note


def test_fixed_covariates_are_at_the_mean_of_the_ratings(table: pd.DataFrame) -> None:
    fit = trd.GEE("met ~ treatment + x", family="binomial").fit(table)
    b = fit.tidy().set_index("term")["estimate"]
    means = fit.margins("treatment", covariates="fixed")
    expected = 1 / (1 + np.exp(-(b["Intercept"] + b["x"] * table.dropna()["x"].mean())))
    assert means.tidy()["estimate"].iloc[0] == pytest.approx(expected, rel=1e-12)
    assert "numbers at their mean over the analysed ratings" in means.estimates().notes[0]
