"""The data dictionary of a REDCap project: fields, and what their codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, count_of
from trdstats.frames import to_pandas
from trdstats.intake.files import read_file
from trdstats.kinds import label_of

_NAME = ("Variable / Field Name", "field_name")
_TYPE = ("Field Type", "field_type")
_LABEL = ("Field Label", "field_label")
_CHOICES = ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations")
_WITH_CHOICES = ("radio", "dropdown")
_TRUTHS = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_CHECKED = {"Checked": "1", "Unchecked": "0"}


def read_dictionary(dictionary: Any) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return the choices of each field, and the fields by their labels.

    Parameters
    ----------
    dictionary : str, Path or DataFrame
        As REDCap exports it.

    Returns
    -------
    choices : dict of field to {code: label}
    names : dict of label to field
        Labels that belong to one field.

    Raises
    ------
    DataError
        When the table is no data dictionary, or a code of a field has two labels.
    """
    if isinstance(dictionary, str):
        dictionary = read_file(dictionary, text="all").frame.astype(object)
    table = to_pandas(dictionary, what="dictionary")
    name, kind, label, choice = (_column(table, c) for c in (_NAME, _TYPE, _LABEL, _CHOICES))
    labels_of: dict[str, dict[str, str]] = {}
    for field, what, text in zip(table[name], table[kind], table[choice], strict=True):
        if what in _WITH_CHOICES and isinstance(text, str):
            labels_of[str(field)] = _choices(str(field), text)
        elif what in _TRUTHS:
            labels_of[str(field)] = dict(_TRUTHS[what])
    counts = table[label].value_counts()
    single = table[table[label].map(counts) == 1]
    return labels_of, dict(zip(single[label].astype(str), single[name].astype(str), strict=True))


def _column(table: pd.DataFrame, names: tuple[str, ...]) -> str:
    for name in names:
        if name in table:
            return name
    raise DataError(
        [
            Problem("dictionary", f"The data dictionary has no column {names[0]!r}.", (),
                    "Download it from REDCap: Project Setup, Data Dictionary.")
        ]
    )  # fmt: skip


def _choices(field: str, text: str) -> dict[str, str]:
    """Return codes and labels of ``1, TMS | 2, ECT``; a label may hold commas.

    Raises
    ------
    DataError
        When a code means two things.
    """
    pairs = [(c.strip(), k.strip()) for c, _, k in (p.partition(",") for p in text.split("|"))]
    choices: dict[str, str] = {}
    twice = [
        f"{code}: {choices[code]!r} and {label!r}"
        for code, label in pairs
        if code and choices.setdefault(code, label) != label
    ]
    if twice:
        raise DataError(
            [
                Problem("dictionary", f"A code of {field!r} has two labels in the data dictionary.",
                        tuple(twice), "Keep the one that the forms showed.")
            ]
        )  # fmt: skip
    return choices


def as_codes(
    frame: pd.DataFrame, choices: Mapping[str, Mapping[str, str]]
) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    """Return an export with codes, whether it came as codes or as labels, and labels in use.

    Raises
    ------
    DataError
        When a field holds both, or what is neither.
    """
    problems, labels, frame = [], {}, frame.copy(deep=False)
    for column in frame.columns:
        if "___" in column:  # a box of a checkbox field
            frame[column] = frame[column].replace(_CHECKED)
        if column not in choices:
            continue
        known = choices[column]
        by_label = {label: code for code, label in known.items()}
        text = frame[column].map(label_of)
        values = list(text.dropna().unique())
        if all(v in known for v in values):
            frame[column] = text
        elif all(v in by_label for v in values):
            frame[column] = text.map(by_label)
        else:
            strange = [v for v in values if v not in known and v not in by_label]
            odd = strange or [v for v in values if v not in known]
            n = int(text.isin(odd).sum())
            problems.append(
                Problem(
                    "not_a_choice",
                    count_of(n, "entry", "entries")
                    + f" of {column!r} {'is' if n == 1 else 'are'} "
                    + ("no choice" if strange else "labels among codes")
                    + " of the data dictionary.",
                    tuple(map(repr, odd)),
                    "Choices are " + ", ".join(f"{c} = {k}" for c, k in known.items()) + ".",
                )
            )
            continue
        frame[column] = frame[column].where(frame[column].notna(), np.nan)
        labels[column] = dict(known)
    if problems:
        raise DataError(problems)
    return frame, labels
