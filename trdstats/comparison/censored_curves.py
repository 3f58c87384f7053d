"""Survival where follow-up ends for reasons that covariates know of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed

from trdstats.errors import NotEstimableError, SpecError
from trdstats.formulas import read_covariates
from trdstats.kernels.partial_likelihood import Episodes, maximise
from trdstats.kernels.risk_sums import RiskSets
from trdstats.outcomes import EventTimes
from trdstats.survival.groups import Sample, counts_facts, notes_of, split
from trdstats.tables import Face, Introduces, Table, each_row, format_estimate

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
_CHUNK = 25


@dataclass(frozen=True)
class CensoredData:
    """Follow-up on arrays.

    Attributes
    ----------
    time : ndarray, shape (n,)
    event, ended : ndarray of bool, shape (n,)
        Had the event; follow-up ended before the last day anybody was followed.
    X : ndarray, shape (n, q)
        Covariates and treatments but the first, for the hazard of censoring.
    group : ndarray of int, shape (n,)
    k : int
    """

    time: FloatArray
    event: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]
    X: FloatArray
    group: IntArray
    k: int

    def survival(self, counts: FloatArray, at: FloatArray) -> FloatArray:
        """Return survival at days, shape (k, len(at)).

        One less the sum of events by then, each weighted by one over the chance of being followed
        up to just before it, over the size of the group.
        """
        chance = self._followed(counts)
        share = np.where(self.event, counts / chance, 0.0)
        result = np.empty((self.k, len(at)))
        for g in range(self.k):
            mine = self.group == g
            order = np.argsort(self.time[mine], kind="stable")
            total = np.append(0.0, np.cumsum(share[mine][order]))
            place = np.searchsorted(self.time[mine][order], at, side="right")
            result[g] = 1 - total[place] / counts[mine].sum()
        return np.clip(result, 0.0, 1.0)

    def _followed(self, counts: FloatArray) -> FloatArray:
        """Return each subject's chance of being followed up to just before its time."""
        used = counts > 0
        # An event comes before censorings of its time: it was no risk for the censoring then.
        clock = self.time + np.where(self.event, 0.0, 1e-9)
        n = int(used.sum())
        sets = RiskSets.of(clock[used], np.zeros(n), np.zeros(n, dtype=np.intp))
        ended = self.ended[used]
        if not ended.any():
            return np.ones(len(self.time))
        fit = maximise(Episodes.of(self.X[used], ended, counts[used], sets, "breslow"))
        beta, centre = fit.fit.beta, fit.centre
        risk = np.exp((self.X - centre) @ beta)
        # Breslow's hazard of censoring, at the times at which somebody's follow-up ended.
        days = np.unique(clock[used][ended])
        d = np.array([counts[used][ended & (clock[used] == t)].sum() for t in days])
        at_risk = np.array([(counts * risk)[clock >= t].sum() for t in days])
        total = np.append(0.0, np.cumsum(d / at_risk))
        before = total[np.searchsorted(days, clock, side="left")]
        return np.asarray(np.exp(-before * risk))


def weigh_curves(
    times: EventTimes, formula: str, conf_level: float, boot: tuple[int, int, int]
) -> CensoredCurves:
    """Estimate the curves of all treatments and resample them."""
    sample = split(times, "treatment")
    frame = times.at_risk()
    design = read_covariates(frame, formula, what="event times")
    if not design.kept.all():
        raise NotEstimableError(
            f"{int((~design.kept).sum())} subjects lack a covariate of the censoring: impute it, "
            "or leave them out before and say so."
        )
    time = frame["time"].to_numpy(dtype=float)
    status = frame["status"].to_numpy()
    labels = [g.label for g in sample.groups]
    group = np.zeros(len(frame), dtype=np.intp)
    for j, g in enumerate(sample.groups):
        group[g.row] = j
    event = status == 1
    ended = ~event & (time < time.max())
    if not ended.any():
        raise NotEstimableError("Nobody's follow-up ended early: KaplanMeier needs no weights.")
    X = np.column_stack([np.eye(len(labels))[group][:, 1:], design.X])
    X = X[:, np.ptp(X, axis=0) > 0]
    data = CensoredData(time, event, ended, X, group, len(labels))
    days = np.unique(time[event])
    n_boot, seed, n_jobs = boot
    seeds = np.random.SeedSequence(seed).spawn(n_boot)
    chunks = [seeds[i : i + _CHUNK] for i in range(0, n_boot, _CHUNK)]
    parts = Parallel(n_jobs=n_jobs)(delayed(_resample)(data, days, c) for c in chunks)
    drawn = np.concatenate(parts)
    found = data.survival(np.ones(len(time)), days)
    return CensoredCurves(times, sample, formula, conf_level, tuple(labels), days, found, drawn)


def _resample(
    data: CensoredData, days: FloatArray, seeds: list[np.random.SeedSequence]
) -> FloatArray:
    rows = []
    for seed in seeds:
        rng, counts = np.random.default_rng(seed), np.zeros(len(data.time))
        for g in range(data.k):
            mine = np.flatnonzero(data.group == g)
            counts[mine] = rng.multinomial(len(mine), np.full(len(mine), 1 / len(mine)))
        rows.append(data.survival(counts, days))
    return np.array(rows)


@dataclass(frozen=True, repr=False)
class CensoredCurves(Introduces):
    """Survival weighted for censoring, with percentile limits.

    Attributes
    ----------
    times : EventTimes
    formula : str
    labels : tuple of str
    days : ndarray, shape (m,)
        Days with an event.
    """

    times: EventTimes
    _sample: Sample
    formula: str
    conf_level: float
    labels: tuple[str, ...]
    days: FloatArray
    _found: FloatArray
    _drawn: FloatArray

    def _table(self, found: FloatArray, drawn: FloatArray, keys: dict[str, Any]) -> pd.DataFrame:
        tail = (1 - self.conf_level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        return pd.DataFrame(
            {**keys, "estimate": found, "std_error": drawn.std(axis=0, ddof=1), "conf_low": low,
             "conf_high": high, "conf_level": self.conf_level}
        )  # fmt: skip

    def tidy(self) -> pd.DataFrame:
        """Return the curves: treatment, time, estimate (survival), std_error, limits."""
        return self.at(self.days.tolist())

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the curves at chosen days, one row a treatment and day."""
        at = np.asarray(days, dtype=float)
        place = np.searchsorted(self.days, at, side="right")
        found = np.column_stack([np.ones(len(self.labels)), self._found])[:, place]
        ones = np.ones((*self._drawn.shape[:2], 1))
        drawn = np.concatenate([ones, self._drawn], axis=2)[:, :, place]
        frames = [
            self._table(found[g], drawn[:, g], {"treatment": label, "time": at})
            for g, label in enumerate(self.labels)
        ]
        return pd.concat(frames, ignore_index=True)

    def restricted_mean(self, tau: float, reference: str | None = None) -> pd.DataFrame:
        """Return mean days without the event up to `tau`, and their differences.

        Returns
        -------
        pandas.DataFrame
            measure, treatment, reference, estimate, std_error, conf_low, conf_high, conf_level.

        Raises
        ------
        SpecError
            When tau is not positive.
        """
        if not (tau > 0 and np.isfinite(tau)):
            raise SpecError(f"tau must be a positive number of days; got {tau!r}.")
        edges = np.concatenate([[0.0], np.minimum(self.days, tau), [tau]])
        width = np.diff(edges)
        ones = np.ones((*self._drawn.shape[:2], 1))
        found = np.column_stack([np.ones(len(self.labels)), self._found]) @ width
        drawn = np.concatenate([ones, self._drawn], axis=2) @ width
        base = 0 if reference is None else self.labels.index(reference)
        keys = {"measure": "restricted mean", "treatment": list(self.labels), "reference": ""}
        means = self._table(found, drawn, keys)
        others = [g for g in range(len(self.labels)) if g != base]
        gaps = self._table(
            found[others] - found[base], drawn[:, others] - drawn[:, [base]],
            {"measure": "difference", "treatment": [self.labels[g] for g in others],
             "reference": self.labels[base]},
        )  # fmt: skip
        return pd.concat([means, gaps], ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, resamples."""
        return pd.DataFrame({"n": [self._sample.n], "events": [self._sample.events()],
                             "n_boot": [len(self._drawn)]})  # fmt: skip

    def face(self) -> Face:
        """Return survival at up to four days."""
        shown = self.days[np.unique(np.linspace(0, len(self.days) - 1, 4).astype(int))]
        table = self.at(shown.tolist())
        rows = []
        for label in self.labels:
            own = table[table["treatment"] == label]
            cells = [format_estimate(100 * r.estimate, 100 * r.conf_low, 100 * r.conf_high, 1)
                     for r in each_row(own)]  # fmt: skip
            rows.append((label, *cells))
        header = ("Treatment", *(f"Day {d:g}" for d in shown))
        level = f"{100 * self.conf_level:g} % CI"
        facts = (*counts_facts(self.times, self._sample),
                 ("Censoring given", f"treatment + {self.formula}"),
                 ("Intervals", f"{len(self._drawn):,} resamples, percentiles"))  # fmt: skip
        title = f"Without {self.times.outcome}, weighted for censoring (%, {level})"
        return Face(title, facts, (Table(header, tuple(rows)),), notes_of(self.times, self._sample))
