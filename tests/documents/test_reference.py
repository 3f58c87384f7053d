"""The reference holds every public name, with the defaults that the code has."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from public_names import describe, index, public_names
from signatures import signature_of, typed

import trdstats as trd

NAMES = sorted(name for room in public_names().values() for name in room)
CALLABLES = [
    n for n in NAMES if inspect.isclass(getattr(trd, n)) or inspect.isroutine(getattr(trd, n))
]
TYPED = {name: getattr(trd, name) for name in NAMES} | {"nan": float("nan"), "inf": float("inf")}


def stated(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a docstring with the default that its type line states."""
    section = re.search(
        r"\n(?:Parameters|Attributes)\n-+\n(.*?)(?=\n\n[A-Z][A-Za-z ]+\n-{3,}|\Z)",
        docstring,
        re.DOTALL,
    )
    for line in (section[1] if section else "").splitlines():
        found = re.match(r"^([*\w, ]+?) ?: .*?, default[:=]? (\S.*?)\.?$", line)
        if found:
            for name in found[1].split(","):
                yield name.strip(" *"), found[2].strip("`")


def documented() -> Iterator[tuple[str, Any]]:
    for name in CALLABLES:
        thing = getattr(trd, name)
        yield name, thing
        if inspect.isclass(thing):
            methods = (
                m for m in vars(thing).items() if m[0][0] != "_" and inspect.isfunction(m[1])
            )
            yield from ((f"{name}.{own}", method) for own, method in methods)


def test_every_public_name_has_a_page() -> None:
    assert sorted(trd.__all__) == NAMES
    for name in NAMES:
        assert f"/{name})" in index() or f"/class-{name})" in index()
        assert name in describe(name)


@pytest.mark.parametrize(
    "name",
    ["rates", "time_to", "compare", "assess", "multiverse", "definitions", "convert", "selfcheck"],
)
def test_a_name_that_a_module_shares_is_the_function(name: str) -> None:
    assert "automodule" not in describe(name)


def test_stated_defaults_are_those_of_the_code() -> None:
    wrong = []
    for name, thing in documented():
        parameters = inspect.signature(thing).parameters
        for parameter, text in stated(inspect.getdoc(thing) or ""):
            if parameter in parameters:
                default = parameters[parameter].default
                try:
                    said = ast.literal_eval(text)
                except (SyntaxError, ValueError):
                    said = text
                if said != default and typed(default) != text:
                    wrong.append(f"{name}({parameter}): says {text}, is {typed(default)}")
    assert not wrong, "\n".join(wrong)


def test_two_parameters_on_a_line_are_both_held_to_the_default() -> None:
    text = "X.\n\nParameters\n----------\nseed, n_jobs : int, default 0\n    Of the bootstrap.\n"
    assert list(stated(text)) == [("seed", "0"), ("n_jobs", "0")]


@pytest.mark.parametrize("name", CALLABLES)
def test_printed_defaults_are_values(name: str) -> None:
    """What the signature prints can be typed, and is the default; long sequences are shortened."""
    text = signature_of(getattr(trd, name))
    assert "\n" not in text
    assert " object at 0x" not in text
    assert "<factory>" not in text
    for parameter in inspect.signature(getattr(trd, name)).parameters.values():
        if isinstance(parameter.default, bool | int | float | str):
            assert f"{parameter.name}={parameter.default!r}" in text
