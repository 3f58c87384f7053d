"""A step of a plan: one question, answered by one section of the report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trdstats.errors import TrdstatsError, known_level, unknown_name
from trdstats.formulas import read_formula
from trdstats.outcomes import Definition, EventTimes, time_to
from trdstats.outcomes.switching import check_strategy
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.switching import strategy_for
from trdstats.study import Study
from trdstats.study.plausibility.scheduled import no_ratings

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """What a step is given to do.

    Attributes
    ----------
    plan : Plan
    study : Study
        Seen on the scale of the step.
    name : str
        Name of the step in the plan, anchor of its section and begin of the names of its files.
    settings : StepSettings
        Of the class that the step declares.
    shared : dict
        What steps have derived or fitted already, see `once`.
    """

    plan: Plan
    study: Study
    name: str
    settings: Any
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        """Return what `make` gives, made once for all steps that ask with the same key."""
        whole = (self.study.scale.label, *key)
        if whole not in self.shared:
            self.shared[whole] = make()
        result: T = self.shared[whole]
        return result

    def definition(self, name: str) -> Definition:
        """Return a definition of the plan."""
        return self.plan.definition(name)

    def unknown_outcomes(self, *names: str | None) -> Iterator[str]:
        """Yield words for each outcome that the plan does not define; None is no outcome."""
        known = self.plan.definitions
        for name in names:
            if name is not None and name not in known:
                yield str(unknown_name("definition of this plan", name, known))

    def no_states(self, *names: str) -> Iterator[str]:
        """Yield words for each outcome that does not hold or not at any visit."""
        for name in names:
            definition = self.plan.definitions[name]
            if definition.is_event or definition.fixed_day is not None:
                yield (
                    f"the outcome {name!r} ({definition.name}) is no state at a visit, such as "
                    "response or remission."
                )

    def unknown_days(self, *days: float | None) -> Iterator[str]:
        """Yield words for each day at which the study has no ratings; None is no day."""
        visits = self.study.visits
        rated = set(visits.loc[(visits["day"] > 0) & visits["score"].notna(), "visit"])
        for day in days:
            if day is not None and day not in rated:
                yield str(no_ratings(self.study, day))

    def unknown_columns(self, formula: str) -> Iterator[str]:
        """Yield words for each variable of a mixed model's formula that the study does not have."""
        columns = self.study.longitudinal().columns
        for name in sorted(read_formula(formula).required_variables):
            if name not in columns:
                yield str(unknown_name("column of the study", name, columns))

    def misfits_of_switch(
        self,
        step: str,
        definition: Definition,
        *others: Definition,
        competing: tuple[str, ...] = (),
    ) -> Iterator[tuple[str, str]]:
        """Yield why what the plan does with a switch does not fit an outcome of a kind of step.

        Parameters
        ----------
        step : str
            Kind of the step.
        definition : Definition
        *others : Definition
            What else decides the times of the outcome, such as the response before a relapse.
        competing : tuple of str
            Kinds of events that have another part.
        """
        rules = (definition, *others)
        named = (*competing, *(kind for d in rules for kind in (*d.events, *d.failures)))
        try:
            check_strategy(
                self.study, strategy_for(step, self.plan.after_switch), definition, named
            )
        except TrdstatsError as error:
            yield "after_switch", f"of {definition.label(self.study.scale)}: {error}"

    @property
    def reference(self) -> str:
        """Treatment the others are compared with: that of the plan, else the first."""
        names = self.study.treatments
        if self.plan.reference is None:
            return names[0]
        return names[known_level("treatment", self.plan.reference, names)]

    @property
    def acute_end(self) -> float:
        """Day on which the longest acute course ends."""
        end = self.plan.acute_end
        return float(max(end.values()) if isinstance(end, dict) else end)

    def onset(self, outcome: str) -> EventTimes:
        """Return times from day 0 to an outcome of the plan, derived once."""
        strategy = strategy_for("onset", self.plan.after_switch)
        return self.once(
            ("onset", outcome),
            lambda: time_to(self.study, self.definition(outcome), after_switch=strategy),
        )


@dataclass(frozen=True)
class Step:
    """One question that a plan can ask.

    Attributes
    ----------
    key : str
        Name of the step, and of its table in a plan.
    words : str
        What is being done, for the progress shown.
    run : callable
        ``run(task)`` takes a `Task` and returns its `Section`.
    settings : type
        Frozen dataclass derived from `StepSettings`: the keys its table may have, their kinds and
        defaults.
    check : callable
        ``check(task)`` yields what does not fit the study, such as a column that is not there,
        before anything runs: words, or a setting of ``[analysis]`` and the words, whose line is
        then named.
    rows : callable
        ``rows(task)`` returns what columns of its results will hold, as far as that is known before
        anything runs: a confirmatory result that names something else is refused then.
    by_default : bool
        Whether a plan that lists no steps has it.
    cost : float
        About how long it takes beside the others, for the remaining time that is shown.
    """

    key: str
    words: str
    run: Callable[[Task], Section]
    settings: type[StepSettings] = StepSettings
    check: Callable[[Task], Iterable[str | tuple[str, str]]] = lambda task: ()
    rows: Callable[[Task], Mapping[str, Collection[object]]] = lambda task: {}
    by_default: bool = True
    cost: float = 1.0
