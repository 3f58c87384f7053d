"""Estimates of several analyses one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, ObjectArray
from trdstats.estimates.rules import Blocks, Limits, StackedLimits
from trdstats.estimates.table import EstimateTable
from trdstats.kernels.numerics.grouped import grouped_sums

T = TypeVar("T", bound=EstimateTable)


def below(parts: Sequence[T]) -> T:
    """Return estimates of the same subjects, in the same order, one part below the other."""
    if len(parts) == 1:
        return parts[0]
    influences_of_parts = [p.influences for p in parts if p.influences is not None]
    influences = np.hstack(influences_of_parts) if len(influences_of_parts) == len(parts) else None
    k = sum(len(p) for p in parts)
    covariance = (
        np.zeros((k, k)) if influences is None else covariance_from(influences, parts[0].clusters)
    )
    return stacked(parts, influences, covariance, parts[0].subjects)


def with_root(estimates: T) -> T:
    """Return estimates with a root of their covariance in the place of missing influences.

    What is derived from them then has its covariance with what else is derived from them, as it
    has from influences of subjects. `without_root` takes the root out again.
    """
    if estimates.influences is not None:
        return estimates
    known = np.where(np.isfinite(estimates.covariance), estimates.covariance, 0.0)
    values, vectors = np.linalg.eigh(known)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return replace(estimates, influences=root, clusters=None)  # a root has no rows of subjects


def without_root(derived: T, source: EstimateTable) -> T:
    """Return what was derived from `with_root(source)`, with influences of subjects or none."""
    if source.influences is not None:
        return derived
    return replace(derived, influences=None, clusters=source.clusters)


def covariance_from(influences: FloatArray, clusters: ObjectArray | None) -> FloatArray:
    """Return the cross-product of influences, summed within groups that are not independent.

    Parameters
    ----------
    influences : ndarray, shape (n, k)
    clusters : ndarray of object, shape (n,), or None
        None for a subject on its own.
    """
    if clusters is None:
        return influences.T @ influences
    code, labels = pd.factorize(clusters)
    alone = code < 0
    sums = grouped_sums(code[~alone], influences[~alone], len(labels))
    return sums.T @ sums + influences[alone].T @ influences[alone]


def stacked(
    parts: Sequence[T],
    influences: FloatArray | None,
    covariance: FloatArray,
    subjects: ObjectArray | None,
) -> T:
    """Return the parts one below the other; within a part its own covariance stays.

    Parameters
    ----------
    parts : sequence of EstimateTable
    influences : ndarray, shape (n, sum of k), or None
    covariance : ndarray, shape (sum of k, sum of k)
    subjects : ndarray of object, shape (n,), or None
    """
    at = 0
    for p in parts:
        here = slice(at, at + len(p))
        covariance[here, here] = p.covariance
        at += len(p)
    exact = any(p.limits is not None for p in parts)
    keys = pd.concat([p.keys for p in parts], ignore_index=True)
    # A key that a part does not have is empty there; one that it has may be missing.
    for key in keys.columns:
        if any(key not in p.keys for p in parts):
            # A category has no empty level, and levels of one part are not those of another.
            keys[key] = keys[key].astype(object).where(keys[key].notna(), "")
    return replace(
        parts[0],
        keys=keys,
        value=np.concatenate([p.value for p in parts]),
        scale=tuple(s for p in parts for s in p.scale),
        covariance=covariance,
        influences=influences,
        subjects=subjects,
        null=np.concatenate([p.null for p in parts]),
        limits_scale=tuple(s for p in parts for s in p.limits_scale),
        df=Blocks(tuple(p.df for p in parts), tuple(len(p) for p in parts)),
        reasons=tuple(r for p in parts for r in p.reasons),
        limits=StackedLimits(tuple(_limits_of(p) for p in parts)) if exact else None,
        notes=tuple(dict.fromkeys(n for p in parts for n in p.notes)),
    )


@dataclass(frozen=True)
class WaldLimits:
    """Wald limits of estimates, where they stand among others."""

    estimates: EstimateTable

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        return self.estimates.interval(conf_level)

    def p_values(self) -> FloatArray:
        """Return p values."""
        return self.estimates.p_value


def _limits_of(part: EstimateTable) -> Limits:
    return WaldLimits(part) if part.limits is None else part.limits
