"""Subjects of ADSL: population, treatment, covariates."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, count_of, unknown_name
from trdstats.intake.adam.datasets import flagged, is_blank, who

TREATMENTS = {"planned": ("TRT01P", "TRTP"), "actual": ("TRT01A", "TRTA")}
ADSL = (
    "STUDYID", "USUBJID", "TRT01P", "TRT01PN", "TRT01A", "TRT01AN", "TRTSDT", "RANDFL",
    "ITTFL", "FASFL", "SAFFL", "PPROTFL", "COMPLFL", "ENRLFL",
)  # fmt: skip


def subjects_of(
    adsl: pd.DataFrame,
    adqs: pd.DataFrame,
    treatment: Literal["planned", "actual"],
    population: str | None,
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return subjects with a column TREATMENT in its order, and what was decided.

    Raises
    ------
    UnknownNameError
        When the population has no flag.
    DataError
        When subjects occur twice, treatments are missing, or change within a subject.
    """
    problems, notices = [], []
    twice = adsl["USUBJID"].duplicated().to_numpy()
    if twice.any():
        problems.append(
            Problem("duplicate_subject", "ADSL has more than one record of a subject.",
                    who(adsl, twice), "Keep one record a subject.")
        )  # fmt: skip
    if population is not None:
        flags = [c for c in adsl.columns if c.endswith("FL")]
        if population not in flags:
            raise unknown_name("population flag of ADSL", population, flags)
        inside = flagged(adsl, population, "ADSL")
        if not inside.all():
            notices.append(_left_out(adsl, ~inside, population))
        adsl = adsl[inside]
    values, variable = _treatment(adsl, adqs, treatment, problems)
    lacking = is_blank(values)
    if lacking.any():
        problems.append(
            Problem(
                "missing_treatment",
                count_of(int(lacking.sum()), "subject has", "subjects have") + f" no {variable}.",
                who(adsl, lacking),
                "If they were screened only, name the population: population='ITTFL'.",
            )
        )
    if problems:
        raise DataError(problems)
    notices += _otherwise_treated(adsl)
    number = f"{variable}N"
    if number in adsl:
        order = adsl.groupby(values.astype(str))[number].min().sort_values().index
        values = pd.Series(pd.Categorical(values.astype(str), categories=list(order)))
    kept = adsl.drop(columns=[c for c in (variable, number) if c in adsl])
    kept.insert(1, "TREATMENT", values.array)
    return kept, tuple(notices)


def _treatment(
    adsl: pd.DataFrame, adqs: pd.DataFrame, choice: str, problems: list[Problem]
) -> tuple[pd.Series, str]:
    of_subject, of_record = TREATMENTS[choice]
    if of_subject in adsl:
        return adsl[of_subject], of_subject
    if of_record not in adqs:
        raise DataError(
            [
                Problem(
                    "unknown_column",
                    f"Neither {of_subject} of ADSL nor {of_record} of the analysis records says "
                    f"which treatment was {choice}.",
                    (),
                    "Add one of them, or ask for the other kind: treatment="
                    f"{'actual' if choice == 'planned' else 'planned'!r}.",
                )
            ]
        )
    given = adqs[~is_blank(adqs[of_record])]
    by_subject = given.groupby("USUBJID", observed=True)[of_record]
    changes = by_subject.nunique()
    crossed = changes.index[changes > 1]
    if len(crossed):
        problems.append(
            Problem(
                "treatment_changes",
                f"{of_record} changes within " + count_of(len(crossed), "subject.", "subjects."),
                tuple(map(str, crossed[:50])),
                "Give one period of treatment at a time.",
            )
        )
    return adsl["USUBJID"].map(by_subject.first()), of_record


def _left_out(adsl: pd.DataFrame, rows: np.ndarray, population: str) -> Problem:
    return Problem(
        "population",
        count_of(int(rows.sum()), "subject is", "subjects are")
        + f" not in the population {population}: left out.",
        who(adsl, rows),
        "Name another population to keep them.",
        level="note",
    )


def _otherwise_treated(adsl: pd.DataFrame) -> list[Problem]:
    if not {"TRT01P", "TRT01A"} <= set(adsl.columns):
        return []
    known = ~is_blank(adsl["TRT01P"]) & ~is_blank(adsl["TRT01A"])
    differ = known & (adsl["TRT01P"].astype(str) != adsl["TRT01A"].astype(str)).to_numpy()
    if not differ.any():
        return []
    return [
        Problem(
            "otherwise_treated",
            count_of(int(differ.sum()), "subject was", "subjects were")
            + " treated otherwise than planned (TRT01P, TRT01A).",
            who(adsl, differ),
            'treatment="planned" compares as randomised, treatment="actual" as treated.',
            level="note",
        )
    ]
