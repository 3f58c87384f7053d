"""Numbers that follow from the parameters of a model, with their errors by the delta method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.scales import ScaleName
from trdstats.survival.parametric.parametric_data import Analysed

NO_ERROR = "the likelihood is not curved at its maximum"
# Rows of a table that are built at a time: their covariance is not wanted.
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Derived:
    """A number that follows from the parameters.

    Attributes
    ----------
    keys : dict
    value : float
    gradient : ndarray, shape (p,)
    limits_scale : str
        Scale on which limits are symmetric.
    reason : str
        Why there is none; empty where there is.
    """

    keys: dict[str, object]
    value: float
    gradient: FloatArray
    limits_scale: ScaleName
    reason: str = ""


def derived_estimates(
    rows: Sequence[Derived],
    covariance: FloatArray,
    *,
    title: str = "Estimates",
    null: float = np.nan,
    data: Analysed | None = None,
    effect: FloatArray | None = None,
    notes: Sequence[str] = (),
) -> Estimates:
    """Return such numbers as estimates, the covariates taken as they are.

    Parameters
    ----------
    rows : sequence of Derived, length k
    covariance : ndarray, shape (p, p)
        Of the parameters.
    title : str
    null : float
    data : Analysed, optional
    effect : ndarray, shape (n, p), optional
        Influence of each analysed subject on the parameters.
    notes : sequence of str
        Besides those of the data.
    """
    J = np.array([r.gradient for r in rows]).reshape(len(rows), -1)
    variance = J @ covariance @ J.T
    influence = None
    if data is not None and effect is not None and np.isfinite(effect).all():
        sample = data.sample
        influence = sample.stacked_influence(sample.lay_out(data.row, effect)) @ J.T
    return estimates_of(
        pd.DataFrame([r.keys for r in rows]), [r.value for r in rows], covariance=variance,
        influences=influence,
        subjects=None if data is None or influence is None else data.sample.influence_subjects(),
        null=null, limits_scale=[r.limits_scale for r in rows],
        reasons=[r.reason or _no_error(v) for r, v in zip(rows, np.diag(variance), strict=True)],
        title=title, notes=(*(() if data is None else data.notes()), *notes),
    )  # fmt: skip


def derived_table(
    rows: Sequence[Derived], covariance: FloatArray, conf_level: float
) -> pd.DataFrame:
    """Return the table of many such numbers."""
    blocks = (rows[at : at + _BLOCK] for at in range(0, len(rows), _BLOCK))
    tables = [derived_estimates(b, covariance).tidy(conf_level=conf_level) for b in blocks]
    return pd.concat(tables, ignore_index=True)


def _no_error(variance: float) -> str:
    if variance > 0:
        return ""
    return "certain: the parameters do not move it" if variance == 0 else NO_ERROR
