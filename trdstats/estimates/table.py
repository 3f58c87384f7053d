"""Estimates and what is known of them: errors, tests, limits, influence, reasons."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, ObjectArray
from trdstats.errors import NotEstimableError, SpecError, check_level, unknown_name
from trdstats.estimates.rules import DegreesOfFreedom, Limits, SomeLimits
from trdstats.estimates.scales import ScaleName, back, slopes, transform
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import t_sf
from trdstats.kinds import label_of
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

# Columns of a table by name: arrays, lists, or one value for all rows.
Columns: TypeAlias = Mapping[Hashable, Any]
STATISTICS = (
    "estimate", "std_error", "scale", "df", "statistic", "p_value", "conf_low", "conf_high",
    "conf_level", "reason",
)  # fmt: skip


@checked_methods
@dataclass(frozen=True, repr=False, eq=False)
class EstimateTable(SummaryMixin):
    """Estimates of one analysis and what is known of them.

    Attributes
    ----------
    keys : pandas.DataFrame
        What each estimate is: measure, treatment, visit, cause ...; one row an estimate.
    value : ndarray, shape (k,)
        On the natural scale: proportions, points, days, ratios. NaN where not estimable.
    scale : tuple of str, length k
        Scale of the standard error, the test and the influence.
    covariance : ndarray, shape (k, k)
        On those scales.
    influences : ndarray, shape (n, k), or None
        Effect of every subject on every estimate, on those scales; its cross-product is the
        covariance. None where the covariance does not come from subjects.
    subjects : ndarray of object, shape (n,), or None
    null : ndarray, shape (k,)
        Value under no effect, on the natural scale; NaN where nothing is tested.
    limits_scale : tuple of str, length k
        Scale on which Wald limits are symmetric.
    df : DegreesOfFreedom
    reasons : tuple of str, length k
        Why an estimate, or its standard error, could not be had; empty where both could.
    limits : Limits or None
        Limits and p values other than Wald's.
    title : str
    notes : tuple of str
        Cautions that every table of the estimates carries.
    clusters : ndarray of object, shape (n,), or None
        Group of each subject whose members are not independent; None for a subject on its own.
        The covariance is then that of sums of influences within groups.
    """

    keys: pd.DataFrame
    value: FloatArray
    scale: tuple[ScaleName, ...]
    covariance: FloatArray
    influences: FloatArray | None
    subjects: ObjectArray | None
    null: FloatArray
    limits_scale: tuple[ScaleName, ...]
    df: DegreesOfFreedom
    reasons: tuple[str, ...]
    limits: Limits | None = None
    title: str = "Estimates"
    notes: tuple[str, ...] = ()
    clusters: ObjectArray | None = None

    def __post_init__(self) -> None:
        k = len(self.value)
        sizes = {
            "keys": len(self.keys), "scale": len(self.scale), "covariance": len(self.covariance),
            "null": len(self.null), "limits_scale": len(self.limits_scale),
            "reasons": len(self.reasons),
        }  # fmt: skip
        wrong = {name: n for name, n in sizes.items() if n != k}
        if wrong:
            raise SpecError(f"Estimates needs {k} of everything, one an estimate; got {wrong}.")

    def __len__(self) -> int:
        return len(self.value)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors on the scales of the estimates, shape (k,); NaN where not estimable."""
        variance = np.diag(self.covariance)
        error = np.sqrt(np.maximum(variance, 0.0))
        # A variance of 0 says that nothing varied in these data, not that the value is known.
        known = np.isfinite(self.value) & (error > 0)
        return np.where(known, error, np.nan)

    @cached_property
    def degrees(self) -> FloatArray:
        """Degrees of freedom of each estimate, shape (k,); infinite for normal statistics."""
        return self.df.degrees(np.eye(len(self)))

    @property
    def statistic(self) -> FloatArray:
        """Distance from no effect in standard errors, shape (k,); NaN where nothing is tested."""
        gap = transform(self.value, self.scale) - transform(self.null, self.scale)
        return gap / self.std_error

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values, shape (k,)."""
        if self.limits is not None:
            return self.limits.p_values()
        return two_sided(self.statistic, self.degrees)

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper confidence limits on the natural scale, each of shape (k,)."""
        check_level(conf_level)
        if self.limits is not None:
            return self.limits.interval(conf_level)
        critical = critical_value(conf_level, self.degrees)
        return self.around(critical)

    def around(self, critical: FloatArray | float) -> tuple[FloatArray, FloatArray]:
        """Return Wald limits a number of standard errors away, on the natural scale."""
        # From the scale of the error to the natural one, and on to that of the limits.
        on_natural = self.std_error / np.abs(slopes(self.value, self.scale))
        half = critical * on_natural * np.abs(slopes(self.value, self.limits_scale))
        centre = transform(self.value, self.limits_scale)
        ends = [back(centre - half, self.limits_scale), back(centre + half, self.limits_scale)]
        return np.minimum(*ends), np.maximum(*ends)

    def tidy(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row an estimate.

        Parameters
        ----------
        conf_level : float

        Returns
        -------
        pandas.DataFrame
            The keys, then estimate (natural scale), std_error and the scale it is on, df,
            statistic and p_value (on that scale), conf_low, conf_high, conf_level, and the
            reason where an estimate could not be had.
        """
        return pd.DataFrame(self._columns(conf_level), index=pd.RangeIndex(len(self)))

    def _columns(self, conf_level: float) -> dict[Hashable, object]:
        """Return the columns of `tidy` by name: the keys, then what is known of the estimates."""
        low, high = self.interval(conf_level)
        statistics: dict[Hashable, object] = {
            "estimate": self.value, "std_error": self.std_error, "scale": list(self.scale),
            "df": self.degrees, "statistic": self.statistic, "p_value": self.p_value,
            "conf_low": low, "conf_high": high, "conf_level": conf_level,
            "reason": list(self.reasons),
        }  # fmt: skip
        return arrays_of(self.keys) | statistics

    def select(self, rows: npt.ArrayLike) -> Self:
        """Return some of the estimates.

        Parameters
        ----------
        rows : array_like of bool or int
        """
        at = np.atleast_1d(np.asarray(rows))
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.intp)
        unit = np.eye(len(self))[at]
        return replace(
            self, keys=counted(self.keys.iloc[at]), value=self.value[at],
            scale=tuple(self.scale[j] for j in at), covariance=self.covariance[np.ix_(at, at)],
            influences=None if self.influences is None else self.influences[:, at],
            null=self.null[at], limits_scale=tuple(self.limits_scale[j] for j in at),
            df=self.df.combine(unit), reasons=tuple(self.reasons[j] for j in at),
            limits=None if self.limits is None else SomeLimits(self.limits, at),
        )  # fmt: skip

    def only(self, **keys: object) -> Self:
        """Return the estimates with given values of their keys.

        Parameters
        ----------
        **keys : object
            Key and its value, or a list of values: ``only(measure="difference", visit=[7, 28])``.

        Raises
        ------
        UnknownNameError
            When there is no such key, or no estimate has the value.
        """
        wanted = np.ones(len(self), dtype=bool)
        for key, value in keys.items():
            if key not in self.keys.columns:
                raise unknown_name("key", key, self.keys.columns)
            options = value if isinstance(value, (list, tuple)) else [value]
            level = pd.Series(texts_of(self.keys[[key]])[:, 0])
            missing = [v for v in options if (label_of(v) or "") not in set(level)]
            if missing:
                raise unknown_name(key, missing[0], level.unique())
            wanted &= level.isin([label_of(v) or "" for v in options]).to_numpy()
        return self.select(wanted)

    def labels(self) -> list[str]:
        """Return one label an estimate: its keys, joined."""
        return labels_of(self.keys)

    def influence(self) -> pd.DataFrame:
        """Return one row a subject, one column an estimate.

        Returns
        -------
        pandas.DataFrame
            subject, then the effect of the subject on each estimate, on the scale of its
            standard error. The cross-product of the columns is the covariance.

        Raises
        ------
        NotEstimableError
            When the covariance does not come from subjects.
        """
        if self.influences is None or self.subjects is None:
            raise NotEstimableError(
                f"{self.title}: the covariance is not a sum over subjects, so there are no "
                "influences."
            )
        frame = pd.DataFrame(self.influences, columns=self.labels())
        frame.insert(0, "subject", self.subjects)
        return frame

    def summary(self) -> Summary:
        """Return the estimates as a table."""
        frame = self.tidy()
        rows = tuple(
            (
                *text,
                format_estimate(r.estimate, r.conf_low, r.conf_high, 3),
                format_p(r.p_value),
            )
            for text, r in zip(texts_of(self.keys), each_row(frame), strict=True)
        )
        header = (
            *(str(h).capitalize() for h in self.keys),
            f"Estimate ({format_level(0.95)} CI)",
            "p",
        )
        lost = tuple(
            f"{label} {'has no standard error' if known else 'could not be estimated'}: {reason}."
            for label, reason, known in zip(
                self.labels(), self.reasons, np.isfinite(self.value), strict=True
            )
            if reason
        )
        return Summary(
            self.title, (), (Table(header, rows, len(self.keys.columns)),), (*self.notes, *lost)
        )


def counted(keys: pd.DataFrame) -> pd.DataFrame:
    """Return keys whose rows are counted from 0, without a copy of their values."""
    counted = keys.copy(deep=False)
    counted.index = pd.RangeIndex(len(keys))
    return counted


def beside(keys: pd.DataFrame, columns: Mapping[Hashable, object]) -> pd.DataFrame:
    """Return keys, their rows counted from 0, with columns to the right of them."""
    return pd.DataFrame(arrays_of(keys) | dict(columns), index=pd.RangeIndex(len(keys)))


def arrays_of(keys: pd.DataFrame) -> dict[Hashable, object]:
    """Return the columns of keys without their index."""
    # Columns set one after the other, or aligned, would cost more than all the arithmetic.
    return {name: keys[name].array for name in keys}


def two_sided(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """Return two-sided p values of t statistics; infinite degrees of freedom are the normal."""
    return np.asarray(2 * t_sf(np.abs(statistic), df))


def column_texts(key: pd.Series) -> list[str]:
    """Return a key as text: day 28.0 is "28", a missing key is empty."""
    return [label_of(value) or "" for value in key.tolist()]


def texts_of(keys: pd.DataFrame) -> ObjectArray:
    """Return keys as text, one row an estimate."""
    texts = [column_texts(keys[name]) for name in keys]
    return np.array(texts, dtype=object).reshape(len(keys.columns), len(keys)).T


def labels_of(keys: pd.DataFrame) -> list[str]:
    """Return one label an estimate: its keys, joined."""
    return [" ".join(t for t in row if t) for row in texts_of(keys)]
