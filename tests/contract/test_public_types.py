"""What users type has a type: no parameter of a public function or method is `Any`.

The walk starts at the names of ``__init__.pyi`` and follows what functions return and what
results hold, so that the methods of every result are looked at too.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import trdstats
from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.estimates.weights import WeightsLike

# Arguments that are handed on as they are, and to what.
PASSED_ON = {
    "options": "keyword arguments of a function of trdstats.plots, which checks them",
    "roles": "keyword arguments of Study, which checks them",
    "fields": "fields of ExportMapping, which checks them",
    "attr_overrides": "keyword arguments of formulaic's ModelSpec, whose method is overridden",
    "spec_overrides": "keyword arguments of formulaic's ModelSpec, whose method is overridden",
}
# Parameters of dataclasses of formulaic that are inherited.
INHERITED = {("DesignSpec", "materializer_params")}

# `Any` as the type of the cells of an array, index or series says nothing about the parameter.
_CELLS = re.compile(r"(pd\.(Index|Series)|np\.dtype)\[Any\]")


def is_ours(thing: Any) -> bool:
    return (getattr(thing, "__module__", "") or "").startswith("trdstats")


def named_in_package(function: Callable[..., Any]) -> bool:
    """Whether a function, or the class that it makes, is of the package: `__init__` has no home."""
    return str(function.__globals__.get("__name__", "")).startswith("trdstats")


def named_classes(annotation: object, scope: dict[str, Any]) -> Iterator[type]:
    """Yield the classes of the package that an annotation names."""
    for word in re.findall(r"[A-Za-z_]\w*", str(annotation)):
        thing = scope.get(word)
        if inspect.isclass(thing) and is_ours(thing) and not word.startswith("_"):
            yield thing


def members_of(cls: type) -> Iterator[tuple[str, Callable[..., Any], bool]]:
    """Yield name, function and whether it is called with arguments, of the public members."""
    yield "__init__", cls.__init__, True  # type: ignore[misc]
    for name in dir(cls):
        if name.startswith("_"):
            continue
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        function = function if inspect.isfunction(function) else getattr(member, "func", None)
        if inspect.isfunction(function):
            yield name, function, not isinstance(member, property)


def public_things() -> Iterator[tuple[str, Any]]:
    text = Path(trdstats.__file__).with_name("__init__.pyi").read_text("utf-8")
    for name in re.findall(r"import \w+ as (\w+)", text):
        thing = getattr(trdstats, name)
        if not inspect.ismodule(thing):
            yield name, thing
            continue
        inner = getattr(thing, "__all__", None) or [n for n in dir(thing) if n[0] != "_"]
        yield from ((f"{name}.{n}", getattr(thing, n)) for n in inner)


def public_parameters() -> Iterator[tuple[str, inspect.Parameter]]:
    waiting = list(public_things())
    constructed = {id(thing) for _, thing in waiting}  # results are made by `fit`, not by users
    seen: set[int] = set()
    while waiting:
        label, thing = waiting.pop()
        if id(thing) in seen or not is_ours(thing):
            continue
        seen.add(id(thing))
        if inspect.isclass(thing):
            functions = [(f"{label}.{n}", f, given) for n, f, given in members_of(thing)]
            scope = vars(sys.modules[thing.__module__])
            held = [a for n, a in getattr(thing, "__annotations__", {}).items() if n[0] != "_"]
            waiting += [(c.__name__, c) for a in held for c in named_classes(a, scope)]
        else:
            functions = [(label, thing, True)] if inspect.isfunction(thing) else []
        for name, function, given in functions:
            plain = inspect.unwrap(function)
            if not inspect.isfunction(plain) or not named_in_package(plain):
                continue
            if given and (plain.__name__ != "__init__" or id(thing) in constructed):
                yield from ((name, p) for p in inspect.signature(plain).parameters.values())
            returned = plain.__annotations__.get("return", "")
            waiting += [(c.__name__, c) for c in named_classes(returned, plain.__globals__)]


PARAMETERS = list(public_parameters())


def test_the_walk_reaches_results() -> None:
    names = {name for name, _ in PARAMETERS}
    assert {"Study.__init__", "KaplanMeier.fit", "KaplanMeierResult.plot", "Margins.contrasts",
            "Imputed.analyse", "plots.plot_survival"} <= names  # fmt: skip
    assert len(PARAMETERS) > 800


def test_no_public_parameter_is_any() -> None:
    untyped = sorted(
        f"{name}({p.name}: {p.annotation})"
        for name, p in PARAMETERS
        if re.search(r"\bAny\b", _CELLS.sub("", str(p.annotation)))
        and not (p.kind is p.VAR_KEYWORD and p.name in PASSED_ON)
        and (name.rpartition(".")[0].rpartition(".")[2], p.name) not in INHERITED
    )
    assert not untyped, "\n".join(untyped)


def test_every_public_parameter_is_annotated() -> None:
    bare = sorted(
        f"{name}({p.name})"
        for name, p in PARAMETERS
        if p.annotation is p.empty and p.name not in ("self", "cls", "args", "kwargs")
    )
    assert not bare, "\n".join(bare)


def test_every_exception_is_needed() -> None:
    handed = {p.name for _, p in PARAMETERS if p.kind is p.VAR_KEYWORD}
    assert set(PASSED_ON) <= handed
    assert {(name.split(".")[-2], p.name) for name, p in PARAMETERS if "." in name} >= INHERITED


@checked
def given_weights(weights: WeightsLike | None = None, *, needed: WeightsLike = "weight") -> object:
    return weights if weights is not None else needed


@pytest.mark.parametrize(
    "weights", ["w", pd.Series([1.0]), pd.DataFrame({"subject": [1], "weight": [1.0]}), None]
)
def test_named_types_are_open_to_the_checker(weights: Any) -> None:
    assert given_weights(weights) is (weights if weights is not None else "weight")


def test_a_named_type_without_none_refuses_none() -> None:
    with pytest.raises(SpecError, match=r"^needed must be given; got None\.$"):
        given_weights(needed=None)  # type: ignore[arg-type]
