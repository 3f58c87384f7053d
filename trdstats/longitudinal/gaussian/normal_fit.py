"""Whether scores are near enough to a normal distribution to take probabilities from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.gaussian.predict import fitted_means
from trdstats.longitudinal.gaussian.question import Question
from trdstats.scales import Scale
from trdstats.tables import (
    FrameResult,
    Summary,
    Table,
    each_row,
    format_number,
    format_p,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

# By the first term of Edgeworth's series a skewness g changes P(score <= c) by at most 0.0665 g:
# five percentage points.
MOST_SKEW = 0.75
MOST_AT_END = 0.15  # floor and ceiling effects: Terwee 2007, doi:10.1016/j.jclinepi.2006.03.012
_LEVEL = 0.01
_FEWEST = 8  # of the test


@dataclass(frozen=True, repr=False, eq=False)
class NormalFit(FrameResult):
    """How far the scores of each visit and treatment are from a normal distribution.

    Attributes
    ----------
    frame : pandas.DataFrame
        visit, treatment, n, skewness of the residuals (of an outcome of several visits: made
        independent with variance 1 by the inverse Cholesky factor of their covariance), p_value
        (D'Agostino 1970, doi:10.1093/biomet/57.3.679, times the number of tests), at_floor and
        at_maximum (proportion of ratings at the ends of the scale), problem (in words; empty where
        there is none).
    """

    frame: pd.DataFrame

    @property
    def problems(self) -> tuple[str, ...]:
        """What speaks against a normal distribution, in words."""
        return tuple(p for p in self.frame["problem"] if p)

    def summary(self) -> Summary:
        """Return one row a visit and treatment."""
        rows = tuple(
            (
                level_text(r.visit), str(r.treatment), f"{r.n}", format_number(r.skewness, 2),
                format_p(r.p_value),
                f"{format_percent(r.at_floor)} %", f"{format_percent(r.at_maximum)} %",
                r.problem or "none",
            )
            for r in each_row(self.frame)
        )  # fmt: skip
        columns = (
            "Visit",
            "Treatment",
            "n",
            "Skewness",
            "p",
            "At the floor",
            "At the maximum",
            "Problem",
        )
        note = (
            f"A problem is a skewness beyond {MOST_SKEW:g} in size with p below {_LEVEL:g}, or "
            f"{format_percent(MOST_AT_END, 0)} % of the ratings at an end of the scale."
        )
        return Summary("Fit of the normal distribution", (), (Table(columns, rows, 2),), (note,))


def normal_fit(
    fit: MMRMResult,
    question: Question,
    added: FloatArray,
    places: Sequence[int],
    *,
    together: bool,
) -> NormalFit:
    """Return what the ratings of some visits say about a normal distribution.

    Parameters
    ----------
    fit : MMRMResult
    question : Question
    added : ndarray, shape (n,)
        What makes scores of the outcomes of each subject: its baseline where these are changes.
    places : sequence of int
        Visits of the model that play a part.
    together : bool
        Whether several play a part in one outcome, so that their joint distribution matters.
    """
    design, scale = fit.design, question.scale
    first = np.unique(design.person, return_index=True)[1]
    treatment = design.frame[question.treatment].iloc[first].reset_index(drop=True)
    levels = list(treatment.cat.categories)
    residual = _residuals(fit, np.asarray(places, dtype=np.intp), together=together)
    score = design.y.T + added[:, None]
    rows = []
    for t, level in product(places, levels):
        there = design.rated[:, t] & (treatment == level).to_numpy(dtype=bool)
        n, of_arm = int(there.sum()), residual[there, t]
        p = size = np.nan
        if n >= _FEWEST and np.ptp(of_arm) > 0:
            size = float(scipy.stats.skew(of_arm))
            p = min(float(scipy.stats.skewtest(of_arm).pvalue) * len(places) * len(levels), 1.0)
        gap = np.abs(score[there, t][:, None] - np.array(scale.total))
        ends = (gap < 1e-6).sum(axis=0) / max(n, 1)
        where = f"under {level} at visit {level_text(design.visits[t])}"
        problem = _problem(where, size, p, ends.tolist(), scale)
        rows.append((design.visits[t], level, n, size, p, *ends, problem))
    columns = [
        "visit",
        "treatment",
        "n",
        "skewness",
        "p_value",
        "at_floor",
        "at_maximum",
        "problem",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return NormalFit(frame.astype({"treatment": treatment.dtype}))


def _residuals(fit: MMRMResult, places: IntArray, *, together: bool) -> FloatArray:
    """Return residuals in standard deviations, made independent when asked for, shape (n, T)."""
    raw = (fit.design.y - fitted_means(fit)).T
    result = np.zeros_like(raw)
    for subjects, visits, V in fit._covariances():
        used = np.flatnonzero(np.isin(visits, places))
        inner = V[np.ix_(used, used)]
        root = np.linalg.cholesky(inner) if together else np.diag(np.sqrt(np.diag(inner)))
        at = np.ix_(subjects, visits[used])
        result[at] = np.linalg.solve(root, raw[at].T).T
    return result


def _problem(where: str, size: float, p: float, ends: list[float], scale: Scale) -> str:
    sentences = []
    if abs(size) > MOST_SKEW and p < _LEVEL:
        sentences.append(f"the residuals {where} are skewed ({size:.2f}, p {format_p(p)})")
    for proportion, end in zip(ends, scale.total, strict=True):
        if proportion >= MOST_AT_END:
            sentences.append(
                f"{format_percent(proportion)} % of the ratings {where} are {end}, an end of the "
                "scale"
            )
    return "; ".join(sentences)
