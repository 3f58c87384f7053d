"""The model of decisions about a treatment, and of leaving, on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.changing.decisions import Decisions
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of
from trdstats.formulas import CovariateDesign, check_full_rank, read_covariates, read_right_side
from trdstats.kernels.weighting.generalised_linear import LinearFit, fit_linear_model

_LEAST = 1e-8
_AT_THE_END = ("stop", "status", "left")  # what became of an interval, known when it is over


@dataclass(frozen=True)
class Choice:
    """A pooled logistic regression of a choice at every row, those on and off before apart.

    Attributes
    ----------
    X : ndarray, shape (R, q)
        With a column of ones.
    y : ndarray, shape (R,)
    rows : tuple of ndarray of bool
        Rows of each separate regression; the others have probability 1 of their choice.
    terms : tuple of str
    """

    X: FloatArray
    y: FloatArray
    rows: tuple[BoolArray, ...]
    terms: tuple[str, ...]

    def fit(self, counts: FloatArray) -> list[LinearFit]:
        """Fit the regressions when every row counts so many times."""
        return [
            fit_linear_model(self.X[use], self.y[use], counts[use], "logistic")
            for use in (r & (counts > 0) for r in self.rows)
        ]

    def probability(self, fits: list[LinearFit]) -> FloatArray:
        """Return the probability of the choice that was made at every row."""
        p = np.ones(len(self.y))
        for rows, fit in zip(self.rows, fits, strict=True):
            mean = fit.mean(self.X[rows])
            p[rows] = np.where(self.y[rows] == 1, mean, 1 - mean)
        return np.clip(p, _LEAST, 1.0)


def read_known(
    decisions: Decisions, formula: str, *, decided: bool = False, least: int = 1
) -> CovariateDesign:
    """Return the covariates of all decisions.

    Parameters
    ----------
    decisions : Decisions
    formula : str
    decided : bool
        Whether the decision of the interval itself has been made, and may be a covariate.
    least : int
        Terms it has at least.

    Raises
    ------
    SpecError
        When a covariate is not known at the start of an interval.
    DataError
        When one is missing; the subjects are named.
    """
    _check_known_at_start(formula, _AT_THE_END if decided else ("on", *_AT_THE_END))
    frame = decisions.frame
    design = read_covariates(frame, formula, what="decisions", least=least)
    kept = np.zeros(len(frame), dtype=bool)
    kept[design.kept] = True
    if not kept.all():
        who = frame.loc[~kept, "subject"].astype(str)
        raise DataError(
            [
                Problem(
                    "missing_covariate",
                    count_of(int((~kept).sum()), "decision lacks", "decisions lack")
                    + f" a covariate of {formula!r}.",
                    tuple(who.drop_duplicates()),
                    "Carry the last value forward, or take the covariate out.",
                )
            ]
        )
    return design


def _check_known_at_start(formula: str, later: tuple[str, ...]) -> None:
    """Refuse covariates that are the decision itself, or what became of the interval."""
    named = read_right_side(formula).required_variables
    ahead = [c for c in later if c in named]
    if ahead:
        raise SpecError(
            f"Covariates of decisions are what is known at the start of an interval; {formula!r} "
            f"holds {', '.join(map(repr, ahead))}, known only after it. Take the day from 'start', "
            "and the treatment before from 'previous'."
        )


def read_choice(decisions: Decisions, formula: str, what: str) -> Choice:
    """Return the model of treatment, or of staying in follow-up.

    Parameters
    ----------
    decisions : Decisions
    formula : str
        Covariates as known at the start of each interval.
    what : {"on", "stays"}

    Raises
    ------
    SpecError
        When a covariate is not known at the start of an interval.
    DataError
        When a covariate is missing; the rows are named.
    NotEstimableError
        When covariates are collinear, the choice does not vary, or no subject left.
    """
    frame = decisions.frame
    design = read_known(decisions, formula, decided=what == "stays", least=0)
    X = np.column_stack([np.ones(len(frame)), design.X])
    terms = ("Intercept", *design.terms)
    if what == "on":
        y = frame["on"].to_numpy(dtype=float)
        before = frame["previous"].to_numpy() == 1
        rows = tuple(r for r in (before, ~before) if r.any() and 0 < y[r].mean() < 1)
    else:
        y = 1.0 - frame["left"].to_numpy(dtype=float)
        at_risk = frame["status"].to_numpy() == 0
        if not (y[at_risk] == 0).any():
            raise NotEstimableError(
                "No subject left follow-up (left is 0 in every row): there is no leaving to model. "
                "Give the column left, or take `leaving` out."
            )
        rows = (at_risk,)
    if what == "on" and not rows:
        raise NotEstimableError(
            f"Treatment with {decisions.treatment} never changes: there is no decision to model."
        )
    for r in rows:
        check_full_rank(X[r], list(terms))
    return Choice(X, y, rows, terms)


def check_separation(choice: Choice, fits: list[LinearFit], what: str) -> None:
    """Refuse a model whose covariates predict the choice without error.

    Raises
    ------
    NotEstimableError
    """
    named = sorted({t for f in fits for t, s in zip(choice.terms, f.separated, strict=True) if s})
    if named:
        raise NotEstimableError(
            f"{', '.join(named)} predict {what} without error: some decisions could only have been "
            "what they were, and no subject stands for the others. Leave the covariate out only if "
            "it does not matter to the outcome."
        )


def coefficients(choice: Choice, fits: list[LinearFit], labels: list[str]) -> pd.DataFrame:
    """Return the coefficients of the regressions, one below the other."""
    parts = []
    for label, fit in zip(labels, fits, strict=True):
        error = np.sqrt(np.diag(fit.covariance()))
        parts.append(
            pd.DataFrame({"model": label, "term": choice.terms, "estimate": fit.beta,
                          "std_error": error})
        )  # fmt: skip
    columns = ["model", "term", "estimate", "std_error"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def model_labels(decisions: Decisions, choice: Choice) -> list[str]:
    """Return what each regression of the treatment is of."""
    before = decisions.frame["previous"].to_numpy()
    return ["staying on" if before[np.argmax(r)] == 1 else "starting" for r in choice.rows]


def counts_of_rows(counts: FloatArray, starts: IntArray, n_rows: int) -> FloatArray:
    """Return the counts of subjects on their rows."""
    return np.repeat(counts, np.diff(np.append(starts, n_rows)))
