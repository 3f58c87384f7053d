"""Scales on which estimates are near normal: identity, log, logit and log-log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from trdstats.arrays import FloatArray

ScaleName = Literal["identity", "log", "logit", "log-log"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A monotone transformation g of an estimate.

    Attributes
    ----------
    name : {"identity", "log", "logit", "log-log"}
    apply : callable
        g, elementwise; NaN where it has no value.
    slope : callable
        Its derivative, elementwise.
    inverse : callable
        Back to the natural scale.
    """

    name: ScaleName
    apply: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    inverse: Callable[[FloatArray], FloatArray]


def _inside(x: FloatArray, low: float, high: float) -> FloatArray:
    """Return x, NaN where it is not strictly between two bounds."""
    return np.where((x > low) & (x < high), x, np.nan)


def _log(x: FloatArray) -> FloatArray:
    return np.log(_inside(x, 0.0, np.inf))


def _log_slope(x: FloatArray) -> FloatArray:
    return 1 / _inside(x, 0.0, np.inf)


def _logit(x: FloatArray) -> FloatArray:
    return scipy.special.logit(_inside(x, 0.0, 1.0))


def _logit_slope(x: FloatArray) -> FloatArray:
    p = _inside(x, 0.0, 1.0)
    return 1 / (p * (1 - p))


def _log_log(x: FloatArray) -> FloatArray:
    """Return log(-log p), which falls as p rises."""
    return np.log(-np.log(_inside(x, 0.0, 1.0)))


def _log_log_slope(x: FloatArray) -> FloatArray:
    p = _inside(x, 0.0, 1.0)
    return 1 / (p * np.log(p))


def _log_log_inverse(y: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(-np.exp(y))


def _exp(y: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(y)


def _expit(y: FloatArray) -> FloatArray:
    return scipy.special.expit(y)


def _same(x: FloatArray) -> FloatArray:
    return np.asarray(x, dtype=float)


def _one(x: FloatArray) -> FloatArray:
    return np.ones_like(np.asarray(x, dtype=float))


SCALES: dict[ScaleName, Scale] = {
    "identity": Scale("identity", _same, _one, _same),
    "log": Scale("log", _log, _log_slope, _exp),
    "logit": Scale("logit", _logit, _logit_slope, _expit),
    "log-log": Scale("log-log", _log_log, _log_log_slope, _log_log_inverse),
}


def transform(values: FloatArray, scales: tuple[ScaleName, ...]) -> FloatArray:
    """Return every value on its scale, shape (k,)."""
    return _each(values, scales, "apply")


def slopes(values: FloatArray, scales: tuple[ScaleName, ...]) -> FloatArray:
    """Return the derivative of every value's scale at the value, shape (k,)."""
    return _each(values, scales, "slope")


def back(values: FloatArray, scales: tuple[ScaleName, ...]) -> FloatArray:
    """Return transformed values on the natural scale, shape (k,)."""
    return _each(values, scales, "inverse")


def _each(values: FloatArray, scales: tuple[ScaleName, ...], what: str) -> FloatArray:
    distinct = dict.fromkeys(scales)
    if len(distinct) == 1:
        return np.array(getattr(SCALES[scales[0]], what)(values), dtype=float)
    names = np.array(scales, dtype=object)
    result = np.empty(len(values))
    for name in distinct:
        rows = names == name
        result[rows] = getattr(SCALES[name], what)(values[rows])
    return result
