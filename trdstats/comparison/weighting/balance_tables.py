"""Tables of how alike weighted cohorts are, and of who they are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.formulas import CovariateDesign
from trdstats.kernels.weighting.covariate_balance import (
    CompareGroups,
    c_statistic,
    overlapping_coefficient,
)
from trdstats.participants.covariates import CovariateTable
from trdstats.threads import one_thread


def balanced_columns(design: CovariateDesign) -> tuple[list[str], FloatArray]:
    """Return the terms that are to be balanced, with the reference level of each category.

    A category of two levels is told by one of them. Of more, the design has all but the first,
    and a difference in the first can be as large as the others together.

    Returns
    -------
    terms : list of str
    X : ndarray, shape (n, len(terms))
    """
    terms, columns = list(design.terms), [design.X]
    for name in dict.fromkeys(design.factors):
        places = [j for j, f in enumerate(design.factors) if f == name]
        values = design.frame.get(name)
        if values is None or not isinstance(values.dtype, pd.CategoricalDtype) or len(places) < 2:
            continue
        first = values.cat.categories[0]
        at = terms.index(design.terms[places[0]])
        terms.insert(at, f"{name}[T.{first}]")
        columns = [np.insert(np.hstack(columns), at, (values == first).to_numpy(float), axis=1)]
    return terms, columns[0] if len(columns) == 1 else np.hstack(columns)


@one_thread
def balance_table(covariates: CovariateTable, weight: FloatArray) -> pd.DataFrame:
    """Compare the covariates of every pair of treatments, before and after weighting."""
    terms, X = balanced_columns(covariates.design)
    frames, k = [], len(covariates.labels)
    groups = CompareGroups(X, covariates.treatment, k)
    weighted = groups.weigh(weight)
    for a, b in combinations(range(k), 2):
        before, after = groups.unweighted.compare(b, a), weighted.compare(b, a)
        frames.append(
            pd.DataFrame(
                {
                    "treatment": covariates.labels[b],
                    "reference": covariates.labels[a],
                    "term": terms,
                    "smd_before": before.standardised,
                    "smd_after": after.standardised,
                    "variance_ratio_before": before.variance_ratio,
                    "variance_ratio_after": after.variance_ratio,
                    "ks_before": before.distance,
                    "ks_after": after.distance,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def overlap_table(covariates: CovariateTable, probability: FloatArray) -> pd.DataFrame:
    """Compare the scores of every pair of treatments among the subjects of the two."""
    rows = []
    for a, b in combinations(range(len(covariates.labels)), 2):
        score = probability[:, b] / (probability[:, a] + probability[:, b])
        one, other = (score[covariates.treatment == k] for k in (b, a))
        low, high = max(one.min(), other.min()), min(one.max(), other.max())
        both = np.concatenate([one, other])
        rows.append(
            {
                "treatment": covariates.labels[b],
                "reference": covariates.labels[a],
                "outside": float(((both < low) | (both > high)).mean()),
                "coefficient": overlapping_coefficient(one, other),
                "c_statistic": c_statistic(one, other),
                "score_low": float(low),
                "score_high": float(high),
                "lowest": float(one.min()),
                "highest": float(one.max()),
                "reference_lowest": float(other.min()),
                "reference_highest": float(other.max()),
            }
        )
    return pd.DataFrame(rows)


def size_table(covariates: CovariateTable, weight: FloatArray) -> pd.DataFrame:
    """Return the effective sample size of each treatment."""
    rows = []
    for k, label in enumerate(covariates.labels):
        w = weight[covariates.treatment == k]
        size = float(w.sum() ** 2 / (w @ w))
        rows.append(
            {
                "treatment": label,
                "n": len(w),
                "effective": size,
                "share": size / len(w),
                "largest": float(w.max() / w.sum()),
            }
        )
    return pd.DataFrame(rows)


def population_table(
    all_subjects: CovariateTable, covariates: CovariateTable, weight: FloatArray
) -> pd.DataFrame:
    """Return means of the covariates of all, of those kept, and of those kept when weighted."""
    terms, X = balanced_columns(all_subjects.design)
    size = size_table(covariates, weight).set_index("treatment")["effective"]
    kept = all_subjects.frame["subject"].isin(covariates.frame["subject"]).to_numpy()
    columns: dict[str, list[float]] = {}
    for k, label in enumerate(covariates.labels):
        in_arm = all_subjects.treatment == k
        among = X[in_arm & kept]
        weighted = np.average(among, axis=0, weights=weight[covariates.treatment == k])
        columns[label] = [int(in_arm.sum()), *X[in_arm].mean(axis=0)]
        columns[f"{label}, kept"] = [len(among), *among.mean(axis=0)]
        columns[f"{label}, weighted"] = [float(size[label]), *weighted]
    return pd.DataFrame({"term": ["n", *terms], **columns})
