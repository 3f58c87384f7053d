"""Bad input: a refusal in our words or a result with reasons, never a foreign error."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, TrdstatsError, TrdstatsWarning

N = 36
RNG = np.random.default_rng(0)
BASE = pd.DataFrame(
    {
        "subject": [f"s{i}" for i in range(N)],
        "treatment": np.resize(["a", "b"], N),
        "site": np.repeat(["x", "y"], N // 2),
        "age": RNG.normal(50, 10, N),
        "met": RNG.integers(0, 2, N),
        "score": RNG.integers(0, 40, N).astype(float),
        "band": pd.Categorical(
            RNG.permutation(np.resize(["none", "mild", "severe"], N)),
            categories=["none", "mild", "severe"],
            ordered=True,
        ),
        "w": 1.0,
    }
)
NO_BAND = pd.Categorical([None] * N, categories=["none", "mild"], ordered=True)

FRAMES: dict[str, pd.DataFrame] = {
    "texts": BASE.assign(met="yes", score="mild", band="mild"),
    "some texts": BASE.assign(met=np.resize(["0", "1", "yes"], N), score=np.resize(["1", "x"], N)),
    "dates": BASE.assign(score=pd.date_range("2026-01-01", periods=N), met=pd.Timestamp("2026")),
    "missing treatment": BASE.assign(treatment=BASE["treatment"].where(BASE.index > 3)),
    "one arm": BASE.assign(treatment="a"),
    "all events": BASE.assign(met=1, score=5.0, band=NO_BAND.fillna("mild")),
    "no outcome": BASE.assign(met=np.nan, score=np.nan, band=NO_BAND),
    "one arm without outcome": BASE.assign(
        met=BASE["met"].where(BASE["treatment"] == "a"),
        score=BASE["score"].where(BASE["treatment"] == "a"),
        band=BASE["band"].where(BASE["treatment"] == "a"),
    ),
    "infinite": BASE.assign(score=np.inf, age=np.inf),
    "missing covariate": BASE.assign(age=BASE["age"].where(BASE.index > 0)),
    "constant covariate": BASE.assign(age=3.0),
    "tiny units": BASE.assign(age=BASE["age"] * 1e-9),
    "separated": BASE.assign(met=(BASE["treatment"] == "b").astype(int)),
    "empty": BASE.iloc[:0],
    "one row": BASE.iloc[:1],
    "two rows": BASE.iloc[:2],
    "a subject twice": pd.concat([BASE, BASE.iloc[:1]]),
    "no subjects": BASE.drop(columns="subject"),
    "nullable": BASE.assign(met=BASE["met"].astype("Int64").where(BASE.index > 2)),
    "weights of 0": BASE.assign(w=0.0),
    "negative weights": BASE.assign(w=-1.0),
    "one arm with weights of 0": BASE.assign(w=np.where(BASE["treatment"] == "a", 1.0, 0.0)),
}
SPECS: dict[str, Any] = {
    "logistic": trd.Logistic("met ~ treatment + age"),
    "firth": trd.Logistic("met ~ treatment * site", penalty="firth"),
    "ordinal": trd.ProportionalOdds("band ~ treatment + age"),
    "ranks": trd.RankComparison("score", better="lower", covariates="age"),
    "strata": trd.RankComparison("score", better="lower", strata=["site"], covariates="age"),
    "factorial": trd.Factorial("treatment", "site", outcome="met", covariates="age"),
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("frame", FRAMES)
def test_no_foreign_error_and_no_number_without_an_error(frame: str, name: str) -> None:
    weighted = name in ("logistic", "firth", "ordinal")
    given = {"weights": "w"} if weighted and "weights" in frame else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrdstatsWarning)
        try:
            result = SPECS[name].fit(FRAMES[frame], **given)
        except TrdstatsError:
            return
        rows = result.tidy()
        assert repr(result)
        if hasattr(result, "margins"):
            assert repr(result.margins())
    by_limits = rows["measure"].eq("shift") if "measure" in rows else False
    unsure = rows["std_error"].isna() & ~by_limits
    assert (rows.loc[unsure, "reason"] != "").all()
    assert not (rows["std_error"] < 1e-9).any()


def test_units_in_which_no_odds_ratio_can_be_said() -> None:
    with pytest.raises(SpecError, match="one unit of age is beyond what a number can hold"):
        trd.Logistic("met ~ treatment + age").fit(FRAMES["tiny units"])


@pytest.mark.parametrize("outcome", ["score", "severity"])
def test_a_day_without_visits(outcome: str) -> None:
    study = trd.load_sample("trial")
    with pytest.raises(trd.errors.UnknownNameError, match="No visit is scheduled at day 29"):
        trd.ProportionalOdds("treatment", outcome=outcome, day=29).fit(study)


def test_spans_of_time_are_no_numbers() -> None:
    days = pd.Series(pd.to_timedelta(np.arange(N), unit="D")).where(BASE.index > 2)
    with pytest.raises(trd.errors.DataError, match="33 rows are no finite number"):
        trd.RankComparison("score", better="higher").fit(BASE.assign(score=days))


@pytest.mark.parametrize("name", ["measure", "test", "category", "quantity", "effect", "reference"])
def test_what_is_compared_is_called_as_no_column_of_results(name: str) -> None:
    with pytest.raises(SpecError, match=f"a column '{name}' already: rename"):
        trd.RankComparison("score", by=name, better="higher")
    with pytest.raises(SpecError, match="rename"):
        trd.Logistic(f"met ~ {name}", by=name)
    with pytest.raises(SpecError, match="rename"):
        trd.ProportionalOdds(f"band ~ {name}", by=name)
    with pytest.raises(SpecError, match="rename"):
        trd.Factorial("treatment", name, outcome="met")
