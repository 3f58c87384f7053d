"""Restricted means adjusted for covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.formulas import CovariateDesign, check_full_rank
from trdstats.kernels.risk_sets.rmst_regression import restricted_regression
from trdstats.survival.groups import Sample

# Measure: link of the regression, and whether it models the time lost.
MODELS: dict[str, tuple[Literal["identity", "log"], bool]] = {
    "difference": ("identity", False),
    "ratio": ("log", False),
    "ratio of time lost": ("log", True),
}


@dataclass(frozen=True, slots=True)
class AdjustedMeans:
    """Means under each group for the covariates of all, and effects of the groups.

    Attributes
    ----------
    labels : tuple of str
        Groups, the reference first.
    mean : ndarray, shape (g,)
        Mean over all subjects of what the identity regression predicts under each group.
    influence : ndarray, shape (N, g)
        On the means, of all with follow-up, the weights taken as known.
    std_error : ndarray, shape (g,)
        Of the means.
    coefficients : pandas.DataFrame
        measure, term, estimate, std_error: the three regressions.
    on_coefficients : ndarray, shape (N, rows of the coefficients)
        Influence on them, as on the means.
    """

    labels: tuple[str, ...]
    mean: FloatArray
    influence: FloatArray
    std_error: FloatArray
    coefficients: pd.DataFrame
    on_coefficients: FloatArray


def adjust_means(
    sample: Sample, design: CovariateDesign, tau: float, reference: str
) -> AdjustedMeans:
    """Fit the regressions of the restricted time on groups and covariates.

    Raises
    ------
    NotEstimableError
        When columns are collinear, or subjects came under observation after day 0.
    """
    if any(g.entry.any() for g in sample.groups):
        raise NotEstimableError(
            "Delayed entry and covariates do not go together in a restricted mean: weights for "
            "censoring know nothing of who never entered."
        )
    labels = (reference, *(g.label for g in sample.groups if g.label != reference))
    place = np.cumsum(design.kept) - 1
    Z = design.X[place[np.concatenate([g.row for g in sample.groups])]]
    code = np.repeat([labels.index(g.label) for g in sample.groups], _sizes(sample))
    X = np.column_stack((np.eye(len(labels))[code], Z))
    X[:, 0] = 1.0
    terms = ["(intercept)", *labels[1:], *design.terms]
    check_full_rank(X, terms)
    groups = [g.follow_up for g in sample.groups]
    known = np.concatenate([(g.status == 1) | (g.time >= tau) for g in groups])
    check_full_rank(X[known], terms, f"those who had the event or were followed to day {tau:g}")
    row = np.concatenate([g.row for g in sample.groups])

    def error_of(effect: FloatArray) -> FloatArray:
        return np.sqrt(np.diag(sample.robust_covariance(row, effect)))

    rows, effects = [], []
    for measure, (link, lost) in MODELS.items():
        fit = restricted_regression(groups, X, tau, link=link, lost=lost)
        rows.append(
            pd.DataFrame(
                {
                    "measure": measure,
                    "term": terms,
                    "estimate": fit.beta,
                    "std_error": error_of(fit.influence),
                }
            )
        )
        effects.append(fit.influence)
        if measure == "difference":
            means, influence = _standardise(fit.beta, fit.influence, Z, sample, len(labels))
    all_subjects = sample.lay_out(row, influence)
    table = pd.concat(rows, ignore_index=True)
    on_all = sample.lay_out(row, np.hstack(effects))
    return AdjustedMeans(labels, means, all_subjects, error_of(influence), table, on_all)


def _sizes(sample: Sample) -> list[int]:
    return [len(g.time) for g in sample.groups]


def _standardise(
    beta: FloatArray, on_beta: FloatArray, Z: FloatArray, sample: Sample, g: int
) -> tuple[FloatArray, FloatArray]:
    """Return the means over all subjects under each group, with the subjects' influences."""
    weight = np.concatenate([group.weight for group in sample.groups])
    proportion = weight / weight.sum()
    arms = np.eye(g)
    arms[:, 0] = 1.0
    rows = np.column_stack((arms, np.tile(proportion @ Z, (g, 1))))
    # Who is in the sample moves the covariates averaged over, whatever the coefficients.
    drift = proportion * ((Z - proportion @ Z) @ beta[g:])
    return rows @ beta, on_beta @ rows.T + drift[:, None]
