"""A fitted generalised linear mixed model in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trdstats.longitudinal.designs.estimable import notes_of, words_on_aliased
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
    from trdstats.longitudinal.glmm.glmm_result import GLMMResult


def cautions_of(result: GLMMResult) -> list[str]:
    """Return what is left out of a fit, and why."""
    columns, terms = result.fitted.columns, result.design.terms
    separated = set(result.fitted.separated)
    aliased = [terms[j] for j in columns.left_out if terms[j] not in separated]
    cautions = []
    if separated:
        cautions.append(
            f"{result.separation}: their coefficients have no finite estimate, and what depends "
            "on them is not estimable."
        )
    if aliased and not separated:
        cautions.append(words_on_aliased(aliased, len(terms)))
    return cautions


def boundary_note(result: GLMMResult) -> tuple[str, ...]:
    """Return what is estimated at the boundary of the parameter space."""
    p, names = result.fitted.rows.n_fixed, result.effects.names
    at_zero = result.fitted.fit.at_zero[p:]
    if not at_zero.any():
        return ()
    spread = np.sqrt(np.diag(result.covariance.to_numpy()))
    zero = [f"var({n})" for n, s in zip(names, spread, strict=True) if s == 0]
    return tuple(zero) or (f"cor({', '.join(names)})",)


def summary_of(result: GLMMResult) -> Summary:
    """Return the fit, its effects and its variances as tables."""
    spec, design = result.spec, result.design
    glance = next(each_row(result.glance()))
    words = dict(spec.summary().header)
    header = [
        *model_lines(spec.formula, design, words),
        ("Random effects", words["Random effects"]),
        ("Quadrature points", words["Quadrature points"]),
        *data_lines(design),
        ("Log-likelihood", f"{glance.loglik:.3f}"),
        *([] if result.is_weighted else [("AIC, BIC", f"{glance.aic:.1f}, {glance.bic:.1f}")]),
        (
            "Covariance of estimates",
            "robust (sandwich)" if result.is_weighted else words["Covariance of estimates"],
        ),
        *([("Weights", design.weighting.words)] if design.weighting is not None else []),
    ]  # fmt: skip
    table = result.tidy()
    rows = tuple(
        (
            r.term, format_number(r.estimate, 3), format_number(r.std_error, 3),
            format_number(r.statistic, 2), format_p(r.p_value),
        )
        for r in each_row(table)
    )  # fmt: skip
    deviations = result.deviations
    spreads = tuple(
        (name, format_number(value, 3), format_number(error, 3))
        for name, value, error in zip(
            deviations.names, deviations.value, np.sqrt(np.diag(deviations.covariance)), strict=True
        )
    )
    tables = (
        Table(("Term", "Estimate", "SE", "z", "p"), rows),
        Table(("Random effects", "Estimate", "SE"), spreads),
    )
    notes = [*caveat_notes(design.caveat), *design.category_notes]
    return Summary(result.title, tuple(header), tables, (*notes, *_notes(result), *notes_of(table)))


def _notes(result: GLMMResult) -> list[str]:
    notes = ["Effects are those of a subject, its random effects held; margins() averages over "
             "the population."]  # fmt: skip
    if result.spec.points == 1:
        notes.append(
            "Laplace's approximation is inexact where subjects have few binary ratings: compare "
            "with more points."
        )
    if result.boundary:
        shown = " and ".join(result.boundary)
        at = "at the end of its range" if shown.startswith("cor") else "at 0"
        notes.append(
            f"{shown} is estimated {at}, the boundary of the parameter space: it has no standard "
            "error, and test_random_effects() tests it by a mixture of chi-squared distributions."
        )
    return notes
