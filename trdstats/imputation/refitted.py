"""A regression of every completed set of a binary or ordinal outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from trdstats.arguments import Level, checked
from trdstats.columns import in_roles
from trdstats.endpoint import Logistic, ProportionalOdds
from trdstats.errors import known_level
from trdstats.imputation.analyses import Analysis
from trdstats.imputation.set_estimates import Options, SetEstimates, each_set, gather
from trdstats.longitudinal import GEE, GLMM

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed

Regression = Logistic | ProportionalOdds | GEE | GLMM


@checked
@dataclass(frozen=True)
class Refitted(Analysis):
    """A regression of every completed set, of which the coefficients are pooled.

    Parameters
    ----------
    model : Logistic, ProportionalOdds, GEE or GLMM
        Its formula has the columns of the imputation model. Odds ratios are pooled as logs.
    visit : value, optional
        The visit of `Logistic` and `ProportionalOdds`. Default: the last.
    """

    model: Regression
    visit: Level | None = None

    def describe(self) -> str:
        """Return the analysis in words."""
        name = type(self.model).__name__
        at = "" if self.visit is None else f" at {self.visit}"
        return f"{name}{at}: {self.model.formula}"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set.

        Raises
        ------
        UnknownNameError
            When the visit is not known.
        """
        layout, model = imputed.layout, self.model
        visits = list(layout.visits)
        place = len(visits) - 1
        if self.visit is not None:
            place = known_level("visit", self.visit, visits)

        def one(k: int) -> pd.DataFrame:
            frame = imputed.frame(k, deltas=how.deltas)
            if isinstance(model, GEE | GLMM):
                result = model.fit(frame, subject=layout.subject, visit=layout.visit)
                return result.tidy()
            rows = frame[frame[layout.visit] == visits[place]]
            table = model.fit(in_roles(rows, {"subject": layout.subject})).tidy()
            return table.drop(columns="method", errors="ignore")

        return gather(each_set(one, imputed.n_sets, how))
