"""The functions that a formula may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from formulaic.transforms import TRANSFORMS

from trdstats.errors import SpecError

# One column in, one column out, value by value.
BY_VALUE: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "log": np.log,
        "log2": np.log2,
        "log10": np.log10,
        "log1p": np.log1p,
        "exp": np.exp,
        "expm1": np.expm1,
        "sqrt": np.sqrt,
        "abs": np.abs,
    }
)
# These learn from the analysed rows and keep what they learnt for rows to predict.
LEARNING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        name: TRANSFORMS[name]
        for name in ("bs", "cr", "cs", "cc", "poly", "center", "scale", "standardize")
    }
)
SEVERAL_COLUMNS = frozenset({"bs", "cr", "cs", "cc", "poly"})
# Cubic splines whose columns would sum to the intercept that stands beside them: they are centred.
BESIDE_INTERCEPT = frozenset({"cr", "cs", "cc"})
CONTRASTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {name: TRANSFORMS[name] for name in ("Treatment", "Sum", "Helmert", "Diff", "Poly")}
    | {
        f"contr.{name}": getattr(TRANSFORMS["contr"], name)
        for name in ("treatment", "SAS", "sum", "helmert", "diff", "poly")
    }
)
IDENTITY, CATEGORY, QUOTE = "I", "C", "Q"
# Usual spellings; `np` itself is not a name in a formula.
_PREFIXES = ("np.", "numpy.")

_allowed: dict[str, Callable[..., Any]] = {}


def allow(name: str, function: Callable[..., npt.ArrayLike]) -> None:
    """Allow another function in formulas.

    This is possible in code only, never in a plan. Workers of a parallel job need the call too:
    put it into a module that they import.

    Parameters
    ----------
    name : str
        A plain word.
    function : callable
        Takes arrays of numbers, shape (n,), and returns one, value by value: what it gives for a
        row must not depend on other rows, or predictions would not fit the model.

    Raises
    ------
    SpecError
        When the name is not a plain word or belongs to a function that formulas have already.

    Examples
    --------
    >>> import numpy as np
    >>> allow("logit", lambda p: np.log(p / (1 - p)))
    """
    if not (isinstance(name, str) and name.isidentifier() and not name.startswith("_")):
        raise SpecError(f"A function of formulas needs a plain word as its name; got {name!r}.")
    if name in builtin_names():
        raise SpecError(f"Formulas have a function {name!r} already: choose another name.")
    if not callable(function):
        raise SpecError(f"{name!r} must be a function; got {type(function).__name__}.")
    _allowed[name] = function


def builtin_names() -> list[str]:
    """Return the functions that every formula knows."""
    return sorted([*BY_VALUE, *LEARNING, IDENTITY, CATEGORY, QUOTE])


def function_names() -> list[str]:
    """Return the functions that formulas know now, those of `allow` included."""
    return sorted([*builtin_names(), *_allowed])


def plain_spelling(name: str) -> str:
    """Return ``log`` for ``np.log``; other names unchanged."""
    for prefix in _PREFIXES:
        if name.startswith(prefix) and name.removeprefix(prefix) in BY_VALUE:
            return name.removeprefix(prefix)
    return name


def by_value(name: str) -> Callable[..., Any] | None:
    """Return a function that works value by value, None for other names."""
    return BY_VALUE.get(name) or _allowed.get(name)


def takes_one(name: str) -> bool:
    """Whether a function takes one column and nothing else."""
    return name in BY_VALUE or name == IDENTITY
