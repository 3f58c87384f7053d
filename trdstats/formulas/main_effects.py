"""Designs of an intercept and columns as they are, which most formulas name: built at once.

formulaic would prepare for interactions, transforms and codings that such a formula does not have.
Values, names and the record of the design are those that it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic.materializers.base import EncodedTermStructure
from formulaic.materializers.types import EvaluatedFactor, ScopedFactor, ScopedTerm
from formulaic.parser.types import Factor, Term
from formulaic.transforms.contrasts import ContrastsState, TreatmentContrasts
from formulaic.utils.variables import Variable

from trdstats.arrays import FloatArray
from trdstats.kinds import is_plain_number

_NAMED = "{name}[T.{field}]"


@dataclass(frozen=True)
class MainEffects:
    """A design of main effects.

    Attributes
    ----------
    X : ndarray, shape (n, q)
    structure : list of EncodedTermStructure
    encoder_state : dict of str to (kind, dict)
        What formulaic keeps of a design, to make the same of another table.
    """

    X: FloatArray
    structure: list[Any]
    encoder_state: dict[str, Any]


def main_effects(terms: Sequence[Term], table: pd.DataFrame) -> MainEffects | None:
    """Return the design of main effects.

    Parameters
    ----------
    terms : sequence of Term
    table : pandas.DataFrame

    Returns
    -------
    MainEffects or None
        None where the formula has other terms, or a column other values, than numbers and
        categories all of which are known: formulaic codes these.
    """
    if not _are_plain(terms) or not len(table):
        return None
    n = len(table)
    columns = [np.ones(n)]
    structure = [EncodedTermStructure(terms[0], [ScopedTerm(())], ["Intercept"])]
    state: dict[str, Any] = {}
    for term in terms[1:]:
        factor = term.factors[0]
        values = getattr(table.get(factor.expr), "array", None)
        if isinstance(values, pd.Categorical):
            levels = list(values.categories)
            names = [_NAMED.format(name=factor.expr, field=level) for level in levels[1:]]
            if not _are_labels(levels, names) or values.codes.min() < 0:
                return None
            columns += [values.codes == k for k in range(1, len(levels))]
            coding = {
                "categories": levels,
                "contrasts": ContrastsState(TreatmentContrasts(), levels),
            }
            state[factor.expr] = (Factor.Kind.CATEGORICAL, coding)
        else:
            numbers = (
                values.to_numpy() if isinstance(values, pd.arrays.NumpyExtensionArray) else None
            )
            if numbers is None or not is_plain_number(numbers.dtype) or np.isnan(numbers).any():
                return None
            names = [factor.expr]
            columns.append(numbers)
            state[factor.expr] = (Factor.Kind.NUMERICAL, {})
        known = EvaluatedFactor(factor, None, {variable_of(factor.expr)})
        scoped = ScopedFactor(known, reduced=isinstance(values, pd.Categorical))
        structure.append(EncodedTermStructure(term, [ScopedTerm((scoped,))], names))
    X = np.empty((len(columns), n))  # in memory a column stands together
    for row, given in zip(X, columns, strict=True):
        row[:] = given
    return MainEffects(X.T, structure, state)


def _are_plain(terms: Sequence[Term]) -> bool:
    """Return whether terms are an intercept and columns as they are."""
    one = Factor.EvalMethod
    kinds = [t.factors[0].eval_method if len(t.factors) == 1 else None for t in terms]
    return (
        kinds[:1] == [one.LITERAL]
        and terms[0].factors[0].expr == "1"
        and all(k is one.LOOKUP for k in kinds[1:])
    )


def _are_labels(levels: Sequence[Any], names: Sequence[str]) -> bool:
    """Return whether each level gives a column of its name; formulaic passes over some."""
    hidden = any(isinstance(level, str) and level.startswith("__") for level in levels)
    return bool(levels) and not hidden and len(set(names)) == len(names)


def variable_of(name: str) -> Variable:
    """Return a column as formulaic knows it."""
    return Variable(name, roles=["value"], source="data")
