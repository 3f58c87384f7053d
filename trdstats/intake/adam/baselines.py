"""Baselines of ADaM: BASE and ABLFL, where they differ from the last value before treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.columns import numbers
from trdstats.errors import Problem, count_of
from trdstats.intake.adam.datasets import is_yes, who

_ROUNDED = 0.06  # CHG may be rounded to a decimal place; scores differ by more


def baselines_of(records: pd.DataFrame, label: str) -> tuple[pd.Series | None, list[Problem]]:
    """Return the baseline of each subject on one scale; None where it is the last value before.

    Parameters
    ----------
    records : pandas.DataFrame
        Records of one parameter with a column DAY, sorted by subject and day.
    label : str
        Scale, for messages.

    Returns
    -------
    baseline : pandas.Series or None
        By USUBJID. None where it is, for every subject, the last value at day 0 or before.
    problems : list of Problem
    """
    subjects = pd.Index(records["USUBJID"].unique())
    problems: list[Problem] = []
    given = None
    if "BASE" in records:
        known = records[records["BASE"].notna()]
        several = known.groupby("USUBJID", observed=True)["BASE"].nunique()
        several = several[several > 1]
        if len(several):
            problems.append(
                Problem(
                    "several_baselines",
                    count_of(len(several), "subject has", "subjects have")
                    + f" more than one BASE of {label}.",
                    tuple(map(str, several.index[:50])),
                    "Keep the records of one BASETYPE.",
                )
            )
        if len(known):
            given = known.groupby("USUBJID", observed=True)["BASE"].first().reindex(subjects)
    flagged = _flagged(records, label, subjects, problems)
    if given is not None and flagged is not None:
        differ = given.notna() & flagged.notna() & (given != flagged)
        if differ.any():
            problems.append(
                Problem(
                    "baselines_disagree",
                    count_of(int(differ.sum()), "subject has", "subjects have")
                    + f" a BASE of {label} that is not the value of the record with ABLFL = Y.",
                    tuple(map(str, subjects[differ.to_numpy()][:50])),
                    "Correct one of them.",
                )
            )
    chosen = given if flagged is None else flagged if given is None else given.fillna(flagged)
    before = records[(records["DAY"] <= 0) & records["AVAL"].notna()]
    last = before.groupby("USUBJID", observed=True)["AVAL"].last().reindex(subjects)
    problems += _changes(records, label, last if chosen is None else chosen)
    if chosen is None:
        return None, problems
    same = (chosen == last) | (chosen.isna() & last.isna())
    if same.all():
        return None, problems
    problems.append(
        Problem(
            "given_baselines",
            f"Baselines of {label} are those of "
            + ("BASE" if given is not None else "ABLFL")
            + ": of "
            + count_of(int((~same).sum()), "subject", "subjects")
            + " it is not the last value at day 0 or before.",
            tuple(map(str, subjects[(~same).to_numpy()][:50])),
            "Nothing has to be done if the analysis plan says so.",
            level="note",
        )
    )
    return chosen, problems


def _flagged(
    records: pd.DataFrame, label: str, subjects: pd.Index, problems: list[Problem]
) -> pd.Series | None:
    if "ABLFL" not in records:
        return None
    rows = records[is_yes(records["ABLFL"])]
    if not len(rows):
        return None
    twice = rows["USUBJID"].duplicated().to_numpy()
    if twice.any():
        problems.append(
            Problem(
                "several_baselines",
                f"More than one record of {label} has ABLFL = Y.",
                tuple(np.unique(rows["USUBJID"].astype(str)[twice])[:50]),
                "Flag one record a subject.",
            )
        )
        rows = rows[~twice]
    return rows.set_index("USUBJID")["AVAL"].reindex(subjects)


def _changes(records: pd.DataFrame, label: str, baseline: pd.Series) -> list[Problem]:
    """Note records whose CHG is not the change from the baseline that is used."""
    if "CHG" not in records:
        return []
    given, _ = numbers(records["CHG"])
    change = records["AVAL"].to_numpy(dtype=float) - records["USUBJID"].map(baseline).to_numpy(
        dtype=float
    )
    with np.errstate(invalid="ignore"):
        differ = np.abs(given - change) > _ROUNDED
    if not differ.any():
        return []
    return [
        Problem(
            "changes_disagree",
            count_of(int(differ.sum()), "record of ADQS has", "records of ADQS have")
            + f" a CHG of {label} that is not AVAL less the baseline: CHG is not used.",
            who(records, differ),
            "Correct AVAL, BASE or CHG.",
            level="warning",
        )
    ]
