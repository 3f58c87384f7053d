"""What a Markov model of response says: rates, occupation, days in response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_tau
from trdstats.estimates import Estimates, estimates_of
from trdstats.formulas import CovariateDesign
from trdstats.kernels.interval.panel_markov import Panel, carry, derivative
from trdstats.study import Study
from trdstats.survival.coefficients import Coefficients
from trdstats.survival.curves.curve_result import read_days
from trdstats.survival.states.state_result import ALL_WHO_STARTED
from trdstats.tables import Summary, Table, caveat_notes, format_count, format_level, format_number

CHANGES = ("gaining", "losing")
_POINTS = 120
_NODES = 64  # of the mean over days: the integrand is smooth between breaks


@checked_methods
@dataclass(frozen=True, repr=False)
class RecurrentResponseResult(Coefficients):
    """A fitted model. The coefficients are log ratios of the rates.

    `tidy` has one row a covariate and change: change ("gaining", "losing"), term, then as every
    result with hazard ratios.

    Attributes
    ----------
    spec : RecurrentResponse
    study : Study
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: Any
    study: Study
    _label: str
    _design: CovariateDesign
    _subjects: pd.DataFrame
    _centre: FloatArray
    _panel: Panel
    _start: FloatArray
    _last: float
    _theta: FloatArray
    _information: FloatArray
    _scores: FloatArray
    _loglik: float

    @property
    def _inverse(self) -> FloatArray:
        return np.asarray(np.linalg.inv(self._information))

    @property
    def _influence(self) -> FloatArray:
        """Influence of every subject on the parameters; its cross-product is their covariance."""
        return np.asarray(self._scores @ self._inverse)

    @property
    def _names(self) -> Any:
        return self._subjects["subject"].to_numpy(dtype=object)

    def estimates(self) -> Estimates:
        """Return the log hazard ratios of gaining and of losing the response."""
        k, q = self._panel.n_pieces, self._panel.X.shape[1]
        keys = pd.DataFrame({"change": np.repeat(CHANGES, q), "term": self._design.terms * 2})
        effect = self._influence[:, 2 * k :]
        return estimates_of(
            keys, self._theta[2 * k :], covariance=effect.T @ effect,
            influences=effect, subjects=self._names, null=0.0,
            reasons=[""] * (2 * q), title="Response that comes again", notes=self._notes(),
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        return (
            *caveat_notes(self.study.caveat),
            ALL_WHO_STARTED,
            "Rates do not depend on what came before (Markov): a second response is lost as the "
            "first.",
        )

    def _levels(self, by: str | None) -> list[Any]:
        if by is None:
            return ["all"]
        frame = self._design.frame
        needed = sorted(str(v) for v in self._design.spec.formula.required_variables)
        named = [c for c in needed if isinstance(frame[c].dtype, pd.CategoricalDtype)]
        if by not in named:
            raise SpecError(
                f"{by!r} is no category of the formula {self.spec.formula!r}; it has "
                f"{', '.join(map(repr, named)) or 'none'}. by=None takes all together."
            )
        return list(frame[by].cat.categories)

    def _under(self, by: str | None, level: Any) -> FloatArray:
        """Return the design had every subject one level, centred."""
        if by is None:
            return self._design.X - self._centre
        categories = self._design.frame[by].cat.categories
        column = pd.Categorical([level] * len(self._design.frame), categories=categories)
        return self._design.matrix(self._design.frame.assign(**{by: column})) - self._centre

    def _occupation(self, theta: Any, X: FloatArray, days: FloatArray) -> Any:
        """Return the mean probability of being in response on days, from the state of day 0."""
        enter, leave = self._panel.rates(theta, X)
        edges = np.r_[0.0, np.asarray(self.spec.breaks, dtype=float), np.inf]
        spent = np.clip(np.minimum(days[:, None], edges[1:]) - edges[:-1], 0.0, None)
        start = self._start.astype(np.asarray(theta).dtype)
        return np.array(
            [carry(start, enter, leave, np.tile(row, (len(X), 1))).mean() for row in spent]
        )

    def _standardised(self, by: str | None, of: Any, keys: pd.DataFrame, title: str) -> Estimates:
        levels = self._levels(by)
        values, slopes = [], []
        for level in levels:
            X = self._under(by, level)
            values.append(np.real(of(self._theta, X)))
            slopes.append(derivative(lambda t, X=X: of(t, X), self._theta))
        J = np.vstack(slopes)
        name = by or "group"
        whole = pd.concat([keys.assign(**{name: str(v)}) for v in levels], ignore_index=True)
        effect = self._influence @ J.T
        covariance = effect.T @ effect
        error = np.sqrt(np.diag(covariance))
        late = whole["time"].to_numpy() > self._last
        beyond = f"no subject was seen after day {self._last:g}"
        return estimates_of(
            whole[[name, *keys.columns]], np.where(late, np.nan, np.concatenate(values)),
            covariance=covariance, influences=effect, subjects=self._names,
            reasons=[
                beyond if out else "" if e > 0 else "the value at the origin is known"
                for out, e in zip(late, error, strict=True)
            ],
            title=title, notes=self._notes(),
        )  # fmt: skip

    def occupation(self, days: Sequence[float], *, by: str | None = "treatment") -> Estimates:
        """Return the probability of being in response on chosen days, of all who started.

        Parameters
        ----------
        days : sequence of float
        by : str or None, default "treatment"
            A category of the formula: every subject is given each of its values in turn; None for
            all together.

        Returns
        -------
        Estimates
            Keys `by`, time; NaN after the last visit of the study.

        Raises
        ------
        SpecError
            When there is no day or one is negative, or the formula has no such category.
        """
        at = read_days(days)
        return self._standardised(
            by, lambda t, X: self._occupation(t, X, at), pd.DataFrame({"time": at}),
            "Probability of being in response",
        )  # fmt: skip

    def means(self, tau: float, *, by: str | None = "treatment") -> Estimates:
        """Return expected days in response up to a horizon, first and later responses together.

        Parameters
        ----------
        tau : float
            Days since day 0.
        by : str or None, default "treatment"

        Returns
        -------
        Estimates
            Keys `by`, time (tau); NaN where tau is after the last visit of the study.
            ``means(tau).compare("treatment")`` compares the groups.

        Raises
        ------
        SpecError
            When tau is not positive, or the formula has no such category.
        """
        check_tau(tau)
        edges = np.r_[0.0, [b for b in self.spec.breaks if b < tau], tau]
        x, w = np.polynomial.legendre.leggauss(_NODES)
        half = np.diff(edges) / 2
        days = ((edges[:-1] + half)[:, None] + half[:, None] * x).ravel()
        weight = (half[:, None] * w).ravel()
        return self._standardised(
            by, lambda t, X: np.array([weight @ self._occupation(t, X, days)]),
            pd.DataFrame({"time": [float(tau)]}), f"Days in response up to day {tau:g}",
        )  # fmt: skip

    def intensities(self, *, by: str | None = "treatment") -> pd.DataFrame:
        """Return the rates at the means of other covariates.

        Returns
        -------
        pandas.DataFrame
            `by`, change ("gaining", "losing"), lower, upper (days), rate (a day), stay (mean days
            until the change: 1 / rate).

        Raises
        ------
        SpecError
            When the formula has no such category.
        """
        edges = np.r_[0.0, np.asarray(self.spec.breaks, dtype=float), np.inf]
        rows = []
        for level in self._levels(by):
            X = self._under(by, level).mean(axis=0)[None, :]
            for change, rates in zip(CHANGES, self._panel.rates(self._theta, X), strict=True):
                rows += [(str(level), change, edges[j], edges[j + 1], rate, 1 / rate)
                         for j, rate in enumerate(np.real(rates[0]))]  # fmt: skip
        return pd.DataFrame(
            rows, columns=[by or "group", "change", "lower", "upper", "rate", "stay"]
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, visits, gained and lost (changes seen), loglik, aic."""
        panel, p = self._panel, len(self._theta)
        return pd.DataFrame(
            {
                "n": [len(self._subjects)],
                "visits": [len(panel.before)],
                "gained": [int(((panel.before == 0) & (panel.after == 1)).sum())],
                "lost": [int(((panel.before == 1) & (panel.after == 0)).sum())],
                "loglik": [self._loglik],
                "aic": [2 * p - 2 * self._loglik],
            }
        )

    def plot(self, ax: Axes | None = None, *, by: str | None = "treatment", **options: Any) -> Axes:
        """Draw the probability of being in response over time; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        by : str or None, default "treatment"
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        days = np.linspace(0, self._last, _POINTS + 1)
        table = self.occupation(days.tolist(), by=by).tidy(conf_level=self.conf_level)
        frame = table.rename(columns={by or "group": "treatment"}).assign(
            n_risk=0, n_event=0, n_censor=0
        )
        settings = {"ylabel": f"In {self._label}", "xlabel": "Day (0 is the start)",
                    "caveat": self.study.caveat, **options}  # fmt: skip
        return plots.plot_survival(frame, ax=ax, cumulative=True, **settings)

    def summary(self) -> Summary:
        """Return the hazard ratios and the rates."""
        g = self.glance().iloc[0].to_dict()
        header = (
            ("State", self._label), *self.spec.header(),
            ("Subjects", f"{format_count(g['n'])}, {format_count(g['visits'])} visits: response "
             f"gained {format_count(g['gained'])} times, lost {format_count(g['lost'])} times"),
            *self._design.spec.header(),
            ("Standard errors", "robust"),
            ("Log-likelihood", format_number(self._loglik, 2)),
        )  # fmt: skip
        level = f"{format_level(self.conf_level)} CI"
        names = ("Change", "Term", "Log hazard ratio", "SE", "Hazard ratio", level, "p")
        tables = [Table(names, self._rows_by_coefficient(), 2)] if self._design.terms else []
        estimates = self.estimates()
        return Summary(estimates.title, header, tuple(tables), estimates.notes)
