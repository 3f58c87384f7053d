"""Categories that are declared and never rated have no probability, and results say so."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning

RATED = ("none", "mild", "moderate", "severe")
FORMULA = "severity ~ treatment * visit"
# Where in the order the category without a rating lies, and its name.
PLACES = [(0, "well"), (2, "middling"), (4, "extreme")]


@cache
def codes() -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for i in range(120):
        for k, visit in enumerate((7, 14, 28)):
            latent = rng.normal() + 0.5 * (i % 2) * k - 0.3 * k + rng.logistic()
            missing = k > 0 and rng.random() < 0.15
            code = np.nan if missing else float(np.digitize(latent, [-1, 0, 1.5]))
            rows.append((i, "AB"[i % 2], visit, code))
    return pd.DataFrame(rows, columns=["subject", "treatment", "visit", "severity"])


def table(place: int = 0, name: str | None = None) -> pd.DataFrame:
    levels = list(RATED)
    if name is not None:
        levels.insert(place, name)
    words = codes()["severity"].map(dict(enumerate(RATED)))
    return codes().assign(severity=pd.Categorical(words, categories=levels, ordered=True))


@pytest.mark.parametrize(("place", "name"), PLACES)
def test_models_say_which_category_has_no_rating(place: int, name: str) -> None:
    for spec in (trd.GLMM(FORMULA, family="ordinal"), trd.GEE(FORMULA, family="ordinal")):
        fit, plain = spec.fit(table(place, name)), spec.fit(table())
        words = f"No analysed rating in 1 category: {name}."
        assert words in str(fit)
        means = fit.margins("treatment", by="visit")
        assert any(words in note for note in means.estimates().notes)
        assert "No analysed rating" not in str(plain)
        # The others have the numbers that they have without it.
        pd.testing.assert_frame_equal(fit.tidy(), plain.tidy())


@pytest.mark.parametrize(("place", "name"), PLACES)
def test_an_imputation_says_what_it_never_imputes(place: int, name: str) -> None:
    spec = trd.GLMMImputation(trd.GLMM(FORMULA, family="ordinal"), n=4, seed=1)
    words = f"in 1 category: {name}. The cut points beside it cannot be estimated: no missing"
    with pytest.warns(EstimateWarning, match=words):
        draws = spec.draw(table(place, name))
    completed = draws.impute()
    assert words in str(draws)
    assert words in str(completed)
    plain = spec.draw(table()).impute()
    assert "cut points" not in str(plain)
    pd.testing.assert_frame_equal(completed.tidy(), plain.tidy())


def test_a_category_rated_only_after_events_that_set_its_ratings_aside() -> None:
    """Ratings that do not inform the model are none of its categories either."""
    data = table(4, "extreme")
    late = (data["visit"] == 28) & (data["subject"] < 4)
    data.loc[late, "severity"] = "extreme"
    events = pd.DataFrame({"subject": range(4), "visit": 28, "reason": "rescue"})
    events["strategy"] = "CR"
    spec = trd.GLMMImputation(trd.GLMM(FORMULA, family="ordinal"), n=4, seed=1)
    with pytest.warns(EstimateWarning, match="in 1 category: extreme"):
        spec.draw(data, events)


def test_imputed_categories_are_shown_in_their_order() -> None:
    spec = trd.GLMMImputation(trd.GLMM(FORMULA, family="ordinal"), n=4, seed=1)
    tables = spec.draw(table()).impute().summary().tables
    (shown,) = (t for t in tables if t.title == "Imputed severity")
    assert tuple(row[3] for row in shown.rows[:4]) == RATED
