"""Visit windows of ADaM: AWTARGET, AWLO and AWHI, or the days that AVISIT stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import Problem, count_of, unknown_name
from trdstats.intake.adam.datasets import is_blank
from trdstats.intake.adam.study_days import days_since_first
from trdstats.intake.mapping.units import to_days
from trdstats.tables import each_row

_SAYS_ITS_DAY = re.compile(r"\s*(day|week|month)\s+(\d+)\s*", re.IGNORECASE)
_WITHOUT_DAY = ("baseline", "screening", "unscheduled")


def windows_of(
    records: pd.DataFrame, visit_days: Mapping[Any, float] | None
) -> tuple[dict[Any, Any] | None, list[Problem]]:
    """Return windows as a study takes them, None where the records say nothing of them.

    Parameters
    ----------
    records : pandas.DataFrame
        With columns TREATMENT and DAY (days since first treatment).
    visit_days : mapping of AVISIT or AVISITN to day, optional
        Days since first treatment. Without it: AWTARGET, AWLO and AWHI; else names of AVISIT that
        say their day ("Week 4" is day 28, "Day 29" the study day 29, which is day 28).

    Raises
    ------
    UnknownNameError
        When a visit of `visit_days` does not exist.
    """
    if visit_days is None and {"AWTARGET", "AWLO", "AWHI"} <= set(records.columns):
        return _as_written(records)
    if "AVISIT" not in records and "AVISITN" not in records:
        return None, []
    visit, days, nameless = _days_of_visits(records, visit_days)
    problems = []
    if nameless:
        problems.append(
            Problem(
                "visits_without_day",
                "Visits whose name does not say their day are unscheduled.",
                tuple(map(repr, nameless)),
                "Say the days since first treatment: visit_days={AVISIT: day}.",
                level="warning",
            )
        )
    if not days:
        return None, problems
    windows, notice = _around(records, visit, days)
    notices = (notice, _not_of_their_visit(records, visit.map(days), windows))
    return windows, [*problems, *(n for n in notices if n is not None)]


def _as_written(records: pd.DataFrame) -> tuple[dict[Any, Any] | None, list[Problem]]:
    columns = ["AWTARGET", "AWLO", "AWHI"]
    whole = records.dropna(subset=columns)
    rows = whole[["TREATMENT", *columns]].drop_duplicates()
    if not len(rows):
        return None, []
    if "AWU" in records:
        unit = whole["AWU"][~is_blank(whole["AWU"])].astype(str).str.strip().unique()
        other = [u for u in unit if u.upper() not in ("DAY", "DAYS")]
        if other:
            return None, [_other_unit(other)]
    target, low, high = (days_since_first(rows[c]) for c in columns)
    # Rounded where 1.17 - 1 is not 0.17: far below any real clock.
    days = {"day": target, "low": target - low, "high": high - target}
    table = pd.DataFrame({k: np.round(v, 9) for k, v in days.items()})
    table["arm"] = rows["TREATMENT"].array
    twice = table.duplicated(["arm", "day"]) | table.isna().any(axis=1)
    if twice.any():
        return None, [
            Problem(
                "windows",
                "AWTARGET, AWLO and AWHI do not give one window for each target day.",
                tuple(f"AWTARGET {v:g}" for v in rows["AWTARGET"][twice.to_numpy()].unique()),
                "Correct them, or give windows=.",
            )
        ]
    by_day = {
        str(arm): {
            r.day: r.high if r.high == r.low else (-r.low, r.high)
            for r in each_row(group.sort_values("day"))
        }
        for arm, group in table.groupby("arm", observed=True)
    }
    first = next(iter(by_day.values()))
    return (first if all(w == first for w in by_day.values()) else by_day), []


def _other_unit(units: list[str]) -> Problem:
    return Problem(
        "unit_of_time",
        f"AWTARGET, AWLO and AWHI are no study days: AWU is {', '.join(map(repr, units[:5]))}.",
        (),
        "Give the windows in days since first treatment: windows=; or visit_days={AVISIT: day}.",
    )


def _days_of_visits(
    records: pd.DataFrame, visit_days: Mapping[Any, float] | None
) -> tuple[pd.Series, dict[str, float], list[str]]:
    """Return the visit of each record as text, the day of each, and visits without one."""
    name = records["AVISIT"] if "AVISIT" in records else records["AVISITN"]
    text = name.astype(str).str.strip().mask(is_blank(name))
    known = list(text.dropna().unique())
    if visit_days is None:
        days = _days_in_names(known)
    else:
        days, by_number = {}, _by_number(records, text)
        for visit, day in visit_days.items():
            label = by_number.get(visit, str(visit))
            if label not in known:
                raise unknown_name("AVISIT", visit, known)
            days[label] = float(day)
    nameless = [v for v in known if v not in days and v.casefold() not in _WITHOUT_DAY]
    return text, days, nameless


def _days_in_names(known: list[str]) -> dict[str, float]:
    """Return the days that names of visits say; with a "Day 0" they count from first treatment."""
    matches = {v: match for v in known if (match := _SAYS_ITS_DAY.fullmatch(v))}
    parts = {v: (match[1].lower(), float(match[2])) for v, match in matches.items()}
    from_0 = ("day", 0.0) in parts.values()
    return {
        visit: n if unit == "day" and from_0
        else float(days_since_first(n)) if unit == "day"
        else float(to_days(n, f"{unit}s"))  # type: ignore[arg-type]
        for visit, (unit, n) in parts.items()
    }  # fmt: skip


def _by_number(records: pd.DataFrame, text: pd.Series) -> dict[Any, str]:
    """Return AVISIT by AVISITN."""
    if "AVISITN" not in records:
        return {}
    pairs = pd.DataFrame({"n": records["AVISITN"], "visit": text}).dropna().drop_duplicates("n")
    return {float(n): v for n, v in zip(pairs["n"], pairs["visit"], strict=True)}


def _around(
    records: pd.DataFrame, visit: pd.Series, days: Mapping[str, float]
) -> tuple[dict[float, float], Problem | None]:
    """Return windows that hold the records of each visit, as far as visits do not meet."""
    target = visit.map(days).to_numpy(dtype=float)
    day = records["DAY"].to_numpy(dtype=float)
    later = ~np.isnan(target) & (target > 0) & (day > 0)
    targets = sorted(set(target[later]))
    off = np.abs(day - target)
    width = {t: float(off[later & (target == t)].max()) for t in targets}
    limit = dict.fromkeys(targets, np.inf)
    for a, b in pairwise(targets):
        if width[a] + width[b] >= b - a:
            room = max(np.ceil((b - a) / 2) - 1, 0.0)
            limit[a], limit[b] = min(limit[a], room), min(limit[b], room)
    windows = {t: min(width[t], limit[t]) for t in targets}
    outside = later & (off > np.array([windows.get(t, np.inf) for t in target]))
    sentences = tuple(f"day {t:g} ± {w:g}" for t, w in windows.items())
    if not windows:
        return {}, None
    if outside.any():
        return windows, Problem(
            "windows_from_visits",
            "Windows were taken from the days of AVISIT; "
            + count_of(int(outside.sum()), "record lies", "records lie")
            + " nearer to another visit than to its own.",
            sentences,
            "Give windows=, or leave the record out of the analysis (ANL01FL).",
            level="warning",
        )
    return windows, Problem(
        "windows_from_visits",
        "Windows were taken from the days of AVISIT, as wide as its records are apart.",
        sentences,
        "Look whether they are those of the analysis plan, or give windows=.",
        level="note",
    )


def _not_of_their_visit(
    records: pd.DataFrame, target: pd.Series, windows: Mapping[float, float]
) -> Problem | None:
    """Warn of ratings without a scheduled AVISIT that stand for a visit, as the nearest in it."""
    rated = pd.DataFrame({
        "scale": records["LABEL"].to_numpy(), "subject": records["USUBJID"].to_numpy(),
        "day": records["DAY"].to_numpy(dtype=float), "target": target.to_numpy(dtype=float),
    })[records["AVAL"].notna().to_numpy()]  # fmt: skip
    scheduled = rated[rated["target"] > 0].assign(off=lambda d: (d["day"] - d["target"]).abs())
    nearest = scheduled.groupby(["scale", "subject", "target"], observed=True)["off"].min()
    others = rated[rated["target"].isna() & (rated["day"] > 0)]
    parts = []
    for day, width in windows.items():
        inside = others[(others["day"] - day).abs() <= width]
        keys = pd.MultiIndex.from_arrays(
            [inside["scale"], inside["subject"], np.full(len(inside), day)]
        )
        best = nearest.reindex(keys).to_numpy(dtype=float)
        off = (inside["day"] - day).abs().to_numpy()
        parts.append(inside[np.isnan(best) | (off < best)])
    taken = pd.concat(parts) if parts else others.iloc[:0]
    if not len(taken):
        return None
    return Problem(
        "unscheduled_in_windows",
        count_of(len(taken), "record", "records")
        + " without a scheduled AVISIT "
        + ("lies" if len(taken) == 1 else "lie")
        + " in the window of a visit, nearer to its day than the record of the visit, or where "
        "there is none: such a rating stands for the visit.",
        tuple(dict.fromkeys(taken["subject"].astype(str)))[:50],
        "Where the analysis plan takes the scheduled ones only, leave the others out (ANL01FL), or "
        "give windows=.",
        level="warning",
    )
