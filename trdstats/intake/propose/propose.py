"""A mapping from names and values of columns: nothing is read yet, and nothing asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import count_of
from trdstats.intake.mapping.units import match_columns
from trdstats.intake.propose.names import ColumnName, columns_for, fold, read_name, says_later
from trdstats.intake.propose.proposal import Proposal, Question
from trdstats.intake.propose.scores import FoundScores, find_scores
from trdstats.intake.propose.times import Times, find_times
from trdstats.intake.propose.values import are_dates, as_numbers, is_constant, present

_REDCAP = ("redcap_event_name", "redcap_repeat_instrument", "Event Name", "Repeat Instrument")
_ADAM = ("USUBJID", "PARAMCD")
_MOST_ARMS = 12
_MOST_LEVELS = 12  # of a covariate in words: more are names or remarks
_PERSONAL = ("name", "vorname", "nachname", "surname", "firstname", "lastname", "initials",
             "geburtsdatum", "birthdate", "dateofbirth", "dob", "address", "mrn")  # fmt: skip


@dataclass
class _Draft:
    """What is known so far."""

    frame: pd.DataFrame
    fields: dict[str, Any] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    lacking: list[Question] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def lack(self, key: str, words: str) -> None:
        self.lacking.append(Question(key, words))

    def take(self, key: str, column: str, why: str) -> None:
        self.fields[key] = column
        self.assumed[key] = why
        self.used.add(column)


def propose_mapping(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Mapping[Any, Any]] | None = None,
    scale: str | None = None,
    event_table: str | None = None,
    dictionary: str | None = None,
) -> Proposal:
    """Propose a mapping from the names and values of the columns of an export.

    Parameters
    ----------
    frame : pandas.DataFrame
        The export as it was read, codes as codes.
    labels : mapping of column to {code: label}, optional
        Value labels that the file holds.
    scale : str, optional
        Instrument, for a column that is only called score.
    event_table, dictionary : str, optional
        Files of a REDCap project that were found beside its export.

    Returns
    -------
    Proposal
        The most cautious reading, what it rests on, and what is missing.

    Raises
    ------
    UnknownNameError
        When there is no such scale.

    Examples
    --------
    >>> export = pd.DataFrame({"id": [1, 2], "arm": ["TMS", "ECT"],
    ...                        "madrs_w0": [30, 32], "madrs_w4": [12, 20]})
    >>> dict(propose_mapping(export).fields)
    {'scale': 'MADRS', 'subject': 'id', 'treatment': 'arm', 'score': 'madrs_w{week}'}
    """
    frame = frame.rename(columns=str)
    if any(c in frame.columns for c in _ADAM):
        words = (
            "another way to read it: the columns are those of CDISC ADaM, which says itself what "
            "it holds. In Python use Study.from_adam(adsl, adqs, adtte)"
        )
        return Proposal({}, lacking=(Question("adam", words),))
    is_redcap = any(c in frame.columns for c in _REDCAP)
    draft = _Draft(frame)
    subject_codes = _subject(draft, is_redcap)
    if subject_codes is None:
        return Proposal({}, lacking=tuple(draft.lacking))
    code, n = subject_codes
    arms = _treatment(draft, code, n, dict(labels or {}), dictionary)
    numeric, names = _score_columns(draft, is_redcap)
    scores = find_scores(frame[numeric], names, scale)
    if scores.is_wide and len(frame) > n:
        draft.lack(
            "subject",
            f"one row a subject: the time stands in the names of columns, and {len(frame):,} rows "
            f"are of {n:,} subjects. Keep one row of each",
        )
    draft.used |= scores.used
    times = find_times(
        frame, code, n, scores, draft.used, is_redcap=is_redcap, event_table=event_table
    )
    _say_scores(draft, scores, scale)
    _say_times(draft, times)
    redcap = _redcap(draft, times, event_table, dictionary) if is_redcap else None
    _covariates(draft, code, n, arms, is_redcap)
    order = ("scale", "subject", "treatment", "labels", "score", "items", "day", "unit", "date",
             "start", "visit", "visit_days", "missing", "covariates")  # fmt: skip
    fields = {k: draft.fields[k] for k in order if k in draft.fields}
    assumed = {k: words for k, words in draft.assumed.items() if words}
    kept = scores.used | set(fields.get("covariates", ()))
    kept |= {str(frame.columns[0])} if is_redcap else set()
    kept |= {v for v in fields.values() if isinstance(v, str)}
    kept |= set(match_columns(fields.get("date", ""), frame.columns))
    unused = tuple(c for c in frame.columns if c not in kept and not c.startswith("redcap_"))
    return Proposal(fields, redcap, assumed, tuple(draft.questions), tuple(draft.lacking), unused)


def _subject(draft: _Draft, is_redcap: bool) -> tuple[IntArray, int] | None:
    frame = draft.frame
    if not len(frame) or not len(frame.columns):
        draft.lack("file", "rows: the table is empty")
        return None
    named = [str(frame.columns[0])] if is_redcap else columns_for("subject", frame.columns)
    whole = [c for c in named if present(frame[c]).all()]
    if not whole:
        words = (
            f"a subject in every row: column {named[0]!r} has empty cells"
            if named
            else "the column of the subject: none is called subject, patient or id. Rename it"
        )
        draft.lack("subject", words)
        return None
    chosen = whole[0]
    code, levels = pd.factorize(frame[chosen])
    if is_redcap:
        draft.used.add(chosen)
        draft.assumed["redcap"] = "columns of REDCap; the record is the subject"
    else:
        draft.take("subject", chosen, f"{len(levels):,} subjects in {len(frame):,} rows")
    if len(whole) > 1:
        draft.questions.append(
            Question("subject", f"{chosen!r} was taken as the subject, not {_either(whole[1:])}")
        )
        draft.used |= set(whole[1:])
    return code.astype(np.intp), len(levels)


def _treatment(
    draft: _Draft,
    code: IntArray,
    n: int,
    labels: dict[str, Mapping[Any, Any]],
    dictionary: str | None,
) -> str | None:
    """Find the treatment: a column of its name that says one thing of each subject."""
    frame = draft.frame
    named = columns_for("treatment", frame.columns)
    fit = [
        c
        for c in named
        if is_constant(frame[c], code, n)
        and frame.loc[present(frame[c]), c].nunique() <= _MOST_ARMS
    ]
    if not fit:
        why = (
            f"column {named[0]!r} changes within subjects, is empty, or has more than "
            f"{_MOST_ARMS} entries"
            if named
            else "no column is called treatment, arm, group or therapy. Rename it"
        )
        draft.lack("treatment", f"the column of the treatment: {why}")
        return None
    chosen = fit[0]
    levels = [str(v) for v in pd.unique(frame.loc[present(frame[chosen]), chosen])]
    draft.take("treatment", chosen, ", ".join(sorted(levels)))
    if len(fit) > 1:
        draft.questions.append(
            Question("treatment", f"{chosen!r} was taken as the treatment, not {_either(fit[1:])}")
        )
        draft.used |= set(fit[1:])
    if chosen in labels:
        draft.assumed["treatment"] = ", ".join(map(str, labels[chosen].values()))
    if as_numbers(frame[chosen]) is not None and chosen not in labels and dictionary is None:
        draft.fields["labels"] = {chosen: {v: f"{chosen} {v}" for v in sorted(levels)}}
        draft.questions.append(
            Question(
                "labels",
                f"treatments are codes ({', '.join(sorted(levels))}): write what each is called",
            )
        )
    return chosen


def _score_columns(draft: _Draft, is_redcap: bool) -> tuple[list[str], list[ColumnName]]:
    """Return the columns of numbers that have no role yet, and the parts of their names."""
    frame = draft.frame
    names = {c: read_name(c) for c in frame.columns if c not in draft.used}
    if is_redcap:  # the status of a form, "madrs_complete", is no score
        names = {c: name for c, name in names.items() if not c.endswith("_complete")}
    kept = {c: n for c, n in names.items() if not n.is_date and as_numbers(frame[c]) is not None}
    return list(kept), list(kept.values())


def _say_scores(draft: _Draft, scores: FoundScores, given: str | None) -> None:
    draft.lacking += scores.lacking
    draft.questions += scores.questions
    if not scores.scales:
        return
    one = len(scores.scales) == 1
    draft.fields["scale"] = scores.scales[0] if one else list(scores.scales)
    draft.assumed["scale"] = "named by its columns" if given is None else "as named"
    if not one:
        draft.questions.append(
            Question("scale", f"{scores.scales[0]} stands first and is the primary scale")
        )
    for key, columns in (("score", scores.score), ("items", scores.items)):
        if columns:
            draft.fields[key] = next(iter(columns.values())) if one else dict(columns)
            if key == "items":
                draft.assumed[key] = "totals are scored from the items by the rule in use"
            else:
                draft.assumed[key] = "columns of the time in their names" if scores.is_wide else ""
    if scores.missing:
        codes = [int(c) for c in scores.missing]
        draft.fields["missing"] = codes
        draft.assumed["missing"] = "outside the range of the scale"
        shown = ", ".join(map(str, codes))
        draft.questions.append(Question("missing", f"{shown} among the scores was read as missing"))


def _say_times(draft: _Draft, times: Times) -> None:
    draft.fields |= times.fields
    draft.assumed |= times.assumed
    draft.questions += times.questions
    draft.lacking += times.lacking
    draft.used |= times.used


def _redcap(
    draft: _Draft, times: Times, event_table: str | None, dictionary: str | None
) -> dict[str, Any]:
    layout: dict[str, Any] = {}
    if times.by_event:
        layout |= {"event_table": event_table} if event_table else {"days_in_names": True}
    if dictionary is not None:
        layout["dictionary"] = dictionary
        draft.assumed["redcap"] += f"; codes are called as {dictionary} says"
    return layout


def _covariates(draft: _Draft, code: IntArray, n: int, arms: str | None, is_redcap: bool) -> None:
    """Take what describes subjects: the same within each, no date, no free text, no name."""
    frame, kept, left, later = draft.frame, [], [], []
    for column in frame.columns:
        if column in draft.used or column.startswith("redcap_"):
            continue
        if is_redcap and (column.endswith("_complete") or arms is None):
            continue
        filled = present(frame[column])
        if is_redcap and (filled & ~present(frame[str(arms)])).any():
            continue  # of a visit or another form, not entered where the treatment is
        if not is_constant(frame[column], code, n):
            continue
        if says_later(column):
            later.append(column)
            continue
        numeric = as_numbers(frame[column]) is not None
        many = not numeric and frame.loc[filled, column].nunique() > _MOST_LEVELS
        if many or fold(column) in _PERSONAL or are_dates(frame[column], named=False):
            left.append(column)
        else:
            kept.append(column)
    draft.fields["covariates"] = kept
    draft.assumed["covariates"] = f"{count_of(len(kept), 'column', 'columns')} the same all along"
    if not kept:
        del draft.fields["covariates"], draft.assumed["covariates"]
    if later:
        shown = ", ".join(map(repr, later))
        draft.questions.append(
            Question("covariates", f"{shown} left out: known only after treatment began, by name")
        )
    if left:
        shown = ", ".join(map(repr, left))
        draft.questions.append(
            Question("covariates", f"{shown} left out: dates, names, or words with many levels")
        )


def _either(columns: list[str]) -> str:
    return " or ".join(map(repr, columns))
