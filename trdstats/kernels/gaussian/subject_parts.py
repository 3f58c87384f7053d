"""Subjects in parts, for quantities that need more than the sums of all.

A part keeps its subjects; of each it sends its score, and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model, State
from trdstats.kernels.gaussian.sandwich import DegreeSums, Kind, ScoredRows, score_rows
from trdstats.kernels.gaussian.subject_rows import SubjectRows


@dataclass(frozen=True)
class ScoredParts:
    """The scores of the subjects of all parts at an optimum.

    Attributes
    ----------
    scores : ndarray, shape (n, q)
        Part by part.
    alone : ndarray, shape (s, q)
    of_parts : callable
        Returns `degree_sums` of every part, from the rows of L and the model's covariance.
    """

    scores: FloatArray
    alone: FloatArray
    of_parts: Callable[[FloatArray, FloatArray], Sequence[DegreeSums]]

    def degree_sums(self, L: FloatArray, plain: FloatArray) -> DegreeSums:
        """Return the sums over all subjects that degrees of freedom need.

        Parameters
        ----------
        L : ndarray, shape (k, q)
        plain : ndarray, shape (q, q)
        """
        parts = self.of_parts(L, plain)
        return DegreeSums(
            np.sum([p.trace for p in parts], axis=0),
            np.sum([p.squares for p in parts], axis=0),
            np.sum([p.products for p in parts], axis=0),
        )


def for_parts(model: Model, state: State) -> tuple[Model, State]:
    """Return a model and its optimum without what parts do not need: the sums of all."""
    products = model.products
    assert isinstance(products, CrossProducts)
    none = replace(products, cross_products=products.cross_products[:0])
    return replace(model, products=none), replace(state, weight=state.weight[:0])


def score_part(
    products: CrossProducts, rows: SubjectRows, model: Model, state: State, kind: Kind
) -> ScoredRows:
    """Return the scores of the subjects of a part.

    Parameters
    ----------
    products : CrossProducts
        Of the part, with all columns of the design; every group has one covariance.
    rows : SubjectRows
    model : Model
        Of all parts.
    state : State
    kind : str
    """
    assert isinstance(model.products, CrossProducts)
    of_part = replace(
        model,
        products=replace(products, select=model.products.select),
        block=products.group,
        member=np.zeros_like(products.group),
    )
    return score_rows(of_part, state, rows, kind)
