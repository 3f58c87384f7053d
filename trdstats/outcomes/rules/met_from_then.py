"""What rules share that are met from a visit on, by what a state did before it."""

from __future__ import annotations

from trdstats.outcomes.rules.definition import Definition


class MetFromThen(Definition):
    """A rule about the course of a state; from the visit at which it is met, it stays met.

    Attributes
    ----------
    definition : Definition
        The state.
    """

    definition: Definition

    @property
    def is_worsening(self) -> bool | None:
        """Whether the state is a bad outcome."""
        return self.definition.is_worsening

    @property
    def is_cumulative(self) -> bool:
        """Whether a visit speaks for all visits before it: it does."""
        return True

    @property
    def ends_when_known(self) -> bool:
        """Whether time without the event ends at the last visit whose state is known: it does."""
        return True
