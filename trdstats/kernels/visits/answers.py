"""Answers of forms as small whole numbers; the lowest number of their type stands for no answer."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray

# A million forms of nine items are 9 MB as bytes, and pass through the processor in a millisecond.
AnswerArray: TypeAlias = npt.NDArray[np.signedinteger[Any]]
_TYPES = (np.int8, np.int16, np.int32, np.int64)


def answer_type(low: float, high: float) -> np.dtype[np.signedinteger[Any]]:
    """Return the smallest type that holds whole scores from `low` to `high` and "no answer".

    Examples
    --------
    >>> answer_type(0, 6), answer_type(0, 300)
    (dtype('int8'), dtype('int16'))
    """
    fitting = [t for t in _TYPES if np.iinfo(t).min < low and high <= np.iinfo(t).max]
    return np.dtype(fitting[0] if fitting else np.int64)


def no_answer(answers: AnswerArray) -> int:
    """Return the number that stands for no answer."""
    return int(np.iinfo(answers.dtype).min)


def unanswered(answers: AnswerArray) -> BoolArray:
    """Return where there is no answer."""
    return np.asarray(answers == no_answer(answers), dtype=bool)


def as_floats(answers: AnswerArray) -> FloatArray:
    """Return answers as floats, NaN where there is none."""
    result = answers.astype(float)
    result[unanswered(answers)] = np.nan
    return result


def from_floats(scores: FloatArray, to: np.dtype[np.signedinteger[Any]]) -> AnswerArray:
    """Return whole scores, NaN where there is none, as small whole numbers."""
    return np.where(np.isnan(scores), float(np.iinfo(to).min), scores).astype(to)
