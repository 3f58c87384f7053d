"""Whether the cross-products of a mixed model may leave a site.

Those of a pattern that few patients have, or of a pattern in which few have a category, tell their
scores. `common_patterns` sees to it before they are made; here every sum is looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.longitudinal import MMRMSummary
from trdstats.sites.disclosure import is_small
from trdstats.sites.ratings import least_of_pattern
from trdstats.sites.withheld import Withheld, no_model


def numbers_of(summary: MMRMSummary) -> int:
    """Return how many numbers a subject has beside its outcomes and its categories."""
    columns = _Columns.of(summary)
    return 0 if columns is None else columns.n_numbers


def guard_patterns(summary: MMRMSummary, minimum: int) -> tuple[MMRMSummary | None, list[Withheld]]:
    """Return the summary that may leave, None where it may not, and what was done."""
    columns = _Columns.of(summary)
    if columns is None:
        return None, [no_model("its formula has no intercept to count categories by")]
    s = summary.products
    few = summary.design.totals.counts.iloc[:, -1]
    if ((few > 0) & (few < minimum)).any():
        why = f"a combination of categories at a visit has fewer than {minimum} ratings"
        return None, [no_model(why)]
    each = columns.n_numbers + s.rated.sum(axis=1)
    if any(
        is_small(n, least_of_pattern(minimum, int(q))) or columns.is_risky(n, products, minimum)
        for n, q, products in zip(s.n, each, s.cross_products, strict=True)
    ):
        why = (
            f"a pattern of visits, or a category within one, has fewer than {minimum} subjects, or "
            "a pattern hardly more subjects than each has numbers"
        )
        return None, [no_model(why)]
    # How many rows were left out, and why, could be few.
    design = replace(summary.design, left_out={})
    return replace(summary, design=design), []


@dataclass(frozen=True)
class _Columns:
    """Which of the numbers of a subject are levels of categories.

    Attributes
    ----------
    one : int
        Number that is 1 in every subject.
    levels : ndarray of int
        Numbers that are 0 or 1: levels of categories.
    factors : tuple of ndarray of int
        The levels of each category, without its reference.
    n_numbers : int
        Numbers that are neither, nor an outcome.
    """

    one: int
    levels: IntArray
    factors: tuple[IntArray, ...]
    n_numbers: int

    @classmethod
    def of(cls, summary: MMRMSummary) -> _Columns | None:
        s, terms = summary.products, summary.design.terms
        if "Intercept" not in terms:
            return None
        outcome = s.select[:, -1]
        one = int(s.select[0, terms.index("Intercept")])
        squares = np.einsum("pjj->pj", s.cross_products)
        is_level = (np.abs(squares - s.cross_products[:, one, :]) < 1e-9).all(axis=0)
        is_level[[one, *outcome]] = False
        by_factor: dict[str, set[int]] = {}
        for j, term in enumerate(terms):
            columns = {int(k) for k in s.select[:, j] if k >= 0 and is_level[k]}
            if "[" in term and ":" not in term and columns:
                by_factor.setdefault(term.split("[", 1)[0], set()).update(columns)
        factors = tuple(np.array(sorted(v)) for v in by_factor.values())
        n_numbers = len(is_level) - 1 - int(is_level.sum()) - len(np.unique(outcome))
        return cls(one, np.flatnonzero(is_level), factors, n_numbers)

    def is_risky(self, n: float, products: FloatArray, minimum: int) -> bool:
        """Return whether few have a pattern, or few in it have, or lack, a category."""
        held = products[self.one, self.levels]
        rest = [n - products[self.one, f].sum() for f in self.factors]
        cells = [n, *held, *(n - held), *rest]
        return any(is_small(round(float(c)), minimum) for c in cells)
