"""What is wrong with a plan, each with the line on which it is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import Any

from trdstats.errors import PlanError, nearest
from trdstats.study.described import Key

DEEPEST = 32  # far beyond any definition, far below what the reading of TOML can follow

_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_HEADER = re.compile(r"\[\[?(?P<name>[^\[\]]+)\]\]?\s*(#.*)?$")


class PlanProblems:
    """Collects what is wrong, so that a plan is mended in one pass.

    Parameters
    ----------
    text : str
        The plan as written.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._texts: list[str] = []

    def add(self, words: str, table: str, key: Key = None) -> None:
        """Add a problem of a table, or of a key in it; ``""`` is the plan outside its tables.

        A key of a table in the table has its parts.
        """
        line = find_line(self._text, table, key)
        at = f" (line {line})" if line else ""
        self._texts.append(f"{words}{at}")

    def raise_if_any(self) -> None:
        """Raise `PlanError` with everything that was added."""
        if self._texts:
            lines = "\n".join(f"  {words}." for words in self._texts)
            raise PlanError(f"The plan cannot be run.\n{lines}")


def read_table_of(data: Mapping[str, Any], key: str, problems: PlanProblems) -> Mapping[str, Any]:
    """Return a table of a plan; empty, and reported, when it is none."""
    value = data.get(key, {})
    if isinstance(value, Mapping):
        return value
    problems.add(f"[{key}] must be a table; got {value!r}", "", key)
    return {}


def report_unknown_keys(
    given: Mapping[str, Any], known: Collection[str], table: str, problems: PlanProblems
) -> None:
    """Report the keys of a table that it may not have, each with the nearest it may."""
    where = f"[{table}]" if table else "the plan"
    for key in given:
        if key not in known:
            close = nearest(key, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"
            problems.add(f"{where} has an unknown key {key!r}{hint}", table, key)


def find_line(text: str, table: str, key: Key = None) -> int | None:
    """Return the line of a key of a table, else of the table; None when neither is written."""
    wanted = [table] if table else []
    parts = (key,) if isinstance(key, str) else key or ()
    whole = [*wanted, *parts]
    best: tuple[int, int] | None = None
    for line, path in _assignments(text):
        shared = 0
        while shared < min(len(path), len(whole)) and path[shared] == whole[shared]:
            shared += 1
        # The first line that comes nearest: the key itself before the table that holds it.
        if shared and (best is None or shared > best[0]):
            best = (shared, line)
    return best[1] if best else None


def _assignments(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that opens a table or gives a key, with the whole name."""
    table: list[str] = []
    inside = ""  # the quotation marks of a text over several lines
    for number, line in enumerate(text.split("\n"), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        bare = line.strip()
        if bare.startswith("#"):
            continue
        for marks in ('"""', "'''"):
            if bare.count(marks) == 1:
                inside = marks
        header = _HEADER.match(bare)
        if header:
            table = _name_parts(header["name"])
            yield number, table
        elif "=" in _TEXT.sub("", bare):
            yield number, [*table, *_name_parts(_before_equals(bare))]


def _before_equals(line: str) -> str:
    masked = _TEXT.sub(lambda m: "x" * len(m[0]), line)
    return line[: masked.index("=")]


def _name_parts(name: str) -> list[str]:
    """Return the parts of a dotted name, without their quotation marks."""
    masked = _TEXT.sub(lambda m: "x" * len(m[0]), name)
    cuts = [-1, *(i for i, c in enumerate(masked) if c == "."), len(name)]
    return [name[a + 1 : b].strip().strip("\"'") for a, b in pairwise(cuts)]


def too_deep(text: str) -> PlanError:
    """Return the error for values nested deeper than any plan needs, with their line."""
    depth, line = 0, 1
    for number, content in enumerate(text.split("\n"), start=1):
        bare = _TEXT.sub("", content).split("#")[0]
        for c in bare:
            depth += (c in "[{") - (c in "]}")
            if depth > DEEPEST:
                line = number
                break
        if depth > DEEPEST or bare.count(".") > DEEPEST:
            line = number
            break
    return PlanError(
        f"The plan nests values more than {DEEPEST} deep (line {line}). "
        "A definition needs a few levels at most."
    )


def nests_too_deep(data: Mapping[str, Any]) -> bool:
    """Whether values lie more than `DEEPEST` containers deep."""
    level: list[Any] = [data]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, Mapping) else value)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return False
    return True
