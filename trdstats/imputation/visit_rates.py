"""Proportions with an outcome at visits of completed sets, and their comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trdstats.arguments import Level, checked
from trdstats.errors import SpecError, known_level
from trdstats.imputation.analyses import Analysis, check_reference
from trdstats.imputation.responders import compare_rates
from trdstats.imputation.set_estimates import Options, SetEstimates, stack_estimates

if TYPE_CHECKING:
    from trdstats.imputation.imputed import Imputed


@checked
@dataclass(frozen=True)
class VisitRates(Analysis):
    """Proportion of subjects with a binary or ordinal outcome at each visit of completed sets.

    Rates are pooled on the logit scale, ratios and odds ratios on the log scale, differences as
    they are. For outcomes that `GLMMImputation` completes; of completed scores see
    `ResponderRates`.

    Parameters
    ----------
    visits : sequence, optional
        Default: all.
    at_least : value, optional
        Category of an ordinal outcome that counts, and those above it. Needed where there are
        more than two.
    reference : str, optional
        Treatment the others are compared with. Default: the first one.
    """

    visits: Sequence[Level] | None = None
    at_least: Level | None = None
    reference: Level | None = None

    def describe(self) -> str:
        """Return the analysis in words."""
        what = "" if self.at_least is None else f" of {self.at_least} or above"
        return f"rates{what} at each visit"

    def estimate(self, imputed: Imputed, how: Options) -> SetEstimates:
        """Analyse every completed set.

        Raises
        ------
        SpecError
            When the outcome has no categories, or several and none is named.
        UnknownNameError
            When a visit, category or treatment is not known.
        """
        layout = imputed.layout
        first = self._first_counted(layout.categories)
        places = layout.places(self.visits)
        base = check_reference(self.reference, layout.treatments)
        met = imputed.outcomes(how.deltas) >= first
        in_arm = np.eye(len(layout.treatments))[layout.arm]
        n = np.tile(in_arm.sum(axis=0), (len(met), 1))
        return stack_estimates(
            [
                compare_rates(
                    layout.treatments,
                    met[:, :, t] @ in_arm,
                    n,
                    base,
                    {layout.visit: layout.visits[t]},
                )
                for t in places
            ]
        )

    def _first_counted(self, categories: tuple[object, ...]) -> int:
        if not categories:
            raise SpecError(
                "VisitRates is for binary and ordinal outcomes (GLMMImputation). Rates of "
                "completed scores: ResponderRates(trd.Response())."
            )
        if self.at_least is None:
            if len(categories) > 2:
                raise SpecError(
                    "Say which categories count: VisitRates(at_least=...), one of "
                    f"{', '.join(map(repr, categories[1:]))}."
                )
            return 1
        place = known_level("category", self.at_least, list(categories))
        if place == 0:
            raise SpecError(
                f"at_least={self.at_least!r} is the lowest category: every subject is at least "
                "there."
            )
        return place
