"""One checker for the arguments of public functions and specifications.

`checked` reads the annotations: a number, a whole number, a truth value, a text, and sequences
and mappings of them are checked against them on every call. Lists of days, treatments, outcomes
and the like name at least one. What an annotation cannot say (a range, a name that exists) each
function checks itself.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from trdstats.errors import SpecError, check_choice, with_article

# A level of a category: its label, or the number or truth value that the label spells.
Level = str | float | bool
# How many processes work: 1 or more, or -1 for one a processor.
Jobs = int

T = TypeVar("T")
C = TypeVar("C")
_LONGEST = 2**63 - 1
_MOST_JOBS = 100_000  # joblib counts them in a C int
_NUMBERS = (int, float, Fraction)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a parameter may be.

    Attributes
    ----------
    names : frozenset of str
        Of float, int, bool, str, None; Jobs beside int where the number is one of processes.
    items : _Kind or None
        What a sequence holds, where one is allowed.
    values : _Kind or None
        What a mapping holds, where one is allowed.
    length : int or None
        Length of the sequence, None for any.
    is_open : bool
        Something else may be given that is not looked at here.
    takes_none : bool
        Whether that something else may be None.
    choices : tuple of str
        The texts that may be given, where only some may.
    """

    names: frozenset[str] = frozenset()
    items: _Kind | None = None
    values: _Kind | None = None
    length: int | None = None
    is_open: bool = False
    takes_none: bool = True
    choices: tuple[str, ...] = ()


_ANYTHING = _Kind(is_open=True)
_STUDY = "Study"
# Parameters whose list may be empty only where that is its default: nothing would be returned.
_AT_LEAST_ONE = frozenset(
    ("days", "definitions", "horizons", "measures", "outcomes", "treatments", "visits")
)
_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "True or False",
    "str": "a text",
}


def checked(target: T) -> T:
    """Check arguments of a function, or of a specification and its methods, by their annotations.

    Numbers of NumPy become numbers of Python. A number that is NaN or infinite is refused
    unless the default of the parameter is such a number.
    """
    if not isinstance(target, type):
        return _wrapped(target)  # type: ignore[arg-type, return-value]
    target.__init__ = _wrapped(target.__init__)  # type: ignore[misc]
    checked_methods(target)
    return target


def checked_methods(target: type[C]) -> type[C]:
    """Check the arguments of the public methods of a result by their annotations."""
    for name, member in list(vars(target).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(target, name, _wrapped(member))
    return target


def _wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(function).parameters
    by_place = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    kinds = {
        name: (kind, parameter.default)
        for name, parameter in parameters.items()
        if (kind := _read_annotation(parameter.annotation)) != _ANYTHING
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    lists = {n: p.default for n, p in parameters.items() if n in _AT_LEAST_ONE}
    is_specification = function.__name__ == "__init__"
    if not kinds and not lists:
        return function

    def fit(name: str, value: Any) -> Any:
        kind, default = kinds.get(name, (_ANYTHING, value))
        return value if value is default else _check_given(name, value, kind, default)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Binding them by `inspect` costs more than the checks; a call that does not fit the
        # parameters gets Python's own message, which names the argument.
        given = dict(zip(by_place, args, strict=False)) | kwargs if lists else {}
        empty = [n for n in lists if _is_empty(given.get(n)) and not _is_empty(lists[n])]
        if empty and not is_specification:
            raise SpecError(_none_named(empty[0], lists[empty[0]]))
        placed = [fit(name, value) for name, value in zip(by_place, args, strict=False)]
        named = {name: fit(name, value) for name, value in kwargs.items()}
        result = function(*placed, *args[len(placed) :], **named)
        if empty:  # a specification has the first word on its settings
            raise SpecError(_none_named(empty[0], lists[empty[0]]))
        return result

    return call


def _is_empty(value: Any) -> bool:
    """Return whether a list, or what can stand for one (an array, an index), holds nothing."""
    if isinstance(value, list | tuple | set | frozenset | dict):
        return not value
    shape: tuple[Any, ...] = getattr(value, "shape", ())
    return len(shape) == 1 and isinstance(shape[0], int) and shape[0] == 0


def _none_named(name: str, default: Any) -> str:
    without = "" if default is inspect.Parameter.empty else f", or leave {name} out"
    return f"{name} must hold at least one {name.removesuffix('s')}{without}."


def _check_given(what: str, value: Any, kind: _Kind, default: Any) -> Any:
    allow_infinite = isinstance(default, float) and not math.isfinite(default)
    # A tab may be meant, as a separator.
    is_blank = isinstance(value, str) and not value.strip(" \r\n")
    if is_blank and "str" in kind.names and default != "":
        raise SpecError(f"{what} must not be an empty text.")
    return _check(what, value, kind, allow_infinite=allow_infinite)


@functools.cache
def _read_annotation(annotation: Any) -> _Kind:
    if not isinstance(annotation, str):
        return _ANYTHING
    try:
        return _read(ast.parse(annotation.strip(), mode="eval").body)
    except SyntaxError:
        return _ANYTHING


def _read(node: ast.expr) -> _Kind:
    match node:
        case ast.Constant(value=None):
            return _Kind(frozenset({"None"}))
        case ast.Name(id="float" | "int" | "bool" | "str" as name):
            return _Kind(frozenset({name}))
        case ast.Name(id="Jobs"):
            return _Kind(frozenset({"int", "Jobs"}))
        case ast.Name(id="Level"):
            return _Kind(frozenset({"float", "bool", "str"}))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(_read(left), _read(right))
        case ast.Name(id="Study"):
            return _Kind(frozenset({_STUDY}), takes_none=False)
        case ast.Name(id=name) if name not in ("Any", "object"):
            return _Kind(is_open=True, takes_none=False)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=options):
            return _read_choices(options)
        case ast.Subscript(value=ast.Name(id="Sequence" | "list"), slice=item):
            return _several(items=_read(item))
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return _read_tuple(parts)
        case ast.Subscript(value=ast.Name(id="Mapping" | "dict"), slice=ast.Tuple(elts=[_, value])):
            return _several(values=_read(value))
    return _ANYTHING


def _read_choices(options: ast.expr) -> _Kind:
    """Return the kind of one of several texts; open when they are no texts."""
    nodes = options.elts if isinstance(options, ast.Tuple) else [options]
    values = [n.value if isinstance(n, ast.Constant) else None for n in nodes]
    texts = tuple(v for v in values if isinstance(v, str))
    return _Kind(choices=texts) if len(texts) == len(nodes) else _ANYTHING


def _several(items: _Kind | None = None, values: _Kind | None = None) -> _Kind:
    """Return the kind of a sequence or mapping; open when anything may be in it."""
    if (items or values or _ANYTHING).is_open:
        return _Kind(is_open=True, takes_none=False)
    return _Kind(items=items, values=values)


def _read_tuple(parts: list[ast.expr]) -> _Kind:
    if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
        return _several(items=_read(parts[0]))
    kinds = {_read(part) for part in parts}
    return _Kind(items=kinds.pop() if len(kinds) == 1 else _ANYTHING, length=len(parts))


def _either(one: _Kind, other: _Kind) -> _Kind:
    return _Kind(
        names=one.names | other.names,
        items=one.items or other.items,
        values=one.values or other.values,
        length=one.length or other.length,
        is_open=one.is_open or other.is_open,
        takes_none="None" in one.names | other.names,
        choices=(*one.choices, *other.choices),
    )


def _check(what: str, value: Any, kind: _Kind, *, allow_infinite: bool = False) -> Any:
    """Return a value that fits, as Python keeps it."""
    if _STUDY in kind.names and not kind.is_open:
        # The room of studies stands below this one: the class is known by its name.
        if any(c.__name__ == _STUDY for c in type(value).__mro__):
            return value
        several = kind.values is not None and isinstance(value, Mapping)
        several |= kind.items is not None and _is_sequence(value)
        if not several and not (value is None and "None" in kind.names):
            raise SpecError(
                f"{what} must be a Study, which knows the scale: Study(frame, scale='MADRS', ...); "
                f"got {type(value).__name__}."
            )
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if "float" in kind.names and is_number(value):
        if not allow_infinite and not math.isfinite(value):
            raise SpecError(f"{what} must be a finite number; got {value!r}.")
        # NumPy cannot hold an int this long.
        return float(value) if isinstance(value, int) and abs(value) > _LONGEST else value
    if "int" in kind.names and is_number(value) and math.isfinite(value) and value == int(value):
        if abs(value) > _LONGEST:
            raise SpecError(f"{what} must be a whole number below 2^63; got {value!r}.")
        if "Jobs" in kind.names and value != -1 and not 1 <= value <= _MOST_JOBS:
            raise SpecError(
                f"{what} must be a number of workers, or -1 for all processors; got {value!r}."
            )
        return int(value)
    if _is_named(value, kind.names):
        return value
    if isinstance(value, str) and value in kind.choices:
        return value
    if kind.choices and not kind.is_open and not (kind.items and _is_sequence(value)):
        check_choice(what, value, kind.choices)
    if value is None and kind.is_open and not kind.takes_none:
        raise SpecError(f"{what} must be given; got None.")
    if kind.is_open:
        return value
    if kind.values is not None and isinstance(value, Mapping):
        return _check_mapping(what, value, kind.values)
    if kind.items is not None and _is_sequence(value):
        return _check_sequence(what, value, kind)
    if isinstance(value, str) and kind.items is not None and "str" in kind.items.names:
        raise SpecError(f"{what} must be a tuple, for example ({value!r},); got {value!r}.")
    raise SpecError(f"{what} must be {_describe(kind)}; got {_show(value)}.")


def check_instance(what: str, value: object, kind: type) -> None:
    """Raise `SpecError` unless a value is of a class."""
    if not isinstance(value, kind):
        raise SpecError(f"{what} must be {with_article(kind.__name__)}; got {_show(value)}.")


def as_numbers(what: str, values: Any) -> npt.NDArray[np.float64]:
    """Return numbers as an array, NaN where one is missing; `SpecError` for anything else."""
    entries = np.asarray(values)
    if entries.dtype.kind not in "biuf":
        for one in entries.ravel().tolist():
            if one is not None and not is_number(one):
                raise SpecError(f"{what} must be numbers; got {_show(one)}.")
    return entries.astype(np.float64)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, and neither a truth value nor a text."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _is_named(value: Any, names: frozenset[str]) -> bool:
    return (
        (value is None and "None" in names)
        or (isinstance(value, str) and "str" in names)
        or (isinstance(value, bool) and "bool" in names)
    )


def _is_sequence(value: Any) -> bool:
    return (
        hasattr(value, "__iter__")
        and hasattr(value, "__len__")
        and getattr(value, "ndim", 1) == 1
        and not isinstance(value, str | bytes | Mapping | set | frozenset)
    )


def _check_mapping(what: str, value: Mapping[Any, Any], inner: _Kind) -> Mapping[Any, Any]:
    if inner == _ANYTHING:
        return value
    fits = {k: _check(f"{what}[{k!r}]", v, inner, allow_infinite=True) for k, v in value.items()}
    return value if all(fits[k] is v for k, v in value.items()) else fits


def _check_sequence(what: str, value: Any, kind: _Kind) -> Any:
    assert kind.items is not None
    if kind.length is not None and len(value) != kind.length:
        raise SpecError(f"{what} must hold {kind.length} values; got {_show(value)}.")
    if kind.items == _ANYTHING:
        return value
    fits = [_check(f"{what}[{i}]", v, kind.items) for i, v in enumerate(value)]
    if all(a is b for a, b in zip(fits, value, strict=True)):
        return value
    return tuple(fits) if isinstance(value, tuple) else fits


def _describe(kind: _Kind) -> str:
    words = [_WORDS[n] for n in ("float", "int", "bool", "str") if n in kind.names]
    if "float" in kind.names and "int" in kind.names:
        words.remove(_WORDS["int"])
    if kind.items is not None:
        words.append(f"a list of {_plural(kind.items)}")
    if kind.values is not None:
        words.append(f"a mapping to {_plural(kind.values)}")
    return " or ".join(words)


def _plural(kind: _Kind) -> str:
    many = {"float": "numbers", "int": "whole numbers", "bool": "truth values", "str": "texts"}
    words = [many[n] for n in many if n in kind.names]
    return " or ".join(words) or "values"


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
