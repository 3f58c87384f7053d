"""A mapping as TOML text, and back."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from trdstats.errors import SpecError, nearest

_BARE = re.compile(r"[A-Za-z0-9_-]+$")


def parse_mapping(text: str, known: Sequence[str]) -> dict[str, Any]:
    """Return the fields written in TOML.

    Raises
    ------
    SpecError
        When the text is no TOML, or with all keys that are not known.
    """
    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(invalid_toml("The mapping", text, error)) from error
    check_keys(data, known)
    return data


def unknown_keys(data: Mapping[str, Any], known: Sequence[str]) -> dict[str, str]:
    """Return the keys that no mapping has, each with words."""
    faults = {}
    for key in data:
        if key not in known:
            close = nearest(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}."
            faults[key] = f"{key!r} is no key of a mapping; {hint}"
    return faults


# What hands that do not write TOML every day write in its place, and what to write.
_SLIPS = (
    (re.compile(r"[“”„«»‘’‚]"), 'Quotation marks must be straight: "TMS".'),
    (re.compile(r"=\s*[-+]?\d+,\d"), "Numbers have a decimal point: 0.5."),
    (re.compile(r'"[^"]*\\[^"]*"'), "Write folders with /, or the path in single quotes."),
    (re.compile(r"=\s*(True|False|yes|no|Yes|No)\b"), "Write true or false."),
    (re.compile(r"=\s*[A-Za-z_]"), 'Texts stand in quotation marks: "TMS".'),
)


def invalid_toml(what: str, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return why a text is no TOML, with the line and, where it is a usual slip, the remedy.

    Examples
    --------
    >>> try:
    ...     tomllib.loads("reduction = 0,5")
    ... except tomllib.TOMLDecodeError as error:
    ...     print(invalid_toml("The plan", "reduction = 0,5", error).splitlines()[1])
      reduction = 0,5
    """
    words = f"{what} is not valid TOML: {error}."
    at = re.search(r"at line (\d+)", str(error))
    lines = text.removeprefix("\ufeff").splitlines()
    if at is None or not 0 < int(at[1]) <= len(lines):
        return words
    line = lines[int(at[1]) - 1]
    if "overwrite" in str(error) or "twice" in str(error):
        remedy = "This key or table stands above already: remove one of them."
    else:
        remedy = next((hint for slip, hint in _SLIPS if slip.search(line)), "")
    return "\n  ".join(filter(None, (words, line.strip(), remedy)))


def check_keys(data: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse keys that no mapping has, and a mapping without a scale.

    Raises
    ------
    SpecError
        With all of them.
    """
    faults = [f"  {words}" for words in unknown_keys(data, known).values()]
    if "scale" not in data:
        faults.append('  scale is missing: name the instrument, for example scale = "MADRS".')
    if faults:
        raise SpecError("The mapping of the export cannot be used.\n" + "\n".join(faults))


def write_mapping(values: Mapping[str, Any]) -> str:
    """Return fields as TOML: plain keys first, then one table for each mapping."""
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    tables = {k: v for k, v in values.items() if isinstance(v, Mapping)}
    lines = [f"{toml_key(k)} = {toml_value(v)}" for k, v in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{toml_key(name)}]"]
        lines += [f"{toml_key(k)} = {toml_value(v)}" for k, v in table.items()]
    return "\n".join(lines) + "\n"


def toml_key(name: Any) -> str:
    """Return a key, in quotation marks where it needs them."""
    text = f"{name:g}" if isinstance(name, float) else str(name)
    return text if _BARE.match(text) else _text(text)


def toml_value(value: Any) -> str:
    """Return a value on one line; mappings as inline tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return _text(str(value))


def _text(text: str) -> str:
    """Return a basic string; the escapes of JSON are among those of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
