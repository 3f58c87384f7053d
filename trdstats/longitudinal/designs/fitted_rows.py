"""Ratings in the coordinates of a linear mixed model's fit, which keep numerical precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.coordinates import (
    Coordinates,
    InCoordinates,
    centre,
    parameter_map,
    scaled,
    uncorrelated,
)
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.kernels.gaussian.newton import Optimum
from trdstats.kernels.gaussian.reduced_rows import Reduced, reduce_rows
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.design import Design


@dataclass(frozen=True)
class FittedRows:
    """The analysed ratings in the coordinates of the fit.

    Attributes
    ----------
    columns : Estimability
        Columns of the design that are not collinear with those before them, and the others as
        combinations of these.
    z : ndarray, shape (N, q + 1)
        Fixed effects' design, orthogonal, and least-squares residuals of the outcome.
    designs : list of ndarray, shape (N, r)
        Designs of the random effects, by level.
    groups : list of ndarray of int, shape (N,)
        Group of each rating, by level.
    origin : ndarray, shape (q,)
        Least-squares coefficients, whose fitted values are subtracted from the outcome.
    of_fixed : Coordinates
    of_effects : list of Coordinates
    reduced : Reduced
    """

    columns: Estimability
    z: FloatArray
    designs: list[FloatArray]
    groups: list[IntArray]
    origin: FloatArray
    of_fixed: Coordinates
    of_effects: list[Coordinates]
    reduced: Reduced

    @classmethod
    def of(cls, design: Design, groupings: Sequence[Grouping], correlated: bool) -> FittedRows:
        """Build from the ratings of a design.

        Parameters
        ----------
        design : Design
        groupings : sequence of Grouping
            The outermost level first.
        correlated : bool
            Whether the effects of a group may correlate, so that they may be mixed.
        """
        at = design.occasion, design.person
        X = design.X[at[0], :, at[1]]
        judged = _add_degrees(X)
        kept = judged.kept
        centred = uncorrelated(X[:, kept])
        if centred is None:  # nearly dependent: the likelihood decides
            centred = scaled(X[:, kept])
        columns, of_fixed = centred
        origin, residual = _least_squares(columns, design.y[at])
        designs, of_effects, groups = [], [], []
        for grouping in groupings:
            Z = grouping.Z[design.person, design.occasion]
            better = uncorrelated(Z) if correlated else None
            Z, factors = scaled(Z) if better is None else better
            designs.append(Z)
            of_effects.append(factors)
            member = grouping.member
            groups.append(
                design.person if member is None else member[design.person, design.occasion]
            )
        z = np.column_stack((columns, residual))
        reduced = reduce_rows(z, designs, groups, correlated=correlated)
        return cls(judged, z, designs, groups, origin, of_fixed, of_effects, reduced)

    @property
    def parameters(self) -> FloatArray:
        """Matrix from covariance parameters to those of the original effects."""
        return parameter_map(self.reduced.levels, self.of_effects)

    @property
    def rows(self) -> SubjectRows:
        """Groups of the outermost level, each with its own pattern."""
        each = np.arange(self.reduced.n_groups)
        return SubjectRows(np.empty((len(each), 0)), each, each)

    def inference(self, inner: Inference) -> InCoordinates:
        """Return the inference on the columns as they were given."""
        around = replace(inner, beta=inner.beta + self.origin)  # type: ignore[type-var]
        return InCoordinates(around, self.of_fixed)

    def as_given(self, optimum: Optimum, *, reml: bool) -> Optimum:
        """Return an optimum with parameters, derivatives and deviance of what was given."""
        M, A = self.parameters, self.of_fixed
        inverse = np.linalg.inv(M)
        state = optimum.state
        # REML holds log |X'WX|, which the coordinates change by a constant.
        constant = 2 * A.log_det if reml else 0.0
        return replace(
            optimum,
            state=replace(
                state,
                theta=M @ state.theta,
                deviance=state.deviance - constant,
                beta=A.matrix @ (state.beta + self.origin),
                vcov=A.matrix @ state.vcov @ A.matrix.T,
            ),
            start=M @ optimum.start,
            gradient=inverse.T @ optimum.gradient,
            hessian=inverse.T @ optimum.hessian @ inverse,
        )


def _add_degrees(X: FloatArray) -> Estimability:
    """Return the columns that are not collinear with those before them, centred."""
    return judge_rows(centre(X)[0]).of_design(X)


def _least_squares(columns: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients and residuals; a second step restores digits lost to a large mean."""
    beta = np.zeros(columns.shape[1])
    residual = y
    for _ in range(2):
        step = np.linalg.lstsq(columns, residual, rcond=None)[0]
        beta = beta + step
        residual = residual - columns @ step
    return beta, residual
