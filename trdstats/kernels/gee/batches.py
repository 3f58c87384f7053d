"""Subjects in batches of one number of ratings, so that no step loops over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Subjects with m ratings each.

    Attributes
    ----------
    subject : ndarray of int, shape (b,)
    rows : ndarray of int, shape (b, m)
        Rows of their ratings.
    pattern : ndarray of int, shape (b,)
        Row of `places`.
    places : ndarray, shape (P, m)
        Where ratings stand, one row a pattern that occurs: visits, or days.
    """

    subject: IntArray
    rows: IntArray
    pattern: IntArray
    places: FloatArray


@dataclass(frozen=True, slots=True)
class Batches:
    """All subjects.

    Attributes
    ----------
    parts : tuple of Batch
    n : int
        Subjects.
    """

    parts: tuple[Batch, ...]
    n: int

    @property
    def rows(self) -> IntArray:
        """Rows in the order of the batches, shape (N,)."""
        return np.concatenate([b.rows.ravel() for b in self.parts])

    @property
    def subject(self) -> IntArray:
        """Subjects in the order of the batches, shape (n,)."""
        return np.concatenate([b.subject for b in self.parts])


def lay_out(person: IntArray, place: FloatArray) -> Batches:
    """Put subjects into batches.

    Parameters
    ----------
    person : ndarray of int, shape (N,)
        Subject of each rating from 0; never falls.
    place : ndarray, shape (N,)
        What the working correlation looks at: the visit, the day, or one number for all.
    """
    n = int(person[-1]) + 1
    size = np.bincount(person, minlength=n)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    parts = []
    for m in np.unique(size):
        subject = np.flatnonzero(size == m)
        rows = first[subject][:, None] + np.arange(m)
        places, pattern = np.unique(place[rows], axis=0, return_inverse=True)
        parts.append(Batch(subject, rows, np.asarray(pattern, dtype=np.intp).ravel(), places))
    return Batches(tuple(parts), n)
