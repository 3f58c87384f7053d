"""Further mistakes of the kinds in test_mistakes: a cause and a remedy, or the right rates."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable
from pathlib import Path
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
ROWS = clinic(60, seed=7)
TRUTH = rates_by_loops(ROWS)
FRAME = frame_of(ROWS)


def read(frame: pd.DataFrame | Path, **more: Any) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_export(frame, mapping=ExportMapping(**(MAPPING | more)))


def response(study: Study) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        warnings.simplefilter("ignore", DataWarning)
        table = rates(study, Response(), day=28).tidy()
    table = table[table["measure"] == "rate"]
    return dict(zip(table["treatment"], table["estimate"], strict=True))


def kinds(study: Study) -> dict[str, str]:
    """Return the warnings of a study: kind and words."""
    return {p.kind: p.describe() for p in study.notices if p.level == "warning"}


def even(row: Row) -> bool:
    return int(row["subject"][1:]) % 2 == 0


def column(change: Callable[[Row], Any]) -> list[Any]:
    return [change(r) for r in ROWS]


@pytest.mark.parametrize(
    "changed",
    [
        {"madrs": column(lambda r: f"\u00a0{r['madrs']}\u202f")},
        {"madrs": column(lambda r: f"{r['madrs']}\u200b")},
        {"madrs": column(lambda r: f"{r['madrs']},0")},
        {"arm": column(lambda r: f"{r['arm']}.0")},
        {"arm": column(lambda r: f"0{r['arm']}")},
        {"arm": column(lambda r: f"\ufeff{r['arm']} ")},
        {"pat": column(lambda r: f"{r['subject']}\u00a0" if r["day"] else r["subject"])},
        {"pat": column(lambda r: f"\u200b{r['subject']}" if r["day"] else r["subject"])},
    ],
)
def test_what_cannot_be_seen_changes_nothing(changed: dict[str, list[Any]]) -> None:
    assert response(read(FRAME.assign(**changed))) == pytest.approx(TRUTH)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: f"{int(r['subject'][1:]):03d}" if r["day"] else str(int(r["subject"][1:])),
         "'001' and '1'"),
        (lambda r: f"{int(r['subject'][1:])}.0" if r["day"] else str(int(r["subject"][1:])),
         "'1' and '1.0'"),
        (lambda r: r["subject"].lower() if r["day"] else r["subject"], "'P001' and 'p001'"),
        (lambda r: f"P {r['subject'][1:]}" if r["day"] else r["subject"], "'P 001' and 'P001'"),
        (lambda r: f"P\u2013{r['subject'][1:]}" if r["day"] else f"P-{r['subject'][1:]}",
         r"'P-001' and 'P\u2013001'"),
    ],
)  # fmt: skip
def test_subjects_written_in_two_ways(change: Callable[[Row], Any], words: str) -> None:
    """The baseline is one subject and the visits are another: nobody responds."""
    said = kinds(read(FRAME.assign(pat=column(change))))["lookalike_subject"]
    assert "they count as different" in said
    assert words in said
    assert "write them alike" in said


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("TMS", "tms", "'TMS' and 'tms'"),
        ("K\u00e9tamine", "Ke\u0301tamine", r"'K\xe9tamine'|'Ke\u0301tamine'"),
        ("rTMS-L", "rTMS\u2010L", r"'rTMS-L' and 'rTMS\u2010L'"),
        ("TMS 10 Hz", "TMS 10Hz", "'TMS 10 Hz' and 'TMS 10Hz'"),
    ],
)
def test_treatments_written_in_two_ways(name: str, other: str, words: str) -> None:
    arm = column(lambda r: "ECT" if r["arm"] == 1 else name if even(r) else other)
    said = kinds(read(FRAME.assign(arm=arm), labels={}))["lookalike_treatment"]
    assert any(part in said for part in words.split("|"))


def test_different_treatments_are_not_alike() -> None:
    arm = column(lambda r: {1: "0.5 mg/kg", 2: "5 mg/kg", 3: "0.05 mg/kg"}[r["arm"]])
    assert "lookalike_treatment" not in kinds(read(FRAME.assign(arm=arm), labels={}))


def test_a_code_that_no_label_names_is_quoted_in_the_remedy() -> None:
    with pytest.raises(DataError, match=r'labels = \{arm = \{"1 = ECT" = \.\.\.\}\}'):
        read(FRAME.assign(arm=column(lambda r: f"{r['arm']} = {ARMS[r['arm']]}")))


def test_codes_of_one_number_need_their_own_label() -> None:
    """'1' and '01' are two codes where the mapping names both."""
    frame = FRAME.assign(arm=column(lambda r: ("01" if even(r) else "1") if r["arm"] == 1 else "2"))
    study = read(frame, labels={"arm": {"1": "ECT", "01": "ECT bilateral", "2": "TMS"}})
    assert study.treatments == ("ECT", "ECT bilateral", "TMS")


@pytest.mark.parametrize(
    "form",
    ["%G-W%V-%u", "%GW%V%u", "%Y-%j", "%y%m%d", "%B"],
)
def test_dates_of_no_calendar_are_refused(form: str) -> None:
    with pytest.raises(DataError, match=r"(are no dates|neither dates nor serial|partial)"):
        read(frame_of(ROWS, date=lambda d: d.strftime(form)))


@pytest.mark.parametrize(
    "form",
    ["%d.%m.%y", "%y-%m-%d", "%d%m%Y", "%m/%d/%Y 11:30 PM", "%Y-%m-%dT23:30:00Z"],
)
def test_dates_of_other_forms(form: str) -> None:
    assert response(read(frame_of(ROWS, date=lambda d: d.strftime(form)))) == pytest.approx(TRUTH)


def test_one_site_day_first_and_one_month_first() -> None:
    def at_site(row: Row, key: str) -> str:
        return f"{row[key]:%d/%m/%Y}" if even(row) else f"{row[key]:%m/%d/%Y}"

    frame = FRAME.assign(
        first=column(lambda r: at_site(r, "start")), visit_date=column(lambda r: at_site(r, "date"))
    )
    with pytest.raises(DataError, match="Dates are written in two orders"):
        read(frame)


@pytest.mark.parametrize("part", [0.4, 0.6, 0.9])
def test_exchanged_starts_are_found_whatever_their_part(part: float) -> None:
    """Also where more subjects have day and month exchanged than have not."""
    rows = [r for r in clinic(240, seed=3) if abs(r["start"].day - r["start"].month) > 1]
    low = sorted({r["subject"] for r in rows if r["start"].day <= 12})
    high = sorted({r["subject"] for r in rows if r["start"].day > 12})
    kept = {*low, *high[: round(len(low) * (1 - part) / part)]}
    rows = [r for r in rows if r["subject"] in kept]

    def exchanged(d: datetime.date) -> str:
        return (d.replace(day=d.month, month=d.day) if d.day <= 12 else d).isoformat()

    with pytest.raises(DataError, match="with day and month exchanged"):
        read(frame_of(rows).assign(first=[exchanged(r["start"]) for r in rows]))


def test_a_date_of_admission_is_not_taken_for_exchanged_days() -> None:
    early = [(r["start"] - datetime.timedelta(days=40)).isoformat() for r in ROWS]
    study = read(FRAME.assign(first=early))
    assert "exchanged_dates" not in {p.kind for p in study.notices}
    assert {"late_first_rating", "no_baseline"} <= kinds(study).keys()


def test_totals_that_are_turned_round() -> None:
    turned = read(FRAME.assign(madrs=column(lambda r: str(60 - r["madrs"]))))
    assert "Under 3 treatments nearly all subjects end higher" in kinds(turned)["mostly_worse"]
    one = column(lambda r: str(60 - r["madrs"]) if r["arm"] == 1 else str(r["madrs"]))
    said = kinds(read(FRAME.assign(madrs=one)))["mostly_worse"]
    assert "Under 1 treatment" in said
    assert "ECT: " in said
    assert "Look whether the totals are turned round" in said


def test_who_is_well_at_the_start_may_get_worse() -> None:
    """A trial of relapse begins in remission: worsening is no sign of totals turned round."""
    well = column(lambda r: str(4 if not r["day"] else 4 + r["day"] // 2))
    assert "mostly_worse" not in kinds(read(FRAME.assign(madrs=well)))


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("# exported on 3 March\n", "names 1 column, every other line has 6 fields"),
        ("Clinic;;;;;\n", "names 1 of 6 columns"),
        ("Clinic export\nof 3 March\n", "more or fewer fields than the header"),
    ],
)
def test_titles_above_the_header_of_a_text(tmp_path: Path, before: str, words: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text(before + FRAME.to_csv(sep=";", index=False), "utf-8")
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert "delete titles above it" in str(caught.value) or "Correct them" in str(caught.value)


def test_blanks_in_names_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    named = FRAME.rename(columns={"pat": " pat\u00a0", "madrs": "madrs ", "arm": "\u200barm"})
    named.assign(**{" pat\u00a0": column(lambda r: r["subject"][1:])}).to_csv(path, index=False)
    study = read(path)
    assert response(study) == pytest.approx(TRUTH)
    assert "001" in set(study.subjects["subject"])  # identifiers stay text
    (notice,) = [p for p in study.notices if p.kind == "blanks_in_names"]
    assert "3 names of columns in 'export.csv' had blanks at an end" in notice.summary
    # Names that are the same without them stay as they are.
    FRAME.assign(**{"madrs ": 3}).to_csv(path, index=False)
    assert response(read(path, covariates=[])) == pytest.approx(TRUTH)


def test_a_few_zero_bytes_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(FRAME.to_csv(index=False).encode().replace(b"P003", b"P0\x0003"))
    with pytest.raises(DataError, match="holds zero bytes, as no text does: it is damaged"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_encodings_of_the_export(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(FRAME.to_csv(index=False, sep="\t").encode(encoding))
    assert response(read(path)) == pytest.approx(TRUTH)


@pytest.mark.parametrize(("of_1904", "named"), [("visit_date", "date"), ("first", "start")])
def test_one_column_of_1904_and_one_of_1900(of_1904: str, named: str) -> None:
    def since(date: datetime.date, epoch: datetime.date) -> str:
        return str((date - epoch).days)

    old, new = datetime.date(1904, 1, 1), datetime.date(1899, 12, 30)
    keys = {"visit_date": "date", "first": "start"}
    changed = {c: column(lambda r, k=k: since(r[k], new)) for c, k in keys.items()}
    changed[of_1904] = column(lambda r: since(r[named], old))
    with pytest.raises(DataError, match="lie 1,462 days off first treatment") as caught:
        read(FRAME.assign(**changed))
    assert f"`visits` column '{of_1904}' seems to count from 1904" in str(caught.value)
