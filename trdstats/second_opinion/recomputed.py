"""One number beside the number of an independent library, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import numpy as np

from trdstats.arrays import FloatArray

# What libraries raise where they have no answer for some data. Other errors are mistakes here.
UNABLE = (ValueError, ArithmeticError, RuntimeError, IndexError)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A number and its recomputation.

    Attributes
    ----------
    quantity : str
        What the number is.
    ours, theirs : float
        Of the result, and of the library; NaN where one has none.
    library : str
        Its name and version; empty where there is none.
    tolerance : float
        Largest difference that still agrees, in the unit of the number.
    basis : str
        The tolerance in words, and why it is not smaller.
    note : str
        What limits the comparison; empty where nothing does.
    """

    quantity: str
    ours: float
    theirs: float
    library: str
    tolerance: float
    basis: str
    note: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether the numbers agree; None where one is missing."""
        if math.isnan(self.ours) or math.isnan(self.theirs):
            return None
        if math.isinf(self.ours) or math.isinf(self.theirs):
            return self.ours == self.theirs
        return bool(abs(self.ours - self.theirs) <= self.tolerance)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two programs may differ.

    Attributes
    ----------
    size : float
        Part of `unit`.
    unit : str
        "value" (the larger of the two), "probability of 1", or what `compare` is given as scale.
    why : str
        Why it is not smaller.
    """

    size: float
    unit: str
    why: str

    def in_words(self) -> str:
        """Return the tolerance with its reason."""
        return f"{self.size:g} of the {self.unit}: {self.why}"


CLOSED = Tolerance(1e-9, "value", "closed forms, summed in another order")
ROOTS = Tolerance(1e-6, "value", "both search for a root")


def compare(
    quantity: str,
    ours: float,
    theirs: float,
    library: str,
    tolerance: Tolerance,
    *,
    scale: float = math.nan,
    note: str = "",
) -> Recomputed:
    """Return a number beside its recomputation.

    Parameters
    ----------
    quantity : str
    ours, theirs : float
    library : str
        As from `library_of`.
    tolerance : Tolerance
    scale : float
        What the tolerance is a part of, such as the standard error, where that is neither the
        value nor a probability.
    note : str
    """
    ours, theirs = float(ours), float(theirs)
    units = {"value": max(abs(ours), abs(theirs)), "probability of 1": 1.0}
    unit = units.get(tolerance.unit, scale)
    if not note and math.isnan(ours):
        note = "the result has no such number"
    elif not note and math.isnan(theirs):
        note = "the library has no such number for these data"
    allowed = tolerance.size * unit
    return Recomputed(quantity, ours, theirs, library, allowed, tolerance.in_words(), note)


def compare_curves(
    quantity: str,
    at: FloatArray,
    ours: FloatArray,
    theirs: FloatArray,
    library: str,
    tolerance: Tolerance,
    *,
    note: str = "",
) -> Iterator[Recomputed]:
    """Yield the value of two curves on the day on which they differ most; none without values.

    Parameters
    ----------
    quantity : str
    at, ours, theirs : ndarray, shape (k,)
        Days, and the curves on them; days on which one is NaN are left out.
    library : str
    tolerance : Tolerance
        A part of the value, or of a probability of 1.
    note : str
    """
    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.any():
        return
    unit = np.maximum(np.abs(ours[known]), np.abs(theirs[known]))
    if tolerance.unit != "value":
        unit = np.ones_like(unit)
    gap = np.abs(ours[known] - theirs[known]) / np.where(unit > 0, unit, 1.0)
    worst = int(np.argmax(gap))
    named = f"{quantity}, day {at[known][worst]:g} (largest difference of {int(known.sum())} days)"
    ends = float(ours[known][worst]), float(theirs[known][worst])
    yield compare(named, *ends, library, tolerance, note=note)


def not_compared(quantity: str, note: str, *, ours: float = math.nan) -> Recomputed:
    """Return a number for which no independent implementation is known."""
    return Recomputed(quantity, ours, math.nan, "", math.nan, "", note)


@cache
def library_of(name: str) -> str:
    """Return a library with its version, such as "lifelines 0.30.3"."""
    return f"{name} {version(name)}"


def unable(library: str, error: Exception) -> str:
    """Say that a library has no answer."""
    reason = str(error).strip().splitlines()
    return f"{library} gave no value ({type(error).__name__}{': ' + reason[0] if reason else ''})"
