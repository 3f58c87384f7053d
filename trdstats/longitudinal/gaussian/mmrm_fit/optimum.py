"""The search for the best covariance, and what lies at its boundary."""

from __future__ import annotations

import numpy as np

from trdstats.errors import NotEstimableError
from trdstats.kernels.gaussian.newton import Optimum, minimise
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model, residual_start
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks
from trdstats.longitudinal.covariances.combined import Independent
from trdstats.longitudinal.covariances.covariances import Covariance, Unstructured, boundary_of
from trdstats.longitudinal.designs.design import Design

WITHOUT_DAYS = "covariance='ind' has no correlation, 'cs' one that does not depend on the days."


def optimise(model: Model, structure: Covariance, design: Design) -> Optimum:
    """Return the best optimum from the residuals and, if that fails, from simpler starts."""
    never = _never_together(model.products)
    T = len(design.visits)
    if T > 1 and len(never) == T * (T - 1) // 2 and not isinstance(structure, Independent):
        raise NotEstimableError(
            "No subject was assessed at two visits, so that nothing is known of the correlation "
            "between visits. Take covariance='ind' or 'indh', which have none."
        )
    if never and structure.label == "unstructured":
        pairs = ", ".join(f"{design.visits[a]} and {design.visits[b]}" for a, b in never[:5])
        raise NotEstimableError(
            f"No subject was assessed at both of the visits {pairs}, so their covariance is not "
            "estimable. Leave a visit out, or choose a structure such as covariance='toeph'."
        )
    n_cov = sum(model.sizes)
    if model.products.n_obs <= model.products.n_columns + 1:
        raise NotEstimableError(
            f"{model.products.n_obs} ratings are too few for {model.products.n_columns} fixed "
            "effects."
        )
    S = residual_start(model)
    best: Optimum | None = None
    for shrink in (0.0, 0.1, 0.5, 0.9):
        starts = [
            structure.start(
                (1 - shrink) * schedule + shrink * np.diag(np.diag(schedule)), design.usual_days
            )
            for schedule in S
        ]
        optimum = minimise(model, np.concatenate(starts))
        if optimum is None:
            continue
        if best is None or optimum.state.deviance < best.state.deviance - 1e-9:
            best = optimum
        # A likelihood that rises as the covariance becomes singular does so from every start.
        if optimum.is_minimum or (isinstance(structure, Unstructured) and _is_singular(optimum)):
            break
    if best is None or not best.is_minimum:
        state = "did not converge" if best else "could not start"
        named = (
            f"The {structure.label} covariance ({n_cov} parameters, "
            f"{int(model.products.n.sum())} subjects) {state}"
        )
        boundary = {} if best is None else at_boundary(model, structure, design, best)
        if boundary:
            raise NotEstimableError(f"{named}. {sentences_of(boundary)} {WITHOUT_DAYS}")
        raise NotEstimableError(
            f"{named}: too few subjects at some pair of "
            "visits, or residuals of one visit that are collinear with another's. Try fewer "
            "parameters, such as covariance='toeph', 'csh' or 'ar1h', or leave a sparse visit out."
        )
    return best


def at_boundary(
    model: Model, structure: Covariance, design: Design, optimum: Optimum
) -> dict[int, str]:
    """Return which parameters are estimated at the boundary, each with a sentence."""
    by_group = model.parts(optimum.state.theta)
    return boundary_of(structure, by_group, design.usual_days)


def sentences_of(boundary: dict[int, str]) -> str:
    """Return the sentences on parameters at the boundary, each once."""
    return " ".join(dict.fromkeys(boundary.values()))


def _is_singular(optimum: Optimum) -> bool:
    for shape in optimum.state.shapes:
        sd = np.sqrt(np.diagonal(shape.value, axis1=1, axis2=2))
        scaled = shape.value / (sd[:, :, None] * sd[:, None, :])
        if np.linalg.eigvalsh(scaled).min() < 1e-10:
            return True
    return False


def _never_together(summary: CrossProducts | SubjectBlocks) -> list[tuple[int, int]]:
    together = np.einsum("p,pa,pb->ab", summary.n, summary.rated.astype(float), summary.rated)
    rows, columns = np.nonzero(np.triu(together == 0, 1))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
