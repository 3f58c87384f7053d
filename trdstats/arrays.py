"""Types of arrays, named once, and where the objects of one stand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]
ObjectArray = npt.NDArray[np.object_]


def addresses(values: ObjectArray) -> IntArray:
    """Return where each object of an array stands in memory, without looking at it, shape (n,).

    Rows with one address hold one object: what is asked of a long column of few texts is asked
    of few.

    Examples
    --------
    >>> place = addresses(np.array(["A", "B", "A"], dtype=object))
    >>> bool(place[0] == place[2]), bool(place[0] == place[1])
    (True, False)
    """
    held = np.ascontiguousarray(values)
    return np.ndarray(held.shape, dtype=np.intp, buffer=held)  # which it keeps
