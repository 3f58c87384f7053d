"""An LMM of a divided study, fitted to sums of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.formulas import read_formula
from trdstats.kernels.random_effects.column_sums import ColumnSums
from trdstats.longitudinal.designs.by_rating import Grouping, read_effects
from trdstats.longitudinal.designs.part_levels import levels_of_all
from trdstats.longitudinal.gaussian.lmm_fit.conclude import conclude
from trdstats.longitudinal.gaussian.lmm_fit.fitted_parts import FittedParts, StudySums
from trdstats.longitudinal.gaussian.lmm_fit.part import SUBJECT, effects_of, uses_of, values_of
from trdstats.longitudinal.gaussian.lmm_residuals import INDEPENDENT
from trdstats.longitudinal.gaussian.lmm_result import LMMResult
from trdstats.longitudinal.gaussian.lmm_search import check_replication
from trdstats.longitudinal.gaussian.mixed.from_sums import FittedToSums, sums_or_rows
from trdstats.study import DividedStudy

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM


def adds_up(spec: LMM, subject: str) -> bool:
    """Return whether a model is one of sums over the subjects of a study.

    Parameters
    ----------
    spec : LMM
    subject : str
        Column that names the groups where the model names none.
    """
    innermost = subject if isinstance(spec.random, str) else list(spec.random)[-1]
    if innermost != SUBJECT or spec.crossed or spec.residual != INDEPENDENT:
        return False
    effects = [read_effects(text) for text in effects_of(spec).values()]
    return not (read_formula(spec.formula).learns() or any(e.learns() for e in effects))


def fit_divided(spec: LMM, study: DividedStudy) -> LMMResult | None:
    """Fit a model to sums of the parts of a study; None where its rows are to be looked at.

    Raises
    ------
    DataError, SpecError
        Of a part, where the rows of all are too many to judge them together.
    NotEstimableError
        When the variances are not identified.
    """
    sums = sums_or_rows(study, lambda: _summed(spec, study))
    if sums is None:
        return None
    check_replication(sums.groupings, sums.columns.n)
    fitted = FittedParts.of(sums, [g.effects for g in sums.groupings])
    return conclude(DividedLMMResult, spec, sums.design, fitted, sums.groupings, None)


def _summed(spec: LMM, study: DividedStudy) -> StudySums | None:
    of_parts = [values for values in study.on_parts(values_of, spec) if values is not None]
    levels = levels_of_all(of_parts, uses=uses_of(spec)) if of_parts else None
    return None if levels is None else StudySums.of(study, spec, levels)


@checked_methods
@dataclass(frozen=True, repr=False)
class DividedLMMResult(FittedToSums, LMMResult):
    """A linear mixed model fitted to sums of the parts of a study; see `LMMResult`."""

    _fitted: FittedParts

    @cached_property
    def _of_subjects(self) -> FloatArray:
        """Influence of each unit on each fixed effect; the parts are read again, once."""
        state = self._state
        scores = self._fitted.scores(state)
        return np.asarray(scores @ state.vcov @ self._fitted.of_fixed.matrix.T)

    def _predicted(self) -> list[tuple[FloatArray, FloatArray]]:
        predicted = self._fitted.predicted(self._state)
        matrices = [coordinates.matrix for coordinates in self._fitted.of_effects]
        return [
            (effect @ A.T, A @ error @ A.T)
            for A, (effect, error) in zip(matrices, predicted, strict=True)
        ]

    @property
    def _n_subjects(self) -> int:
        return len(self._groupings[-1].labels)

    def _first_rows(self) -> pd.DataFrame:
        return self._fitted.sums.first_rows()

    def _fitted_with(self, groupings: list[Grouping]) -> FittedParts:
        return FittedParts.of(self._fitted.sums, [g.effects for g in groupings])

    def _column_sums(self) -> tuple[list[str], ColumnSums]:
        """Return the sums of the columns of the model, and their names."""
        names = [f"effect {g.column} {e}" for g in self._groupings for e in g.effects]
        names += [f"term {t}" for t in self.design.terms]
        return [*names, "outcome"], self._fitted.sums.columns

    def subject_lines(self) -> NoReturn:
        """Refuse: there are no rows."""
        self._need_rows("the lines of the subjects at their ratings")
