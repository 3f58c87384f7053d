"""What becomes of subjects who started another treatment: the strategy, and how many they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import SubjectsLike
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, SpecError, check_choice
from trdstats.outcomes.assess import Seen
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.study.courses.changes import SWITCH_KINDS, first_day
from trdstats.tables import format_count

AfterSwitch = Literal["ignore", "censor", "failure", "competing"]
AFTER_SWITCH = get_args(AfterSwitch)
COMPETING = "another treatment"
# A larger share of an arm is more than a detail of the analysis.
MANY = 0.05

_POLICY = "they are counted under the treatment they were assigned to (treatment policy)"
_WORDS = {
    "ignore": _POLICY,
    "censor": "they are censored at their last rating up to it, as if the switch told nothing of "
    "what would have followed (hypothetical)",
    "failure": "they count as failures (composite)",
    "competing": "it competes with the outcome (while on the assigned treatment)",
}
_SHORT = {
    "ignore": "counted as assigned",
    "censor": "censored then",
    "failure": "counted as failures",
    "competing": "a competing event",
}
_FEW_ARMS = 3  # named one by one in a figure
_REMEDY = {
    "rate": "Name after_switch='ignore' if that is the question, or 'failure'.",
    "times": "Name after_switch='ignore' if that is the question, or 'censor', 'failure' or "
    "'competing'.",
    "other": "To count it otherwise give the study of an estimand: "
    "Estimand(...).derive(study).study, with Composite() for the switch.",
    "history": "Name after_switch='ignore' if that is the question, or 'censor' or 'failure'.",
}


@dataclass(frozen=True)
class SwitchCounts:
    """How many of each arm started another treatment, and how they were counted.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a subject that is counted: subject, treatment (category), switched.
    strategy : {"ignore", "censor", "failure", "competing"} or None
        None: none was named, and they are counted as under "ignore".
    when : str
        By when they had: "by day 28".
    of : {"rate", "times", "history", "other"}
        What was counted.
    """

    frame: pd.DataFrame
    strategy: AfterSwitch | None
    when: str
    of: str

    def tidy(self) -> pd.DataFrame:
        """Return treatment, n, n_switched and strategy ("ignore" where none was named)."""
        arms, n, n_switched = self._counts()
        return pd.DataFrame(
            {
                "treatment": arms,
                "n": n,
                "n_switched": n_switched,
                "strategy": self.strategy or "ignore",
            }
        )

    def _counts(self) -> tuple[list[str], IntArray, IntArray]:
        """Return the treatments, the subjects of each, and how many of them switched."""
        arms = list(self.frame["treatment"].cat.categories)
        code = self.frame["treatment"].cat.codes.to_numpy()
        switched = self.frame["switched"].to_numpy(dtype=bool)
        n, k = (np.bincount(c, minlength=len(arms)) for c in (code, code[switched]))
        return arms, n, k

    def notices(self) -> tuple[Problem, ...]:
        """Return the sentence on those who switched, none without any.

        It is a warning where no strategy was named and more than 5 % of an arm switched.
        """
        if not self.frame["switched"].to_numpy(dtype=bool).any():
            return ()
        names, n, switched = self._counts()
        arms = [
            f"{format_count(k)} of {format_count(of)} under {name}"
            for name, of, k in zip(names, n.tolist(), switched.tolist(), strict=True)
            if k
        ]
        many = bool((switched > MANY * n).any())
        named = self.strategy is not None
        return (
            Problem(
                "switched",
                f"Another treatment was started {self.when} by {', '.join(arms)}: "
                f"{_WORDS[self.strategy or 'ignore']}.",
                (),
                "" if named else _REMEDY[self.of],
                level="warning" if many and not named else "note",
            ),
        )

    def notes(self) -> tuple[str, ...]:
        """Return the notices as lines for a table."""
        return tuple(f"{p.summary} {p.remedy}".rstrip() for p in self.notices())

    def in_figure(self) -> str:
        """Return how many switched and how they were counted, in a few words; empty without any."""
        table = self.tidy()
        rows = table[table["n_switched"] > 0]
        if not len(rows):
            return ""
        who = (
            ", ".join(
                f"{k:,} {name}"
                for name, k in zip(rows["treatment"], rows["n_switched"], strict=True)
            )
            if len(rows) <= _FEW_ARMS
            else f"{rows['n_switched'].sum():,} of {table['n'].sum():,}"
        )
        return f"Started another treatment: {who} ({_SHORT[self.strategy or 'ignore']})"

    def only(self, treatments: Sequence[str]) -> SwitchCounts:
        """Return the counts of some of the treatments, in their order."""
        kept = self.frame[self.frame["treatment"].isin(treatments)]
        arm = kept["treatment"].cat.set_categories(list(treatments))
        return replace(self, frame=kept.assign(treatment=arm))

    def among(self, subjects: SubjectsLike) -> SwitchCounts:
        """Return the counts of some of the subjects."""
        return replace(self, frame=self.frame[self.frame["subject"].isin(subjects)])


def notes_on(switching: SwitchCounts | None) -> tuple[str, ...]:
    """Return the notes of counts; none where the study does not know of switches."""
    return () if switching is None else switching.notes()


def caveat_of_figure(caveat: str, switching: SwitchCounts | None) -> str:
    """Return what a figure must say: its caveat, and how many switched and how they count."""
    switched = "" if switching is None else switching.in_figure()
    return ". ".join(part for part in (caveat, switched) if part)


def count_switches(
    study: Study,
    switched: BoolArray,
    *,
    strategy: AfterSwitch | None,
    when: str,
    of: str,
    among: BoolArray | None = None,
) -> SwitchCounts | None:
    """Return who switched, None where the study does not know of switches.

    Parameters
    ----------
    study : Study
    switched : ndarray of bool, shape (n_subjects,)
    strategy, when, of
        See `SwitchCounts`.
    among : ndarray of bool, shape (n_subjects,), optional
        Who is counted. Default: all.
    """
    known = (*study.events["event"].unique(), *(["switch"] if len(study.courses) else []))
    if not {*SWITCH_KINDS} & {*known} - {*study.decided_events}:
        return None
    frame = study.subjects[["subject", "treatment"]].assign(switched=switched)
    return SwitchCounts(frame if among is None else frame[among], strategy, when, of)


def switch_days(study: Study, named: tuple[str, ...] = ()) -> FloatArray:
    """Return the day of each subject's first switch, NaN without one.

    Parameters
    ----------
    study : Study
    named : tuple of str
        Kinds of events that play another part in the analysis; they are no switch here.

    Returns
    -------
    ndarray, shape (n_subjects,)
    """
    kinds = [k for k in SWITCH_KINDS if k not in (*named, *study.decided_events)]
    return first_day(study.events, kinds, np.zeros(len(study.subjects)))


def seen_until(day: FloatArray, strategy: AfterSwitch | None) -> Seen | None:
    """Return which visits are looked at under a strategy: all, or those up to the switch.

    A visit on the day of the switch shows the treatment before it; as a failure the switch has
    happened by that day.
    """
    if strategy in (None, "ignore"):
        return None
    return Seen(day, inclusive=strategy != "failure")


def check_strategy(
    study: Study,
    after_switch: AfterSwitch | None,
    definition: Definition,
    named: tuple[str, ...] = (),
) -> None:
    """Refuse a strategy that is not known, that is named twice, or that does not fit.

    Raises
    ------
    SpecError
    """
    if after_switch is None:
        return
    check_choice("after_switch", after_switch, AFTER_SWITCH)
    twice = [k for k in SWITCH_KINDS if k in (*named, *study.decided_events)]
    if twice:
        raise SpecError(
            f"after_switch={after_switch!r} says what becomes of a switch, and "
            f"{' and '.join(map(repr, twice))} has another part as well (until, competing, an "
            "event of the definition, or the estimand that made the study). Keep one of the two."
        )
    if after_switch == "failure" and definition.is_worsening is None:
        raise SpecError(
            f"after_switch='failure' must know whether {definition.label()} is a good or a bad "
            "outcome, and its parts differ in that. Use one of them alone, or 'competing'."
        )


def check_rate_strategy(
    study: Study, after_switch: AfterSwitch | None, definition: Definition
) -> None:
    """Refuse what a rate at a day cannot do: it has no follow-up that could end.

    Raises
    ------
    SpecError
    """
    named = (*definition.events, *definition.failures)
    check_strategy(study, after_switch, definition, named)
    if after_switch == "censor":
        raise SpecError(
            "A rate at a day cannot censor those who switched: leaving them out would select whom "
            "it is about. Use after_switch='failure', or time_to(study, definition, "
            "after_switch='censor') with KaplanMeier, or impute what would have followed: Estimand "
            "with Hypothetical() for the switch, then Imputation."
        )
    if after_switch == "competing":
        raise SpecError(
            "In a rate at a day nothing competes: a switch that ends the chance of the outcome is "
            "after_switch='failure'. For its cumulative incidence use time_to(study, definition, "
            "after_switch='competing') with AalenJohansen."
        )
