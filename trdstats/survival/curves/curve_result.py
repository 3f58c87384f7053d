"""What curves of groups share: estimates on chosen days, their comparisons and influences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError, check_level, no_error_reason
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.table import beside
from trdstats.survival.reported_days import check_days


@dataclass(frozen=True)
class CurveLimits:
    """Pointwise limits of a curve; no value of a curve is tested by itself.

    Attributes
    ----------
    at_level : callable
        Returns the limits at ``conf_level=``.
    k : int
        Number of estimates.
    """

    at_level: Callable[..., tuple[FloatArray, FloatArray]]
    k: int

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        return self.at_level(conf_level=conf_level)

    def p_values(self) -> FloatArray:
        """Return no p values."""
        return np.full(self.k, np.nan)


@checked_methods
class WholeCurves(EstimateResult):
    """Curves whose `tidy()` has every time; times may be too many for a covariance of all."""

    def tidy(self, *, conf_level: float | None = None) -> pd.DataFrame:
        """Return the whole curves, one group below the other; the class names the columns.

        Parameters
        ----------
        conf_level : float, optional
            Default: that of the specification.
        """
        level = self.conf_level if conf_level is None else conf_level
        check_level(level)
        return pd.concat(self._curves_at(level), ignore_index=True)

    def _curves_at(self, conf_level: float) -> Iterable[pd.DataFrame]:
        """Return the curves with their limits, frame by frame."""
        raise NotImplementedError


@checked_methods
class CurveResult(WholeCurves):
    """Curves of groups: `tidy()` is the whole curve, `estimates(days)` what holds on some days."""

    spec: Any

    @property
    def _key(self) -> str:
        return self.spec.by or "group"

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return what the curves say on chosen days, with the influence of every subject.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        raise NotImplementedError

    def influence(self, days: Sequence[float] = ()) -> pd.DataFrame:
        """Return the effect of each subject on the curves at chosen days; see `estimates`."""
        return self.estimates(days).influence()

    def contrasts(self, days: Sequence[float], *, reference: Level | None = None) -> pd.DataFrame:
        """Compare groups at chosen days.

        Parameters
        ----------
        days : sequence of float
        reference : str, optional
            Group the others are compared with. Default: the first one.

        Returns
        -------
        pandas.DataFrame
            measure ("difference"), group column, reference, further keys, then as `Estimates.tidy`.

        Raises
        ------
        UnknownNameError
            When the reference is no group.
        SpecError
            When there is no day, or one is negative or not finite.
        """
        return self._compared(self.estimates(days), reference)

    def _compared(self, estimates: Estimates, reference: Level | None) -> pd.DataFrame:
        return estimates.compare(self._key, reference=reference).tidy(conf_level=self.conf_level)

    def _on_days(self, estimates: Estimates, n_risk: FloatArray) -> pd.DataFrame:
        """Return estimates on days with the numbers at risk just before them."""
        low, high = estimates.interval(self.conf_level)
        return beside(
            estimates.keys,
            {
                "n_risk": n_risk,
                "estimate": estimates.value,
                # At the origin the value is known: its error is 0.
                "std_error": np.sqrt(np.diag(estimates.covariance)),
                "conf_low": low,
                "conf_high": high,
                "conf_level": self.conf_level,
                "reason": list(estimates.reasons),
            },
        )


def read_days(days: Sequence[float]) -> FloatArray:
    """Return days as an array.

    Raises
    ------
    SpecError
        When there is none, or one is negative or not finite.
    """
    check_days(days)
    if not len(days):
        raise SpecError("days must hold at least one day, such as [28].")
    return np.asarray(days, dtype=float)


def before_first_look(keys: pd.DataFrame, first_look: Mapping[str, float]) -> BoolArray:
    """Return which days lie before any subject of their treatment was assessed, shape (k,).

    Parameters
    ----------
    keys : pandas.DataFrame
        time, and treatment where the groups are treatments.
    first_look : mapping of str to float
    """
    if "treatment" not in keys or not first_look:
        return np.zeros(len(keys), dtype=bool)
    first = keys["treatment"].astype(str).map(first_look).fillna(0.0)
    return np.asarray(keys["time"] < first, dtype=bool)


def why_missing(
    value: FloatArray,
    error: FloatArray,
    last: npt.ArrayLike,
    unseen: npt.ArrayLike = False,
) -> list[str]:
    """Return why values of curves, or their errors, are not there; empty where they are.

    Parameters
    ----------
    value, error : ndarray, shape (k,)
        The error is 0 where the value is known, at the origin.
    last : array_like, shape (k,)
        Day on which follow-up ends.
    unseen : array_like of bool, shape (k,)
        Days before any subject was assessed.
    """
    ends = np.broadcast_to(last, len(value)).tolist()
    early = np.broadcast_to(unseen, len(value)).tolist()
    rows = zip(value.tolist(), error.tolist(), ends, early, strict=True)
    return [_why_missing(*row) for row in rows]


def _why_missing(value: float, error: float, last: float, unseen: bool) -> str:
    if isnan(value):
        return f"follow-up ends on day {last:g}"
    if error == 0:
        return "the value at the origin is known"
    if isnan(error) and unseen:
        return "no subject was assessed by that day"
    return no_error_reason(error)
