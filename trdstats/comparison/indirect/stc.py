"""Simulated treatment comparison: a regression of IPD, read at a published population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import ndtri

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, check_instance, checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.columns import in_roles
from trdstats.comparison.indirect.against_published import (
    ANCHORED,
    UNANCHORED,
    read_arms,
    set_against,
)
from trdstats.comparison.indirect.maic import covariate_values
from trdstats.comparison.indirect.measure_scales import COMPARED, check_inside, scale_of
from trdstats.comparison.indirect.own_patients import (
    check_published_spread,
    outcome_of_patients,
)
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.comparison.indirect.result import IndirectComparison, estimates_of_pieces
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    unknown_name,
)
from trdstats.frames import to_pandas
from trdstats.kernels.weighting.generalised_linear import LinearFit, fit_linear_model
from trdstats.kinds import as_labels
from trdstats.study import Study
from trdstats.tables import caveat_notes

At = Literal["simulated population", "means"]


@checked
@dataclass(frozen=True, slots=True)
class STC:
    """Indirect comparison by a regression of the outcome on treatment and covariates.

    The regression of individual patients holds treatment, covariates and their interactions
    (anchored), or the covariates alone (unanchored). It is read in the published population.

    Parameters
    ----------
    outcome : str
        Column of the own subjects: 0 and 1, or scores.
    measure : {"odds ratio", "risk ratio", "risk difference", "mean difference"}
        The first three use a logistic regression, the last a linear one.
    at : {"simulated population", "means"}
        "simulated population": predictions are averaged over patients drawn with the published
        moments and the individual patients' correlations, which gives the population's effect on
        any scale. "means": the prediction for a patient with average covariates. On a logistic
        scale that is the effect within patients alike, not the population's, and may not be set
        against a published effect of a population.
    n_simulated : int
        Patients drawn.
    seed : int
    conf_level : float

    Raises
    ------
    SpecError
        When an argument cannot be used.

    References
    ----------
    Phillippo and others 2016, NICE DSU technical support document 18; Remiro-Azocar, Heath and
    Baio 2022, Res Synth Methods 13:716-744, doi:10.1002/jrsm.1565 (simulated population).

    Examples
    --------
    >>> import trdstats as trd
    >>> subjects = trd.load_sample("trial").subjects
    >>> own = subjects.assign(good=(subjects["msm"] < 9).astype(int))
    >>> trial = trd.PublishedTrial("X", {"age": 50.0}, {"age": 10.0}, (
    ...     trd.PublishedArm("psilocybin", 80, events=40), trd.PublishedArm("TMS", 80, events=30)))
    >>> found = trd.STC("good").fit(own, trial, treatment="ECT", comparator="psilocybin",
    ...                             anchor="TMS")
    >>> found.tidy()["comparison"].tolist()
    ['IPD trial', 'published', 'indirect']
    """

    outcome: str
    measure: str = "odds ratio"
    at: At = "simulated population"
    n_simulated: int = 10_000
    seed: int = 0
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("measure", self.measure, COMPARED)
        check_choice("at", self.at, get_args(At))
        check_level(self.conf_level)
        if self.n_simulated < 100:
            raise SpecError(f"n_simulated must be at least 100; got {self.n_simulated!r}.")
        if self.at == "means" and self.measure in ("risk ratio", "risk difference"):
            raise SpecError(
                f"A {self.measure} of patients with average covariates is no {self.measure} of a "
                "population: use at='simulated population'."
            )

    def fit(
        self,
        data: Study | FrameLike,
        trial: PublishedTrial,
        *,
        treatment: Level,
        comparator: Level,
        anchor: Level | None,
        subject: str = "subject",
        treatment_column: str = "treatment",
    ) -> IndirectComparison:
        """Compare an own treatment with a published one in the published population.

        Parameters
        ----------
        data : DataFrame or Study
            One row a subject: treatment, outcome, and every covariate of `trial`.
        trial : PublishedTrial
            Means, standard deviations (needed of covariates that are not 0 and 1 to simulate
            them), and arms or an effect.
        treatment, comparator : str
            Own and published treatment.
        anchor : str or None
            Treatment that both trials have; None for an unanchored comparison.
        subject, treatment_column : str

        Returns
        -------
        IndirectComparison

        Raises
        ------
        DataError, SpecError, UnknownNameError
            When data or names cannot be used.
        NotEstimableError
            When the regression has no finite estimate.
        """
        check_instance("trial", trial, PublishedTrial)
        frame = data.subjects if isinstance(data, Study) else to_pandas(data, what="data")
        covariates = list(trial.means)
        if not covariates:
            raise SpecError(f"{trial.label} has no published means: there is nothing to read at.")
        for column in (subject, treatment_column, self.outcome, *covariates):
            if column not in frame.columns:
                raise unknown_name("column", column, frame.columns)
        frame = in_roles(frame, {"subject": subject, "treatment": treatment_column})
        label = as_labels(frame["treatment"]).astype(object)
        treatment, comparator, anchor = read_arms(treatment, comparator, anchor)
        arms = [treatment] if anchor is None else [treatment, anchor]
        for arm in arms:
            if arm not in set(label):
                raise unknown_name("treatment", arm, dict.fromkeys(label))
        frame = frame[label.isin(arms)].reset_index(drop=True)
        X = covariate_values(frame, covariates)
        y = outcome_of_patients(
            frame[self.outcome], frame["subject"].to_numpy(dtype=object), self.measure
        )
        for of_trial in trial.arms:
            check_published_spread(
                of_trial.sd, float(np.std(y)), f"the outcome under {of_trial.treatment}",
                trial.label,
            )  # fmt: skip
        logistic = self.measure != "mean difference"
        treated = (label[label.isin(arms)] == treatment).to_numpy().astype(float)
        population, drawn = self._population(X, covariates, trial)
        interacts = anchor is not None
        fit = _fit(_design(treated, X, interacts), y, logistic=logistic)
        scale, sign = scale_of(self.measure), np.array([1.0, -1.0])[: len(arms)]
        at = [
            _design(np.full(len(population), 1.0 - k), population, interacts)
            for k in range(len(arms))
        ]
        mean = np.array([fit.mean(rows).mean() for rows in at])
        gradient = np.array([fit.slope(rows).mean(axis=0) for rows in at])
        influence = fit.influence() @ gradient.T
        for k, arm in enumerate(arms):
            check_inside(self.measure, mean[k : k + 1], f"Predicted outcome of {arm}")
        on_value = influence @ (sign * scale.slope(mean))
        pieces = set_against(
            trial, measure=self.measure, treatment=treatment, comparator=comparator,
            anchor=anchor, value=float(sign @ scale.apply(mean)),
            error=float(np.linalg.norm(on_value)),
            arm=(float(mean[0]), float(np.linalg.norm(influence[:, 0]))), interval="robust",
        )  # fmt: skip
        caveat = data.caveat if isinstance(data, Study) else ""
        notes = (*self._notes(anchor, logistic), *caveat_notes(caveat))
        how = "unanchored" if anchor is None else f"anchored by {anchor}"
        title = f"Simulated treatment comparison, {how}"
        return IndirectComparison(
            title,
            (
                ("Population", f"{trial.label}, {drawn}"),
                ("Regression", "logistic" if logistic else "linear"),
                ("Covariates", ", ".join(covariates) + (" by treatment" if interacts else "")),
                ("Subjects", f"{len(y):,}"),
            ),
            notes,
            pd.DataFrame({"subject": frame["subject"].array, "influence": on_value}),
            caveat,
            self.conf_level,
            _values=estimates_of_pieces(pieces, title, notes),
        )

    def _population(
        self, X: FloatArray, covariates: list[str], trial: PublishedTrial
    ) -> tuple[FloatArray, str]:
        """Return the covariates at which predictions are read, and what they are in words."""
        mean = np.array([trial.means[k] for k in covariates], dtype=float)
        # A linear regression is read alike at the means and over any population.
        if self.at == "means" or self.measure == "mean difference":
            return mean[None, :], "average covariates"
        proportions = np.array([bool(np.isin(column, (0.0, 1.0)).all()) for column in X.T])
        bad = [
            k
            for k, s in zip(covariates, proportions, strict=True)
            if s and not 0 <= trial.means[k] <= 1
        ]
        lacks = [
            k for k, s in zip(covariates, proportions, strict=True) if not s and k not in trial.sds
        ]
        if bad:
            raise SpecError(f"{trial.label}: shares must lie between 0 and 1: {', '.join(bad)}.")
        if lacks:
            raise SpecError(
                f"{trial.label}: a simulated population needs the standard deviations of "
                f"{', '.join(lacks)}: PublishedTrial(..., sds={{{lacks[0]!r}: ...}})."
            )
        spread = np.array([trial.sds.get(k, 1.0) for k in covariates])
        return draw_population(X, mean, spread, proportions, self.n_simulated, self.seed), (
            f"{self.n_simulated:,} simulated patients, seed {self.seed}"
        )

    def _notes(self, anchor: str | None, logistic: bool) -> tuple[str, ...]:
        notes = [
            UNANCHORED if anchor is None else ANCHORED,
            "The regression must hold in the published population, beyond the range of the "
            "individual patients too.",
        ]
        if self.at == "means" and logistic:
            notes.append(
                "An odds ratio at average covariates is that of patients alike (conditional); "
                "published odds ratios are mostly of whole populations and lie nearer to 1. The "
                "two are not comparable: at='simulated population' avoids it."
            )
        return tuple(notes)


def draw_population(
    X: FloatArray, mean: FloatArray, spread: FloatArray, proportions: BoolArray, n: int,
    seed: int,
) -> FloatArray:  # fmt: skip
    """Return patients with given means and standard deviations, correlated as X is.

    A Gaussian copula: normal margins for numbers, and 1 with the given share for columns of 0
    and 1.

    Parameters
    ----------
    X : ndarray, shape (m, p)
    mean, spread : ndarray, shape (p,)
    shares : ndarray of bool, shape (p,)
        Columns of 0 and 1.
    n, seed : int

    Returns
    -------
    ndarray, shape (n, p)
    """
    with np.errstate(invalid="ignore"):
        correlation = np.atleast_2d(np.corrcoef(X, rowvar=False))
    correlation = np.nan_to_num(correlation, nan=0.0)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = np.random.default_rng(seed).standard_normal((n, len(mean))) @ root.T
    numbers = mean + spread * z
    ones = (z < ndtri(np.where(proportions, mean, 0.5))).astype(float)
    return np.asarray(np.where(proportions, ones, numbers))


def _design(treated: FloatArray, X: FloatArray, interacts: bool) -> FloatArray:
    """Return intercept and covariates; with a reference also treatment and interactions."""
    parts: list[FloatArray] = [np.ones((len(X), 1)), X]
    if interacts:
        parts += [treated[:, None], treated[:, None] * X]
    return np.hstack(parts)


def _fit(design: FloatArray, y: FloatArray, *, logistic: bool) -> LinearFit:
    """Return the regression of the outcome.

    Raises
    ------
    NotEstimableError
        When covariates are collinear or separate the outcomes.
    """
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotEstimableError("The covariates are collinear within a treatment: use fewer.")
    fit = fit_linear_model(design, y, np.ones(len(y)), "logistic" if logistic else "linear")
    if fit.separated.any():
        raise NotEstimableError(
            "The logistic regression has no finite estimate: covariates tell responders from "
            "others without error. Use fewer covariates."
        )
    return fit
