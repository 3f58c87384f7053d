"""Subjects whom a treatment never gets: found, named, and left out when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.weighting.propensity import fit_scores
from trdstats.participants.covariates import CovariateTable

# Beyond the extremes of a treatment there are always some subjects of others. It is a rule, not
# chance, where they are at least this share of all and it would have had none with a probability
# below that.
BEYOND = 0.05
CHANCE = 0.001
_SHOWN = 5  # levels of a covariate that are said one by one
_MOST_LEVELS = 2  # numbers with as few values are levels


@dataclass(frozen=True, slots=True)
class Violation:
    """A part of a covariate that a treatment never gets.

    Attributes
    ----------
    covariate : str
    level : str
        A level, or "above 65" of a number.
    treatment : str
        Under which there is no subject.
    n : int
        Subjects of that level under other treatments.
    rows : ndarray of bool, shape (n_subjects,)
        Who they are.
    is_range : bool
        Whether the level is a range of a number.
    """

    covariate: str
    level: str
    treatment: str
    n: int
    rows: BoolArray
    is_range: bool = False

    def words(self) -> str:
        """Say it in a sentence."""
        subjects = f"{self.covariate} {'' if self.is_range else '= '}{self.level}"
        return (
            f"No subject with {subjects} got {self.treatment} "
            f"({self.n} such subjects under other treatments)."
        )


def in_words(violations: Sequence[Violation]) -> list[str]:
    """Say each level once, with all treatments that it never gets; of many levels the first."""
    kinds: dict[tuple[str, str, int], list[Violation]] = {}
    for v in violations:
        kinds.setdefault((v.covariate, v.level, v.n), []).append(v)
    notes: dict[str, list[str]] = {}
    for group in kinds.values():
        words = replace(group[0], treatment=" or ".join(v.treatment for v in group)).words()
        notes.setdefault(group[0].covariate, []).append(words)
    lines = []
    for covariate, sentences in notes.items():
        lines += sentences[:_SHOWN]
        if len(sentences) > _SHOWN:
            lines.append(
                f"So it is with {len(sentences) - _SHOWN:,} more levels of {covariate}: group "
                "them, or make numbers of them if they are numbers written as text."
            )
    return lines


def find_violations(covariates: CovariateTable) -> tuple[list[Violation], BoolArray]:
    """Return the levels and ranges that some treatment never gets, and who is left without them.

    A level of a category that no subject under a treatment has, be it by rule or by chance: no
    model of treatment has a maximum with it, and no weights balance it. Of a number, what lies
    beyond all subjects of a treatment, when all of another treatment lie there, or when the
    trend of the treatment's share within its reach foretells subjects beyond it who do not
    exist. Leaving subjects out can bring more to light, so the search goes on among those left.

    Returns
    -------
    violations : list of Violation
    kept : ndarray of bool, shape (n,)
        Subjects within reach of every treatment.
    """
    kept = np.ones(len(covariates.frame), dtype=bool)
    violations: list[Violation] = []
    columns = sorted(str(v) for v in covariates.design.spec.formula.required_variables)
    while True:
        treatments = range(len(covariates.labels))
        by_arm = [np.flatnonzero(kept & (covariates.treatment == k)) for k in treatments]
        if any(not len(rows) for rows in by_arm):
            return violations, kept  # too few are left to go on; the caller says so
        new = [v for c in columns for v in _of_covariate(covariates, c, kept, by_arm)]
        if not new:
            return violations, kept
        violations += new
        for violation in new:
            kept = kept & ~violation.rows


def _of_covariate(
    covariates: CovariateTable, column: str, kept: BoolArray, by_arm: list[IntArray]
) -> Iterator[Violation]:
    values = covariates.design.frame[column]
    coded = column in covariates.design.uses.categories
    if coded or isinstance(values.dtype, pd.CategoricalDtype) or _has_few_levels(values):
        yield from _levels(covariates, column, values, kept)
    else:
        yield from _ranges(covariates, column, values.to_numpy(dtype=float), kept, by_arm)


def _has_few_levels(values: pd.Series[Any]) -> bool:
    """Return whether values are levels; the first of them tell where there are many more."""
    first = set(values.to_numpy()[: 10 * _MOST_LEVELS].tolist())
    return len(first) <= _MOST_LEVELS and values.nunique() <= _MOST_LEVELS


def _levels(
    covariates: CovariateTable, column: str, values: pd.Series[Any], kept: BoolArray
) -> Iterator[Violation]:
    for level in pd.unique(values[kept]):
        rows = (values == level).to_numpy() & kept
        counts = np.bincount(covariates.treatment[rows], minlength=len(covariates.labels))
        for label, n in zip(covariates.labels, counts, strict=True):
            if n == 0:
                yield Violation(column, str(level), label, int(rows.sum()), rows)


def _ranges(
    covariates: CovariateTable,
    column: str,
    values: FloatArray,
    kept: BoolArray,
    by_arm: list[IntArray],
) -> Iterator[Violation]:
    low, high = np.array([(v.min(), v.max()) for v in (values[rows] for rows in by_arm)]).T
    n_kept = sum(len(rows) for rows in by_arm)
    for k, label in enumerate(covariates.labels):
        for side in ("below", "above"):
            edge, ends = (low[k], low) if side == "below" else (high[k], high)
            if edge == (ends.min() if side == "below" else ends.max()):
                continue  # no subject lies beyond
            apart = high < edge if side == "below" else low > edge
            rows = kept & (values < edge if side == "below" else values > edge)
            n = int(np.count_nonzero(rows))
            foretold = 0.0
            if n >= BEYOND * n_kept:
                foretold = _foretold(values, covariates.treatment == k, rows, kept)
            if apart.any() or np.exp(-foretold) < CHANCE:
                yield Violation(column, f"{side} {edge:g}", label, n, rows, is_range=True)


def _foretold(values: FloatArray, in_arm: BoolArray, beyond: BoolArray, kept: BoolArray) -> float:
    """Return how many of a treatment the trend within its reach foretells beyond it."""
    within = kept & ~beyond
    x = values[within]
    if not np.ptp(x) > 0 or in_arm[within].all():
        return 0.0
    centre, spread = x.mean(), x.std()
    X = np.column_stack([np.ones(len(x)), (x - centre) / spread])
    fit = fit_scores(X, in_arm[within].astype(np.intp), 2, np.ones(len(x)))
    if not fit.converged:
        return 0.0
    level, slope = fit.gamma[0]
    return float(expit(level + slope * (values[beyond] - centre) / spread).sum())
