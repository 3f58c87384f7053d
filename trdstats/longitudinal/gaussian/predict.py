"""Fitted values, residuals, missing visits and new data of a fitted mixed model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level
from trdstats.frames import to_pandas
from trdstats.kernels.gaussian.reml import covariances
from trdstats.kernels.numerics.critical import wald_limits
from trdstats.longitudinal.designs.levels import cells_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mixed.fitted import FittedModel
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

Kind = Literal["marginal", "conditional", "normalised"]


def residual_table(fit: FittedModel, kind: Kind) -> pd.DataFrame:
    """Return fitted values and residuals of every analysed row; see `MixedResult.residuals`."""
    check_choice("kind", kind, ("marginal", "conditional", "normalised"))
    fit._need_rows("residuals")
    design = fit.design
    mean = fitted_means(fit)
    y, fitted = design.y[design.cells], mean[design.cells]
    residual = y - fitted
    if kind == "conditional":
        fitted = fitted + _subject_lines(fit)
        residual = y - fitted
    elif kind == "normalised":
        residual = fit.whitened(residual)
    visit = design.visits[design.occasion]
    return pd.DataFrame(
        {
            "subject": design.row_subjects,
            "visit": visit,
            "outcome": y,
            "fitted": fitted,
            "residual": residual,
        }
    )


def fitted_means(fit: FittedModel) -> FloatArray:
    """Return X beta at every visit of every subject, shape (T, n)."""
    return np.asarray(np.einsum("tqn,q->tn", fit.design.X[:, fit._kept], fit.inference.beta))


def _subject_lines(fit: FittedModel) -> FloatArray:
    """Return the contribution of the random effects at every rating, shape (n_rows,)."""
    lines = fit.subject_lines()
    if lines is None:
        raise SpecError(
            "Conditional values need random effects: an MMRM has none; use kind='marginal'."
        )
    return lines


def missing_visits(fit: MMRMResult) -> pd.DataFrame:
    """Return predictions of the missed visits from the observed ones.

    See `MMRMResult.predict_missing`.
    """
    fit._need_rows("predictions of missed visits")
    design, s, rows = fit.design, fit._model.products, fit._rows
    if design.varying:
        raise NotEstimableError(
            f"{', '.join(design.varying)} change between visits, so their values at missed visits "
            "are not known."
        )
    if design.weight is not None:
        raise NotEstimableError("Missed visits have no weight, so their variance is not known.")
    mean, phi = fitted_means(fit), fit._optimum.state.vcov
    identified, q = fit.identified, len(design.terms)
    V = covariances(fit._model, fit._optimum.state.shapes)
    tables = []
    for p in range(len(s.n)):
        observed, missed = np.flatnonzero(s.rated[p]), np.flatnonzero(~s.rated[p])
        subjects = rows.order[rows.pattern == p]
        if not len(missed):
            continue
        regression = np.linalg.solve(
            V[p][np.ix_(observed, observed)], V[p][np.ix_(observed, missed)]
        ).T
        conditional = V[p][np.ix_(missed, missed)] - regression @ V[p][np.ix_(observed, missed)]
        residuals = (design.y - mean)[np.ix_(observed, subjects)]
        estimate = mean[np.ix_(missed, subjects)] + regression @ residuals
        design_rows = design.X[:, :, subjects]
        violated = identified.columns.violates(
            design_rows[missed].transpose(0, 2, 1).reshape(-1, q)
        )
        reason = [identified.aliasing(v) if v.any() else "" for v in violated]
        X = design_rows[:, fit._kept]
        lever = X[missed] - np.einsum("gs,sqn->gqn", regression, X[observed])
        variance = np.diag(conditional)[:, None] + np.einsum("gqn,qr,grn->gn", lever, phi, lever)
        estimable = ~violated.any(axis=1)
        tables.append(
            pd.DataFrame(
                {
                    "subject": np.tile(design.subjects[subjects], len(missed)),
                    "visit": np.repeat(np.asarray(design.visits[missed]), len(subjects)),
                    "estimate": np.where(estimable, estimate.ravel(), np.nan),
                    "std_error": np.where(estimable, np.sqrt(variance).ravel(), np.nan),
                    "reason": reason,
                }
            )
        )
    if not tables:
        return pd.DataFrame(columns=["subject", "visit", "estimate", "std_error", "reason"])
    return pd.concat(tables).sort_values(["subject", "visit"], ignore_index=True)


def predicted(fit: FittedModel, data: Any, conf_level: float, *, new_subject: bool) -> pd.DataFrame:
    """Return the mean of rows, or ratings of new subjects; see `MixedResult.predict`."""
    check_level(conf_level)
    of_fit = data is None
    if of_fit:
        fit._need_rows("predictions of the analysed rows")
    table = fit.design.frame if of_fit else to_pandas(data, what="data").reset_index(drop=True)
    columns = [str(v) for v in fit.design.spec.required_variables]
    absent = [c for c in columns if c not in table.columns]
    if absent:
        raise SpecError(f"predict() needs the columns {', '.join(map(repr, absent))}.")
    changed: dict[str, Any] = {}
    for c, levels in fit.design.totals.types.items():
        changed[c] = table[c].astype(levels)
        unknown = table[c][changed[c].isna() & table[c].notna()].unique()
        if len(unknown):
            raise SpecError(
                f"predict(): {c!r} holds {', '.join(map(repr, unknown[:5]))}, to which the model "
                "was not fitted."
            )
    table = table.assign(**changed)
    if table[columns].isna().any(axis=None):
        raise SpecError("predict() needs rows without missing values.")
    grid = table if fit.design.baseline is None else fit.design.baseline.apply(table)
    rows = table[columns].reset_index(drop=True)
    cells = cells_of(grid[list(fit.design.totals.types)])
    estimates = fit.identified.estimates(fit.design.rows_of(grid), rows, cells=cells)
    result = estimates.tidy(conf_level=conf_level).drop(columns=["scale", "statistic", "p_value"])
    if new_subject:
        error = np.sqrt(result["std_error"] ** 2 + fit.variance_of_rows(table))
        value, df = result["estimate"].to_numpy(), result["df"].to_numpy()
        low, high = wald_limits(value, error.to_numpy(), conf_level, df)
        result = result.assign(std_error=error, conf_low=low, conf_high=high)
    if of_fit and "subject" not in result:
        result.insert(0, "subject", np.asarray(fit.design.row_subjects))
    return result


def simulated_outcomes(fit: FittedModel, n: int, seed: int) -> pd.DataFrame:
    """Return outcomes drawn from a fit; see `MixedResult.simulate`."""
    fit._need_rows("draws")
    design = fit.design
    rng = np.random.default_rng(seed)
    values = fitted_means(fit)[design.cells] + fit.noise(n, rng)
    head = pd.DataFrame(
        {
            "subject": design.row_subjects,
            "visit": design.visits[design.occasion],
        }
    )
    columns = {f"draw {k + 1}": values[k] for k in range(n)}
    return pd.concat([head, pd.DataFrame(columns)], axis=1)
