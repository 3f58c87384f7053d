"""A definition applied to every visit of a study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.visits.before_day import visits_up_to
from trdstats.kernels.visits.endpoints import (
    BASELINE_AT_FLOOR,
    NO_BASELINE,
    NOT_RATED,
    REASONS,
    Since,
    States,
)
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.scales import Scale
from trdstats.study import Rated, Study


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to which day the visits of each subject are looked at.

    Attributes
    ----------
    until : ndarray, shape (n_subjects,)
        NaN: all.
    inclusive : bool
        Whether a visit on that very day is.
    """

    until: FloatArray
    inclusive: bool


def check_arguments(study: Any, definition: Any) -> None:
    """Raise `SpecError` unless given a `Study` and a `Definition`."""
    if not isinstance(study, Study):
        raise SpecError(
            "Outcomes need a Study, which knows the scale: "
            f"Study(frame, scale='MADRS', ...); got {type(study).__name__}."
        )
    check_definition(definition)


def check_definition(definition: Any) -> None:
    """Raise `SpecError` unless given a `Definition`."""
    if not isinstance(definition, Definition):
        raise SpecError(
            f"An outcome is a definition such as Response(); got {definition!r}."
            + (" Did you forget the brackets?" if isinstance(definition, type) else "")
        )


def undefined_reason(scale: Scale) -> str:
    """Return why a rule that needs a baseline may have no meaning for a subject."""
    ends = " or at ceiling" if scale.high_is_good else ""
    return f"{REASONS[NO_BASELINE]} or {REASONS[BASELINE_AT_FLOOR]}{ends}"


def evaluate(
    study: Study,
    definition: Definition,
    *,
    since: Since | None = None,
    seen: Seen | None = None,
) -> tuple[Rated, States]:
    """Return the rated visits of a study and the state of each.

    `seen` says up to which day of each subject visits are looked at. Default: all.
    """
    check_arguments(study, definition)
    rated = study.rated()
    if seen is not None:
        arrays, row = visits_up_to(rated.arrays, seen.until, inclusive=seen.inclusive)
        among = np.zeros(len(rated.among), dtype=bool)
        among[rated.row[row]] = True
        rated = Rated(arrays, among)
    return rated, definition.evaluate(replace(rated.arrays, since=since), study.scale)


def assess(study: Study, definition: Definition) -> pd.DataFrame:
    """Judge every visit after baseline by a definition.

    Parameters
    ----------
    study : Study
    definition : Definition
        E.g. ``Response()`` or ``Response() & Remission()``. Of a relapse the row says whether a
        confirmed relapse begins there; events of the events table have no row.

    Returns
    -------
    pandas.DataFrame
        One row a visit with day > 0: subject, treatment, day, score, met (True, False, or
        missing) and reason ("assessed", or why it is missing: "not assessed", "no baseline",
        "baseline at floor", "baseline at ceiling", "unconfirmed"). Of a `DividedStudy` a dask
        DataFrame of the same columns, by partition.

    Raises
    ------
    SpecError
        When the definition does not fit the scale.

    Warns
    -----
    DataWarning
        When the visits cannot show what the definition asks for: too far apart, too few, or not
        on its days.

    Examples
    --------
    >>> import pandas as pd
    >>> from trdstats import Response, Study, assess
    >>> visits = pd.DataFrame({"subject": ["A", "A", "B", "B"], "day": [0, 7, 0, 7],
    ...     "treatment": ["ECT", "ECT", "TMS", "TMS"], "score": [30, 15, 32, 20]})
    >>> assess(Study(visits, scale="MADRS"), Response())["met"].tolist()
    [True, False]
    """
    check_arguments(study, definition)
    warn_of_schedule(study, definition)
    return study.rows_of_parts(judged_visits, definition)


def judged_visits(study: Study, definition: Definition) -> pd.DataFrame:
    """Return the rows of `assess`, of a study or of a part of one."""
    rated, state = evaluate(study, definition)
    visits = study.visits
    after = visits["day"].to_numpy() > 0
    met = np.zeros(len(visits), dtype=bool)
    reason = np.full(len(visits), NOT_RATED, dtype=np.int8)
    met[rated.among], reason[rated.among] = state.met, state.reason
    code = visits["subject"].cat.codes.to_numpy()
    treatment = study.subjects["treatment"].array
    return pd.DataFrame(
        {
            "subject": visits["subject"].array[after],
            "treatment": treatment[code[after]],
            "day": visits["day"].to_numpy()[after],
            "score": visits["score"].to_numpy()[after],
            "met": pd.arrays.BooleanArray(met[after], reason[after] != 0),
            "reason": pd.Categorical.from_codes(reason[after], categories=pd.Index(REASONS)),
        }
    )
