"""Differences between groups of what curves say at chosen days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats.arguments import Level
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError, pick_level
from trdstats.survival.groups import Group, Sample

Covariances = dict[tuple[str, str], FloatArray]


@dataclass(frozen=True, slots=True)
class PairCovariance:
    """Variances of the estimates of two groups, and what they share; each of shape (k,)."""

    own: FloatArray
    base: FloatArray
    shared: FloatArray

    @classmethod
    def of(cls, covariances: Covariances, label: str, reference: str) -> PairCovariance:
        """Return those of a group and its reference."""
        return cls(
            covariances[label, label],
            covariances[reference, reference],
            covariances[label, reference],
        )

    def where(self, known: bool | BoolArray) -> PairCovariance:
        """Return the same with NaN where one of the two has no error."""
        return PairCovariance(
            *(np.where(known, v, np.nan) for v in (self.own, self.base, self.shared))
        )

    def error_of_difference(self) -> FloatArray:
        """Return the standard errors of the differences."""
        return np.asarray(np.sqrt(np.maximum(self.own + self.base - 2 * self.shared, 0.0)))

    def error_of_log_ratio(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the standard errors of log(a / b); not finite where one of the two is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = self.own / a**2 + self.base / b**2 - 2 * self.shared / (a * b)
            return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def contrast_errors(
    sample: Sample, at: pd.DataFrame, key: str, of_group: Callable[[Group], FloatArray]
) -> Covariances:
    """Return the covariances, within and between groups, of what `day_contrasts` compares.

    Parameters
    ----------
    sample : Sample
    at : pandas.DataFrame
        As `day_contrasts` takes it; within a group one row an estimate.
    key : str
    of_group : callable
        Returns the influence of a group's subjects on its estimates, in the order of the rows.
    """
    if not len(at):
        raise SpecError("days must hold at least one day to compare groups at.")
    variance = {
        str(label): own["std_error"].to_numpy() ** 2
        for label, own in at.groupby(key, sort=False, observed=True)
    }
    return sample.between(of_group, variance)


def day_contrasts(
    at: pd.DataFrame, covariances: Covariances, key: str, reference: Level | None, conf_level: float
) -> pd.DataFrame:
    """Return the difference of every group from the reference at every day.

    Parameters
    ----------
    at : pandas.DataFrame
        One row a group and day: the group column `key`, perhaps `cause`, time, estimate, std_error
        (NaN where nobody or everybody had the event).
    covariances : dict
        From `contrast_errors`.
    key : str
    reference : str or None
        None for the first group.
    conf_level : float

    Returns
    -------
    pandas.DataFrame
        cause where there is one, group column, reference, time, estimate (difference), std_error,
        statistic, p_value, conf_low, conf_high, conf_level; errors, tests and limits are NaN where
        nobody or everybody of a group had the event.

    Raises
    ------
    UnknownNameError
        When the reference is no group.
    """
    labels = list(dict.fromkeys(at[key]))
    first: str = pick_level("group", reference, labels)
    base = at[at[key] == first]
    frames = [
        _one_group(at[at[key] == label], base, covariances, key, (label, first), conf_level)
        for label in labels
        if label != first
    ]
    # One group has nothing to compare with, and the table still has its columns.
    return pd.concat(
        frames or [_one_group(base, base, covariances, key, (first,) * 2, conf_level)[:0]],
        ignore_index=True,
    )


def _one_group(
    own: pd.DataFrame,
    base: pd.DataFrame,
    covariances: Covariances,
    key: str,
    pair: tuple[str, str],
    conf_level: float,
) -> pd.DataFrame:
    label, reference = pair
    gap = own["estimate"].to_numpy() - base["estimate"].to_numpy()
    # A group in which nobody or everybody had the event has no error, nor what it is compared with.
    known = own["std_error"].notna().to_numpy() & base["std_error"].notna().to_numpy()
    error = PairCovariance.of(covariances, label, reference).where(known).error_of_difference()
    z = norm.isf((1 - conf_level) / 2)
    statistic = gap / np.where(error > 0, error, np.nan)
    same = {"cause": own["cause"].to_numpy()} if "cause" in own else {}
    return pd.DataFrame(
        {
            **same,
            key: label,
            "reference": reference,
            "time": own["time"].to_numpy(),
            "estimate": gap,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2 * norm.sf(np.abs(statistic)),
            "conf_low": gap - z * error,
            "conf_high": gap + z * error,
            "conf_level": conf_level,
        }
    )
