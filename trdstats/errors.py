"""Every error and warning of trdstats, and the one place where their messages are built.

A message says what is wrong, where (column, row or subject), and how to fix it. Problems of
an input are collected and reported together, so that a table is mended in one pass.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from types import FrameType, MappingProxyType
from typing import Literal, TypeVar

K = TypeVar("K")
L = TypeVar("L")
V = TypeVar("V")

_SHOWN = 5  # places listed before "and n more": enough to recognise the pattern


# Control characters except line break and tab, marks that change the direction of text, halves of
# characters: a terminal would obey them, a reader would not see them.
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return a text in which control characters are written out as escapes."""
    return _CONTROL_CHARACTERS.sub(
        lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(), text
    )


_OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("options", default=MappingProxyType({}))


@contextmanager
def options_called(names: Mapping[str, str]) -> Iterator[None]:
    """Let messages name arguments as the options of a command: {"subject": "--subject"}."""
    token = _OPTIONS.set(names)
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def argument(name: str, value: str = "...", *, option: str | None = None) -> str:
    """Return how a user gives an argument: as in Python, or as an option of a command.

    Parameters
    ----------
    name : str
    value : str
        In Python, quotes included.
    option : str, optional
        As the option takes it. Default: the value without its quotes.
    """
    called = _OPTIONS.get().get(name)
    if called is None:
        return f"{name}={value}"
    return f"{called} {value.strip(chr(34) + chr(39)) if option is None else option}"


def why_unreadable(error: Exception) -> str:
    """Return why a file cannot be read or written, without the path that the message names."""
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error) or type(error).__name__).rstrip(".")


class TrdstatsError(ValueError):
    """Base of every error that trdstats raises on purpose."""

    def __str__(self) -> str:
        return visible(super().__str__())


class SpecError(TrdstatsError):
    """An argument of a specification (a definition, an estimator, a window) is not usable."""


class UnknownNameError(TrdstatsError):
    """A scale, column, treatment, sample or option has a name that is not known."""


class NotEstimableError(TrdstatsError):
    """The data cannot answer the question that was asked."""


class TooLargeError(TrdstatsError):
    """What was asked for needs more rows in memory at once than are to be there."""


class UnverifiedError(TrdstatsError):
    """A rule or number rests on a source that was not verified."""


class PlanError(TrdstatsError):
    """An analysis plan cannot be read or does not fit the study."""


class MissingDependencyError(TrdstatsError, ImportError):
    """An optional package is needed for this call."""


class TrdstatsWarning(UserWarning):
    """Base of every warning that trdstats issues."""

    def __str__(self) -> str:
        return visible(super().__str__())


class DataWarning(TrdstatsWarning):
    """The data can be analysed, but the result must be read with caution."""


class EstimateWarning(TrdstatsWarning):
    """A result was computed, but a part of it could not be estimated or needs care."""


Level = Literal["error", "warning", "note"]


def warn(message: str | Warning, category: type[Warning] | None = None) -> None:
    """Warn at the line that called the library, however deep inside it the warning arises.

    Python shows a warning once for each line: at a line of the library, those of later calls would
    not be seen.
    """
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


# Modules whose frames lie between the line that called the library and a warning of it.
_BETWEEN = ("trdstats", "contextlib", "functools")


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem in a table.

    Attributes
    ----------
    kind : str
        Stable identifier, e.g. ``"duplicate_visit"``.
    summary : str
        What is wrong, as a sentence.
    where : tuple of str
        The places: ``"P017 at day 28 (rows 41, 42)"``.
    remedy : str
        How to fix it, as a sentence.
    level : {"error", "warning", "note"}
        An error stops the analysis; a warning asks for caution; a note is for the record.
    """

    kind: str
    summary: str
    where: tuple[str, ...]
    remedy: str
    level: Level = "error"

    def describe(self) -> str:
        """Return the problem as lines of text: summary, places, remedy."""
        shown = list(self.where[:_SHOWN])
        if len(self.where) > _SHOWN:
            shown.append(f"and {len(self.where) - _SHOWN:,} more")
        lines = [self.summary]
        if shown:
            lines.append("  " + "; ".join(shown))
        lines.append("  " + self.remedy)
        return "\n".join(lines)


class Counted(str):
    """Words with numbers in them, remembered: what parts of a table say can be added.

    Attributes
    ----------
    pieces : tuple
        Texts, and numbers with the words that agree with one and with more of it.
    """

    __slots__ = ("pieces",)
    pieces: tuple[str | tuple[int, str, str], ...]

    def __new__(cls, *pieces: str | tuple[int, str, str]) -> Counted:
        """Write each number with the words that agree with it."""
        text = super().__new__(cls, "".join(p if isinstance(p, str) else _counted(*p)
                                            for p in pieces))  # fmt: skip
        text.pieces = pieces
        return text

    def __add__(self, text: str) -> Counted:
        return Counted(*self.pieces, *(text.pieces if isinstance(text, Counted) else (text,)))

    def __radd__(self, text: str) -> Counted:
        return Counted(text, *self.pieces)

    def __reduce__(self) -> tuple[type[Counted], tuple[str | tuple[int, str, str], ...]]:
        return type(self), self.pieces

    @property
    def words(self) -> tuple[object, ...]:
        """The words without the numbers: what has the same ones can be added."""
        return tuple(p if isinstance(p, str) else p[1:] for p in self.pieces)

    def more(self, other: Counted) -> Counted:
        """Return the same words about both together."""
        both = zip(self.pieces, other.pieces, strict=True)
        return Counted(*(p if isinstance(p, str) else (p[0] + int(q[0]), *p[1:]) for p, q in both))


def _counted(n: int, one: str, many: str) -> str:
    words = one if n == 1 else many
    return f"{n:,} {words}" if words else f"{n:,}"


def add_problems(collected: list[Problem], *problems: Problem | None) -> None:
    """Add what checks returned; None stands for a check that has nothing to report."""
    collected += [p for p in problems if p is not None]


def count_of(n: int, one: str, many: str) -> Counted:
    """Return a number with the words that agree with it: ``1 row has``, ``2 rows have``."""
    return Counted((n, one, many))


def with_article(noun: str) -> str:
    """Return a noun after its article: ``a row``, ``an event``."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def join_and(names: Sequence[str]) -> str:
    """Return names as words: ``A and B``, ``A, B and C``."""
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def describe_problems(problems: Sequence[Problem]) -> str:
    """Return problems as one text, numbered when there is more than one."""
    if len(problems) == 1:
        text = problems[0].describe()
    else:
        blocks = [f"{i}. {p.describe()}" for i, p in enumerate(problems, start=1)]
        text = f"{len(problems)} problems were found.\n" + "\n".join(blocks)
    if any("row" in place for p in problems for place in p.where):
        text += "\nRows count from 0, as in .iloc; the header is not a row."
    return text


class DataError(TrdstatsError):
    """The tables of a study cannot be analysed as they are.

    Parameters
    ----------
    problems : sequence of Problem
        All problems of the tables, at least one. Notes among them are kept and not printed.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        # What is good to know stops nothing.
        stopping = [p for p in self.problems if p.level != "note"]
        super().__init__(describe_problems(stopping or self.problems))

    def __reduce__(self) -> tuple[type[DataError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


def nearest(name: object, known: Iterable[object], *, n: int = 3, cutoff: float = 0.5) -> list[str]:
    """Return the known names that are most similar to `name`, best first."""
    options = {str(k).casefold(): str(k) for k in known}
    matches = get_close_matches(str(name).casefold(), list(options), n=n, cutoff=cutoff)
    return [options[f] for f in matches]


def known_level(what: str, value: object, levels: Iterable[object]) -> int:
    """Return the position of a level among the known ones, given as its value or as its label.

    Levels that are numbers or truth values have labels: 7, 7.0 and "7" are the same level, and so
    are True and "True".

    Parameters
    ----------
    what : str
        What the levels are, for the message.
    value : object
    levels : iterable

    Raises
    ------
    UnknownNameError
        When there is no such level.
    """
    levels = list(levels)
    labels = [str(k) for k in levels]
    if str(value) in labels:
        return labels.index(str(value))
    number = _number(value)
    equal = [i for i, k in enumerate(levels) if number is not None and _number(k) == number]
    if len(equal) != 1:
        raise unknown_name(what, value, labels)
    return equal[0]


def pick_level(what: str, value: object, levels: Sequence[L]) -> L:
    """Return the level with a value or a label; the first one where none is named.

    Raises
    ------
    UnknownNameError
        When there is no such level.
    """
    return levels[0] if value is None else levels[known_level(what, value, levels)]


def pick_levels(what: str, values: Iterable[object], levels: Sequence[L]) -> list[L]:
    """Return some of the levels, each given as its value or its label, in the order of `levels`."""
    places = {known_level(what, value, levels) for value in values}
    return [levels[k] for k in sorted(places)]


def by_level(what: str, values: Mapping[K, V], levels: Sequence[L]) -> dict[L, V]:
    """Return a mapping by levels, whose keys were given as values or as labels.

    Raises
    ------
    UnknownNameError
        When a key is no level.
    """
    return {levels[known_level(what, key, levels)]: value for key, value in values.items()}


def _number(value: object) -> float | None:
    """Return the finite number that a value is or spells; None of truth values and other text."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def unknown_name(what: str, name: object, known: Iterable[object]) -> UnknownNameError:
    """Build the error for a name that is not known, with the nearest known ones."""
    known = [str(k) for k in known]
    close = nearest(name, known)
    if str(name) in known:
        hint = f"Names are text: write {str(name)!r} in place of {name!r}."
    elif close:
        hint = "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    else:
        shown = ", ".join(repr(k) for k in known[:12])
        hint = f"Known: {shown}{', ...' if len(known) > 12 else ''}." if known else "None is known."
    return UnknownNameError(f"Unknown {what} {str(name)!r}. {hint}")


def or_leave_out(what: str, treatments: Sequence[str]) -> str:
    """Return the end of a remedy: keep the remaining treatments, where there are any."""
    return f", or leave them out with {what}.only({list(treatments)!r})." if treatments else "."


def check_first_look(
    first_look: Mapping[str, float],
    day: float,
    treatments: Sequence[str],
    *,
    what: str,
    remedy: str = "a later tau",
) -> None:
    """Refuse a day before the first visit of a treatment: nothing seen is not nothing happened.

    Parameters
    ----------
    first_look : mapping of str to float
        Earliest day on which any subject under a treatment was assessed; infinite for never.
    day : float
    treatments : sequence of str
        Those that are estimated.
    what : str
        Where treatments can be left out: "times" or "history".
    remedy : str
        What could be chosen instead.

    Raises
    ------
    NotEstimableError
    """
    late = {t: first_look[t] for t in treatments if first_look.get(t, 0.0) > day}
    if late:
        listed = ", ".join(
            f"{t} ({f'day {first:g}' if isfinite(first) else 'never'})" for t, first in late.items()
        )
        raise NotEstimableError(
            f"No subject was assessed by day {day:g} under {listed}. Choose {remedy}"
            + or_leave_out(what, [t for t in treatments if t not in late])
        )


def unknown_day(day: float, known: Iterable[float]) -> UnknownNameError:
    """Build the error for a day that is not scheduled, with the nearest scheduled ones."""
    days = sorted(set(known))
    if not days:
        return UnknownNameError(f"No visit is scheduled at day {day:g}, nor at any other.")
    close = sorted(sorted(days, key=lambda d: abs(d - day))[:3])
    return UnknownNameError(
        f"No visit is scheduled at day {day:g}. Nearest: {', '.join(f'{d:g}' for d in close)}."
    )


def check_choice(what: str, value: object, choices: Sequence[str]) -> None:
    """Raise `SpecError` unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        close = nearest(value, choices, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        options = ", ".join(repr(c) for c in choices)
        raise SpecError(f"{what} must be one of {options}; got {value!r}.{hint}")


def check_level(conf_level: float) -> None:
    """Raise `SpecError` unless the confidence level lies below 1, and at 0.5 or above.

    A level below one half is an error probability that was taken for a level.
    """
    number = isinstance(conf_level, (int, float)) and not isinstance(conf_level, bool)
    if not number or not 0 < conf_level < 1:
        raise SpecError(
            f"conf_level must lie between 0 and 1, for example 0.95; got {conf_level!r}."
        )
    if conf_level < 0.5:
        raise SpecError(
            f"conf_level = {conf_level:g} gives intervals that hold the truth in "
            f"{100 * conf_level:g} of 100 cases. Did you mean {1 - conf_level:g}?"
        )


def check_tau(tau: float, what: str = "tau") -> None:
    """Raise `SpecError` unless a horizon is a positive, finite number of days."""
    if not 0 < tau < float("inf"):
        raise SpecError(f"{what} must be a positive number of days; got {tau!r}.")


def check_bootstrap(n_boot: int, seed: int, *, least: int = 0) -> None:
    """Raise `SpecError` unless the number of resamples and the seed can be used.

    Parameters
    ----------
    n_boot : int
        Whole number of at least 2; 0 too, which means none, unless `least` is 2.
    seed : int
        Whole number of 0 or more.
    least : {0, 2}
    """
    if n_boot < least or n_boot == 1 or n_boot != int(n_boot):
        none = "" if least else "0, or "
        raise SpecError(f"n_boot must be {none}a whole number of at least 2; got {n_boot!r}.")
    if seed < 0 or seed != int(seed):
        raise SpecError(f"seed must be a whole number of 0 or more; got {seed!r}.")


_NO_VARIATION = "no subject or every subject had the outcome"


def no_error_reason(error: float) -> str:
    """Return why an estimate has no standard error; empty where it has one."""
    return "" if isfinite(error) else f"{_NO_VARIATION}, or all at the same time"


def no_error_known(groups: Sequence[str]) -> tuple[str, ...]:
    """Return the note on groups without variation: no subject, every subject, or all at one time.

    Parameters
    ----------
    groups : sequence of str
        None for no note.
    """
    if not groups:
        return ()
    return (
        f"In {', '.join(dict.fromkeys(groups))} {_NO_VARIATION}, or all at the same time: neither "
        "the estimate nor a comparison with it has a standard error. Use score or exact methods "
        "on counts, or a log-rank test.",
    )
