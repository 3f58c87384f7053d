"""The random effects of a subject: their design at the ratings and at other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.formulas import CheckedFormula, DesignSpec
from trdstats.kinds import kind_of
from trdstats.longitudinal.designs.by_rating import read_effects
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome

MOST_EFFECTS = 2
_FAR = 30.0  # standard deviations of a column between its mean and 0


@dataclass(frozen=True)
class RandomEffects:
    """Random effects of the subjects.

    Attributes
    ----------
    names : tuple of str
    columns : tuple of str
        Columns of the table that they need.
    Z : ndarray, shape (N, r)
        At the analysed ratings.
    spec : DesignSpec
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    Z: FloatArray
    spec: DesignSpec

    def at(self, table: pd.DataFrame) -> FloatArray:
        """Return the design of other rows, shape (m, r)."""
        return self.spec.rows(table)

    def at_cell(
        self, design: RatedOutcome, cell: Mapping[str, object], at: Mapping[str, object]
    ) -> FloatArray:
        """Return the design of a cell of a table of means, shape (r,).

        A column is at its value in `at`; by visit it is at its mean over the ratings of the visit,
        such as their mean day.

        Raises
        ------
        SpecError
            When a column has no one value.
        """
        rows = np.ones(design.n_obs, dtype=bool)
        if design.visit in cell:
            rows = (design.frame[design.visit] == cell[design.visit]).to_numpy()
        values: dict[str, float] = {}
        for c in self.columns:
            if c in at:
                values[c] = _number(c, at[c])
            elif c in cell:
                values[c] = _number(c, cell[c])
            elif design.visit in cell:
                values[c] = float(design.frame.loc[rows, c].astype(float).mean())
            else:
                raise SpecError(
                    f"The random effects depend on {c!r}, which changes between ratings: the means "
                    f"need one value of it. Give at={{{c!r}: ...}}, or by={design.visit!r}."
                )
        return np.asarray(self.at(pd.DataFrame(values, index=[0]))[0])


def _number(column: str, value: object) -> float:
    if not isinstance(value, (int, float, np.number)):
        raise SpecError(f"The random effects need a number for {column!r}; got {value!r}.")
    return float(value)


def read_random(text: str) -> CheckedFormula:
    """Return random effects as a formula.

    Raises
    ------
    SpecError
        When they cannot be read, or name the subject.
    """
    if "~" in text or "|" in text:
        raise SpecError(
            f"random names effects of the subject, such as '1 + week'; got {text!r}. The subject "
            "is named in fit(..., subject=...)."
        )
    return read_effects(text)


def random_columns(effects: CheckedFormula) -> tuple[str, ...]:
    """Return the columns of the table that random effects need."""
    return tuple(sorted(str(v) for v in effects.required_variables))


def random_effects(design: RatedOutcome, effects: CheckedFormula, text: str) -> RandomEffects:
    """Return random effects at the analysed ratings.

    Raises
    ------
    SpecError
        When there are more than two, or one is no number.
    """
    columns = random_columns(effects)
    for c in columns:
        if isinstance(design.frame[c].dtype, pd.CategoricalDtype) or (
            kind_of(design.frame[c]) != "number"
        ):
            raise SpecError(
                f"random={text!r}: {c!r} has categories. A random slope needs a number, such as "
                "the day of the rating."
            )
    Z, spec = effects.design(design.frame)
    if Z.shape[1] > MOST_EFFECTS:
        raise SpecError(
            f"random={text!r} names {Z.shape[1]} random effects. A GLMM takes an intercept ('1') "
            "or an intercept and a slope ('1 + day'): the points of the quadrature grow with the "
            "power of their number."
        )
    if not np.isfinite(Z).all():
        raise SpecError(f"random={text!r} gives values that are not finite numbers.")
    flat = [str(c) for c, column in zip(spec.column_names, Z.T, strict=True) if not column.any()]
    if flat or (Z.shape[1] == 2 and np.linalg.matrix_rank(Z) < 2):
        raise SpecError(
            f"random={text!r}: the random effects cannot be told apart, because "
            + (f"{flat[0]!r} is 0 at all ratings." if flat else "one is a multiple of the other.")
        )
    _check_distance(spec.column_names, Z, text)
    return RandomEffects(tuple(spec.column_names), columns, Z, spec)


def _check_distance(names: Iterable[object], Z: FloatArray, text: str) -> None:
    """Refuse a slope of a column far from 0: the intercept would lie outside all data."""
    for name, column in zip(names, Z.T, strict=True):
        mean, spread = float(column.mean()), float(column.std())
        if 0 < spread < abs(mean) / _FAR:
            raise SpecError(
                f"random={text!r}: {str(name)!r} lies far from 0 (mean {mean:,.0f}, standard "
                f"deviation {spread:,.1f}), where its intercept is. Count it from a value among "
                "the data, as days since baseline."
            )
