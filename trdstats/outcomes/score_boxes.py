"""A definition over some visits as boxes of scores, so that a distribution can say how often.

The limits of a definition cut the scores of every visit into cells within which all scores are
alike. The definition itself then judges one score of every combination of cells, as it judges
subjects, and what it finds is put together into boxes: nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import UNDEFINED_CODES, MissedVisits, RatedVisits
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.scales import Scale

_MOST_ROWS = 20_000_000  # scores that may be judged

Cells = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ScoreBoxes:
    """Boxes of scores in which an outcome is met, baseline by baseline.

    Its probability is ``whole`` plus the sum of ``sign`` times the probabilities of its boxes.

    Attributes
    ----------
    whole : ndarray, shape (m,)
        1 where the boxes are those in which it is not met; else 0.
    row : ndarray of int, shape (r,)
        Baseline of each box.
    sign : ndarray, shape (r,)
    lower, upper : ndarray, shape (r, T)
        Scores counted from good to bad; infinite where a visit plays no part.
    undefined : ndarray of bool, shape (m,)
        Baselines of which the definition says nothing, such as one at the floor.
    open_ended : ndarray of bool, shape (m,)
        Baselines of which later visits would have to be known.
    """

    whole: FloatArray
    row: IntArray
    sign: FloatArray
    lower: FloatArray
    upper: FloatArray
    undefined: BoolArray
    open_ended: BoolArray


def check_boxes(definition: Definition, scale: Scale) -> tuple[ScoreLimit, ...]:
    """Return the limits of a definition that boxes of scores can stand for.

    Raises
    ------
    SpecError
        When it is an event, or is not decided by limits on scores.
    """
    if not isinstance(definition, Definition):
        raise SpecError(
            f"A probability is that of a definition such as Response(); got {definition!r}."
        )
    name = definition.label(scale)
    if definition.is_event or definition.fixed_day is not None or definition.events:
        raise SpecError(
            f"{name} asks for an event, and a model of scores says nothing of events: use "
            "rates(study, ...) or time_to(study, ...)."
        )
    limits = definition.score_limits(scale)
    if limits is None:
        raise SpecError(
            f"{name} cannot be read as limits on the scores of visits, so a normal distribution "
            "of scores does not give its probability: definitions that compare scores with each "
            "other have none. Use rates(study, ...)."
        )
    return limits


def score_boxes(
    definition: Definition,
    scale: Scale,
    days: FloatArray,
    baseline: FloatArray,
    *,
    at: Sequence[int],
    first: bool = False,
    rounded: bool = True,
) -> list[ScoreBoxes]:
    """Return the boxes of scores in which a definition is met at each of some visits.

    Parameters
    ----------
    definition : Definition
    scale : Scale
    days : ndarray, shape (T,)
        Days of the visits, rising, above 0.
    baseline : ndarray, shape (m,)
        Baselines, counted so that high is worse; NaN where not needed.
    at : sequence of int
        Places of the visits among the days.
    first : bool
        Whether it may be met at the visit or any before it.
    rounded : bool
        Whether scores are totals of the scale: limits then lie halfway between two totals, and
        the lowest and highest totals reach to the ends of the line.

    Raises
    ------
    SpecError
        When the definition is not decided by limits on scores, or there are too many visits.
    """
    limits = check_boxes(definition, scale)
    cuts, scores, kinds = _cells(limits, scale, baseline, rounded)
    m, T = len(baseline), len(days)
    by_visit = [_BoxesOfVisit(m) for _ in at]
    for kind in np.unique(kinds).tolist():
        of_kind = np.flatnonzero(kinds == kind)
        n = int(np.isfinite(cuts[of_kind[0]]).sum()) + 1
        if float(n) ** T * T > _MOST_ROWS:
            raise SpecError(
                f"{definition.label(scale)} over {T} visits has more combinations of scores than "
                "can be judged. Fit the model to fewer visits."
            )
        state = _judge(definition, scale, days, float(baseline[of_kind[0]]), scores[of_kind[0], :n])
        ends = np.full((len(of_kind), 1), np.inf)
        edges = np.hstack([-ends, cuts[of_kind, : n - 1], ends])
        for place, one in zip(at, by_visit, strict=True):
            if first:
                met = state.met[:, : place + 1].any(axis=1)
                known = state.known[:, : place + 1].all(axis=1) | met
            else:
                met, known = state.met[:, place], state.known[:, place]
            one.say_unknown(of_kind, np.asarray(~known), state.undefined)
            one.add(of_kind, edges, *_fewest(met.reshape((n,) * T)))
    return [one.boxes(T) for one in by_visit]


class _BoxesOfVisit:
    """Boxes of one visit, as they come."""

    def __init__(self, m: int) -> None:
        self.whole = np.zeros(m)
        self.undefined, self.open_ended = np.zeros(m, dtype=bool), np.zeros(m, dtype=bool)
        self.parts: list[tuple[IntArray, FloatArray, FloatArray, FloatArray]] = []

    def say_unknown(self, rows: IntArray, unknown: BoolArray, undefined: BoolArray) -> None:
        self.undefined[rows] = bool((unknown & undefined).any())
        self.open_ended[rows] = bool((unknown & ~undefined).any()) and not self.undefined[rows[0]]

    def add(self, rows: IntArray, edges: FloatArray, boxes: list[Cells], sign: float) -> None:
        self.whole[rows] = float(sign < 0)
        for box in boxes:
            begin, end = np.array(box).T
            self.parts.append((rows, np.full(len(rows), sign), edges[:, begin], edges[:, end]))

    def boxes(self, T: int) -> ScoreBoxes:
        none = (np.empty(0, dtype=np.intp), np.empty(0), np.empty((0, T)), np.empty((0, T)))
        row, sign, lower, upper = map(np.concatenate, zip(none, *self.parts, strict=True))
        return ScoreBoxes(self.whole, row, sign, lower, upper, self.undefined, self.open_ended)


def _cells(
    limits: tuple[ScoreLimit, ...], scale: Scale, baseline: FloatArray, rounded: bool
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return where scores are cut, a score of every cell, and the kind of each baseline.

    Cuts are in order and infinite from the last on, shape (m, L); scores have shape (m, L + 1).
    Baselines are of one kind where the limits come in the same order: of the others a definition
    says the same, cell by cell.
    """
    m, floor, top = len(baseline), float(scale.floor), float(scale.maximum)
    if rounded:
        last = [limit.last_below(baseline, floor, scale.step) for limit in limits]
        inside = [np.where(x < floor, -np.inf, np.where(x < top, x, np.inf)) for x in last]
    else:
        inside = [limit.at(baseline) for limit in limits]
    placed = np.column_stack([*inside, np.full(m, np.inf)])
    placed[np.isnan(placed)] = np.inf
    ordered = np.sort(np.where(np.isfinite(placed), placed, np.inf), axis=1)
    ordered[:, 1:][ordered[:, 1:] <= ordered[:, :-1] + 1e-9] = np.inf
    cuts = np.sort(ordered, axis=1)[:, :-1]
    rank = (placed[:, :, None] > cuts[:, None, :] + 1e-9).sum(axis=2)
    rank = np.where(np.isneginf(placed), -1, rank)
    ends = np.column_stack([baseline <= floor, baseline >= top, np.isnan(baseline)])
    kinds = np.unique(np.hstack([rank, ends]), axis=0, return_inverse=True)[1].reshape(-1)
    scores = _one_a_cell(cuts, floor, top, rounded)
    return cuts + (scale.step / 2 if rounded else 0.0), scores, kinds


def _one_a_cell(cuts: FloatArray, floor: float, top: float, rounded: bool) -> FloatArray:
    """Return a score of every cell: the highest total in it, or one between its ends."""
    m = len(cuts)
    if rounded:
        return np.column_stack([np.where(np.isfinite(cuts), cuts, top), np.full(m, top)])
    before = np.column_stack([np.full(m, np.nan), cuts])
    after = np.column_stack([cuts, np.full(m, np.inf)])
    middle = np.where(np.isfinite(after), (before + after) / 2, before + 1.0)
    one = np.where(np.isfinite(cuts[:, 0]), cuts[:, 0] - 1.0, floor)
    return np.column_stack([one, middle[:, 1:]])


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """What a definition says of every combination of cells at every visit.

    Attributes
    ----------
    met, known : ndarray of bool, shape (n ** T, T)
    undefined : ndarray of bool, shape (n ** T,)
        Whether some visit is not known because of the baseline.
    """

    met: BoolArray
    known: BoolArray
    undefined: BoolArray


def _judge(
    definition: Definition, scale: Scale, days: FloatArray, baseline: float, scores: FloatArray
) -> _Verdicts:
    """Judge every combination of cells; `scores` has one a cell, shape (n,)."""
    n, T = len(scores), len(days)
    cell = np.indices((n,) * T).reshape(T, -1).T  # one row a combination
    subjects = len(cell)
    visits = RatedVisits(
        start=np.arange(subjects + 1) * T,
        day=np.tile(days, subjects),
        score=scores[cell].reshape(-1),
        baseline=np.full(subjects, baseline),
        floor=float(scale.floor),
        missed=MissedVisits(np.zeros(subjects + 1, dtype=np.intp), np.empty(0)),
    )
    state = definition.evaluate(visits, scale)
    undefined = np.isin(state.reason, UNDEFINED_CODES) & ~state.known
    return _Verdicts(
        state.met.reshape(subjects, T),
        state.known.reshape(subjects, T),
        np.asarray(undefined.reshape(subjects, T).any(axis=1), dtype=bool),
    )


def _fewest(met: BoolArray) -> tuple[list[Cells], float]:
    """Return the boxes of a table of combinations, or with sign -1 those of its complement."""
    inside, outside = list(_boxes(met)), list(_boxes(~met))
    return (outside, -1.0) if len(outside) < len(inside) else (inside, 1.0)


def _boxes(met: BoolArray) -> Iterator[Cells]:
    """Yield disjoint boxes that cover the cells in which a table is true.

    Each is a range of cells, the end not included, for every axis.
    """
    if not met.any():
        return
    if not met.ndim:
        yield ()
        return
    # Neighbours along the first axis with the same rest are one range.
    runs = [list(run) for _, run in groupby(range(len(met)), key=lambda i: met[i].tobytes())]
    for run in runs:
        for rest in _boxes(met[run[0]]):
            yield ((run[0], run[-1] + 1), *rest)
