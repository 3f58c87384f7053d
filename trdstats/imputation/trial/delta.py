"""Delta adjustment: shifts of imputed values, by arm, visit and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, known_level, unknown_name
from trdstats.imputation.trial.layout import Layout, plain


@checked
@dataclass(frozen=True)
class Delta:
    """A shift of imputed values.

    It is added as it stands: positive is worse on most depression scales, and better where high
    is good (WHO-5), so that worse is negative there.

    Parameters
    ----------
    amount : float or mapping of arm to float
        Points added, the same in all arms or by arm (its label or its value); arms not named get
        none.
    visits : sequence, optional
        Visits that are shifted. Default: all.
    reasons : sequence of str, optional
        Reasons of the events after which values are shifted. Default: all.
    accumulate : bool, default False
        Whether the shift grows by `amount` at every visit from the event on. It then starts at
        the event, so gaps before it are left as they are.
    after_event_only : bool, default False
        Whether gaps of subjects without an event, or before theirs, are left as they are.

    Raises
    ------
    SpecError
        When an amount is not a finite number, or a list names nothing.

    Examples
    --------
    >>> Delta({"ketamine": 4}).describe()
    '4 added to imputed values under ketamine'
    >>> Delta(1, visits=[28], reasons=["rescue"], accumulate=True).describe()
    '1 a visit from the event on added to imputed values under any arm at 28 after rescue'
    """

    amount: float | Mapping[str, float] | Mapping[float, float]
    visits: Sequence[Level] | None = None
    reasons: Sequence[str] | None = None
    accumulate: bool = False
    after_event_only: bool = False

    def __post_init__(self) -> None:
        if self.reasons is not None and not len(self.reasons):
            raise SpecError("reasons must hold at least one reason, or leave reasons out.")
        if isinstance(self.amount, Mapping) and not self.amount:
            raise SpecError("amount must name at least one arm.")
        values = self.amount.values() if isinstance(self.amount, Mapping) else [self.amount]
        for value in values:
            if not isinstance(value, int | float | np.number) or not np.isfinite(value):
                raise SpecError(f"A delta must be a finite number; got {value!r}.")

    def describe(self) -> str:
        """Return the adjustment in words."""
        pace = " a visit from the event on" if self.accumulate else ""
        if isinstance(self.amount, Mapping):
            what = "; ".join(
                f"{value:g}{pace} added to imputed values under {arm}"
                for arm, value in self.amount.items()
            )
        else:
            what = f"{self.amount:g}{pace} added to imputed values under any arm"
        if self.visits is not None:
            what += " at " + ", ".join(map(plain, self.visits))
        if self.reasons is not None:
            what += f" after {', '.join(self.reasons)}"
        return what + (" (gaps before an event excepted)" if self.after_event_only else "")

    def shifts(self, layout: Layout) -> FloatArray:
        """Return the shift of every missing value, shape (n, T).

        Raises
        ------
        UnknownNameError
            When an arm, visit or reason is not known.
        """
        T = layout.y.shape[1]
        arms = layout.treatments
        if isinstance(self.amount, Mapping):
            by_arm = np.zeros(len(arms))
            places = [known_level("arm of the delta", arm, arms) for arm in self.amount]
            if len(set(places)) < len(places):
                raise SpecError(
                    f"The delta names an arm twice: {', '.join(map(repr, self.amount))}."
                )
            by_arm[places] = list(self.amount.values())
        else:
            by_arm = np.full(len(arms), float(self.amount))
        visits = list(layout.visits)
        chosen = np.ones(T, dtype=bool)
        if self.visits is not None:
            chosen[:] = False
            chosen[[known_level("visit of the delta", v, visits) for v in self.visits]] = True
        reasons = sorted({r for r in layout.reason if r})
        for reason in self.reasons or ():
            if reason not in reasons:
                raise unknown_name("reason of the delta", reason, reasons)
        since = np.arange(T) - layout.event[:, None] + 1  # 1 at the visit of the event
        after = since >= 1
        shift = np.tile(by_arm[layout.arm][:, None], (1, T))
        if self.accumulate:
            shift = shift * np.maximum(since, 0)
        if self.after_event_only:
            shift = np.where(after, shift, 0.0)
        shift = shift * chosen
        if self.reasons is not None:
            is_shifted = np.array([r in self.reasons for r in layout.reason], dtype=bool)
            shift = np.where(is_shifted[:, None] & after, shift, 0.0)
        return np.where(np.isnan(layout.y), shift, 0.0)


def read_deltas(delta: Any) -> tuple[Delta, ...]:
    """Return deltas as a tuple; several add up.

    Raises
    ------
    SpecError
        When one is not a `Delta`.
    """
    if delta is None:
        return ()
    deltas = (delta,) if isinstance(delta, Delta) else tuple(delta)
    for one in deltas:
        if not isinstance(one, Delta):
            raise SpecError(f"delta must be a Delta or several; got {one!r}.")
    return deltas
