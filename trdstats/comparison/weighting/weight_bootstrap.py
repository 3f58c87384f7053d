"""Any estimate that takes weights, with a bootstrap of the whole chain: weights, then estimate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import (
    EstimateWarning,
    NotEstimableError,
    SpecError,
    check_bootstrap,
    check_level,
    unknown_name,
)
from trdstats.estimates.table import STATISTICS
from trdstats.kernels.numerics.resampling import draw_within
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_level,
    format_number,
)

Estimate = Callable[[pd.DataFrame], pd.DataFrame]

# Below this share of usable resamples, limits would describe the ones that happened to work.
_LEAST_USABLE = 0.5
# Numbers that name a row of a tidy frame; every other number is a result.
_NAMING = ("day", "visit", "time", "horizon", "tau")


@dataclass(frozen=True, repr=False)
class WeightedBootstrapResult(SummaryMixin):
    """An estimate under estimated weights, in the data and in resamples.

    Attributes
    ----------
    label : str
        What the weights are.
    frame : pandas.DataFrame
        What names the rows, then estimate (of the data), own_std_error where the estimate has one.
    draws : ndarray, shape (n_boot, n_rows)
        Estimates of the resamples; NaN where a row could not be estimated.
    seed : int
    conf_level : float
    """

    label: str
    frame: pd.DataFrame
    draws: FloatArray
    seed: int
    conf_level: float

    @property
    def _named(self) -> list[str]:
        """Columns that name the rows."""
        return [str(c) for c in self.frame if c not in ("estimate", "own_std_error")]

    def tidy(self) -> pd.DataFrame:
        """Return the rows with bootstrap errors and percentile limits.

        Returns
        -------
        pandas.DataFrame
            The columns that name the rows, then estimate (of the data), std_error (of the draws),
            conf_low, conf_high, conf_level, n_resamples (in which the row could be estimated),
            own_std_error (what the estimate says itself, where it does; of ratios that is the
            error of the logarithm, while std_error is that of the ratio).
        """
        tail = (1 - self.conf_level) / 2
        usable = np.isfinite(self.draws).sum(axis=0)
        enough = usable >= _LEAST_USABLE * len(self.draws)
        shown = np.where(enough, self.draws, np.nan)
        with warnings.catch_warnings():
            # A row that no resample could estimate has no error either.
            warnings.simplefilter("ignore", RuntimeWarning)
            error = np.nanstd(shown, axis=0, ddof=1)
            low, high = np.nanquantile(shown, [tail, 1 - tail], axis=0)
        table = self.frame[[*self._named, "estimate"]].assign(
            std_error=error,
            conf_low=low,
            conf_high=high,
            conf_level=self.conf_level,
            n_resamples=usable,
        )
        errors = self.frame[[c for c in ("own_std_error",) if c in self.frame]]
        return pd.concat([table, errors], axis=1)

    def summary(self) -> Summary:
        """Return the rows with their limits."""
        table, named = self.tidy(), self._named
        rows = [
            (*(str(v) for v in r[: len(named)]),
             format_estimate(r.estimate, r.conf_low, r.conf_high, 3),
             format_number(r.std_error, 3))
            for r in each_row(table)
        ]  # fmt: skip
        failed = len(self.draws) - int(table["n_resamples"].min())
        notes = ["Percentile limits. Weights and estimate were made anew in every resample."]
        if failed:
            notes.append(f"Up to {failed:,} resamples could not be analysed in a row.")
        level = f"{format_level(self.conf_level)} CI"
        header = (*(c.capitalize() for c in named), f"Estimate ({level})", "Error")
        return Summary(
            "Bootstrap of weights and estimate",
            (
                ("Weights", self.label),
                ("Resamples", f"{len(self.draws):,} of subjects within treatments, "
                              f"seed {self.seed}"),
            ),
            (Table(header, tuple(rows), len(named)),),
            tuple(notes),
        )  # fmt: skip


@dataclass(frozen=True)
class WeightedBootstrap:
    """From how often each subject counts to an estimate.

    Attributes
    ----------
    subjects : pandas.Series
    treatment : ndarray of int, shape (n,)
    reweigh : callable
        From counts to weights, estimated anew.
    estimate : callable
        From a frame (subject, weight) to a tidy frame with a column estimate.
    """

    subjects: pd.Series
    treatment: IntArray
    reweigh: Callable[[FloatArray], FloatArray]
    estimate: Estimate

    def run(self, counts: FloatArray) -> pd.DataFrame:
        """Return the estimate when subjects count so often."""
        weight = counts * self.reweigh(counts)
        return self.estimate(pd.DataFrame({"subject": self.subjects, "weight": weight}))


def _resample(
    stream: np.random.SeedSequence,
    chain: WeightedBootstrap,
    keys: list[str],
    names: list[Hashable],
) -> Arrays:
    """Return the estimates of a resample under the names of rows, NaN where there is none."""
    arms = chain.treatment
    strata = [np.flatnonzero(arms == k) for k in np.unique(arms)]
    counts = draw_within(strata, len(arms), np.random.default_rng(stream))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EstimateWarning)
            frame = chain.run(counts)
    except NotEstimableError:
        return {"estimate": np.full(len(names), np.nan)}
    values = dict(zip(_names(frame, keys), frame["estimate"].astype(float), strict=True))
    return {"estimate": np.array([values.get(name, np.nan) for name in names])}


def bootstrap_weights(
    chain: WeightedBootstrap, *, label: str, n_boot: int, seed: int, n_jobs: int, conf_level: float
) -> WeightedBootstrapResult:
    """Resample subjects within treatments; see `PropensityResult.bootstrap`."""
    check_bootstrap(n_boot, seed, least=2)
    check_level(conf_level)
    estimates = chain.run(np.ones(len(chain.treatment)))
    keys = _check(estimates)
    names = _names(estimates, keys)
    streams = streams_of(seed, n_boot)
    rows = replicate(_resample, (chain, keys, names), streams, n_jobs=n_jobs)
    draws = np.array([row["estimate"] for row in rows])
    if (np.isfinite(draws).any(axis=1).sum()) < max(2, _LEAST_USABLE * n_boot):
        raise NotEstimableError(
            f"{int((~np.isfinite(draws).any(axis=1)).sum()):,} of {n_boot:,} resamples could not "
            "be analysed: the others do not show what chance does. Use the errors of the estimate."
        )
    frame = estimates[[*keys, "estimate"]].reset_index(drop=True)
    if "std_error" in estimates:
        frame = frame.assign(own_std_error=estimates["std_error"].to_numpy(dtype=float))
    return WeightedBootstrapResult(label, frame, draws, seed, conf_level)


def _check(draw: Any) -> list[str]:
    """Return the columns that name the rows of an estimate."""
    if not isinstance(draw, pd.DataFrame):
        raise SpecError(
            "The function must return a tidy frame, such as that of result.tidy(); got "
            f"{type(draw).__name__}."
        )
    if "estimate" not in draw:
        raise unknown_name("column of the estimates", "estimate", draw.columns)
    keys = [
        str(c) for c in draw
        # Scale and reason of an estimate are texts, and may differ between resamples.
        if c not in STATISTICS
        and (c in _NAMING or not pd.api.types.is_numeric_dtype(draw[c]))
    ]  # fmt: skip
    names = _names(draw, keys)
    if len(set(names)) < len(names):
        raise SpecError(
            f"Rows are named by {', '.join(keys) or 'nothing'}, and several have the same name: "
            "return a frame whose other columns tell its rows apart."
        )
    return keys


def _names(frame: pd.DataFrame, keys: list[str]) -> list[Hashable]:
    """Return what names each row: its keys, missing ones as one value."""
    if not keys:
        return [()] * len(frame)
    columns = [frame[k].astype(object).where(frame[k].notna(), None) for k in keys]
    return list(zip(*columns, strict=True))
