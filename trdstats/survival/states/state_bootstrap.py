"""State probabilities of resampled subjects, with percentile limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.risk_sets import state_probabilities as kernel
from trdstats.outcomes.check_history import STATES
from trdstats.parts import Arrays
from trdstats.replicates import replicate
from trdstats.survival.groups import counts_header, notes_of
from trdstats.survival.states.history_groups import HistorySample
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_estimate, format_level


@dataclass(frozen=True, repr=False)
class StateBootstrap(SummaryMixin):
    """Bootstrap draws of state probabilities and mean days.

    Attributes
    ----------
    spec : ResponseState
    n, seed : int
    curves : dict of str to ndarray, shape (n, m, 3)
        Probabilities of each group at its distinct times, one curve a resample.
    days : dict of str to ndarray, shape (n, 3)
        Mean days in each state.
    """

    spec: Any
    reference: str
    n: int
    seed: int
    curves: dict[str, FloatArray]
    days: dict[str, FloatArray]
    _data: HistorySample
    _fits: dict[str, kernel.Occupation]

    @property
    def _key(self) -> str:
        return self.spec.by or "group"

    def _limits(self, draws: FloatArray) -> FloatArray:
        tail = (1 - self.spec.conf_level) / 2
        return np.asarray(np.quantile(draws, [tail, 1 - tail], axis=0))

    def tidy(self) -> pd.DataFrame:
        """Return the curves with bootstrap errors and percentile limits.

        Returns
        -------
        pandas.DataFrame
            group column, state, time (days), estimate (of the data), std_error, conf_low,
            conf_high, conf_level.
        """
        frames = []
        for label, draws in self.curves.items():
            fit, error = self._fits[label], draws.std(axis=0, ddof=1)
            low, high = self._limits(draws)
            for j, state in enumerate(STATES):
                frames.append(
                    pd.DataFrame(
                        {
                            self._key: label,
                            "state": state,
                            "time": fit.time,
                            "estimate": fit.probability[:, j],
                            "std_error": error[:, j],
                            "conf_low": low[:, j],
                            "conf_high": high[:, j],
                            "conf_level": self.spec.conf_level,
                        }
                    )
                )
        return pd.concat(frames, ignore_index=True)

    def mean_days(self) -> pd.DataFrame:
        """Return mean days in each state up to tau and comparisons, with percentile limits.

        Returns
        -------
        pandas.DataFrame
            measure, group column, reference, state, estimate (of the data), std_error (of the
            draws, for ratios of their logarithms), conf_low, conf_high, conf_level.
        """
        tau, base = self.spec.tau, self.reference
        means = {k: kernel.mean_times(f, tau) for k, f in self._fits.items()}
        rows = []

        def add(measure: str, label: str, value: FloatArray, draws: FloatArray) -> None:
            low, high = self._limits(draws)
            with np.errstate(divide="ignore", invalid="ignore"):
                error = (np.log(draws) if measure == "ratio" else draws).std(axis=0, ddof=1)
            for j, state in enumerate(STATES):
                rows.append(
                    {
                        "measure": measure,
                        self._key: label,
                        "reference": "" if measure == "mean days" else base,
                        "state": state,
                        "estimate": float(value[j]),
                        "std_error": float(error[j]),
                        "conf_low": float(low[j]),
                        "conf_high": float(high[j]),
                        "conf_level": self.spec.conf_level,
                    }
                )

        others = [k for k in self.days if k != base]
        for label, draws in self.days.items():
            add("mean days", label, means[label], draws)
        for label in others:
            add("difference", label, means[label] - means[base],
                self.days[label] - self.days[base])  # fmt: skip
        for label in others:
            with np.errstate(divide="ignore", invalid="ignore"):
                add("ratio", label, means[label] / means[base], self.days[label] / self.days[base])
        return pd.DataFrame(rows)

    def summary(self) -> Summary:
        """Return mean days with percentile limits."""
        frame = self.mean_days()
        frame = frame[frame["state"] == STATES[1]]
        rows = [
            (r.measure, str(getattr(r, self._key)),
             format_estimate(r.estimate, r.conf_low, r.conf_high, 2 if r.measure == "ratio" else 1))
            for r in each_row(frame)
        ]  # fmt: skip
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Measure", "Group", f"Days in response ({level})")
        return Summary(
            f"Bootstrap of mean days in response to day {self.spec.tau:g}",
            (
                *counts_header(self._data.times, self._data.sample),
                ("Resamples", f"{self.n:,} of subjects within groups, seed {self.seed}"),
            ),
            (Table(header, tuple(rows), 2),),
            ("Percentile limits.", *notes_of(self._data.times, self._data.sample)),
        )


def draw_curves_anew(
    spec: Any,
    reference: str,
    data: HistorySample,
    fits: dict[str, kernel.Occupation],
    n: int,
    seed: int,
    n_jobs: int,
) -> StateBootstrap:
    """Resample subjects within groups; see `ResponseStateResult.bootstrap`."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise SpecError(f"n must be a whole number of resamples, at least 2; got {n!r}.")
    curves, days = {}, {}
    for place, (label, spells) in enumerate(data.spells.items()):
        weight = data.group(label).weight
        streams = [np.random.SeedSequence((seed, place, turn)) for turn in range(n)]
        rows = replicate(_resample, (spells, weight, spec.tau), streams, n_jobs=n_jobs)
        curves[label] = np.array([row["curve"] for row in rows])
        days[label] = np.array([row["days"] for row in rows])
    return StateBootstrap(spec, reference, n, seed, curves, days, data, fits)


def _resample(
    stream: np.random.SeedSequence, spells: kernel.Histories, weight: FloatArray, tau: float
) -> Arrays:
    """Return the curve and the mean days of one resample."""
    size = len(weight)
    drawn = np.random.default_rng(stream).integers(0, size, size)
    fit = kernel.occupation(spells, np.bincount(drawn, minlength=size) * weight)
    return {"curve": fit.probability, "days": kernel.mean_times(fit, tau)}
