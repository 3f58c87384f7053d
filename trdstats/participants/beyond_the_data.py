"""Where a regression of the outcome speaks of treatments that subjects like these never got."""

from __future__ import annotations

import warnings

import pandas as pd

from trdstats.arguments import Level
from trdstats.errors import DataError, DataWarning, NotEstimableError
from trdstats.formulas import quoted, read_right_side
from trdstats.kinds import label_of
from trdstats.participants.covariates import read_covariate_table
from trdstats.participants.positivity import find_violations, in_words


def note_extrapolation(
    frame: pd.DataFrame, formula: str, by: str, treated: Level | None
) -> tuple[str, ...]:
    """Return a note on levels and ranges of covariates that a treatment never gets.

    Weights, matching and AIPW refuse them. A regression goes on: what it predicts there rests on
    its form alone.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a subject.
    formula : str
        Treatment and covariates.
    by : str
        Column of the treatment.
    treated : str or None
        Whose covariates are averaged over, where not those of all.
    """
    covariates = sorted({str(v) for v in read_right_side(formula).required_variables} - {by})
    if not covariates:
        return ()
    try:
        # What the columns hold was warned of by the fit, which read them before.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            table = read_covariate_table(
                frame, " + ".join(map(quoted, covariates)), subject="subject", treatment=by,
                missing="error",
            )  # fmt: skip
    except (DataError, NotEstimableError):
        return ()  # too few subjects, or nothing that differs between them, to tell
    violations, _ = find_violations(table)
    # The treated are averaged over: they got their treatment wherever they are.
    asked = [v for v in violations if treated is None or v.treatment != label_of(treated)]
    if not asked:
        return ()
    return (
        f"{' '.join(in_words(asked))} What the regression says of them under a treatment that none "
        "of them got rests on its form alone, and the interval knows nothing of that.",
    )
