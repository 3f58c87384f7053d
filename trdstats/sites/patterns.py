"""Whether the cross-products of a mixed model may leave a site.

Those of a pattern that few patients have, or of a pattern in which few have a category, tell their
scores. `common_patterns` sees to it before they are made; here every sum is looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.longitudinal import MMRMSummary
from trdstats.sites.disclosure import is_small
from trdstats.sites.withheld import Withheld


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern of assessed visits."""

    rated: BoolArray
    group: int
    n: float
    products: FloatArray


def guard_patterns(summary: MMRMSummary, minimum: int) -> tuple[MMRMSummary | None, list[Withheld]]:
    """Return the summary that may leave, None where it may not, and what was done."""
    columns = _Columns.of(summary)
    if columns is None:
        return _none("as its formula has no intercept to count categories by.")
    s = summary.products
    few = summary.design.totals.counts.iloc[:, -1]
    if ((few > 0) & (few < minimum)).any():
        return _none(f"as a combination of categories at a visit has fewer than {minimum} ratings.")
    patterns = [
        columns.only_rated(
            _Pattern(s.rated[p], int(s.group[p]), float(s.n[p]), s.cross_products[p])
        )
        for p in range(len(s.n))
    ]
    if any(columns.is_risky(p, minimum) for p in patterns):
        return _none(f"as a pattern of visits, or a category within one, has fewer than {minimum}.")
    products = replace(s, cross_products=np.array([p.products for p in patterns]))
    # How many rows were left out, and why, could be few.
    design = replace(summary.design, left_out={})
    return replace(summary, design=design, products=products), []


def _none(why: str) -> tuple[None, list[Withheld]]:
    return None, [Withheld("mixed", f"Mixed model: withheld, {why}")]


@dataclass(frozen=True)
class _Columns:
    """Which of the numbers of a subject are its outcomes, and which are categories.

    Attributes
    ----------
    outcome : ndarray of int, shape (T,)
        Number that is the outcome at each visit.
    one : int
        Number that is 1 in every subject.
    levels : ndarray of int
        Numbers that are 0 or 1: levels of categories.
    factors : tuple of ndarray of int
        The levels of each category, without its reference.
    """

    outcome: IntArray
    one: int
    levels: IntArray
    factors: tuple[IntArray, ...]

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
        return cls(outcome, one, np.flatnonzero(is_level), factors)

    def only_rated(self, p: _Pattern) -> _Pattern:
        """Return a pattern without what stands for the visits it does not have."""
        products = p.products.copy()
        gone = self.outcome[~p.rated]
        products[gone, :] = 0.0
        products[:, gone] = 0.0
        return replace(p, products=products)

    def is_risky(self, p: _Pattern, minimum: int) -> bool:
        """Return whether few have the pattern, or few in it have, or lack, a category."""
        held = p.products[self.one, self.levels]
        rest = [p.n - p.products[self.one, f].sum() for f in self.factors]
        cells = [p.n, *held, *(p.n - held), *rest]
        return any(is_small(round(float(c)), minimum) for c in cells)
