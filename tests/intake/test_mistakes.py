"""Ordinary mistakes with an export of 240 patients: a cause and a remedy, or the right rates.

Each gave wrong rates without a word before exports were read with a mapping.
"""

from __future__ import annotations

import datetime
import warnings
from typing import Any

import pandas as pd
import pytest
from clinic_export import ARMS, WINDOWS, Row, clinic, frame_of, rates_by_loops

from trdstats import ExportMapping, Response, Study, rates, read_export
from trdstats.errors import DataError, DataWarning, EstimateWarning

MAPPING: dict[str, Any] = {
    "scale": "MADRS", "subject": "pat", "treatment": "arm", "score": "madrs",
    "date": "visit_date", "start": "first", "labels": {"arm": ARMS}, "windows": WINDOWS,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return clinic(240, seed=7)


def dotted(date: datetime.date) -> str:
    return f"{date:%d.%m.%Y}"


def serial(date: datetime.date) -> str:
    return str((date - datetime.date(1899, 12, 30)).days)


def read(frame: pd.DataFrame, **more: Any) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=ExportMapping(**(MAPPING | more)))


def response(study: Study) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        table = rates(study, Response(), day=28).tidy()
    table = table[table["measure"] == "rate"]
    return dict(zip(table["treatment"], table["estimate"], strict=True))


def test_without_a_mistake(rows: list[Row]) -> None:
    assert response(read(frame_of(rows, date=dotted))) == pytest.approx(rates_by_loops(rows))


def test_weeks_in_a_column_of_weeks(rows: list[Row]) -> None:
    scheduled = clinic(240, seed=7, scheduled=True)
    frame = frame_of(scheduled).assign(week=[str(r["day"] // 7) for r in scheduled])
    study = read(frame, date=None, start=None, day="week", unit="weeks")
    assert response(study) == pytest.approx(rates_by_loops(scheduled))
    assert any("weeks times 7" in p.summary for p in study.notices)


def test_day_and_month_exchanged_in_start_dates(rows: list[Row]) -> None:
    """A spreadsheet that reads month first exchanges all days up to 12, and keeps the others."""

    def exchanged(date: datetime.date) -> datetime.date:
        return date.replace(day=date.month, month=date.day) if date.day <= 12 else date

    frame = frame_of(rows).assign(first=[exchanged(r["start"]).isoformat() for r in rows])
    moved = {r["subject"] for r in rows if exchanged(r["start"]) != r["start"]}
    assert len(moved) > 60
    with pytest.raises(DataError, match="day and month exchanged") as caught:
        read(frame)
    words = str(caught.value)
    assert "no rating near first treatment" in words
    assert "`visits` column 'first' they were most likely swapped" in words
    (problem,) = [p for p in caught.value.problems if p.kind == "exchanged_dates"]
    # Exchanges within a week of the true day do no harm and cannot be seen.
    assert {w.split(":")[0] for w in problem.where if w != "..."} <= moved
    assert len(problem.where) > 0.8 * len(moved)


def test_one_exchanged_start_is_a_warning(rows: list[Row]) -> None:
    one = next(r for r in rows if r["start"].day <= 12 and abs(r["start"].day
               - r["start"].month) > 1)  # fmt: skip
    wrong = one["start"].replace(day=one["start"].month, month=one["start"].day)
    first = [wrong if r["subject"] == one["subject"] else r["start"] for r in rows]
    study = read(frame_of(rows).assign(first=[d.isoformat() for d in first]))
    (notice,) = [p for p in study.notices if p.kind == "exchanged_dates"]
    assert notice.level == "warning"
    assert notice.where[0].startswith(f"{one['subject']}: first rating on day")


def test_serial_numbers_among_text_dates(rows: list[Row]) -> None:
    texts = [serial(r["date"]) if k % 24 == 5 else dotted(r["date"]) for k, r in enumerate(rows)]
    study = read(frame_of(rows, date=dotted).assign(visit_date=texts))
    assert response(study) == pytest.approx(rates_by_loops(rows))
    n = sum(t.isdigit() for t in texts)
    (notice,) = [p for p in study.notices if p.kind == "serial_numbers"]
    assert notice.summary.startswith(f"{n} entries of `visits` column 'visit_date' are serial")


def test_serial_numbers_of_the_other_epoch_are_seen(rows: list[Row]) -> None:
    """Read as days since 1900 they lie four years before all other dates."""

    def since_1904(date: datetime.date) -> str:
        return str((date - datetime.date(1904, 1, 1)).days)

    frame = frame_of(rows, date=dotted)
    mixed = [since_1904(r["date"]) if k % 24 == 5 else t for k, (r, t) in
             enumerate(zip(rows, frame["visit_date"], strict=True))]  # fmt: skip
    study = read(frame.assign(visit_date=mixed))
    assert any(p.kind == "serial_numbers" and "1904" in p.remedy for p in study.notices)
    exact = read(frame.assign(visit_date=[since_1904(r["date"]) for r in rows],
                              first=[since_1904(r["start"]) for r in rows]),
                 date_system=1904)  # fmt: skip
    assert response(exact) == pytest.approx(rates_by_loops(rows))


def test_a_covariate_with_decimal_commas_is_a_number(rows: list[Row]) -> None:
    study = read(frame_of(rows, number=lambda x: f"{x}".replace(".", ",")))
    expected = {r["subject"]: r["bmi"] for r in rows}
    assert dict(zip(study.subjects["subject"], study.subjects["bmi"], strict=True)) == expected
    assert any(p.kind == "number_marks" and "decimal commas" in p.summary for p in study.notices)


def test_arms_swapped_for_codes_without_labels(rows: list[Row]) -> None:
    study = read(frame_of(rows), labels={})
    assert any(p.kind == "unlabelled_treatment" for p in study.notices)
