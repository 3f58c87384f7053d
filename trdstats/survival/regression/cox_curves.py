"""Survival curves of a Cox regression, standardised to all subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, pick_level, unknown_name
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.table import labels_of
from trdstats.kernels.numerics.boundary import at_boundary, error_inside
from trdstats.kernels.risk_sets.cox_curves import mean_curve
from trdstats.kernels.risk_sets.partial_likelihood import CoxFit
from trdstats.kernels.risk_sets.survival_curve import survival_interval
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival.curves.curve_result import WholeCurves, why_missing
from trdstats.survival.groups import notes_of
from trdstats.survival.regression.regression_data import Regressed
from trdstats.survival.reported_days import beyond_follow_up, check_days, headline_day
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level

if TYPE_CHECKING:
    from trdstats.survival.regression.cox_result import CoxResult

_MOST_SHOWN = 4


def marginal_curves(
    result: CoxResult,
    best: CoxFit,
    regressed: Regressed,
    on_beta: FloatArray,
    by: str,
    days: Sequence[float] | None,
    among: Level | None,
) -> MarginalCurves:
    """Average the curves of subjects under every level of a column."""
    frame = regressed.design.frame
    if by not in frame or by not in regressed.design.spec.required_variables:
        known = sorted(str(v) for v in regressed.design.spec.required_variables)
        raise unknown_name("covariate of the formula", by, known)
    if not isinstance(frame[by].dtype, pd.CategoricalDtype):
        raise NotEstimableError(f"{by!r} is a number and has no levels to standardise to.")
    if result.spec.strata == by:
        raise NotEstimableError(f"{by!r} is a stratum: its levels have no effect to compare.")
    if days is not None:
        check_days(days)
    levels = list(frame[by].cat.categories)
    among = None if among is None else pick_level("level", among, levels)
    in_level = None if among is None else (frame[by] == among).to_numpy()
    event = regressed.status == result.spec.cause
    at = np.unique(regressed.time[event]) if days is None else np.asarray(days, dtype=float)
    # As in other curves: nothing is known after the last day on which anybody was followed.
    unknown = np.where(at > regressed.time.max(), np.nan, 0.0)
    estimate, influence = [], []
    for level in levels:
        changed = frame.assign(**{by: pd.Categorical([level] * len(frame), categories=levels)})
        curve = mean_curve(best, regressed.design.matrix(changed), on_beta, at, in_level)
        estimate.append(curve.estimate + unknown)
        influence.append(curve.influence + unknown)
    return MarginalCurves(
        result,
        by,
        tuple(str(v) for v in levels),
        at,
        among,
        np.stack(estimate),
        np.stack(influence),
    )


@checked_methods
@dataclass(frozen=True, repr=False)
class MarginalCurves(WholeCurves):
    """Survival that all subjects, or those of one level, would have under each level.

    `tidy` has one row a level and day: `by`, time, estimate (probability of not having had the
    event), std_error, conf_low, conf_high, conf_level. Limits are symmetric on the log-log scale.

    Attributes
    ----------
    model : CoxResult
    by : str
    levels : tuple of str
    days : ndarray, shape (k,)
    among : str or None
        Level whose subjects the curves are of; None for every subject.
    """

    model: CoxResult
    by: str
    levels: tuple[str, ...]
    days: FloatArray
    among: str | None
    _estimate: FloatArray
    _influence: FloatArray

    @property
    def conf_level(self) -> float:
        """Confidence level of tables and figures; that of the model."""
        return float(self.model.spec.conf_level)

    def estimates(self, days: Sequence[float] | None = None) -> Estimates:
        """Return the curves, with the influence of every subject.

        Parameters
        ----------
        days : sequence of float, optional
            Default: those of the curves.

        Returns
        -------
        Estimates
            Keys: `by`, time. Values are probabilities of not having had the event; limits are
            symmetric on the log-log scale.
        """
        if days is not None:
            return self.model.marginal(self.by, days=days, among=self.among).estimates()
        effect = self._stacked()
        value, error = self._estimate.ravel(), self._errors(effect)
        data = self.model._regressed
        return estimates_of(
            self._keys(), value, influences=effect, subjects=data.sample.influence_subjects(),
            covariance=data.sample.covariance_between(effect, error**2),
            limits_scale="log-log", reasons=why_missing(value, error, float(data.time.max())),
            title="Standardised survival", notes=self._notes(self.days),
        )  # fmt: skip

    def _notes(self, days: FloatArray) -> tuple[str, ...]:
        data = self.model._regressed
        # A day after all follow-up has no estimate, and its reason.
        known = days[days <= data.time.max()]
        last = float(known.max(initial=0.0))
        beyond: tuple[str, ...] = ()
        if self.by == "treatment":
            formula = self.model.spec.formula
            beyond = note_extrapolation(data.frame, formula, self.by, self.among)
        return (
            *beyond_follow_up(data.design.frame[self.by], data.time, last),
            *beyond,
            *notes_of(self.model.times, data.sample),
        )

    def _stacked(self) -> FloatArray:
        """Return influences on the curves, level by level, shape (n, levels * days)."""
        return self.model._regressed.stacked_influence(
            np.concatenate(list(self._influence), axis=1)
        )

    def _errors(self, effect: FloatArray) -> FloatArray:
        """Return standard errors: 0 at the origin, NaN later where no subject had the event yet."""
        value = self._estimate.ravel()
        known = at_boundary(value) & (self._times() == 0)
        return np.where(known, 0.0, error_inside(value, np.sqrt((effect**2).sum(axis=0))))

    def _times(self) -> FloatArray:
        return np.tile(self.days, len(self.levels))

    def _keys(self) -> pd.DataFrame:
        return pd.DataFrame(
            {self.by: np.repeat(self.levels, len(self.days)), "time": self._times()}
        )

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        value, error = self._estimate.ravel(), self._errors(self._stacked())
        low, high = survival_interval(
            value, (error / value) ** 2, conf_type="log-log", conf_level=conf_level
        )
        yield self._keys().assign(
            estimate=value, std_error=error, conf_low=low, conf_high=high, conf_level=conf_level
        )

    def contrasts(self, *, reference: Level | None = None) -> pd.DataFrame:
        """Compare the levels at every day; the errors know that the curves share a model.

        Returns
        -------
        pandas.DataFrame
            measure ("difference"), `by`, reference, time, then as `Estimates.tidy`.

        Raises
        ------
        UnknownNameError
            When the reference is no level.
        """
        return self.compare(self.by, reference=reference).tidy(conf_level=self.conf_level)

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each curve: "<level> <day>"."""
        frame = pd.DataFrame(self._stacked(), columns=labels_of(self._keys()))
        frame.insert(0, "subject", self.model._regressed.sample.influence_subjects())
        return frame

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the share that had the event under each level; returns the Axes."""
        curve = self.tidy()
        curve[self.by] = pd.Categorical(curve[self.by], categories=list(self.levels))
        flipped: dict[str, Any] = {
            "estimate": 1 - curve["estimate"],
            "conf_low": 1 - curve["conf_high"],
            "conf_high": 1 - curve["conf_low"],
            "n_risk": 0.0, "n_event": 0.0, "n_censor": 0.0,
        }  # fmt: skip
        times = self.model.times
        outcome = times.causes.get(self.model.spec.cause, times.outcome)
        settings = {
            "ylabel": f"{outcome[:1].upper()}{outcome[1:]}, standardised",
            "xlabel": "Day (0 is the start)" if times.origin == "day 0"
            else f"Days since {times.origin}",
            "caveat": times.figure_caveat,
            **options,
        }  # fmt: skip
        return plots.plot_survival(
            curve.assign(**flipped).rename(columns={self.by: "treatment"}),
            ax=ax,
            cumulative=True,
            censor_marks=False,
            **settings,
        )

    def summary(self) -> Summary:
        """Return the curves at up to four days; of many, at days with enough at risk."""
        shown, data = self.days, self.model._regressed
        if len(shown) > _MOST_SHOWN:
            enough = shown[shown <= headline_day(data.time, data.entry)]
            shown = enough if len(enough) else shown
            shown = shown[np.unique(np.linspace(0, len(shown) - 1, _MOST_SHOWN).astype(int))]
        table = self.tidy()
        rows = []
        for level in self.levels:
            subset = table[(table[self.by] == level) & table["time"].isin(shown)]
            cells = [
                format_estimate(100 * r.estimate, 100 * r.conf_low, 100 * r.conf_high, 1)
                for r in each_row(subset)
            ]
            rows.append((level, *cells))
        header = ("Level", *(f"Day {d:g}" for d in shown))
        level = f"{format_level(self.model.spec.conf_level)} CI"
        lines = [*self.model._regressed.header(), ("Covariates", self.model.spec.formula)]
        if self.among is not None:
            lines.append(("Standardised to", f"those with {self.by} {self.among}"))
        return Summary(
            f"Without {self.model.times.outcome} (%, {level}), standardised over {self.by}",
            tuple(lines),
            (Table(header, tuple(rows)),),
            self._notes(shown),
        )
