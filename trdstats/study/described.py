"""The ``[study]`` table of a plan: which keys it may hold, and of which kind each must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trdstats.errors import nearest
from trdstats.scales import wrong_averages
from trdstats.study.described_export import check_described_export

TABLES = ("visits", "subjects", "events", "courses")
ROLES = (
    "scale", "subject", "treatment", "day", "score", "baseline", "windows", "instrument",
    "duplicates", "randomised",
)  # fmt: skip
# How the files of the tables are read, and what their totals are.
READING = ("separator", "encoding", "sheet")
Key = str | tuple[str, ...] | None
_KNOWN = ("sample", "export", *TABLES, *ROLES, *READING, "averaged_over", "treatments", "title")


def check_described_study(data: Mapping[str, Any]) -> list[tuple[Key, str]]:
    """Return what is wrong with the description of a study: the key, and the words.

    The key is None where something is missing, and has parts in a table of the study.
    """
    pairs: list[tuple[Key, str]] = [
        (key, f"the study has an unknown key {key!r}{_hint(key)}")
        for key in data
        if key not in _KNOWN
    ]
    if "sample" in data:
        others = [k for k in data if k != "sample" and k in _KNOWN]
        if others:
            named = ", ".join(map(repr, others))
            pairs.append(
                (
                    others[0],
                    f"the study names a sample and {named} beside it: a plan analyses one study, "
                    "so keep `sample` alone or remove it",
                )
            )
    elif "export" in data:
        others = [k for k in data if k not in ("export", "title") and k in _KNOWN]
        if others:
            named = ", ".join(map(repr, others))
            pairs.append(
                (
                    others[0],
                    f"the study names an export and {named} beside it: the mapping says it all, so "
                    "write it under [study.export], or remove the export",
                )
            )
        pairs += check_described_export(data["export"])
    else:
        pairs += [(None, f"the study needs {k!r}") for k in ("visits", "scale") if k not in data]
    for key in _KNOWN:
        if key in data and key in _FITS and not _FITS[key](data[key]):
            pairs.append((key, f"{key} must be {_WORDS[key]}; got {data[key]!r}"))
    raters = data.get("averaged_over")
    if "scale" in data and "sample" not in data and _is_raters(raters):
        wrong = wrong_averages(data["scale"], raters)
        pairs += [("averaged_over", words) for words in wrong]
    if isinstance(data.get("sheet"), Mapping):
        pairs += [("sheet", words) for words in _wrong_sheets(data["sheet"], data)]
    return pairs


def _wrong_sheets(sheets: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """Yield which sheets belong to no table of the study."""
    for table in sheets:
        if table not in data or table not in TABLES:
            close = nearest(str(table), [t for t in TABLES if t in data], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"tables: {', '.join(TABLES)}"
            yield f"sheet names {table!r}, which is no table of this study; {hint}"


def _hint(key: str) -> str:
    close = nearest(key, _KNOWN, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(_KNOWN))}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    if not isinstance(value, list | tuple) or not all(map(_is_text, value)):
        return False
    return 0 < len(value) == len(set(value))


def _is_text_or_texts(value: Any) -> bool:
    return _is_text(value) or _are_texts(value)


def _is_column(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(map(_is_text, value.values()))
    return _is_text(value)


def _is_separator(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1


def _is_raters(value: Any) -> bool:
    """Whether the value is a number or a table; what a number may be is checked with the scale."""
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_windows(value: Any) -> bool:
    """Whether the value maps days to widths; what a width may be is checked with the windows."""
    return isinstance(value, Mapping)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


_COLUMN_WORDS = 'the name of a column, or one for each scale: { MADRS = "madrs" }'
_FITS = {
    **dict.fromkeys(("sample", *TABLES, "title"), _is_text),
    **dict.fromkeys(("subject", "treatment", "day", "instrument"), _is_text),
    **dict.fromkeys(("score", "baseline"), _is_column),
    "scale": _is_text_or_texts,
    "windows": _is_windows,
    "separator": _is_separator,
    "encoding": _is_text,
    "sheet": _is_column,
    "averaged_over": _is_raters,
    "duplicates": _is_column,
    "randomised": _is_truth,
    "treatments": _are_texts,
}
_WORDS = {
    "sample": 'the name of a sample, for example "modalities"',
    **dict.fromkeys(TABLES, 'the path of one file, for example "visits.csv"'),
    "title": "a text",
    **dict.fromkeys(("subject", "treatment", "day", "instrument"), "the name of a column"),
    **dict.fromkeys(("score", "baseline"), _COLUMN_WORDS),
    "scale": 'the name of an instrument, for example "MADRS", or a list of names',
    "windows": "a table of days and widths, for example { 7 = 2, 14 = 3, 28 = [-3, 7] }",
    "separator": 'one character, for example ";" or "\\t"',
    "encoding": 'the name of an encoding, for example "utf-16"',
    "sheet": 'the name of a sheet, or one for each table: { visits = "Ratings" }',
    "averaged_over": "the number of raters, for example 2, or one for each scale: { HAMD24 = 2 }",
    "duplicates": 'a rule, for example "last", or the rows of one rater: { rater = "R1" }',
    "randomised": "true or false, without quotation marks",
    "treatments": "a list of texts, each treatment once and in order",
}
