"""How much of a run is done, and about how long the rest will take."""

from __future__ import annotations

from trdstats.plan.plan import Plan
from trdstats.plan.steps import get_step

_STUDY, _REPORT = 0.5, 2.0  # beside a step of cost 1


class Remaining:
    """Counts the parts of a run: the study, each step with its figures, the report.

    Parameters
    ----------
    plan : Plan
    n_jobs : int
        Processes at work on the steps. With several the longest steps are begun first.

    Attributes
    ----------
    done : float
        Share of the run before the part that is at work, 0 to 1.
    """

    def __init__(self, plan: Plan, n_jobs: int = 1) -> None:
        steps = [get_step(s.kind).cost for s in plan.steps]
        costs = [_STUDY, *(sorted(steps, reverse=True) if n_jobs > 1 else steps), _REPORT]
        self._beside = n_jobs - 1
        self._before = [sum(costs[:k]) / sum(costs) for k in range(len(costs))]
        self._next = 0
        self.done = 0.0

    def begin(self) -> None:
        """Say that the next part begins."""
        report = len(self._before) - 1
        # As many parts as there are other processes are still at work.
        done = self._next if self._next >= report else max(self._next - self._beside, 0)
        self.done = self._before[min(done, report)]
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
