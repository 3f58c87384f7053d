"""Which ratings a site gives up, so that no pattern of visits is that of few patients.

Patients whose pattern few share, with few in one of the categories of the model, give only ratings
that others gave too. Where a category then lacks patients, some drawn from the largest pattern join
them with the same few ratings: which of theirs are given up has nothing to do with them, so that
the model has less to go by and no other answer.

Scores are whole numbers, and whole numbers can be solved for from sums of their products: of five
patients with a baseline and four scores each, one set of scores alone has the sums that are sent.
A pattern therefore has more patients than a patient has numbers, by `minimum`: there are then more
than twice as many scores as sums of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, IntArray
from trdstats.sites.disclosure import differs_by_few, is_small

_ALL_SUBSETS = 10  # visits up to which every set of them is looked at


def least_of_pattern(minimum: int, n_numbers: int) -> int:
    """Return how many subjects a pattern has at least, each with so many numbers."""
    return minimum + n_numbers if minimum > 1 else minimum


@dataclass(frozen=True, slots=True)
class CommonRatings:
    """Ratings that may leave.

    Attributes
    ----------
    kept : ndarray of bool, shape (n_rows,)
        Rows of the table whose rating is kept.
    n_reduced : int
        Subjects who give up some of their ratings.
    n_lost : int
        Subjects who give up all.
    """

    kept: BoolArray
    n_reduced: int
    n_lost: int


def common_patterns(
    frame: pd.DataFrame,
    outcome: str,
    categories: Sequence[str],
    minimum: int,
    *,
    n_numbers: int = 0,
    totals: Mapping[str, Sequence[int]] | None = None,
) -> CommonRatings | None:
    """Return which ratings may leave; None where a number of subjects always tells of few.

    Parameters
    ----------
    frame : DataFrame
        One row a subject and visit: subject, visit (a category), the outcome, categories.
    outcome : str
    categories : sequence of str
        Columns of the model that have levels and describe subjects.
    minimum : int
    n_numbers : int
        Columns of the model that are numbers, beside the outcome.
    totals : mapping of str to sequence of int, optional
        Numbers of subjects of each treatment that leave as well: of none of them may one here
        differ by few.
    """
    rated = frame[outcome].notna().to_numpy()
    who = pd.factorize(frame["subject"])[0]
    visit = frame["visit"].cat.codes.to_numpy().astype(np.int64)
    n = int(who.max()) + 1
    assessed = np.zeros(n, dtype=np.int64)
    np.bitwise_or.at(assessed, who[rated], 1 << visit[rated])
    levels = np.column_stack(
        [np.zeros(n, dtype=np.intp)]
        + [_of_subject(frame[c], who, n) for c in categories if c != "visit"]
    )
    search = _Search(assessed, levels, minimum, n_numbers)
    search.run()
    if totals:
        arm = pd.factorize(frame["treatment"].astype(str))
        of_subject = np.zeros(n, dtype=np.intp)
        of_subject[who] = arm[0]
        for k, name in enumerate(arm[1]):
            if not search.keep_apart(of_subject == k, totals.get(str(name), ())):
                return None
    target = search.target
    inside = (target[who] >> visit) & 1 == 1
    seen = assessed > 0
    return CommonRatings(
        rated & inside,
        int((seen & (target != assessed) & (target > 0)).sum()),
        int((seen & (target == 0)).sum()),
    )


def _of_subject(column: pd.Series[str], who: IntArray, n: int) -> IntArray:
    codes = np.zeros(n, dtype=np.intp)
    codes[who] = pd.factorize(column)[0] + 1
    return codes


class _Search:
    """The pattern, as bits of the visits, that each subject is given."""

    def __init__(self, assessed: IntArray, levels: IntArray, minimum: int, n_numbers: int) -> None:
        self.assessed, self.levels, self.minimum = assessed, levels, minimum
        self.n_numbers = n_numbers
        self.target = assessed.copy()
        # Who is drawn from a pattern does not depend on the order of the table.
        self.order = np.random.default_rng(0).permutation(len(assessed))

    def run(self) -> IntArray:
        """Return the patterns; 0 for subjects without a shared one."""
        present = [int(p) for p in np.unique(self.assessed) if p]
        waiting = np.zeros(len(self.assessed), dtype=bool)
        for p in present:
            members = self.target == p
            if self._is_small(members, p):
                waiting |= members
        self.target[waiting] = 0
        while waiting.any():
            tried = [self._filled(s, members) for s, members in self._choices(waiting)]
            usable = [t for t in tried if t is not None]
            if not usable:
                break
            self.target = max(usable, key=self._ratings)
            waiting &= self.target == 0
        return self.target

    def _ratings(self, target: IntArray) -> int:
        """Return how many ratings are kept."""
        pattern, n = np.unique(target, return_counts=True)
        return sum(int(p).bit_count() * int(k) for p, k in zip(pattern, n, strict=True))

    def keep_apart(self, of_arm: BoolArray, totals: Sequence[int]) -> bool:
        """Leave subjects of a treatment out until their numbers differ by few from none of others.

        Who is left out is drawn at random, from the largest patterns that can spare them. Returns
        whether that is possible.
        """
        while self._is_linked(of_arm, totals):
            spared = self._spared(of_arm)
            if spared is None:
                return False
            self.target[spared] = 0
        return True

    def _is_linked(self, of_arm: BoolArray, totals: Sequence[int]) -> bool:
        target = self.target[of_arm]
        rated = [
            int((target >> v & 1).sum()) for v in range(int(target.max(initial=0)).bit_length())
        ]
        return any(
            differs_by_few(totals, n, self.minimum) for n in (int((target > 0).sum()), *rated) if n
        )

    def _spared(self, of_arm: BoolArray) -> int | None:
        """Return a subject whose pattern, and the levels in it, are not of few without it."""
        patterns, sizes = np.unique(self.target[of_arm & (self.target > 0)], return_counts=True)
        for p in patterns[np.argsort(-sizes, kind="stable")].tolist():
            members = self.target == p
            for i in self.order[(members & of_arm)[self.order]].tolist():
                members[i] = False
                if not self._is_small(members, p):
                    return int(i)
                members[i] = True
        return None

    def _is_small(self, members: BoolArray, pattern: int) -> bool:
        """Return whether few are members, or few of a level."""
        least = least_of_pattern(self.minimum, pattern.bit_count() + self.n_numbers)
        return is_small(int(members.sum()), least) or any(
            is_small(int(c), self.minimum)
            for column in self.levels[members].T
            for c in np.bincount(column)
        )

    def _choices(self, waiting: BoolArray) -> list[tuple[int, BoolArray]]:
        """Return sets of visits with those waiting who have all of them."""
        patterns = np.unique(self.assessed[waiting])
        width = int(self.assessed.max()).bit_length()
        if width <= _ALL_SUBSETS:
            sets = np.arange(1, 1 << width)
        else:
            sets = np.unique(np.concatenate([patterns, (patterns[:, None] & patterns).ravel()]))
        of_sets = [(s, waiting & (self.assessed & s == s)) for s in sets[sets > 0].tolist()]
        return [(s, members) for s, members in of_sets if members.any()]

    def _filled(self, pattern: int, members: BoolArray) -> IntArray | None:
        """Return the patterns were it given to members, filled up by others of the largest one.

        None where that leaves few somewhere.
        """
        target = np.where(members, pattern, self.target)
        larger = [int(p) for p in np.unique(self.target) if p & pattern == pattern and p != pattern]
        donor = max(larger, key=lambda p: int((self.target == p).sum()), default=0)
        for f in range(self.levels.shape[1]):
            counts = np.bincount(self.levels[target == pattern, f])
            for level, count in enumerate(counts):
                if donor and is_small(int(count), self.minimum):
                    at_hand = self.order[
                        (target[self.order] == donor) & (self.levels[self.order, f] == level)
                    ]
                    target[at_hand[: self.minimum - int(count)]] = pattern
        least = least_of_pattern(self.minimum, pattern.bit_count() + self.n_numbers)
        lacking = least - int((target == pattern).sum())
        if donor and lacking > 0:
            at_hand = self.order[target[self.order] == donor]
            # Those whose levels many share come first, so that no level is left with few.
            at_hand = at_hand[self._in_turn(at_hand)]
            target[at_hand[:lacking]] = pattern
        changed = (pattern, donor) if donor else (pattern,)
        return None if any(self._is_small(target == p, p) for p in changed) else target

    def _in_turn(self, members: IntArray) -> IntArray:
        """Return an order in which the combinations of levels that many have come first."""
        kinds = np.unique(self.levels[members], axis=0, return_inverse=True)[1].reshape(-1)
        sizes = np.bincount(kinds)
        return np.argsort(-sizes[kinds], kind="stable")
