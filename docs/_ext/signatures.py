"""Sphinx: defaults in signatures as a user would type them.

``Response()``, not what it prints; numbers, not names of constants.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LONGEST = 8  # members of a sequence that are all printed


def typed(value: Any) -> str:
    """Return a default as a user would type it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = [
            f"{field.name}={typed(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.init and not is_default(field, getattr(value, field.name))
        ]
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, tuple) and len(value) > LONGEST:
        return f"({', '.join(map(typed, value[:3]))}, ..., {typed(value[-1])})"
    if isinstance(value, tuple):
        return f"({', '.join(map(typed, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a field holds its default."""
    if field.default is not dataclasses.MISSING:
        return bool(field.default == value)
    if field.default_factory is not dataclasses.MISSING:
        return bool(field.default_factory() == value)
    return False


def default_of(thing: Any, parameter: inspect.Parameter) -> Any:
    """Return the default of a parameter; that of a dataclass field is made by its factory."""
    if dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            if field.name == parameter.name and field.default_factory is not dataclasses.MISSING:
                return field.default_factory()
    return parameter.default


class Typed:
    """A default that prints as a user would type it."""

    def __init__(self, value: Any) -> None:
        self.text = typed(value)

    def __repr__(self) -> str:
        return self.text


def signature_of(thing: Any) -> str:
    """Return the signature of a class or function without annotations."""
    found = inspect.signature(thing)
    empty = inspect.Parameter.empty
    parameters = [
        p.replace(
            annotation=empty,
            default=empty if p.default is empty else Typed(default_of(thing, p)),
        )
        for p in found.parameters.values()
        if p.name not in ("self", "cls")
    ]
    return str(found.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def put_signature(
    _app: Sphinx,
    what: str,
    _name: str,
    thing: Any,
    _options: Any,
    signature: str | None,
    _returns: str | None,
) -> tuple[str, None] | None:
    """Answer Sphinx, which asks for the signature of everything it documents."""
    if what not in ("class", "function", "method", "exception") or signature is None:
        return None
    try:
        return signature_of(thing), None
    except (TypeError, ValueError):
        return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.connect("autodoc-process-signature", put_signature)
    return {"version": "1", "parallel_read_safe": True}
