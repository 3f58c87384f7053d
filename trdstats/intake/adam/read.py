"""Datasets of ADaM into the plain tables of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, check_choice
from trdstats.intake.adam.baselines import baselines_of
from trdstats.intake.adam.datasets import check_flag, is_yes, read_dataset
from trdstats.intake.adam.dates import with_dates
from trdstats.intake.adam.days import days_of, without_placeholders
from trdstats.intake.adam.events import ADTTE, pick_events
from trdstats.intake.adam.records import (
    ADQS,
    keep_analysed,
    note_later_periods,
    pick_scales,
)
from trdstats.intake.adam.subjects import ADSL, TREATMENTS, subjects_of
from trdstats.intake.adam.windows import windows_of
from trdstats.intake.dates.columns import ORDERS, Order
from trdstats.intake.tables import ExportTables
from trdstats.scales import Scale

_ROLES = ("subject", "treatment", "day", "score", "event", "instrument", "baseline", "visit",
          "scale", "change")  # fmt: skip


def tables_from_adam(
    adsl: Any,
    adqs: Any,
    adtte: Any = None,
    *,
    scales: Mapping[str, str | Scale] | None = None,
    treatment: Literal["planned", "actual"] = "planned",
    population: str | None = None,
    analysis_flag: str | None = "ANL01FL",
    derived: str | Sequence[str] = (),
    visit_days: Mapping[Any, float] | None = None,
    events: Mapping[str, str] | None = None,
    date_order: Order | None = None,
) -> ExportTables:
    """Return datasets of ADaM as visits, subjects, events and roles.

    Parameters
    ----------
    adsl, adqs, adtte : DataFrame, str or Path
        Subjects, scores (basic data structure), times to events.
    scales, treatment, population, analysis_flag, derived, visit_days, events, date_order
        As of `Study.from_adam`.

    Raises
    ------
    DataError
        With what is wrong with the datasets.
    UnknownNameError
        When something named is not there.
    """
    check_choice("treatment", treatment, tuple(TREATMENTS))
    if date_order is not None:
        check_choice("date_order", date_order, ORDERS)
    subject_level, notices = read_dataset(adsl, "ADSL", ADSL, ("USUBJID",))
    records, more = read_dataset(adqs, "ADQS", ADQS, ("USUBJID", "PARAMCD", "AVAL"))
    notices += more
    all_subjects = set(subject_level["USUBJID"])
    subject_level, more = subjects_of(subject_level, records, treatment, population)
    notices += more
    kept = set(subject_level["USUBJID"])
    records = records[~records["USUBJID"].isin(all_subjects - kept)]
    known, more = pick_scales(records, scales)
    notices += more
    records = records[records["PARAMCD"].astype(str).str.strip().isin(list(known))]
    kinds = (derived,) if isinstance(derived, str) else derived
    records, more = keep_analysed(records, analysis_flag, kinds)
    notices += more
    happened, more = _picked(adtte, events, all_subjects - kept)
    notices += more
    held = {"ADSL": subject_level, "ADQS": records}
    held, problems = with_dates(
        held if happened is None else held | {"ADTTE": happened}, date_order
    )
    subject_level, records, happened = held["ADSL"], held["ADQS"], held.get("ADTTE")
    first = (
        dict(subject_level.set_index("USUBJID")["TRTSDT"]) if "TRTSDT" in subject_level else None
    )
    day, more_problems = days_of(records, "ADQS", first)
    problems += more_problems
    there, more_problems = without_placeholders(records, day)
    problems += more_problems
    labels = records["PARAMCD"].astype(str).str.strip().map({c: s.label for c, s in known.items()})
    arms = subject_level.set_index("USUBJID")["TREATMENT"]
    records = records.assign(
        DAY=day, LABEL=labels, TREATMENT=records["USUBJID"].map(arms.astype(str))
    )[there]
    records = records.sort_values(["USUBJID", "DAY"], kind="stable")
    problems += note_later_periods(records)
    windows, more_problems = windows_of(records, visit_days)
    problems += more_problems
    baseline, subject_level, more_problems = _with_baselines(records, subject_level, known)
    problems += more_problems
    if happened is not None:
        happened, more_problems = _events(happened, first)
        problems += more_problems
    errors = [p for p in problems if p.level == "error"]
    if errors:
        raise DataError(errors)
    roles: dict[str, Any] = {
        "scale": list(known.values()),
        "randomised": _is_randomised(subject_level),
    }
    roles |= {"windows": windows} if windows is not None else {}
    roles |= {"baseline": baseline} if baseline else {}
    roles |= {"instrument": "instrument"} if len(known) > 1 else {}
    return ExportTables(
        visits=_visits(records, subject_level, several=len(known) > 1),
        subjects=_subjects(subject_level),
        events=happened,
        roles=roles,
        notices=(*notices, *problems),
    )


def _with_baselines(
    records: pd.DataFrame, subject_level: pd.DataFrame, known: Mapping[str, Scale]
) -> tuple[dict[str, str], pd.DataFrame, list[Problem]]:
    """Return columns of baselines that have to be given, and the subjects with them."""
    columns, problems = {}, []
    for scale in known.values():
        rows = records[records["LABEL"] == scale.label]
        values, baselines = baselines_of(rows, scale.label)
        problems += baselines
        if values is not None:
            columns[scale.label] = f"baseline_{scale.label}"
            subject_level = subject_level.assign(
                **{columns[scale.label]: subject_level["USUBJID"].map(values)}
            )
    return columns, subject_level, problems


def _subjects(subject_level: pd.DataFrame) -> pd.DataFrame:
    """Return subjects without what decided who belongs to the study, and when it began."""
    other = {"TRT01P", "TRT01A", "USUBJID"}
    dropped = [c for c in subject_level.columns if c in ADSL and c not in other]
    names = {"USUBJID": "subject", "TREATMENT": "treatment"}
    return _plain_names(subject_level.drop(columns=dropped), names)


def _visits(records: pd.DataFrame, subject_level: pd.DataFrame, *, several: bool) -> pd.DataFrame:
    dropped = {*ADQS, *subject_level.columns, "TREATMENT"} - {"USUBJID", "AVAL"}
    if not several:
        dropped.add("LABEL")
    visits = records.drop(columns=[c for c in records.columns if c in dropped])
    names = {"USUBJID": "subject", "DAY": "day", "AVAL": "score", "LABEL": "instrument"}
    return _plain_names(visits, names)


def _plain_names(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a table under the names of roles; what has one already is ``adam_``."""
    taken = {c: f"adam_{c}" for c in frame.columns if c in _ROLES}
    return frame.rename(columns={**taken, **names}).reset_index(drop=True)


def _picked(
    adtte: Any, names: Mapping[str, str] | None, left_out: set[Any]
) -> tuple[pd.DataFrame | None, tuple[Problem, ...]]:
    if adtte is None:
        return None, ()
    table, read = read_dataset(adtte, "ADTTE", ADTTE, ("USUBJID", "PARAMCD", "CNSR"))
    table, notices = pick_events(table[~table["USUBJID"].isin(left_out)], names)
    return table, (*read, *notices)


def _events(
    table: pd.DataFrame, first: Mapping[Any, Any] | None
) -> tuple[pd.DataFrame, list[Problem]]:
    day, problems = days_of(table, "ADTTE", first)
    if np.isnan(day).any():
        problems.append(
            Problem(
                "missing_day",
                "Events of ADTTE have no day: AVAL alone does not say from which day it counts.",
                tuple(table["USUBJID"].astype(str)[np.isnan(day)].unique()[:50]),
                "Give ADY, or ADT with TRTSDT of ADSL.",
            )
        )
    frame = pd.DataFrame({"subject": table["USUBJID"], "day": day, "event": table["EVENT"]})
    return frame.reset_index(drop=True), problems


def _is_randomised(subject_level: pd.DataFrame) -> bool:
    check_flag(subject_level, "RANDFL", "ADSL")
    return "RANDFL" in subject_level and bool(is_yes(subject_level["RANDFL"]).all())
