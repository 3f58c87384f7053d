"""States read beside the total: on another scale of the study, or in items of the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.kernels.visits.beside import Beside, same_visit
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    NOT_RATED,
    RatedVisits,
    States,
    states,
    states_at,
)
from trdstats.outcomes.rules.definition import AllOf, Definition, check_states
from trdstats.outcomes.rules.states import Remission
from trdstats.scales import Scale, Source, get_scale


@checked
@dataclass(frozen=True, repr=False)
class OnScale(Definition):
    """A state on another scale of the study, at the same visit.

    Two scales at once: ``Response() & OnScale(Remission(at_most=2), "CGI-S")``. The visit is that
    of the scale in use: the rating on the other scale at the same scheduled day counts (of an
    unscheduled visit, on the same day); without one the state is not known.

    Parameters
    ----------
    definition : Definition
        A state at a visit.
    scale : str or Scale
        A scale of the study.

    Raises
    ------
    SpecError
        When the definition is no state at a visit.
    UnknownNameError
        When there is no such scale.

    Examples
    --------
    >>> from trdstats import CGIResponse, OnScale, Response
    >>> (Response() & OnScale(CGIResponse(), "CGI-I")).label()
    'response (≥ 50 % fall) and CGI-I response (≤ 2) on CGII'
    """

    definition: Definition
    scale: str | Scale

    def __post_init__(self) -> None:
        check_states("OnScale", self.definition)
        get_scale(self.scale)  # a name that is not known is refused here

    @property
    def own_scale(self) -> Scale:
        """The other scale."""
        return get_scale(self.scale)

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return f"{self.definition.name} on {self.own_scale.label}"

    @property
    def is_worsening(self) -> bool | None:
        """Whether the state is a bad outcome."""
        return self.definition.is_worsening

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit of the scale in use."""
        other, other_scale = records_of(visits, self.label()).scale(self.own_scale.label)
        row = same_visit(visits.start, visits.nominal, other.start, other.nominal)
        return states_at(self.definition.evaluate(other, other_scale), row)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return self._on(self.definition.describe(self.own_scale))

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its cut-off and scale."""
        return self._on(self.definition.label(self.own_scale))

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state."""
        return self.definition.sources(self.own_scale)

    def _on(self, text: str) -> str:
        """Return a text that names the scale once."""
        label = self.own_scale.label
        return text if label in text else f"{text} on {label}"


@checked
@dataclass(frozen=True, repr=False)
class Items(Definition):
    """Every one of some items at or below (or above) a value at the visit.

    Symptom items as conditions, and functional remission by item. The items are columns of the
    visits. Met when all of them meet it; not met when one of them does not; an item that was not
    answered leaves it not known, unless another one decides.

    Parameters
    ----------
    columns : sequence of str
        Columns of the visits of the study.
    at_most, at_least : float, optional
        Limit, included; one of them.

    Raises
    ------
    SpecError
        When no column, or not exactly one limit is given.

    Examples
    --------
    >>> from trdstats import Items, Response
    >>> (Response() & Items(("madrs10",), at_most=1)).label()
    'response (≥ 50 % fall) and madrs10 ≤ 1'
    """

    columns: Sequence[str]
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            raise SpecError(f"columns must be a tuple, for example ({self.columns!r},).")
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns or (self.at_most is None) == (self.at_least is None):
            raise SpecError(
                "Items needs columns and one limit: Items(('sds1', 'sds2', 'sds3'), at_most=2)."
            )

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return self.label()

    @property
    def is_worsening(self) -> bool | None:
        """An item at most so high is a good outcome; of one at least so high it is not known."""
        return False if self.at_most is not None else None

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        beside = records_of(visits, self.label())
        refuted = np.zeros(len(visits.day), dtype=bool)
        unanswered = np.zeros(len(visits.day), dtype=bool)
        for name in self.columns:
            start, nominal, value = beside.column(name)
            # Rows of a visit without a value do not hide one that has it.
            has = ~np.isnan(value)
            kept = np.concatenate([[0], np.cumsum(has)])[start]
            row = same_visit(visits.start, visits.nominal, kept, nominal[has])
            there = row >= 0
            answers = np.full(len(row), np.nan)
            answers[there] = value[has][row[there]]
            with np.errstate(invalid="ignore"):
                if self.at_most is not None:
                    refuted |= answers > self.at_most
                if self.at_least is not None:
                    refuted |= answers < self.at_least
            unanswered |= ~there
        known = refuted | ~unanswered
        reason = np.where(known, ASSESSED, NOT_RATED).astype(np.uint8)
        return states(known & ~refuted, reason)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        limit = f"at most {self.at_most:g}" if self.at_most is not None else ""
        limit = limit or f"at least {self.at_least:g}"
        each = "each of " if len(self.columns) > 1 else ""
        return f"{each}{', '.join(self.columns)} {limit}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the columns and the limit."""
        limit = f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"
        return f"{', '.join(self.columns)} {limit}"


_SDS = "SDS"


@checked
@dataclass(frozen=True, repr=False)
class _RemissionOfSDS(Remission):
    """Remission by a total of the Sheehan Disability Scale, and of no other scale."""

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return "remission"

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit.

        Raises
        ------
        SpecError
            When the scale in use is another one.
        """
        if scale.label != get_scale(_SDS).label:
            raise SpecError(
                f"functional_remission is a rule of the {_SDS}, and the scale in use is "
                f"{scale.label}: use OnScale(Remission(at_most=6), 'SDS') & Items(items, "
                "at_most=2), or study.on('SDS')."
            )
        return super().evaluate(visits, scale)


@checked
def functional_remission(items: Sequence[str], *, at_most: int = 6, each_at_most: int = 2) -> AllOf:
    """Return functional remission on the Sheehan Disability Scale: total and every item.

    The total is that of the scale in use, which must be the SDS.

    Parameters
    ----------
    items : sequence of str
        Columns of the visits with the three items (work, social, family). Where the work item does
        not apply it is not answered, and the state not known unless another item refutes it.
    at_most : int, default 6
        Highest total.
    each_at_most : int, default 2
        Highest answer to any item.

    Notes
    -----
    Total at most 6 and each item at most 2 is the usual rule (response: 12 and 4); the primary
    source was not verified. For a study on another scale:
    ``OnScale(Remission(at_most=6), "SDS") & Items(items, at_most=2)``.

    Examples
    --------
    >>> from trdstats import functional_remission
    >>> functional_remission(("sds1", "sds2", "sds3")).label()
    'remission (≤ 6) and sds1, sds2, sds3 ≤ 2'
    """
    return AllOf((_RemissionOfSDS(at_most=at_most), Items(tuple(items), at_most=each_at_most)))


def records_of(visits: RatedVisits, label: str) -> Beside:
    """Return what was recorded beside the scores.

    Raises
    ------
    SpecError
        When the visits do not come from a study.
    """
    if visits.beside is None:
        raise SpecError(f"{label} reads more of a study than its scores: give it a Study.")
    return visits.beside
