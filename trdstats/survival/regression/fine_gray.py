"""Fine and Gray's regression of cumulative incidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level, count_of
from trdstats.estimates import Estimates
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_right_side
from trdstats.kernels.numerics.newton_loglik import maximise
from trdstats.kernels.risk_sets.fine_gray import (
    Subdistribution,
    evaluate,
    score_parts,
)
from trdstats.kernels.risk_sets.partial_likelihood import Fit
from trdstats.outcomes import Episodes, EventTimes, as_episodes, as_event_times
from trdstats.outcomes.episodes.once import check_once
from trdstats.survival.coefficients import Coefficients, coefficients_of
from trdstats.survival.groups import notes_of
from trdstats.survival.parametric.parametric_data import rows_like
from trdstats.survival.regression.regression_data import (
    Regressed,
    check_events,
    ends_of_runs,
    no_finite_estimate,
    regress,
    whole_subjects,
)
from trdstats.survival.reported_days import check_days
from trdstats.tables import Summary, Table, each_row, format_level
from trdstats.threads import one_thread

_LEAST_IN_A_CURVE = 5  # subjects


@checked
@dataclass(frozen=True, slots=True)
class FineGray:
    """Regression of the subdistribution hazard of a cause, when causes compete.

    A positive coefficient is a higher cumulative incidence of the cause. Who had another event
    stays at risk, weighted by the probability of not having been censored since.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + msm"``.
    cause : int, default 1
        Status of the event of interest.
    censoring : str, optional
        Column whose groups are censored unlike, such as ``"treatment"`` or ``"site"``: each has a
        separate curve of the censoring. Default: one for all.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Fine and Gray 1999, doi:10.1080/01621459.1999.10474144. Ties by Breslow, variance robust with
    the part of the estimated censoring, as R cmprsk.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.Relapse(at_least=22, consecutive=2)
    >>> times = trd.time_to(study, relapse, since=trd.Response(), competing="left follow-up")
    >>> trd.FineGray("treatment").fit(times).glance()["competing"].item() > 0
    True
    """

    formula: str
    cause: int = 1
    censoring: str | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        if self.cause < 1:
            raise SpecError(f"cause is a status of 1 or above; got {self.cause}.")
        check_level(self.conf_level)

    @one_thread
    def fit(
        self, times: EventTimes | Episodes | FrameLike, *, weights: WeightsLike | None = None
    ) -> FineGrayResult:
        """Fit the model.

        Parameters
        ----------
        times : EventTimes, Episodes or DataFrame
            Status 0 is censored, all but `cause` compete. Of episodes (`start_stop`) each has its
            covariates; who had a competing event stays at risk with those of the last. A subject
            with an episode that lacks a covariate is left out whole.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`.

        Raises
        ------
        UnknownNameError, DataError
            When a column is missing or the frame is not usable.
        NotEstimableError
            When no subject had the event, subjects came under observation after day 0, covariates
            are collinear, or a coefficient has no finite estimate.
        SpecError
            When episodes have events that come again, or days of `gap_time`.
        """
        needed = () if self.censoring is None else (self.censoring,)
        if isinstance(times, Episodes):
            check_once(times)
            regressed = whole_subjects(as_episodes(times, weights), self.formula, weights, needed)
            times = as_episodes(times, weights)
        else:
            times = as_event_times(times, weights)
            regressed = regress(times, self.formula, weights, needed)
        check_events(regressed, self.cause)
        owner = regressed.sample.owner[regressed.row]
        first, last = ends_of_runs(owner)
        if regressed.entry[first].any():
            raise NotEstimableError(
                "Delayed entry is not taken by the subdistribution hazard: its weights know only "
                "of censoring. Use CoxPH(cause=...) for the cause-specific hazard."
            )
        centre = np.average(regressed.X, axis=0, weights=regressed.weight)
        spread = np.sqrt(np.average((regressed.X - centre) ** 2, axis=0, weights=regressed.weight))
        scaled = (regressed.X - centre) / spread
        stratum = None
        if self.censoring is not None:
            # Of episodes the group at the end: that in which the subject is censored.
            column = regressed.frame[self.censoring].to_numpy()[np.flatnonzero(last)]
            stratum = pd.factorize(column)[0].astype(np.intp)
            smallest = int(np.bincount(stratum).min())
            stratum = stratum[np.cumsum(first) - 1]
            if smallest < _LEAST_IN_A_CURVE:
                raise NotEstimableError(
                    f"{self.censoring!r} has a group of {count_of(smallest, 'subject', 'subjects')}"
                    f": a curve of the censoring needs {_LEAST_IN_A_CURVE}. Join small groups."
                )
        data = Subdistribution.of(
            scaled, regressed.time, regressed.status, self.cause, regressed.weight, stratum,
            regressed.entry, last,
        )  # fmt: skip
        start, unit = np.zeros(scaled.shape[1]), float(regressed.weight.mean())
        null = evaluate(data, start)

        def likelihood(beta: FloatArray) -> Fit | None:
            return null if beta is start else evaluate(data, beta)

        top = maximise(likelihood, start, unit=unit)
        separated = np.ones(scaled.shape[1], dtype=bool) if top is None else np.abs(top.theta) > 12
        if top is None or separated.any() or not top.converged:
            terms = [t for t, e in zip(regressed.design.terms, separated, strict=True) if e]
            name = times.causes.get(self.cause, times.outcome)
            raise no_finite_estimate(terms or regressed.design.terms, name)
        assert null is not None  # the search began there
        return FineGrayResult(
            spec=self,
            times=times,
            terms=tuple(regressed.design.terms),
            iterations=top.iterations,
            _regressed=regressed,
            _data=data,
            _fit=top.point,
            _null=null.loglik,
            _centre=centre,
            _spread=spread,
        )


@checked_methods
@dataclass(frozen=True, repr=False)
class FineGrayResult(Coefficients):
    """A fitted subdistribution regression.

    Attributes
    ----------
    spec : FineGray
    times : EventTimes or Episodes
    terms : tuple of str
    iterations : int
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: FineGray
    times: EventTimes | Episodes
    terms: tuple[str, ...]
    iterations: int
    _regressed: Regressed
    _data: Subdistribution
    _fit: Fit
    _null: float
    _centre: FloatArray
    _spread: FloatArray

    @one_thread
    def estimates(self) -> Estimates:
        """Return the log subdistribution hazard ratios; their variance is robust."""
        data = self._regressed
        part = score_parts(self._data, self._fit)
        effect = part @ np.linalg.inv(self._fit.information) / self._spread
        return coefficients_of(
            pd.DataFrame({"term": self.terms}), self._fit.beta / self._spread,
            data.sample.robust_covariance(data.row, effect), effect, data.row, data.sample,
            title="Fine and Gray regression", notes=notes_of(self.times, data.sample),
        )  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, competing, n_left_out, loglik_null, loglik, iterations."""
        status = self._regressed.status
        return pd.DataFrame(
            {
                "n": [self._regressed.sample.n],
                "events": [int((status == self.spec.cause).sum())],
                "competing": [int(((status > 0) & (status != self.spec.cause)).sum())],
                "n_left_out": [self._regressed.left_out],
                "loglik_null": [self._null],
                "loglik": [self._fit.loglik],
                "iterations": [self.iterations],
            }
        )

    def predict(self, frame: FrameLike, days: Sequence[float]) -> pd.DataFrame:
        """Estimate the cumulative incidence of subjects with given covariates.

        Parameters
        ----------
        frame : DataFrame
            Columns of the formula.
        days : sequence of float

        Returns
        -------
        pandas.DataFrame
            The rows of `frame`, one a day: the columns of the formula, time, estimate (NaN for
            rows that lack a covariate, and for days after the end of follow-up).

        Raises
        ------
        UnknownNameError
            When a column is missing or holds a level the model does not know.
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        table, complete = rows_like(self._regressed.design, frame)
        estimate = np.full((len(table), len(days)), np.nan)
        if complete.any():
            X = self._regressed.design.matrix(table[complete])
            risk = np.exp((X - self._centre) / self._spread @ self._fit.beta)
            here = np.searchsorted(self._data.time, np.asarray(days, dtype=float), side="right")
            hazard = np.cumsum(self._fit.hazard)[here - 1]
            # As in other curves: nothing is known after the last day on which anybody was followed.
            hazard[np.asarray(days) > self._regressed.time.max()] = np.nan
            estimate[complete] = -np.expm1(-risk[:, None] * hazard)
        rows = table.loc[np.repeat(table.index, len(days))].reset_index(drop=True)
        time = np.tile(np.asarray(days, dtype=float), len(table))
        return rows.assign(time=time, estimate=estimate.ravel())

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the hazard ratios with their intervals; returns the Axes."""
        event = self.times.causes[self.spec.cause]
        xlabel = f"Subdistribution hazard ratio of {event}"
        return self._draw(xlabel, self.times.figure_caveat, ax, options)

    def summary(self) -> Summary:
        """Return the hazard ratios as a table."""
        g = next(each_row(self.glance()))
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Term", f"Subdistribution hazard ratio ({level})", "Coefficient", "SE", "p")
        return Summary(
            "Fine and Gray regression",
            (
                *self._regressed.header(),
                ("Cause", f"{self.times.causes[self.spec.cause]}, {g.events:,} events"),
                ("Competing", f"{g.competing:,} events"),
                ("Covariates", self.spec.formula),
                (
                    "Censoring",
                    "one curve"
                    if self.spec.censoring is None
                    else f"a curve for each {self.spec.censoring}",
                ),
                ("Variance", "robust, with that of the censoring"),
            ),
            (Table(header, self._rows()),),
            notes_of(self.times, self._regressed.sample),
        )
