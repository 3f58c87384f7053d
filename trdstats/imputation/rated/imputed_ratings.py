"""Completed sets of a binary or ordinal outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.imputation.imputed import Imputed
from trdstats.imputation.trial.delta import Delta
from trdstats.imputation.trial.layout import plain
from trdstats.kernels.glmm.category_draws import categories_at
from trdstats.tables import Summary, Table, caveat_notes, each_row, format_percent

if TYPE_CHECKING:
    from trdstats.imputation.rated.glmm_draws import GLMMDraws


@checked_methods
@dataclass(frozen=True, repr=False)
class ImputedRatings(Imputed):
    """The completed set of every draw, of a binary or ordinal outcome.

    `values` are linear predictors, to which deltas are added; `chance` turns them into categories.
    `tidy` has one row a missing rating, of an ordinal outcome one for each category: subject,
    treatment, visit, reason, strategy, category, proportion (of the sets with this category).

    Attributes
    ----------
    draws : GLMMDraws
    strategies : ndarray of object, shape (n,)
        Strategy of each subject, its reference named.
    cells : (ndarray of int, ndarray of int)
        Subject and visit of every missing rating.
    values : ndarray, shape (M, n_missing)
        Linear predictors of the missing ratings, without thresholds.
    chance : ndarray, shape (M, n_missing)
        Uniform numbers: a rating is above a threshold where its chance is below the probability.
    given : ndarray of int, shape (n, T)
        Place of the category that a strategy sets, observed or not; -1 without one.
    """

    draws: GLMMDraws
    chance: FloatArray
    given: IntArray

    @property
    def shifted(self) -> str:
        """What deltas are added to."""
        logit = self.draws.spec.model.link_name == "logit"
        scale = "log odds" if logit else "linear predictor"
        return f"{scale} of imputed {self.layout.outcome}"

    @property
    def profile_label(self) -> str:
        """What the profiles show."""
        if self.layout.categories == (0, 1):
            return f"Proportion with {self.layout.outcome}"
        return f"Mean place of {self.layout.outcome} (0: {self.layout.categories[0]})"

    def shift(self, deltas: tuple[Delta, ...]) -> FloatArray:
        """Return what deltas add to linear predictors, shape (n, T).

        Raises
        ------
        SpecError
            When a strategy sets every rating that they would shift.
        """
        shift = super().shift(deltas)
        shifted = shift[self.cells] != 0
        if shifted.any() and (self.given[self.cells][shifted] >= 0).all():
            raise SpecError(
                "The delta shifts no rating: SetTo sets all those that it names. Impute them under "
                "another strategy, such as 'MAR'."
            )
        return shift

    def outcomes(self, deltas: tuple[Delta, ...] = (), which: slice | None = None) -> FloatArray:
        """Return places of the completed categories, shape (M, n, T)."""
        some, model = which or slice(None), self.draws.fitted
        eta = self.values[some] + self.shift(deltas)[self.cells]
        thresholds = model.thresholds(self.draws.theta[some])
        above = categories_at(self.draws.spec.model.link_name, eta, thresholds, self.chance[some])
        full = np.tile(self.layout.y, (len(eta), 1, 1))
        full[:, self.cells[0], self.cells[1]] = model.place[above]
        return np.where(self.given >= 0, self.given, full)

    def frame(self, k: int, *, deltas: tuple[Delta, ...] = ()) -> pd.DataFrame:
        """Return one completed set: one row a subject and visit, with a column `imputed`.

        Outcomes that a strategy sets are marked as imputed.
        """
        layout = self.layout
        frame = super().frame(k, deltas=deltas)
        frame["imputed"] |= (self.given >= 0).ravel()
        if layout.categories != (0, 1):
            codes = frame[layout.outcome].to_numpy().astype(np.intp)
            frame[layout.outcome] = pd.Categorical.from_codes(
                codes, categories=pd.Index(layout.categories), ordered=True
            )
        return frame

    def _over_sets(self, keys: pd.DataFrame) -> pd.DataFrame:
        """Return the missing ratings with the proportion of the sets in each category."""
        categories = self.layout.categories
        who, when = self.cells
        imputed = self.outcomes()[:, who, when]
        first = 1 if len(categories) == 2 else 0
        parts = [
            keys.assign(category=categories[c], proportion=(imputed == c).mean(axis=0))
            for c in range(first, len(categories))
        ]
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> Summary:
        """Return the assumptions, and proportions of imputed categories by arm and visit."""
        layout = self.layout
        groups = [layout.treatment, "strategy", layout.visit, "category"]
        frame = self.tidy()
        order = pd.CategoricalDtype(list(layout.categories), ordered=True)
        frame = frame.assign(category=frame["category"].astype(order))
        proportions = frame.groupby(groups, observed=True)["proportion"]
        table = proportions.agg(["size", "mean"]).reset_index()
        rows = tuple(
            (str(r[0]), r[1], plain(r[2]), str(r[3]), f"{r[4]:,}", format_percent(r[5]))
            for r in each_row(table)
        )
        header = ("Treatment", "Strategy", layout.visit, "Category", "Ratings", "Imputed (%)")
        title = f"Imputed {layout.outcome}"
        shown = (Table(header, rows, 2, title),) if rows else ()
        notes = (*caveat_notes(self.caveat), *self.draws.category_notes)
        return Summary("Imputed ratings", self.header(), (*self.tables(), *shown), notes)
