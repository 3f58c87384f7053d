"""Cox regression in which the events of a subject, or the subjects of a site, share a frailty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.arrays import IntArray
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level
from trdstats.estimates import Estimates
from trdstats.formulas import read_right_side
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import deviance_drop, mixture_sf
from trdstats.kernels.risk_sets.gamma_frailty import FrailtyFit
from trdstats.kernels.risk_sets.partial_likelihood import Episodes as Rows
from trdstats.kernels.risk_sets.partial_likelihood import Ties, maximise
from trdstats.kernels.risk_sets.risk_sums import RiskSets
from trdstats.outcomes import Episodes, EventTimes, as_event_times
from trdstats.survival.coefficients import Coefficients, coefficients_of
from trdstats.survival.groups import notes_of
from trdstats.survival.regression.frailty_fit import DISTRIBUTIONS, Distribution, fit_frailty
from trdstats.survival.regression.regression_data import (
    Regressed,
    check_events,
    no_finite_estimate,
    regress,
    standardise,
)
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_level, format_p


@checked
@dataclass(frozen=True, repr=False)
class SharedFrailty(SummaryMixin):
    """Cox regression with a frailty that rows of one subject or site share.

    The hazard of a row is that of the Cox model times a factor of its subject (or site): some
    relapse again and again, others hardly. Hazard ratios compare subjects of the same frailty; in
    the population as a whole differences shrink with time.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + age"``.
    by : str, default "subject"
        Column whose values share a frailty.
    ties : {"efron", "breslow"}
    strata : str, optional
        As in `CoxPH`.
    cause : int, default 1
        Status of the event; all others count as censored.
    conf_level : float, default 0.95
    distribution : {"gamma", "log-normal"}
        "gamma": of mean 1 and variance theta, integrated exactly, errors with theta estimated.
        "log-normal": logarithms with mean 0 and variance theta, integrated by Laplace's method,
        errors at the estimated theta; at most 2,000 groups.

    References
    ----------
    Therneau, Grambsch and Pankratz 2003, doi:10.1198/1061860031365. Ripatti and Palmgren 2000,
    doi:10.1111/j.0006-341X.2000.01016.x (log-normal).

    Examples
    --------
    >>> import trdstats as trd
    >>> history = trd.response_history(
    ...     trd.load_sample("trial"), trd.Response(), trd.LossOfResponse(), regain=True)
    >>> fit = trd.SharedFrailty("treatment").fit(trd.loss_episodes(history))
    >>> fit.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]']
    """

    formula: str
    by: str = "subject"
    ties: Ties = "efron"
    strata: str | None = None
    cause: int = 1
    conf_level: float = 0.95
    distribution: Distribution = "gamma"

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_choice("distribution", self.distribution, DISTRIBUTIONS)
        check_choice("ties", self.ties, ("efron", "breslow"))
        if self.cause < 1:
            raise SpecError(f"cause is a status of 1 or above; got {self.cause}.")
        check_level(self.conf_level)

    def fit(self, times: Episodes | EventTimes | FrameLike) -> SharedFrailtyResult:
        """Fit the model.

        Parameters
        ----------
        times : Episodes, EventTimes or DataFrame
            Episodes with events that come again, or event times of subjects in sites
            (``by="site"``).

        Raises
        ------
        UnknownNameError, DataError
            When a column is missing or the frame is not usable.
        NotEstimableError
            When no group has two rows, no subject had the event, covariates are collinear, a
            coefficient has no finite estimate, or there are too many groups for a log-normal
            frailty.
        """
        if not isinstance(times, Episodes):
            times = as_event_times(times)
        named = tuple(c for c in (self.by, self.strata) if c not in (None, "subject"))
        regressed = regress(times, self.formula, None, tuple(str(c) for c in named))
        check_events(regressed, self.cause)
        group = regressed.codes(self.by)
        if len(np.unique(group)) == len(group):
            raise NotEstimableError(
                f"No two rows share a value of {self.by!r}: a frailty cannot be told from chance. "
                "Give episodes with events that come again (loss_episodes), or a column such as "
                "by='site'."
            )
        sets = RiskSets.of(regressed.time, regressed.entry, regressed.codes(self.strata))
        rows = Rows.of(
            regressed.X, regressed.status == self.cause, regressed.weight, sets, self.ties
        )
        best = maximise(standardise(rows, regressed.design.terms))
        if best.separated.any():
            terms = zip(regressed.design.terms, best.separated, strict=True)
            name = times.causes.get(self.cause, times.outcome)
            raise no_finite_estimate([t for t, e in terms if e], name)
        fit = fit_frailty(self.distribution, best.data, group, best.fit.beta)
        return SharedFrailtyResult(
            self, times, tuple(regressed.design.terms), fit.theta, regressed, fit, group
        )

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [
            ("Covariates", self.formula), ("Frailty", f"{self.distribution}, shared by {self.by}"),
            ("Ties", self.ties.capitalize()),
        ]  # fmt: skip
        if self.strata:
            header.append(("Strata", self.strata))
        return Summary("Cox regression with shared frailty", tuple(header))


@checked_methods
@dataclass(frozen=True, repr=False)
class SharedFrailtyResult(Coefficients):
    """A fitted Cox regression with a shared frailty.

    Attributes
    ----------
    spec : SharedFrailty
    times : Episodes or EventTimes
    terms : tuple of str
    theta : float
        Variance of the frailties ("log-normal": of their logarithms); 0 where the likelihood is
        highest without them.
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: SharedFrailty
    times: Episodes | EventTimes
    terms: tuple[str, ...]
    theta: float
    _regressed: Regressed
    _fit: FrailtyFit
    _group: IntArray

    def estimates(self) -> Estimates:
        """Return the log hazard ratios at equal frailty.

        Their covariance is that of the profile likelihood, the variance of the frailties
        estimated with them ("log-normal": at its estimate); it is no sum over subjects.
        """
        q = len(self.terms)
        return coefficients_of(
            pd.DataFrame({"term": self.terms}), self._fit.beta, self._fit.covariance[:q, :q],
            None, self._regressed.row, self._regressed.sample,
            title="Cox regression with shared frailty",
            notes=notes_of(self.times, self._regressed.sample),
        )  # fmt: skip

    def frailties(self) -> pd.DataFrame:
        """Return the frailty of every group.

        Returns
        -------
        pandas.DataFrame
            group (value of `by`), events, estimate (conditional mean, 1 is the average
            hazard; "log-normal": conditional mode, 1 is the median hazard).
        """
        regressed = self._regressed
        event = regressed.status == self.spec.cause
        names = regressed.frame[self.spec.by].astype(object).to_numpy()
        first = np.unique(self._group, return_index=True)[1]
        return pd.DataFrame(
            {
                "group": names[first],
                "events": np.bincount(self._group, weights=event.astype(float)),
                "estimate": self._fit.frailty,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            n (subjects), groups, events, n_left_out (rows that lack a covariate), theta with
            limits on the scale of its logarithm (NaN at 0), kendall_tau (dependence of two times
            of a group, theta / (theta + 2); NaN under "log-normal"), loglik (integrated), and
            likelihood_ratio with p of theta = 0: half a chi-squared with one degree of freedom, as
            0 is a boundary.
        """
        fit, regressed = self._fit, self._regressed
        gamma = self.spec.distribution == "gamma"
        error = float(np.sqrt(fit.covariance[-1, -1]))
        half = critical_value(self.conf_level) * error
        ratio = deviance_drop(-2 * fit.loglik_without, -2 * fit.loglik)
        return pd.DataFrame(
            {
                "n": [regressed.sample.n],
                "groups": [len(fit.frailty)],
                "events": [int((regressed.status == self.spec.cause).sum())],
                "n_left_out": [regressed.left_out],
                "theta": [fit.theta],
                "theta_low": [fit.theta * np.exp(-half) if fit.theta else np.nan],
                "theta_high": [fit.theta * np.exp(half) if fit.theta else np.nan],
                "kendall_tau": [fit.theta / (fit.theta + 2) if gamma else np.nan],
                "loglik": [fit.loglik],
                "likelihood_ratio": [ratio],
                "likelihood_ratio_p": [mixture_sf(ratio, 1)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the hazard ratios with their intervals; returns the Axes."""
        event = self.times.causes.get(self.spec.cause, "")
        return self._draw(f"Hazard ratio of {event}", self.times.figure_caveat, ax, options)

    def summary(self) -> Summary:
        """Return the hazard ratios and the variance of the frailties."""
        g = next(each_row(self.glance()))
        lines = [*self._regressed.header(), *self.spec.summary().header]
        level = f"{format_level(self.conf_level)} CI"
        notes = []
        what = "frailty" if self.spec.distribution == "gamma" else "log frailty"
        if self.theta:
            limits = f"({g.theta_low:.2f} to {g.theta_high:.2f})"
            lines.append((f"Variance of {what}", f"{self.theta:.2f} {limits}"))
            lines.append(
                ("No frailty", f"{g.likelihood_ratio:.2f}, p {format_p(g.likelihood_ratio_p)}")
            )
        else:
            lines.append((f"Variance of {what}", "0"))
            notes.append(
                "The likelihood is highest without frailty: coefficients and errors are those of "
                "the Cox model. Small theta are not excluded."
            )
        notes.append("Hazard ratios compare subjects of the same frailty.")
        header = ("Term", f"Hazard ratio ({level})", "Coefficient", "SE", "p")
        return Summary(
            "Cox regression with shared frailty",
            tuple(lines),
            (Table(header, self._rows()),),
            (*notes_of(self.times, self._regressed.sample), *notes),
        )
