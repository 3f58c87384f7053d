"""The ratings of a model with random effects, in the coordinates in which it is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.gaussian.coordinates import (
    Coordinates,
    InCoordinates,
    centre,
    scaled,
    uncorrelated,
)
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.kernels.random_effects.chain import Chain, sort_rows
from trdstats.kernels.random_effects.effects import Effects
from trdstats.kernels.random_effects.likelihood import LikelihoodModel, RandomModel
from trdstats.kernels.random_effects.parameter_map import parameter_map
from trdstats.kernels.random_effects.residuals import Residuals, Structured, independent
from trdstats.kernels.random_effects.search import Optimum, renamed
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.outcome_values import check_residuals, check_varies
from trdstats.longitudinal.designs.residual_rows import ResidualRows

_MOST_NUMBERS = 2e8  # in one array: 1.6 GB


@dataclass(frozen=True)
class FitCoordinates:
    """The coordinates of a fit, and the way back.

    Attributes
    ----------
    columns : Estimability
        Columns of the design that are not collinear with those before them, and the others as
        combinations of these.
    origin : ndarray, shape (q,)
        Least-squares coefficients, whose fitted values are subtracted from the outcome.
    of_fixed : Coordinates
    of_effects : list of Coordinates
    model : LikelihoodModel
    """

    columns: Estimability
    origin: FloatArray
    of_fixed: Coordinates
    of_effects: list[Coordinates]
    model: LikelihoodModel

    @property
    def rest(self) -> tuple[float, float]:
        """Mean square and variance of the least-squares residuals of the outcome."""
        raise NotImplementedError

    def mean_squares(self, factor: int) -> FloatArray:
        """Return the mean squares of the designs of the effects of a factor as given, (r,)."""
        raise NotImplementedError

    @property
    def parameters(self) -> FloatArray:
        """Matrix from covariance parameters to those of the original effects."""
        return parameter_map(self.model.factors, self.of_effects, self.model.sizes[-1])

    def inference(self, inner: Inference) -> InCoordinates:
        """Return the inference on the columns as they were given."""
        around = replace(inner, beta=inner.beta + self.origin)  # type: ignore[type-var]
        return InCoordinates(around, self.of_fixed)

    def as_given(self, optimum: Optimum) -> Optimum:
        """Return an optimum with parameters, derivatives and deviance of what was given."""
        M, A = self.parameters, self.of_fixed
        state = optimum.state
        # REML holds log |X'WX|, which the coordinates change by a constant.
        constant = 2 * A.log_det if self.model.reml else 0.0
        given = replace(
            state,
            theta=M @ state.theta,
            deviance=state.deviance - constant,
            beta=A.matrix @ (state.beta + self.origin),
            vcov=A.matrix @ state.vcov @ A.matrix.T,
        )
        return renamed(optimum, M, given)


@dataclass(frozen=True)
class FittedRows(FitCoordinates):
    """The analysed ratings in the coordinates of the fit.

    Attributes
    ----------
    z : ndarray, shape (N, q + 1)
        Fixed effects' design, orthogonal, and least-squares residuals of the outcome.
    designs : list of ndarray, shape (N, r)
        Designs of the random effects, by factor.
    model : RandomModel
    order : ndarray of int, shape (N,)
        Rows in the order of the model's chain.
    groupings : tuple of Grouping
        The random effects as they were given.
    """

    model: RandomModel
    z: FloatArray
    designs: list[FloatArray]
    order: IntArray
    groupings: tuple[Grouping, ...]

    @classmethod
    def of(
        cls,
        design: Design,
        groupings: Sequence[Grouping],
        *,
        correlated: bool,
        reml: bool,
        residual: ResidualRows | None,
    ) -> FittedRows:
        """Build from the ratings of a design.

        Parameters
        ----------
        design : Design
        groupings : sequence of Grouping
            Nested factors, the outermost first, then crossed ones.
        correlated : bool
            Whether the effects of a group may correlate, so that they may be mixed.
        reml : bool
        residual : ResidualRows or None
            Covariance of the residuals of a subject; None where they are independent.
        """
        X, y = design.X[0].T, design.y[0]
        check_varies(design.outcome, y)
        judged = judge_rows(centre(X)[0]).of_design(X)
        centred = uncorrelated(X[:, judged.kept])
        if centred is None:  # nearly dependent: the likelihood decides
            columns, of_fixed = scaled(X[:, judged.kept])
            origin, rest = least_squares(columns, y)
        else:
            columns, of_fixed = centred
            origin, rest = project(columns, y)
        check_residuals(design.outcome, y, rest, columns.shape[1])
        z = np.column_stack((columns, rest))
        designs, of_effects = [], []
        for grouping in groupings:
            better = uncorrelated(grouping.Z) if correlated and grouping.effects else None
            Z, coordinates = scaled(grouping.Z) if better is None else better
            designs.append(Z)
            of_effects.append(coordinates)
        model, order = _model(
            z, designs, groupings, correlated=correlated, reml=reml, residual=residual
        )
        return cls(judged, origin, of_fixed, of_effects, model, z, designs, order, tuple(groupings))

    @property
    def rest(self) -> tuple[float, float]:
        """Mean square and variance of the least-squares residuals of the outcome."""
        rest = self.z[:, -1]
        return float((rest**2).mean()), float(rest.var())

    def mean_squares(self, factor: int) -> FloatArray:
        """Return the mean squares of the designs of the effects of a factor as given, (r,)."""
        return np.asarray((self.groupings[factor].Z ** 2).mean(axis=0))


def _model(
    z: FloatArray,
    designs: Sequence[FloatArray],
    groupings: Sequence[Grouping],
    *,
    correlated: bool,
    reml: bool,
    residual: ResidualRows | None,
) -> tuple[RandomModel, IntArray]:
    """Return the model of some rows, and the order in which it has them."""
    nested = [k for k, g in enumerate(groupings) if not g.crossed][::-1]
    across = [k for k, g in enumerate(groupings) if g.crossed]
    order, starts, codes = sort_rows([groupings[k].group for k in nested])
    sorted_designs = [designs[k][order] for k in nested]
    widths = [designs[k].shape[1] for k in nested]
    columns = None
    if across:
        columns = sparse.hstack(
            [_by_group(designs[k], groupings[k]) for k in across], format="csr"
        )[order]
        widths.append(columns.shape[1])
        starts.append(np.zeros(1, dtype=np.intp))
        codes.append(np.zeros(1, dtype=np.intp))
        _check_crossed_size(columns.shape[1], starts, widths, groupings, across)
    chain = Chain((*widths, z.shape[1]), tuple(starts), tuple(codes))
    residuals: Residuals
    if residual is None:
        residuals = independent(chain, sorted_designs, columns, z[order])
    else:
        residuals = _structured(residual, sorted_designs, columns, z, order)
    factors = tuple(Effects(Z.shape[1], correlated) for Z in designs)
    groups = tuple(len(g.labels) for g in groupings)
    model = RandomModel(chain, factors, len(across), groups, residuals, len(z), reml)
    return model, order


def _by_group(Z: FloatArray, grouping: Grouping) -> sparse.csr_matrix:
    """Return the design of the effects of all groups of a factor, shape (N, k r)."""
    N, r = Z.shape
    rows = np.repeat(np.arange(N), r)
    at = (grouping.group[:, None] * r + np.arange(r)).ravel()
    return sparse.csr_matrix((Z.ravel(), (rows, at)), shape=(N, len(grouping.labels) * r))


def _check_crossed_size(
    p: int,
    starts: Sequence[IntArray],
    widths: Sequence[int],
    groupings: Sequence[Grouping],
    across: Sequence[int],
) -> None:
    numbers = sum(len(s) * w * p for s, w in zip(starts, widths, strict=True))
    if numbers > _MOST_NUMBERS:
        names = ", ".join(f"{groupings[k].column} ({len(groupings[k].labels):,})" for k in across)
        raise NotEstimableError(
            f"The crossed factors {names} have too many groups for the sums of this model "
            f"({numbers:.1e} numbers). Name the factor with the most groups in random= and the "
            "others in crossed=."
        )


def _structured(
    residual: ResidualRows,
    designs: Sequence[FloatArray],
    columns: sparse.csr_matrix | None,
    z: FloatArray,
    order: IntArray,
) -> Structured:
    """Lay rows out by subject and visit, for a covariance of their residuals."""
    crossed = [] if columns is None else [columns.toarray()]
    U = np.concatenate([*designs, *crossed, z[order]], axis=1)
    subject = residual.group[order]
    changed = np.flatnonzero(np.r_[True, subject[1:] != subject[:-1]])
    place = np.searchsorted(changed, np.arange(len(order)), side="right") - 1
    n, T = len(changed), residual.days.shape[1]
    laid_out = np.zeros((n, T, U.shape[1]))
    laid_out[place, residual.occasion[order]] = U
    rated = np.zeros((n, T), dtype=bool)
    rated[place, residual.occasion[order]] = True
    schedule = residual.schedule[subject[changed]]
    return Structured(residual.structure, residual.size, schedule, rated, laid_out)


def project(columns: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the same as `least_squares` on orthogonal columns of mean square 1."""
    beta, residual = np.zeros(columns.shape[1]), y
    for _ in range(2):
        step = residual @ columns / len(y)
        beta, residual = beta + step, residual - columns @ step
    return beta, residual


def least_squares(columns: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients and residuals; a second step restores digits lost to a large mean."""
    beta = np.zeros(columns.shape[1])
    residual = y
    for _ in range(2):
        step = np.linalg.lstsq(columns, residual, rcond=None)[0]
        beta = beta + step
        residual = residual - columns @ step
    return beta, residual
