"""What the outcome would be if everybody had each treatment: standardisation (g-computation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats.comparison.adjusted_means import AdjustedMeansResult
from trdstats.comparison.outcome_frame import (
    OutcomeFrame,
    read_outcome,
    term_names,
    with_treatment,
)
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level, unknown_name
from trdstats.formulas import check_full_rank, read_right_side
from trdstats.kernels.generalised_linear import Regression, regress
from trdstats.outcomes import Definition
from trdstats.tables import Face, Introduces

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Standardisation(Introduces):
    """Rates or means of every treatment for the covariates of one population.

    A regression of the outcome on treatment and covariates (logistic for outcomes of 0 and 1,
    linear otherwise) predicts the outcome of every subject under each treatment; the predictions
    are averaged. For times see `CoxResult.marginal` and `AFTResult.standardised`.

    Parameters
    ----------
    formula : str
        Covariates without the treatment: ``"msm + age"``.
    target : str, optional
        Treatment whose subjects are averaged over (ATT). Default: all subjects (ATE).
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    covariates : {"random", "fixed"}
        Whether errors count that other subjects would have other covariates. "fixed" is the delta
        method with the model's covariance, as R scripts have it.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins 1986, Math Model 7:1393-1512, doi:10.1016/0270-0255(86)90088-6; Snowden, Rose and
    Mortimer 2011, Am J Epidemiol 173:731-738, doi:10.1093/aje/kwq472.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> fit = trd.Standardisation("age + baseline").fit(study, trd.Response(), day=28)
    >>> fit.tidy()["measure"].unique().tolist()
    ['rate', 'difference', 'ratio', 'odds ratio']
    """

    formula: str
    target: str | None = None
    reference: str | None = None
    covariates: Literal["random", "fixed"] = "random"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_choice("covariates", self.covariates, ("random", "fixed"))
        check_level(self.conf_level)

    def fit(
        self,
        data: Any,
        outcome: Definition | str,
        *,
        day: float | None = None,
        missing: Literal["nonresponse", "observed"] = "nonresponse",
        subject: str = "subject",
        treatment: str = "treatment",
    ) -> AdjustedMeansResult:
        """Fit the regression and average its predictions.

        Parameters
        ----------
        data : Study or DataFrame
            A table has one row a subject.
        outcome : Definition or str
            A definition, ``"change"`` or ``"score"`` of a study at `day`; or a column.
        day : float, optional
        missing : {"nonresponse", "observed"}
            What a definition makes of subjects not rated at the day.
        subject, treatment : str
            Columns of a table.

        Raises
        ------
        DataError, UnknownNameError, SpecError
            When the outcome or the covariates are not usable.
        NotEstimableError
            When columns explain each other, or the outcome is always the same in a part of the
            subjects, so that its odds have no finite estimate.
        """
        rows = read_outcome(data, outcome, self.formula, day=day, missing=missing,
                            subject=subject, treatment=treatment)  # fmt: skip
        people = rows.people
        for name in (self.target, self.reference):
            if name is not None and name not in people.labels:
                raise unknown_name("treatment", name, people.labels)
        X = with_treatment(people, people.treatment)
        check_full_rank(X, term_names(people))
        fit = regress(X, rows.y, rows.family, np.ones(len(X)))
        check_finite(fit, X, term_names(people))
        averaged = np.ones(len(X))
        if self.target is not None:
            averaged = (people.treatment == people.labels.index(self.target)).astype(float)
        mean, influence, covariance = self._average(rows, fit, averaged / averaged.sum())
        return AdjustedMeansResult(
            title="Standardised " + ("rates" if rows.family == "logistic" else "means"),
            outcome=rows.name,
            labels=people.labels,
            reference=self.reference or people.labels[0],
            mean=mean,
            covariance=covariance,
            binary=rows.family == "logistic",
            conf_level=self.conf_level,
            facts=(*self.face().facts, ("Subjects", f"{len(X):,}")),
            notes=notes_of(rows),
            coefficients=_coefficients(fit, term_names(people)),
            _subjects=people.frame["subject"].to_numpy(dtype=object),
            _influence=influence,
        )

    def _average(
        self, rows: OutcomeFrame, fit: Regression, share: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return means, influences and covariance of the averages under each treatment."""
        k = len(rows.people.labels)
        mean, slope, drift = np.empty(k), np.empty((k, len(fit.beta))), []
        for j in range(k):
            X = with_treatment(rows.people, np.full(len(share), j))
            predicted = fit.mean(X)
            mean[j] = share @ predicted
            slope[j] = share @ fit.slope(X)
            drift.append(share * (predicted - mean[j]))
        influence = fit.influence @ slope.T + np.column_stack(drift)
        if self.covariates == "fixed":
            return mean, influence, slope @ fit.covariance @ slope.T
        return mean, influence, influence.T @ influence

    def face(self) -> Face:
        """Return the method in words."""
        whom = "all subjects" if self.target is None else f"the subjects of {self.target}"
        words = {"random": "by influence, other subjects having other covariates",
                 "fixed": "delta method, covariates taken as fixed"}  # fmt: skip
        facts = (("Covariates", self.formula), ("Averaged over", whom),
                 ("Errors", words[self.covariates]))  # fmt: skip
        return Face("Standardisation", facts)


def _coefficients(fit: Regression, terms: list[str]) -> pd.DataFrame:
    error = np.sqrt(np.diag(fit.covariance))
    z = fit.beta / error
    return pd.DataFrame({"term": terms, "estimate": fit.beta, "std_error": error,
                         "statistic": z, "p_value": 2 * norm.sf(np.abs(z))})  # fmt: skip


def check_finite(fit: Regression, X: FloatArray, terms: list[str]) -> None:
    """Raise `NotEstimableError` with the term whose odds ratio has no finite estimate."""
    if fit.converged:
        return
    spread = np.abs(fit.beta) * np.where(X.std(axis=0) > 0, X.std(axis=0), 0.0)
    raise NotEstimableError(
        f"The effect of {terms[int(spread.argmax())]} on the outcome has no finite estimate: the "
        "outcome is always, or never, there in a part of the subjects. Leave the term out."
    )


def notes_of(rows: OutcomeFrame) -> tuple[str, ...]:
    """Return the cautions of an adjusted mean."""
    notes = [f"{rows.without:,} subjects have no outcome and are left out."] if rows.without else []
    if rows.people.same:
        notes.append(f"The same for all: {', '.join(rows.people.same)}.")
    notes.append("Adjusted for what was measured; nothing is known of the rest.")
    return tuple(notes)


def check_folds(folds: int, n: int) -> None:
    """Raise `SpecError` unless the number of folds can be used."""
    if folds != 0 and not 2 <= folds <= n:
        raise SpecError(f"folds must be 0, or from 2 to the number of subjects; got {folds!r}.")
