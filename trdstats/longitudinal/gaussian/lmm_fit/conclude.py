"""From the coordinates of a fit to its result: the search, what to warn of, the inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from trdstats.errors import EstimateWarning, warn
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.estimable import warn_of_aliased
from trdstats.longitudinal.designs.fitted_rows import FitCoordinates
from trdstats.longitudinal.designs.residual_rows import ResidualRows
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.longitudinal.gaussian.lmm_search import at_boundary, infer, lowest_deviance

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM

R = TypeVar("R", bound=LMMResult)


def conclude(
    result: type[R],
    spec: LMM,
    design: Design,
    fitted: FitCoordinates,
    groupings: Sequence[Grouping],
    residual: ResidualRows | None,
) -> R:
    """Find the optimum and return the result.

    Raises
    ------
    NotEstimableError
        When the search does not end.

    Warns
    -----
    EstimateWarning
        Of columns that are left out, and of an estimate at the boundary.
    """
    aliased = [design.terms[j] for j in fitted.columns.left_out]
    warn_of_aliased(aliased, len(design.terms))
    optimum = lowest_deviance(fitted, groupings, residual)
    given = fitted.as_given(optimum)
    boundary = at_boundary(fitted, given, groupings)
    if residual is not None:
        of_residual = residual.at_boundary(given.state.theta)
        boundary += tuple(of_residual.values())
        optimum = optimum.holding(of_residual)
        given = fitted.as_given(optimum)
    if boundary:
        warn(
            f"{' '.join(boundary)} It happens by chance where a true variance is small, and "
            "does not show that it is zero. Degrees of freedom and errors take the "
            "boundary as known. variance_tests() tests each random effect." + _instead(groupings),
            EstimateWarning,
        )
    return result(
        spec=spec,
        design=design,
        terms=tuple(design.terms[j] for j in fitted.columns.kept),
        aliased=tuple(aliased),
        inference=fitted.inference(infer(spec.ddf, fitted.model, optimum)),
        boundary=boundary,
        _columns=fitted.columns,
        _model=fitted.model,
        _optimum=given,
        _of_theta=given.observed,
        _fitted=fitted,
        _state=optimum.state,
        _groupings=tuple(groupings),
        _residual=residual,
    )


def _instead(groupings: Sequence[Grouping]) -> str:
    """Return as text the model that allows what a random intercept does not."""
    if len(groupings) > 1 or len(groupings[0].effects) > 1:
        return ""
    return (
        " For ratings at scheduled visits MMRM(covariance='cs') is the same model and also allows "
        "a correlation of zero or below."
    )
