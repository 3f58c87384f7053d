"""The same data in any form of dates and numbers, wide or long, give the same study."""

from __future__ import annotations

import datetime
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clinic_export import ARMS, WINDOWS, Row, clinic, frame_of
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats import ExportMapping, Study, read_export
from trdstats.errors import DataWarning

DATES: dict[str, Callable[[datetime.date], Any]] = {
    "iso": datetime.date.isoformat,
    "day first": lambda d: f"{d:%d.%m.%Y}",
    "month first": lambda d: f"{d.month}/{d.day}/{d:%y}",
    "named": lambda d: f"{d:%d-%b-%Y}",
    "long": lambda d: f"{d:%B} {d.day}, {d.year}",
    "compact": lambda d: f"{d:%Y%m%d}",
    "serial": lambda d: (d - datetime.date(1899, 12, 30)).days,
    "date": lambda d: d,
}
NUMBERS: dict[str, Callable[[float], Any]] = {
    "point": str,
    "comma": lambda x: str(x).replace(".", ","),
    "number": float,
    "padded": lambda x: f" {x:.3f} ",
}
MAPPING: dict[str, Any] = {
    "scale": "MADRS", "subject": "pat", "treatment": "arm", "score": "madrs",
    "date": "visit_date", "start": "first", "labels": {"arm": ARMS}, "windows": WINDOWS,
}  # fmt: skip


def read(frame: Any, **more: Any) -> Study:
    given_ = {k: v for k, v in (MAPPING | more).items() if v is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=ExportMapping(**given_))


def assert_same(one: Study, other: Study) -> None:
    columns = ["subject", "day", "visit", "score"]
    for a, b, kept in ((one.visits, other.visits, columns),
                       (one.subjects, other.subjects, ["subject", "treatment", "baseline", "bmi"]),
                       ):  # fmt: skip
        a, b = (t[kept].astype({"subject": str}).reset_index(drop=True) for t in (a, b))
        pd.testing.assert_frame_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from(sorted(DATES)), st.sampled_from(sorted(NUMBERS)),
    st.randoms(use_true_random=False), st.sampled_from([",", ";", "\t"]), st.booleans(),
)  # fmt: skip
def test_dates_numbers_rows_and_files(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int, date: str, number: str, shuffle: Any, separator: str, in_file: bool,
) -> None:  # fmt: skip
    rows = clinic(18, seed)
    plain = read(frame_of(rows))
    mixed = list(rows)
    shuffle.shuffle(mixed)
    frame = frame_of(mixed, date=DATES[date], number=NUMBERS[number])
    if not in_file:
        assert_same(read(frame), plain)
        return
    path = Path(tmp_path_factory.mktemp("export")) / "export.csv"
    frame.to_csv(path, sep=separator, index=False)
    assert_same(read(path), plain)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["day", "week", "columns", "dates"]))
def test_wide_or_long(seed: int, form: str) -> None:
    rows = clinic(12, seed, scheduled=True)
    long = read(frame_of(rows))
    days = sorted({r["day"] for r in rows})
    people: dict[str, Row] = {r["subject"]: r for r in rows}
    score = {(r["subject"], r["day"]): r for r in rows}

    def name(day: int) -> str:
        return f"m{day // 7 if form == 'week' else day}"

    wide = pd.DataFrame(
        {
            "pat": list(people),
            "arm": [r["arm"] for r in people.values()],
            "bmi": [r["bmi"] for r in people.values()],
            "first": [r["start"].isoformat() for r in people.values()],
            **{name(d): [score.get((p, d), {}).get("madrs") for p in people] for d in days},
            **{f"on{d}": [score[p, d]["date"].isoformat() if (p, d) in score else None
                          for p in people] for d in days},
        }
    )  # fmt: skip
    pattern: Any = {"day": "m{day}", "week": "m{week}", "dates": "m{day}",
                    "columns": {name(d): d for d in days}}[form]  # fmt: skip
    plain = {"date": None, "start": None}
    dated = {"date": "on{day}", "start": "first"} if form == "dates" else plain
    study = read(wide, score=pattern, **dated)
    rated = study.visits[study.visits["score"].notna()].reset_index(drop=True)
    assert rated["score"].tolist() == long.visits["score"].tolist()
    assert rated["day"].tolist() == long.visits["day"].tolist()
    assert study.subjects["baseline"].tolist() == long.subjects["baseline"].tolist()
    assert study.subjects["treatment"].tolist() == long.subjects["treatment"].tolist()


def test_order_of_rows_and_columns_changes_nothing() -> None:
    rows = clinic(12, 3)
    frame = frame_of(rows)
    assert_same(read(frame[frame.columns[::-1]].iloc[::-1]), read(frame))


def test_polars_and_a_file_in_memory_agree() -> None:
    import polars as pl

    frame = frame_of(clinic(12, 4))
    text = io.StringIO(frame.to_csv(index=False))
    assert_same(read(pl.read_csv(text, try_parse_dates=True)), read(frame))
