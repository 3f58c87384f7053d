"""Boundary and separation of GLMMs, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import GLMM
from trdstats.errors import (
    DataError,
    EstimateWarning,
    NotEstimableError,
    SpecError,
)


@pytest.fixture(scope="module")
def alike() -> pd.DataFrame:
    """Return subjects who agree less than chance, so that their variance is 0."""
    rng = np.random.default_rng(1)
    n = 40
    x = np.repeat(rng.normal(size=n), 4)
    met = np.tile([1, 0, 1, 0, 0, 1, 0, 1], n // 2)
    subject = np.repeat(np.arange(n), 4)
    return pd.DataFrame({"subject": subject, "visit": np.tile(range(4), n), "x": x, "met": met})


def test_a_variance_of_0_is_reported_and_named(alike: pd.DataFrame) -> None:
    result = GLMM("met ~ x", points=9).fit(alike)
    assert result.boundary == ("var(Intercept)",)
    assert result.deviations.value.tolist() == [0.0]
    assert "var(Intercept) is estimated at 0, the boundary" in repr(result)
    test = result.test_random_effects().iloc[0]
    assert (test["statistic"], test["p_value"]) == pytest.approx((0.0, 1.0), abs=1e-8)
    components = result.variance_components().iloc[0]
    assert components["conf_low"] == 0
    assert components["conf_high"] > 0
    assert np.isnan(components["std_error"])
    # Without a variance it is a logistic regression of all ratings.
    slope = result.tidy().set_index("term").loc["x"]
    assert slope["std_error"] > 0
    assert result.glance()["at_boundary"].iloc[0]


def test_two_effects_at_the_boundary(alike: pd.DataFrame) -> None:
    frame = alike.assign(day=alike["visit"] * 7.0)
    result = GLMM("met ~ x", random="1 + day", points=5).fit(frame)
    assert result.boundary
    assert result.glance()["converged"].iloc[0]
    table = result.profile("x")
    assert "at its boundary" in table["reason"].iloc[0]


def test_a_separated_cell_is_nan_with_the_reason(small: pd.DataFrame) -> None:
    where = (small["treatment"] == "B") & (small["visit"] == 3)
    frame = small.assign(met=np.where(where, 1, small["met"]))
    spec = GLMM("met ~ treatment * visit", points=9)
    with pytest.warns(EstimateWarning, match=r"predict 40 ratings without error \(separation\)"):
        result = spec.fit(frame)
    table = result.tidy().set_index("term")
    lost = table.loc["treatment[T.B]:visit[T.3]"]
    assert np.isnan(lost["estimate"])
    assert "no finite estimate: treatment[T.B]:visit[T.3]" in lost["reason"]
    assert np.isfinite(table["estimate"].drop("treatment[T.B]:visit[T.3]")).all()
    risks = result.margins("treatment", by="visit").tidy()
    row = risks[(risks["treatment"] == "B") & (risks["visit"] == 3)].iloc[0]
    assert np.isnan(row["estimate"])
    assert "separation" in row["reason"]
    assert np.isfinite(risks["estimate"]).sum() == 7
    # The other coefficients are those of the ratings that are left.
    with pytest.warns(EstimateWarning, match="collinear"):
        rest = spec.fit(frame[~where])
    others = rest.tidy()["estimate"].to_numpy()
    assert table["estimate"].to_numpy() == pytest.approx(others, abs=1e-6, nan_ok=True)


def test_collinear_columns_are_named(small: pd.DataFrame) -> None:
    frame = small.assign(twice=2.0 * (small["treatment"] == "B"))
    with pytest.warns(EstimateWarning, match=r"1 of 3 columns are collinear \(aliased\)"):
        result = GLMM("met ~ treatment + twice", points=5).fit(frame)
    table = result.tidy().set_index("term")
    assert np.isnan(table.loc["twice", "estimate"])
    assert "collinear" in table.loc["twice", "reason"]


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"link": "log"}, "for risk ratios use margins"),
        ({"family": "ordinal", "link": "probit"}, "family='ordinal' takes link='logit'"),
        ({"random": "1 | subject"}, r"The subject is named in fit\(..., subject=...\)"),
        ({"random": "0"}, "names no random effect"),
        ({"points": 0}, "points must be between 1"),
        ({"points": 500}, "points must be between 1"),
        ({"vcov": "sandwich"}, "vcov"),
        ({"family": "normal"}, "family"),
        ({"formula": "met ~ 0 + treatment", "family": "ordinal"}, "leaves the intercept out"),
    ],
)
def test_specifications(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        GLMM(**{"formula": "met ~ treatment", **options})


def test_effects_that_cannot_be(small: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match="names 3 random effects"):
        GLMM("met ~ treatment", random="1 + day + I(day**2)").fit(small)
    with pytest.raises(SpecError, match="'treatment' has categories"):
        GLMM("met ~ treatment", random="1 + treatment").fit(small)
    with pytest.raises(SpecError, match=r"'day' lies far from 0 \(mean 45,01"):
        GLMM("met ~ treatment", random="1 + day").fit(small.assign(day=small["day"] + 45_000))
    with pytest.raises(SpecError, match="cannot be told apart"):
        GLMM("met ~ treatment", random="1 + one").fit(small.assign(one=1.0))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f: f.assign(met=np.where(f["met"] == 1, "yes", "no")), DataError, "which entry is"),
        (lambda f: f.assign(met=f["met"] + 1), DataError, "is not 0 or 1"),
        (lambda f: f.assign(met=1), NotEstimableError, "is 1 in all 320 ratings"),
        (lambda f: f[f["subject"] == "S00"], NotEstimableError, "There is one subject"),
        (lambda f: f[f["visit"] == 0], NotEstimableError, "Every subject has one rating"),
        (
            lambda f: f.assign(met=f.groupby("subject")["met"].transform("first")),
            NotEstimableError,
            "has the same 'met' at all ratings",
        ),
        (lambda f: f.drop(columns="met"), DataError, "met"),
        (lambda f: pd.concat([f, f]), DataError, "repeat a subject and visit"),
        (lambda f: f.assign(met=np.nan), NotEstimableError, "No row has an outcome"),
    ],
)
def test_outcomes_that_cannot_be(
    small: pd.DataFrame, change: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        GLMM("met ~ treatment", points=5).fit(change(small))


def test_ordinal_outcomes_that_cannot_be(small: pd.DataFrame) -> None:
    spec = GLMM("band ~ treatment", family="ordinal", points=5)
    text = small.assign(band=np.where(small["met"] == 1, "mild", "severe"))
    with pytest.raises(DataError, match="has categories without an order"):
        spec.fit(text)
    rng = np.random.default_rng(2)
    steps = rng.integers(0, 2, len(small)) + 2 * (small["treatment"] == "B")
    with pytest.raises(NotEstimableError, match=r"are separated: treatment\[T.B\] predict"):
        spec.fit(small.assign(band=steps))


def test_everything_separated(small: pd.DataFrame) -> None:
    frame = small.assign(met=(small["visit"] >= 2).astype(int))
    with pytest.raises(NotEstimableError, match="predict all 320 ratings without error"):
        GLMM("met ~ visit", points=5).fit(frame)


def test_words_of_the_specification() -> None:
    text = repr(GLMM("met ~ treatment", random="1 + day", correlated=False, points=1))
    for words in ("binomial, logit link", "1 + day, uncorrelated", "1 (Laplace)"):
        assert words in text
