"""Matched subjects by distinct scores: all of one score are matched with the same others.

Subjects of equal score have equal parts in every matched set, so that what follows from a
matched set are sums over pairs of scores; pairs of subjects are many more where scores tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who was matched with whom.

    Attributes
    ----------
    treated, control : ndarray of int, shape (m,)
        Positions among the treated and among the controls; by treated, nearest first.
    proportion : ndarray, shape (m,)
        Part of the matched set of a treated subject that the control stands for. The shares of a
        set add up to 1, or to less where the subject competes with others of equal score for too
        few controls.
    """

    treated: IntArray
    control: IntArray
    proportion: FloatArray


@dataclass(frozen=True, slots=True)
class MatchedGroups:
    """Which scores were matched with which.

    Attributes
    ----------
    group : ndarray of int, shape (n,)
        Number of the distinct score of each of the treated.
    level : ndarray of int, shape (k,)
        Number of the distinct score of each of the controls, in increasing order.
    one, other : ndarray of int, shape (m,)
        Matched groups and levels: by the first subject of the group, nearest first, of equal
        distance the lower.
    distance : ndarray, shape (m,)
        Between their scores.
    proportion : ndarray, shape (m,)
        Of each pair of their subjects; see `Pairs`.
    """

    group: IntArray
    level: IntArray
    one: IntArray
    other: IntArray
    distance: FloatArray
    proportion: FloatArray

    def pairs(self) -> Pairs:
        """Return all pairs of subjects."""
        size, held = np.bincount(self.group), np.bincount(self.level)
        members = np.argsort(self.group, kind="stable")
        i, row = spans(size[self.one], (np.cumsum(size) - size)[self.one])
        control, pair = spans(held[self.other[row]], (np.cumsum(held) - held)[self.other[row]])
        treated, row = members[i[pair]], row[pair]
        order = np.lexsort((control, self.distance[row], treated))
        return Pairs(treated[order], control[order], self.proportion[row][order])

    @property
    def treated(self) -> IntArray:
        """Treated subjects who were matched, in their order."""
        is_matched = np.bincount(self.one, minlength=int(self.group.max(initial=-1)) + 1) > 0
        return np.flatnonzero(is_matched[self.group])

    @property
    def control(self) -> IntArray:
        """Controls who were matched, in their order."""
        is_matched = np.bincount(self.other, minlength=int(self.level.max(initial=-1)) + 1) > 0
        return np.flatnonzero(is_matched[self.level])

    @property
    def is_shared(self) -> bool:
        """Whether a control is part of several sets."""
        sets = np.bincount(self.other, weights=np.bincount(self.group)[self.one])
        return bool(sets.max(initial=0.0) > 1)

    def weights(self) -> tuple[FloatArray, FloatArray]:
        """Return the sum of the proportions of each of the treated, and of each control."""
        size, held = np.bincount(self.group), np.bincount(self.level)
        of_group = self._sums(self.one, self.proportion * held[self.other], len(size))
        of_level = self._sums(self.other, self.proportion * size[self.one], len(held))
        return of_group[self.group], of_level[self.level]

    def compare(self, y: FloatArray, y_control: FloatArray) -> MatchedMeans:
        """Compare outcomes; a set loses controls without one, and goes without its treated.

        Parameters
        ----------
        y, y_control : ndarray, shape (n,) and (k,)
            Outcomes of the treated and of the controls; NaN where not observed.
        """
        n_groups, n_levels = len(np.bincount(self.group)), len(np.bincount(self.level))
        seen, seen_control = ~np.isnan(y), ~np.isnan(y_control)
        there = self._sums(self.level[seen_control], np.ones(seen_control.sum()), n_levels)
        total = self._sums(self.level[seen_control], y_control[seen_control], n_levels)
        left = self._sums(self.one, self.proportion * there[self.other], n_groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(there[self.other] > 0, self.proportion / left[self.one], 0.0)
        mean = self._sums(self.one, part * total[self.other], n_groups)
        kept = np.flatnonzero(seen & (left > 0)[self.group])
        group = self.group[kept]
        weight = self.weights()[0][kept]
        n_kept = np.bincount(group, minlength=n_groups)
        weight_of = np.zeros(n_groups)
        weight_of[group] = weight
        part = part * weight_of[self.one]
        used = self._sums(self.other, part * n_kept[self.one], n_levels)[self.level]
        squared = self._sums(self.other, part**2 * n_kept[self.one], n_levels)[self.level]
        return MatchedMeans(
            kept, mean[group], weight, np.where(seen_control, used, 0.0),
            np.where(seen_control, squared, 0.0),
        )  # fmt: skip

    @staticmethod
    def _sums(place: IntArray, values: FloatArray, n: int) -> FloatArray:
        return np.bincount(place, weights=values, minlength=n).astype(float)


@dataclass(frozen=True, slots=True)
class MatchedMeans:
    """Outcomes of matched sets.

    Attributes
    ----------
    kept : ndarray of int, shape (m,)
        Treated with an outcome and a control with one.
    control : ndarray, shape (m,)
        Mean outcome of the controls of each.
    weight : ndarray, shape (m,)
        Of each set.
    used, used_squared : ndarray, shape (k,)
        Sum, over the sets a control is part of, of its share there, and of the squared share.
    """

    kept: IntArray
    control: FloatArray
    weight: FloatArray
    used: FloatArray
    used_squared: FloatArray


def spans(size: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
    """Return the places first, first + 1, ... of every span, and which span each belongs to."""
    row = np.repeat(np.arange(len(size)), size)
    return np.arange(len(row)) - np.repeat(np.cumsum(size) - size - first, size), row


def matched_groups(
    treated: FloatArray, control: FloatArray, one: IntArray, other: IntArray,
    proportion: FloatArray,
) -> MatchedGroups:  # fmt: skip
    """Return matched scores in their order.

    Parameters
    ----------
    treated, control : ndarray, shape (n,) and (k,)
        Scores; those of controls in increasing order.
    one, other : ndarray of int, shape (m,)
        Places among their distinct scores.
    proportion : ndarray, shape (m,)
    """
    score, first, group = np.unique(treated, return_index=True, return_inverse=True)
    level, of_control = np.unique(control, return_inverse=True)
    distance = np.abs(level[other] - score[one])
    order = np.lexsort((other, distance, first[one]))
    return MatchedGroups(
        group.ravel(), of_control.ravel(), one[order], other[order], distance[order],
        proportion[order],
    )  # fmt: skip
