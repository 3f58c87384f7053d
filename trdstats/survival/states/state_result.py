"""What every estimate of state probabilities tells, however it was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_level
from trdstats.kernels.numerics.boundary import error_at
from trdstats.kernels.risk_sets.state_probabilities import probability_interval
from trdstats.outcomes.check_history import STATES
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.day_contrasts import Covariances
from trdstats.survival.groups import Group, counts_header
from trdstats.survival.reported_days import LEAST_AT_RISK, LEAST_SHARE, check_days, is_supported
from trdstats.survival.states.history_groups import HistorySample
from trdstats.survival.states.state_days import tabulate_days
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_p,
)

IN_RESPONSE = STATES[1]
EVERYONE = "Everyone who started treatment counts, responder or not."


def check_tau(tau: float, conf_level: float) -> None:
    """Raise `SpecError` unless the horizon is a positive number of days."""
    if not (tau > 0 and np.isfinite(tau)):
        raise SpecError(f"tau must be a positive number of days; got {tau!r}.")
    check_level(conf_level)


@checked_methods
@dataclass(frozen=True, repr=False)
class StateResult(SummaryMixin):
    """Fitted state probabilities; a subclass says how they and their errors are had."""

    spec: Any
    reference: str
    _data: HistorySample
    _title: ClassVar[str] = ""
    _steps: ClassVar[bool] = True  # whether probabilities hold from one time to the next

    def _days(self, label: str) -> FloatArray:
        """Return the days of the curves of a group."""
        raise NotImplementedError

    def _probability(self, label: str, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return probabilities of the states and standard errors at days, each (k, 3)."""
        raise NotImplementedError

    def _mean(self, label: str) -> tuple[FloatArray, FloatArray]:
        """Return mean days in the states and standard errors, the weights known; each (3,)."""
        raise NotImplementedError

    def _influence(self, label: str, at: FloatArray) -> FloatArray:
        """Return influences on mean days, then on probabilities at days, (n, 3 (1 + k))."""
        raise NotImplementedError

    def _extra_facts(self) -> tuple[tuple[str, str], ...]:
        """Return the facts of this way of fitting."""
        return ()

    def _notes(self) -> tuple[str, ...]:
        """Return the cautions."""
        raise NotImplementedError

    @property
    def _key(self) -> str:
        return self.spec.by or "group"

    @property
    def _labels(self) -> list[str]:
        return list(self._data.stays)

    def tidy(self) -> pd.DataFrame:
        """Return the curves, one row a group, state and day.

        Returns
        -------
        pandas.DataFrame
            group column, state, time (days), n_risk (subjects seen in the state just before),
            estimate (probability of being in the state), std_error, conf_low, conf_high,
            conf_level.
        """
        return pd.concat(
            [self._curve(label, self._days(label)) for label in self._labels], ignore_index=True
        )

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the curves at chosen days, one row a group, state and day.

        Beyond the last follow-up of a group the estimate is NaN, unless all had relapsed for good.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at = np.asarray(days, dtype=float)
        return pd.concat([self._curve(label, at) for label in self._labels], ignore_index=True)

    def _curve(self, label: str, at: FloatArray) -> pd.DataFrame:
        p, error = self._probability(label, at)
        error = error_at(at[:, None], p, error)
        low, high = probability_interval(p, error, conf_level=self.spec.conf_level)
        n_risk = self._data.n_risk(label, at)
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        self._key: label,
                        "state": state,
                        "time": at,
                        "n_risk": n_risk[:, j],
                        "estimate": p[:, j],
                        "std_error": error[:, j],
                        "conf_low": low[:, j],
                        "conf_high": high[:, j],
                        "conf_level": self.spec.conf_level,
                    }
                )
                for j, state in enumerate(STATES)
            ]
        )

    def _between_means(self) -> Covariances:
        """Return the covariances of the mean days within and between groups."""
        none = np.empty(0)
        variance = {label: self._mean(label)[1] ** 2 for label in self._labels}
        return self._data.sample.between(lambda g: self._influence(g.label, none), variance)

    def mean_days(self) -> pd.DataFrame:
        """Return mean days in each state up to tau, with comparisons.

        Returns
        -------
        pandas.DataFrame
            measure ("mean days", "difference", "ratio"), group column, reference, state,
            estimate (days; plain for ratios), std_error (log scale for ratios), statistic,
            p_value, conf_low, conf_high, conf_level. Mean days of a group sum to tau.
        """
        return tabulate_days(
            {label: self._mean(label)[0] for label in self._labels},
            self._between_means(),
            by=self._key,
            reference=self.reference,
            conf_level=self.spec.conf_level,
        )

    def influence(self, days: Sequence[float] = ()) -> pd.DataFrame:
        """Return the first-order effect of each subject on mean days and probabilities.

        Parameters
        ----------
        days : sequence of float, default ()
            Days of the probabilities; without any, mean days only.

        Returns
        -------
        pandas.DataFrame
            subject, then "<group> mean days <state>" and "<group> <state> day <d>".

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at = np.asarray(days, dtype=float)
        keys = [f"mean days {s}" for s in STATES] + [f"{s} day {d:g}" for d in at for s in STATES]

        def of_group(g: Group) -> FloatArray:
            return self._influence(g.label, at)

        return self._data.sample.influence(keys, of_group)

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, how many responded and relapsed, horizon, reference."""
        return pd.DataFrame(
            {
                "n": [self._data.sample.n],
                "responded": [self._data.sample.events()],
                "relapsed": [self._data.moves(STATES[2])],
                "tau": [self.spec.tau],
                "reference": [self.reference],
                "n_groups": [len(self._labels)],
            }
        )

    def _drawn_days(self, label: str) -> FloatArray:
        """Return the days on which a figure needs the curves of a group."""
        return self._days(label)

    def _drawn(self) -> pd.DataFrame:
        """Return the curves from day 0 to the horizon, with the horizon itself."""
        tau = self.spec.tau
        frames = []
        for label in self._labels:
            days = self._drawn_days(label)
            frames.append(self._curve(label, np.append(days[days < tau], tau)))
        return pd.concat(frames, ignore_index=True).rename(columns={self._key: "treatment"})

    def plot(self, fig: Any = None, *, days: Sequence[float] | None = None, **options: Any) -> Any:
        """Draw the share in each state over time, one panel a group; returns the Figure.

        Parameters
        ----------
        fig : matplotlib Figure, optional
            An empty figure to fill.
        days : sequence of float, optional
            Days of the numbers under observation.
        **options
            Passed on to `trdstats.plots.plot_state_areas`.
        """
        if days is None:
            days = plots.choose_ticks(0.0, self.spec.tau)
        settings = {"caveat": self._data.times.caveat, "steps": self._steps, **options}
        observed = self.at(days).rename(columns={self._key: "treatment"})
        if not self._data.history.regains:
            # Relapse ends the history: nobody is followed in that state.
            observed = observed[observed["state"] != STATES[2]]
        return plots.plot_state_areas(self._drawn(), observed=observed, fig=fig, **settings)

    def plot_in_response(
        self, ax: Any = None, *, days: Sequence[float] | None = None, **options: Any
    ) -> Any:
        """Draw the probability of being in response, with numbers at risk; returns the Axes.

        At risk are those under observation, in response or not yet.
        """
        curve = self._drawn().assign(n_event=0, n_censor=0)

        def at_risk(at: Sequence[float]) -> pd.DataFrame:
            rows = self.at(at).rename(columns={self._key: "treatment"})
            counts = rows.groupby(["treatment", "time"], sort=False)["n_risk"].sum()
            return counts.reset_index()

        settings = {"censor_marks": False, **options}
        return draw_curves(
            curve[curve["state"] == IN_RESPONSE],
            at_risk,
            self._data.times,
            by="treatment",
            name="probability of being in response",
            ax=ax,
            cumulative=True,
            days=days,
            options=settings,
        )

    def summary(self) -> Summary:
        """Return days in each state, and how the days in response compare."""
        level, tau = f"{100 * self.spec.conf_level:g} % CI", self.spec.tau
        days = self.mean_days()
        share = self.at([tau])
        mean = days[days["measure"] == "mean days"].set_index([self._key, "state"])
        share = share.set_index([self._key, "state"])
        rows = [
            (label, *(_shown(mean.loc[(label, s)]) for s in (IN_RESPONSE, STATES[0], STATES[2])),
             _shown(share.loc[(label, IN_RESPONSE)], 100))
            for label in self._labels
        ]  # fmt: skip
        header = ("Group", f"In response ({level})", "Not responding", "Relapsed",
                  f"In response on day {tau:g} (%)")  # fmt: skip
        tables = [Table(header, tuple(rows), title=f"Mean days to day {tau:g}")]
        own = days[(days["state"] == IN_RESPONSE) & (days["measure"] != "mean days")]
        compared = [
            (str(getattr(d, self._key)), _shown(d), _shown(r, digits=2), format_p(d.p_value))
            for d, r in zip(
                each_row(own[own["measure"] == "difference"]),
                each_row(own[own["measure"] == "ratio"]),
                strict=True,
            )
        ]
        if compared:
            compared_as = ("Group", f"Difference ({level})", f"Ratio ({level})", "p")
            title = f"Mean days in response, against {self.reference}"
            tables.append(Table(compared_as, tuple(compared), title=title))
        history, relapsed = self._data.history, self._data.moves(STATES[2])
        facts = (*counts_header(self._data.times, self._data.sample),
                 ("Relapse", f"{history.relapse}, {relapsed:,} subjects"),
                 *self._extra_facts())  # fmt: skip
        return Summary(self._title, facts, tuple(tables), (*self._notes(), *self._few(share)))

    def _few(self, share: pd.DataFrame) -> tuple[str, ...]:
        """Return a note that names the groups in which few are under observation at the horizon.

        `share` holds the curves at the horizon, indexed by group and state.
        """
        followed = share["n_risk"].groupby(level=0, sort=False).sum()
        few = [
            f"{label} ({format_count(n)})"
            for label, n in followed.items()
            if not is_supported(n, len(self._data.group(str(label)).time))
        ]
        if not few:
            return ()
        return (
            f"On day {self.spec.tau:g} fewer than {LEAST_AT_RISK} subjects, and than "
            f"{100 * LEAST_SHARE:g} % of the group, are under observation in {', '.join(few)}.",
        )


def _shown(row: Any, scale: float = 1.0, *, digits: int = 1) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
