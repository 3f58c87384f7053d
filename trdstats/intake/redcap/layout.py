"""What is known of a REDCap project besides its export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trdstats.aliases import TableLike
from trdstats.arguments import checked
from trdstats.errors import SpecError


@checked
@dataclass(frozen=True, kw_only=True)
class RedcapLayout:
    """Where the visits of a REDCap export stand, and what its codes mean.

    Attributes
    ----------
    record : str, optional
        Field that names the subject. Default: the first column, which it always is.
    event_days : dict of str to float
        Day since first treatment of each event by its unique name; the ending of its arm may be
        left out: ``{"baseline": 0, "week_4": 28}``.
    event_table : str or Path, optional
        The events of the project as REDCap exports them (csv): unique_event_name, day_offset.
    days_in_names : bool, default False
        Whether names of events say their day: ``"week_4_arm_1"``, ``"day_14"``, ``"baseline"``.
    dictionary : str or Path, optional
        The data dictionary of the project (csv): what codes mean, so that treatments and covariates
        are called by their labels.
    visit_instruments : sequence of str
        Repeating instruments of which each instance is a visit. Default: those that hold scores.

    Raises
    ------
    SpecError
        When days of events are given in more than one way.

    Examples
    --------
    >>> RedcapLayout(event_days={"baseline": 0, "week_4": 28}).event_days
    {'baseline': 0.0, 'week_4': 28.0}
    """

    record: str | None = None
    event_days: Mapping[str, float] = field(default_factory=dict)
    event_table: TableLike | None = None
    days_in_names: bool = False
    dictionary: TableLike | None = None
    visit_instruments: Sequence[str] = ()

    def __post_init__(self) -> None:
        ways = [
            n for n in ("event_days", "event_table", "days_in_names") if _is_given(getattr(self, n))
        ]
        if len(ways) > 1:
            raise SpecError(f"Days of events are given by {' and '.join(ways)}: keep one of them.")
        days = {str(k): float(v) for k, v in self.event_days.items()}
        object.__setattr__(self, "event_days", days)
        for name in ("event_table", "dictionary"):
            value = getattr(self, name)
            if isinstance(value, Path):
                object.__setattr__(self, name, str(value))


def _is_given(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return value is not None and value is not False
