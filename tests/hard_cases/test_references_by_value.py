"""A reference arm that is a number is found by its value, wherever a reference is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError

TEXT = ("a", "b", "c")
NUMBERS = (5, 10, 25)
N = 120


@cache
def _frame(arms: tuple[Any, ...]) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    event, end = rng.exponential(30, N).round() + 1, rng.uniform(5, 60, N).round()
    return pd.DataFrame(
        {"subject": np.arange(N), "treatment": [arms[i % len(arms)] for i in range(N)],
         "time": np.minimum(event, end), "status": (event <= end).astype(int),
         "x": rng.normal(size=N), "y": (rng.random(N) < 0.4).astype(float)}
    )  # fmt: skip


@cache
def _study(arms: tuple[Any, ...]) -> trd.Study:
    frame = _frame(arms)[["subject", "treatment", "x", "y"]]
    frame = frame.assign(s=np.arange(N) // 3 % 2)
    before = frame.assign(day=0, score=30)
    after = frame.assign(day=28, score=np.where(frame["y"] == 1, 10, 25))
    visits = pd.concat([before, after]).drop(columns="y")
    return trd.Study(visits, scale="MADRS", windows={a: {28: 3} for a in arms})


def _published(arms: tuple[Any, ...]) -> trd.PublishedTrial:
    return trd.PublishedTrial(
        "T", {"x": 0.1}, {"x": 1.0},
        (trd.PublishedArm(arms[2], 40, events=10), trd.PublishedArm(arms[1], 40, events=20)),
    )  # fmt: skip


def _times(arms: tuple[Any, ...]) -> trd.EventTimes:
    return trd.EventTimes(_frame(arms))


def _indirect(arms: tuple[Any, ...]) -> dict[str, Any]:
    return {"treatment": arms[2], "comparator": arms[2], "anchor": arms[1]}


BY_ARM = "treatment + x"
ANALYSES: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "rates": lambda a: trd.rates(_study(a), trd.Response(), day=28, reference=a[1]).tidy(),
    "KaplanMeier": lambda a: trd.KaplanMeier().fit(_times(a)).contrasts([20], reference=a[1]),
    "AalenJohansen": lambda a: trd.AalenJohansen().fit(_times(a)).contrasts([20], reference=a[1]),
    "Turnbull": lambda a: trd.Turnbull().fit(_times(a)).restricted_mean(20, reference=a[1]),
    "RMST": lambda a: trd.RMST(20, reference=a[1]).fit(_times(a)).tidy(),
    "Cox contrasts": lambda a: (
        trd.CoxPH(BY_ARM).fit(_times(a)).marginal(days=[20]).contrasts(reference=a[1])
    ),
    "Cox among": lambda a: trd.CoxPH(BY_ARM).fit(_times(a)).marginal(days=[20], among=a[1]).tidy(),
    "Standardisation": lambda a: (
        trd.Standardisation(BY_ARM, outcome="y", reference=a[1], estimand="att", treated=a[2])
        .fit(_frame(a))
        .tidy()
    ),
    "Standardisation, Weibull": lambda a: (
        trd.Standardisation(BY_ARM, days=(20,), reference=a[1], model="weibull", estimand="att",
                            treated=a[2]).fit(_times(a)).tidy()
    ),
    "AIPW": lambda a: trd.AIPW(BY_ARM, "x", outcome="y", reference=a[1]).fit(_frame(a)).tidy(),
    "IPCW": lambda a: trd.IPCW("x", days=(20,), reference=a[1]).fit(_times(a)).tidy(),
    "Matching": lambda a: trd.Matching("x", treated=a[2], control=a[1]).fit(_frame(a)).glance(),
    "PropensityWeights": lambda a: (
        trd.PropensityWeights("x", estimand="att", treated=a[1]).fit(_study(a)).weights["weight"]
    ),
    "compare": lambda a: (
        trd.compare(_study(a), adjust="x", reference=a[1], n_boot=2, outcomes=("rate",)).tidy()
    ),
    "stratified_rates": lambda a: (
        trd.stratified_rates(_study(a), trd.Response(), day=28, strata="s", reference=a[1]).tidy()
    ),
    "change_from_baseline": lambda a: (
        trd.change_from_baseline(_study(a), day=dict.fromkeys(a, 28)).drop(columns="treatment")
    ),
    "only": lambda a: (
        _times(a).only(a[1:]).frame["subject"], _study(a).only(a[1:]).subjects["subject"],
    )[1],
    "PublishedTrial": lambda a: pd.Series(
        _published(a).contrast(a[2], a[1], "odds ratio").estimate
    ),
    "MAIC": lambda a: (
        trd.MAIC(_published(a).means).fit(_frame(a))
        .compare(_published(a), outcome="y", **_indirect(a)).tidy()
    ),
    "STC": lambda a: trd.STC(outcome="y").fit(_frame(a), _published(a), **_indirect(a)).tidy(),
}  # fmt: skip


def _renamed(table: Any) -> Any:
    """Return the table with the numbers' labels in place of the texts."""
    words = {t: str(n) for t, n in zip(TEXT, NUMBERS, strict=True)}

    def renamed(value: Any) -> Any:
        return words.get(value, value) if isinstance(value, str) else value

    if isinstance(table, pd.Series):
        return table
    return table.apply(lambda c: c if c.dtype.kind in "fiub" else c.astype(object).map(renamed))


@pytest.mark.parametrize("name", ANALYSES)
def test_numbers_name_arms_as_texts_do(name: str) -> None:
    analysis = ANALYSES[name]
    number, text = analysis(NUMBERS), _renamed(analysis(TEXT))
    if isinstance(number, pd.Series):
        pd.testing.assert_series_equal(number, text)
        return
    kept = [c for c in number if c not in ("comparison", "note")]
    pd.testing.assert_frame_equal(
        number[kept].astype(object), text[kept].astype(object), check_dtype=False
    )


@pytest.mark.parametrize("name", ["10", 10.0, np.int64(10)])
def test_a_number_is_the_same_level_however_it_is_kept(name: Any) -> None:
    assert trd.RMST(20, reference=name).fit(_times(NUMBERS)).reference == "10"
    table = trd.rates(_study(NUMBERS), trd.Response(), day=28, reference=name).tidy()
    assert set(table["reference"].dropna()) - {""} == {"10"}


def test_truth_values_are_levels() -> None:
    table = trd.KaplanMeier().fit(_times((False, True))).contrasts([20], reference=True)
    assert table[["treatment", "reference"]].to_numpy().tolist() == [["False", "True"]]


def test_other_references_are_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown group '7'. Did you mean"):
        trd.RMST(20, reference=7).fit(_times((7.5, 17)))
    with pytest.raises(SpecError, match="reference must be a number or True or False or a text"):
        trd.RMST(20, reference=[10])  # type: ignore[arg-type]
