"""Weights of rows of subjects who follow a strategy, from a model of every decision."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray


def first_breach(ok: BoolArray, starts: IntArray) -> BoolArray:
    """Return which rows come before the first row of their subject that breaks the strategy.

    Parameters
    ----------
    ok : ndarray of bool, shape (R,)
    starts : ndarray of int, shape (n,)
        First row of each subject.
    """
    broken = np.cumsum(~ok)
    before: IntArray = np.repeat(broken[starts] - ~ok[starts], np.diff(np.append(starts, len(ok))))
    return np.asarray(broken == before)


def product_within(factor: FloatArray, starts: IntArray) -> FloatArray:
    """Return running products of positive factors within subjects."""
    total = np.cumsum(np.log(factor))
    base = total[starts] - np.log(factor[starts])
    return np.asarray(np.exp(total - np.repeat(base, np.diff(np.append(starts, len(factor))))))
