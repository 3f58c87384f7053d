"""The imputation model: a mixed model, ready to be refitted and to impute."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.imputation.trial.layout import Layout
from trdstats.kernels.gaussian.batched_fits import (
    Refits,
    fitted_covariances,
    is_linear,
    refit,
    refit_one_by_one,
)
from trdstats.kernels.gaussian.bootstrap_batches import Resampled, resample
from trdstats.kernels.gaussian.estimability import Estimability, judge_columns
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model, State, residual_start
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal import MMRM, Covariance, MMRMResult, get_covariance
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome


@dataclass(frozen=True)
class FittedModel:
    """The imputation model fitted to all subjects.

    Attributes
    ----------
    model : Model
    state : State
        The optimum.
    rows : SubjectRows
        Subjects with an observed visit.
    place : ndarray of int, shape (n_rows,)
        Place of each row among all subjects.
    subjects : tuple of str
        All subjects, those without an observed visit too.
    structure : Covariance
    days : ndarray, shape (T,)
    origin : ndarray, shape (q,)
        Coefficients whose fitted values are subtracted from the outcome of the model.
    design : ndarray, shape (a, n, T, q)
        Design of every subject and visit under every arm.
    """

    model: Model
    state: State
    rows: SubjectRows
    place: IntArray
    subjects: tuple[str, ...]
    structure: Covariance
    days: FloatArray
    origin: FloatArray
    design: FloatArray

    @property
    def n(self) -> int:
        """Number of subjects."""
        return len(self.subjects)

    @property
    def products(self) -> CrossProducts:
        """Cross-products of all subjects."""
        if not isinstance(self.model.products, CrossProducts):
            raise TypeError("the model of an MMRM holds cross-products")
        return self.model.products

    @property
    def sigma(self) -> FloatArray:
        """Fitted covariance of the visits by group, shape (G, T, T)."""
        return fitted_covariances(self.state)

    def refit(self, counts: FloatArray, imputes: BoolArray, *, search: bool = False) -> Refits:
        """Fit resamples of the subjects.

        A resample may lack a column of the design: the only subject of a site is left out. Its
        coefficient is then 0, if no subject whose visits are imputed has this column; otherwise
        the resample has no fit.

        Parameters
        ----------
        counts : ndarray, shape (B, n)
            Number of times each subject is in the resample.
        imputes : ndarray of bool, shape (B, n)
            Subjects whose visits are imputed with the estimates of each resample.
        search : bool
            Search each resample by itself, also from its own residuals.
        """
        data = resample(self.products, self.rows, counts[:, self.place])
        lost = data.lacks_rank()
        full_rank = np.flatnonzero(~lost)
        parts = []
        if len(full_rank):
            parts.append((full_rank, self._search(self.model, data.take(full_rank), search)))
        for b in np.flatnonzero(lost):
            reduced = self._reduced(data.take(np.array([b])), imputes[b], search)
            parts.append((np.array([b]), reduced))
        return _put_together(parts)

    def identifies(self, counts: FloatArray, imputes: BoolArray) -> bool:
        """Whether one resample informs the means of all subjects that are imputed with it."""
        data = resample(self.products, self.rows, counts[None, self.place])
        return not data.lacks_rank()[0] or self._is_enough(
            judge_columns(self._summary_of(data)).kept, data, imputes
        )

    def _search(self, model: Model, data: Resampled, search: bool) -> Refits:
        if search:
            return refit_one_by_one(model, self.state, data, self._from_residuals)
        if is_linear(self.state):
            return refit(self.model, self.state, data)
        return refit_one_by_one(model, self.state, data)

    def _summary_of(self, data: Resampled) -> CrossProducts:
        return replace(self.products, n=data.n[0], cross_products=data.cross_products[0])

    def _reduced(self, data: Resampled, imputes: BoolArray, search: bool) -> Refits:
        """Fit one resample with collinear columns, by those that are estimable."""
        kept = judge_columns(self._summary_of(data)).kept
        model = replace(self.model, products=self.products.keep(kept))
        fit = self._search(model, data.keep(kept), search)
        beta = np.zeros((1, data.n_columns))
        beta[:, kept] = fit.beta
        enough = self._is_enough(kept, data, imputes)
        return replace(fit, beta=beta, converged=fit.converged & enough)

    def _is_enough(self, kept: IntArray, data: Resampled, imputes: BoolArray) -> bool:
        """Whether columns left out add nothing to the design of the subjects to be imputed."""
        q = data.n_columns
        each = np.eye(data.rated.shape[1]) * data.rated[:, :, None]
        information = data.moments(each[None])[0, :q, :q]
        left = np.setdiff1d(np.arange(q), kept)
        coefficients = np.linalg.solve(
            information[np.ix_(kept, kept)], information[np.ix_(kept, left)]
        )
        design = self.design[:, imputes]
        residual = design[..., left] - design[..., kept] @ coefficients
        return bool(np.abs(residual).max(initial=0.0) < 1e-6 * max(np.abs(design).max(), 1.0))

    def _from_residuals(self, model: Model) -> FloatArray | None:
        """Return starting parameters from least-squares residuals; None for a singular design."""
        try:
            start = residual_start(model)
        except np.linalg.LinAlgError:
            return None
        return np.concatenate([self.structure.start(S, self.days) for S in start])


def fit_model(
    layout: Layout, formula: str, covariance: object, group: str | None, reml: bool, used: BoolArray
) -> tuple[MMRMResult, FittedModel]:
    """Fit the imputation model to the values that inform it."""
    spec = MMRM(formula, covariance=covariance, group=group, reml=reml, ddf="residual")  # type: ignore[arg-type]
    frame = layout.model_grid(np.where(used, layout.y, np.nan))
    # A visit that was planned and has no rows is still a step between its neighbours.
    frame[layout.visit] = frame[layout.visit].cat.set_categories(layout.planned)
    result = spec.fit(frame, subject=layout.subject, visit=layout.visit)
    design = result.design
    where = layout.subjects.get_indexer(design.subjects)
    fitted = FittedModel(
        model=result._model,
        state=result._optimum.state,
        rows=result._rows,
        place=where[result._rows.order].astype(np.intp),
        subjects=tuple(str(s) for s in layout.subjects),
        structure=get_covariance(spec.covariance).at(design.places),
        days=design.usual_days,
        origin=result._origin,
        design=designs(layout, result.design, result.identified.columns),
    )
    return result, fitted


def _put_together(parts: list[tuple[IntArray, Refits]]) -> Refits:
    """Return refits in the order of the resamples."""
    place = np.argsort(np.concatenate([which for which, _ in parts]), kind="stable")
    names = ("theta", "beta", "sigma", "converged", "n_steps")
    return Refits(*(np.concatenate([getattr(r, k) for _, r in parts])[place] for k in names))


def designs(layout: Layout, design: Design | RatedOutcome, columns: Estimability) -> FloatArray:
    """Return the design of every subject at every visit under every arm, shape (a, n, T, q).

    Rows whose mean the data do not identify are NaN.

    Parameters
    ----------
    layout : Layout
    design : Design or RatedOutcome
        Of the fitted model.
    columns : Estimability
        Of its columns; the q that have a coefficient are returned.

    Raises
    ------
    SpecError
        When a subject has a level of a covariate that no subject with an observed visit has.
    """
    types = design.totals.types
    by_arm = []
    table = layout.model_grid(None)
    changed = {}
    for column, levels in types.items():
        as_known = table[column].astype(levels)
        unknown = table.loc[as_known.isna(), column].unique()
        if len(unknown):
            raise SpecError(
                f"{column!r} holds {', '.join(map(repr, unknown[:5]))} only for subjects without "
                "an observed value: their visits cannot be imputed. Merge the level into another."
            )
        changed[column] = as_known
    table = table.assign(**changed)
    n, T = layout.y.shape
    for arm in layout.subject_table[layout.treatment].cat.categories:
        arm_table = table
        if layout.treatment in types:
            constant = np.full(len(table), arm, dtype=object)
            arm_table = table.assign(**{layout.treatment: constant})
            arm_table[layout.treatment] = arm_table[layout.treatment].astype(
                types[layout.treatment]
            )
        values = design.rows_of(arm_table)
        X = values[:, columns.kept]
        X[~columns.is_estimable(values)] = np.nan
        by_arm.append(X.reshape(n, T, -1))
    return np.stack(by_arm)
