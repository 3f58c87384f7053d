"""Standardisation: the outcome all subjects would have under each treatment, from a regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.comparison.adjusted.by_treatment import Estimand, check_estimand
from trdstats.comparison.adjusted.standardisation_result import StandardisationResult
from trdstats.comparison.adjusted.standardised_means import standardise_means
from trdstats.comparison.adjusted.standardised_times import standardise_times
from trdstats.comparison.adjusted.subject_outcomes import check_outcome
from trdstats.errors import SpecError, check_choice, check_level
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_right_side
from trdstats.kernels.parametric.aft import Distribution
from trdstats.outcomes import Definition, EventTimes
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin

Variance = Literal["influence", "fixed covariates"]
MODELS = ("logistic", "linear", "cox", *get_args(Distribution))
MODELS_OF_TIME = MODELS[2:]


@checked
@dataclass(frozen=True, repr=False)
class Standardisation(SummaryMixin):
    """Outcomes standardised to the covariates of the same subjects (g-computation).

    A regression of the outcome on treatment and covariates predicts what every subject would have
    under each treatment; the averages are compared. Right when nothing unmeasured drives both
    treatment and outcome, and the regression is right, also where treatments hardly overlap.

    Parameters
    ----------
    formula : str
        Treatment and covariates, such as ``"treatment * (msm + baseline)"``.
    outcome : Definition or str, optional
        A definition such as ``Response()`` at `day`; ``"change"`` or ``"score"`` at `day`; or a
        column of the subjects, True and False or 0 and 1 for a rate. Left out for event times.
    day : float, optional
        Scheduled day of the outcome.
    days : sequence of float, optional
        Of event times: days at which survival is wanted.
    tau : float, optional
        Of event times: horizon in days of the restricted mean.
    by : str, default "treatment"
        Column of the formula that names the treatments.
    estimand : {"ate", "att"}
        Whose covariates are averaged over: all subjects, or those under `treated`.
    treated : str, optional
        The treatment whose subjects "att" is about.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    missing : {"nonresponse", "observed", "locf", "worst"}
        What becomes of subjects without a verdict at the day; see `rates`. Without an outcome a
        subject takes no part in the regression, but is averaged over all the same.
    model : str, optional
        "logistic" for rates and "linear" for numbers, as the outcome asks for; for event times
        "cox" (default), or a distribution of `AFT` such as "weibull".
    variance : {"influence", "fixed covariates"}
        "influence": from the subjects' influences, so that the covariates vary from sample to
        sample too and the regression need not be right. "fixed covariates": delta method from
        the covariance that the model itself claims, the covariates taken as they are.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins 1986, doi:10.1016/0270-0255(86)90088-6; Snowden, Rose and Mortimer 2011,
    doi:10.1093/aje/kwq472; the variance with and without the covariates, Ye, Bannick, Yi and Shao
    2023, doi:10.1080/24754269.2023.2205802.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> spec = trd.Standardisation("treatment + baseline", outcome=trd.Response(), day=28)
    >>> spec.fit(study).tidy()["measure"].unique().tolist()
    ['rate', 'difference', 'ratio', 'odds ratio']
    """

    formula: str
    outcome: Definition | str | None = field(default=None, kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    days: Sequence[float] = field(default=(), kw_only=True)
    tau: float | None = field(default=None, kw_only=True)
    by: str = field(default="treatment", kw_only=True)
    estimand: Estimand = field(default="ate", kw_only=True)
    treated: Level | None = field(default=None, kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    missing: str = field(default="nonresponse", kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    variance: Variance = field(default="influence", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        named = {str(v) for v in read_right_side(self.formula).required_variables}
        if self.by not in named:
            raise SpecError(
                f"The formula {self.formula!r} must hold {self.by!r}, whose values are compared."
            )
        check_estimand(self.estimand, self.treated)
        check_choice("variance", self.variance, get_args(Variance))
        check_level(self.conf_level)
        if self.model is not None:
            check_choice("model", self.model, MODELS)
        if self.outcome is not None:
            check_outcome(self.outcome, self.day, self.missing)
        self._check_times()

    def _check_times(self) -> None:
        of_time = self.outcome is None
        if of_time != bool(len(self.days) or self.tau is not None):
            raise SpecError(
                "Give an outcome; or, for event times, no outcome but days=[...] for survival, "
                "tau=... for the restricted mean, or both."
            )
        if self.model is not None and of_time != (self.model in MODELS_OF_TIME):
            raise SpecError(
                f"model={self.model!r} is for {'outcomes at a day' if of_time else 'event times'}; "
                f"use one of {', '.join(MODELS_OF_TIME if of_time else MODELS[:2])}."
            )
        bad = [d for d in self.days if not (d > 0 and np.isfinite(d))]
        if bad or (self.tau is not None and not (self.tau > 0 and np.isfinite(self.tau))):
            raise SpecError(f"days and tau must be positive; got {list(self.days)!r}, {self.tau}.")
        if of_time and self.variance != "influence" and self.model in (None, "cox"):
            raise SpecError(
                "variance='fixed covariates' is not there for Cox models; use 'influence'."
            )

    def fit(
        self, data: Study | EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> StandardisationResult:
        """Fit the regression and standardise.

        Parameters
        ----------
        data : Study, EventTimes or DataFrame
            EventTimes for times; else a study, or a frame with one row a subject.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, in the regression and in the averages: a column, a series indexed
            by subject, a frame with the columns subject and weight, or the result that estimated
            them; errors then know that they were estimated.

        Raises
        ------
        SpecError
            When the data do not fit the outcome.
        DataError
            When a covariate is missing; every such subject is named.
        NotEstimableError
            When the regression has no finite maximum, or covariates are collinear.
        """
        of_time = isinstance(data, EventTimes)
        if of_time != (self.outcome is None):
            raise SpecError(
                "Event times have no outcome=..., they are the outcome; give days or tau."
                if of_time
                else "Without outcome=... the data must be EventTimes, as time_to makes them."
            )
        if isinstance(data, EventTimes):
            return standardise_times(self, data, weights)
        return standardise_means(self, data, weights)

    def summary(self) -> Summary:
        """Return the method in words."""
        header = [("Formula", self.formula)]
        header.append(("Standardised to", words_of_estimand(self.estimand, self.treated)))
        if self.model:
            header.append(("Model", self.model))
        return Summary("Standardisation", tuple(header))


def words_of_estimand(estimand: str, treated: Level | None) -> str:
    """Say whose covariates are averaged over."""
    return "all subjects" if estimand == "ate" else f"the subjects under {treated}"
