"""Residuals of a mixed model that are correlated within a subject."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from trdstats.errors import SpecError
from trdstats.longitudinal.covariances.covariances import Covariance, OnDays
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.residual_rows import ResidualRows, lay_out_visits
from trdstats.study.visit_order import days_of

INDEPENDENT = "ind"
_NEAR = 0.3  # correlation of neighbouring visits from which the search begins


def residual_rows(
    structure: Covariance, design: Design, subjects: Grouping, visit: str, time: str | None
) -> ResidualRows:
    """Return the ratings by subject and visit with the covariance of their residuals.

    Parameters
    ----------
    structure : Covariance
    design : Design
    subjects : Grouping
        The innermost nested factor.
    visit : str
        Column of the visits.
    time : str, optional
        Column of the actual days.

    Raises
    ------
    DataError, SpecError
        When a subject has two rows at a visit, or the structure needs days that there are not.
    """
    rows = lay_out_visits(design.frame, subjects.column, subjects.group, visit, time)
    unnamed = [
        str(v) for v, d in zip(rows.visits, days_of(rows.visits), strict=True) if np.isnan(d)
    ]
    if structure.by_days and time is None and unnamed:
        raise SpecError(
            f"{structure.label} residuals need days, and the visits {', '.join(unnamed[:5])} do "
            "not name any. Give days as visits, or the column of the actual days: time='day'."
        )
    places = np.asarray(rows.planned.get_indexer(rows.visits), dtype=float)
    bound = structure.at(places)
    T = len(rows.visits)
    gap = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    return ResidualRows(
        structure=OnDays(bound, rows.days), size=bound.size(T),
        start=bound.start(_NEAR**gap, rows.days.mean(axis=0)),
        names=bound.names([str(v) for v in rows.visits]), visits=rows.visits,
        group=subjects.group, occasion=rows.occasion, days=rows.days, schedule=rows.schedule,
        boundary=partial(bound.at_boundary, days=rows.days.mean(axis=0)),
    )  # fmt: skip


def with_visits(design: Design, residual: ResidualRows, visit: str) -> Design:
    """Return a design whose rows name their visits."""
    return replace(design, visits=residual.visits, occasion=residual.occasion)
