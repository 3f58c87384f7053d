"""Tables of odd shape are refused at the border, or read as what they say."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, DataWarning, TrdstatsError

VISITS = pd.DataFrame(
    [(s, t, d, y) for s, t in zip("ABCD", "xyxy", strict=True) for d, y in ((0, 30), (28, 14))],
    columns=["subject", "treatment", "day", "score"],
)
TIMES = pd.DataFrame(
    {"subject": list("ABCD"), "treatment": list("xyxy"), "time": [1.0, 2, 3, 4],
     "status": [1, 1, 0, 1], "age": [40.0, 50, 60, 45]}
)  # fmt: skip
LONG = pd.DataFrame(
    [
        (f"S{i}", "xy"[i % 2], v, float((7 * i + 3 * v) % 11), 30.0 + i)
        for i in range(12)
        for v in (1, 2)
    ],
    columns=["subject", "treatment", "visit", "change", "age"],
)

READERS: dict[str, tuple[pd.DataFrame, Callable[[Any], Any]]] = {
    "Study": (VISITS, lambda f: trd.Study(f, scale="MADRS")),
    "EventTimes": (TIMES, trd.EventTimes),
    "KaplanMeier": (TIMES, lambda f: trd.KaplanMeier().fit(f)),
    "CoxPH": (TIMES, lambda f: trd.CoxPH("age").fit(f)),
    "MMRM": (LONG, lambda f: trd.MMRM("change ~ age + treatment * visit").fit(f)),
    "LMM": (LONG, lambda f: trd.LMM("change ~ age + treatment * visit").fit(f)),
    "PropensityWeights": (LONG[::2], lambda f: trd.PropensityWeights("age").fit(f)),
    "adjust_p_values": (pd.DataFrame({"p_value": [0.1, 0.2]}), trd.adjust_p_values),
}
each_reader = pytest.mark.parametrize("name", list(READERS))


def read(name: str, change: Callable[[pd.DataFrame], Any]) -> Any:
    frame, reader = READERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", trd.errors.TrdstatsWarning)
        return reader(change(frame.copy()))


@each_reader
def test_column_names_of_two_levels(name: str) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.columns = pd.MultiIndex.from_product([["a"], frame.columns])
        return frame

    with pytest.raises(TrdstatsError, match="has column names of 2 levels"):
        read(name, change)


@each_reader
@pytest.mark.parametrize("label", [np.nan, None, pd.NaT])
def test_a_column_without_a_name(name: str, label: Any) -> None:
    with pytest.raises(TrdstatsError, match="has a column without a name"):
        read(name, lambda f: f.assign(odd=1).rename(columns={"odd": label}))


@each_reader
@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, (1,), {1}, np.array([1, 2])], ids=repr)
def test_cells_of_several_values(name: str, cell: Any) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame.iloc[:, -1].astype(object).tolist()
        values[0] = cell
        return frame.assign(**{frame.columns[-1]: pd.Series(values, dtype=object)}).reset_index(
            drop=True
        )

    with pytest.raises(DataError, match=r"holds? several values"):
        read(name, change)


@each_reader
def test_names_that_are_written_alike(name: str) -> None:
    with pytest.raises(TrdstatsError, match="columns that share a name: '1'"):
        read(name, lambda f: f.assign(a=1, b=2).rename(columns={"a": 1, "b": "1"}))


@pytest.mark.parametrize("kind", ["float16", "float32", "longdouble"])
def test_floats_of_any_width(kind: str) -> None:
    """float16 was a NotImplementedError of pandas."""
    ours = trd.Study(VISITS.astype({"day": kind, "score": kind}), scale="MADRS").visits
    assert ours.equals(trd.Study(VISITS, scale="MADRS").visits)


def test_columns_named_by_numbers_are_kept() -> None:
    study = trd.Study(VISITS.assign(a=range(8)).rename(columns={"a": 3}), scale="MADRS")
    assert study.visits["3"].tolist() == list(range(8))


@pytest.mark.parametrize("column", ["visit", "change", "scale"])
def test_a_reserved_name_and_its_replacement(column: str) -> None:
    said = f"a study keeps your '{column}' as '{column}_given'"
    with pytest.raises(DataError, match=said):
        trd.Study(VISITS.assign(**{column: 1, f"{column}_given": 2}), scale="MADRS")


@pytest.mark.parametrize("kind", [object, "category"])
def test_treatments_that_are_written_alike(kind: Any) -> None:
    """1 and "1" were one arm, or a ValueError of pandas."""
    arms = pd.Series([1, 1, "1", "1"] * 2, dtype=object).astype(kind)
    with pytest.raises(DataError, match="are a number in some rows and text in others"):
        trd.Study(VISITS.assign(treatment=arms), scale="MADRS")


def test_categories_that_differ_by_a_blank() -> None:
    arms = pd.Categorical(["x", "x", "x ", "x ", "y", "y", "y", "y"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert trd.Study(VISITS.assign(treatment=arms), scale="MADRS").treatments == ("x", "y")


@pytest.mark.parametrize("name", ["MMRM", "LMM", "CoxPH"])
def test_infinite_covariates(name: str) -> None:
    with pytest.raises(TrdstatsError, match="column 'age' is infinite"):
        read(name, lambda f: f.assign(age=f["age"].where(f.index != 1, np.inf)))


@pytest.mark.parametrize("name", ["MMRM", "LMM"])
def test_infinite_outcomes(name: str) -> None:
    with pytest.raises(TrdstatsError, match="column 'change' is infinite"):
        read(name, lambda f: f.assign(change=f["change"].where(f.index != 1, -np.inf)))
