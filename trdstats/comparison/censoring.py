"""Weights for outcomes that are missing and follow-up that ends for reasons that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats.comparison.censored_curves import CensoredCurves, weigh_curves
from trdstats.comparison.outcome_frame import term_names, with_treatment
from trdstats.comparison.people import People, read_people
from trdstats.comparison.standardisation import check_finite
from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.formulas import check_full_rank, read_right_side
from trdstats.kernels.generalised_linear import Regression, regress
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.study import Study
from trdstats.tables import Face, Introduces, Table, each_row, format_count, format_number, format_p
from trdstats.weights import EstimatedWeights

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class CensoringWeights(Introduces):
    """Inverse probability of censoring weights.

    Those observed stand for those like them who were not: `fit` weighs the subjects rated at a
    visit by one over their probability of being so, given treatment and covariates; `curves` does
    the same for follow-up that ends, along time.

    Parameters
    ----------
    formula : str
        Covariates, known before the visit, that decide both who is seen and the outcome. The
        treatment is added.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins and Finkelstein 2000, Biometrics 56:779-788, doi:10.1111/j.0006-341X.2000.00779.x; Seaman
    and White 2013, Stat Methods Med Res 22:278-295, doi:10.1177/0962280210395740.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> seen = trd.CensoringWeights("age + baseline").fit(study, day=28)
    >>> rates = trd.rates(study, trd.Response(), day=28, missing="observed", weights=seen)
    """

    formula: str
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)

    def fit(self, study: Study, *, day: float) -> ObservationWeights:
        """Model who is rated at a scheduled day.

        Parameters
        ----------
        study : Study
        day : float
            Scheduled day of the outcome.

        Raises
        ------
        DataError, UnknownNameError
            When covariates are missing or not there.
        NotEstimableError
            When nobody, or everybody, was rated at the day, or covariates decide who was.
        """
        people = read_people(study, self.formula, subject="subject", treatment="treatment",
                             missing="error")  # fmt: skip
        rows = study.longitudinal([day]).dropna(subset=["score"])
        seen = people.frame["subject"].isin(rows["subject"]).to_numpy()
        if not seen.any():
            raise NotEstimableError(f"Nobody was rated at day {day:g}.")
        if seen.all():
            raise NotEstimableError(f"Everybody was rated at day {day:g}: no weights are needed.")
        X = with_treatment(people, people.treatment)
        check_full_rank(X, term_names(people))
        fit = regress(X, seen.astype(float), "logistic", np.ones(len(X)))
        check_finite(fit, X, term_names(people))
        return ObservationWeights(self, float(day), people, seen, X, fit)

    def curves(
        self, times: Any, *, n_boot: int = 200, seed: int = 0, n_jobs: int = 1
    ) -> CensoredCurves:
        """Estimate survival with events weighted by one over the chance of still being followed.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Status 1 is the event; all else ends follow-up.
        n_boot, seed, n_jobs : int
            Bootstrap of subjects within treatments, the model of censoring fitted anew in each.

        Raises
        ------
        SpecError
            When n_boot is below 2.
        NotEstimableError
            When nobody's follow-up ended early, or covariates decide whose did.
        """
        if n_boot < 2:
            raise SpecError(f"n_boot must be 2 or more; got {n_boot!r}.")
        data: EventTimes = as_event_times(times)
        return weigh_curves(data, self.formula, self.conf_level, (n_boot, seed, n_jobs))

    def face(self) -> Face:
        """Return the model in words."""
        return Face("Censoring weights", (("Covariates", f"treatment + {self.formula}"),))


@dataclass(frozen=True, repr=False)
class ObservationWeights(Introduces):
    """Weights of those who were rated at a day.

    Attributes
    ----------
    spec : CensoringWeights
    day : float
    people : People
    """

    spec: CensoringWeights
    day: float
    people: People
    _seen: npt.NDArray[np.bool_]
    _X: FloatArray
    _fit: Regression

    @property
    def weights(self) -> pd.DataFrame:
        """Weights: subject, treatment, observed, probability, weight (0 for those not seen)."""
        chance = self._fit.mean(self._X)
        frame = self.people.frame[["subject", "treatment"]].copy()
        return frame.assign(observed=self._seen, probability=chance,
                            weight=np.where(self._seen, 1 / chance, 0.0))  # fmt: skip

    @property
    def subject_weights(self) -> EstimatedWeights:
        """The weights with their model: the derivative of log 1/p is -(1 - p) x."""
        chance = self._fit.mean(self._X)
        slope = np.where(self._seen, -(1 - chance), 0.0)[:, None] * self._X
        frame = self.weights[["subject", "weight"]]
        label = f"weights for being rated at day {self.day:g}, from treatment + {self.spec.formula}"
        return EstimatedWeights(frame, slope, self._fit.influence, label)

    def tidy(self) -> pd.DataFrame:
        """Return the model of being rated: term, estimate (log odds), std_error, p_value."""
        error = np.sqrt(np.diag(self._fit.covariance))
        z = self._fit.beta / error
        half = norm.isf((1 - self.spec.conf_level) / 2) * error
        return pd.DataFrame(
            {
                "term": term_names(self.people),
                "estimate": self._fit.beta,
                "std_error": error,
                "statistic": z,
                "p_value": 2 * norm.sf(np.abs(z)),
                "conf_low": self._fit.beta - half,
                "conf_high": self._fit.beta + half,
                "conf_level": self.spec.conf_level,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, observed, largest weight, effective number of those observed."""
        w = self.weights.loc[self._seen, "weight"].to_numpy()
        return pd.DataFrame({"n": [len(self._seen)], "observed": [int(self._seen.sum())],
                             "largest": [float(w.max())],
                             "effective": [float(w.sum() ** 2 / (w @ w))]})  # fmt: skip

    def face(self) -> Face:
        """Return who was rated and what decided it."""
        g = next(each_row(self.glance()))
        facts = (
            *self.spec.face().facts,
            ("Rated", f"{format_count(g.observed)} of {format_count(g.n)} at day {self.day:g}"),
            ("Weights", f"up to {g.largest:.2f}; effective sample size {g.effective:.1f}"),
        )
        rows = tuple((r.term, format_number(r.estimate, 3), format_number(r.std_error, 3),
                      format_p(r.p_value)) for r in each_row(self.tidy()))  # fmt: skip
        note = "Right when those not rated are like the rated of the same covariates."
        table = Table(("Term", "Log odds of being rated", "SE", "p"), rows)
        return Face("Weights for being rated", facts, (table,), (note,))
