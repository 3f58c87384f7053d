"""Dates in every common form, and what cannot be told from them."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from trdstats import ExportMapping, Study, read_export
from trdstats.errors import DataError, DataWarning

START = ("2025-01-13", "2025-11-20", "2025-03-03")


def parsed(first: list[Any], second: list[Any], **more: Any) -> Study:
    """Return the study of subjects with two visits each; the first is first treatment."""
    n = len(first)
    frame = pd.DataFrame(
        {
            "id": [f"S{k}" for k in range(n)] * 2,
            "arm": (["ECT", "TMS"] * n)[:n] * 2,
            "start": pd.Series(first * 2, dtype=object),
            "seen": pd.Series([*first, *second], dtype=object),
            "madrs": [30] * n + [12] * n,
        }
    )
    mapping = ExportMapping(scale="MADRS", subject="id", treatment="arm", score="madrs",
                            date="seen", start="start", **more)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=mapping)


def last_days(study: Study) -> list[float]:
    return study.visits.groupby("subject", observed=True)["day"].max().tolist()


def iso(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


FORMS: dict[str, Callable[[datetime.date], Any]] = {
    "iso": lambda d: d.isoformat(),
    "iso with slashes": lambda d: f"{d:%Y/%m/%d}",
    "dotted": lambda d: f"{d:%d.%m.%Y}",
    "dotted, no zeros": lambda d: f"{d.day}.{d.month}.{d.year}",
    "month first": lambda d: f"{d.month}/{d.day}/{d.year}",
    "short years": lambda d: f"{d:%m/%d/%y}",
    "named": lambda d: f"{d:%d-%b-%Y}",
    "named, capitals": lambda d: f"{d:%d%b%Y}".upper(),
    "long": lambda d: f"{d:%B} {d.day}, {d.year}",
    "compact": lambda d: f"{d:%Y%m%d}",
    "compact number": lambda d: int(f"{d:%Y%m%d}"),
    "compact, day first": lambda d: f"{d:%d%m%Y}",
    "serial": lambda d: (d - datetime.date(1899, 12, 30)).days,
    "serial text": lambda d: str((d - datetime.date(1899, 12, 30)).days),
    "date": lambda d: d,
    "timestamp": pd.Timestamp,
    "with zone": lambda d: f"{d.isoformat()}T00:00:00+01:00",
    "weekday": lambda d: f"{d:%a}, {d.day} {d:%b} {d.year}",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_days(form: str) -> None:
    write = FORMS[form]
    first = [iso(t) for t in START]
    second = [d + datetime.timedelta(days=n) for d, n in zip(first, (7, 28, 14), strict=True)]
    study = parsed([write(d) for d in first], [write(d) for d in second])
    assert last_days(study) == [7, 28, 14]


@pytest.mark.parametrize(
    "text", ["3. März 2025", "3 mars 2025", "3 de marzo 2025", "03-mrt-2025", "3rd of March 2025"]
)
def test_months_in_other_languages(text: str) -> None:
    if "de marzo" in text:  # a preposition is no month
        with pytest.raises(DataError, match="no date"):
            parsed([text], ["2025-03-10"])
        return
    assert last_days(parsed([text], ["2025-03-10"])) == [7]


def test_order_is_decided_by_all_dates_together() -> None:
    """The start can be read in two ways; the visit on the 13th says day first for both."""
    study = parsed(["03.11.2025"], ["13.11.2025"])
    assert last_days(study) == [10]
    (notice,) = [p for p in study.notices if p.kind == "date_order"]
    assert notice.summary == "Dates are read day first: 1 entry allows no other order."
    assert "'13.11.2025' in row 1" in notice.where[0]


def test_order_that_nothing_tells_is_asked_for() -> None:
    with pytest.raises(DataError, match="day first or month first: nothing in them") as caught:
        parsed(["03/04/2025"], ["10/04/2025"])
    words = str(caught.value)
    assert 'date_order = "day first" or date_order = "month first"' in words
    # 3 to 10 April, or 4 March to 4 October: both are possible, and the counts say so.
    assert "Day first: 2 of 2 visits from 28 days before first treatment" in words
    assert last_days(parsed(["03/04/2025"], ["10/04/2025"], date_order="day first")) == [7]
    assert last_days(parsed(["03/04/2025"], ["10/04/2025"], date_order="month first")) == [214]


def test_evidence_is_told_but_not_taken() -> None:
    """1 December to 8 January: month first puts the visit before first treatment."""
    with pytest.raises(DataError) as caught:
        parsed(["01.12.2024"], ["08.01.2025"], date_order=None)
    assert "Day first: 2 of 2 visits" in str(caught.value)
    assert "Month first: 2 of 2 visits" in str(caught.value)
    with pytest.raises(DataError) as caught:
        parsed(["01.12.2024"], ["12.01.2024"])
    assert "Day first: 1 of 2 visits" in str(caught.value)
    assert "Month first: 2 of 2 visits" in str(caught.value)


def test_two_orders_in_one_export_are_refused_with_rows() -> None:
    with pytest.raises(DataError, match="written in two orders") as caught:
        parsed(["13.01.2025", "14.01.2025"], ["20.01.2025", "01.28.2025"])
    assert "'01.28.2025' in row 3" in str(caught.value)


def test_a_declared_order_is_held_to() -> None:
    with pytest.raises(DataError, match="the mapping says month first") as caught:
        parsed(["13.01.2025"], ["20.01.2025"], date_order="month first")
    assert "'13.01.2025' in row 0" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["2025-03", "UN-MAR-2025", "2025", "03/2025", "00.03.2025", "UNK", "Mar 2025", 2025]
)
def test_partial_dates_are_refused_by_name(text: Any) -> None:
    with pytest.raises(DataError, match="is a date without its day or month") as caught:
        parsed(["2025-03-01"], [text])
    assert f"{text!r} in row 1" in str(caught.value)


@pytest.mark.parametrize("text", ["31.02.2025", "2025-02-30", "20250230", "31-Feb-2025"])
def test_impossible_dates_are_refused_with_their_row(text: str) -> None:
    with pytest.raises(DataError, match="is a date that does not exist") as caught:
        parsed(["2025-02-01"], [text])
    assert f"{text!r} in row 1" in str(caught.value)


@pytest.mark.parametrize("text", ["tomorrow", "12/2/2025/3", "13.13.2025 25:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no date"):
        parsed(["2025-02-01"], [text])


@pytest.mark.parametrize("value", ["1925-02-08", "28.02.1925", 28, "12.5", "2125-02-08"])
def test_implausible_dates_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"before 1950|after 1950"):
        parsed(["2025-02-01"], [value])


def test_serial_numbers_among_texts_are_converted_and_counted() -> None:
    serial = (iso("2025-01-20") - datetime.date(1899, 12, 30)).days
    study = parsed(["13.01.2025", "14.01.2025"], [serial, "28.01.2025"])
    assert last_days(study) == [7, 14]
    (notice,) = [p for p in study.notices if p.kind == "serial_numbers"]
    assert "1 entry of `visits` column 'seen' are serial numbers among" in notice.summary
    assert "45677 is 2025-01-20" in notice.summary


def test_the_epoch_of_1904() -> None:
    serial = (iso("2025-01-20") - datetime.date(1904, 1, 1)).days
    assert last_days(parsed(["2025-01-13"], [serial], date_system=1904)) == [7]


def test_a_date_before_the_fake_leap_day_is_never_counted() -> None:
    """Serial numbers up to 60 lie before 1950, where the epoch of 1900 is off by a day."""
    with pytest.raises(DataError, match="neither a date nor a serial number"):
        parsed(["2025-02-01"], [59])


def test_dates_changed_by_a_spreadsheet_are_found() -> None:
    """Days up to 12 became dates with day and month exchanged; others stayed text."""
    starts = ["13.01.2025", "14.02.2025", "15.03.2025", "16.04.2025"]
    seen = [pd.Timestamp("2025-05-02"), pd.Timestamp("2025-03-04"), pd.Timestamp("2025-01-04"),
            "30.04.2025"]  # fmt: skip
    with pytest.raises(DataError, match="was changed by a spreadsheet"):
        parsed(starts, seen)


def test_years_of_two_digits_say_their_pivot() -> None:
    study = parsed(["13.01.25", "14.02.25"], ["20.01.25", "21.02.25"])
    (notice,) = [p for p in study.notices if p.kind == "short_years"]
    assert "00 to 68 are read as 2000 to 2068" in notice.summary
    assert last_days(study) == [7, 7]


def test_few_short_dates_do_not_tell_where_the_year_is() -> None:
    """13 January 2025 to 13 February 2026, or 25 January to 26 February 2013."""
    with pytest.raises(DataError, match="day first or year first"):
        parsed(["13.01.25"], ["13.02.26"])
    assert last_days(parsed(["13.01.25"], ["13.02.26"], date_order="day first")) == [396]


def test_short_years_first_are_known_by_what_varies() -> None:
    assert last_days(parsed(["25-01-13", "25-01-14"], ["25-01-20", "25-02-11"])) == [7, 28]


def test_fractions_of_days_only_where_both_dates_have_times() -> None:
    both = parsed(["2025-01-13 08:00"], ["2025-01-14 20:00"])
    assert last_days(both) == [1.5]
    assert any("with the time of day" in p.summary for p in both.notices)
    one = parsed(["2025-01-13"], ["2025-01-20"])
    assert any("whole calendar days" in p.summary for p in one.notices)


def test_a_zone_is_kept_as_written_or_converted() -> None:
    """23:30 in New York is 5:30 of the next day in Berlin."""
    texts = ["2025-01-13T12:00:00+01:00"], ["2025-01-20T23:30:00-05:00"]
    assert last_days(parsed(*texts))[0] == pytest.approx(7 + 11.5 / 24)
    berlin = parsed(*texts, timezone="Europe/Berlin")
    assert last_days(berlin)[0] == pytest.approx(7 + 17.5 / 24)


def test_offsets_apart_are_a_warning() -> None:
    study = parsed(["2025-01-13T12:00:00+01:00"], ["2025-01-20T23:30:00-05:00"])
    (notice,) = [p for p in study.notices if p.kind == "time_zone" and p.level == "warning"]
    assert "'seen'" in notice.summary
    assert notice.where == ("-05:00", "+01:00")


def test_a_day_long_before_treatment_is_refused() -> None:
    with pytest.raises(DataError, match="more than ten years before first treatment"):
        parsed(["2025-01-13"], ["1971-01-20"])


def test_a_missing_date_of_a_rating_is_refused() -> None:
    with pytest.raises(DataError, match="1 rating has no date in `visits` column 'seen'"):
        parsed(["2025-01-13"], [None])


def test_a_missing_start_is_refused_with_the_subject() -> None:
    with pytest.raises(DataError, match="no date of first treatment") as caught:
        parsed(["2025-01-13", None], ["2025-01-20", "2025-01-21"])
    assert "S1" in str(caught.value)
