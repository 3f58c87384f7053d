"""An MMRM of a divided study, fitted to sums of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.formulas import add_left_out, read_formula
from trdstats.kernels.gaussian.reml import Model, State
from trdstats.kernels.gaussian.sandwich import DegreeSums, Kind
from trdstats.kernels.gaussian.subject_parts import ScoredParts, for_parts
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.outcome_values import check_range
from trdstats.longitudinal.designs.part_levels import Levels, levels_of_all
from trdstats.longitudinal.designs.subject_weights import (
    COLUMN,
    Weighting,
    describe_weights,
    has_rows,
    weights_of_parts,
)
from trdstats.longitudinal.gaussian.mixed.from_sums import FittedToSums, sums_or_rows
from trdstats.longitudinal.gaussian.mmrm_fit.fit import (
    check_residuals,
    fit_summary,
    resting_columns,
    with_weights_of_subjects,
)
from trdstats.longitudinal.gaussian.mmrm_fit.origin import origin_at
from trdstats.longitudinal.gaussian.mmrm_fit.part import (
    SUBJECT,
    VISIT,
    SeenRows,
    SummedRows,
    degree_sums_of,
    extremes_of,
    rows_of,
    score,
    scores_of,
    see,
    subjects_of_part,
    sum_rows,
    sums_of,
    uses_of,
    weigh,
)
from trdstats.longitudinal.gaussian.mmrm_fit.structure import Counts
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary, SharedColumns
from trdstats.partitions import Kept
from trdstats.study import DividedStudy
from trdstats.study.study import caveat_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM


@dataclass(frozen=True)
class RowsInParts:
    """The rows of all parts of a study: those of the study, or with weights kept beside them.

    Attributes
    ----------
    study : DividedStudy
    weighed : Kept or None
    """

    study: DividedStudy
    weighed: Kept | None = None

    def ask(self, work: Callable[..., Any], *arguments: object) -> list[Any]:
        """Return what some work makes of the rows of each part."""
        ask = self.study.on_parts if self.weighed is None else self.weighed.ask
        return ask(work, *arguments)

    def then(self, work: Callable[..., object], *arguments: object) -> Kept:
        """Return what some work makes of the rows of each part, kept beside them."""
        keep = self.study.kept if self.weighed is None else self.weighed.then
        return keep(work, *arguments)


@dataclass(frozen=True)
class SubjectsOfParts:
    """The subjects of all parts one by one, who stay there.

    Attributes
    ----------
    rows : RowsInParts
    spec : MMRM
    levels : dict of str to CategoricalDtype
    shared : SharedColumns
    there : tuple of int
        Parts that have an analysed row.
    places : ndarray of int, shape (n,)
        Place in the study of each analysed subject, one part after another.
    kept : Kept or None
        `SummedRows` of all parts, where their subjects are kept already.
    """

    rows: RowsInParts
    spec: MMRM
    levels: Levels
    shared: SharedColumns
    there: tuple[int, ...]
    places: IntArray
    kept: Kept | None

    @property
    def order(self) -> IntArray:
        """Place of each among those analysed, shape (n,)."""
        order = np.empty_like(self.places)
        order[np.argsort(self.places)] = np.arange(len(order))
        return order

    @cached_property
    def parts(self) -> Kept:
        """`SummedRows` of the parts; where they are not kept yet, their rows are read again."""
        kept = self.kept or self.rows.then(sum_rows, self.spec, self.levels, self.shared, True)
        kept.keep_only(self.there)
        return kept

    def scored(self, model: Model, state: State, kind: Kind) -> ScoredParts:
        """Return the scores of the subjects at an optimum, part by part."""
        scored = self.parts.then(score, *for_parts(model, state), kind)
        answers = scored.ask(scores_of)
        scores, alone = (np.concatenate([answer[k] for answer in answers]) for k in (0, 1))
        return ScoredParts(scores, alone, OnScored(scored))

    def first_rows(self) -> pd.DataFrame:
        """Return the columns of the formula on the first analysed row of every subject."""
        parts = self.rows.ask(subjects_of_part, self.spec, self.levels)
        places = [
            place[codes]
            for place, (codes, _) in zip(self.rows.study.places_of_parts(), parts, strict=True)
        ]
        rows = pd.concat([table for _, table in parts if len(table)], ignore_index=True)
        in_order: pd.DataFrame = rows.iloc[np.argsort(np.concatenate(places))]
        return in_order.reset_index(drop=True)


@dataclass(frozen=True)
class OnScored:
    """Sums over the scored subjects of every part.

    Attributes
    ----------
    scored : Kept
    """

    scored: Kept

    def __call__(self, L: FloatArray, plain: FloatArray) -> list[DegreeSums]:
        """Return what degrees of freedom need."""
        return self.scored.ask(degree_sums_of, L, plain)


def fit_divided(spec: MMRM, study: DividedStudy, weights: WeightsLike | None) -> MMRMResult | None:
    """Fit a model to sums of the parts of a study; None where its rows are to be looked at.

    Raises
    ------
    DataError, SpecError
        Of a part, where the rows of all are too many to judge them together.
    NotEstimableError
        When the covariance cannot be estimated.
    """
    formula = read_formula(spec.formula)
    if formula.learns():
        return None
    sums = sums_or_rows(study, lambda: _summed(spec, study, weights))
    if sums is None:
        return None
    spec, design, summary, subjects, weighting = sums
    origin = origin_at(design, subjects.shared.start)
    fit = fit_summary(
        spec, design, summary.products, summary.no_rows(), origin,
        subjects=subjects, weighting=weighting,
    )  # fmt: skip
    known = {field.name: getattr(fit, field.name) for field in fields(fit)}
    return DividedMMRMResult(**known, _parts=subjects)


def _summed(
    spec: MMRM, study: DividedStudy, weights: WeightsLike | None
) -> tuple[MMRM, Design, MMRMSummary, SubjectsOfParts, Weighting | None] | None:
    """Return the model, its design, the sums of all parts, their subjects, and their weights."""
    rows = RowsInParts(study)
    if weights is not None:
        tables = study.kept(rows_of, spec)
        of_parts = weights_of_parts(study, tables.ask(has_rows), weights)
        if of_parts is None:
            return None
        rows = RowsInParts(study, tables.then(weigh, each=of_parts))
        spec = with_weights_of_subjects(spec)
    seen: list[SeenRows] = [part for part in rows.ask(see, spec) if part is not None]
    if not seen:
        return None
    n, outcome = sum(part.n for part in seen), str(read_formula(spec.formula).lhs[0])
    check_range(outcome, min(p.low for p in seen), max(p.high for p in seen), n)
    planned = pd.Index(study.scheduled_days())
    levels = levels_of_all(
        [part.held for part in seen], uses=uses_of(spec), visit=VISIT, visits=planned
    )
    if levels is None or (spec.group is not None and spec.group not in levels):
        return None
    subjects_of = sum((Counter(part.subjects) for part in seen), Counter())
    place_of_visit = np.asarray(planned.get_indexer(levels[VISIT].categories), dtype=float)
    shared = SharedColumns(
        extremes_of([part.extremes for part in seen]), sum(part.total for part in seen) / n,
        Counts(place_of_visit, tuple(subjects_of.values()), n),
        weights=None if weights is None else COLUMN,
    )  # fmt: skip
    while True:
        kept, parts = _sum(rows, spec, levels, shared)
        summaries = [part.summary for part in parts if part.summary is not None]
        whole = reduce(MMRMSummary.__add__, summaries)
        resting = resting_columns(whole.design, whole.products)
        if not resting.any():
            break
        as_given = shared.as_given | frozenset(np.flatnonzero(resting).tolist())
        shared = replace(shared, as_given=as_given)
    check_residuals(whole.design, whole.products)
    places = np.concatenate(
        [place[p.subjects] for place, p in zip(study.places_of_parts(), parts, strict=True)]
    )
    there = tuple(k for k, part in enumerate(parts) if part.summary is not None)
    subjects = SubjectsOfParts(rows, spec, levels, shared, there, places, kept)
    ids = study.subjects[SUBJECT].cat.remove_unused_categories().cat.categories
    named = pd.CategoricalIndex(
        study.subjects[SUBJECT].iloc[np.sort(places)].astype(object), categories=ids
    )
    weighting = None
    if weights is not None:
        each = np.concatenate([part.weight for part in parts if part.weight is not None])
        frame = pd.DataFrame({SUBJECT: named, COLUMN: each[np.argsort(places)]})
        weighting = describe_weights(frame, SUBJECT, named, weights)
    left_out = add_left_out([part.left_out for part in parts])
    zero = {"weight 0": left_out.pop("weight 0")} if "weight 0" in left_out else {}
    design = replace(
        whole.design, planned=planned, left_out=zero | left_out,
        subjects=named, caveat=caveat_under(caveat_of(study), weights),
    )  # fmt: skip
    return spec, design, whole, subjects, weighting


def _sum(
    rows: RowsInParts, spec: MMRM, levels: Levels, shared: SharedColumns
) -> tuple[Kept | None, list[SummedRows]]:
    """Return the sums of all parts, and the parts where their subjects are kept."""
    if spec.vcov == "model":
        return None, rows.ask(sum_rows, spec, levels, shared, False)
    kept = rows.then(sum_rows, spec, levels, shared, True)
    return kept, kept.ask(sums_of)


@checked_methods
@dataclass(frozen=True, repr=False)
class DividedMMRMResult(FittedToSums, MMRMResult):
    """A mixed model for repeated measures fitted to sums of the parts; see `MMRMResult`."""

    _parts: SubjectsOfParts = field(kw_only=True)

    @property
    def _subjects(self) -> SubjectsOfParts:
        return self._parts

    def _first_rows(self) -> pd.DataFrame:
        return self._parts.first_rows()
