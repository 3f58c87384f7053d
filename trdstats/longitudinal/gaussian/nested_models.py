"""Which mixed models lie within which, and the tests that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.longitudinal.covariances.covariances import Covariance
from trdstats.longitudinal.covariances.structures import OF_SCALES, STRUCTURES, get_covariance
from trdstats.longitudinal.designs.by_rating import Grouping

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm_result import LMMResult
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

# The structures next above each, of which it is a special case within the parameters.
_ABOVE = {
    "ind": ("indh", "cs", "ar1"), "indh": ("csh", "ar1h"), "cs": ("csh", "toep"),
    "ar1": ("ar1h", "toep", "ad", "ar1+nugget"), "toep": ("toeph",), "ad": ("adh",),
    "csh": ("toeph",), "ar1h": ("toeph", "adh"), "toeph": ("us",), "adh": ("us",),
    "ar1+nugget": ("toep",), "sp_exp": ("sp_exp+nugget",), "sp_gau": ("sp_gau+nugget",),
    "sp_pow": ("sp_pow+nugget",), "sp_exp+nugget": ("us",), "sp_gau+nugget": ("us",),
    "sp_pow+nugget": ("us",), "us@cs": ("us@toep",), "us@ar1": ("us@toep", "us@ad"),
    "us@toep": ("us@us",), "us@ad": ("us@us",),
}  # fmt: skip
_SAME_SUMS = 1e-9  # of the size of sums of squares: what the order of rows and parts leaves
_SPAN = 1e-7  # part of a column outside the space of others that counts as none


def likelihood_ratio(larger: MMRMResult, simpler: MMRMResult) -> pd.DataFrame:
    """Return the likelihood-ratio test; see `MMRMResult.likelihood_ratio`."""
    _check_comparable(larger, simpler)
    same_terms = _spans(larger, simpler) and _spans(simpler, larger)
    same_covariance = larger.n_covariance == simpler.n_covariance and _name(larger) == _name(
        simpler
    )
    if same_terms == same_covariance:
        raise SpecError(
            "likelihood_ratio() compares either fixed effects or covariances: the two fits "
            + ("are the same model." if same_terms else "differ in both.")
        )
    if same_terms:
        if not _lies_within(simpler, larger):
            raise SpecError(
                f"A {simpler.structure} covariance is no special case of {larger.structure}, so "
                "their likelihoods have no ratio test. Compare AIC, AICc or BIC."
            )
        df = larger.n_covariance - simpler.n_covariance
    else:
        if larger.spec.reml:
            raise SpecError(
                "The fits differ in their fixed effects, and restricted likelihoods of different "
                "fixed effects are not comparable. Fit both with reml=False, or use joint_test()."
            )
        if not _spans(larger, simpler):
            raise SpecError(
                "The fixed effects of the simpler fit are not among those of this one: the models "
                "are not nested. Compare AIC, AICc or BIC."
            )
        df = len(larger.terms) - len(simpler.terms)
    difference = simpler.deviance - larger.deviance
    statistic = max(difference, 0.0)
    p = float(chi2_sf(statistic, df))
    return pd.DataFrame({"statistic": [statistic], "df": [df], "p_value": [p]})


def _check_comparable(larger: MMRMResult, simpler: MMRMResult) -> None:
    a, b = larger.design, simpler.design
    if larger._weighting is not None or simpler._weighting is not None:
        raise SpecError("With weights of subjects there is no likelihood, and no ratio of two.")
    if larger.spec.reml != simpler.spec.reml:
        raise SpecError("One fit is by REML and one by ML: fit both by the same.")
    if not (len(a.person) and len(b.person)):
        raise SpecError("likelihood_ratio() needs rows, and a fit to a summary has none.")
    same = (
        a.outcome == b.outcome and a.subjects.equals(b.subjects) and a.y.shape == b.y.shape
        and np.array_equal(a.rated, b.rated) and np.array_equal(a.y, b.y)
        and _same_weights(a.weight, b.weight)
        and larger.spec.rating_weights == simpler.spec.rating_weights
    )  # fmt: skip
    if not same:
        raise SpecError(
            f"The fits are of different rows ({larger.n_obs:,} and {simpler.n_obs:,} ratings): fit "
            "both to the rows that have all covariates."
        )


def _same_weights(one: FloatArray | None, other: FloatArray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _columns(fit: MMRMResult) -> FloatArray:
    """Return the estimated columns at the rated visits, by subject and visit."""
    person, occasion = np.nonzero(fit.design.rated)
    return np.asarray(fit.design.X[occasion, :, person][:, fit._kept])


def _spans(fit: MMRMResult, other: MMRMResult) -> bool:
    """Whether the columns of another fit are combinations of those of this one."""
    return spans(_columns(fit), _columns(other))


def spans(X: FloatArray, Z: FloatArray) -> bool:
    """Return whether the columns of Z are combinations of those of X."""
    size = np.sqrt((Z**2).sum(axis=0))
    Z = Z / np.where(size > 0, size, 1.0)
    scale = np.sqrt((X**2).sum(axis=0))
    Q = np.linalg.qr(X / np.where(scale > 0, scale, 1.0))[0]
    return bool(np.sqrt(((Z - Q @ (Q.T @ Z)) ** 2).sum(axis=0)).max() < _SPAN)


def _name(fit: MMRMResult) -> tuple[str, str | None, str | None]:
    return get_covariance(fit.spec.covariance).label, fit.spec.group, fit.spec.time


def _key(structure: str | Covariance) -> str | None:
    wanted = get_covariance(structure)
    known = {**STRUCTURES, **OF_SCALES}
    return next((key for key, value in known.items() if value == wanted), None)


def _lies_within(simpler: MMRMResult, larger: MMRMResult) -> bool:
    """Whether a covariance is a special case of another, inside its parameters."""
    if simpler.spec.group not in (None, larger.spec.group):
        return False
    if simpler.spec.time != larger.spec.time:
        return False
    low, high = _key(simpler.spec.covariance), _key(larger.spec.covariance)
    if low is None or high is None:
        same = get_covariance(simpler.spec.covariance) == get_covariance(larger.spec.covariance)
        return same and simpler.spec.group != larger.spec.group
    return high in _reached(low)


def is_special_case(simpler: str | Covariance, larger: str | Covariance) -> bool:
    """Return whether a structure is the other one or lies within it, inside its parameters."""
    if get_covariance(simpler) == get_covariance(larger):
        return True
    low, high = _key(simpler), _key(larger)
    return low is not None and high is not None and high in _reached(low)


def _reached(low: str) -> set[str]:
    """Return a structure and all of which it is a special case."""
    reached, todo = {low}, [low]
    while todo:
        for above in _ABOVE.get(todo.pop(), ()):
            if above not in reached:
                reached.add(above)
                todo.append(above)
    return reached


def check_nested(larger: LMMResult, simpler: LMMResult) -> None:
    """Refuse fits of different ratings, and models of which one is no special case of the other.

    Rows may be in any order.

    Raises
    ------
    SpecError
        When likelihoods of the two have no ratio test.
    """
    if not (len(larger.design.person) and len(simpler.design.person)):
        _check_nested_sums(larger, simpler)
        return
    a, b = larger.design, simpler.design
    one, order = _sorted_rows(larger, simpler)
    other, order_of_simpler = _sorted_rows(simpler, larger)
    if a.outcome != b.outcome or not one.equals(other):
        _refuse_other_rows(larger, simpler)
    known = {g.column: g for g in larger._groupings}
    correlated = larger.spec.correlated, simpler.spec.correlated
    for g in simpler._groupings:
        within = known.get(g.column)
        if (
            within is None
            or within.crossed != g.crossed
            or not _effects_lie_within(g, within, correlated, order_of_simpler, order)
        ):
            _refuse_other_effects(larger, simpler)
    same_time = simpler.spec.time in (None, larger.spec.time)
    if not (is_special_case(simpler.spec.residual, larger.spec.residual) and same_time):
        raise SpecError(
            "The models are not nested: the residuals of the simpler fit are no special case of "
            "those of this one. Compare AIC or BIC."
        )


def _refuse_other_rows(larger: LMMResult, simpler: LMMResult) -> NoReturn:
    raise SpecError(
        f"The fits are of different rows or outcomes ({larger.design.outcome}, {larger.n_obs:,} "
        f"ratings, and {simpler.design.outcome}, {simpler.n_obs:,}): fit both to the same outcome "
        "and the rows that have all covariates."
    )


def _refuse_other_effects(larger: LMMResult, simpler: LMMResult) -> NoReturn:
    raise SpecError(
        f"The models are not nested: the {simpler.structure} are no special case of the "
        f"{larger.structure}. Compare AIC or BIC."
    )


def _check_nested_sums(larger: LMMResult, simpler: LMMResult) -> None:
    """Refuse the same of fits to sums: those of the columns that both have are to be equal.

    Sums do not show whether effects of other names are combinations of each other.
    """
    a, b = larger.design, simpler.design
    same = a.outcome == b.outcome and larger.n_obs == simpler.n_obs
    groups = {g.column: g.labels for g in larger._groupings}
    for g in simpler._groupings:
        same = same and g.labels.equals(groups.get(g.column, g.labels))
    if not (same and _same_sums(larger, simpler)):
        _refuse_other_rows(larger, simpler)
    low, high = (
        {(g.column, e) for g in fit._groupings for e in g.effects} for fit in (simpler, larger)
    )
    by_names = low <= high
    several = any(len(g.effects) > 1 for g in simpler._groupings)
    is_free = larger.spec.correlated or not simpler.spec.correlated or not several
    if not (by_names and is_free):
        if larger.spec.correlated and not by_names:
            without_rows = simpler if len(a.person) else larger
            without_rows._need_rows("models whose random effects have different names")
        _refuse_other_effects(larger, simpler)


def _same_sums(one: LMMResult, other: LMMResult) -> bool:
    """Whether the columns that two fits share have the same means and cross-products."""
    (names, sums), (others, sums_of_other) = one._column_sums(), other._column_sums()
    shared = [name for name in names if name in others]
    at = np.array([names.index(name) for name in shared])
    at_other = np.array([others.index(name) for name in shared])
    point = sums.point[at]
    products = []
    for columns, place in ((sums, at), (sums_of_other, at_other)):
        rows = np.column_stack((columns.ones, columns.rows(place, point)))
        products.append(rows.T @ rows)
    size = np.sqrt(np.diag(products[0]))
    return bool((np.abs(products[0] - products[1]) <= _SAME_SUMS * np.outer(size, size)).all())


def _sorted_rows(fit: LMMResult, other: LMMResult) -> tuple[pd.DataFrame, IntArray]:
    """Return what both fits have of every rating, in an order that the table does not decide."""
    design = fit.design
    shared = {g.column: g for g in other._groupings}
    columns: dict[str, Any] = {"subject": np.asarray(design.row_subjects).astype(str)}
    for g in fit._groupings:
        if g.column not in shared:
            continue
        columns[f"group {g.column}"] = np.asarray(g.labels)[g.group].astype(str)
        for k, effect in enumerate(g.effects):
            if effect in shared[g.column].effects:
                columns[f"effect {g.column} {effect}"] = g.Z[:, k]
    for k, term in enumerate(design.terms):
        if term in other.design.terms:
            columns[f"term {term}"] = design.X[0, k]
    columns |= {"outcome": design.y[0]}
    frame = pd.DataFrame(columns)[sorted(columns)]
    ordered = frame.sort_values(list(frame.columns), kind="stable")
    return ordered.reset_index(drop=True), ordered.index.to_numpy()


def _effects_lie_within(
    low: Grouping,
    high: Grouping,
    correlated: tuple[bool, bool],
    order_of_low: IntArray,
    order_of_high: IntArray,
) -> bool:
    """Whether the effects of a factor are among those of another model."""
    if correlated[0]:
        return spans(high.Z[order_of_high], low.Z[order_of_low])
    # Effects without correlations hold these very effects, and no combinations of them.
    return set(low.effects) <= set(high.effects) and (len(low.effects) == 1 or not correlated[1])
