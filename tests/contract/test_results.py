"""Every public result says the same things in the same words.

The vocabulary, dtypes and units of `tidy()`, the consistency of error, statistic and limits, the
form of `influence()`, pickling, one text for all faces, and cautions that travel along.
"""

from __future__ import annotations

import importlib
import pickle
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_of_everything import MAKERS

import trdstats
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.scales import transform
from trdstats.estimates.table import STATISTICS
from trdstats.tables import SummaryMixin

VOCABULARY = set(STATISTICS)
# Results whose table is something else than estimates, and what it is.
NOT_ESTIMATES = {
    "LogRankResult": "a test",
    "MaxComboResult": "a test",
    "GrayTestResult": "a test",
    "ProportionalHazardsTest": "a test",
    "IntervalLogRankResult": "a test",
    "MatchingResult": "balance of covariates; estimate() returns estimates",
    "EValue": "numbers about an estimate",
}
# Curves: `tidy()` is the curve with the numbers at risk, `estimates(days)` what holds at some days.
CURVES = {
    "KaplanMeierResult", "AalenJohansenResult", "MeanCumulativeResult", "TurnbullResult",
    "DurationCurveResult", "DurationNPMLEResult",
    "ResponseStateResult", "IntervalResponseStateResult", "MarginalCurves",
}  # fmt: skip


# Whole rooms are imported, so that a result that nobody listed is found.
def _classes_of(base: type) -> Iterator[type]:
    for derived in base.__subclasses__():
        yield derived
        yield from _classes_of(derived)


def test_every_result_with_estimates_is_walked() -> None:
    for module in pkgutil.walk_packages(trdstats.__path__, "trdstats."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    leaves = {
        c.__name__
        for c in _classes_of(EstimateResult)
        if c.__module__.startswith("trdstats.") and not c.__subclasses__()
    }
    assert not leaves - set(MAKERS)


def test_tables_are_written_by_few_hands() -> None:
    """Results say what they estimated or keep a frame; `tidy` follows."""
    sources = Path(trdstats.__file__).parent.rglob("*.py")
    assert sum(s.read_text("utf-8").count("def tidy(") for s in sources) <= 25


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.mark.parametrize("name", MAKERS)
def test_a_result_travels_and_shows_itself(name: str, made: dict[str, Any]) -> None:
    result = made[name]
    assert isinstance(result, SummaryMixin)
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())
    summary = result.summary()
    assert repr(result) == summary.to_text()
    assert result._repr_html_() == summary.to_html()
    assert " object at 0x" not in repr(result)


@pytest.mark.parametrize("name", MAKERS)
def test_numbers_are_numbers(name: str, made: dict[str, Any]) -> None:
    table = made[name].tidy()
    for column in VOCABULARY & set(table.columns) - {"scale", "reason"}:
        assert table[column].dtype == np.float64, column


def holding_estimates() -> list[str]:
    return [name for name in MAKERS if name not in NOT_ESTIMATES]


def estimates_of_result(name: str, result: Any) -> Estimates:
    return result.estimates(days=[14, 28]) if name in CURVES else result.estimates()


@pytest.mark.parametrize("name", holding_estimates())
def test_results_hold_estimates(name: str, made: dict[str, Any]) -> None:
    result = made[name]
    assert isinstance(result, EstimateResult)
    found = estimates_of_result(name, result)
    assert isinstance(found, Estimates)
    table = found.tidy() if name in CURVES else result.tidy()
    assert list(table.columns[-len(STATISTICS) :]) == list(STATISTICS)
    assert len(table) == len(found)


@pytest.mark.parametrize("name", holding_estimates())
def test_error_statistic_and_limits_agree(name: str, made: dict[str, Any]) -> None:
    found = estimates_of_result(name, made[name])
    table = found.tidy(conf_level=0.9)
    assert (table["conf_level"] == 0.9).all()
    inside = table["conf_low"].isna() | (
        (table["conf_low"] <= table["estimate"]) & (table["estimate"] <= table["conf_high"])
    )
    assert inside.all()
    gap = transform(found.value, found.scale) - transform(found.null, found.scale)
    known = table["statistic"].notna().to_numpy()
    error = table["std_error"].to_numpy()
    assert (gap / error)[known] == pytest.approx(table["statistic"].to_numpy()[known], rel=1e-9)
    lost = table["estimate"].isna()
    assert (table.loc[lost, "reason"] != "").all()


@pytest.mark.parametrize("name", holding_estimates())
def test_influence_gives_the_variance(name: str, made: dict[str, Any]) -> None:
    found = estimates_of_result(name, made[name])
    if found.influences is None:
        with pytest.raises(trdstats.errors.NotEstimableError, match="not a sum over subjects"):
            found.influence()
        return
    frame = found.influence()
    assert frame.columns[0] == "subject"
    assert list(frame.columns[1:]) == found.labels()
    assert frame["subject"].is_unique
    squares = (found.influences**2).sum(axis=0)
    # Estimates beside others may come from resamples: their columns are NaN, never 0.
    known = np.isfinite(found.std_error) & ~np.isnan(found.influences).all(axis=0)
    assert known.any()
    # Model-based variances (Greenwood's, an inverse information) and squared influences estimate
    # the same thing; with the thirty subjects a group of this study they differ by a tenth.
    assert np.sqrt(squares)[known] == pytest.approx(found.std_error[known], rel=0.25)
