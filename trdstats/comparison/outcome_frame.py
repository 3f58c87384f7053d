"""One outcome a subject, beside its treatment and covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trdstats.comparison.people import People, read_people
from trdstats.errors import NotEstimableError, SpecError, unknown_name
from trdstats.kernels.generalised_linear import Family
from trdstats.outcomes import Definition
from trdstats.outcomes.rates import verdicts
from trdstats.study import Study
from trdstats.study.frames import to_pandas

FloatArray = npt.NDArray[np.float64]
Missing = Literal["nonresponse", "observed"]


@dataclass(frozen=True)
class OutcomeFrame:
    """Subjects with outcome, treatment and covariates.

    Attributes
    ----------
    people : People
        Those with an outcome.
    y : ndarray, shape (n,)
    family : {"linear", "logistic"}
        Logistic for outcomes of 0 and 1.
    name : str
        The outcome in words.
    without : int
        Subjects without an outcome, left out.
    """

    people: People
    y: FloatArray
    family: Family
    name: str
    without: int


def read_outcome(
    data: Any,
    outcome: Definition | str,
    formula: str,
    *,
    day: float | None,
    missing: Missing,
    subject: str = "subject",
    treatment: str = "treatment",
) -> OutcomeFrame:
    """Return the subjects that have an outcome.

    Parameters
    ----------
    data : Study or DataFrame
        A table has one row a subject.
    outcome : Definition or str
        A definition judged at `day` (of a study), ``"change"`` or ``"score"`` at `day` (of a
        study), or a column of numbers.
    formula : str
        Covariates, without the treatment.
    day : float or None
    missing : {"nonresponse", "observed"}
        What a definition makes of subjects not rated at the day.

    Raises
    ------
    SpecError, UnknownNameError, DataError, NotEstimableError
        When the outcome or the covariates are not usable, or nobody has an outcome.
    """
    table = data.subjects if isinstance(data, Study) else to_pandas(data, what="subjects")
    if isinstance(outcome, Definition) or outcome in ("change", "score"):
        if not isinstance(data, Study) or day is None:
            raise SpecError(f"The outcome {outcome!r} is one of a study at a day: give both.")
        values, name = _of_study(data, outcome, day, missing)
    else:
        if outcome not in table:
            raise unknown_name("column", outcome, table.columns)
        values, name = table[outcome].to_numpy(dtype=np.float64), outcome
    known = np.isfinite(values)
    if not known.any():
        raise NotEstimableError(f"Nobody has the outcome {name}.")
    source: Any = table[known]
    if isinstance(data, Study):
        source = data.keep(table.loc[known, "subject"])
    people = read_people(source, formula, subject=subject, treatment=treatment, missing="error")
    y = values[known]
    binary = bool(np.isin(y, (0.0, 1.0)).all())
    return OutcomeFrame(people, y, "logistic" if binary else "linear", name, int((~known).sum()))


def _of_study(
    study: Study, outcome: Definition | str, day: float, missing: Missing
) -> tuple[FloatArray, str]:
    if isinstance(outcome, Definition):
        found = verdicts(study, outcome, day=day, missing=missing, reference=study.treatments[0])
        values = found["met"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64), f"{outcome.label(study.scale)} at day {day:g}"
    rows = study.longitudinal([day]).set_index("subject")[outcome].astype(float)
    values = study.subjects["subject"].map(rows.to_dict()).to_numpy(dtype=np.float64)
    return np.asarray(values, dtype=np.float64), f"{outcome} at day {day:g}"


def with_treatment(people: People, code: Any) -> FloatArray:
    """Return the design: ones, indicators of treatments but the first, covariates."""
    arms = np.eye(len(people.labels))[code]
    return np.column_stack([np.ones(len(arms)), arms[:, 1:], people.design.X])


def term_names(people: People) -> list[str]:
    """Return the names of the columns of `with_treatment`."""
    return ["Intercept", *(f"treatment[T.{k}]" for k in people.labels[1:]), *people.design.terms]
