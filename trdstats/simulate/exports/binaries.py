"""The packaged exports that are no text: workbooks, files of SPSS and Stata, ADaM datasets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from trdstats.errors import TrdstatsError
from trdstats.extras import extra_module
from trdstats.simulate.exports.cohort import HALF_WIDTH, SCHEDULE, ExportCohort, by_schedule
from trdstats.simulate.exports.stable import settle, settle_workbook, write_archive
from trdstats.simulate.exports.texts import CODES, long_table
from trdstats.study import Study
from trdstats.tables import each_row

_OPEN = "urn:oasis:names:tc:opendocument:xmlns:"
_NOT_DONE = 999


def write_workbooks(cohort: ExportCohort, folder: Path) -> None:
    """Write one row a patient as .xlsx with a codebook beside it, one row a rating as .ods."""
    book = extra_module("openpyxl", "io").Workbook()
    sheet = book.active
    sheet.title = "Patients"
    wide, days = by_schedule(cohort.ratings, "madrs"), by_schedule(cohort.ratings, "date")
    rated = wide.notna()
    sheet.append(
        ["id", "arm", "sex", "age", "bmi", "first_treatment"]
        + [name for d in SCHEDULE for name in (f"date_w{d // 7}", f"madrs_w{d // 7}")]
    )
    for row in each_row(cohort.patients):
        cells = [f"P{row.number:03d}", row.treatment, row.sex, row.age, row.bmi, row.start.date()]
        for d in SCHEDULE:
            date, score = days.at[row.number, d], wide.at[row.number, d]  # noqa: PD008 one cell
            there = bool(rated.at[row.number, d])  # noqa: PD008 one cell
            cells += [pd.Timestamp(str(date)).date(), score] if there else [None, None]
        sheet.append(cells)
    codes = book.create_sheet("Codebook")
    for line in (["column", "meaning"], ["madrs_w4", "MADRS total at week 4"],
                 ["date_w4", "date of that rating"]):  # fmt: skip
        codes.append(line)
    stream = io.BytesIO()
    book.save(stream)
    write_archive(folder / "wide.xlsx", settle_workbook(stream.getvalue()))
    write_archive(folder / "visits.ods", _ods("Visits", long_table(cohort)))


def _ods(name: str, frame: pd.DataFrame) -> dict[str, str | bytes]:
    """Return the members of a spreadsheet with one sheet."""
    rows = [frame.columns.tolist(), *frame.astype(object).to_numpy().tolist()]
    body = "".join(f"<table:table-row>{''.join(map(_cell, r))}</table:table-row>" for r in rows)
    names = {"office": "office:1.0", "table": "table:1.0", "text": "text:1.0"}
    spaces = " ".join(f'xmlns:{k}="{_OPEN}{v}"' for k, v in names.items())
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    entry = "manifest:file-entry manifest:full-path="
    return {
        "mimetype": kind,
        "content.xml": f'{head}<office:document-content {spaces} office:version="1.3">'
        f'<office:body><office:spreadsheet><table:table table:name="{name}">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": f'{head}<manifest:manifest xmlns:manifest="{_OPEN}manifest:1.0" '
        f'manifest:version="1.3"><{entry}"/" manifest:media-type="{kind}"/>'
        f'<{entry}"content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
    }


def _cell(value: Any) -> str:
    if isinstance(value, str):
        kind = 'office:value-type="string"'
    else:
        kind = f'office:value-type="float" office:value="{value}"'
    return f"<table:table-cell {kind}><text:p>{escape(str(value))}</text:p></table:table-cell>"


def write_statistical(cohort: ExportCohort, folder: Path) -> None:
    """Write one row a rating with coded arms for SPSS and Stata.

    Visits that were missed have the code 999, which the SPSS file declares missing.
    """
    pyreadstat = extra_module("pyreadstat", "io")
    table = long_table(cohort)
    frame = pd.DataFrame(
        {
            "id": table["subject"],
            "arm": table["treatment"].map(CODES).astype(float),
            "sex": table["sex"].map({"F": 2.0, "M": 1.0}),
            "age": table["age"].astype(float),
            "bmi": table["bmi"],
            "day": table["day"].astype(float),
            "madrs": table["score"].astype(float),
        }
    )
    labels = {
        "arm": {float(code): arm for arm, code in CODES.items()},
        "sex": {1.0: "male", 2.0: "female"},
    }
    missed = frame.groupby("id", as_index=False).first().iloc[::9].assign(day=90.0, madrs=_NOT_DONE)
    spss = pd.concat([frame, missed], ignore_index=True)
    pyreadstat.write_sav(
        spss,
        str(folder / "visits.sav"),
        variable_value_labels={**labels, "madrs": {float(_NOT_DONE): "not done"}},
        missing_ranges={"madrs": [_NOT_DONE]},
    )
    stata = {k: {int(c): v for c, v in codes.items()} for k, codes in labels.items()}
    whole = frame.astype(dict.fromkeys(("arm", "sex", "age", "day", "madrs"), "int32"))
    pyreadstat.write_dta(whole, str(folder / "visits.dta"), variable_value_labels=stata)
    for name in ("visits.sav", "visits.dta"):
        settle(folder / name)


def write_adam(cohort: ExportCohort, folder: Path) -> None:
    """Write ADSL, ADQS and ADTTE, with imputed records and dates, as transport files of SAS."""
    patients = cohort.patients.assign(subject=cohort.patients["number"].map("TRD-{:03d}".format))
    names = patients.set_index("number")["subject"]
    visits = cohort.ratings.assign(subject=cohort.ratings["number"].map(names))
    events = cohort.events.assign(subject=cohort.events["number"].map(names))
    study = Study(
        visits[["subject", "day", "madrs"]],
        patients[["subject", "treatment", "sex", "age", "bmi"]],
        events[["subject", "day", "event"]],
        scale="MADRS",
        score="madrs",
        windows=dict.fromkeys(SCHEDULE[1:], HALF_WIDTH),
        randomised=True,
    )
    adsl, adqs, adtte = study.to_adam()
    if adtte is None:
        raise TrdstatsError("The packaged exports need patients with events.")
    adsl = adsl.rename(columns=str.upper).assign(ITTFL="Y", SAFFL="Y")
    first = patients.set_index("subject")["start"]
    adqs = _with_carried_forward(adqs.assign(DTYPE=""))
    for table in (adqs, adtte):
        start = table["USUBJID"].map(first)
        day = np.where(table["ADY"] >= 1, table["ADY"] - 1, table["ADY"])
        table["ADT"] = (start + pd.to_timedelta(day, "D")).dt.date
    adsl["TRTSDT"] = adsl["USUBJID"].map(first).dt.date
    for name, table in (("adsl", adsl), ("adqs", adqs), ("adtte", adtte)):
        path = folder / f"{name}.xpt"
        extra_module("pyreadstat", "io").write_xport(
            table, str(path), table_name=name.upper(), file_format_version=5
        )
        settle(path)


def _with_carried_forward(adqs: pd.DataFrame) -> pd.DataFrame:
    """Return the records with the last value carried forward to day 57 (LOCF), as trials add."""
    last = adqs.groupby("USUBJID").tail(1)
    last = last[last["AWTARGET"] != SCHEDULE[-1] + 1]
    target = float(SCHEDULE[-1] + 1)
    carried = last.assign(
        ADY=int(target), AVISIT=f"Day {target:g}", AVISITN=target, AWTARGET=target,
        AWLO=target - HALF_WIDTH, AWHI=target + HALF_WIDTH, DTYPE="LOCF", ABLFL="",
    )  # fmt: skip
    table = pd.concat([adqs, carried], ignore_index=True)
    return table.sort_values(["USUBJID", "ADY"], kind="stable", ignore_index=True)
