"""A step of a plan: one question, answered by one section of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from trdstats.errors import SpecError
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section
from trdstats.study import Study


def _fits(plan: Plan, study: Study) -> Iterable[tuple[str, str]]:
    return ()


@dataclass(frozen=True)
class Step:
    """One question of a plan.

    Attributes
    ----------
    key : str
        Name of the step; the anchor of its section.
    words : str
        What is being done, for the progress shown.
    needs : tuple of str
        Settings of the plan that the step reads.
    run : callable
        ``run(plan, study)`` returns the `Section`.
    check : callable, optional
        ``check(plan, study)`` returns what of the plan does not fit the study, such as a column
        that is not there: pairs of the setting of ``[analysis]`` and the words. All steps are
        asked before one runs.

    Raises
    ------
    SpecError
        When a plan has no such setting.
    """

    key: str
    words: str
    needs: tuple[str, ...]
    run: Callable[[Plan, Study], Section]
    check: Callable[[Plan, Study], Iterable[tuple[str, str]]] = _fits

    def __post_init__(self) -> None:
        known = {f.name for f in fields(Plan)}
        unknown = [name for name in self.needs if name not in known]
        if unknown:
            raise SpecError(
                f"The step {self.key!r} needs {', '.join(map(repr, unknown))}, which is no setting "
                f"of a plan. Known: {', '.join(sorted(known))}."
            )
