"""Work on the parts of a study: one in memory, partitions where the visits are divided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import IntArray
from trdstats.study.build import Whole
from trdstats.study.study.held import HeldTables

if TYPE_CHECKING:
    from trdstats.study.study.study import Study

T = TypeVar("T")
A = TypeVar("A", bound=np.generic)


@checked_methods
class WorkOnParts(HeldTables):
    """How work is done on every part of a study and put together again: see `Study`."""

    __slots__ = ()

    @property
    def is_divided(self) -> bool:
        """Whether the visits stand in partitions, as those of a `DividedStudy`."""
        return False

    def on_parts(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of each part of the study: `self` is the only one.

        Of a `DividedStudy` every part is a study of some of the subjects, with all their visits.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments.
        *arguments : object
        """
        return [work(self, *arguments)]

    def in_order(self, parts: Sequence[npt.NDArray[A]]) -> npt.NDArray[A]:
        """Return arrays of the parts, one entry a subject, as one in the order of `subjects`.

        Parameters
        ----------
        parts : sequence of ndarray
            As `on_parts` returns them.
        """
        return parts[0]

    def places_of_parts(self) -> list[IntArray]:
        """Return for each part the places of its subjects in `subjects`."""
        return [np.arange(len(self._tables.subjects))]

    def gathered(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of all parts, in the order of `subjects`.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame with the column subject as a
            category, sorted by it.
        *arguments : object
        """
        return work(self, *arguments)

    def rows_of_parts(self, work: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """Return the rows that some work makes of each part, those of the parts one below another.

        Of a `DividedStudy` they are a dask DataFrame: rows of visits are not gathered.

        Parameters
        ----------
        work : callable
            Called with a part and the arguments; returns a frame.
        *arguments : object
        """
        return work(self, *arguments)

    def check_rows(self, what: str) -> None:
        """Refuse to gather rows of more visits than are to be in memory; here they are there.

        Parameters
        ----------
        what : str
            What would be gathered.
        """

    def as_part_of(self, whole: Whole) -> Study:
        """Return the same study as a part of one that says more: see `Whole`."""
        return self._with(whole=whole)
