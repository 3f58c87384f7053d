"""What a joint model of events that come again and of the end of follow-up says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, ObjectArray
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.newton_loglik import influence_of
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.parametric.joint_frailty import JointModel, JointPoint
from trdstats.outcomes import Episodes
from trdstats.survival.coefficients import Coefficients
from trdstats.survival.groups import notes_of
from trdstats.survival.regression.regression_data import Regressed
from trdstats.tables import Summary, Table, each_row, format_level, format_number, format_p

_TITLE = "Joint frailty"


@checked_methods
@dataclass(frozen=True, repr=False)
class JointFrailtyResult(Coefficients):
    """A fitted joint model. The coefficients are log hazard ratios at equal frailty.

    `tidy` has one row a hazard and term: event (what the hazard is of), term, then as every result
    with hazard ratios.

    Attributes
    ----------
    spec : JointFrailty
    episodes : Episodes
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: Any
    episodes: Episodes
    _regressed: Regressed
    _end: str
    _model: JointModel
    _theta: FloatArray
    _point: JointPoint
    _smaller: tuple[float, float]
    _subjects: ObjectArray
    _left_out: tuple[str, ...]

    @property
    def _influence(self) -> FloatArray:
        """Influence of every subject on the parameters; its cross-product is their covariance."""
        return influence_of(self._point.information, self._point.scores)

    def estimates(self) -> Estimates:
        """Return the log hazard ratios of the event, then of the end of follow-up.

        Errors are robust: from the influence of every subject.
        """
        again, last = self._model.again, self._model.last
        terms = list(self._regressed.design.terms)
        p1 = again.Z.shape[1]
        place = np.r_[again.pieces : p1, p1 + last.pieces : p1 + last.Z.shape[1]]
        effect = self._influence[:, place]
        keys = pd.DataFrame(
            {"event": np.repeat([self.episodes.outcome, self._end], len(terms)), "term": terms * 2}
        )
        return estimates_of(
            keys, self._theta[place], covariance=effect.T @ effect, influences=effect,
            subjects=self._subjects, null=0.0, reasons=[""] * len(place), title=_TITLE,
            notes=self._notes(),
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        return (
            *notes_of(self.episodes, self._regressed.sample),
            *self._left_out,
            "Hazard ratios compare subjects of the same frailty.",
        )

    def frailties(self) -> pd.DataFrame:
        """Return the frailty of every subject.

        Returns
        -------
        pandas.DataFrame
            subject, events, ended (whether follow-up ended for the reason that is modelled),
            estimate (conditional mean of exp(w); 1 is the median hazard).
        """
        model = self._model
        return pd.DataFrame(
            {
                "subject": self._subjects,
                "events": model.again.by_subject(model.n, model.again.events),
                "ended": model.last.by_subject(model.n, model.last.events) > 0,
                "estimate": self._point.frailty,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            n, events, ended, n_left_out (rows that lack a covariate), theta (variance of the log
            frailties) with limits on the scale of its logarithm, alpha (power of the frailty in
            the hazard of the end) with Wald limits, and p of alpha = 0 by the likelihood ratio,
            loglik, likelihood_ratio (against no frailty; theta = 0 is a boundary at which alpha has
            no meaning, so without p).
        """
        variance = (self._influence[:, -2:] ** 2).sum(axis=0)
        error = np.sqrt(variance)
        z = critical_value(self.conf_level)
        alpha, theta = float(self._theta[-2]), float(np.exp(2 * self._theta[-1]))
        factor = np.exp(2 * z * error[1])
        model = self._model
        return pd.DataFrame(
            {
                "n": [model.n],
                "events": [int(model.again.events.sum())],
                "ended": [int(model.last.events.sum())],
                "n_left_out": [self._regressed.left_out],
                "theta": [theta],
                "theta_low": [theta / factor],
                "theta_high": [theta * factor],
                "alpha": [alpha],
                "alpha_low": [alpha - z * error[0]],
                "alpha_high": [alpha + z * error[0]],
                "alpha_p": [float(chi2_sf(2 * (self._point.loglik - self._smaller[1]), 1))],
                "loglik": [self._point.loglik],
                "likelihood_ratio": [2 * (self._point.loglik - self._smaller[0])],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the hazard ratios with their intervals; returns the Axes."""
        return self._draw("Hazard ratio", self.episodes.figure_caveat, ax, options)

    def summary(self) -> Summary:
        """Return the hazard ratios, the variance of the frailties and the link."""
        g = next(each_row(self.glance()))
        level = f"{format_level(self.conf_level)} CI"
        lines = [
            *self._regressed.header(),
            ("End of follow-up", f"{self._end}: {g.ended:,} of {g.n:,}"),
            *self.spec.header(),
            ("Variance of log frailty", f"{g.theta:.2f} ({g.theta_low:.2f} to {g.theta_high:.2f})"),
            ("Link alpha", f"{g.alpha:.2f} ({g.alpha_low:.2f} to {g.alpha_high:.2f}), "
             f"p {format_p(g.alpha_p)}"),
            ("Standard errors", "robust"),
            ("Log-likelihood", format_number(g.loglik, 2)),
        ]  # fmt: skip
        header = ("Hazard of", "Term", "Log hazard ratio", "SE", "Hazard ratio", level, "p")
        estimates = self.estimates()
        return Summary(
            _TITLE, tuple(lines), (Table(header, self._rows_by_coefficient(), 2),), estimates.notes
        )
