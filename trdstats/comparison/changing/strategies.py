"""Strategies of a treatment that may be continued, stopped or started at every decision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import IntArray
from trdstats.errors import SpecError, unknown_name

ON, OFF, FREE = 1, 0, -1


class TreatmentStrategy(ABC):
    """What a strategy asks for at every decision, given what is known by then."""

    __slots__ = ()

    @abstractmethod
    def describe(self) -> str:
        """Return the strategy as a phrase."""

    @abstractmethod
    def required(self, rows: pd.DataFrame) -> IntArray:
        """Return what is asked for at every row: 1 on treatment, 0 off, -1 either.

        Parameters
        ----------
        rows : pandas.DataFrame
            One row a subject and interval, sorted: subject, interval, start (days since the
            origin), previous (1 on treatment before), and covariates as known at the start. The
            treatment of the interval itself is not there.
        """


def _check_grace(grace: float) -> None:
    if not grace >= 0:
        raise SpecError(f"grace must be a number of days, 0 or more; got {grace!r}.")


def _with_grace(grace: float) -> str:
    return f", with {grace:g} days of grace" if grace else ""


@checked
@dataclass(frozen=True, slots=True)
class Continue(TreatmentStrategy):
    """On treatment for so many days, then as it happens.

    Parameters
    ----------
    days : float
        Days since the origin.
    grace : float, default 0
        Days at the beginning within which the treatment may still be started.

    Raises
    ------
    SpecError
        When days are not positive, or the grace is negative.

    Examples
    --------
    >>> Continue(90, grace=14).describe()
    'on treatment for 90 days, with 14 days of grace'
    """

    days: float
    grace: float = 0.0

    def __post_init__(self) -> None:
        _check_grace(self.grace)
        if not self.days > 0:
            raise SpecError(f"days must be a positive number; got {self.days!r}.")

    def describe(self) -> str:
        """Return the strategy as a phrase."""
        return f"on treatment for {self.days:g} days{_with_grace(self.grace)}"

    def required(self, rows: pd.DataFrame) -> IntArray:
        """Return what is asked for at every row."""
        start = rows["start"].to_numpy(dtype=float)
        return np.where((start >= self.grace) & (start < self.days), ON, FREE).astype(np.intp)


@checked
@dataclass(frozen=True, slots=True)
class Discontinue(TreatmentStrategy):
    """Off treatment from the origin, or from the end of a grace period, on.

    Parameters
    ----------
    grace : float, default 0
        Days at the beginning within which the treatment may still be stopped.

    Raises
    ------
    SpecError
        When the grace is negative.

    Examples
    --------
    >>> Discontinue(grace=28).describe()
    'off treatment, with 28 days of grace'
    """

    grace: float = 0.0

    def __post_init__(self) -> None:
        _check_grace(self.grace)

    def describe(self) -> str:
        """Return the strategy as a phrase."""
        return f"off treatment{_with_grace(self.grace)}"

    def required(self, rows: pd.DataFrame) -> IntArray:
        """Return what is asked for at every row."""
        start = rows["start"].to_numpy(dtype=float)
        return np.where(start >= self.grace, OFF, FREE).astype(np.intp)


@checked
@dataclass(frozen=True, slots=True)
class ContinueUntil(TreatmentStrategy):
    """On treatment until a state is reached, then off: "taper at remission".

    Parameters
    ----------
    state : str
        Column of the decisions that is 1 while in the state, e.g. made by
        ``covariates={"remission": trd.Remission(10)}``.
    grace : float, default 0
        Days after the state was first reached within which the treatment may still be stopped.

    Raises
    ------
    SpecError
        When the grace is negative.

    Examples
    --------
    >>> ContinueUntil("remission", grace=28).describe()
    'on treatment until remission, then off, with 28 days of grace'
    """

    state: str
    grace: float = 0.0

    def __post_init__(self) -> None:
        _check_grace(self.grace)

    def describe(self) -> str:
        """Return the strategy as a phrase."""
        return f"on treatment until {self.state}, then off{_with_grace(self.grace)}"

    def required(self, rows: pd.DataFrame) -> IntArray:
        """Return what is asked for at every row.

        Raises
        ------
        UnknownNameError
            When the state is no column.
        SpecError
            When it is neither 0 nor 1 somewhere; missing counts as 0.
        """
        if self.state not in rows:
            raise unknown_name("column of the decisions", self.state, rows.columns)
        state = pd.to_numeric(rows[self.state], errors="coerce").astype(float)
        odd = rows[self.state].notna() & ~state.isin((0.0, 1.0))
        if odd.any():
            raise SpecError(
                f"The state {self.state!r} must be 1 while in the state and 0 otherwise; got "
                f"{rows.loc[odd, self.state].iloc[0]!r}. Give a definition as the covariate: "
                f"covariates={{{self.state!r}: trd.Remission(10)}}."
            )
        reached = state.fillna(0.0) > 0
        start = rows["start"].astype(float)
        since = start.where(reached).groupby(rows["subject"], observed=True, sort=False)
        first = since.cummin().groupby(rows["subject"], observed=True, sort=False).ffill()
        days = (start - first).to_numpy()
        with np.errstate(invalid="ignore"):
            return np.select([np.isnan(days), days < self.grace], [ON, FREE], OFF).astype(np.intp)


@checked
@dataclass(frozen=True, slots=True)
class RuleStrategy(TreatmentStrategy):
    """A strategy given by a function.

    Parameters
    ----------
    function : callable
        ``function(rows)`` returns for every row 1 (on), 0 (off) or -1 (either); see
        `TreatmentStrategy.required`.
    name : str
        The strategy as a phrase.

    Raises
    ------
    SpecError
        When the function is none.

    Examples
    --------
    On treatment while the last score was 10 or more:

    >>> import numpy as np
    >>> rule = RuleStrategy(lambda rows: np.where(rows["score"] >= 10, 1, 0), "on from 10 points")
    >>> rule.describe()
    'on from 10 points'
    """

    function: Callable[[pd.DataFrame], object]
    name: str

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SpecError(f"function must be callable; got {self.function!r}.")

    def describe(self) -> str:
        """Return the strategy as a phrase."""
        return self.name

    def required(self, rows: pd.DataFrame) -> IntArray:
        """Return what is asked for at every row, checked."""
        values = np.asarray(self.function(rows))
        if values.shape != (len(rows),) or not np.isin(values, (ON, OFF, FREE)).all():
            raise SpecError(
                f"The strategy {self.name!r} must return 1 (on), 0 (off) or -1 (either) for each "
                f"of {len(rows):,} rows."
            )
        return values.astype(np.intp)
