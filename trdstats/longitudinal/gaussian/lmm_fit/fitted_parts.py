"""The ratings of a divided study as sums of its parts, in the coordinates in which they are fitted.

The parts keep the sums of their subjects; what goes between are sums over the subjects of every
site, or over all where there are no sites, for every value of the likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.formulas import add_left_out
from trdstats.kernels.random_effects.column_sums import ColumnSums, merge_columns
from trdstats.kernels.random_effects.divided import DividedModel, moments_of_part
from trdstats.kernels.random_effects.effects import Effects
from trdstats.kernels.random_effects.likelihood import State
from trdstats.kernels.random_effects.moments import Moments
from trdstats.kernels.random_effects.part_sums import PlacedModel
from trdstats.kernels.random_effects.predictions import predict_levels, scores_of_units
from trdstats.longitudinal.designs.by_rating import Grouping
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.fitted_rows import FitCoordinates, least_squares
from trdstats.longitudinal.designs.outcome_values import check_range, check_rest
from trdstats.longitudinal.designs.part_levels import Levels
from trdstats.longitudinal.gaussian.lmm_fit.groups import GroupsOfParts, labels_of_all
from trdstats.longitudinal.gaussian.lmm_fit.part import (
    SUBJECT,
    PartHead,
    effects_of_part,
    head_of,
    model_of,
    scores_of_part,
    subjects_of_part,
    sum_up,
)
from trdstats.partitions import Kept
from trdstats.study import DividedStudy

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM


@dataclass(frozen=True)
class StudySums:
    """The sums of all parts of a study.

    Attributes
    ----------
    study : DividedStudy
    spec : LMM
    levels : dict of str to CategoricalDtype
        Levels of the categories of all parts.
    kept : Kept
        Sums of the subjects of each part that has an analysed row.
    order : ndarray of int, shape (n,)
        The analysed subjects of all parts, part by part, in the order of the study.
    columns : ColumnSums
        Of random effects, fixed effects and outcome.
    design : Design
        Without rows; its frame holds the least and the largest value of every number.
    groupings : tuple of Grouping
        The random effects without rows, the outermost first.
    around : GroupsOfParts
        The levels round the subjects.
    """

    study: DividedStudy
    spec: LMM
    levels: Levels
    kept: Kept
    order: IntArray
    columns: ColumnSums
    design: Design
    groupings: tuple[Grouping, ...]
    around: GroupsOfParts

    @classmethod
    def of(cls, study: DividedStudy, spec: LMM, levels: Levels) -> StudySums | None:
        """Read the parts of a study once; None where their designs differ."""
        kept = study.kept(sum_up, spec, levels)
        heads = kept.ask(head_of)
        known: list[PartHead] = [head for head, _ in heads if head is not None]
        first, first_groupings = known[0].design, known[0].groupings
        if any(_columns_of(head) != _columns_of(known[0]) for head in known):
            return None
        places = [
            place[head.analysed]
            for place, (head, _) in zip(study.places_of_parts(), heads, strict=True)
            if head is not None
        ]
        place = np.concatenate(places)
        order = np.argsort(place, kind="stable")
        rank = np.split(np.argsort(order), np.cumsum([len(p) for p in places])[:-1])
        ids = study.subjects[SUBJECT].cat.categories
        subjects = pd.CategoricalIndex(ids[place[order]], categories=ids)
        labels = [labels_of_all(known, k, study) for k in range(len(first_groupings) - 1)]
        around = GroupsOfParts.of(known, rank, [*labels, subjects])
        design = replace(
            first,
            frame=_extremes(known),
            subjects=[*labels, subjects][0],
            visits=pd.RangeIndex(around.most_in_unit),
            totals=sum((h.design.totals for h in known[1:]), start=first.totals),
            left_out=add_left_out([left_out for _, left_out in heads]),
            caveat=study.caveat,
        )
        kept.keep_only([k for k, (head, _) in enumerate(heads) if head is not None])
        columns = merge_columns([h.columns for h in known])
        groupings = tuple(
            replace(g, labels=of_all)
            for g, of_all in zip(first_groupings, [*labels, subjects], strict=True)
        )
        return cls(
            study, spec, levels, kept, order, columns, design, groupings, around
        )  # fmt: skip

    def in_order(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Return arrays of the parts, one entry an analysed subject, in the order of the study."""
        return np.concatenate(parts)[self.order]

    def first_rows(self) -> pd.DataFrame:
        """Return the columns of the formula on the first analysed row of every subject."""
        parts = self.study.on_parts(subjects_of_part, self.spec, self.levels)
        rows = pd.concat([p for p in parts if len(p)], ignore_index=True)
        return rows.iloc[self.order].reset_index(drop=True)


def _columns_of(head: PartHead) -> tuple[object, ...]:
    """Return what makes the columns of parts the same."""
    effects = [(g.effects, g.spec.levels()) for g in head.groupings]
    return head.design.terms, head.design.spec.levels(), effects


def _extremes(heads: Sequence[PartHead]) -> pd.DataFrame:
    """Return the least and the largest value of every number, and some level of every category."""
    columns: dict[str, Any] = {
        str(c): [
            min(h.extremes[c].iloc[0] for h in heads), max(h.extremes[c].iloc[1] for h in heads)
        ]
        for c in heads[0].extremes
    }  # fmt: skip
    for c, dtype in heads[0].design.totals.types.items():
        columns[c] = pd.Categorical.from_codes([0, 0], dtype=dtype)
    return pd.DataFrame(columns, index=pd.RangeIndex(2))


@dataclass(frozen=True)
class OnParts:
    """The likelihood of every part.

    Attributes
    ----------
    models : Kept
    """

    models: Kept

    def __call__(self, theta: FloatArray, order: int) -> list[Moments | None]:
        """Return the cross-products of all parts at some covariance parameters."""
        return self.models.ask(moments_of_part, theta, order)


@dataclass(frozen=True)
class FittedParts(FitCoordinates):
    """The analysed ratings of all parts in the coordinates of the fit.

    Attributes
    ----------
    model : DividedModel
    sums : StudySums
    placed : PlacedModel
    models : Kept
        The model of each part.
    left : tuple of float
        Mean square and variance of the least-squares residuals.
    """

    model: DividedModel
    sums: StudySums
    placed: PlacedModel
    models: Kept
    left: tuple[float, float]

    @classmethod
    def of(cls, sums: StudySums, effects: Sequence[Sequence[str]]) -> FittedParts:
        """Put sums into the coordinates of the fit with some of the random effects of each level.

        Raises
        ------
        NotEstimableError
            When the outcome is constant, or the formula fits it exactly.
        """
        spec, columns = sums.spec, sums.columns
        widths = [len(g.effects) for g in sums.groupings]
        r, q = sum(widths), len(sums.design.terms)
        outcome, n = sums.design.outcome, columns.n
        y = np.array([r + q])
        check_range(outcome, float(columns.low[-1]), float(columns.high[-1]), n)
        judged = columns.judge(np.arange(r, r + q))
        kept = r + judged.kept
        fixed = columns.uncorrelated(kept) or columns.scaled(kept)
        X = columns.rows(fixed.columns, fixed.shift) @ fixed.inner
        one = columns.constant(kept)
        start = 0.0 if one is None else float(columns.point[-1])
        origin, rest = least_squares(X, columns.rows(y, np.array([start]))[:, 0])
        left = float(rest @ rest) / n
        if n > len(kept):
            square = float(columns.mean_squares(y)[0])
            about_mean = float(((columns.rows(y, columns.mean[y])) ** 2).sum()) / n
            check_rest(outcome, square, about_mean, left)
        placed_effects = []
        for grouping, some, before in zip(
            sums.groupings, effects, np.cumsum([0, *widths]), strict=False
        ):
            chosen = before + np.array([grouping.effects.index(e) for e in some], dtype=np.intp)
            better = columns.uncorrelated(chosen) if spec.correlated and len(chosen) else None
            placed_effects.append(better or columns.scaled(chosen))
        factors = tuple(Effects(len(some), spec.correlated) for some in effects)
        placed = PlacedModel(tuple(placed_effects), fixed, start, origin, factors, spec.reml)
        models = sums.kept.then(model_of, placed)
        groups = tuple(len(g.labels) for g in sums.groupings)
        outer = [f.n_effects for f in reversed(factors[:-1])]
        model = DividedModel(
            factors, groups, n, spec.reml, sums.around.chain([*outer, len(kept) + 1]),
            sums.around.places, OnParts(models),
        )  # fmt: skip
        # The start belongs to the column that is constant.
        constant = np.linalg.lstsq(X, columns.ones, rcond=None)[0] if start else np.zeros(len(kept))
        mean = float(columns.ones @ rest) / n
        return cls(
            judged, origin + start * constant, columns.coordinates(fixed),
            [columns.coordinates(each) for each in placed_effects], model, sums, placed, models,
            (left, left - mean**2),
        )  # fmt: skip

    @property
    def rest(self) -> tuple[float, float]:
        """Mean square and variance of the least-squares residuals of the outcome."""
        return self.left

    def mean_squares(self, factor: int) -> FloatArray:
        """Return the mean squares of the designs of the effects of a factor as given, (r,)."""
        return self.sums.columns.mean_squares(self.placed.effects[factor].columns)

    def predicted(self, state: State) -> list[tuple[FloatArray, FloatArray]]:
        """Return predictions of the effects of each level, the outermost first, and their errors.

        They are in coordinates, and in the order of the labels of the groupings.
        """
        model, sums = self.model, self.sums
        outer, around = predict_levels(model.chain, model.pivots(state.theta), state, None)
        result = []
        for (effect, error), codes in zip(outer, model.chain.codes, strict=True):
            order = np.argsort(codes)
            result.append((effect[order], error[order]))
        each = [None if around is None else around.of(at[0]) for at in model.places]
        parts = self.models.ask(effects_of_part, state, each=each)
        effect, error = (sums.in_order([part[k] for part in parts]) for k in (0, 1))
        return [*result[::-1], (effect, error)]

    def scores(self, state: State) -> FloatArray:
        """Return X'V^-1 (y - X beta) of all outermost groups, shape (n, q).

        The parts are read again.
        """
        sums, model = self.sums, self.model
        parts = sums.study.on_parts(scores_of_part, sums.spec, sums.levels, self.placed, state)
        chain = model.chain
        if not chain.starts:
            return sums.in_order(parts)
        total = np.zeros((len(chain.starts[-1]), len(state.beta)))
        for part, at in zip([p for p in parts if len(p)], model.places, strict=True):
            total[at[-1]] += part
        score = scores_of_units(chain, model.pivots(state.theta), state, total)
        return score[np.argsort(chain.codes[-1])]
