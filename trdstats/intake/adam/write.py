"""The tables of a study as datasets of ADaM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError
from trdstats.intake.adam.records import ADQS
from trdstats.intake.adam.study_days import study_days
from trdstats.intake.adam.subjects import ADSL


class AdamTables(NamedTuple):
    """Datasets of ADaM.

    Attributes
    ----------
    adsl : pandas.DataFrame
        One record a subject: USUBJID, TRT01P, TRT01PN, RANDFL and covariates.
    adqs : pandas.DataFrame
        One record a subject, parameter and visit, in the basic data structure.
    adtte : pandas.DataFrame or None
        Events (CNSR 0) and, for subjects without one, the last assessment (CNSR 1).
    """

    adsl: pd.DataFrame
    adqs: pd.DataFrame
    adtte: pd.DataFrame | None


def adam_tables(
    subjects: pd.DataFrame,
    visits: Mapping[str, pd.DataFrame],
    baselines: Mapping[str, FloatArray],
    events: pd.DataFrame,
    windows: Mapping[str, Mapping[float, tuple[float, float]]] | None,
    *,
    randomised: bool,
) -> AdamTables:
    """Return the tables of a study as datasets of ADaM.

    Parameters
    ----------
    subjects : pandas.DataFrame
        subject, treatment (categorical), covariates.
    visits : mapping of scale to DataFrame
        subject (categorical), day, visit, score and other columns.
    baselines : mapping of scale to ndarray, shape (n_subjects,)
    events : pandas.DataFrame
        subject, day, event.
    windows : mapping of treatment to {day: (first, last)}, or None
    randomised : bool

    Raises
    ------
    SpecError
        When a column has the name of a variable of ADaM that means something else.
    """
    arm = subjects["treatment"]
    covariates = subjects.drop(columns=["subject", "treatment", "baseline"], errors="ignore")
    _check_names(covariates, ADSL, "covariate")
    adsl = pd.DataFrame(
        {
            "USUBJID": subjects["subject"].astype(object),
            "TRT01P": arm.astype(object),
            "TRT01PN": arm.cat.codes.to_numpy() + 1,
            "RANDFL": "Y" if randomised else "N",
        }
    )
    adsl = pd.concat([adsl, covariates], axis=1)
    parts = [
        _records(label, number, frame, baselines[label], arm, windows)
        for number, (label, frame) in enumerate(visits.items(), start=1)
    ]
    adqs = pd.concat(parts, ignore_index=True)
    order = np.lexsort((adqs["PARAMN"], adqs.index, adqs["_place"]))
    adqs = adqs.iloc[order].drop(columns="_place").reset_index(drop=True)
    return AdamTables(adsl, adqs, _adtte(subjects, visits, events) if len(events) else None)


def _check_names(frame: pd.DataFrame, known: Any, what: str) -> None:
    taken = [c for c in frame.columns if str(c).upper() in known]
    if taken:
        raise SpecError(
            f"The {what} {taken[0]!r} has the name of a variable of ADaM. Rename it before."
        )


def _records(
    label: str,
    number: int,
    visits: pd.DataFrame,
    baseline: FloatArray,
    arm: pd.Series,
    windows: Mapping[str, Mapping[float, tuple[float, float]]] | None,
) -> pd.DataFrame:
    extra = visits.drop(columns=["subject", "day", "visit", "score"])
    _check_names(extra, ADQS, "column of the visits")
    place = visits["subject"].cat.codes.to_numpy()
    day, score = visits["day"].to_numpy(dtype=float), visits["score"].to_numpy(dtype=float)
    base = baseline[place]
    frame = pd.DataFrame(
        {
            "_place": place,
            "USUBJID": visits["subject"].astype(object).to_numpy(),
            "TRTP": arm.astype(object).to_numpy()[place],
            "PARAM": f"{label} total score",
            "PARAMCD": "".join(c for c in label.upper() if c.isalnum())[:8],
            "PARAMN": number,
            **_times(day),
            "AVAL": score,
            "BASE": base,
            "CHG": np.where(day > 0, score - base, np.nan),
            "ABLFL": np.where(_is_baseline(place, day, score, base), "Y", ""),
            "ANL01FL": "Y",
        }
    )
    if windows is not None:
        frame = frame.assign(**_visits(visits, arm.astype(str).to_numpy()[place], windows))
    return pd.concat([frame, extra.reset_index(drop=True)], axis=1)


def _times(day: FloatArray) -> dict[str, Any]:
    """Return study days; parts of days beside them, as time since first treatment."""
    times: dict[str, Any] = {"ADY": study_days(np.floor(day)).astype(int)}
    if (day != np.floor(day)).any():
        times |= {"ARELTM": day, "ARELTMU": "DAYS"}
    return times


def _is_baseline(
    place: np.ndarray, day: FloatArray, score: FloatArray, base: FloatArray
) -> BoolArray:
    """Return the last rated record at day 0 or before, where it is the baseline."""
    rated = np.flatnonzero((day <= 0) & ~np.isnan(score))
    last = np.full(place.max(initial=-1) + 1, -1)
    last[place[rated]] = rated
    flags = np.zeros(len(day), dtype=bool)
    flags[last[last >= 0]] = True
    result: BoolArray = flags & (score == base)
    return result


def _visits(
    visits: pd.DataFrame, arm: np.ndarray, windows: Mapping[str, Mapping[float, Any]]
) -> dict[str, Any]:
    scheduled = visits["visit"].to_numpy(dtype=float)
    spans = [windows[a].get(v, (np.nan, np.nan)) for a, v in zip(arm, scheduled, strict=True)]
    low, high = np.array(spans, dtype=float).reshape(-1, 2).T
    target = study_days(scheduled)
    name = [f"Day {t:g}" if t == t else "Unscheduled" for t in target]
    return {
        "AVISIT": name, "AVISITN": target, "AWTARGET": target,
        "AWLO": study_days(low), "AWHI": study_days(high),
        "ANL02FL": np.where(np.isnan(scheduled), "", "Y"),
    }  # fmt: skip


def _adtte(
    subjects: pd.DataFrame, visits: Mapping[str, pd.DataFrame], events: pd.DataFrame
) -> pd.DataFrame:
    seen = pd.concat([v[["subject", "day"]] for v in visits.values()])
    last = seen.groupby("subject", observed=False)["day"].max().reindex(subjects["subject"])
    last = pd.Series(last.fillna(0).to_numpy(dtype=float), index=subjects["subject"].astype(object))
    parts = []
    for number, kind in enumerate(dict.fromkeys(events["event"].sort_values()), start=1):
        rows = events[events["event"] == kind]
        without = last[~last.index.isin(rows["subject"].astype(object))]
        day = np.concatenate([rows["day"].to_numpy(dtype=float), without.to_numpy()])
        parts.append(
            pd.DataFrame(
                {
                    "USUBJID": [*rows["subject"].astype(object), *without.index],
                    "PARAM": f"Time to {kind}",
                    "PARAMCD": f"TTE{number}",
                    "PARAMN": number,
                    "AVAL": day,
                    "AVALU": "DAYS",
                    "CNSR": [*[0] * len(rows), *[1] * len(without)],
                    "EVNTDESC": [*[kind] * len(rows), *[""] * len(without)],
                    "CNSDTDSC": [*[""] * len(rows), *["Last assessment"] * len(without)],
                    **_times(day),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
