"""The one mechanism behind every result: contrasts, comparisons and adjustment of estimates.

A result says what it estimated, on which scale the estimates are near normal, and what each
subject does to each of them. Limits, tests, contrasts, joint covariances and adjustment follow
from that, once for the whole library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.estimates.adjusted import (
    ADJUSTMENTS,
    AdjustedLimits,
    Adjustment,
    check_family,
    note_of,
    unadjusted,
    warn_of_measures,
    without_statistic,
)
from trdstats.estimates.comparisons import MEASURES, Measure, contrast_names, level_contrasts
from trdstats.estimates.procedures import Graph
from trdstats.estimates.rules import DegreesOfFreedom, Fixed, Limits
from trdstats.estimates.scales import ScaleName, back, slopes, transform
from trdstats.estimates.stacked import covariance_from
from trdstats.estimates.table import EstimateTable, counted

_Block = tuple[FloatArray, tuple[ScaleName, ...], tuple[ScaleName, ...], str]
NO_COVARIANCE = "the covariance of the estimates it combines is not known"
NO_VARIATION = "nothing varies between subjects"
_ROUNDING = 1e-14  # of the largest variance that a combination may have


@checked_methods
@dataclass(frozen=True, repr=False, eq=False)
class Estimates(EstimateTable):
    """Estimates that can be combined, compared and adjusted.

    Attributes are those of `EstimateTable`: keys, values, their scale, the influence of every
    subject (or a covariance where there is none), degrees of freedom, and what is not estimable
    and why.
    """

    def contrast(self, L: npt.ArrayLike, labels: Sequence[str] | None = None) -> Estimates:
        """Return linear combinations of the estimates.

        Parameters
        ----------
        L : array_like, shape (m, k) or (k,)
            Coefficients. On the natural scale, except for estimates on the log scale: their
            logarithms are combined, and coefficients that sum to 0 give ratios.
        labels : sequence of str, length m, optional
            Default: "contrast 1" ...

        Returns
        -------
        Estimates
            Key ``contrast``. A combination that uses an estimate that could not be had is NaN
            and says why.

        Raises
        ------
        SpecError
            When the number of coefficients is not that of the estimates, or a row combines
            estimates on the log scale with others.
        """
        rows = np.atleast_2d(np.asarray(L, dtype=float))
        if rows.shape[1] != len(self):
            raise SpecError(
                f"A contrast needs {len(self)} coefficients, one an estimate; got {rows.shape[1]}."
            )
        used = rows != 0
        log = np.array([name == "log" for name in self.scale])
        mixed = (used & log).any(axis=1) & (used & ~log).any(axis=1)
        if mixed.any():
            raise SpecError(
                f"Contrast {int(np.flatnonzero(mixed)[0]) + 1} combines ratios with other "
                "estimates. Give each its own contrast."
            )
        scale: tuple[ScaleName, ...] = tuple(
            "log" if (row & log).any() else "identity" for row in used
        )
        names = contrast_names(labels, len(rows))
        inner: tuple[ScaleName, ...] = tuple("log" if x else "identity" for x in log)
        return self._combine(pd.DataFrame({"contrast": names}), [(rows, inner, scale, "")])

    def compare(
        self,
        by: str = "treatment",
        *,
        reference: object = None,
        measures: Sequence[Measure] = ("difference",),
    ) -> Estimates:
        """Compare every level of a key with a reference, wherever all other keys agree.

        Parameters
        ----------
        by : str
            Key whose levels are compared.
        reference : object, optional
            Level, or its label. Default: the first level.
        measures : sequence of {"difference", "ratio", "odds ratio"}
            Where a measure does not exist the row is NaN and says why.

        Returns
        -------
        Estimates
            Keys measure, `by`, reference, then the others; measure by measure. Where estimates of
            several measures are compared (a proportion and a rate), `of` says of which a row is.

        Raises
        ------
        UnknownNameError
            When there is no such key or level.
        SpecError
            When a measure is not known, or every estimate is a comparison already.
        """
        for measure in measures:
            check_choice("measure", measure, get_args(Measure))
        source = self
        if "reference" in self.keys:
            # Rows that are comparisons already are not compared again.
            rows = (self.keys["reference"] == "").to_numpy()
            if not rows.any():
                raise SpecError(
                    f"{self.title}: every estimate is a comparison with a reference already. "
                    "Combine them with contrast(L), or adjust them."
                )
            source = self if rows.all() else self.select(rows)
        L, keys = level_contrasts(source.keys, by, reference, measures)
        return source._combine(keys, [(L, *MEASURES[measure].steps(L)) for measure in measures])

    def adjust(
        self,
        method: Adjustment,
        *,
        within: str | Sequence[str] = (),
        graph: Graph | None = None,
    ) -> Estimates:
        """Adjust p-values and limits for the number of estimates judged together.

        Parameters
        ----------
        method : str
            "bonferroni", "holm", "hochberg", "hommel": for any tests (the last two where tests
            are independent or positively dependent); "fixed sequence": in the order of the rows;
            "graphical": by a `Graph`; "tukey": all pairs of levels; "dunnett" and "max-t": by the
            joint distribution of the statistics.
        within : str or sequence of str
            Keys; the rows that agree in them form a family. Default: all rows are one family.
        graph : Graph, optional
            For "graphical".

        Returns
        -------
        Estimates
            The same estimates with other p-values and limits, and a note that says so. An
            estimate that could not be had takes no part in its family, nor does one without a
            test, such as a rate beside its difference: it keeps its limits. "tukey", "dunnett" and
            "max-t" judge Wald statistics; the others adjust the p-values of the estimates' own
            tests, which may be score, exact or resampled ones.

        Raises
        ------
        SpecError
            When a method is not known, or does not fit the family.
        NotEstimableError
            When a method needs covariances between estimates that are not known.
        UnknownNameError
            When there is no such key.

        Warns
        -----
        EstimateWarning
            When a family by p-values holds several measures of one comparison, which are one
            hypothesis: take one with ``only(measure=...)``, or say ``within="measure"`` (``of``
            where it tells the measures apart).

        Examples
        --------
        >>> import trdstats as trd
        >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
        >>> days = trd.RMST(tau=28).fit(onset).compare("treatment")
        >>> bool((days.adjust("dunnett").p_value > days.p_value).all())
        True
        """
        check_choice("method", method, ADJUSTMENTS)
        if (graph is None) == (method == "graphical"):
            raise SpecError(
                "graph= belongs to adjust('graphical', graph=Graph(...)), and to it only."
            )
        keys = (within,) if isinstance(within, str) else tuple(within)
        for key in keys:
            if key not in self.keys.columns:
                raise unknown_name("key", key, self.keys.columns)
        if method == "none":
            return self
        families = _families(self.keys, keys)
        for rows in families:
            check_family(self.select(rows), method)
            warn_of_measures(self.select(rows), method)
        plain = replace(self, limits=unadjusted(self.limits))
        notes = (*self.notes, note_of(method, keys), *without_statistic(plain, method))
        return replace(self, limits=AdjustedLimits(plain, method, families, graph), notes=notes)

    def _combine(self, keys: pd.DataFrame, blocks: Sequence[_Block]) -> Estimates:
        """Return combinations of transformed estimates.

        Parameters
        ----------
        keys : pandas.DataFrame
            Of the combinations, block by block.
        blocks : sequence of (L, inner, scale, no_value)
            L: ndarray, shape (m, k). inner: scale on which each estimate is combined, length k.
            scale: of each combination, length m. no_value: why there is none where an estimate
            has no value on its inner scale.
        """
        values: list[FloatArray] = []
        coefficients: list[FloatArray] = []
        reasons: list[str] = []
        own_slope = slopes(self.value, self.scale)
        for L, inner, stored, no_value in blocks:
            used = L != 0
            inside = transform(self.value, inner)
            no_scale = np.isfinite(self.value) & ~np.isfinite(inside)
            lost = (used & ~np.isfinite(inside)).any(axis=1)
            usable = used & ~lost[:, None]
            # Influences go from the scale an estimate is stored on to the one that is combined.
            coefficients.append(np.where(usable, L * slopes(self.value, inner) / own_slope, 0.0))
            combined = np.where(usable, L * inside, 0.0).sum(axis=1)
            values.append(np.where(lost, np.nan, back(combined, stored)))
            reasons += self._reasons(used, no_scale, no_value)
        slope = np.concatenate(coefficients)
        used = np.concatenate([L != 0 for L, *_ in blocks])
        scale = tuple(name for _, _, stored, _ in blocks for name in stored)
        value, covariance = np.concatenate(values), _sandwich(slope, used, self.covariance)
        return replace(
            self, keys=keys, value=value, scale=scale, covariance=covariance,
            influences=None if self.influences is None else _times(self.influences, slope),
            null=back(np.zeros(len(slope)), scale), limits_scale=scale,
            df=self.df.combine(slope), reasons=_explained(reasons, value, covariance), limits=None,
        )  # fmt: skip

    def _reasons(self, used: BoolArray, no_scale: BoolArray, no_value: str) -> list[str]:
        """Return why each combination cannot be had; empty where it can."""
        missing = ~np.isfinite(self.value)
        with_reason = np.array([reason != "" for reason in self.reasons], dtype=bool)
        between = np.isnan(self.covariance)
        np.fill_diagonal(between, False)
        apart = (used & (used.astype(float) @ between.astype(float) > 0)).any(axis=1)
        doubtful = apart | (used & (missing | with_reason | no_scale)).any(axis=1)
        lines = [""] * len(used)
        for i in np.flatnonzero(doubtful):
            row = used[i]
            reasons = [self.reasons[j] or "not estimable" for j in np.flatnonzero(row & missing)]
            reasons += [self.reasons[j] for j in np.flatnonzero(row & ~missing & with_reason)]
            reasons += [no_value] if (row & no_scale).any() else []
            reasons += [NO_COVARIANCE] if apart[i] and not reasons else []
            lines[i] = "; ".join(dict.fromkeys(reasons))
        return lines


def _families(keys: pd.DataFrame, within: tuple[str, ...]) -> tuple[IntArray, ...]:
    """Return the rows of each family, in the order in which families appear."""
    if not within:
        return (np.arange(len(keys)),)
    code = keys.groupby(list(within), sort=False, observed=True, dropna=False).ngroup()
    return tuple(np.flatnonzero(code.to_numpy() == k) for k in range(int(code.max()) + 1))


def _times(influences: FloatArray, slope: FloatArray) -> FloatArray:
    """Return influences on combinations; estimates that play no part may be NaN."""
    return np.asarray(np.where(np.isfinite(influences), influences, 0.0) @ slope.T)


def _sandwich(slope: FloatArray, used: BoolArray, covariance: FloatArray) -> FloatArray:
    """Return the covariance of combinations; NaN of those that use an estimate without an error."""
    no_error = np.asarray((used & ~(np.diag(covariance) > 0)).any(axis=1))
    proportion = used.astype(float)
    hidden = proportion @ np.isnan(covariance).astype(float) @ proportion.T > 0
    known = np.where(np.isfinite(covariance), covariance, 0.0)
    combined = slope @ known @ slope.T
    # Of estimates that vary as one, a difference has the variance that rounding leaves.
    size = np.abs(slope) @ np.sqrt(np.maximum(np.diag(known), 0.0))
    still = np.diag(combined) < _ROUNDING * size**2
    combined = np.where(still[:, None] | still, 0.0, combined)
    return np.where(no_error[:, None] | no_error | hidden, np.nan, combined)


def _explained(
    reasons: Sequence[str], value: FloatArray, covariance: FloatArray
) -> tuple[str, ...]:
    """Return the reasons, with one where an estimate has a variance of 0."""
    still = np.isfinite(value) & (np.diag(covariance) == 0)
    return tuple(r or (NO_VARIATION if s else "") for r, s in zip(reasons, still, strict=True))


def estimates_of(
    keys: pd.DataFrame,
    values: npt.ArrayLike,
    *,
    influences: FloatArray | None = None,
    subjects: npt.ArrayLike | None = None,
    covariance: FloatArray | None = None,
    scale: ScaleName | Sequence[ScaleName] = "identity",
    limits_scale: ScaleName | Sequence[ScaleName] | None = None,
    null: npt.ArrayLike | None = None,
    df: DegreesOfFreedom | npt.ArrayLike = np.inf,
    reasons: Sequence[str] | None = None,
    limits: Limits | None = None,
    title: str = "Estimates",
    notes: tuple[str, ...] = (),
    clusters: ObjectArray | None = None,
) -> Estimates:
    """Return estimates from values and either influences of subjects or a covariance.

    Parameters
    ----------
    keys : pandas.DataFrame
        One row an estimate.
    values : array_like, shape (k,)
        On the natural scale.
    influences : ndarray, shape (n, k), optional
        On the scale; needs `subjects`. Without a covariance, their cross-product is it.
    subjects : array_like, shape (n,), optional
    covariance : ndarray, shape (k, k), optional
        On the scale.
    scale, limits_scale : str or sequence of str
        One for all or one an estimate. Limits are by default on the scale of the error.
    null : array_like, optional
        Value under no effect on the natural scale. Default: NaN, nothing is tested.
    df : DegreesOfFreedom or array_like
    reasons : sequence of str, optional
    clusters : ndarray of object, shape (n,), optional
        Groups of subjects that are not independent; None for a subject on its own.

    Raises
    ------
    SpecError
        When there is neither a covariance nor influences, or lengths differ.
    """
    value = np.atleast_1d(np.asarray(values, dtype=float))
    k = len(value)
    if influences is None and covariance is None:
        raise SpecError("Estimates needs influences of subjects or a covariance.")
    if covariance is None and influences is not None:
        covariance = covariance_from(influences, clusters)
    covariance = np.asarray(covariance, dtype=float)
    scales = _one_each(scale, k)
    return Estimates(
        keys=counted(keys),
        value=value,
        scale=scales,
        covariance=covariance,
        influences=influences,
        subjects=None if subjects is None else np.asarray(subjects, dtype=object),
        null=_numbers(np.nan if null is None else null, k),
        limits_scale=scales if limits_scale is None else _one_each(limits_scale, k),
        df=_rule(df, k),
        reasons=_explained(reasons if reasons is not None else ("",) * k, value, covariance),
        limits=limits,
        title=title,
        notes=notes,
        clusters=clusters,
    )  # fmt: skip


def _numbers(given: npt.ArrayLike, k: int) -> FloatArray:
    return np.full(k, given, dtype=float)


def _rule(df: DegreesOfFreedom | npt.ArrayLike, k: int) -> DegreesOfFreedom:
    # Whether something has the methods of a protocol takes longer to ask than all around it.
    if isinstance(df, float) or not isinstance(df, DegreesOfFreedom):
        return Fixed(_numbers(df, k))
    return df


def _one_each(scale: ScaleName | Sequence[ScaleName], k: int) -> tuple[ScaleName, ...]:
    return (scale,) * k if isinstance(scale, str) else tuple(scale)
