"""How resistant a depression is: staging models and the structure of a treatment history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import DataError, Problem, SpecError, count_of, unknown_name
from trdstats.frames import to_pandas
from trdstats.scales.drug_classes import MAO_INHIBITOR, TRICYCLIC, read_classes

_SEVERITY = {
    "subsyndromal": 1,
    "mild": 2,
    "moderate": 3,
    "severe": 4,
    "severe with psychosis": 5,
}
# More failed trials, or a longer episode, than a patient has: 77, 99 and 999 are codes.
_MOST_TRIALS, _MOST_MONTHS = 50, 900


@checked
def stage_maudsley(
    frame: pd.DataFrame,
    *,
    duration_months: str = "duration_months",
    severity: str = "severity",
    failures: str = "failures",
    augmentation: str = "augmentation",
    ect: str = "ect",
) -> pd.DataFrame:
    """Return the Maudsley staging of each row.

    Parameters
    ----------
    frame : DataFrame
        One row a patient.
    duration_months : str
        Column: months of the current episode.
    severity : str
        Column: subsyndromal, mild, moderate, severe, or severe with psychosis.
    failures : str
        Column: number of failed adequate antidepressants.
    augmentation, ect : str
        Columns: whether used (True / False or 1 / 0).

    Returns
    -------
    pandas.DataFrame
        Points of the five parts, total (3 to 15, high is more resistant) and stage (mild 3 to 6,
        moderate 7 to 10, severe 11 to 15), on the index of `frame`. Without a failed drug a
        patient is outside the scale: total and stage are missing.

    Raises
    ------
    UnknownNameError, DataError
        When a column is missing or holds something else.

    References
    ----------
    Fekadu 2009, J Clin Psychiatry 70:177-184; Fekadu 2018, doi:10.1186/s12888-018-1679-x.

    Examples
    --------
    >>> patient = pd.DataFrame({"duration_months": [30], "severity": ["severe"], "failures": [4],
    ...                         "augmentation": [True], "ect": [False]})
    >>> stage_maudsley(patient)[["total", "stage"]].to_numpy().tolist()
    [[10.0, 'moderate']]
    """
    frame = _table(frame, "courses of treatment")
    months = _numbers(frame, duration_months, least=0, most=_MOST_MONTHS)
    failed = _numbers(frame, failures, least=0, most=_MOST_TRIALS, whole=True)
    words = _column(frame, severity).map(lambda v: v if pd.isna(v) else str(v).strip().lower())
    _refuse(words.notna() & ~words.isin(list(_SEVERITY)), words, severity,
            f"Write one of {', '.join(_SEVERITY)}.")  # fmt: skip
    parts = pd.DataFrame(
        {
            "duration_points": _steps(months, (12, 24), (1, 2, 3)),
            "severity_points": words.map(_SEVERITY).to_numpy(dtype=float),
            "failure_points": np.where(
                failed == 0, np.nan, _steps(failed, (2, 4, 6, 10), (1, 2, 3, 4, 5))
            ),
            "augmentation_points": _flags(frame, augmentation),
            "ect_points": _flags(frame, ect),
        },
        index=frame.index,
    )
    total = parts.sum(axis=1, skipna=False)
    stage = pd.cut(total, [2, 6, 10, 15], labels=["mild", "moderate", "severe"])
    return parts.assign(total=total, stage=stage.astype(object))


@checked
def stage_thase_rush(
    frame: pd.DataFrame, *, classes: str = "failed_classes", bilateral_ect: str = "bilateral_ect"
) -> pd.DataFrame:
    """Return the Thase-Rush stage of each row.

    Parameters
    ----------
    frame : DataFrame
        One row a patient.
    classes : str
        Column: classes of which an adequate trial failed, as a comma-separated text, e.g.
        ``"SSRI, SNRI, TCA"``, or ``"none"``. ``TCA`` and ``MAOI`` are told apart, all others are
        major classes. Common drugs count as their class, so that two SSRIs are one class.
    bilateral_ect : str
        Column: whether bilateral ECT failed.

    Returns
    -------
    pandas.DataFrame
        stage (0 to 5), the highest that is fully satisfied, and unstaged_failures, failed
        classes and ECT that the nesting leaves out: stages are strictly nested, so a patient
        without a tricyclic stays at stage 2 whatever else failed. Both are missing where the
        classes are; where ECT is, unstaged_failures, and the stage if all but ECT failed.

    Raises
    ------
    UnknownNameError, DataError
        When a column is missing or holds something else.

    References
    ----------
    Thase and Rush 1997, J Clin Psychiatry 58 suppl 13:23-29.

    Examples
    --------
    >>> history = pd.DataFrame({"failed_classes": ["SSRI, SNRI, MAOI"], "bilateral_ect": [0]})
    >>> stage_thase_rush(history).to_numpy().tolist()
    [[2, 1]]
    """
    frame = _table(frame, "courses of treatment")
    ect = _flags(frame, bilateral_ect)
    given = _column(frame, classes)
    read = [None if pd.isna(v) else read_classes(str(v)) for v in given]
    unread = np.array([one is None for one in read]) & given.notna().to_numpy()
    _refuse(unread, given, classes,
            "Write classes of drugs, separated by commas (ECT has its own column), 'none' where "
            "none failed, or leave it empty where that is not known.")  # fmt: skip
    rows = [_thase_rush(named, failed_ect) for named, failed_ect in zip(read, ect, strict=True)]
    return pd.DataFrame(
        {
            "stage": pd.array([stage for stage, _ in rows], dtype="Int64"),
            "unstaged_failures": pd.array([left for _, left in rows], dtype="Int64"),
        },
        index=frame.index,
    )


def _thase_rush(named: frozenset[str] | None, failed_ect: float) -> tuple[Any, Any]:
    """Return stage and unstaged failures of one patient, missing where not known."""
    if named is None:
        return pd.NA, pd.NA
    has_tca, has_maoi = TRICYCLIC in named, MAO_INHIBITOR in named
    # One class, a different class, a tricyclic, a monoamine oxidase inhibitor, ECT.
    ladder = [len(named) >= 1, len(named) >= 2, has_tca, has_maoi, failed_ect == 1]
    stage = next((k for k, met in enumerate(ladder) if not met), len(ladder))
    if np.isnan(failed_ect):
        return (pd.NA if stage == 4 else stage), pd.NA
    major = min(len(named - {TRICYCLIC, MAO_INHIBITOR}), 2)  # a third class has no stage
    counted = stage if stage < 3 else major + 1 + (stage >= 4)
    return stage, len(named) - counted + int(failed_ect == 1 and stage < 5)


@checked
def stage_mgh(
    frame: pd.DataFrame,
    *,
    failures: str = "failures",
    optimisations: str = "optimisations",
    ect: str = "ect",
) -> pd.Series[Any]:
    """Return the MGH staging score of each row.

    One point for each failed adequate trial, half a point for each optimisation or augmentation,
    three for failed ECT. Recalled, not verified, but for the points of ECT.

    Parameters
    ----------
    frame : DataFrame
        One row a patient.
    failures, optimisations : str
        Columns: counts.
    ect : str
        Column: whether ECT failed.

    Raises
    ------
    UnknownNameError, DataError
        When a column is missing or holds something else.

    Examples
    --------
    >>> stage_mgh(pd.DataFrame({"failures": [3], "optimisations": [2], "ect": [True]})).item()
    7.0
    """
    frame = _table(frame, "courses of treatment")
    score = (
        _numbers(frame, failures, least=0, most=_MOST_TRIALS, whole=True)
        + 0.5 * _numbers(frame, optimisations, least=0, most=_MOST_TRIALS, whole=True)
        + 3 * _flags(frame, ect)
    )
    return pd.Series(score, index=frame.index, name="mgh")


@checked
def stage_european(
    frame: pd.DataFrame, *, failures: str = "failures", duration_months: str = "resistant_months"
) -> pd.Series[Any]:
    """Return the European stage of each row.

    Parameters
    ----------
    frame : DataFrame
        One row a patient.
    failures : str
        Column: failed adequate trials.
    duration_months : str
        Column: months for which the depression has been treated without response.

    Returns
    -------
    pandas.Series
        "not staged" (no failure), "non-responder" (1), "treatment-resistant" (2 or more),
        "chronic resistant" (2 or more, over 12 months); missing where a value is.

    Raises
    ------
    UnknownNameError, DataError
        When a column is missing or holds something else.

    Examples
    --------
    >>> history = pd.DataFrame({"failures": [1, 2, 5], "resistant_months": [3, 6, 18]})
    >>> stage_european(history).tolist()
    ['non-responder', 'treatment-resistant', 'chronic resistant']
    """
    frame = _table(frame, "courses of treatment")
    failed = _numbers(frame, failures, least=0, most=_MOST_TRIALS, whole=True)
    months = _numbers(frame, duration_months, least=0, most=_MOST_MONTHS)
    unknown = np.isnan(failed) | ((failed >= 2) & np.isnan(months))
    stage = np.select(
        [unknown, failed == 0, failed == 1, months > 12],
        ["", "not staged", "non-responder", "chronic resistant"],
        "treatment-resistant",
    )
    result = pd.Series(stage, index=frame.index, name="european", dtype=object)
    return result.where(~unknown, None)


@checked
def judge_trials(
    trials: pd.DataFrame,
    minimum: Mapping[str, tuple[float, float]],
    *,
    intervention: str = "intervention",
    dose: str = "dose",
    weeks: str = "weeks",
    adherent: str = "adherent",
    insufficient: str = "insufficient",
) -> pd.DataFrame:
    """Judge treatment trials as failed and adequate, in the structure of the ATHF-SF.

    Parameters
    ----------
    trials : DataFrame
        One row a trial of a treatment.
    minimum : mapping of str to (float, float)
        Your table: for each intervention the least dose (or number of sessions) and the least
        weeks. None is packaged: minimum doses must be taken from the checklist of the ATHF-SF2
        (Sackeim 2024, doi:10.1016/j.jpsychires.2024.05.046).
    intervention, dose, weeks, adherent, insufficient : str
        Columns: name, dose or sessions, duration, whether taken as prescribed, and whether the
        outcome was insufficient.

    Returns
    -------
    pandas.DataFrame
        dose_ok, duration_ok, adherence_ok, outcome_insufficient, failed_adequate (all four), as
        nullable booleans. What is empty is not known: failed_adequate is then missing, unless one
        of the four is known not to hold.

    Raises
    ------
    UnknownNameError, DataError, SpecError
        When a column is missing, an intervention has no minimum, or an entry is not usable.

    Examples
    --------
    >>> trials = pd.DataFrame({"intervention": ["sertraline"], "dose": [150], "weeks": [6],
    ...                        "adherent": [True], "insufficient": [True]})
    >>> judge_trials(trials, {"sertraline": (50, 4)})["failed_adequate"].tolist()
    [True]
    """
    trials = _table(trials, "trials")
    if not minimum:
        raise SpecError(
            "No minimum doses are packaged: take them from the ATHF-SF2 checklist (Sackeim 2024, "
            "doi:10.1016/j.jpsychires.2024.05.046) and give {intervention: (dose, weeks)}."
        )
    names = _column(trials, intervention).map(str)
    for name in names.unique():
        if name not in minimum:
            raise unknown_name("intervention without a minimum", name, minimum)
    least = np.array([minimum[name] for name in names], dtype=float).reshape(-1, 2)
    if (least < 0).any():
        raise SpecError("Minimum doses and weeks must not be negative.")
    enough: dict[str, tuple[FloatArray, FloatArray]] = {
        "dose_ok": (_numbers(trials, dose, least=0), least[:, 0]),
        "duration_ok": (_numbers(trials, weeks, least=0), least[:, 1]),
        "adherence_ok": (_flags(trials, adherent), np.ones(len(trials))),
        "outcome_insufficient": (_flags(trials, insufficient), np.ones(len(trials))),
    }
    result = pd.DataFrame(
        {
            name: pd.Series(values >= bound, trials.index, dtype="boolean").mask(np.isnan(values))
            for name, (values, bound) in enough.items()
        }
    )
    failed = result.iloc[:, 0]
    for name in result.columns[1:]:
        failed = failed & result[name]  # False where one is False, else missing where one is
    return result.assign(failed_adequate=failed)


def _table(frame: Any, what: str) -> pd.DataFrame:
    """Return any data frame as one of pandas; one of pandas keeps its index."""
    table = to_pandas(frame, what=what)
    return table.set_axis(frame.index) if isinstance(frame, pd.DataFrame) else table


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in frame.columns:
        raise unknown_name("column", name, frame.columns)
    return frame[name]


def _refuse(bad: Any, values: pd.Series[Any], name: str, remedy: str) -> None:
    """Raise with the rows of a column that cannot be used."""
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        listed = values.astype(object).tolist()  # as Python writes them
        shown = tuple(f"{listed[i]!r} in row {i}" for i in rows)
        what = (
            count_of(len(rows), "entry of column", "entries of column")
            + f" {name!r} cannot be used."
        )
        raise DataError([Problem("unusable_entry", what, shown, remedy)])


def _numbers(
    frame: pd.DataFrame, name: str, *, least: float, most: float = np.inf, whole: bool = False
) -> FloatArray:
    values = _column(frame, name)
    result = np.asarray(pd.to_numeric(values, errors="coerce"), dtype=float)
    bad = (np.isnan(result) & values.notna().to_numpy()) | (result < least) | np.isinf(result)
    if whole:
        bad |= ~np.isnan(result) & (result != np.round(result))
    kind = "whole number" if whole else "number"
    _refuse(bad, values, name, f"Give a {kind} of at least {least:g}, or leave it empty.")
    _refuse(result > most, values, name,
            f"A number above {most:g} is probably a code for missing: leave it empty.")  # fmt: skip
    return result


def _flags(frame: pd.DataFrame, name: str) -> FloatArray:
    values = _column(frame, name)
    result = np.asarray(pd.to_numeric(values.astype(object), errors="coerce"), dtype=float)
    bad = values.notna().to_numpy() & ~np.isin(result, (0, 1))
    _refuse(bad, values, name, "Write True or False (1 or 0), or leave it empty.")
    return result


def _steps(values: FloatArray, edges: Sequence[float], points: Sequence[int]) -> FloatArray:
    """Return the points of each value: the first up to the first edge, and so on."""
    place = np.searchsorted(np.asarray(edges), values, side="left")
    return np.where(np.isnan(values), np.nan, np.asarray(points, dtype=float)[place])
