"""How much of a run is done, and about how long the rest will take."""

from __future__ import annotations

from trdstats.plan.plan import Plan
from trdstats.plan.steps import get_step

_STUDY, _REPORT = 0.5, 10.0  # beside a step of cost 1


class Remaining:
    """Counts the parts of a run: the study, each step, figures and report.

    Parameters
    ----------
    plan : Plan

    Attributes
    ----------
    done : float
        Share of the run before the part that is at work, 0 to 1.
    """

    def __init__(self, plan: Plan) -> None:
        costs = [_STUDY, *(get_step(s.kind).cost for s in plan.steps), _REPORT]
        self._before = [sum(costs[:k]) / sum(costs) for k in range(len(costs))]
        self._next = 0
        self.done = 0.0

    def begin(self) -> None:
        """Say that the next part begins."""
        self.done = self._before[min(self._next, len(self._before) - 1)]
        self._next += 1

    def words(self, elapsed: float) -> str:
        """Return about how long the rest will take; empty before anything can be said.

        Parameters
        ----------
        elapsed : float
            Seconds since the run began.
        """
        if self.done <= 0:
            return ""
        seconds = elapsed / self.done * (1 - self.done)
        return (
            f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"
        )
