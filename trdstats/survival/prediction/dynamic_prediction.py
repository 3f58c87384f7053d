"""Dynamic prediction: the probability that a response still holds in so many days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.weighting.generalised_linear import fit_linear_model
from trdstats.outcomes import Episodes
from trdstats.survival.prediction.landmark_rows import LandmarkRows, landmark_rows
from trdstats.survival.prediction.prediction_result import DynamicPredictionResult
from trdstats.tables import Summary, SummaryMixin

_LEAST_EVENTS = 5  # for each coefficient


@checked
@dataclass(frozen=True, repr=False)
class DynamicPrediction(SummaryMixin):
    """Probability that a response goes on for `horizon` days, given its course up to a day.

    At every landmark day those still in response are taken, with their covariates as known then.
    One logistic regression of all landmarks, in which the day and its square have a part, says who
    is still in response at the end of the horizon; others stand for those censored before.

    Parameters
    ----------
    formula : str
        Covariates as known at the landmark, e.g. ``"treatment + score"``.
    horizon : float
        Days ahead.
    landmarks : sequence of float
        Days since the response at which predictions start, one or more.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    Notes
    -----
    A prediction for a patient like those seen, on the same visits and treatments; none of what a
    treatment would do. Any end of the response counts, competing causes too.

    References
    ----------
    van Houwelingen 2007, doi:10.1111/j.1467-9469.2006.00529.x (landmark models); Zheng, Cai and
    Feng 2006, doi:10.1111/j.1541-0420.2005.00441.x (weighted regression at a horizon).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> course = trd.start_stop(study, trd.Relapse(22), ["score"], since=trd.Response())
    >>> spec = trd.DynamicPrediction("score", horizon=60, landmarks=[14, 28, 56])
    >>> fit = spec.fit(course)
    >>> fit.predict([{"landmark": 28, "score": 8}])["estimate"].item() > 0.5
    True
    """

    formula: str
    horizon: float = field(kw_only=True)
    landmarks: Sequence[float] = field(kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        if not (self.horizon > 0 and np.isfinite(self.horizon)):
            raise SpecError(f"horizon must be a positive number of days; got {self.horizon!r}.")
        days = list(self.landmarks)
        if not days or not all(d >= 0 and np.isfinite(d) for d in days):
            raise SpecError("landmarks must name one day or more, 0 or later.")
        if len(set(days)) < len(days):
            raise SpecError("landmarks name a day twice.")

    def fit(self, episodes: Episodes) -> DynamicPredictionResult:
        """Fit the model.

        Parameters
        ----------
        episodes : Episodes
            From `start_stop`, with the covariates. Where a response is regained, its first loss
            after the landmark counts.

        Raises
        ------
        NotEstimableError
            When no subject is in response at a landmark, too few lost it, or covariates are
            collinear or predict it without error.
        SpecError, DataError
            When the formula does not fit the data.
        """
        check_instance("episodes", episodes, Episodes)
        rows = landmark_rows(episodes, sorted(self.landmarks), self.horizon)
        design = read_covariates(rows.frame, self.formula, what="landmarks")
        rows = rows.take(design.kept)
        self._check(rows, design.X.shape[1])
        X = self.design(design.X, rows.frame["landmark"].to_numpy(dtype=float))
        check_full_rank(X, ["Intercept", *self.time_terms, *design.terms])
        use = rows.weight > 0
        fit = fit_linear_model(X[use], rows.outcome[use], rows.weight[use], "logistic")
        if fit.separated.any():
            raise NotEstimableError(
                "Covariates predict who loses the response without error: use fewer of them."
            )
        return DynamicPredictionResult(self, episodes, rows, design, fit)

    def _check(self, rows: LandmarkRows, q: int) -> None:
        lost = int((rows.outcome * (rows.weight > 0)).sum())
        k = 1 + q + len(self.time_terms)
        if lost < _LEAST_EVENTS * k:
            raise NotEstimableError(
                f"The response was lost {lost:,} times within the horizon: too few for {k} "
                f"coefficients ({_LEAST_EVENTS} each). Use fewer covariates or landmarks, or a "
                "longer horizon."
            )

    @property
    def time_terms(self) -> tuple[str, ...]:
        """Terms of the landmark day: as many powers as landmarks identify, two at most."""
        return ("landmark", "landmark squared")[: len(list(self.landmarks)) - 1]

    def design(self, X: np.ndarray, landmark: np.ndarray) -> np.ndarray:
        """Return the design with intercept and terms of the landmark day, in units of the last."""
        t = landmark / max(max(self.landmarks), 1.0)
        powers = [t, t**2][: len(self.time_terms)]
        return np.column_stack([np.ones(len(t)), *powers, X])

    def summary(self) -> Summary:
        """Return the model in words."""
        return Summary("Dynamic prediction of response", self.header())

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the specification as header lines."""
        return (
            ("Prediction", f"in response for another {self.horizon:g} days"),
            ("Covariates", self.formula),
            ("Landmarks", ", ".join(f"{d:g}" for d in sorted(self.landmarks)) + " days"),
        )
