"""Estimates of several analyses of the same subjects as one, with their joint covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, ObjectArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.estimates.estimates import Estimates
from trdstats.estimates.stacked import covariance_from, stacked
from trdstats.kernels.numerics.grouped import grouped_sums


def joint(*results: object, labels: Sequence[str] | None = None) -> Estimates:
    """Return one set of estimates from several results on the same subjects.

    The covariance across results comes from the influences of the subjects they share, so that
    three outcomes of one trial, or two definitions of one outcome, can be judged together.

    Parameters
    ----------
    *results : Estimates, or results that have `estimates()`
    labels : sequence of str, optional
        One a result, for the key ``result``. Default: their titles, numbered when equal.

    Returns
    -------
    Estimates
        Keys ``result``, then those of the parts. Standard errors within a result stay its own.

    Raises
    ------
    SpecError
        When there is nothing to join, or labels do not fit.
    NotEstimableError
        When a result has no influences of subjects, no subject is in all of them, or the groups
        of subjects that are not independent differ.

    Notes
    -----
    The covariance of two estimates is the sum over subjects of the products of their influences;
    a subject that one result did not use adds nothing to it there (Pipper, Ritz and Bisgaard
    2012, doi:10.1111/j.1467-9876.2011.01005.x, equation 3). Where degrees of freedom differ
    each estimate keeps its own.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> onset = trd.time_to(study, trd.Response())
    >>> days = trd.RMST(tau=28).fit(onset)
    >>> hazard = trd.CoxPH("treatment").fit(onset)
    >>> both = trd.joint(days, hazard)
    >>> len(both) == len(days.estimates()) + len(hazard.estimates())
    True
    """
    parts = [_estimates_of(r) for r in results]
    if not parts:
        raise SpecError("joint() needs at least one result.")
    names = _names(parts, labels)
    for name, p in zip(names, parts, strict=True):
        if p.influences is None or p.subjects is None:
            raise NotEstimableError(
                f"{name}: the covariance is not a sum over subjects, so what it shares with "
                "other results is not known."
            )
    if not set.intersection(*(set(p.subjects) for p in parts if p.subjects is not None)):
        raise NotEstimableError("No subject is in all results: they are not on the same subjects.")
    named = [
        replace(p, keys=p.keys.assign(result=n)[["result", *p.keys.columns]])
        for n, p in zip(names, parts, strict=True)
    ]
    return replace(on_all_subjects(named), title="Estimates judged together")


def on_all_subjects(parts: Sequence[Estimates]) -> Estimates:
    """Return estimates of different subjects one below the other, on all subjects of any.

    A subject adds nothing to estimates that did not use it. Where a part has no influences of
    subjects its columns are NaN, and so is its covariance with every other part.
    """
    with_subjects = [np.asarray(p.subjects, dtype=object) for p in parts if p.subjects is not None]
    if not with_subjects:
        return stacked(parts, None, np.full((sum(map(len, parts)),) * 2, np.nan), None)
    subjects = pd.unique(np.concatenate(with_subjects))
    influences = np.hstack([_rows_of(p, subjects) for p in parts])
    clusters = _clusters(parts, subjects)
    whole = stacked(parts, influences, covariance_from(influences, clusters), subjects)
    return replace(whole, clusters=clusters)


def _estimates_of(result: object) -> Estimates:
    if isinstance(result, Estimates):
        return result
    made = getattr(result, "estimates", None)
    if made is None:
        raise SpecError(
            f"joint() takes results with estimates(); {type(result).__name__} has none."
        )
    estimates: Estimates = made()
    return estimates


def _names(parts: Sequence[Estimates], labels: Sequence[str] | None) -> list[str]:
    if labels is not None:
        if len(labels) != len(parts) or len(set(labels)) != len(parts):
            raise SpecError(f"joint() needs {len(parts)} different labels; got {list(labels)!r}.")
        return [str(label) for label in labels]
    titles = [p.title for p in parts]
    return [
        t if titles.count(t) == 1 else f"{t} ({titles[: i + 1].count(t)})"
        for i, t in enumerate(titles)
    ]


def _clusters(parts: Sequence[Estimates], who: ObjectArray) -> ObjectArray | None:
    """Return the group of each subject in the results that know of one; None without any."""
    known = [p for p in parts if p.clusters is not None]
    if not known:
        return None
    clusters = np.full(len(who), None, dtype=object)
    for p in known:
        place = pd.Index(who).get_indexer(pd.Index(np.asarray(p.subjects, dtype=object)))
        labels = np.asarray(p.clusters, dtype=object)
        grouped = ~pd.isna(labels)
        at, labels = place[grouped], labels[grouped]
        before = ~pd.isna(clusters[at])
        if (clusters[at][before] != labels[before]).any():
            raise NotEstimableError(
                "The results cluster the same subjects in different groups: what they share is "
                "not known. Use one cluster= for all."
            )
        clusters[at] = labels
    return clusters


def _rows_of(part: Estimates, who: ObjectArray) -> FloatArray:
    """Return influences on the rows of all subjects, 0 for those the part did not use."""
    if part.influences is None or part.subjects is None:
        return np.full((len(who), len(part)), np.nan)
    place = pd.Index(who).get_indexer(pd.Index(np.asarray(part.subjects, dtype=object)))
    return grouped_sums(place, np.asarray(part.influences), len(who))
