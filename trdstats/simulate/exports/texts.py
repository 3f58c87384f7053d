"""The packaged exports that are text: REDCap, a German clinic, a compressed table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from trdstats.simulate.exports.cohort import ARMS, SCHEDULE, ExportCohort
from trdstats.simulate.exports.stable import write_gz

CODES = {arm: k for k, arm in enumerate(ARMS, start=1)}
_EVENTS = {0: "baseline", 7: "week_1", 14: "week_2", 28: "week_4", 56: "week_8"}
_GERMAN = {"ECT": "EKT", "IV ketamine": "Ketamin i.v.", "TMS": "TMS"}


def write_redcap(cohort: ExportCohort, folder: Path) -> None:
    """Write a classic export with its dictionary and events, and a repeating one."""
    patients, ratings = cohort.patients, cohort.ratings
    first = pd.DataFrame(
        {
            "record_id": patients["number"],
            "redcap_event_name": "baseline_arm_1",
            "arm": patients["treatment"].map(CODES),
            "sex": patients["sex"].map({"F": 2, "M": 1}),
            "age": patients["age"],
            "bmi": patients["bmi"],
            "start_date": patients["start"].dt.strftime("%Y-%m-%d"),
            "prior___1": (patients["number"] % 3 == 0).astype(int),
            "prior___2": (patients["number"] % 4 == 0).astype(int),
            "demographics_complete": 2,
        }
    )
    rows = pd.DataFrame(
        {
            "record_id": ratings["number"],
            "redcap_event_name": ratings["scheduled"].map(_EVENTS) + "_arm_1",
            "madrs_date": ratings["date"].dt.strftime("%Y-%m-%d"),
            "madrs_total": ratings["madrs"],
            "madrs_complete": 2,
        }
    )
    classic = rows.merge(first, on=["record_id", "redcap_event_name"], how="left")
    order = [*first.columns, *(c for c in rows.columns if c not in first.columns)]
    _write(classic[order], folder / "redcap_classic.csv")
    repeating = _repeating(cohort, first, rows)
    _write(repeating, folder / "redcap_repeating.csv")
    _write(_dictionary(), folder / "redcap_dictionary.csv")
    _write(
        pd.DataFrame(
            {
                "event_name": [n.replace("_", " ").capitalize() for n in _EVENTS.values()],
                "arm_num": 1,
                "day_offset": SCHEDULE,
                "offset_min": 3,
                "offset_max": 3,
                "unique_event_name": [f"{n}_arm_1" for n in _EVENTS.values()],
                "custom_event_label": "",
            }
        ),
        folder / "redcap_events.csv",
    )


def _repeating(cohort: ExportCohort, first: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return ratings and adverse events as instances of repeating instruments."""
    of_rating = rows.drop(columns="redcap_event_name").assign(
        redcap_repeat_instrument="madrs",
        redcap_repeat_instance=rows.groupby("record_id").cumcount() + 1,
    )
    events = pd.DataFrame(
        {
            "record_id": cohort.events["number"],
            "redcap_repeat_instrument": "events",
            "redcap_repeat_instance": cohort.events.groupby("number").cumcount() + 1,
            "event_date": cohort.events["date"].dt.strftime("%Y-%m-%d"),
            "event_what": cohort.events["event"],
        }
    )
    patients = first.drop(columns="redcap_event_name")
    table = pd.concat([patients, of_rating, events], ignore_index=True)
    begin = ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance"]
    table = table[[*begin, *(c for c in table.columns if c not in begin)]]
    return table.sort_values("record_id", kind="stable", ignore_index=True)


def _dictionary() -> pd.DataFrame:
    arms = " | ".join(f"{code}, {arm}" for arm, code in CODES.items())
    fields = [
        ("record_id", "demographics", "text", "Record ID", ""),
        ("arm", "demographics", "radio", "Treatment", arms),
        ("sex", "demographics", "dropdown", "Sex", "1, Male | 2, Female"),
        ("age", "demographics", "text", "Age (years)", ""),
        ("bmi", "demographics", "text", "Body mass index (kg/m2)", ""),
        ("start_date", "demographics", "text", "Date of first treatment", ""),
        ("prior", "demographics", "checkbox", "Earlier treatments", "1, Lithium | 2, Quetiapine"),
        ("madrs_date", "madrs", "text", "Date of rating", ""),
        ("madrs_total", "madrs", "text", "MADRS total", ""),
        ("event_date", "events", "text", "Date of event", ""),
        ("event_what", "events", "text", "What happened", ""),
    ]
    names = ["Variable / Field Name", "Form Name", "Field Type", "Field Label",
             "Choices, Calculations, OR Slider Labels"]  # fmt: skip
    return pd.DataFrame(fields, columns=names)


def write_german(cohort: ExportCohort, folder: Path) -> None:
    """Write what a German spreadsheet exports: semicolons, decimal commas, cp1252, day first."""
    table = cohort.ratings.merge(cohort.patients, on="number")
    frame = pd.DataFrame(
        {
            "Patient": table["number"].map("P{:03d}".format),
            "Behandlung": table["treatment"].map(_GERMAN),
            "Geschlecht": np.where(table["sex"] == "F", "weiblich", "männlich"),
            "Alter": table["age"],
            "BMI": table["bmi"].map("{:.1f}".format).str.replace(".", ",", regex=False),
            "Beginn": table["start"].dt.strftime("%d.%m.%Y"),
            "Datum": table["date"].dt.strftime("%d.%m.%Y"),
            "MADRS": table["madrs"],
        }
    )
    text = frame.to_csv(sep=";", index=False, lineterminator="\r\n")
    (folder / "klinik.csv").write_bytes(text.encode("cp1252"))


def write_compressed(cohort: ExportCohort, folder: Path) -> None:
    """Write one row a rating, with days, as compressed csv."""
    frame = long_table(cohort)
    write_gz(folder / "visits.csv.gz", frame.to_csv(index=False, lineterminator="\n"))


def long_table(cohort: ExportCohort) -> pd.DataFrame:
    """Return one row a rating: subject, treatment, day, score and covariates."""
    table = cohort.ratings.merge(cohort.patients, on="number")
    return pd.DataFrame(
        {
            "subject": table["number"].map("P{:03d}".format),
            "treatment": table["treatment"],
            "day": table["day"],
            "score": table["madrs"],
            "sex": table["sex"],
            "age": table["age"],
            "bmi": table["bmi"],
        }
    )


def _write(frame: pd.DataFrame, path: Path) -> None:
    # Codes and counts have no decimals, also where some are missing.
    whole = [c for c in frame if frame[c].dtype == float and (frame[c].dropna() % 1 == 0).all()]
    frame = frame.astype(dict.fromkeys(whole, "Int64"))
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
