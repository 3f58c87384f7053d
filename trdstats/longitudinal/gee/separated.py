"""Ratings that the covariates predict without error, and the cells in which they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from trdstats.arrays import BoolArray
from trdstats.errors import count_of
from trdstats.estimates import Estimates
from trdstats.kernels.gee.separation import separated_rows
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome

_MOST_NAMED = 6


@dataclass(frozen=True)
class Separated:
    """Ratings without a share in the estimates, as covariates predict them without error.

    Attributes
    ----------
    rows : ndarray of bool, shape (N,)
    cells : tuple of (mapping, str)
        Levels of categories in which all ratings are such, and what is the matter there.
    """

    rows: BoolArray
    cells: tuple[tuple[dict[str, Any], str], ...]

    @property
    def words(self) -> str:
        """The cells in words."""
        if not self.cells:
            return "a combination of covariates predicts the outcome without error (separation)"
        texts = [text for _, text in self.cells]
        more = len(texts) - _MOST_NAMED
        return "; ".join(texts[:_MOST_NAMED]) + (f"; and {more} more cells" if more > 0 else "")

    def reason(self, cell: Mapping[str, object]) -> str:
        """Return why a mean cannot be estimated, by the levels that it stands for."""
        for levels, text in self.cells:
            if all(cell.get(c) == v for c, v in levels.items()):
                return f"no finite estimate: {text}"
        return f"no finite estimate: {self.words}"

    def explain(
        self, estimates: Estimates, cells: Sequence[Mapping[str, object]] | None
    ) -> Estimates:
        """Return estimates that say why those without a finite value have none."""
        reasons = list(estimates.reasons)
        for i in np.flatnonzero(np.isnan(estimates.value)):
            reasons[i] = self.reason({} if cells is None else cells[int(i)])
        return replace(estimates, reasons=tuple(reasons))


def find_separated(design: RatedOutcome, link: str) -> Separated | None:
    """Return the ratings that covariates predict without error; None without any.

    Parameters
    ----------
    design : RatedOutcome
        Of a binary outcome or counts.
    link : {"logit", "probit", "log"}
    """
    events = design.y > 0
    # Under a log link only the mean of ratings without an event can move without end.
    rises = np.where(events, 0.0 if link == "log" else 1.0, -1.0)
    rows = separated_rows(design.X[:, design.columns.kept], rises)
    return Separated(rows, _cells(design, rows)) if rows.any() else None


def _cells(design: RatedOutcome, rows: BoolArray) -> tuple[tuple[dict[str, Any], str], ...]:
    """Return the smallest sets of levels of which all ratings are separated."""
    if rows.all():
        return ()
    frame = design.frame
    factors = sorted(design.totals.types)
    cells: list[tuple[dict[str, Any], str]] = []
    for k in range(1, min(len(factors), 3) + 1):
        for names in combinations(factors, k):
            keys = [frame[c] for c in names]
            grouped = frame.assign(_all=rows, _y=design.y > 0).groupby(keys, observed=True)
            table = grouped.agg(all_rows=("_all", "all"), events=("_y", "sum"), n=("_y", "size"))
            for key, row in table[table["all_rows"].to_numpy(dtype=bool)].iterrows():
                values = key if isinstance(key, tuple) else (key,)
                levels = dict(zip(names, values, strict=True))
                if any(smaller.items() <= levels.items() for smaller, _ in cells):
                    continue
                cells.append((levels, _text(design, levels, int(row["events"]), int(row["n"]))))
    return tuple(cells)


def _text(design: RatedOutcome, levels: dict[str, Any], events: int, n: int) -> str:
    where = " and ".join(f"{c} {level_text(v)}" for c, v in levels.items())
    of = count_of(n, "rating", "ratings")
    if design.family == "poisson":
        return f"all of {of} at {where} are 0"
    if not events:
        return f"none of {of} at {where} has the event"
    if events == n:
        return f"all of {of} at {where} have the event"
    return f"covariates predict all of {of} at {where} without error"
