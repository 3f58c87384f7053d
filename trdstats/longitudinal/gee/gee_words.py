"""The summary of fitted estimating equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trdstats.longitudinal.designs.estimable import notes_of
from trdstats.longitudinal.rated.header import data_lines, model_lines
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_number,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult


def summary_of(result: GEEResult) -> Summary:
    """Return the fit and its effects as tables."""
    spec, design = result.spec, result.design
    glance = next(each_row(result.glance()))
    words = dict(spec.summary().header)
    header = [
        *model_lines(spec.formula, design, words),
        ("Working correlation", words["Working correlation"] + _parameter(result)),
        *data_lines(design),
        ("Covariance of effects", words["Covariance of effects"]),
        ("Degrees of freedom", words["Degrees of freedom"]),
        *([] if design.is_weighted else [("QIC", f"{glance.qic:.1f}")]),
        *([("Weights", design.weighting.words)] if design.weighting is not None else []),
        *([("Weights", result.dropout.label)] if result.dropout is not None else []),
    ]  # fmt: skip
    table = result.tidy()
    rows = tuple(
        (
            r.term, format_number(r.estimate, 3), format_number(r.std_error, 3),
            format_number(r.df, 1), format_number(r.statistic, 2), format_p(r.p_value),
        )
        for r in each_row(table)
    )  # fmt: skip
    columns = ("Term", "Estimate", "SE", "df", "t", "p")
    notes = [*caveat_notes(design.caveat), *design.category_notes]
    return Summary(result.title, tuple(header), (Table(columns, rows),), (*notes, *notes_of(table)))


def _parameter(result: GEEResult) -> str:
    alpha = result._equations.fit.alpha
    if len(alpha) != 1:
        return ""
    per = {"ar1": " a visit", "ar1-days": " a day"}.get(result.spec.corr, "")
    return f" ({format_number(float(alpha[0]), 3)}{per})"
