"""Malformed tables end in an error that names the place, or in the right result.

A small sound study is damaged in one to three ways. What survives is recomputed by a plain loop
over the damaged table; whatever is raised must be an error of this library.
"""

from __future__ import annotations

import datetime
import math
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trdstats import (
    RMST,
    AalenJohansen,
    KaplanMeier,
    LogRank,
    Relapse,
    Response,
    Study,
    assess,
    rates,
    time_to,
)
from trdstats.errors import DataWarning, EstimateWarning, TrdstatsError, UnknownNameError

Mutation = Callable[[pd.DataFrame], pd.DataFrame]

ODD_VALUES: list[Any] = [
    None, np.nan, pd.NA, np.inf, -np.inf, -1, 61, 99, 1e300, 12.5, "", " ", "12", "n/a", "12,5",
    True, False, Decimal("12"), Decimal("12.5"), 3 + 4j, [1, 2], datetime.date(2026, 1, 1),
    pd.Timestamp("2026-01-01"), pd.Timedelta("1D"), b"12", np.float32(7), np.int8(5), {"a": 1},
]  # fmt: skip
COLUMNS = ["subject", "treatment", "day", "score"]


@st.composite
def sound_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Two to four subjects with a baseline and up to four visits."""
    rows = []
    for i in range(draw(st.integers(2, 4))):
        rows.append((f"S{i}", "ECT" if i % 2 else "TMS", 0, draw(st.integers(1, 60))))
        days = draw(st.lists(st.sampled_from([7, 14, 21, 28]), unique=True, max_size=4))
        rows += [(f"S{i}", "ECT" if i % 2 else "TMS", d, draw(st.integers(0, 60))) for d in days]
    return pd.DataFrame(rows, columns=COLUMNS)


def put(column: str, row: int, value: Any) -> Mutation:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        if column not in frame.columns or not len(frame):
            return frame
        values = list(frame[column])
        values[row % len(frame)] = value
        same = pd.Series(values, index=frame.index, dtype=object)
        # Left as objects, or as pandas would read them.
        return frame.assign(**{column: same if row % 2 else same.infer_objects()})

    return change


def cells() -> st.SearchStrategy[Mutation]:
    return st.builds(put, st.sampled_from(COLUMNS), st.integers(0, 30), st.sampled_from(ODD_VALUES))


SHAPES: list[Mutation] = [
    lambda f: f.drop(columns="score", errors="ignore"),
    lambda f: f.drop(columns="treatment", errors="ignore"),
    lambda f: f.rename(columns={"score": "madrs"}),
    lambda f: f.rename(columns=str.upper),
    lambda f: f.iloc[:0],
    lambda f: f.iloc[:1],
    lambda f: pd.concat([f, f.iloc[-1:]]),
    lambda f: pd.concat([f, f.iloc[:1].assign(score=0)]) if "score" in f else f,
    lambda f: f.iloc[::-1],
    lambda f: f.set_index(pd.Index(["x"] * len(f))),
    lambda f: f.set_index(pd.MultiIndex.from_arrays([range(len(f)), [0] * len(f)])),
    lambda f: pd.concat([f, f[["day"]]], axis=1) if "day" in f else f,
    lambda f: f.assign(treatment="TMS"),
    lambda f: f.assign(treatment=None),
    lambda f: f.assign(score=np.nan),
    lambda f: f.assign(day=np.nan),
    lambda f: f.assign(visit="week", change=1, baseline=2),
    lambda f: f.astype({"subject": "category"}) if "subject" in f else f,
    lambda f: f.convert_dtypes(),
    lambda f: f.assign(day=f["day"].astype(str)) if "day" in f else f,
    lambda f: f.assign(day=pd.to_datetime("2026-01-01")),
    lambda f: f.assign(subject=1),
    lambda f: f[f["day"].map(lambda d: d != 0)] if "day" in f and f.columns.is_unique else f,
]


def oracle(frame: pd.DataFrame) -> dict[str, Any]:
    """Recompute baseline, onset and response at day 28 by loops over the damaged table."""
    people: dict[str, list[tuple[float, float]]] = {}
    for row in frame.to_dict("records"):
        score = row["score"]
        missing = (
            score is None or score is pd.NA or (isinstance(score, float) and math.isnan(score))
        )
        rating = math.nan if missing else float(score)
        people.setdefault(str(row["subject"]), []).append((float(row["day"]), rating))
    result = {}
    for name, visits in people.items():
        rated = sorted((d, s) for d, s in visits if not math.isnan(s))
        before = [s for d, s in rated if d <= 0]
        base = before[-1] if before else math.nan
        after = [(d, s) for d, s in rated if d > 0]
        hit = next(
            (i for i, (_, s) in enumerate(after) if base > 0 and 2 * (base - s) >= base), None
        )
        if hit is None:
            last = after[-1][0] if after else 0.0
            onset = (last, math.inf, last, 0)
        else:
            onset = (after[hit - 1][0] if hit else 0.0, after[hit][0], after[hit][0], 1)
        at_28 = any(d == 28 and base > 0 and 2 * (base - s) >= base for d, s in after)
        undefined = bool(after) and not base > 0
        result[name] = {"base": base, "onset": None if undefined else onset, "at_28": at_28}
    return result


def analyse(frame: pd.DataFrame) -> tuple[Study, dict[str, Any], pd.DataFrame | None]:
    study = Study(frame, scale="MADRS")
    repr(study), study._repr_html_()
    states = assess(study, Response())
    assert len(states) == int((study.visits["day"] > 0).sum())
    table = None
    found: dict[str, Any] = {}
    # A valid study may still have nothing to estimate: that too must be said by our errors.
    with suppress(TrdstatsError):
        onset = time_to(study, Response())
        found = {
            str(r.subject): (r.left, r.right, r.time, r.status) for r in onset.frame.itertuples()
        }
        left_out = set(onset.left_out["subject"].map(str))
        assert set(found) | left_out == set(study.subjects["subject"].map(str))
        for spec in (KaplanMeier(), AalenJohansen(), RMST(tau=5), LogRank()):
            repr(spec.fit(onset))
        repr(time_to(study, Relapse(20, 2), since=Response(), competing="left follow-up"))
    with suppress(UnknownNameError):  # nobody was scheduled at day 28
        table = rates(study, Response(), day=28).tidy()
    return study, found, table


def attempt(call: Callable[[], Any]) -> tuple[Any, str]:
    """Return the result, or None and what an error of the library says."""
    try:
        return call(), ""
    except TrdstatsError as error:
        return None, str(error)


def check(frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DataWarning)
        warnings.simplefilter("ignore", EstimateWarning)
        result, refusal = attempt(lambda: analyse(frame))
    if result is None:
        assert re.search(r"row \d|column|`visits`|windows|subject", refusal), refusal
        return
    study, found, table = result
    expected = oracle(frame)
    assert len(study.visits) == len(frame)
    got = dict(zip(study.subjects["subject"].map(str), study.subjects["baseline"], strict=True))
    for name, want in expected.items():
        assert got[name] == want["base"] or (math.isnan(got[name]) and math.isnan(want["base"]))
        if found:
            assert found.get(name) == want["onset"], name
    if table is not None:
        own = table[table["measure"] == "rate"]
        seen = own["n"] > 0
        by_arm = frame.assign(met=[expected[str(s)]["at_28"] for s in frame["subject"]])
        met = by_arm.groupby(by_arm["treatment"].astype(str).str.strip())["met"]
        people = by_arm.groupby(by_arm["treatment"].astype(str).str.strip())["subject"].nunique()
        for row in own[seen].itertuples():
            assert row.n == people[row.treatment]
            hits = by_arm[by_arm["met"] & (by_arm["treatment"].astype(str) == row.treatment)]
            assert row.events == hits["subject"].nunique(), met


@settings(max_examples=250, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(sound_tables(), st.lists(st.one_of(cells(), st.sampled_from(SHAPES)), max_size=3))
def test_damaged_tables(frame: pd.DataFrame, mutations: list[Mutation]) -> None:
    for mutate in mutations:
        try:
            frame = mutate(frame)
        except (ValueError, TypeError, AttributeError):
            return  # pandas itself refuses the damage
    check(frame)


@pytest.mark.parametrize("mutate", SHAPES, ids=range(len(SHAPES)))
def test_each_shape(mutate: Mutation) -> None:
    frame = pd.DataFrame(
        [("A", "TMS", 0, 30), ("A", "TMS", 28, 15), ("B", "ECT", 0, 40), ("B", "ECT", 28, 30)],
        columns=COLUMNS,
    )
    check(mutate(frame))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda v: f"{type(v).__name__}-{v}")
def test_each_odd_value(column: str, value: Any) -> None:
    frame = pd.DataFrame(
        [("A", "TMS", 0, 30), ("A", "TMS", 28, 15), ("B", "ECT", 0, 40), ("B", "ECT", 28, 30)],
        columns=COLUMNS,
    )
    for row in (0, 1):
        check(put(column, row, value)(frame))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sound_tables(), st.integers(0, 20), st.sampled_from([None, 61, -3, 7.5, float("nan")]))
def test_damaged_polars_tables(frame: pd.DataFrame, row: int, value: Any) -> None:
    scores = frame["score"].astype(object).tolist()
    scores[row % len(scores)] = value
    damaged = frame.assign(score=pd.Series(scores, dtype=float))
    columns = {c: damaged[c].tolist() for c in COLUMNS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        ours, refusal = attempt(lambda: Study(pl.DataFrame(columns), scale="MADRS"))
        if ours is None:
            assert f"(row {row % len(scores)})" in refusal
            return
        theirs = Study(damaged, scale="MADRS")
    assert ours.subjects["baseline"].equals(theirs.subjects["baseline"])
    assert np.array_equal(ours.visits["score"], theirs.visits["score"], equal_nan=True)


@pytest.mark.parametrize("kind", ["subjects", "events"])
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda v: f"{type(v).__name__}-{v}")
def test_odd_values_in_other_tables(kind: str, value: Any) -> None:
    visits = pd.DataFrame(
        [("A", 0, 30), ("A", 28, 15), ("B", 0, 40), ("B", 28, 30)],
        columns=["subject", "day", "score"],
    )
    subjects = pd.DataFrame({"subject": ["A", "B"], "treatment": ["TMS", "ECT"], "age": [40, 50]})
    events = pd.DataFrame({"subject": ["A"], "day": [9], "event": ["switch"]})
    tables = {"subjects": subjects, "events": events}
    for column in tables[kind].columns:
        damaged = {**tables, kind: put(column, 0, value)(tables[kind])}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DataWarning)
            study, refusal = attempt(
                lambda d=damaged: Study(visits, d["subjects"], d["events"], scale="MADRS")  # type: ignore[misc]
            )
            if study is None:
                assert re.search(r"row \d|column|`(subjects|events|visits)`", refusal), refusal
            else:
                repr(time_to(study, Response(), competing=("switch",)))
