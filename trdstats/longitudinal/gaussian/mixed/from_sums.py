"""Mixed models of a divided study, fitted to sums of its parts: what all of them share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NoReturn, TypeVar

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import DataError, SpecError, TooLargeError, UnknownNameError, warn
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.gaussian.mixed.fitted import FittedModel
from trdstats.study import DividedStudy

T = TypeVar("T")


def sums_or_rows(study: DividedStudy, read: Callable[[], T | None]) -> T | None:
    """Return the sums of the parts of a study; None where its rows are to be looked at.

    Then nothing was warned of: what is wrong in a part, or needs rows, is said of all rows. Parts
    say what they have to say one by one, and it is given once.

    Parameters
    ----------
    study : DividedStudy
    read : callable
        Returns the sums, or None.

    Raises
    ------
    DataError, SpecError, UnknownNameError
        Of a part, where the rows of all are too many to judge them together.
    """
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            sums = read()
        except (DataError, SpecError, UnknownNameError) as error:
            try:
                study.check_rows("Rows of visits")
            except TooLargeError:
                raise error from None
            return None
    if sums is not None:
        for message, category in dict.fromkeys((str(w.message), w.category) for w in given):
            warn(message, category)
    return sums


@checked_methods
@dataclass(frozen=True, repr=False)
class FittedToSums(FittedModel):
    """A fit without rows: what needs them is refused, what parts still know they are asked."""

    @property
    def _has_influences(self) -> bool:
        return True

    def _influence(self) -> FloatArray:
        return self._of_subjects

    @cached_property
    def _of_subjects(self) -> FloatArray:
        """Influence of each subject on each fixed effect; the parts are asked once."""
        influence = super()._influence()
        assert influence is not None  # subjects of different parts are independent
        return influence

    def _first_rows(self) -> pd.DataFrame:
        """Return the columns of the formula on the first analysed row of every subject."""
        raise NotImplementedError

    def _design_of_subjects(self) -> Design:
        rows = self._first_rows()
        return replace(self.design, frame=rows, person=np.arange(len(rows)))

    def _need_rows(self, what: str) -> NoReturn:
        """Refuse: there are no rows.

        Raises
        ------
        TooLargeError
        """
        raise TooLargeError(
            f"The model was fitted to sums of partitions, which hold no rows: {what} need them. "
            "Fit it to study.longitudinal(), which gathers the scheduled visits, 20 million at "
            "most, or, if memory has room, to study.in_memory()."
        )

    def whitened(self, residual: FloatArray) -> NoReturn:
        """Refuse: there are no rows."""
        self._need_rows("residuals")

    def noise(self, n: int, rng: np.random.Generator) -> NoReturn:
        """Refuse: there are no rows."""
        self._need_rows("draws")
