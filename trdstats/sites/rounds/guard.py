"""What may not leave a site in a round: sums that tell of few subjects."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.sites.disclosure import is_small
from trdstats.sites.rounds.rows import SiteRows

# Subjects for each term, or the sums of many rounds could be solved for their rows.
ROWS_A_TERM = 10


# A sum below this for each subject of the least number is that of coefficients at which all but
# a few subjects are certain: the others could be counted.
_LEAST_SUM = 0.1


def why_not(rows: SiteRows, least: int) -> str:
    """Return why sums over these rows may not leave; empty when they may.

    Parameters
    ----------
    rows : SiteRows
    least : int
        Cells of fewer subjects do not leave.
    """
    n, q = rows.matrix.shape
    if least == 1:
        return ""
    if n < ROWS_A_TERM * q or is_small(n, least):
        return f"there are fewer than {ROWS_A_TERM} subjects for each of the {q} terms."
    if is_small(rows.covariates.n_left_out, least):
        return f"fewer than {least} subjects lack a covariate: with them it would be known whose."
    for what, cells in _crossed(rows):
        if any(is_small(c, least) for c in np.unique(cells, axis=0, return_counts=True)[1]):
            return f"fewer than {least} subjects have one of the values of {what}."
    return ""


def _crossed(rows: SiteRows) -> Iterator[tuple[str, IntArray]]:
    """Yield the cells that sums at some coefficients tell, and in words what they cross."""
    arm = rows.treatment[:, None]
    yield "'treatment'", arm
    ends = [("the event", rows.event[:, None])] if not rows.labels else [
        (f"the outcome {label} at day {day:g}", _three(rows.met[:, j])[:, None])
        for j, (_, label, day) in enumerate(map(json.loads, rows.outcomes))
    ]  # fmt: skip
    for words, end in ends:
        yield f"'treatment' x {words}", np.hstack([arm, end])
    for k, name in enumerate(rows.covariates.cell_names):
        cell = rows.covariates.cells[:, [k]]
        yield repr(name), cell
        yield f"{name!r} x 'treatment'", np.hstack([cell, arm])
        for words, end in ends:
            yield f"{name!r} x 'treatment' x {words}", np.hstack([cell, arm, end])
    named = rows.covariates.cell_names
    for a in range(len(named)):
        for b in range(a):
            yield f"{named[b]!r} x {named[a]!r}", rows.covariates.cells[:, [b, a]]


def _three(met: FloatArray) -> IntArray:
    """Return 1, 0 and, of those without a verdict, 2."""
    return np.where(np.isnan(met), 2, np.nan_to_num(met)).astype(np.intp)


def is_concentrated(part: FloatArray, least: int) -> bool:
    """Return whether a sum rests on fewer than `least` subjects in effect.

    Parameters
    ----------
    part : ndarray, shape (n,)
        What each subject adds, none below 0.
    least : int
    """
    total = part.sum()
    in_effect = total**2 > least * (part**2).sum()
    return bool(least > 1 and not (in_effect and total > _LEAST_SUM * least))
