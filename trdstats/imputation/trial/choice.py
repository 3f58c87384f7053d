"""The strategy of every subject with an event, its reference arm named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from trdstats.arguments import Level
from trdstats.arrays import BoolArray
from trdstats.errors import SpecError, count_of
from trdstats.formulas import read_formula
from trdstats.imputation.trial.events import STATUS_IS_MAR
from trdstats.imputation.trial.layout import Layout
from trdstats.imputation.trial.strategies import MAR, Strategy, read_strategy, with_reference


class HasFormula(Protocol):
    """An imputation model."""

    @property
    def formula(self) -> str:
        """Outcome and fixed effects."""


class FittedDraws(Protocol):
    """Draws of the parameters of an imputation model."""

    @property
    def spec(self) -> HasFormula:
        """The model."""

    @property
    def layout(self) -> Layout:
        """Outcomes by subject and visit, with the events."""

    @property
    def strategies(self) -> npt.NDArray[np.object_]:
        """Strategy that came with each event, shape (n,)."""

    @property
    def used(self) -> BoolArray:
        """Observed values that inform the model, shape (n, T)."""


def resolve_strategies(
    draws: FittedDraws,
    strategy: Strategy | str | Mapping[str, Strategy | str] | None,
    reference: Level | None,
) -> npt.NDArray[np.object_]:
    """Return the strategy of every subject, each with its reference arm.

    Raises
    ------
    SpecError
        When a strategy needs a reference and has none, the arms of the model do not differ, or
        values observed after the event inform the model and the strategy would set them aside.
    UnknownNameError
        When there is no such arm.
    """
    layout, formula = draws.layout, draws.spec.formula
    chosen = choose_strategies(layout, draws.strategies, strategy, draws.used)
    completed: dict[Strategy, Strategy] = {}
    for one in chosen:
        if one not in completed:
            completed[one] = with_reference(one, reference, layout.treatments)
    borrows = any(one.reference is not None for one in completed.values())
    terms = {str(v) for v in read_formula(formula).rhs.required_variables}
    if borrows and layout.treatment not in terms:
        raise SpecError(
            f"The imputation model {formula!r} has no {layout.treatment!r}: its arms "
            "do not differ, so no strategy can use a reference arm."
        )
    return np.array([completed[one] for one in chosen], dtype=object)


def choose_strategies(
    layout: Layout,
    from_events: npt.NDArray[np.object_],
    strategy: Any,
    used: BoolArray,
) -> npt.NDArray[np.object_]:
    """Return the strategy of every subject: those of the events, or others in their place.

    Parameters
    ----------
    strategy : Strategy, str, mapping of reason to either, or None

    Raises
    ------
    SpecError
        When a reason is not known, no subject has an event after which the strategy would hold, or
        values observed after the event inform the model and the strategy would set them aside.
    """
    if strategy is None:
        return from_events
    had = layout.event < layout.y.shape[1]
    chosen = from_events.copy()
    if isinstance(strategy, dict):
        reasons = sorted({r for r in layout.reason if r})
        for reason in strategy:
            if reason not in reasons:
                known = f"; reasons: {', '.join(reasons)}" if reasons else ": there is no event"
                raise SpecError(f"No event has the reason {reason!r}{known}.")
        for reason, one in strategy.items():
            chosen[had & (layout.reason == reason)] = read_strategy(one)
    else:
        one = read_strategy(strategy)
        _check_somebody(layout, one, had)
        chosen[had] = one
    _check_change(layout, from_events, chosen, used)
    return chosen


def _check_somebody(layout: Layout, strategy: Strategy, had: BoolArray) -> None:
    """Refuse a strategy for what follows events where subjects left and none has an event."""
    n_left = int(np.isnan(layout.y[:, -1]).sum())
    if had.any() or not n_left or isinstance(strategy, MAR):
        return
    raise SpecError(
        f"No subject has an event, and {count_of(n_left, 'subject is', 'subjects are')} not "
        f"assessed at the last visit: the strategy {strategy.label} would apply to no subject, and "
        "all missing values would be missing at random. Give the events when drawing, for example "
        "draw(data, dropout_events(data))."
    )


def _check_change(
    layout: Layout,
    from_events: npt.NDArray[np.object_],
    chosen: npt.NDArray[np.object_],
    used: BoolArray,
) -> None:
    informs = (used & (np.arange(used.shape[1]) >= layout.event[:, None])).any(axis=1)
    dropped = (~used & ~np.isnan(layout.y)).any(axis=1)
    to_other = np.array([not isinstance(s, MAR) for s in chosen], dtype=bool)
    if layout.has_status and to_other.any():
        raise SpecError(STATUS_IS_MAR)
    wrong = (informs & to_other) | (dropped & ~to_other)
    if wrong.any():
        names = ", ".join(str(s) for s in layout.subjects[wrong][:5])
        raise SpecError(
            f"{count_of(int(wrong.sum()), 'subject has', 'subjects have')} values observed after "
            f"the event ({names}). Whether these inform the imputation model is decided when it "
            "is fitted: give the strategy in the events, events.assign(strategy='JR'), and draw "
            "again."
        )
