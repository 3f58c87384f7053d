"""What an export seems to hold: a mapping, and what of it was assumed, open or missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """What an export does not decide.

    Attributes
    ----------
    key : str
        Field of the mapping in which it is answered.
    words : str
        What was taken, what else it could be, and when to change it.
    """

    key: str
    words: str


@dataclass(frozen=True)
class Proposal:
    """A mapping read from names and values of columns.

    Attributes
    ----------
    fields : mapping of str to object
        Fields of `ExportMapping`, in the order in which a reader looks for them.
    redcap : mapping of str to object, or None
        Fields of `RedcapLayout`; None where the export is not of REDCap.
    assumed : mapping of str to str
        By field: from what it was read.
    questions : tuple of Question
        What could be otherwise; the most cautious reading was taken.
    lacking : tuple of Question
        What has to be known before anything can be read; empty where the mapping is complete.
    unused : tuple of str
        Columns that are neither scores, times nor covariates.
    """

    fields: Mapping[str, Any]
    redcap: Mapping[str, Any] | None = None
    assumed: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    lacking: tuple[Question, ...] = ()
    unused: tuple[str, ...] = ()
