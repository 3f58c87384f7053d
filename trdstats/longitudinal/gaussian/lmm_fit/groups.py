"""The groups round subjects, such as sites, brought together over the parts of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.kernels.random_effects.chain import Chain, sort_rows
from trdstats.longitudinal.designs.by_rating import check_nested
from trdstats.longitudinal.gaussian.lmm_fit.part import PartHead
from trdstats.study import DividedStudy


def labels_of_all(heads: Sequence[PartHead], k: int, study: DividedStudy) -> pd.Index[Any]:
    """Return the names of the groups of a level of all parts, in order."""
    parts = [head.groupings[k].labels for head in heads]
    column = heads[0].groupings[k].column
    declared = study.subjects[column].dtype if column in study.subjects else parts[0].dtype
    if isinstance(declared, pd.CategoricalDtype) and isinstance(parts[0], pd.CategoricalIndex):
        every = pd.concat([pd.Series(part.astype(object)) for part in parts]).astype(declared)
    else:
        every = pd.concat([pd.Series(part) for part in parts])
    return pd.Index(pd.factorize(every, sort=True)[1])


@dataclass(frozen=True)
class GroupsOfParts:
    """The levels round the subjects, such as sites, which may lie in several parts.

    Attributes
    ----------
    starts, codes : tuple of ndarray of int
        Of a chain of these levels, the innermost first.
    places : tuple of tuple of ndarray of int
        By part and level, which groups of that chain those of the part are.
    most_in_unit : int
        Ratings of the largest group of the outermost level.
    """

    starts: tuple[IntArray, ...]
    codes: tuple[IntArray, ...]
    places: tuple[tuple[IntArray, ...], ...]
    most_in_unit: int

    @classmethod
    def of(
        cls, heads: Sequence[PartHead], ranks: Sequence[IntArray], labels: Sequence[pd.Index[Any]]
    ) -> GroupsOfParts:
        """Bring the groups of all parts together.

        Parameters
        ----------
        heads : sequence of PartHead
        ranks : sequence of ndarray of int
            Place of the subjects of each part among those analysed.
        labels : sequence of Index
            Names of the groups of all parts, the outermost first and the subjects last.

        Raises
        ------
        NotEstimableError, SpecError
            When the levels are not nested, or have too few groups.
        """
        n = len(labels) - 1
        known = [
            [
                names.get_indexer(g.labels.astype(names.dtype))
                for g, names in zip(head.groupings[:n], labels[:n], strict=True)
            ]
            for head in heads
        ]
        # The groups of each subject of all parts, in the order of their chains.
        of_subjects: list[list[IntArray]] = [[] for _ in labels]
        for head, codes, rank in zip(heads, known, ranks, strict=True):
            chain = head.chain
            for k, code in enumerate([*codes, rank]):
                level = n - k
                of_subjects[k].append(code[chain.codes[level]][chain.above(0, level)])
        joined = [np.concatenate(each) for each in of_subjects]
        columns = [g.column for g in heads[0].groupings]
        check_nested(
            {c: (code, names) for c, code, names in zip(columns, joined, labels, strict=True)}
        )
        in_unit = np.zeros(len(labels[0]), dtype=np.intp)
        for head, codes, rank in zip(heads, known, ranks, strict=True):
            np.add.at(in_unit, [*codes, rank][0], head.in_unit)
        if not n:
            return cls((), (), ((),) * len(heads), int(in_unit.max()))
        _, starts, codes_of = sort_rows(joined[:n][::-1])
        of_code = [np.argsort(code) for code in codes_of]
        places = tuple(
            tuple(
                of_code[level][codes[n - 1 - level][head.chain.codes[level + 1]]]
                for level in range(n)
            )
            for head, codes in zip(heads, known, strict=True)
        )
        return cls(tuple(starts), tuple(codes_of), places, int(in_unit.max()))

    def chain(self, widths: Sequence[int]) -> Chain:
        """Return the chain of these levels with some numbers of columns."""
        return Chain(tuple(widths), self.starts, self.codes)
