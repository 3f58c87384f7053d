"""What every estimate of state probabilities tells, however it was fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, Figure
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import no_error_known
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.kernels.numerics.boundary import error_at, variance_of_mean
from trdstats.kernels.risk_sets.state_probabilities import probability_interval
from trdstats.outcomes.check_history import STATES
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.curve_result import CurveResult, read_days, why_missing
from trdstats.survival.groups import counts_header
from trdstats.survival.reported_days import (
    LEAST_AT_RISK,
    LEAST_PROPORTION,
    check_days,
    is_supported,
)
from trdstats.survival.states.history_groups import HistorySample
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_p,
)

IN_RESPONSE = STATES[1]
ALL_WHO_STARTED = "Everyone who started treatment counts, responder or not."


@checked_methods
@dataclass(frozen=True, repr=False)
class StateResult(CurveResult):
    """Fitted state probabilities; a subclass says how they and their errors are had.

    `tidy` has one row a group, state and day: group column, state, time (days), n_risk (subjects
    seen in the state just before), estimate (probability of being in the state), std_error,
    conf_low, conf_high, conf_level.
    """

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

    def _extra_header(self) -> tuple[tuple[str, str], ...]:
        """Return header lines of this way of fitting."""
        return ()

    def _notes(self) -> tuple[str, ...]:
        """Return the cautions."""
        raise NotImplementedError

    @property
    def _labels(self) -> list[str]:
        return list(self._data.spells)

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        for label in self._labels:
            yield self._curve(label, self._days(label), conf_level)

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return mean days in the states, and probabilities at chosen days.

        Parameters
        ----------
        days : sequence of float, default ()
            Days of the probabilities; without any, mean days only.

        Returns
        -------
        Estimates
            Keys: quantity ("mean days", up to tau; "probability"), group column, state, time.
            Beyond the last follow-up of a group a probability is NaN, unless all had relapsed for
            good.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at, labels, sample = np.asarray(days, dtype=float), self._labels, self._data.sample
        width = len(STATES) * (1 + len(at))
        effect = sample.influences(lambda g: self._influence(g.label, at), width)
        # Of every group mean days, then day by day the states; here all mean days, then the
        # probabilities state by state.
        place = np.arange(len(labels) * width).reshape(len(labels), 1 + len(at), len(STATES))
        effect = effect[:, np.append(place[:, 0], place[:, 1:].swapaxes(1, 2))]
        means = [self._mean(label) for label in labels]
        mean, error = (np.concatenate([m[k] for m in means]) for k in (0, 1))
        if sample.model is not None:
            error = np.sqrt((effect[:, : len(mean)] ** 2).sum(axis=0))
        error = np.sqrt(variance_of_mean(mean, error**2))
        curves = [self._on(label, at) for label in labels]
        value = np.concatenate([mean, *(p.T.ravel() for p, _ in curves)])
        error = np.concatenate([error, *(e.T.ravel() for _, e in curves)])
        keys = [
            pd.MultiIndex.from_product(levels).to_frame(index=False)
            for levels in (
                (["mean days"], labels, STATES, [float(self.spec.tau)]),
                (["probability"], labels, STATES, at),
            )
            if len(levels[-1])
        ]
        named = pd.concat(keys).set_axis(["quantity", self._key, "state", "time"], axis=1)
        last = np.repeat([self._days(label)[-1] for label in labels], len(STATES) * len(at))
        means_first = np.arange(len(value)) < len(mean)
        return estimates_of(
            named, value, influences=effect, subjects=sample.influence_subjects(),
            covariance=sample.covariance_between(effect, error**2),
            limits_scale=["identity" if m else "logit" for m in means_first],
            reasons=why_missing(value, error, np.append(np.zeros(len(mean)), last)),
            title=self._title, notes=self._notes(),
        )  # fmt: skip

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the probabilities at chosen days, one row a group, state and day.

        Returns
        -------
        pandas.DataFrame
            group column, state, time, n_risk, estimate, std_error, conf_low, conf_high,
            conf_level, reason (why an estimate or its error is NaN); see `estimates`.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        n_risk = [self._data.n_risk(label, at).T.ravel() for label in self._labels]
        return self._on_days(self._probabilities(days), np.concatenate(n_risk))

    def contrasts(self, days: Sequence[float], *, reference: Level | None = None) -> pd.DataFrame:
        """Compare the probabilities of groups at chosen days; see `estimates`.

        Default of `reference` is that of the specification.
        """
        base = self.reference if reference is None else reference
        return self._compared(self._probabilities(days), base)

    def _probabilities(self, days: Sequence[float]) -> Estimates:
        read_days(days)
        estimates = self.estimates(days)
        rows = np.arange(len(self._labels) * len(STATES), len(estimates))
        estimates = estimates.select(rows)
        return replace(estimates, keys=estimates.keys.drop(columns="quantity"))

    def _on(self, label: str, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return probabilities and their errors at days, NaN where there is none."""
        p, error = self._probability(label, at)
        return p, error_at(at[:, None], p, error)

    def _curve(self, label: str, at: FloatArray, level: float) -> pd.DataFrame:
        p, error = self._on(label, at)
        low, high = probability_interval(p, error, conf_level=level)
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
                        "conf_level": level,
                    }
                )
                for j, state in enumerate(STATES)
            ]
        )

    def mean_days(self) -> pd.DataFrame:
        """Return mean days in each state up to tau, with comparisons.

        Returns
        -------
        pandas.DataFrame
            measure ("mean days", "difference", "ratio"), group column, reference, state, then as
            `Estimates.tidy`. Mean days of a group sum to tau.
        """
        estimates = self.estimates()
        estimates = replace(estimates, keys=estimates.keys.drop(columns=["quantity", "time"]))
        compared = estimates.compare(
            self._key, reference=self.reference, measures=("difference", "ratio")
        )
        keys = estimates.keys.assign(measure="mean days", reference="")[[*compared.keys]]
        means = replace(estimates, keys=keys)
        return below([means, compared]).tidy(conf_level=self.conf_level)

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

    def _observed(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the curves on chosen days, with the numbers under observation."""
        at, level = np.asarray(days, dtype=float), self.conf_level
        frames = [self._curve(label, at, level) for label in self._labels]
        return pd.concat(frames, ignore_index=True).rename(columns={self._key: "treatment"})

    def _drawn_days(self, label: str) -> FloatArray:
        """Return the days on which a figure needs the curves of a group."""
        return self._days(label)

    def _drawn(self) -> pd.DataFrame:
        """Return the curves from day 0 to the horizon, with the horizon itself."""
        tau = self.spec.tau
        frames = []
        for label in self._labels:
            days = self._drawn_days(label)
            frames.append(self._curve(label, np.append(days[days < tau], tau), self.conf_level))
        return pd.concat(frames, ignore_index=True).rename(columns={self._key: "treatment"})

    def plot(
        self, fig: Figure | None = None, *, days: Sequence[float] | None = None, **options: Any
    ) -> Figure:
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
        settings = {"caveat": self._data.times.figure_caveat, "steps": self._steps, **options}
        observed = self._observed(days)
        if not self._data.history.regains:
            # Relapse ends the history: no subject is followed in that state.
            observed = observed[observed["state"] != STATES[2]]
        return plots.plot_state_areas(self._drawn(), observed=observed, fig=fig, **settings)

    def plot_in_response(
        self, ax: Axes | None = None, *, days: Sequence[float] | None = None, **options: Any
    ) -> Axes:
        """Draw the probability of being in response, with numbers at risk; returns the Axes.

        At risk are those under observation, in response or not yet.
        """
        curve = self._drawn().assign(n_event=0, n_censor=0)

        def at_risk(at: Sequence[float]) -> pd.DataFrame:
            rows = self._observed(at)
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
        level, tau = f"{format_level(self.spec.conf_level)} CI", self.spec.tau
        days = self.mean_days()
        proportion = self._observed([tau]).rename(columns={"treatment": self._key})
        mean = days[days["measure"] == "mean days"].set_index([self._key, "state"])
        proportion = proportion.set_index([self._key, "state"])
        rows = [
            (label, *(_shown(mean.loc[(label, s)]) for s in (IN_RESPONSE, STATES[0], STATES[2])),
             _shown(proportion.loc[(label, IN_RESPONSE)], 100))
            for label in self._labels
        ]  # fmt: skip
        header = ("Group", f"In response ({level})", "Not responding", "Relapsed",
                  f"In response on day {tau:g} (%)")  # fmt: skip
        tables = [Table(header, tuple(rows), title=f"Mean days to day {tau:g}")]
        subset = days[(days["state"] == IN_RESPONSE) & (days["measure"] != "mean days")]
        compared = [
            (str(getattr(d, self._key)), _shown(d), _shown(r, digits=2), format_p(d.p_value))
            for d, r in zip(
                each_row(subset[subset["measure"] == "difference"]),
                each_row(subset[subset["measure"] == "ratio"]),
                strict=True,
            )
        ]
        if compared:
            compared_as = ("Group", f"Difference ({level})", f"Ratio ({level})", "p")
            title = f"Mean days in response, against {self.reference}"
            tables.append(Table(compared_as, tuple(compared), title=title))
        unknown = mean["std_error"].isna() | proportion["std_error"].isna().reindex(mean.index)
        without = [f"{label} ({state})" for label, state in mean.index[unknown]]
        history, relapsed = self._data.history, self._data.moves(STATES[2])
        lines = (*counts_header(self._data.times, self._data.sample),
                 ("Relapse", f"{history.relapse}, {relapsed:,} subjects"),
                 *self._extra_header())  # fmt: skip
        return Summary(
            self._title,
            lines,
            tuple(tables),
            (*self._notes(), *self._few(proportion), *no_error_known(without)),
        )

    def _few(self, proportion: pd.DataFrame) -> tuple[str, ...]:
        """Return a note that names the groups in which few are under observation at the horizon.

        `share` holds the curves at the horizon, indexed by group and state.
        """
        followed = proportion["n_risk"].groupby(level=0, sort=False).sum()
        few = [
            f"{label} ({format_count(n)})"
            for label, n in followed.items()
            if not is_supported(n, len(self._data.group(str(label)).time))
        ]
        if not few:
            return ()
        return (
            f"On day {self.spec.tau:g} fewer than {LEAST_AT_RISK} subjects, and than "
            f"{100 * LEAST_PROPORTION:g} % of the group, are under observation in "
            f"{', '.join(few)}.",
        )


def _shown(row: Any, scale: float = 1.0, *, digits: int = 1) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
